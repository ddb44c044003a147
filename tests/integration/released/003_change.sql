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

-- Claims a key until the end of the transaction: what was created under it; all NULL when nothing was and
-- the caller may create; or is_busy, when another transaction is about to. Never waits for that one.
--
-- Volatile plpgsql, because each of its statements then has a snapshot of its own: what is read behind the
-- lock includes what its holder before us committed, which the snapshot of the calling statement need
-- not. The caller holds no row locks yet, so waiting for a DELETE of the same row closes no circle.
CREATE FUNCTION tmf_customer.claim_key(claimed bytea, OUT is_busy boolean, OUT customer_id text,
                                       OUT revision bigint, OUT doc jsonb)
    LANGUAGE plpgsql AS
$$
BEGIN
    SELECT kept.customer_id, kept.revision, kept.doc INTO customer_id, revision, doc
      FROM tmf_customer.idempotency AS kept WHERE kept.key = claimed AND kept.kept_until > now();
    -- Two keys that share the 64 bits of the lock only keep each other busy.
    is_busy := NOT FOUND AND NOT pg_try_advisory_xact_lock(
        ('x' || encode(substr(claimed, 1, 8), 'hex'))::bit(64)::bigint);
    IF customer_id IS NULL AND NOT is_busy THEN
        DELETE FROM tmf_customer.idempotency AS kept WHERE kept.key = claimed AND kept.kept_until <= now();
        SELECT kept.customer_id, kept.revision, kept.doc INTO customer_id, revision, doc
          FROM tmf_customer.idempotency AS kept WHERE kept.key = claimed;
    END IF;
END
$$;

INSERT INTO tmf_customer.schema_version (version) VALUES (3);
