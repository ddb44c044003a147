-- SPDX-License-Identifier: Apache-2.0
-- What was written past the API, by its rules.

-- The rule of the API (tmf_customer_check_id in src/model/customer.c): an id is a segment of a URL's path.
CREATE OR REPLACE FUNCTION tmf_customer.problem_of_id(id text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
    SELECT CASE
        WHEN id IS NULL OR octet_length(id) NOT BETWEEN 1 AND 255 THEN 'must have 1 to 255 bytes'
        WHEN id IN ('.', '..') OR position('/' IN id) > 0
            THEN 'must be a segment of a URL''s path: without "/", not "." and not ".."'
        WHEN id COLLATE "C" ~ '[\u0001-\u001F\u007F]' THEN 'may have no control characters'
        WHEN left(id, 1) = ' ' OR right(id, 1) = ' ' THEN 'may not begin or end with a blank'
        END
$$;

-- What a customer is made of, as src/model/customer_schema.c says it; `inside`: what an object, or each element
-- of an array, is made of.
CREATE OR REPLACE FUNCTION tmf_customer.attributes()
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
CREATE OR REPLACE FUNCTION tmf_customer.problem_of_value(value jsonb, kind text) RETURNS text
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
CREATE OR REPLACE FUNCTION tmf_customer.violations(object jsonb, kind text, path text)
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
CREATE OR REPLACE FUNCTION tmf_customer.check() RETURNS TABLE (id text, path text, problem text)
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
REVOKE EXECUTE ON FUNCTION tmf_customer.check() FROM PUBLIC;
