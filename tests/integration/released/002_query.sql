-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 2: what lists need to select, sort and count customers. Rewrites the table once.

-- What a date-time denotes, in seconds since 1970, exact to the last digit; NULL for any other text.
-- Reads what model/datetime.c reads (RFC 3339 with optional seconds), and a date alone as its midnight
-- UTC. PostgreSQL's own input would stop at microseconds and raise errors.
CREATE FUNCTION tmf_customer.instant(written text) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$
DECLARE
    day     date;
    since   bigint;
    zone    integer;
    seconds text; -- with their fraction, up to 1000 digits; '' when there are none
BEGIN
    IF written !~ ('^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?:[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]'
                   '(?::(?:[0-5][0-9]|60)(?:\.[0-9]+)?)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]))?$')
       OR left(written, 4) = '0000' THEN
        RETURN NULL;
    END IF;
    day := make_date(left(written, 4)::int, substr(written, 6, 2)::int, 1) + (substr(written, 9, 2)::int - 1);
    IF extract(month FROM day) <> substr(written, 6, 2)::int THEN
        RETURN NULL; -- the 31st of June
    END IF;
    since := (day - date '1970-01-01') * 86400::bigint;
    IF length(written) = 10 THEN
        RETURN since;
    END IF;
    since := since + substr(written, 12, 2)::int * 3600 + substr(written, 15, 2)::int * 60;
    IF right(written, 1) IN ('Z', 'z') THEN
        seconds := ltrim(substr(written, 17, length(written) - 17), ':');
    ELSE
        seconds := ltrim(substr(written, 17, length(written) - 22), ':');
        zone := left(right(written, 5), 2)::int * 3600 + right(written, 2)::int * 60;
        since := since - CASE left(right(written, 6), 1) WHEN '-' THEN -zone ELSE zone END;
    END IF;
    RETURN CASE WHEN seconds = '' THEN since WHEN length(seconds) <= 1003 THEN since + seconds::numeric END;
END
$$;

