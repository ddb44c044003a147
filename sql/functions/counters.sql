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

-- Records that a customer has left a status and taken another: only where that is so, which the trigger's WHEN says
-- without a call.
CREATE OR REPLACE FUNCTION tmf_customer.record_status_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
BEGIN
    INSERT INTO tmf_customer.customer_count_change (customer_id, status, change)
    SELECT NEW.id, one.status, one.change
      FROM (VALUES (OLD.status, -1), (NEW.status, 1)) AS one (status, change) WHERE one.status IS NOT NULL;
    RETURN NULL;
END
$$;

-- Counts what each statement does to the customers: for an UPDATE, what was recorded of its rows, which the index finds
-- past those that wait to be vacuumed, whatever the planner believes of the table. Statuses that customers have left lose
-- their counters. When two transactions take the last customers of a status away at the same moment, neither sees that:
-- so whoever changes or deletes customers and has to add a counter for that looks at some others, anywhere in the table,
-- which keeps it from growing.
CREATE OR REPLACE FUNCTION tmf_customer.count_customers() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS
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
        IF NOT EXISTS (SELECT FROM tmf_customer.customer_count_change
                        WHERE transaction = pg_current_xact_id_if_assigned()) THEN
            RETURN NULL;
        END IF;
        WITH changed AS (
            DELETE FROM tmf_customer.customer_count_change
             WHERE transaction = pg_current_xact_id_if_assigned() RETURNING status, change),
        counted AS (
            INSERT INTO tmf_customer.customer_count AS counted
            SELECT false, status, own_slot, sum(change) FROM changed
             GROUP BY status HAVING sum(change) <> 0 ORDER BY status
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
  CREATE TRIGGER customer_status_change AFTER UPDATE ON tmf_customer.customer
      FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION tmf_customer.record_status_change();
  CREATE TRIGGER customer_count_update AFTER UPDATE ON tmf_customer.customer
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
    DELETE FROM tmf_customer.customer_count_change;
    DELETE FROM tmf_customer.customer_count;
    INSERT INTO tmf_customer.customer_count
    SELECT grouping(c.status) = 1, coalesce(c.status, ''), 0, count(*)
      FROM tmf_customer.customer AS c GROUP BY GROUPING SETS ((), (c.status))
    HAVING count(*) > 0 AND (grouping(c.status) = 1 OR c.status IS NOT NULL);
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.recount() FROM PUBLIC;
