-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 8: what operators see of listeners that refuse events, and that fall behind.

-- The error is what made the listener pause, else the last of the refusals that have not been settled yet.
CREATE OR REPLACE VIEW tmf_customer.listeners AS
    SELECT hub.id, hub.callback, hub.query, hub.state, hub.failures, hub.ill_since, hub.paused_until,
           coalesce(hub.error,
                    (SELECT d.error FROM tmf_customer.delivery AS d WHERE d.hub_id = hub.id AND d.error IS NOT NULL
                      ORDER BY coalesce(d.next_attempt_at, d.changed_at) DESC LIMIT 1)) AS error,
           (SELECT count(*) FROM tmf_customer.delivery AS d WHERE d.hub_id = hub.id AND d.state = 'pending')
               AS pending,
           (SELECT count(*) FROM tmf_customer.delivery AS d WHERE d.hub_id = hub.id AND d.state = 'dead') AS dead,
           (SELECT d.changed_at FROM tmf_customer.delivery AS d WHERE d.hub_id = hub.id AND d.state = 'pending'
             ORDER BY d.hub_id, d.event_id LIMIT 1) AS oldest_pending
      FROM tmf_customer.hub WHERE hub.state <> 'gone';

-- Active listeners, but for those that others work, whose oldest pending event has been waiting for `at_least`: since when,
-- and how many are pending, counted up to 1,000.
CREATE FUNCTION tmf_customer.backlogs(owner text, at_least interval)
    RETURNS TABLE (hub_id text, callback text, oldest timestamptz, pending bigint)
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
    SET enable_hashjoin = off SET enable_mergejoin = off AS
$$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT hub.id, hub.callback, first.changed_at, counted.pending
      FROM tmf_customer.hub
           CROSS JOIN LATERAL (
                SELECT d.changed_at FROM tmf_customer.delivery AS d
                 WHERE d.hub_id = hub.id AND d.state = 'pending' ORDER BY d.hub_id, d.event_id LIMIT 1) AS first
           CROSS JOIN LATERAL (
                SELECT count(*) AS pending
                  FROM (SELECT FROM tmf_customer.delivery AS d
                         WHERE d.hub_id = hub.id AND d.state = 'pending' ORDER BY d.hub_id, d.event_id LIMIT 1000) AS few) AS counted
     WHERE hub.state = 'active' AND first.changed_at <= now() - backlogs.at_least
       AND (hub.leased_by IS NULL OR hub.leased_by = backlogs.owner OR hub.leased_until < now());
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.backlogs(text, interval) FROM PUBLIC;

INSERT INTO tmf_customer.schema_version (version) VALUES (8);
