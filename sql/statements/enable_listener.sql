-- SPDX-License-Identifier: Apache-2.0
-- Tries a listener again from now on, disabled or paused as it may be.
-- Run by: the status handler (src/store/listener_store.c)
-- Parameters:
--   :id text
-- Columns:
--   count    1; NULL = there is no such listener
SELECT CASE WHEN tmf_customer.enable(:id) THEN 1 END AS count
