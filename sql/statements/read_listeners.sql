-- SPDX-License-Identifier: Apache-2.0
-- Reads one listener or all of them, as an operator sees them, oldest first. The view counts everything; what it costs to
-- count so far does not depend on a backlog.
-- Run by: the status handler's listeners (src/store/listener_store.c)
-- Parameters:
--   :id text        NULL = all
--   :most bigint    deliveries of a listener are counted so far
-- Columns:
--   id, callback, query, state, failures, ill_since, paused_until, error, pending, dead, oldest_pending
SELECT l.id, l.callback, l.query,
       CASE WHEN l.state = 'active' AND l.paused_until > now() THEN 'paused' ELSE l.state END AS state,
       l.failures,
       to_char(l.ill_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ill_since,
       to_char(l.paused_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS paused_until,
       l.error,
       (SELECT count(*) FROM (SELECT FROM tmf_customer.delivery AS d
         WHERE d.hub_id = l.id AND d.state = 'pending' LIMIT :most) AS found) AS pending,
       (SELECT count(*) FROM (SELECT FROM tmf_customer.delivery AS d
         WHERE d.hub_id = l.id AND d.state = 'dead' LIMIT :most) AS found) AS dead,
       to_char(l.oldest_pending AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS oldest_pending
  FROM tmf_customer.listeners AS l WHERE (:id IS NULL OR l.id = :id)
 ORDER BY l.created_at, l.id
