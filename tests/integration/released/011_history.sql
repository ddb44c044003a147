-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 11: who changed what; events carry the trace of their request; a customer can be handed out, and erased.

-- ---- who changed what ----

-- One row for each change, written by its statement where TMFCustomerHistory is On. Rows of one customer have ids in the
-- order of their commits, because each is written under the lock of the customer's row.
CREATE SEQUENCE tmf_customer.history_id;
CREATE TABLE tmf_customer.history (
    customer_id    text COLLATE "C" NOT NULL,
    id             bigint NOT NULL DEFAULT nextval('tmf_customer.history_id'),
    revision       bigint NOT NULL, -- that the change gave the customer; a delete has a number of its own
    at             timestamptz NOT NULL DEFAULT statement_timestamp(),
    user_name      text,            -- REMOTE_USER, "%" and bytes that are no UTF-8 percent-encoded; NULL = nobody
    correlation_id text,
    operation      text NOT NULL CHECK (operation IN ('create', 'patch', 'replace', 'delete')),
    before         jsonb,           -- the customer before, without id and href; NULL for a create
    PRIMARY KEY (customer_id, id) INCLUDE (at)
) WITH (toast_tuple_target = 4080, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
-- The oldest are removed first.
CREATE INDEX history_at ON tmf_customer.history (at);
COMMENT ON TABLE tmf_customer.history IS 'The role that the module uses may add rows, and remove the oldest; it cannot change one.';

-- Removes rows older than `kept` (NULL = none), the oldest `most` (128, if it says more or NULL) of them that nobody
-- else is removing; returns how many. Whoever changes a customer removes two, so the table cannot grow beyond what is to
-- be kept.
CREATE FUNCTION tmf_customer.expire_history(kept interval, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off AS
$$
DECLARE
    removed bigint;
BEGIN
    WITH expired AS MATERIALIZED (
        SELECT h.customer_id, h.id FROM tmf_customer.history AS h WHERE h.at < now() - expire_history.kept
         ORDER BY h.at LIMIT least(expire_history.most, 128) FOR UPDATE SKIP LOCKED)
    DELETE FROM tmf_customer.history AS old USING expired
     WHERE old.customer_id = expired.customer_id AND old.id = expired.id;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;

-- ---- traces ----

-- What the request that made the event said in the headers of these names (W3C Trace Context); NULL = nothing.
ALTER TABLE tmf_customer.event ADD COLUMN traceparent text, ADD COLUMN tracestate text;

DROP FUNCTION tmf_customer.due(text, text[], boolean[], integer[], integer[], integer[], integer[], bigint[], text[],
    bigint);

-- What is due for leased listeners, the oldest 128 of each that is `wanted`, without the events in its slice
-- of `held` and the customers in that of `withheld`. A listener that is still `owner`'s has a row in any case.
-- Each event's customer comes once, whoever is to be told of it, and as many as `budget` bytes of what is stored hold,
-- the oldest first, but at least one; the event_id of an event that is gone is NULL.
CREATE FUNCTION tmf_customer.due(owner text, hub_ids text[], wanted boolean[], first_held integer[],
        last_held integer[], first_withheld integer[], last_withheld integer[], held bigint[], withheld text[],
        budget bigint)
    RETURNS TABLE (place bigint, id bigint, customer_id text, attempts integer, next_attempt_at timestamptz,
                   event_id uuid, at timestamptz, type text, href text, changed text, correlation_id text,
                   customer jsonb, traceparent text, tracestate text)
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

-- ---- one customer: all there is of it, and none of it any more ----

-- These two act as their owner: whoever is granted one of them needs no right to a table.

-- All that the database holds of a customer, also of one that was deleted; NULL when there is nothing.
CREATE FUNCTION tmf_customer.export(id text) RETURNS jsonb
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

-- Removes every row about a customer, and returns how many of each kind; no event tells of it. Nobody writes the
-- customer meanwhile: who is at it is waited for. One statement deletes all, so that of a customer that is created with
-- the same id at the moment either all is seen or nothing; what was written to such a one before it could be locked
-- is found by the next round.
CREATE FUNCTION tmf_customer.erase(id text, OUT customers bigint, OUT history bigint, OUT events bigint,
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

REVOKE ALL ON tmf_customer.history FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION tmf_customer.expire_history(interval, bigint), tmf_customer.export(text), tmf_customer.erase(text),
    tmf_customer.due(text, text[], boolean[], integer[], integer[], integer[], integer[], bigint[], text[], bigint)
    FROM PUBLIC;

INSERT INTO tmf_customer.schema_version (version) VALUES (11);
