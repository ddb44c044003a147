-- SPDX-License-Identifier: Apache-2.0
-- Can the database be used?
-- Run by: the probe (src/store/probe.c)
-- Parameters:
--   :owner text       what this httpd's own leases are called
-- Columns:
--   version           of the schema; NULL = it has none
--   serves_from       the oldest module that it serves; NULL = it does not say
--   others_notify     another httpd has leases of listeners
SELECT max(version) AS version,
       max((pg_catalog.to_jsonb(v) ->> 'serves_from')::integer) AS serves_from,
       EXISTS (SELECT FROM tmf_customer.hub WHERE leased_until > now() AND leased_by <> :owner) AS others_notify
  FROM tmf_customer.schema_version AS v
