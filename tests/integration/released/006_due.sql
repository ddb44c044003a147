-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 6: what is due comes with its events, in one answer, because a listener's next event waits for that; and
-- a refusal changes nothing that is in an index.

DROP FUNCTION tmf_customer.due(text, text[], boolean[], integer[], integer[], integer[], integer[], bigint[], text[]);
DROP FUNCTION tmf_customer.events(bigint[], bigint);

-- What is due for leased listeners, the oldest 128 of each that is `wanted`, without the events in its slice
-- of `held` and the customers in that of `withheld`. A listener that is still `owner`'s has a row in any case.
-- Each event's customer comes once, whoever is to be told of it, and as many as `budget` bytes of what is stored hold,
-- the oldest first, but at least one; the event_id of an event that is gone is NULL.
CREATE FUNCTION tmf_customer.due(owner text, hub_ids text[], wanted boolean[], first_held integer[],
        last_held integer[], first_withheld integer[], last_withheld integer[], held bigint[], withheld text[],
        budget bigint)
    RETURNS TABLE (place bigint, id bigint, customer_id text, attempts integer, next_attempt_at timestamptz,
                   event_id uuid, at timestamptz, type text, href text, changed text, correlation_id text,
                   customer jsonb)
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
    SET enable_hashjoin = off SET enable_mergejoin = off AS
$$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT place, id, customer_id, attempts, next_attempt_at,
           first_value(event_id) OVER (PARTITION BY id ORDER BY place), at, type, href, changed, correlation_id,
           CASE WHEN coalesce(sum(pg_column_size(customer)) OVER (
                         ORDER BY id, place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) < due.budget
                THEN customer END
      FROM (SELECT told.place, told.id, told.customer_id, told.attempts, told.next_attempt_at, event.event_id,
                   event.at, event.type, event.href, event.changed, event.correlation_id, event.customer
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

-- Records refusals; pauses[i] is NULL when there is no further attempt. Only then does changed_at change: it is in an
-- index, and to write a new version of a row to all of them takes twice as long. So it is when a delivery became
-- pending, or dead.
CREATE OR REPLACE FUNCTION tmf_customer.refuse(hub_ids text[], events bigint[], attempts integer[], pauses interval[],
        errors text[]) RETURNS void
    LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS
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

REVOKE EXECUTE ON FUNCTION tmf_customer.due(text, text[], boolean[], integer[], integer[], integer[], integer[],
    bigint[], text[], bigint) FROM PUBLIC;

INSERT INTO tmf_customer.schema_version (version) VALUES (6);
