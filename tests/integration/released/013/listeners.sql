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
