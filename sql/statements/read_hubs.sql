-- SPDX-License-Identifier: Apache-2.0
-- Reads one hub or all of them, oldest first.
-- Run by: GET B/hub, GET B/hub/{id} (src/store/hub_store.c)
-- Parameters:
--   :id text    NULL = all
-- Columns:
--   id, callback, query
SELECT id, callback, query FROM tmf_customer.hub
 WHERE state <> 'gone' AND (:id IS NULL OR id = :id) ORDER BY created_at, id
