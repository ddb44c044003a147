-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 5: shorter pauses of writers; the notifier's statements keep to their indexes, and their plans.

-- Whoever fills the list of what was written last moves it into the index, and waits for that: 50 to 90 ms for
-- 512 kB, which met every request that was written together with that one. Readers walk the list.
ALTER INDEX tmf_customer.customer_doc SET (gin_pending_list_limit = 128);

-- How many rows a listener has pending changes from one to millions in minutes, statistics know nothing of
-- it: the settings of these functions leave the planner the indexes alone. They are in plpgsql, which keeps
-- its plans: to plan such a statement takes longer than to run it.

-- What is recorded (deliver, forget, refuse) does not wait until it is on the disk, nor does the notifier's next
-- event: when PostgreSQL crashes, what it lost of that is delivered again, as after any crash.

-- Takes and renews leases: see tmf_outbox_claim in src/store/outbox.h.
CREATE FUNCTION tmf_customer.claim(owner text, duration interval)
    RETURNS TABLE (id text, callback text, query text, failures integer)
    LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS
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

-- What is due for leased listeners, the oldest 128 of each that is `wanted`, without the events in its slice
-- of `held` and the customers in that of `withheld`. A listener that is still `owner`'s has a row in any case.
CREATE OR REPLACE FUNCTION tmf_customer.due(owner text, hub_ids text[], wanted boolean[], first_held integer[],
        last_held integer[], first_withheld integer[], last_withheld integer[], held bigint[], withheld text[])
    RETURNS TABLE (place bigint, event_id bigint, customer_id text, attempts integer, next_attempt_at timestamptz)
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
    SET enable_hashjoin = off SET enable_mergejoin = off AS
$$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT want.place, d.event_id, d.customer_id, d.attempts, d.next_attempt_at
      FROM (SELECT given.place, given.hub_id, given.wanted,
                   due.held[given.first_held : given.last_held] AS held,
                   due.withheld[given.first_withheld : given.last_withheld] AS withheld
              FROM unnest(due.hub_ids, due.wanted, due.first_held, due.last_held, due.first_withheld,
                          due.last_withheld) WITH ORDINALITY
                   AS given (hub_id, wanted, first_held, last_held, first_withheld, last_withheld, place)
            OFFSET 0) AS want -- so that the slices are cut once, not for each delivery
      JOIN tmf_customer.hub ON hub.id = want.hub_id AND hub.leased_by = due.owner AND hub.state = 'active'
      LEFT JOIN LATERAL (
            SELECT delivery.* FROM tmf_customer.delivery
             WHERE want.wanted AND delivery.hub_id = want.hub_id AND delivery.state = 'pending'
               AND delivery.event_id <> ALL (want.held) AND delivery.customer_id <> ALL (want.withheld)
             ORDER BY delivery.hub_id, delivery.event_id LIMIT 128) AS d ON true;
END
$$;

-- The events with these ids, oldest first, as many as `budget` bytes of stored documents hold, but at least
-- one.
CREATE FUNCTION tmf_customer.events(ids bigint[], budget bigint)
    RETURNS TABLE (id bigint, event_id uuid, at timestamptz, type text, customer_id text, href text, changed text,
                   correlation_id text, customer jsonb)
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS
$$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT id, event_id, at, type, customer_id, href, changed, correlation_id, customer
      FROM (SELECT event.*, sum(pg_column_size(customer))
                   OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
              FROM tmf_customer.event WHERE id = ANY (events.ids)) AS event
     WHERE before IS NULL OR before < events.budget ORDER BY id;
END
$$;

-- Deletes deliveries: hub_ids[i] has been told of events[i]. One by one, here and in refuse(): a join of the list with
-- the table, planned while little was pending, reads all of the table when much is.
CREATE FUNCTION tmf_customer.deliver(hub_ids text[], events bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS
$$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    FOR i IN 1 .. cardinality(deliver.events) LOOP
        DELETE FROM tmf_customer.delivery
         WHERE delivery.event_id = deliver.events[i] AND delivery.hub_id = deliver.hub_ids[i];
    END LOOP;
END
$$;

-- Deletes those of these events that nobody is to be told of any more. The subquery cannot become a join, which
-- could read all of a large table.
CREATE FUNCTION tmf_customer.forget(ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS
$$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    DELETE FROM tmf_customer.event
     WHERE id = ANY (forget.ids)
       AND (SELECT true FROM tmf_customer.delivery WHERE delivery.event_id = event.id LIMIT 1) IS NULL;
END
$$;

-- Records refusals; pauses[i] is NULL when there is no further attempt.
CREATE FUNCTION tmf_customer.refuse(hub_ids text[], events bigint[], attempts integer[], pauses interval[],
        errors text[]) RETURNS void
    LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS
$$
#variable_conflict use_column
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    FOR i IN 1 .. cardinality(refuse.events) LOOP
        UPDATE tmf_customer.delivery
           SET attempts = refuse.attempts[i], next_attempt_at = now() + refuse.pauses[i], error = refuse.errors[i],
               changed_at = now(), state = CASE WHEN refuse.pauses[i] IS NULL THEN 'dead' ELSE 'pending' END
         WHERE delivery.event_id = refuse.events[i] AND delivery.hub_id = refuse.hub_ids[i];
    END LOOP;
END
$$;

REVOKE EXECUTE ON FUNCTION tmf_customer.claim(text, interval), tmf_customer.events(bigint[], bigint),
    tmf_customer.deliver(text[], bigint[]), tmf_customer.forget(bigint[]),
    tmf_customer.refuse(text[], bigint[], integer[], interval[], text[]) FROM PUBLIC;

INSERT INTO tmf_customer.schema_version (version) VALUES (5);
