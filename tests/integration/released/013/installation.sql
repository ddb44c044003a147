-- SPDX-License-Identifier: Apache-2.0
-- Which database it is.

-- A number that is the same for every connection to this database, however it is spelled, and another one for
-- any other database: a copy in the same cluster has another oid, one in another cluster another system
-- identifier; one of the files of a cluster has another port (unless it runs on another host:
-- forget_hubs() tells it apart), and a standby is in recovery. Never 0.
CREATE OR REPLACE FUNCTION tmf_customer.identity() RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
    cluster bigint;
    number bigint;
BEGIN
    IF has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') THEN
        SELECT system_identifier INTO cluster FROM pg_control_system();
    END IF;
    SELECT hashtextextended(concat_ws(' ', (SELECT id FROM tmf_customer.installation LIMIT 1), pg_database.oid, cluster,
                                      current_setting('port'), pg_is_in_recovery()), 0)
      INTO number
      FROM pg_database WHERE datname = current_database();
    RETURN CASE number WHEN 0 THEN 1 ELSE number END;
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.identity() FROM PUBLIC;

-- For the owner of a copy of a database, before an httpd uses it: removes all listeners, what was still to be
-- delivered to them, and the keys under which they were registered. The copy gets an identity of its own.
CREATE OR REPLACE FUNCTION tmf_customer.forget_hubs(OUT hubs bigint, OUT pending bigint, OUT dead bigint)
    LANGUAGE plpgsql AS
$$
BEGIN
    LOCK TABLE tmf_customer.hub, tmf_customer.event, tmf_customer.delivery IN ACCESS EXCLUSIVE MODE;
    SELECT count(*) INTO hubs FROM tmf_customer.hub WHERE state <> 'gone';
    SELECT count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'dead')
      INTO pending, dead FROM tmf_customer.delivery;
    DELETE FROM tmf_customer.idempotency WHERE customer_id IN (SELECT id FROM tmf_customer.hub);
    TRUNCATE tmf_customer.hub, tmf_customer.event, tmf_customer.delivery;
    UPDATE tmf_customer.installation SET id = gen_random_uuid();
END
$$;
REVOKE EXECUTE ON FUNCTION tmf_customer.forget_hubs() FROM PUBLIC;
