-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 7: the database says which one it is; counters that nobody needs go; what was written past the API
-- can be looked through, and a copy of a database forgets the original's listeners.

-- ---- which database it is ----

-- One row, made with the schema: a copy of the database has it as well, until forget_hubs() is run there.
CREATE TABLE tmf_customer.installation (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid()
);
INSERT INTO tmf_customer.installation DEFAULT VALUES;

-- A number that is the same for every connection to this database, however it is spelled, and another one for
-- any other database: a copy in the same cluster has another oid, one in another cluster another system
-- identifier; one of the files of a cluster has another port (unless it runs on another host:
-- forget_hubs() tells it apart), and a standby is in recovery. Never 0.
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
    SELECT hashtextextended(concat_ws(' ', (SELECT id FROM tmf_customer.installation LIMIT 1), pg_database.oid, cluster,
                                      current_setting('port'), pg_is_in_recovery()), 0)
      INTO number
      FROM pg_database WHERE datname = current_database();
    RETURN CASE number WHEN 0 THEN 1 ELSE number END;
END
$$;

-- For the owner of a copy of a database, before an httpd uses it: removes all listeners, what was still to be
-- delivered to them, and the keys under which they were registered. The copy gets an identity of its own.
CREATE FUNCTION tmf_customer.forget_hubs(OUT hubs bigint, OUT pending bigint, OUT dead bigint)
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

-- ---- counters ----

-- Removes the counters of those of these statuses that no customer has. A row whose sum with others is 0 can go
-- with them, whatever others there are: the total stays the same. What another transaction is at is left alone, so
-- nobody waits here.
CREATE FUNCTION tmf_customer.drop_counters(statuses text[]) RETURNS void
    LANGUAGE plpgsql AS
$$
DECLARE
    unused text;
BEGIN
    FOR unused IN
        SELECT k.status FROM tmf_customer.customer_count AS k
         WHERE NOT k.of_all AND k.status = ANY (statuses) GROUP BY k.status HAVING sum(k.count) = 0
    LOOP
        WITH locked AS MATERIALIZED (
            SELECT k.slot, k.count FROM tmf_customer.customer_count AS k
             WHERE NOT k.of_all AND k.status = unused FOR UPDATE SKIP LOCKED)
        DELETE FROM tmf_customer.customer_count AS k USING locked
         WHERE NOT k.of_all AND k.status = unused AND k.slot = locked.slot
           AND (SELECT sum(l.count) FROM locked AS l) = 0;
    END LOOP;
END
$$;

