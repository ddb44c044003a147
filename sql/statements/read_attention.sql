-- SPDX-License-Identifier: Apache-2.0
-- Reads the listeners that need attention first: disabled ones, paused ones, those with dead letters, those whose oldest event
-- has been waiting longest. The state is the number of tmf_listener_state_t; times are microseconds since 1970.
-- Run by: the status handler's page (src/store/attention.c)
-- Parameters:
--   :limit bigint    of rows
--   :most bigint     deliveries of a listener are counted so far
-- Columns:
--   id, callback, state, pending, dead, oldest_pending, ill_since, paused_until, error
--   total            of listeners
SELECT hub.id, hub.callback, hub.state, pending.count AS pending, dead.count AS dead,
       (extract(epoch FROM hub.oldest) * 1000000)::bigint AS oldest_pending,
       (extract(epoch FROM hub.ill_since) * 1000000)::bigint AS ill_since,
       (extract(epoch FROM hub.paused_until) * 1000000)::bigint AS paused_until, hub.error, hub.total
  FROM (SELECT row_number() OVER (ORDER BY hub.state DESC, hub.last_dead IS NULL, hub.oldest NULLS LAST, hub.id) AS place,
               count(*) OVER () AS total, hub.*
          FROM (SELECT hub.id, hub.callback, hub.ill_since, hub.paused_until,
                       CASE WHEN hub.state = 'disabled' THEN 2 WHEN hub.paused_until > now() THEN 1 ELSE 0 END AS state,
                       next.changed_at AS oldest, last.changed_at AS last_dead,
                       coalesce(hub.error, next.error, last.error) AS error
                  FROM tmf_customer.hub
                  LEFT JOIN LATERAL (
                       SELECT d.changed_at, d.error FROM tmf_customer.delivery AS d
                        WHERE d.hub_id = hub.id AND d.state = 'pending'
                        ORDER BY d.hub_id, d.event_id LIMIT 1) AS next ON true
                  LEFT JOIN LATERAL (
                       SELECT d.changed_at, d.error FROM tmf_customer.delivery AS d
                        WHERE d.hub_id = hub.id AND d.state = 'dead'
                        ORDER BY d.hub_id DESC, d.changed_at DESC LIMIT 1) AS last ON true
                 WHERE hub.state <> 'gone') AS hub
         ORDER BY place LIMIT :limit) AS hub
 CROSS JOIN LATERAL (
       SELECT count(*) AS count FROM (SELECT FROM tmf_customer.delivery AS d
        WHERE d.hub_id = hub.id AND d.state = 'pending' LIMIT :most) AS found) AS pending
 CROSS JOIN LATERAL (
       SELECT count(*) AS count FROM (SELECT FROM tmf_customer.delivery AS d
        WHERE d.hub_id = hub.id AND d.state = 'dead' LIMIT :most) AS found) AS dead
 ORDER BY place
