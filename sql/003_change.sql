-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 3: what creates with an Idempotency-Key need.

-- One row for each key under which a customer was created, written with it; it is the reply that is given
-- again. `doc` is also what the next body is compared with, by value.
CREATE TABLE tmf_customer.idempotency (
    key         bytea PRIMARY KEY, -- SHA-256 of who sent it, to which base path, and the key itself
    customer_id text COLLATE "C" NOT NULL,
    revision    bigint NOT NULL,
    doc         jsonb NOT NULL,    -- the customer as it was created; what became of it does not matter
    kept_until  timestamptz NOT NULL
);
-- Each create with a key removes the oldest rows that are due, so nothing ever looks at all of them.
CREATE INDEX idempotency_kept_until ON tmf_customer.idempotency (kept_until);

INSERT INTO tmf_customer.schema_version (version) VALUES (3);
