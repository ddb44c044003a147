-- SPDX-License-Identifier: Apache-2.0
-- Reads which listeners are behind.
-- Run by: the notifier (src/store/outbox.c)
-- Parameters:
--   :owner text        listeners that others work are left out
--   :least interval    so long their oldest pending event waits
-- Columns:
--   id, callback
--   age                microseconds that the oldest pending event waits
--   pending
SELECT hub_id AS id, callback, (extract(epoch FROM now() - oldest) * 1000000)::bigint AS age, pending
  FROM tmf_customer.backlogs(:owner, :least)
