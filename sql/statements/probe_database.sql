-- SPDX-License-Identifier: Apache-2.0
-- Can the database be used?
-- Run by: the probe (src/store/probe.c)
-- Parameters:
--   :owner text       what this httpd's own leases are called
-- Columns:
--   version           of the schema; 0 = it has none
--   others_notify     another httpd has leases of listeners
SELECT coalesce((SELECT max(version) FROM tmf_customer.schema_version), 0) AS version,
       EXISTS (SELECT FROM tmf_customer.hub WHERE leased_until > now() AND leased_by <> :owner) AS others_notify
