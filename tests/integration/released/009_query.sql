-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 9: a second 60 is a date-time where a leap second can be, and nowhere else.

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

INSERT INTO tmf_customer.schema_version (version) VALUES (9);
