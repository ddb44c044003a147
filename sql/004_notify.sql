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

INSERT INTO tmf_customer.schema_version (version) VALUES (4);