-- As before, and statuses that customers have left lose their counters. When two transactions take the last
-- customers of a status away at the same moment, neither sees that: so whoever changes or deletes customers and has
-- to add a counter for that looks at some others, anywhere in the table, which keeps it from growing.
CREATE OR REPLACE FUNCTION tmf_customer.count_customers() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
    own_slot CONSTANT integer := pg_backend_pid() % 32;
    is_new boolean; -- a row was added
    statuses text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tmf_customer.customer_count AS counted
        SELECT grouping(status) = 1, coalesce(status, ''), own_slot, count(*)
          FROM added GROUP BY GROUPING SETS ((), (status))
        HAVING count(*) > 0 AND (grouping(status) = 1 OR status IS NOT NULL) ORDER BY 1, 2
        ON CONFLICT (of_all, status, slot) DO UPDATE SET count = counted.count + excluded.count;
    ELSIF TG_OP = 'DELETE' THEN
        WITH counted AS (
            INSERT INTO tmf_customer.customer_count AS counted
            SELECT grouping(status) = 1, coalesce(status, ''), own_slot, -count(*)
              FROM removed GROUP BY GROUPING SETS ((), (status))
            HAVING count(*) > 0 AND (grouping(status) = 1 OR status IS NOT NULL) ORDER BY 1, 2
            ON CONFLICT (of_all, status, slot) DO UPDATE SET count = counted.count + excluded.count
            RETURNING of_all, status, xmax = 0 AS is_new)
        SELECT bool_or(counted.is_new), array_agg(counted.status) INTO is_new, statuses
          FROM counted WHERE NOT counted.of_all;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH counted AS (
            INSERT INTO tmf_customer.customer_count AS counted
            SELECT false, status, own_slot, sum(change)
              FROM (SELECT status, 1 AS change FROM added UNION ALL SELECT status, -1 FROM removed) AS changed
             WHERE status IS NOT NULL GROUP BY status HAVING sum(change) <> 0 ORDER BY status
            ON CONFLICT (of_all, status, slot) DO UPDATE SET count = counted.count + excluded.count
            RETURNING status, xmax = 0 AS is_new)
        SELECT bool_or(counted.is_new), array_agg(counted.status) INTO is_new, statuses FROM counted;
    ELSE
        DELETE FROM tmf_customer.customer_count;
        RETURN NULL;
    END IF;
    IF is_new THEN
        statuses := statuses || ARRAY(
            SELECT status
              FROM (SELECT DISTINCT status FROM tmf_customer.customer_count TABLESAMPLE SYSTEM (
                           least(100, 819200.0 / greatest(pg_relation_size('tmf_customer.customer_count'), 8192)))
                     WHERE NOT of_all) AS sample
             ORDER BY random() LIMIT 8);
    END IF;
    IF cardinality(statuses) > 0 THEN
        PERFORM tmf_customer.drop_counters(statuses);
    END IF;
    RETURN NULL;
END
$$;

-- ---- what was written past the API ----

