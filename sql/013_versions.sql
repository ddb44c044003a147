-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 13: the schema says which modules it serves.

-- NULL: as before this upgrade.
ALTER TABLE tmf_customer.schema_version ADD COLUMN serves_from integer;
COMMENT ON COLUMN tmf_customer.schema_version.serves_from IS
    'The oldest modules that the schema serves from this upgrade on, by the version of the schema that they were written for.';

INSERT INTO tmf_customer.schema_version (version, serves_from) VALUES (13, 13);
