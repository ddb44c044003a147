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
