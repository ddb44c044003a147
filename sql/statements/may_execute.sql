-- SPDX-License-Identifier: Apache-2.0
-- May this role execute a function? Asked beforehand: a refusal of the statement itself could be one of anything within it.
-- Run by: enable_listener, replay_listener, purge_listener (src/store/listener_store.c)
-- Parameters:
--   :function text    with the types of its parameters
-- Columns:
--   may
SELECT pg_catalog.has_function_privilege(:function, 'EXECUTE') AS may
