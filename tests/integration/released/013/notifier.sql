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
