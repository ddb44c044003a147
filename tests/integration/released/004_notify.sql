-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 4: who listens, what happened, and what is still to be told to whom.
--
-- The statement that changes a customer writes the event and one delivery for each listener that may want
-- it (src/store/customer_store.c); nothing when nobody listens. The notifier (src/notify) deletes a
-- delivery when it has arrived, and an event with its last delivery.

CREATE TABLE tmf_customer.hub (
    id           text COLLATE "C" PRIMARY KEY,
    callback     text NOT NULL,
    query        text,                       -- as it was given; NULL = none
    twin         text NOT NULL UNIQUE,       -- the same for the same callback and query
    types        text[] NOT NULL,            -- the event types that can meet the query at all
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- What the notifier knows of the listener.
    -- A deleted hub stays as 'gone' until all that was to be told to it is swept up.
    state        text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled', 'gone')),
    changed_at   timestamptz NOT NULL DEFAULT now(), -- when its state did
    failures     integer NOT NULL DEFAULT 0, -- in a row: 0 = it is well
    ill_since    timestamptz,
    paused_until timestamptz,
    error        text,                       -- what went wrong last
    -- One notifier at a time works a listener: whoever has the lease, until it runs out.
    leased_by    text,
    leased_until timestamptz
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200,
        autovacuum_vacuum_cost_delay = 0);
COMMENT ON COLUMN tmf_customer.hub.types IS
    'A writer of events looks at state and types only; the notifier decides by the query.';

-- The events of one customer have ids in the order of their commits: each is written under the lock of the
-- customer's row. Events of different customers may commit in another order than that of their ids.
CREATE SEQUENCE tmf_customer.event_id;
CREATE TABLE tmf_customer.event (
    id             bigint NOT NULL DEFAULT nextval('tmf_customer.event_id'),
    customer_id    text COLLATE "C" NOT NULL,
    event_id       uuid NOT NULL DEFAULT gen_random_uuid(),
    type           text NOT NULL,
    at             timestamptz NOT NULL DEFAULT statement_timestamp(),
    changed        text,                     -- top-level names, comma-separated; NULL but for changes
    correlation_id text,
    href           text NOT NULL,            -- of the customer, as the reply to the change had it
    customer       jsonb NOT NULL,           -- the state at commit, without id and href
    PRIMARY KEY (id, customer_id)
) WITH (toast_tuple_target = 4080, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0, toast.autovacuum_vacuum_cost_delay = 0);

CREATE TABLE tmf_customer.delivery (
    hub_id          text COLLATE "C" NOT NULL,
    event_id        bigint NOT NULL,         -- event.id
    customer_id     text COLLATE "C" NOT NULL,
    state           text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'dead')),
    attempts        integer NOT NULL DEFAULT 0, -- how often the listener has refused this event
    next_attempt_at timestamptz,             -- NULL = at once
    error           text,
    changed_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, hub_id, customer_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0);
-- What is due for a listener, oldest first.
CREATE INDEX delivery_due ON tmf_customer.delivery (hub_id, event_id) WHERE state = 'pending';
CREATE INDEX delivery_dead ON tmf_customer.delivery (hub_id, changed_at) WHERE state = 'dead';

-- ---- for the notifier ----
-- How many rows a listener has pending changes from one to millions in minutes, statistics know nothing of
-- it: the settings of these functions leave the planner the indexes alone.

-- What is due for leased listeners, the oldest 128 of each that is `wanted`, without the events in its slice
-- of `held` and the customers in that of `withheld`. A listener that is still `owner`'s has a row in any case.
CREATE FUNCTION tmf_customer.due(owner text, hub_ids text[], wanted boolean[], first_held integer[],
        last_held integer[], first_withheld integer[], last_withheld integer[], held bigint[], withheld text[])
    RETURNS TABLE (place bigint, event_id bigint, customer_id text, attempts integer, next_attempt_at timestamptz)
    LANGUAGE sql STABLE
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
    SET enable_hashjoin = off SET enable_mergejoin = off AS
$$
    SELECT want.place, d.event_id, d.customer_id, d.attempts, d.next_attempt_at
      FROM unnest(due.hub_ids, due.wanted, due.first_held, due.last_held, due.first_withheld, due.last_withheld)
           WITH ORDINALITY AS want (hub_id, wanted, first_held, last_held, first_withheld, last_withheld, place)
      JOIN tmf_customer.hub ON hub.id = want.hub_id AND hub.leased_by = due.owner AND hub.state = 'active'
      LEFT JOIN LATERAL (
            SELECT delivery.* FROM tmf_customer.delivery
             WHERE want.wanted AND delivery.hub_id = want.hub_id AND delivery.state = 'pending'
               AND delivery.event_id <> ALL (due.held[want.first_held : want.last_held])
               AND delivery.customer_id <> ALL (due.withheld[want.first_withheld : want.last_withheld])
             ORDER BY delivery.hub_id, delivery.event_id LIMIT 128) AS d ON true
$$;

-- Deletes what nobody needs, a thousand rows of each kind at a time, because listeners wait meanwhile:
-- deliveries of deleted hubs, dead letters and those of disabled hubs older than `retention`, and events past
-- `from_id` without deliveries, which a crash has left. `next_id`: where to go on, 0 = from the start. `more`: a
-- thousand deliveries went. A statement that began before a hub was deleted may still write deliveries for it:
-- the longest TMFCustomerStatementTimeout is an hour.
CREATE FUNCTION tmf_customer.sweep(retention interval, from_id bigint, OUT next_id bigint, OUT more boolean)
    LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
    SET enable_hashjoin = off SET enable_mergejoin = off AS
