-- SPDX-License-Identifier: Apache-2.0
-- Installs the schema tmf_customer, or upgrades it to the version that this release of the module
-- knows. Safe to run again at any time, also while servers run.
--
--   psql -v runtime_role=ROLE -f install.sql        as the role that shall own the schema
--
-- runtime_role (default tmf_customer) is the role that DBDParams names: it may read and write
-- customers, and nothing else. It must exist; when it is the owner itself, nothing is granted.
--
-- With -v govern=yes it may also enable listeners, and replay and purge what could not be delivered to them:
-- what the handler tmf-customer-status does for operators. To take that away again, REVOKE it.

\set ON_ERROR_STOP on
\if :{?runtime_role}
\else
  \set runtime_role tmf_customer
\endif
\if :{?govern}
\else
  \set govern no
\endif

BEGIN;
SET LOCAL client_min_messages = warning;
-- Whoever waits for a table lets all others wait behind: rather fail, to be run again.
SET LOCAL lock_timeout = '10s';
-- One installer at a time; the number is "TMF629" in ASCII.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(92690867171897); END $$;

SELECT current_setting('server_version_num')::int < 130000 AS too_old,
       current_setting('server_encoding') <> 'UTF8' AS not_utf8 \gset
\if :too_old
  DO $$ BEGIN RAISE EXCEPTION 'mod_tmf_customer needs PostgreSQL 13 or newer'; END $$;
\endif
\if :not_utf8
  DO $$ BEGIN RAISE EXCEPTION 'mod_tmf_customer needs a database with the encoding UTF8'; END $$;
\endif

CREATE SCHEMA IF NOT EXISTS tmf_customer;
CREATE TABLE IF NOT EXISTS tmf_customer.schema_version (
    version    integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tmf_customer.schema_version IS
    'One row for each upgrade applied. Module and schema find here whether they serve each other.';

-- Tables, indexes and data: what is missing of them. Numbers without a file changed functions alone.
SELECT coalesce(max(version), 0) < 1 AS apply_001,
       coalesce(max(version), 0) < 2 AS apply_002,
       coalesce(max(version), 0) < 3 AS apply_003,
       coalesce(max(version), 0) < 4 AS apply_004,
       coalesce(max(version), 0) < 5 AS apply_005,
       coalesce(max(version), 0) < 6 AS apply_006,
       coalesce(max(version), 0) < 7 AS apply_007,
       coalesce(max(version), 0) < 10 AS apply_010,
       coalesce(max(version), 0) < 11 AS apply_011,
       coalesce(max(version), 0) < 12 AS apply_012,
       coalesce(max(version), 0) < 13 AS apply_013,
       coalesce(max(version), 0) < 14 AS apply_014
  FROM tmf_customer.schema_version \gset
\if :apply_001
  \ir 001_customer.sql
\endif
\if :apply_002
  \ir 002_query.sql
\endif
\if :apply_003
  \ir 003_change.sql
\endif
\if :apply_004
  \ir 004_notify.sql
\endif
\if :apply_005
  \ir 005_plans.sql
\endif
\if :apply_006
  \ir 006_due.sql
\endif
\if :apply_007
  \ir 007_store.sql
\endif
\if :apply_010
  \ir 010_events.sql
\endif
\if :apply_011
  \ir 011_history.sql
\endif
\if :apply_012
  \ir 012_listeners.sql
\endif
\if :apply_013
  \ir 013_versions.sql
\endif
\if :apply_014
  \ir 014_counters.sql
\endif

-- All functions, triggers and views, as this release has them.
\ir functions/query.sql
\ir functions/counters.sql
\ir functions/idempotency.sql
\ir functions/history.sql
\ir functions/notifier.sql
\ir functions/listeners.sql
\ir functions/installation.sql
\ir functions/check.sql
\ir functions/one_customer.sql
\ir functions/views.sql

\ir grants.sql
COMMIT;

-- Looks at every customer, while all others go on reading and writing.
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'tmf_customer.customer'::regclass AND conname = 'customer_id'
                  AND NOT convalidated) THEN
        ALTER TABLE tmf_customer.customer VALIDATE CONSTRAINT customer_id;
    END IF;
EXCEPTION WHEN check_violation THEN
    RAISE WARNING 'tmf_customer.customer has ids that the API cannot address: SELECT * FROM tmf_customer.check()';
END $$;
