-- SPDX-License-Identifier: Apache-2.0
-- Deletes a hub; what is still to be sent to it is swept up later.
-- Run by: DELETE B/hub/{id} (src/store/hub_store.c)
-- Parameters:
--   :id text
-- Columns:
--   id          no row when there is no such hub
UPDATE tmf_customer.hub SET state = 'gone', changed_at = now(), twin = id
 WHERE id = :id AND state <> 'gone' RETURNING id
