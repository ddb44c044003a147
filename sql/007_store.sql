-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 7: the database says which one it is.

-- One row, made with the schema: a copy of the database has it as well, until forget_hubs() is run there.
CREATE TABLE tmf_customer.installation (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid()
);
INSERT INTO tmf_customer.installation DEFAULT VALUES;
REVOKE ALL ON tmf_customer.installation FROM PUBLIC;

-- A number that is the same for every connection to this database, however it is spelled, and another one for
-- any other database: a copy in the same cluster has another oid, one in another cluster another system
-- identifier; one of the files of a cluster has another port, and a standby is in recovery. Never 0.
CREATE FUNCTION tmf_customer.identity() RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
    cluster bigint;
    number bigint;
BEGIN
    IF has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') THEN
        SELECT system_identifier INTO cluster FROM pg_control_system();
    END IF;
    SELECT hashtextextended(concat_ws(' ', installation.id, pg_database.oid, cluster, current_setting('port'),
                                      pg_is_in_recovery()), 0)
      INTO number
      FROM tmf_customer.installation, pg_database WHERE datname = current_database();
    RETURN CASE number WHEN 0 THEN 1 ELSE number END;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.identity() FROM PUBLIC;

INSERT INTO tmf_customer.schema_version (version) VALUES (7);
