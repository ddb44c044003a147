-- SPDX-License-Identifier: Apache-2.0
-- Adds synthetic customers, each of the size of the specification's sample (about 1.7 kB of JSON).
--
--   psql -v n=10000 -f synthetic-customers.sql        as the role that owns the schema
--
-- The same n gives the same customers each time, but for their ids.

\set ON_ERROR_STOP on
\if :{?n}
\else
  \set n 1000
\endif

-- One of the choices, or a number below the bound: decided by the customer's number and the attribute.
CREATE FUNCTION pg_temp.below(bound int, customer int, attribute int) RETURNS int
    LANGUAGE sql IMMUTABLE AS
$$ SELECT (hashint4extended(customer, attribute) & 1073741823)::int % bound $$;
CREATE FUNCTION pg_temp.pick(choices text[], customer int, attribute int) RETURNS text
    LANGUAGE sql IMMUTABLE AS
$$ SELECT choices[1 + pg_temp.below(cardinality(choices), customer, attribute)] $$;
CREATE FUNCTION pg_temp.day(first date, customer int, attribute int) RETURNS text
    LANGUAGE sql IMMUTABLE AS
$$ SELECT to_char(first + pg_temp.below(1400, customer, attribute), 'YYYY-MM-DD"T00:00:00Z"') $$;
CREATE FUNCTION pg_temp.ref(type text, path text, customer int, attribute int, name text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE AS
$$ SELECT jsonb_build_object('@referredType', type, 'id', id, 'name', name,
                             'href', 'https://host.example/tmf-api/' || path || '/' || id)
     FROM (SELECT (100000 + pg_temp.below(900000, customer, attribute))::text AS id) AS party $$;

INSERT INTO tmf_customer.customer (id, doc)
SELECT gen_random_uuid()::text, jsonb_build_object(
    '@type', 'Customer',
    'name', club,
    'status', state[1],
    'statusReason', state[2],
    'validFor', valid_for,
    'engagedParty', pg_temp.ref('Organization', 'partyManagement/v4/organization', i, 1,
        pg_temp.pick('{Happy,Merry,Brave,Quiet,Swift,Noble}', i, 2) || ' ' ||
        pg_temp.pick('{Travellers,Builders,Bakers,Sailors,Gardeners}', i, 3)),
    'account', jsonb_build_array(
        pg_temp.ref('BillingAccount', 'accountManagement/v4/account', i, 4,
            pg_temp.pick('{Travel,Main,Mobile,"Fixed line",Events}', i, 5) || ' Account')
        || jsonb_build_object('description', 'Pays for the ' || club)),
    'paymentMethod', jsonb_build_array(
        pg_temp.ref(pg_temp.pick('{CreditCardPayment,BankTransfer,DirectDebit}', i, 6),
            'paymentMethods/v1/paymentMethod', i, 7,
            pg_temp.pick('{professional,private,shared}', i, 8) || ' payment')),
    'contactMedium', jsonb_build_array(jsonb_build_object(
        '@type', 'TelephoneMedium',
        '@schemaLocation', 'https://schemas.example/TelephoneMedium.schema.json',
        'preferred', pg_temp.below(2, i, 9) = 1,
        'mediumType', 'TelephoneNumber',
        'validFor', valid_for,
        'characteristic', jsonb_build_object(
            'city', place[1],
            'country', place[2],
            'postCode', (10000 + pg_temp.below(90000, i, 10))::text,
            'street1', 1 + pg_temp.below(120, i, 11) || ' ' ||
                pg_temp.pick('{Station,Garden,Mill,Harbour,Church}', i, 12) || ' Street',
            'emailAddress', lower(replace(club, ' ', '.')) || '@mail.example',
            'contactType', pg_temp.pick('{home,work,billing}', i, 13)))),
    'characteristic', jsonb_build_array(jsonb_build_object(
        'name', 'fidelityProgram',
        'value', pg_temp.pick('{basic,silver,gold,premium}', i, 14),
        'valueType', 'string')),
    'creditProfile', jsonb_build_array(jsonb_build_object(
        'creditProfileDate', pg_temp.day('2018-01-01', i, 15),
        'creditRiskRating', 1 + pg_temp.below(10, i, 16),
        'creditScore', 300 + pg_temp.below(550, i, 17),
        'validFor', valid_for)),
    'agreement', jsonb_build_array(
        pg_temp.ref('Agreement', 'agreementManagement/v4/agreement', i, 18,
            pg_temp.pick('{Summer,Winter,Yearly,Family,Business}', i, 19) || ' Contract Agreement')),
    'relatedParty', jsonb_build_array(
        pg_temp.ref('Individual', 'partyManagement/v4/individual', i, 20,
            pg_temp.pick('{John,Jane,Amina,Luca,Mei,Olga,Pedro,Zoë}', i, 21) || ' ' ||
            pg_temp.pick('{Doe,Smith,Okafor,Rossi,Chen,Novák,García,Lindström}', i, 22))
        || jsonb_build_object('role',
            pg_temp.pick('{"bill receiver",owner,"technical contact"}', i, 23))))
FROM generate_series(1, :n) AS i
CROSS JOIN LATERAL (SELECT
    pg_temp.pick('{Moon,Sun,Mars,Venus,Orion,Comet,Nova}', i, 24) || ' ' ||
        pg_temp.pick('{Football,Rowing,Chess,Sailing,Tennis}', i, 25) || ' Club ' || i AS club,
    string_to_array(pg_temp.pick('{Initialized|Application received,Approved|Account details checked,
        Suspended|Payment is overdue,Closed|Terminated by the customer}', i, 26), '|') AS state,
    string_to_array(pg_temp.pick(
        '{Paris|France,Lyon|France,Berlin|Germany,Madrid|Spain,Rome|Italy,Dublin|Ireland}', i, 27), '|')
        AS place,
    jsonb_build_object('startDateTime', pg_temp.day('2018-01-01', i, 28),
                       'endDateTime', pg_temp.day('2027-01-01', i, 29)) AS valid_for
) AS customer;

VACUUM ANALYZE tmf_customer.customer;
