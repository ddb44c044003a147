-- SPDX-License-Identifier: Apache-2.0
-- Deletes a small batch of what nobody needs.
-- Run by: the notifier (src/store/outbox.c)
-- Parameters:
--   :retention interval    dead letters, and deliveries of disabled listeners, go when they are older
--   :position bigint       events behind it are looked at
-- Columns:
--   next_id                position of the next time
--   more                   there may be more to delete
SELECT next_id, more FROM tmf_customer.sweep(:retention, :position)