-- A JSON value against the operand of a filter: <0, 0, >0, or NULL when the two cannot be compared.
-- The value's type decides: numbers against the operand read as a number, date-times against it read as
-- an instant (both NULL when it is none), other strings by code point.
CREATE FUNCTION tmf_customer.compare(value jsonb, operand text, number numeric, instant numeric)
    RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
    SELECT CASE jsonb_typeof(value)
        WHEN 'number' THEN numeric_cmp(value::numeric, number)
        WHEN 'string' THEN coalesce(
            CASE WHEN instant IS NOT NULL THEN numeric_cmp(tmf_customer.instant(value #>> '{}'), instant) END,
            bttextcmp((value #>> '{}') COLLATE "C", operand))
        END
$$;

-- Where a JSON value stands in a sorted list: numbers, date-times, other strings, booleans, the rest;
-- all NULL when it is missing or null.
CREATE TYPE tmf_customer.sort_key AS (rank integer, number numeric, written text COLLATE "C");
CREATE FUNCTION tmf_customer.sort_key(value jsonb) RETURNS tmf_customer.sort_key
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
$$
DECLARE
    instant numeric;
BEGIN
    CASE jsonb_typeof(value)
    WHEN 'number' THEN
        RETURN (1, value::numeric, NULL::text);
    WHEN 'string' THEN
        instant := tmf_customer.instant(value #>> '{}');
        IF instant IS NULL THEN
            RETURN (3, NULL::numeric, value #>> '{}');
        END IF;
        RETURN (2, instant, NULL::text);
    WHEN 'boolean' THEN
        RETURN (4, value::boolean::integer::numeric, NULL::text);
    WHEN 'array', 'object' THEN
        RETURN (5, NULL::numeric, NULL::text);
    ELSE
        RETURN NULL;
    END CASE;
END
$$;

-- RFC 3986 §2.3, as api/representation.c writes an id into an href.
CREATE FUNCTION tmf_customer.encode_segment(segment text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$
BEGIN
    IF segment COLLATE "C" ~ '^[0-9A-Za-z._~-]*$' THEN
        RETURN segment;
    END IF;
    RETURN (
        SELECT string_agg(CASE
            WHEN byte < 128 AND chr(byte) COLLATE "C" ~ '[0-9A-Za-z._~-]' THEN chr(byte)
            ELSE '%' || upper(lpad(to_hex(byte), 2, '0')) END, '' ORDER BY position)
        FROM generate_series(0, octet_length(segment) - 1) AS position,
             get_byte(convert_to(segment, 'UTF8'), position) AS byte);
END
$$;

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
-- triggers, so it is right for whatever writes to the table, and is undone with it.
-- Order of locks within a statement: by (of_all, status); a slot never holds two sessions' order back.
CREATE TABLE tmf_customer.customer_count (
    of_all boolean NOT NULL, -- all customers; their status is ''. Those without a status count here alone
    status text COLLATE "C" NOT NULL,
    slot   integer NOT NULL,
    count  bigint NOT NULL,  -- of one slot alone: may be negative
    PRIMARY KEY (of_all, status, slot)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- What the module reads. Where the counters are left out (a sharded table), this view counts instead:
--   SELECT true AS of_all, '' AS status, 1 AS count FROM tmf_customer.customer
--   UNION ALL SELECT false, status, 1 FROM tmf_customer.customer
CREATE VIEW tmf_customer.customer_total AS
    SELECT of_all, status, count FROM tmf_customer.customer_count;

CREATE FUNCTION tmf_customer.count_customers() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
    own_slot CONSTANT integer := pg_backend_pid() % 32;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tmf_customer.customer_count AS counted
        SELECT grouping(status) = 1, coalesce(status, ''), own_slot, count(*)
          FROM added GROUP BY GROUPING SETS ((), (status))
        HAVING count(*) > 0 AND (grouping(status) = 1 OR status IS NOT NULL) ORDER BY 1, 2
        ON CONFLICT (of_all, status, slot) DO UPDATE SET count = counted.count + excluded.count;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO tmf_customer.customer_count AS counted
        SELECT grouping(status) = 1, coalesce(status, ''), own_slot, -count(*)
          FROM removed GROUP BY GROUPING SETS ((), (status))
        HAVING count(*) > 0 AND (grouping(status) = 1 OR status IS NOT NULL) ORDER BY 1, 2
        ON CONFLICT (of_all, status, slot) DO UPDATE SET count = counted.count + excluded.count;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO tmf_customer.customer_count AS counted
        SELECT false, status, own_slot, sum(change)
          FROM (SELECT status, 1 AS change FROM added UNION ALL SELECT status, -1 FROM removed) AS changed
         WHERE status IS NOT NULL GROUP BY status HAVING sum(change) <> 0 ORDER BY status
        ON CONFLICT (of_all, status, slot) DO UPDATE SET count = counted.count + excluded.count;
    ELSE
        DELETE FROM tmf_customer.customer_count;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER customer_count_insert AFTER INSERT ON tmf_customer.customer
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tmf_customer.count_customers();
CREATE TRIGGER customer_count_update AFTER UPDATE ON tmf_customer.customer
    REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION tmf_customer.count_customers();
CREATE TRIGGER customer_count_delete AFTER DELETE ON tmf_customer.customer
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION tmf_customer.count_customers();
CREATE TRIGGER customer_count_truncate AFTER TRUNCATE ON tmf_customer.customer
    FOR EACH STATEMENT EXECUTE FUNCTION tmf_customer.count_customers();

-- For the operator, after the table was written past its triggers (session_replication_role, DISABLE
-- TRIGGER, logical replication): counts anew, repairs, and returns what was wrong; a row without a status
-- is about all customers. Writers wait.
CREATE FUNCTION tmf_customer.recount() RETURNS TABLE (status text, recorded bigint, found bigint)
    LANGUAGE plpgsql AS
$$
BEGIN
    LOCK TABLE tmf_customer.customer IN SHARE ROW EXCLUSIVE MODE;
    RETURN QUERY
        SELECT CASE WHEN NOT of_all THEN one.status END, sum(one.recorded)::bigint, sum(one.found)::bigint
          FROM (SELECT k.of_all, k.status, k.count AS recorded, 0 AS found FROM tmf_customer.customer_count AS k
                UNION ALL SELECT true, '', 0, 1 FROM tmf_customer.customer
                UNION ALL SELECT false, c.status, 0, 1 FROM tmf_customer.customer AS c
                           WHERE c.status IS NOT NULL) AS one
         GROUP BY of_all, one.status HAVING sum(one.recorded) <> sum(one.found);
    DELETE FROM tmf_customer.customer_count;
    INSERT INTO tmf_customer.customer_count
    SELECT grouping(c.status) = 1, coalesce(c.status, ''), 0, count(*)
      FROM tmf_customer.customer AS c GROUP BY GROUPING SETS ((), (c.status))
    HAVING count(*) > 0 AND (grouping(c.status) = 1 OR c.status IS NOT NULL);
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.recount() FROM PUBLIC;

DO $$ BEGIN PERFORM tmf_customer.recount(); END $$;
INSERT INTO tmf_customer.schema_version (version) VALUES (2);
