-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 2: what lists need to select, sort and count customers. Rewrites the table once.

-- Where a JSON value stands in a sorted list: numbers, date-times, other strings, booleans, the rest;
-- all NULL when it is missing or null.
CREATE TYPE tmf_customer.sort_key AS (rank integer, number numeric, written text COLLATE "C");

-- Documents up to 4 kB are kept uncompressed: replies and filters read them a tenth faster, for twice the
-- room. RESET (toast_tuple_target) takes that back for what is written from then on.
ALTER TABLE tmf_customer.customer SET (toast_tuple_target = 4080);

-- The first 500 characters only, because an index entry cannot pass a third of a page; who compares with
-- a longer text asks the document.
ALTER TABLE tmf_customer.customer
    ADD COLUMN name   text COLLATE "C" GENERATED ALWAYS AS (left(doc ->> 'name', 500)) STORED,
    ADD COLUMN status text COLLATE "C" GENERATED ALWAYS AS (left(doc ->> 'status', 500)) STORED;

CREATE INDEX customer_name_id ON tmf_customer.customer (name, id);
CREATE INDEX customer_status_seq_id ON tmf_customer.customer (status, seq, id);
-- Equality on any attribute at any depth. What was written last waits in a list that every reader walks:
-- the limit (kB) keeps that short.
CREATE INDEX customer_doc ON tmf_customer.customer
    USING gin (doc jsonb_path_ops) WITH (gin_pending_list_limit = 512);

-- How many customers there are, in all and by status, without counting them. Each count is spread over
-- slots, a session always writes the same one: writers rarely wait for each other's commit. Kept by
-- triggers (functions/counters.sql), so it is right for whatever writes to the table, and is undone with it.
-- Order of locks within a statement: by (of_all, status); a slot never holds two sessions' order back.
CREATE TABLE tmf_customer.customer_count (
    of_all boolean NOT NULL, -- all customers; their status is ''. Those without a status count here alone
    status text COLLATE "C" NOT NULL,
    slot   integer NOT NULL,
    count  bigint NOT NULL,  -- of one slot alone: may be negative
    PRIMARY KEY (of_all, status, slot)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

INSERT INTO tmf_customer.customer_count
SELECT grouping(status) = 1, coalesce(status, ''), 0, count(*)
  FROM tmf_customer.customer GROUP BY GROUPING SETS ((), (status))
HAVING count(*) > 0 AND (grouping(status) = 1 OR status IS NOT NULL);

INSERT INTO tmf_customer.schema_version (version) VALUES (2);
