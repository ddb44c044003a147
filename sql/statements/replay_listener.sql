-- SPDX-License-Identifier: Apache-2.0
-- Sends a listener's dead letters again.
-- Run by: the status handler (src/store/listener_store.c)
-- Parameters:
--   :id text
--   :events uuid[]    NULL = all
-- Columns:
--   count             of them; NULL = there is no such listener
SELECT tmf_customer.replay(:id, :events) AS count
