-- SPDX-License-Identifier: Apache-2.0
-- What lists select and sort by.

-- What a date-time denotes, in seconds since 1970, exact to the last digit; NULL for any other text.
-- Reads what model/datetime.c reads (RFC 3339 with optional seconds), and a date alone as its midnight
-- UTC. PostgreSQL's own input would stop at microseconds and raise errors.
CREATE OR REPLACE FUNCTION tmf_customer.instant(written text) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$
DECLARE
    day     date;
    since   bigint;
    zone    integer;
    ends    bigint; -- of second 60
    seconds text; -- with their fraction, up to 1000 digits; '' when there are none
BEGIN
    IF written !~ ('^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?:[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]'
                   '(?::(?:[0-5][0-9]|60)(?:\.[0-9]+)?)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]))?$')
       OR left(written, 4) = '0000' THEN
        RETURN NULL;
    END IF;
    day := make_date(left(written, 4)::int, substr(written, 6, 2)::int, 1) + (substr(written, 9, 2)::int - 1);
    IF extract(month FROM day) <> substr(written, 6, 2)::int THEN
        RETURN NULL; -- the 31st of June
    END IF;
    since := (day - date '1970-01-01') * 86400::bigint;
    IF length(written) = 10 THEN
        RETURN since;
    END IF;
    since := since + substr(written, 12, 2)::int * 3600 + substr(written, 15, 2)::int * 60;
    IF right(written, 1) IN ('Z', 'z') THEN
        seconds := ltrim(substr(written, 17, length(written) - 17), ':');
    ELSE
        seconds := ltrim(substr(written, 17, length(written) - 22), ':');
        zone := left(right(written, 5), 2)::int * 3600 + right(written, 2)::int * 60;
        since := since - CASE left(right(written, 6), 1) WHEN '-' THEN -zone ELSE zone END;
    END IF;
    IF seconds LIKE '60%' THEN -- 23:59:60 UTC on the last day of a month
        ends := since + 60;
        IF ends % 86400 <> 0 OR extract(day FROM date '1970-01-01' + (ends / 86400)::int) <> 1 THEN
            RETURN NULL;
        END IF;
    END IF;
    RETURN CASE WHEN seconds = '' THEN since WHEN length(seconds) <= 1003 THEN since + seconds::numeric END;
END
$$;

-- A JSON value against the operand of a filter: <0, 0, >0, or NULL when the two cannot be compared.
-- The value's type decides: numbers against the operand read as a number, date-times against it read as
-- an instant (both NULL when it is none), other strings by code point.
CREATE OR REPLACE FUNCTION tmf_customer.compare(value jsonb, operand text, number numeric, instant numeric)
    RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
    SELECT CASE jsonb_typeof(value)
        WHEN 'number' THEN numeric_cmp(value::numeric, number)
        WHEN 'string' THEN coalesce(
            CASE WHEN instant IS NOT NULL THEN numeric_cmp(tmf_customer.instant(value #>> '{}'), instant) END,
            bttextcmp((value #>> '{}') COLLATE "C", operand))
        END
$$;

-- Where a JSON value stands in a sorted list; the type says by what.
CREATE OR REPLACE FUNCTION tmf_customer.sort_key(value jsonb) RETURNS tmf_customer.sort_key
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
$$
DECLARE
    instant numeric;
BEGIN
    CASE jsonb_typeof(value)
    WHEN 'number' THEN
        RETURN (1, value::numeric, NULL::text);
    WHEN 'string' THEN
        instant := tmf_customer.instant(value #>> '{}');
        IF instant IS NULL THEN
            RETURN (3, NULL::numeric, value #>> '{}');
        END IF;
        RETURN (2, instant, NULL::text);
    WHEN 'boolean' THEN
        RETURN (4, value::boolean::integer::numeric, NULL::text);
    WHEN 'array', 'object' THEN
        RETURN (5, NULL::numeric, NULL::text);
    ELSE
        RETURN NULL;
    END CASE;
END
$$;

-- RFC 3986 §2.3, as api/representation.c writes an id into an href.
CREATE OR REPLACE FUNCTION tmf_customer.encode_segment(segment text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$
BEGIN
    IF segment COLLATE "C" ~ '^[0-9A-Za-z._~-]*$' THEN
        RETURN segment;
    END IF;
    RETURN (
        SELECT string_agg(CASE
            WHEN byte < 128 AND chr(byte) COLLATE "C" ~ '[0-9A-Za-z._~-]' THEN chr(byte)
            ELSE '%' || upper(lpad(to_hex(byte), 2, '0')) END, '' ORDER BY position)
        FROM generate_series(0, octet_length(segment) - 1) AS position,
             get_byte(convert_to(segment, 'UTF8'), position) AS byte);
END
$$;
