-- SPDX-License-Identifier: Apache-2.0
-- A listener answers again.
-- Run by: the notifier (src/store/outbox.c)
-- Parameters:
--   :owner text    of the lease
--   :id text       the listener
-- Columns:
--   failed_for     microseconds; no row when the lease is not the owner's, or it has not failed
UPDATE tmf_customer.hub SET failures = 0, ill_since = NULL, paused_until = NULL, error = NULL
  FROM (SELECT id, ill_since FROM tmf_customer.hub WHERE id = :id FOR UPDATE) AS before
 WHERE hub.id = before.id AND leased_by = :owner AND failures > 0
RETURNING (extract(epoch FROM now() - coalesce(before.ill_since, now())) * 1000000)::bigint AS failed_for