-- The rule of the API (tmf_customer_check_id in src/model/customer.c): an id is a segment of a URL's path. install.sql
-- has the table looked through for it at its end, when nobody waits for that.
CREATE FUNCTION tmf_customer.problem_of_id(id text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
    SELECT CASE
        WHEN id IS NULL OR octet_length(id) NOT BETWEEN 1 AND 255 THEN 'must have 1 to 255 bytes'
        WHEN id IN ('.', '..') OR position('/' IN id) > 0
            THEN 'must be a segment of a URL''s path: without "/", not "." and not ".."'
        WHEN id COLLATE "C" ~ '[\u0001-\u001F\u007F]' THEN 'may have no control characters'
        WHEN left(id, 1) = ' ' OR right(id, 1) = ' ' THEN 'may not begin or end with a blank'
        END
$$;

-- The same once more: each statement that writes would look for the function, and take it apart.
ALTER TABLE tmf_customer.customer DROP CONSTRAINT customer_id_length,
    ADD CONSTRAINT customer_id CHECK (
        octet_length(id) BETWEEN 1 AND 255 AND id NOT IN ('.', '..') AND position('/' IN id) = 0
        AND id COLLATE "C" !~ '[\u0001-\u001F\u007F]' AND left(id, 1) <> ' ' AND right(id, 1) <> ' ') NOT VALID;

-- What a customer is made of, as src/model/customer_schema.c says it; `inside`: what an object, or each element
-- of an array, is made of.
CREATE FUNCTION tmf_customer.attributes()
    RETURNS TABLE (owner text, name text, kind text, mandatory boolean, inside text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
    VALUES ('customer', 'name', 'string', true, NULL), ('customer', 'engagedParty', 'object', true, 'party'),
        ('customer', 'status', 'string', false, NULL), ('customer', 'statusReason', 'string', false, NULL),
        ('customer', 'validFor', 'object', false, 'period'), ('customer', 'account', 'array', false, 'account'),
        ('customer', 'agreement', 'array', false, 'entity'),
        ('customer', 'characteristic', 'array', false, 'characteristic'),
        ('customer', 'contactMedium', 'array', false, 'medium'),
        ('customer', 'creditProfile', 'array', false, 'profile'),
        ('customer', 'paymentMethod', 'array', false, 'entity'), ('customer', 'relatedParty', 'array', false, 'party'),
        ('period', 'startDateTime', 'datetime', false, NULL), ('period', 'endDateTime', 'datetime', false, NULL),
        ('account', 'id', 'string', false, NULL), ('account', 'href', 'string', false, NULL),
        ('account', 'name', 'string', true, NULL), ('account', 'description', 'string', false, NULL),
        ('account', '@referredType', 'string', false, NULL),
        ('entity', 'id', 'string', true, NULL), ('entity', 'href', 'string', false, NULL),
        ('entity', 'name', 'string', false, NULL), ('entity', '@referredType', 'string', false, NULL),
        ('party', 'id', 'string', true, NULL), ('party', '@referredType', 'string', true, NULL),
        ('party', 'href', 'string', false, NULL), ('party', 'name', 'string', false, NULL),
        ('party', 'role', 'string', false, NULL),
        ('characteristic', 'name', 'string', true, NULL), ('characteristic', 'value', 'any', true, NULL),
        ('characteristic', 'valueType', 'string', false, NULL),
        ('medium', 'mediumType', 'string', true, NULL), ('medium', 'characteristic', 'object', true, 'address'),
        ('medium', 'preferred', 'boolean', false, NULL), ('medium', 'validFor', 'object', false, 'period'),
        ('address', 'city', 'string', false, NULL), ('address', 'contactType', 'string', false, NULL),
        ('address', 'country', 'string', false, NULL), ('address', 'emailAddress', 'string', false, NULL),
        ('address', 'faxNumber', 'string', false, NULL), ('address', 'phoneNumber', 'string', false, NULL),
        ('address', 'postCode', 'string', false, NULL), ('address', 'socialNetworkId', 'string', false, NULL),
        ('address', 'stateOrProvince', 'string', false, NULL), ('address', 'street1', 'string', false, NULL),
        ('address', 'street2', 'string', false, NULL),
        ('profile', 'creditProfileDate', 'datetime', true, NULL), ('profile', 'validFor', 'object', true, 'period'),
        ('profile', 'creditRiskRating', 'integer', false, NULL), ('profile', 'creditScore', 'integer', false, NULL),
        ('any', '@type', 'string', false, NULL), ('any', '@baseType', 'string', false, NULL),
        ('any', '@schemaLocation', 'uri', false, NULL)
$$;

-- What a value has to be; NULL when it is that.
CREATE FUNCTION tmf_customer.problem_of_value(value jsonb, kind text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
    SELECT CASE
        WHEN kind = 'datetime' THEN CASE
            WHEN jsonb_typeof(value) <> 'string' OR length(value #>> '{}') <= 10
                 OR tmf_customer.instant(value #>> '{}') IS NULL
            THEN 'must be a date-time such as 2018-06-12T00:00Z' END
        WHEN kind = 'integer' THEN CASE
            WHEN jsonb_typeof(value) <> 'number' OR position('.' IN value #>> '{}') > 0
            THEN 'must be an integer, without fraction and exponent' END
        WHEN kind = 'uri' AND jsonb_typeof(value) = 'string' THEN CASE -- RFC 3986, without looking into the authority
            WHEN value #>> '{}' !~ ('^([A-Za-z][A-Za-z0-9+.-]*:|(?![^/?#]*:))(%[0-9A-Fa-f]{2}|[A-Za-z0-9._~!$&''()*+,;=:@/\[\]-])*'
                                    '(\?(%[0-9A-Fa-f]{2}|[A-Za-z0-9._~!$&''()*+,;=:@/?-])*)?'
                                    '(#(%[0-9A-Fa-f]{2}|[A-Za-z0-9._~!$&''()*+,;=:@/?-])*)?$')
            THEN 'must be a URI such as https://schemas.example/customer.json' END
        WHEN kind IN (jsonb_typeof(value), 'any') THEN NULL
        WHEN kind = 'boolean' THEN 'must be true or false'
        WHEN kind IN ('string', 'uri') THEN 'must be a string'
        ELSE 'must be an ' || kind
        END
$$;

-- What the API would refuse in an object of this kind, which stands at `path`.
CREATE FUNCTION tmf_customer.violations(object jsonb, kind text, path text)
    RETURNS TABLE (place text, problem text) LANGUAGE plpgsql STABLE AS
$$
DECLARE
    attribute record;
    value jsonb;
    element jsonb;
    number bigint;
BEGIN
    IF jsonb_typeof(object) <> 'object' THEN
        RETURN QUERY SELECT path, 'must be an object';
        RETURN;
    END IF;
    FOR attribute IN
        SELECT a.*, CASE path WHEN '' THEN '' ELSE path || '.' END || a.name AS place
          FROM tmf_customer.attributes() AS a
         WHERE a.owner IN (violations.kind, 'any') AND (a.mandatory OR object ? a.name)
    LOOP
        value := nullif(object -> attribute.name, 'null');
        place := attribute.place;
        problem := CASE
            WHEN value IS NOT NULL THEN tmf_customer.problem_of_value(value, attribute.kind)
            WHEN attribute.mandatory THEN 'is mandatory' END;
        IF problem IS NULL AND attribute.mandatory AND attribute.kind = 'string'
           AND btrim(value #>> '{}', E' \t\r\n\f\x0B') = '' THEN
            problem := 'is mandatory and may not be blank';
        END IF;
        IF problem IS NOT NULL THEN
            RETURN NEXT;
        ELSIF attribute.kind = 'object' AND value IS NOT NULL THEN
            RETURN QUERY SELECT * FROM tmf_customer.violations(value, attribute.inside, attribute.place);
        ELSIF attribute.kind = 'array' AND value IS NOT NULL THEN
            FOR element, number IN SELECT * FROM jsonb_array_elements(value) WITH ORDINALITY LOOP
                RETURN QUERY SELECT * FROM tmf_customer.violations(
                    element, attribute.inside, format('%s[%s]', attribute.place, number - 1));
            END LOOP;
        END IF;
    END LOOP;
    IF kind = 'period'
       AND tmf_customer.instant(object ->> 'endDateTime') < tmf_customer.instant(object ->> 'startDateTime') THEN
        RETURN QUERY SELECT path || '.endDateTime', 'may not be before startDateTime';
    END IF;
END
$$;

-- For the operator, after customers were written past the API: which of them it would refuse, and why. `path` is the
-- place in the customer. Looks at every customer; nothing waits for it.
CREATE FUNCTION tmf_customer.check() RETURNS TABLE (id text, path text, problem text)
    LANGUAGE sql STABLE AS
$$
    SELECT c.id, found.place, found.problem
      FROM tmf_customer.customer AS c CROSS JOIN LATERAL (
           SELECT 'id' AS place, tmf_customer.problem_of_id(c.id) AS problem
           UNION ALL SELECT name, 'may not stand in the document: a reply puts it in front'
             FROM unnest(ARRAY['id', 'href']) AS name WHERE jsonb_typeof(c.doc) = 'object' AND c.doc ? name
           UNION ALL SELECT '@type', 'is missing: every reply shows one'
            WHERE jsonb_typeof(c.doc) = 'object' AND c.doc -> '@type' IS NULL
           UNION ALL SELECT v.place, v.problem FROM tmf_customer.violations(c.doc, 'customer', '') AS v) AS found
     WHERE found.problem IS NOT NULL
     ORDER BY c.seq, c.id
$$;

REVOKE ALL ON tmf_customer.installation FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION tmf_customer.identity(), tmf_customer.forget_hubs(), tmf_customer.drop_counters(text[]),
    tmf_customer.check() FROM PUBLIC;

-- Nobody writes customers meanwhile: their table is locked since its constraint was changed.
DELETE FROM tmf_customer.customer_count
 WHERE NOT of_all AND status IN (SELECT status FROM tmf_customer.customer_count WHERE NOT of_all
                                  GROUP BY status HAVING sum(count) = 0);
INSERT INTO tmf_customer.schema_version (version) VALUES (7);
