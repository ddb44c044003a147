-- SPDX-License-Identifier: Apache-2.0
-- Who changed what.

-- Removes rows older than `kept` (NULL = none), the oldest `most` (128, if it says more or NULL) of them that nobody
-- else is removing; returns how many. Whoever changes a customer removes two, so the table cannot grow beyond what is to
-- be kept.
CREATE OR REPLACE FUNCTION tmf_customer.expire_history(kept interval, most bigint) RETURNS bigint
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
REVOKE EXECUTE ON FUNCTION tmf_customer.expire_history(interval, bigint) FROM PUBLIC;
