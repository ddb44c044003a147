-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 13: the schema says which modules it serves.

-- NULL: as before this upgrade.
ALTER TABLE tmf_customer.schema_version ADD COLUMN serves_from integer;
COMMENT ON COLUMN tmf_customer.schema_version.serves_from IS
    'The oldest modules that the schema serves from this upgrade on, by the version of the schema that they were written for.';

INSERT INTO tmf_customer.schema_version (version, serves_from) VALUES (13, 13);
-- SPDX-License-Identifier: Apache-2.0
-- What lists select and sort by.

-- What a date-time denotes, in seconds since 1970, exact to the last digit; NULL for any other text.
-- Reads what model/datetime.c reads (RFC 3339 with optional seconds), and a date alone as its midnight
-- UTC. PostgreSQL's own input would stop at microseconds and raise errors.
CREATE OR REPLACE FUNCTION tmf_customer.instant(written text) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$
DECLARE
    day     date;
    since   bigint;
    zone    integer;
    ends    bigint; -- of second 60
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
    IF seconds LIKE '60%' THEN -- 23:59:60 UTC on the last day of a month
        ends := since + 60;
        IF ends % 86400 <> 0 OR extract(day FROM date '1970-01-01' + (ends / 86400)::int) <> 1 THEN
            RETURN NULL;
        END IF;
    END IF;
    RETURN CASE WHEN seconds = '' THEN since WHEN length(seconds) <= 1003 THEN since + seconds::numeric END;
END
$$;

