-- SPDX-License-Identifier: Apache-2.0
-- Takes the leases of all listeners that have something pending, and renews one's own. Times are the database's: the hosts'
-- clocks need not agree.
-- Run by: the notifier (src/store/outbox.c)
-- Parameters:
--   :owner text
--   :duration interval
-- Columns:
--   id, callback, query, failures    of each listener whose lease was taken or renewed
SELECT id, callback, query, failures FROM tmf_customer.claim(:owner, :duration)
