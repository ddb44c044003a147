-- SPDX-License-Identifier: Apache-2.0
-- The keys of creates.

-- Claims a key until the end of the transaction: what was created under it; all NULL when nothing was and
-- the caller may create; or is_busy, when another transaction is about to. Never waits for that one.
--
-- Volatile plpgsql, because each of its statements then has a snapshot of its own: what is read behind the
-- lock includes what its holder before us committed, which the snapshot of the calling statement need
-- not. The caller holds no row locks yet, so waiting for a DELETE of the same row closes no circle.
CREATE OR REPLACE FUNCTION tmf_customer.claim_key(claimed bytea, OUT is_busy boolean, OUT customer_id text,
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
