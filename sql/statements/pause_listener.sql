-- SPDX-License-Identifier: Apache-2.0
-- Leaves a listener alone for a while, or for good, and gives its lease back.
-- Run by: the notifier (src/store/outbox.c)
-- Parameters:
--   :owner text              of the lease
--   :id text                 the listener
--   :failures integer        in a row
--   :pause interval
--   :failing_most interval    a listener that has been failing for so long is disabled
--   :disable boolean         at once
--   :error text
-- Columns:
--   is_disabled              no row when the lease is not the owner's
--   is_first                 it was well before
UPDATE tmf_customer.hub
   SET failures = :failures, ill_since = coalesce(ill_since, now()), paused_until = now() + :pause, error = :error,
       leased_by = NULL, leased_until = NULL, changed_at = now(),
       state = CASE WHEN :disable OR ill_since < now() - :failing_most THEN 'disabled' ELSE 'active' END
 WHERE id = :id AND leased_by = :owner AND state = 'active'
RETURNING state = 'disabled' AS is_disabled, ill_since = now() AS is_first
