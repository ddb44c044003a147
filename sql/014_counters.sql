-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 14: an update that leaves the status as it is counts nothing. The trigger of updates compared all documents of before and
-- after, which it was given a copy of; that was a tenth of what a PATCH costs the database, and a quarter of one that is alone.

-- What an UPDATE has done to the statuses, row by row, until its end, when the counters take it: no row outlives its statement,
-- so nothing is lost with it in a crash, and nothing has to be replicated.
CREATE UNLOGGED TABLE tmf_customer.customer_count_change (
    customer_id text COLLATE "C" NOT NULL,
    status      text COLLATE "C" NOT NULL,
    change      integer NOT NULL, -- 1 or -1
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id()
);
-- By it a statement finds its own rows, or that there are none, past those that others have left to be vacuumed.
CREATE INDEX customer_count_change_transaction ON tmf_customer.customer_count_change (transaction);

-- functions/counters.sql makes these anew; not where an operator has left the counters out.
SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'tmf_customer.customer'::regclass AND tgname = 'customer_count_update') AS counts \gset
\if :counts
  DROP TRIGGER customer_count_insert ON tmf_customer.customer;
  DROP TRIGGER customer_count_update ON tmf_customer.customer;
  DROP TRIGGER customer_count_delete ON tmf_customer.customer;
  DROP TRIGGER customer_count_truncate ON tmf_customer.customer;
  DROP VIEW tmf_customer.customer_total;
\endif

INSERT INTO tmf_customer.schema_version (version) VALUES (14);