$$
DECLARE
    ids bigint[];
    pending bigint;
    dead bigint;
BEGIN
    DELETE FROM tmf_customer.delivery AS old
     USING (SELECT due.event_id, due.hub_id
              FROM tmf_customer.hub CROSS JOIN LATERAL (
                   SELECT d.event_id, d.hub_id, d.changed_at FROM tmf_customer.delivery AS d
                    WHERE d.hub_id = hub.id AND d.state = 'pending' ORDER BY d.hub_id, d.event_id LIMIT 1000) AS due
             WHERE hub.state IN ('gone', 'disabled') AND (hub.state = 'gone' OR due.changed_at < now() - retention)
             LIMIT 1000) AS batch
     WHERE old.event_id = batch.event_id AND old.hub_id = batch.hub_id;
    GET DIAGNOSTICS pending = ROW_COUNT;
    DELETE FROM tmf_customer.delivery AS old
     USING (SELECT due.event_id, due.hub_id
              FROM tmf_customer.hub CROSS JOIN LATERAL (
                   SELECT d.event_id, d.hub_id FROM tmf_customer.delivery AS d
                    WHERE d.hub_id = hub.id AND d.state = 'dead'
                      AND d.changed_at < CASE hub.state WHEN 'gone' THEN 'infinity' ELSE now() - retention END
                    ORDER BY d.hub_id, d.changed_at LIMIT 1000) AS due
             LIMIT 1000) AS batch
     WHERE old.event_id = batch.event_id AND old.hub_id = batch.hub_id;
    GET DIAGNOSTICS dead = ROW_COUNT;
    DELETE FROM tmf_customer.hub
     WHERE state = 'gone' AND changed_at < now() - interval '1 hour'
       AND NOT EXISTS (SELECT FROM tmf_customer.delivery WHERE delivery.hub_id = hub.id);
    ids := ARRAY(SELECT id FROM tmf_customer.event WHERE id > from_id ORDER BY id LIMIT 1000);
    DELETE FROM tmf_customer.event
     WHERE id = ANY (ids)
       AND NOT EXISTS (SELECT FROM tmf_customer.delivery WHERE delivery.event_id = event.id);
    next_id := CASE WHEN cardinality(ids) = 1000 THEN ids[1000] ELSE 0 END;
    more := pending = 1000 OR dead = 1000;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.due(text, text[], boolean[], integer[], integer[], integer[], integer[],
    bigint[], text[]), tmf_customer.sweep(interval, bigint) FROM PUBLIC;

-- ---- for the operator; grant what the operator's role is to use ----

CREATE VIEW tmf_customer.listeners AS
    SELECT hub.id, hub.callback, hub.query, hub.state, hub.failures, hub.ill_since, hub.paused_until, hub.error,
           (SELECT count(*) FROM tmf_customer.delivery AS d WHERE d.hub_id = hub.id AND d.state = 'pending')
               AS pending,
           (SELECT count(*) FROM tmf_customer.delivery AS d WHERE d.hub_id = hub.id AND d.state = 'dead') AS dead
      FROM tmf_customer.hub WHERE hub.state <> 'gone';

CREATE VIEW tmf_customer.deliveries AS
    SELECT d.hub_id, hub.callback, e.event_id, e.type, d.customer_id, e.at, d.state, d.attempts,
           d.next_attempt_at, d.error
      FROM tmf_customer.delivery AS d
      JOIN tmf_customer.event AS e ON e.id = d.event_id AND e.customer_id = d.customer_id
      JOIN tmf_customer.hub ON hub.id = d.hub_id AND hub.state <> 'gone';

-- Sends a listener's dead letters again; returns how many.
CREATE FUNCTION tmf_customer.replay(hub_id text) RETURNS bigint LANGUAGE sql AS
$$
    WITH replayed AS (
        UPDATE tmf_customer.delivery AS d
           SET state = 'pending', attempts = 0, next_attempt_at = NULL, changed_at = now()
         WHERE d.hub_id = replay.hub_id AND d.state = 'dead' RETURNING 1)
    SELECT count(*) FROM replayed
$$;

-- Lets a disabled or paused listener be tried again, from where it stopped; true when there is such a one.
CREATE FUNCTION tmf_customer.enable(hub_id text) RETURNS boolean LANGUAGE sql AS
$$
    WITH enabled AS (
        UPDATE tmf_customer.hub
           SET state = 'active', changed_at = now(), failures = 0, ill_since = NULL, paused_until = NULL,
               error = NULL
         WHERE hub.id = enable.hub_id AND hub.state <> 'gone' RETURNING 1)
    SELECT count(*) > 0 FROM enabled
$$;

-- Gives up dead letters older than this, and what waits for listeners that have been disabled so long;
-- returns how many deliveries.
CREATE FUNCTION tmf_customer.purge(older_than interval) RETURNS bigint LANGUAGE sql AS
$$
    WITH purged AS (
        DELETE FROM tmf_customer.delivery AS d
         WHERE (d.state = 'dead' AND d.changed_at < now() - older_than)
            OR (d.state = 'pending' AND d.changed_at < now() - older_than AND d.hub_id IN (
                SELECT hub.id FROM tmf_customer.hub WHERE hub.state = 'disabled'))
        RETURNING 1)
    SELECT count(*) FROM purged
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.replay(text), tmf_customer.enable(text),
    tmf_customer.purge(interval) FROM PUBLIC;

INSERT INTO tmf_customer.schema_version (version) VALUES (4);
