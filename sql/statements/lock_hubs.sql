-- SPDX-License-Identifier: Apache-2.0
-- One registration at a time, until the end of its transaction: what create_hub.sql counts does not grow meanwhile.
-- Run by: POST B/hub (src/store/hub_store.c)
-- Parameters: none
-- Columns:
--   locked
SELECT pg_catalog.pg_advisory_xact_lock('tmf_customer.hub'::regclass::oid::integer, 1) AS locked
