-- SPDX-License-Identifier: Apache-2.0
-- Who changed what.

-- Removes rows older than `kept` (NULL = none), the oldest `most` (128, if it says more or NULL) of them that nobody
-- else is removing; returns how many. Whoever changes a customer removes two, so the table cannot grow beyond what is to
-- be kept.
CREATE OR REPLACE FUNCTION tmf_customer.expire_history(kept interval, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_sort = off AS -- see notifier.sql
$$
DECLARE
    old record;
    removed bigint := 0;
BEGIN
    FOR old IN
        SELECT h.customer_id, h.id FROM tmf_customer.history AS h WHERE h.at < now() - expire_history.kept
         ORDER BY h.at LIMIT least(expire_history.most, 128) FOR UPDATE SKIP LOCKED
    LOOP
        DELETE FROM tmf_customer.history AS h WHERE h.customer_id = old.customer_id AND h.id = old.id;
        removed := removed + 1;
    END LOOP;
    RETURN removed;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.expire_history(interval, bigint) FROM PUBLIC;
