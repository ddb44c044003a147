-- SPDX-License-Identifier: Apache-2.0
-- Gives up a listener's dead letters that are old, and what has been waiting so long when it is disabled.
-- Run by: the status handler (src/store/listener_store.c)
-- Parameters:
--   :id text
--   :older_than interval
-- Columns:
--   count    of them; NULL = there is no such listener
SELECT tmf_customer.purge(:id, :older_than) AS count
