-- SPDX-License-Identifier: Apache-2.0
-- Counts customers, listeners and deliveries. Of deliveries, those of deleted hubs are only still to be swept up. What is
-- beyond :most costs nothing: a backlog may have any size.
-- Run by: metrics and the status handler (src/store/overview.c)
-- Parameters:
--   :most bigint    deliveries are counted so far
-- Columns:
--   customers, active, paused, disabled, pending, dead
--   oldest_pending    seconds that it waits
SELECT (SELECT coalesce(sum(count), 0) FROM tmf_customer.customer_total WHERE of_all) AS customers,
       count(*) FILTER (WHERE state = 'active' AND NOT coalesce(paused_until > now(), false)) AS active,
       count(*) FILTER (WHERE state = 'active' AND paused_until > now()) AS paused,
       count(*) FILTER (WHERE state = 'disabled') AS disabled,
       (SELECT count(*) FROM (SELECT FROM tmf_customer.delivery AS d
          JOIN tmf_customer.hub ON hub.id = d.hub_id AND hub.state <> 'gone'
         WHERE d.state = 'pending' LIMIT :most) AS found) AS pending,
       (SELECT count(*) FROM (SELECT FROM tmf_customer.delivery AS d
          JOIN tmf_customer.hub ON hub.id = d.hub_id AND hub.state <> 'gone'
         WHERE d.state = 'dead' LIMIT :most) AS found) AS dead,
       (SELECT round(extract(epoch FROM clock_timestamp() - min(first.changed_at))::numeric, 3)
          FROM tmf_customer.hub CROSS JOIN LATERAL (
               SELECT d.changed_at FROM tmf_customer.delivery AS d
                WHERE d.hub_id = hub.id AND d.state = 'pending'
                ORDER BY d.hub_id, d.event_id LIMIT 1) AS first
         WHERE hub.state = 'active') AS oldest_pending
  FROM tmf_customer.hub
