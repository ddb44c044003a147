-- SPDX-License-Identifier: Apache-2.0
-- Deletes deliveries that have arrived.
-- Run by: the notifier (src/store/outbox.c)
-- Parameters:
--   :hub_ids text[]
--   :events bigint[]
-- Columns:
--   done
SELECT tmf_customer.deliver(:hub_ids, :events) AS done
