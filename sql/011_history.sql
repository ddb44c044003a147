-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 11: who changed what; events carry the trace of their request.

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
REVOKE ALL ON tmf_customer.history FROM PUBLIC;

-- What the request that made the event said in the headers of these names (W3C Trace Context); NULL = nothing.
ALTER TABLE tmf_customer.event ADD COLUMN traceparent text, ADD COLUMN tracestate text;

-- It returns them from now on.
DROP FUNCTION IF EXISTS tmf_customer.due(text, text[], boolean[], integer[], integer[], integer[], integer[], bigint[], text[],
    bigint);

INSERT INTO tmf_customer.schema_version (version) VALUES (11);
