-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 13: the schema says which modules it serves.

-- NULL: as before this upgrade.
ALTER TABLE tmf_customer.schema_version ADD COLUMN serves_from integer;
COMMENT ON COLUMN tmf_customer.schema_version.serves_from IS
    'The oldest modules that the schema serves from this upgrade on, by the version of the schema that they were written for.';

INSERT INTO tmf_customer.schema_version (version, serves_from) VALUES (13, 13);

-- Its functions, triggers and views: those that were changed since stand here, the others where they stood.
\i ../../../sql/functions/query.sql
\i 013/counters.sql
\i ../../../sql/functions/idempotency.sql
\i ../../../sql/functions/history.sql
\i ../../../sql/functions/notifier.sql
\i ../../../sql/functions/listeners.sql
\i ../../../sql/functions/installation.sql
\i ../../../sql/functions/check.sql
\i ../../../sql/functions/one_customer.sql
\i ../../../sql/functions/views.sql
