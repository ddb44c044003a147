-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 13: the schema says which modules it serves.

-- NULL: as before this upgrade.
ALTER TABLE tmf_customer.schema_version ADD COLUMN serves_from integer;
COMMENT ON COLUMN tmf_customer.schema_version.serves_from IS
    'The oldest modules that the schema serves from this upgrade on, by the version of the schema that they were written for.';

INSERT INTO tmf_customer.schema_version (version, serves_from) VALUES (13, 13);

-- Its functions, triggers and views.
\i 013/query.sql
\i 013/counters.sql
\i 013/idempotency.sql
\i 013/history.sql
\i 013/notifier.sql
\i 013/listeners.sql
\i 013/installation.sql
\i 013/check.sql
\i 013/one_customer.sql
\i 013/views.sql
