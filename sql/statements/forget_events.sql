-- SPDX-License-Identifier: Apache-2.0
-- Deletes events that nobody waits for any more. A statement of its own, behind record_delivered.sql: of two notifiers that
-- deliver one event last, the later one sees that.
-- Run by: the notifier (src/store/outbox.c)
-- Parameters:
--   :events bigint[]
-- Columns:
--   done
SELECT tmf_customer.forget(:events) AS done