-- A JSON value against the operand of a filter: <0, 0, >0, or NULL when the two cannot be compared.
-- The value's type decides: numbers against the operand read as a number, date-times against it read as
-- an instant (both NULL when it is none), other strings by code point.
CREATE OR REPLACE FUNCTION tmf_customer.compare(value jsonb, operand text, number numeric, instant numeric)
    RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
    SELECT CASE jsonb_typeof(value)
        WHEN 'number' THEN numeric_cmp(value::numeric, number)
        WHEN 'string' THEN coalesce(
            CASE WHEN instant IS NOT NULL THEN numeric_cmp(tmf_customer.instant(value #>> '{}'), instant) END,
            bttextcmp((value #>> '{}') COLLATE "C", operand))
        END
$$;

-- Where a JSON value stands in a sorted list; the type says by what.
CREATE OR REPLACE FUNCTION tmf_customer.sort_key(value jsonb) RETURNS tmf_customer.sort_key
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
CREATE OR REPLACE FUNCTION tmf_customer.encode_segment(segment text) RETURNS text
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
-- SPDX-License-Identifier: Apache-2.0
-- How many customers there are, and how many of each status; the table says how that is counted.

-- Removes the counters of those of these statuses that no customer has. A row whose sum with others is 0 can go
-- with them, whatever others there are: the total stays the same. What another transaction is at is left alone, so
-- nobody waits here.
CREATE OR REPLACE FUNCTION tmf_customer.drop_counters(statuses text[]) RETURNS void
    LANGUAGE plpgsql AS
$$
DECLARE
    unused text;
BEGIN
    FOR unused IN
        SELECT k.status FROM tmf_customer.customer_count AS k
         WHERE NOT k.of_all AND k.status = ANY (statuses) GROUP BY k.status HAVING sum(k.count) = 0
    LOOP
        WITH locked AS MATERIALIZED (
            SELECT k.slot, k.count FROM tmf_customer.customer_count AS k
             WHERE NOT k.of_all AND k.status = unused FOR UPDATE SKIP LOCKED)
        DELETE FROM tmf_customer.customer_count AS k USING locked
         WHERE NOT k.of_all AND k.status = unused AND k.slot = locked.slot
           AND (SELECT sum(l.count) FROM locked AS l) = 0;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.drop_counters(text[]) FROM PUBLIC;

-- Counts what each statement does to the customers. Statuses that customers have left lose their counters. When two
-- transactions take the last customers of a status away at the same moment, neither sees that: so whoever changes or
-- deletes customers and has to add a counter for that looks at some others, anywhere in the table, which keeps it from
-- growing.
CREATE OR REPLACE FUNCTION tmf_customer.count_customers() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
    own_slot CONSTANT integer := pg_backend_pid() % 32;
    is_new boolean; -- a row was added
    statuses text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tmf_customer.customer_count AS counted
        SELECT grouping(status) = 1, coalesce(status, ''), own_slot, count(*)
          FROM added GROUP BY GROUPING SETS ((), (status))
        HAVING count(*) > 0 AND (grouping(status) = 1 OR status IS NOT NULL) ORDER BY 1, 2
        ON CONFLICT (of_all, status, slot) DO UPDATE SET count = counted.count + excluded.count;
    ELSIF TG_OP = 'DELETE' THEN
        WITH counted AS (
            INSERT INTO tmf_customer.customer_count AS counted
            SELECT grouping(status) = 1, coalesce(status, ''), own_slot, -count(*)
              FROM removed GROUP BY GROUPING SETS ((), (status))
            HAVING count(*) > 0 AND (grouping(status) = 1 OR status IS NOT NULL) ORDER BY 1, 2
            ON CONFLICT (of_all, status, slot) DO UPDATE SET count = counted.count + excluded.count
            RETURNING of_all, status, xmax = 0 AS is_new)
        SELECT bool_or(counted.is_new), array_agg(counted.status) INTO is_new, statuses
          FROM counted WHERE NOT counted.of_all;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH counted AS (
            INSERT INTO tmf_customer.customer_count AS counted
            SELECT false, status, own_slot, sum(change)
              FROM (SELECT status, 1 AS change FROM added UNION ALL SELECT status, -1 FROM removed) AS changed
             WHERE status IS NOT NULL GROUP BY status HAVING sum(change) <> 0 ORDER BY status
            ON CONFLICT (of_all, status, slot) DO UPDATE SET count = counted.count + excluded.count
            RETURNING status, xmax = 0 AS is_new)
        SELECT bool_or(counted.is_new), array_agg(counted.status) INTO is_new, statuses FROM counted;
    ELSE
        DELETE FROM tmf_customer.customer_count;
        RETURN NULL;
    END IF;
    IF is_new THEN
        statuses := statuses || ARRAY(
            SELECT status
              FROM (SELECT DISTINCT status FROM tmf_customer.customer_count TABLESAMPLE SYSTEM (
                           least(100, 819200.0 / greatest(pg_relation_size('tmf_customer.customer_count'), 8192)))
                     WHERE NOT of_all) AS sample
             ORDER BY random() LIMIT 8);
    END IF;
    IF cardinality(statuses) > 0 THEN
        PERFORM tmf_customer.drop_counters(statuses);
    END IF;
    RETURN NULL;
END
$$;

-- Triggers, and the view that the module reads. Where the counters are left out (a sharded table), there are no triggers,
-- and the view counts instead:
--   SELECT true AS of_all, '' AS status, 1 AS count FROM tmf_customer.customer
--   UNION ALL SELECT false, status, 1 FROM tmf_customer.customer
-- That is left so; nor is a table locked for what is there. An upgrade that changes one of them drops all.
SELECT to_regclass('tmf_customer.customer_total') IS NULL AS counters_are_new \gset
\if :counters_are_new
  CREATE VIEW tmf_customer.customer_total AS
      SELECT of_all, status, count FROM tmf_customer.customer_count;
  CREATE TRIGGER customer_count_insert AFTER INSERT ON tmf_customer.customer
      REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tmf_customer.count_customers();
  CREATE TRIGGER customer_count_update AFTER UPDATE ON tmf_customer.customer
      REFERENCING NEW TABLE AS added OLD TABLE AS removed
      FOR EACH STATEMENT EXECUTE FUNCTION tmf_customer.count_customers();
  CREATE TRIGGER customer_count_delete AFTER DELETE ON tmf_customer.customer
      REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION tmf_customer.count_customers();
  CREATE TRIGGER customer_count_truncate AFTER TRUNCATE ON tmf_customer.customer
      FOR EACH STATEMENT EXECUTE FUNCTION tmf_customer.count_customers();
\endif

-- For the operator, after the table was written past its triggers (session_replication_role, DISABLE
-- TRIGGER, logical replication): counts anew, repairs, and returns what was wrong; a row without a status
-- is about all customers. Writers wait.
CREATE OR REPLACE FUNCTION tmf_customer.recount() RETURNS TABLE (status text, recorded bigint, found bigint)
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
-- SPDX-License-Identifier: Apache-2.0
-- The keys of creates.

-- Claims a key until the end of the transaction: what was created under it; all NULL when nothing was and
-- the caller may create; or is_busy, when another transaction is about to. Never waits for that one.
--
-- Volatile plpgsql, because each of its statements then has a snapshot of its own: what is read behind the
-- lock includes what its holder before us committed, which the snapshot of the calling statement need
-- not. The caller holds no row locks yet, so waiting for a DELETE of the same row closes no circle.
CREATE OR REPLACE FUNCTION tmf_customer.claim_key(claimed bytea, OUT is_busy boolean, OUT customer_id text,
                                       OUT revision bigint, OUT doc jsonb)
    LANGUAGE plpgsql AS
$$
BEGIN
    SELECT kept.customer_id, kept.revision, kept.doc INTO customer_id, revision, doc
      FROM tmf_customer.idempotency AS kept WHERE kept.key = claimed AND kept.kept_until > now();
    -- Two keys that share the 64 bits of the lock only keep each other busy.
    is_busy := NOT FOUND AND NOT pg_try_advisory_xact_lock(
        ('x' || encode(substr(claimed, 1, 8), 'hex'))::bit(64)::bigint);
    IF customer_id IS NULL AND NOT is_busy THEN
        DELETE FROM tmf_customer.idempotency AS kept WHERE kept.key = claimed AND kept.kept_until <= now();
        SELECT kept.customer_id, kept.revision, kept.doc INTO customer_id, revision, doc
          FROM tmf_customer.idempotency AS kept WHERE kept.key = claimed;
    END IF;
END
$$;
-- SPDX-License-Identifier: Apache-2.0
-- Who changed what.

-- Removes rows older than `kept` (NULL = none), the oldest `most` (128, if it says more or NULL) of them that nobody
-- else is removing; returns how many. Whoever changes a customer removes two, so the table cannot grow beyond what is to
-- be kept.
CREATE OR REPLACE FUNCTION tmf_customer.expire_history(kept interval, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_sort = off AS -- see notifier.sql
$$
DECLARE
    old record;
    removed bigint := 0;
BEGIN
    FOR old IN
        SELECT h.customer_id, h.id FROM tmf_customer.history AS h WHERE h.at < now() - expire_history.kept
         ORDER BY h.at LIMIT least(expire_history.most, 128) FOR UPDATE SKIP LOCKED
    LOOP
        DELETE FROM tmf_customer.history AS h WHERE h.customer_id = old.customer_id AND h.id = old.id;
        removed := removed + 1;
    END LOOP;
    RETURN removed;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.expire_history(interval, bigint) FROM PUBLIC;
-- SPDX-License-Identifier: Apache-2.0
-- For the notifier (src/notify).
--
-- How many rows a listener has pending changes from none to millions in minutes, statistics know nothing of it, and a session
-- keeps its plans until somebody has looked at the table: a plan that was made while it was empty must serve when it is
-- full. So everything here is a look-up by a key, or the first rows in the order of an index, row by row or LATERAL: no join
-- could read a table. Two settings leave the planner no other way to look up: without the first it reads an empty table as
-- it stands, without the second it sorts all that is pending (tests/integration/test_outbox.py tells).
--
-- What is recorded (deliver, forget, refuse) does not wait until it is on the disk, nor does the notifier's next
-- event: when PostgreSQL crashes, what it lost of that is delivered again, as after any crash.

-- Takes and renews leases: see tmf_outbox_claim in src/store/outbox.h.
CREATE OR REPLACE FUNCTION tmf_customer.claim(owner text, duration interval)
    RETURNS TABLE (id text, callback text, query text, failures integer)
    LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_sort = off AS
$$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    UPDATE tmf_customer.hub SET leased_by = claim.owner, leased_until = now() + claim.duration
     WHERE hub.state = 'active' AND (paused_until IS NULL OR paused_until <= now())
       AND (leased_by IS NULL OR leased_until < now()
            OR (leased_by = claim.owner AND leased_until < now() + claim.duration / 2))
       -- No EXISTS: as a join it could read all that is pending.
       AND (SELECT true FROM tmf_customer.delivery WHERE delivery.hub_id = hub.id AND delivery.state = 'pending'
             ORDER BY delivery.hub_id, delivery.event_id LIMIT 1)
    RETURNING hub.id, hub.callback, hub.query, hub.failures;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.claim(text, interval) FROM PUBLIC;

-- What is due for leased listeners, the oldest 128 of each that is `wanted`, without the events in its slice
-- of `held` and the customers in that of `withheld`. A listener that is still `owner`'s has a row in any case.
-- Each event's customer comes once, whoever is to be told of it, and as many as `budget` bytes of what is stored hold,
-- the oldest first, but at least one; the event_id of an event that is gone is NULL.
-- To plan this takes longer than to run it, and by its own estimates PostgreSQL would plan it anew each time: hence the third
-- setting.
CREATE OR REPLACE FUNCTION tmf_customer.due(owner text, hub_ids text[], wanted boolean[], first_held integer[],
        last_held integer[], first_withheld integer[], last_withheld integer[], held bigint[], withheld text[],
        budget bigint)
    RETURNS TABLE (place bigint, id bigint, customer_id text, attempts integer, next_attempt_at timestamptz,
                   event_id uuid, at timestamptz, type text, href text, changed text, correlation_id text,
                   customer jsonb, traceparent text, tracestate text)
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_sort = off AS
$$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT place, id, customer_id, attempts, next_attempt_at,
           first_value(event_id) OVER (PARTITION BY id ORDER BY place), at, type, href, changed, correlation_id,
           CASE WHEN coalesce(sum(pg_column_size(customer)) OVER (
                         ORDER BY id, place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) < due.budget
                THEN customer END, traceparent, tracestate
      FROM (SELECT told.place, told.id, told.customer_id, told.attempts, told.next_attempt_at, event.event_id,
                   event.at, event.type, event.href, event.changed, event.correlation_id, event.customer,
                   event.traceparent, event.tracestate
              FROM (SELECT want.place, d.event_id AS id, d.customer_id, d.attempts, d.next_attempt_at,
                           row_number() OVER (PARTITION BY d.event_id ORDER BY want.place) = 1 AS is_first
                      FROM (SELECT given.place, given.hub_id, given.wanted,
                                   due.held[given.first_held : given.last_held] AS held,
                                   due.withheld[given.first_withheld : given.last_withheld] AS withheld
                              FROM unnest(due.hub_ids, due.wanted, due.first_held, due.last_held, due.first_withheld,
                                          due.last_withheld) WITH ORDINALITY
                                   AS given (hub_id, wanted, first_held, last_held, first_withheld, last_withheld, place)
                            OFFSET 0) AS want -- so that the slices are cut once, not for each delivery
                      JOIN tmf_customer.hub ON hub.id = want.hub_id AND hub.leased_by = due.owner
                           AND hub.state = 'active'
                      LEFT JOIN LATERAL (
                            SELECT delivery.* FROM tmf_customer.delivery
                             WHERE want.wanted AND delivery.hub_id = want.hub_id AND delivery.state = 'pending'
                               AND delivery.event_id <> ALL (want.held) AND delivery.customer_id <> ALL (want.withheld)
                             ORDER BY delivery.hub_id, delivery.event_id LIMIT 128) AS d ON true) AS told
              LEFT JOIN LATERAL (
                    SELECT event.* FROM tmf_customer.event
                     WHERE told.is_first AND event.id = told.id AND event.customer_id = told.customer_id LIMIT 1) AS event ON true)
           AS told_of;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.due(text, text[], boolean[], integer[], integer[], integer[], integer[], bigint[], text[],
    bigint) FROM PUBLIC;

-- Deletes deliveries: hub_ids[i] has been told of events[i]. One by one, here and in refuse(): a join of the list with
-- the table, planned while little was pending, reads all of the table when much is.
CREATE OR REPLACE FUNCTION tmf_customer.deliver(hub_ids text[], events bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan = off AS
$$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    FOR i IN 1 .. cardinality(deliver.events) LOOP
        DELETE FROM tmf_customer.delivery
         WHERE delivery.event_id = deliver.events[i] AND delivery.hub_id = deliver.hub_ids[i];
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.deliver(text[], bigint[]) FROM PUBLIC;

-- Records refusals; pauses[i] is NULL when there is no further attempt. Only then does changed_at change: it is in an
-- index, and to write a new version of a row to all of them takes twice as long. So it is when a delivery became
-- pending, or dead.
CREATE OR REPLACE FUNCTION tmf_customer.refuse(hub_ids text[], events bigint[], attempts integer[], pauses interval[],
        errors text[]) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan = off AS
$$
#variable_conflict use_column
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    FOR i IN 1 .. cardinality(refuse.events) LOOP
        IF refuse.pauses[i] IS NULL THEN
            UPDATE tmf_customer.delivery
               SET attempts = refuse.attempts[i], next_attempt_at = NULL, error = refuse.errors[i],
                   changed_at = now(), state = 'dead'
             WHERE delivery.event_id = refuse.events[i] AND delivery.hub_id = refuse.hub_ids[i];
        ELSE
            UPDATE tmf_customer.delivery
               SET attempts = refuse.attempts[i], next_attempt_at = now() + refuse.pauses[i], error = refuse.errors[i]
             WHERE delivery.event_id = refuse.events[i] AND delivery.hub_id = refuse.hub_ids[i];
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.refuse(text[], bigint[], integer[], interval[], text[]) FROM PUBLIC;

-- Deletes those of these events that nobody is to be told of any more. The subquery cannot become a join, which
-- could read all of a large table.
CREATE OR REPLACE FUNCTION tmf_customer.forget(ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan = off AS
$$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    DELETE FROM tmf_customer.event
     WHERE id = ANY (forget.ids)
       AND (SELECT true FROM tmf_customer.delivery WHERE delivery.event_id = event.id LIMIT 1) IS NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.forget(bigint[]) FROM PUBLIC;

-- Deletes what nobody needs, a thousand rows of each kind at a time, because listeners wait meanwhile:
-- deliveries of deleted hubs, dead letters and those of disabled hubs older than `retention`, and events past
-- `from_id` without deliveries, which a crash has left. `next_id`: where to go on, 0 = from the start. `more`: a
-- thousand deliveries went. A statement that began before a hub was deleted may still write deliveries for it:
-- the longest TMFCustomerStatementTimeout is an hour.
CREATE OR REPLACE FUNCTION tmf_customer.sweep(retention interval, from_id bigint, OUT next_id bigint, OUT more boolean)
    LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_sort = off AS
$$
DECLARE
    old record;
    ids bigint[];
    pending integer := 0;
    dead integer := 0;
BEGIN
    FOR old IN
        SELECT due.event_id, hub.id AS hub_id
          FROM tmf_customer.hub CROSS JOIN LATERAL (
               SELECT d.event_id, d.changed_at FROM tmf_customer.delivery AS d
                WHERE d.hub_id = hub.id AND d.state = 'pending' ORDER BY d.hub_id, d.event_id LIMIT 1000) AS due
         WHERE hub.state IN ('gone', 'disabled') AND (hub.state = 'gone' OR due.changed_at < now() - retention)
         LIMIT 1000
    LOOP
        DELETE FROM tmf_customer.delivery AS d WHERE d.event_id = old.event_id AND d.hub_id = old.hub_id;
        pending := pending + 1;
    END LOOP;
    FOR old IN
        SELECT due.event_id, hub.id AS hub_id
          FROM tmf_customer.hub CROSS JOIN LATERAL (
               SELECT d.event_id FROM tmf_customer.delivery AS d
                WHERE d.hub_id = hub.id AND d.state = 'dead'
                  AND d.changed_at < CASE hub.state WHEN 'gone' THEN 'infinity' ELSE now() - retention END
                ORDER BY d.hub_id, d.changed_at LIMIT 1000) AS due
         LIMIT 1000
    LOOP
        DELETE FROM tmf_customer.delivery AS d WHERE d.event_id = old.event_id AND d.hub_id = old.hub_id;
        dead := dead + 1;
    END LOOP;
    DELETE FROM tmf_customer.hub
     WHERE state = 'gone' AND changed_at < now() - interval '1 hour'
       AND (SELECT true FROM tmf_customer.delivery AS d WHERE d.hub_id = hub.id AND d.state = 'pending'
             ORDER BY d.hub_id, d.event_id LIMIT 1) IS NULL
       AND (SELECT true FROM tmf_customer.delivery AS d WHERE d.hub_id = hub.id AND d.state = 'dead'
             ORDER BY d.hub_id, d.event_id LIMIT 1) IS NULL;
    ids := ARRAY(SELECT id FROM tmf_customer.event WHERE id > from_id ORDER BY id LIMIT 1000);
    PERFORM tmf_customer.forget(ids);
    next_id := CASE WHEN cardinality(ids) = 1000 THEN ids[1000] ELSE 0 END;
    more := pending = 1000 OR dead = 1000;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.sweep(interval, bigint) FROM PUBLIC;

-- Active listeners, but for those that others work, whose oldest pending event has been waiting for `at_least`: since when,
-- and how many are pending, counted up to 1,000.
CREATE OR REPLACE FUNCTION tmf_customer.backlogs(owner text, at_least interval)
    RETURNS TABLE (hub_id text, callback text, oldest timestamptz, pending bigint)
    LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET enable_sort = off AS
$$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT hub.id, hub.callback, first.changed_at, counted.pending
      FROM tmf_customer.hub
           CROSS JOIN LATERAL (
                SELECT d.changed_at FROM tmf_customer.delivery AS d
                 WHERE d.hub_id = hub.id AND d.state = 'pending' ORDER BY d.hub_id, d.event_id LIMIT 1) AS first
           CROSS JOIN LATERAL (
                SELECT count(*) AS pending
                  FROM (SELECT FROM tmf_customer.delivery AS d
                         WHERE d.hub_id = hub.id AND d.state = 'pending' ORDER BY d.hub_id, d.event_id LIMIT 1000) AS few) AS counted
     WHERE hub.state = 'active' AND first.changed_at <= now() - backlogs.at_least
       AND (hub.leased_by IS NULL OR hub.leased_by = backlogs.owner OR hub.leased_until < now());
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.backlogs(text, interval) FROM PUBLIC;
-- SPDX-License-Identifier: Apache-2.0
-- Single listeners, for operators: in SQL, or through Apache (src/status). Those that change something act as their owner:
-- whoever is granted one of them needs no right to a table.

-- A page of a listener's deliveries in the order of their events: behind the event `after`, or, `backward`, before it, then
-- the last of them first. `skip` of them are left out. With hub_id = … the primary key would have the order that is wanted,
-- too, and all events of other listeners in between.
CREATE OR REPLACE FUNCTION tmf_customer.page_of_deliveries(hub_id text, with_pending boolean, with_dead boolean, after bigint,
        backward boolean, most bigint, skip bigint)
    RETURNS TABLE (id bigint, event_id uuid, type text, at timestamptz, customer_id text, state text, attempts integer,
                   next_attempt_at timestamptz, error text, changed_at timestamptz)
    LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET enable_sort = off AS -- see notifier.sql
$$
#variable_conflict use_column
BEGIN
    IF page_of_deliveries.backward THEN
        RETURN QUERY
        SELECT d.event_id, e.event_id, e.type, e.at, d.customer_id, d.state, d.attempts, d.next_attempt_at, d.error, d.changed_at
          FROM ((SELECT p.* FROM tmf_customer.delivery AS p
                  WHERE page_of_deliveries.with_pending AND p.state = 'pending' AND p.hub_id >= page_of_deliveries.hub_id
                    AND (p.hub_id, p.event_id) < (page_of_deliveries.hub_id, page_of_deliveries.after)
                  ORDER BY p.hub_id DESC, p.event_id DESC LIMIT most)
                UNION ALL
                (SELECT p.* FROM tmf_customer.delivery AS p
                  WHERE page_of_deliveries.with_dead AND p.state = 'dead' AND p.hub_id >= page_of_deliveries.hub_id
                    AND (p.hub_id, p.event_id) < (page_of_deliveries.hub_id, page_of_deliveries.after)
                  ORDER BY p.hub_id DESC, p.event_id DESC LIMIT most)
                ORDER BY event_id DESC LIMIT most) AS d
               LEFT JOIN LATERAL (SELECT event.* FROM tmf_customer.event
                                   WHERE event.id = d.event_id AND event.customer_id = d.customer_id LIMIT 1) AS e ON true
         ORDER BY d.event_id DESC;
    ELSE
        RETURN QUERY
        SELECT d.event_id, e.event_id, e.type, e.at, d.customer_id, d.state, d.attempts, d.next_attempt_at, d.error, d.changed_at
          FROM ((SELECT p.* FROM tmf_customer.delivery AS p
                  WHERE page_of_deliveries.with_pending AND p.state = 'pending' AND p.hub_id <= page_of_deliveries.hub_id
                    AND (p.hub_id, p.event_id) > (page_of_deliveries.hub_id, page_of_deliveries.after)
                  ORDER BY p.hub_id, p.event_id LIMIT most + skip)
                UNION ALL
                (SELECT p.* FROM tmf_customer.delivery AS p
                  WHERE page_of_deliveries.with_dead AND p.state = 'dead' AND p.hub_id <= page_of_deliveries.hub_id
                    AND (p.hub_id, p.event_id) > (page_of_deliveries.hub_id, page_of_deliveries.after)
                  ORDER BY p.hub_id, p.event_id LIMIT most + skip)
                ORDER BY event_id LIMIT most OFFSET skip) AS d
               LEFT JOIN LATERAL (SELECT event.* FROM tmf_customer.event
                                   WHERE event.id = d.event_id AND event.customer_id = d.customer_id LIMIT 1) AS e ON true
         ORDER BY d.event_id;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.page_of_deliveries(text, boolean, boolean, bigint, boolean, bigint, bigint) FROM PUBLIC;

-- Lets a disabled or paused listener be tried again, from where it stopped; true when there is such a one.
CREATE OR REPLACE FUNCTION tmf_customer.enable(hub_id text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
    WITH enabled AS (
        UPDATE tmf_customer.hub
           SET state = 'active', changed_at = now(), failures = 0, ill_since = NULL, paused_until = NULL,
               error = NULL
         WHERE hub.id = enable.hub_id AND hub.state <> 'gone' RETURNING 1)
    SELECT count(*) > 0 FROM enabled
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.enable(text) FROM PUBLIC;

-- Sends a listener's dead letters again; returns how many.
CREATE OR REPLACE FUNCTION tmf_customer.replay(hub_id text) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
    WITH replayed AS (
        UPDATE tmf_customer.delivery AS d
           SET state = 'pending', attempts = 0, next_attempt_at = NULL, changed_at = now()
         WHERE d.hub_id = replay.hub_id AND d.state = 'dead' RETURNING 1)
    SELECT count(*) FROM replayed
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.replay(text) FROM PUBLIC;

-- Sends those of a listener's dead letters again whose events these are, or all of them (NULL); returns how many, NULL when
-- there is no such listener.
CREATE OR REPLACE FUNCTION tmf_customer.replay(hub_id text, event_ids uuid[]) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
    WITH replayed AS (
        UPDATE tmf_customer.delivery AS d
           SET state = 'pending', attempts = 0, next_attempt_at = NULL, changed_at = now()
         WHERE d.hub_id = replay.hub_id AND d.state = 'dead'
           AND (replay.event_ids IS NULL
                OR EXISTS (SELECT FROM tmf_customer.event AS e
                            WHERE e.id = d.event_id AND e.customer_id = d.customer_id AND e.event_id = ANY (replay.event_ids)))
        RETURNING 1)
    SELECT CASE WHEN EXISTS (SELECT FROM tmf_customer.hub WHERE hub.id = replay.hub_id AND hub.state <> 'gone')
           THEN (SELECT count(*) FROM replayed) END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.replay(text, uuid[]) FROM PUBLIC;

-- Gives up dead letters older than this, and what waits for listeners that have been disabled so long;
-- returns how many deliveries.
CREATE OR REPLACE FUNCTION tmf_customer.purge(older_than interval) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
    WITH purged AS (
        DELETE FROM tmf_customer.delivery AS d
         WHERE (d.state = 'dead' AND d.changed_at < now() - older_than)
            OR (d.state = 'pending' AND d.changed_at < now() - older_than AND d.hub_id IN (
                SELECT hub.id FROM tmf_customer.hub WHERE hub.state = 'disabled'))
        RETURNING 1)
    SELECT count(*) FROM purged
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.purge(interval) FROM PUBLIC;

-- Gives up a listener's dead letters that are older than this, and, when it has been disabled, what has been waiting for it so
-- long; returns how many, NULL when there is no such listener.
CREATE OR REPLACE FUNCTION tmf_customer.purge(hub_id text, older_than interval) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
    WITH purged AS (
        DELETE FROM tmf_customer.delivery AS d
         WHERE d.hub_id = purge.hub_id AND d.changed_at < now() - purge.older_than
           AND (d.state = 'dead'
                OR EXISTS (SELECT FROM tmf_customer.hub WHERE hub.id = purge.hub_id AND hub.state = 'disabled'))
        RETURNING 1)
    SELECT CASE WHEN EXISTS (SELECT FROM tmf_customer.hub WHERE hub.id = purge.hub_id AND hub.state <> 'gone')
           THEN (SELECT count(*) FROM purged) END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.purge(text, interval) FROM PUBLIC;
-- SPDX-License-Identifier: Apache-2.0
-- Which database it is.

-- A number that is the same for every connection to this database, however it is spelled, and another one for
-- any other database: a copy in the same cluster has another oid, one in another cluster another system
-- identifier; one of the files of a cluster has another port (unless it runs on another host:
-- forget_hubs() tells it apart), and a standby is in recovery. Never 0.
CREATE OR REPLACE FUNCTION tmf_customer.identity() RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
    cluster bigint;
    number bigint;
BEGIN
    IF has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') THEN
        SELECT system_identifier INTO cluster FROM pg_control_system();
    END IF;
    SELECT hashtextextended(concat_ws(' ', (SELECT id FROM tmf_customer.installation LIMIT 1), pg_database.oid, cluster,
                                      current_setting('port'), pg_is_in_recovery()), 0)
      INTO number
      FROM pg_database WHERE datname = current_database();
    RETURN CASE number WHEN 0 THEN 1 ELSE number END;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.identity() FROM PUBLIC;

-- For the owner of a copy of a database, before an httpd uses it: removes all listeners, what was still to be
-- delivered to them, and the keys under which they were registered. The copy gets an identity of its own.
CREATE OR REPLACE FUNCTION tmf_customer.forget_hubs(OUT hubs bigint, OUT pending bigint, OUT dead bigint)
    LANGUAGE plpgsql AS
$$
BEGIN
    LOCK TABLE tmf_customer.hub, tmf_customer.event, tmf_customer.delivery IN ACCESS EXCLUSIVE MODE;
    SELECT count(*) INTO hubs FROM tmf_customer.hub WHERE state <> 'gone';
    SELECT count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'dead')
      INTO pending, dead FROM tmf_customer.delivery;
    DELETE FROM tmf_customer.idempotency WHERE customer_id IN (SELECT id FROM tmf_customer.hub);
    TRUNCATE tmf_customer.hub, tmf_customer.event, tmf_customer.delivery;
    UPDATE tmf_customer.installation SET id = gen_random_uuid();
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.forget_hubs() FROM PUBLIC;
-- SPDX-License-Identifier: Apache-2.0
-- What was written past the API, by its rules.

-- The rule of the API (tmf_customer_check_id in src/model/customer.c): an id is a segment of a URL's path.
CREATE OR REPLACE FUNCTION tmf_customer.problem_of_id(id text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
    SELECT CASE
        WHEN id IS NULL OR octet_length(id) NOT BETWEEN 1 AND 255 THEN 'must have 1 to 255 bytes'
        WHEN id IN ('.', '..') OR position('/' IN id) > 0
            THEN 'must be a segment of a URL''s path: without "/", not "." and not ".."'
        WHEN id COLLATE "C" ~ '[\u0001-\u001F\u007F]' THEN 'may have no control characters'
        WHEN left(id, 1) = ' ' OR right(id, 1) = ' ' THEN 'may not begin or end with a blank'
        END
$$;

-- What a customer is made of, as src/model/customer_schema.c says it; `inside`: what an object, or each element
-- of an array, is made of.
CREATE OR REPLACE FUNCTION tmf_customer.attributes()
    RETURNS TABLE (owner text, name text, kind text, mandatory boolean, inside text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
    VALUES ('customer', 'name', 'string', true, NULL), ('customer', 'engagedParty', 'object', true, 'party'),
        ('customer', 'status', 'string', false, NULL), ('customer', 'statusReason', 'string', false, NULL),
        ('customer', 'validFor', 'object', false, 'period'), ('customer', 'account', 'array', false, 'account'),
        ('customer', 'agreement', 'array', false, 'entity'),
        ('customer', 'characteristic', 'array', false, 'characteristic'),
        ('customer', 'contactMedium', 'array', false, 'medium'),
        ('customer', 'creditProfile', 'array', false, 'profile'),
        ('customer', 'paymentMethod', 'array', false, 'entity'), ('customer', 'relatedParty', 'array', false, 'party'),
        ('period', 'startDateTime', 'datetime', false, NULL), ('period', 'endDateTime', 'datetime', false, NULL),
        ('account', 'id', 'string', false, NULL), ('account', 'href', 'string', false, NULL),
        ('account', 'name', 'string', true, NULL), ('account', 'description', 'string', false, NULL),
        ('account', '@referredType', 'string', false, NULL),
        ('entity', 'id', 'string', true, NULL), ('entity', 'href', 'string', false, NULL),
        ('entity', 'name', 'string', false, NULL), ('entity', '@referredType', 'string', false, NULL),
        ('party', 'id', 'string', true, NULL), ('party', '@referredType', 'string', true, NULL),
        ('party', 'href', 'string', false, NULL), ('party', 'name', 'string', false, NULL),
        ('party', 'role', 'string', false, NULL),
        ('characteristic', 'name', 'string', true, NULL), ('characteristic', 'value', 'any', true, NULL),
        ('characteristic', 'valueType', 'string', false, NULL),
        ('medium', 'mediumType', 'string', true, NULL), ('medium', 'characteristic', 'object', true, 'address'),
        ('medium', 'preferred', 'boolean', false, NULL), ('medium', 'validFor', 'object', false, 'period'),
        ('address', 'city', 'string', false, NULL), ('address', 'contactType', 'string', false, NULL),
        ('address', 'country', 'string', false, NULL), ('address', 'emailAddress', 'string', false, NULL),
        ('address', 'faxNumber', 'string', false, NULL), ('address', 'phoneNumber', 'string', false, NULL),
        ('address', 'postCode', 'string', false, NULL), ('address', 'socialNetworkId', 'string', false, NULL),
        ('address', 'stateOrProvince', 'string', false, NULL), ('address', 'street1', 'string', false, NULL),
        ('address', 'street2', 'string', false, NULL),
        ('profile', 'creditProfileDate', 'datetime', true, NULL), ('profile', 'validFor', 'object', true, 'period'),
        ('profile', 'creditRiskRating', 'integer', false, NULL), ('profile', 'creditScore', 'integer', false, NULL),
        ('any', '@type', 'string', false, NULL), ('any', '@baseType', 'string', false, NULL),
        ('any', '@schemaLocation', 'uri', false, NULL)
$$;

-- What a value has to be; NULL when it is that.
CREATE OR REPLACE FUNCTION tmf_customer.problem_of_value(value jsonb, kind text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
    SELECT CASE
        WHEN kind = 'datetime' THEN CASE
            WHEN jsonb_typeof(value) <> 'string' OR length(value #>> '{}') <= 10
                 OR tmf_customer.instant(value #>> '{}') IS NULL
            THEN 'must be a date-time such as 2018-06-12T00:00Z' END
        WHEN kind = 'integer' THEN CASE
            WHEN jsonb_typeof(value) <> 'number' OR position('.' IN value #>> '{}') > 0
            THEN 'must be an integer, without fraction and exponent' END
        WHEN kind = 'uri' AND jsonb_typeof(value) = 'string' THEN CASE -- RFC 3986, without looking into the authority
            WHEN value #>> '{}' !~ ('^([A-Za-z][A-Za-z0-9+.-]*:|(?![^/?#]*:))(%[0-9A-Fa-f]{2}|[A-Za-z0-9._~!$&''()*+,;=:@/\[\]-])*'
                                    '(\?(%[0-9A-Fa-f]{2}|[A-Za-z0-9._~!$&''()*+,;=:@/?-])*)?'
                                    '(#(%[0-9A-Fa-f]{2}|[A-Za-z0-9._~!$&''()*+,;=:@/?-])*)?$')
            THEN 'must be a URI such as https://schemas.example/customer.json' END
        WHEN kind IN (jsonb_typeof(value), 'any') THEN NULL
        WHEN kind = 'boolean' THEN 'must be true or false'
        WHEN kind IN ('string', 'uri') THEN 'must be a string'
        ELSE 'must be an ' || kind
        END
$$;

-- What the API would refuse in an object of this kind, which stands at `path`.
CREATE OR REPLACE FUNCTION tmf_customer.violations(object jsonb, kind text, path text)
    RETURNS TABLE (place text, problem text) LANGUAGE plpgsql STABLE AS
$$
DECLARE
    attribute record;
    value jsonb;
    element jsonb;
    number bigint;
BEGIN
    IF jsonb_typeof(object) <> 'object' THEN
        RETURN QUERY SELECT path, 'must be an object';
        RETURN;
    END IF;
    FOR attribute IN
        SELECT a.*, CASE path WHEN '' THEN '' ELSE path || '.' END || a.name AS place
          FROM tmf_customer.attributes() AS a
         WHERE a.owner IN (violations.kind, 'any') AND (a.mandatory OR object ? a.name)
    LOOP
        value := nullif(object -> attribute.name, 'null');
        place := attribute.place;
        problem := CASE
            WHEN value IS NOT NULL THEN tmf_customer.problem_of_value(value, attribute.kind)
            WHEN attribute.mandatory THEN 'is mandatory' END;
        IF problem IS NULL AND attribute.mandatory AND attribute.kind = 'string'
           AND btrim(value #>> '{}', E' \t\r\n\f\x0B') = '' THEN
            problem := 'is mandatory and may not be blank';
        END IF;
        IF problem IS NOT NULL THEN
            RETURN NEXT;
        ELSIF attribute.kind = 'object' AND value IS NOT NULL THEN
            RETURN QUERY SELECT * FROM tmf_customer.violations(value, attribute.inside, attribute.place);
        ELSIF attribute.kind = 'array' AND value IS NOT NULL THEN
            FOR element, number IN SELECT * FROM jsonb_array_elements(value) WITH ORDINALITY LOOP
                RETURN QUERY SELECT * FROM tmf_customer.violations(
                    element, attribute.inside, format('%s[%s]', attribute.place, number - 1));
            END LOOP;
        END IF;
    END LOOP;
    IF kind = 'period'
       AND tmf_customer.instant(object ->> 'endDateTime') < tmf_customer.instant(object ->> 'startDateTime') THEN
        RETURN QUERY SELECT path || '.endDateTime', 'may not be before startDateTime';
    END IF;
END
$$;

-- For the operator, after customers were written past the API: which of them it would refuse, and why. `path` is the
-- place in the customer. Looks at every customer; nothing waits for it.
CREATE OR REPLACE FUNCTION tmf_customer.check() RETURNS TABLE (id text, path text, problem text)
    LANGUAGE sql STABLE AS
$$
    SELECT c.id, found.place, found.problem
      FROM tmf_customer.customer AS c CROSS JOIN LATERAL (
           SELECT 'id' AS place, tmf_customer.problem_of_id(c.id) AS problem
           UNION ALL SELECT name, 'may not stand in the document: a reply puts it in front'
             FROM unnest(ARRAY['id', 'href']) AS name WHERE jsonb_typeof(c.doc) = 'object' AND c.doc ? name
           UNION ALL SELECT '@type', 'is missing: every reply shows one'
            WHERE jsonb_typeof(c.doc) = 'object' AND c.doc -> '@type' IS NULL
           UNION ALL SELECT v.place, v.problem FROM tmf_customer.violations(c.doc, 'customer', '') AS v) AS found
     WHERE found.problem IS NOT NULL
     ORDER BY c.seq, c.id
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.check() FROM PUBLIC;
-- SPDX-License-Identifier: Apache-2.0
-- One customer: all there is of it, and none of it any more. These act as their owner: whoever is granted one of them
-- needs no right to a table.

-- All that the database holds of a customer, also of one that was deleted; NULL when there is nothing.
CREATE OR REPLACE FUNCTION tmf_customer.export(id text) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
    WITH found AS (
        SELECT (SELECT jsonb_build_object('revision', c.revision, 'createdAt', c.created_at, 'updatedAt', c.updated_at,
                                          'customer', jsonb_build_object('id', c.id) || c.doc)
                  FROM tmf_customer.customer AS c WHERE c.id = export.id) AS current,
               (SELECT jsonb_agg(jsonb_build_object('revision', h.revision, 'time', h.at, 'user', h.user_name,
                                                    'correlationId', h.correlation_id, 'operation', h.operation,
                                                    'before', h.before) ORDER BY h.id)
                  FROM tmf_customer.history AS h WHERE h.customer_id = export.id) AS history,
               (SELECT jsonb_agg(jsonb_build_object(
                           'eventId', e.event_id, 'eventType', e.type, 'time', e.at, 'correlationId', e.correlation_id,
                           'traceparent', e.traceparent, 'tracestate', e.tracestate, 'href', e.href,
                           'changed', e.changed, 'customer', e.customer, 'deliveries', (
                               SELECT jsonb_agg(jsonb_build_object('hub', d.hub_id, 'state', d.state, 'attempts', d.attempts,
                                                                   'error', d.error, 'since', d.changed_at) ORDER BY d.hub_id)
                                 FROM tmf_customer.delivery AS d
                                WHERE d.event_id = e.id AND d.customer_id = e.customer_id)) ORDER BY e.id)
                  FROM tmf_customer.event AS e WHERE e.customer_id = export.id) AS events,
               -- A key under which a hub was registered has no revision.
               (SELECT jsonb_agg(jsonb_build_object('revision', k.revision, 'keptUntil', k.kept_until, 'customer', k.doc)
                                 ORDER BY k.revision)
                  FROM tmf_customer.idempotency AS k WHERE k.customer_id = export.id AND k.revision > 0) AS keys)
    SELECT jsonb_build_object('id', export.id, 'current', current, 'history', coalesce(history, '[]'),
                              'events', coalesce(events, '[]'), 'idempotency', coalesce(keys, '[]'))
      FROM found WHERE coalesce(current, history, events, keys) IS NOT NULL
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.export(text) FROM PUBLIC;

-- Removes every row about a customer, and returns how many of each kind; no event tells of it. Nobody writes the
-- customer meanwhile: who is at it is waited for. One statement deletes all, so that of a customer that is created with
-- the same id at the moment either all is seen or nothing; what was written to such a one before it could be locked
-- is found by the next round.
CREATE OR REPLACE FUNCTION tmf_customer.erase(id text, OUT customers bigint, OUT history bigint, OUT events bigint,
                                   OUT deliveries bigint, OUT keys bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
#variable_conflict use_column
DECLARE
    is_locked boolean;
    removed record;
BEGIN
    customers := 0; history := 0; events := 0; deliveries := 0; keys := 0;
    LOOP
        PERFORM FROM tmf_customer.customer AS c WHERE c.id = erase.id FOR UPDATE;
        is_locked := FOUND;
        WITH gone_customer AS (DELETE FROM tmf_customer.customer AS c WHERE c.id = erase.id RETURNING 1),
             gone_history AS (DELETE FROM tmf_customer.history AS h WHERE h.customer_id = erase.id RETURNING 1),
             gone_delivery AS (DELETE FROM tmf_customer.delivery AS d WHERE d.customer_id = erase.id RETURNING 1),
             gone_event AS (DELETE FROM tmf_customer.event AS e WHERE e.customer_id = erase.id RETURNING 1),
             -- A key under which a hub was registered has no revision.
             gone_key AS (DELETE FROM tmf_customer.idempotency AS k
                           WHERE k.customer_id = erase.id AND k.revision > 0 RETURNING 1)
        SELECT (SELECT count(*) FROM gone_customer) AS customers, (SELECT count(*) FROM gone_history) AS history,
               (SELECT count(*) FROM gone_event) AS events, (SELECT count(*) FROM gone_delivery) AS deliveries,
               (SELECT count(*) FROM gone_key) AS keys
          INTO removed;
        customers := customers + removed.customers;
        history := history + removed.history;
        events := events + removed.events;
        deliveries := deliveries + removed.deliveries;
        keys := keys + removed.keys;
        EXIT WHEN is_locked OR removed.customers = 0;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.erase(text) FROM PUBLIC;
-- SPDX-License-Identifier: Apache-2.0
-- What operators read, in SQL or through Apache (src/status).
--
-- Each is created beside the one that is there, which is replaced only when it differs: whoever reads a view would wait
-- for its replacement, and the replacement for them. Columns can be added at the end; an upgrade that changes others drops
-- the view first.

-- The error is what made the listener pause, else the last of the refusals that have not been settled yet. Of a backlog,
-- it is looked for in the thousand oldest of what is pending and in the last dead letter: that takes no longer, however
-- much there is.
CREATE VIEW tmf_customer.new_listeners AS
    SELECT hub.id, hub.callback, hub.query, hub.state, hub.failures, hub.ill_since, hub.paused_until,
           coalesce(hub.error,
                    (SELECT d.error
                       FROM ((SELECT p.error, p.next_attempt_at, p.changed_at FROM tmf_customer.delivery AS p
                               WHERE p.hub_id = hub.id AND p.state = 'pending' ORDER BY p.hub_id, p.event_id LIMIT 1000)
                             UNION ALL
                             (SELECT p.error, p.next_attempt_at, p.changed_at FROM tmf_customer.delivery AS p
                               WHERE p.hub_id = hub.id AND p.state = 'dead'
                               ORDER BY p.hub_id DESC, p.changed_at DESC LIMIT 1)) AS d
                      WHERE d.error IS NOT NULL ORDER BY coalesce(d.next_attempt_at, d.changed_at) DESC LIMIT 1)) AS error,
           (SELECT count(*) FROM tmf_customer.delivery AS d WHERE d.hub_id = hub.id AND d.state = 'pending')
               AS pending,
           (SELECT count(*) FROM tmf_customer.delivery AS d WHERE d.hub_id = hub.id AND d.state = 'dead') AS dead,
           (SELECT d.changed_at FROM tmf_customer.delivery AS d WHERE d.hub_id = hub.id AND d.state = 'pending'
             ORDER BY d.hub_id, d.event_id LIMIT 1) AS oldest_pending,
           hub.created_at
      FROM tmf_customer.hub WHERE hub.state <> 'gone';

CREATE VIEW tmf_customer.new_deliveries AS
    SELECT d.hub_id, hub.callback, e.event_id, e.type, d.customer_id, e.at, d.state, d.attempts,
           d.next_attempt_at, d.error
      FROM tmf_customer.delivery AS d
      JOIN tmf_customer.event AS e ON e.id = d.event_id AND e.customer_id = d.customer_id
      JOIN tmf_customer.hub ON hub.id = d.hub_id AND hub.state <> 'gone';

DO $$
DECLARE
    name text;
    definition text;
BEGIN
    FOREACH name IN ARRAY ARRAY['listeners', 'deliveries'] LOOP
        definition := pg_get_viewdef(to_regclass('tmf_customer.new_' || name));
        IF pg_get_viewdef(to_regclass('tmf_customer.' || name)) IS DISTINCT FROM definition THEN
            EXECUTE format('CREATE OR REPLACE VIEW tmf_customer.%I AS %s', name, definition);
        END IF;
        EXECUTE format('DROP VIEW tmf_customer.%I', 'new_' || name);
    END LOOP;
END
$$;
