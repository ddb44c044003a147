-- SPDX-License-Identifier: Apache-2.0
-- psql -v n=100000 -f synthetic-customers.sql: adds n customers of the size of the specification's sample.
\set ON_ERROR_STOP on

INSERT INTO tmf_customer.customer (id, doc)
SELECT gen_random_uuid()::text, jsonb_build_object(
    '@type', 'Customer',
    'name', format('%s %s %s', (ARRAY['North','South','East','West','Upper'])[1 + i % 5],
        (ARRAY['Harbour','Valley','Bridge','Forest'])[1 + i / 5 % 4], i),
    'status', (ARRAY['Approved','Created','Suspended','Closed'])[1 + i % 4],
    'statusReason', 'Account details checked',
    'validFor', jsonb_build_object('startDateTime', format('20%s-%s-01T00:00Z',
        lpad((i % 24)::text, 2, '0'), lpad((1 + i % 12)::text, 2, '0')),
        'endDateTime', '2035-12-31T23:59:59Z'),
    'engagedParty', jsonb_build_object('id', (500000 + i)::text, '@referredType', 'Organization',
        'name', format('Organization %s', i), 'href',
        format('https://crm.example/tmf-api/partyManagement/v4/organization/%s', 500000 + i)),
    'account', jsonb_build_array(jsonb_build_object('id', (8000000 + i)::text, 'name', 'Travel Account',
        '@referredType', 'BillingAccount', 'description', 'Monthly bill by post', 'href',
        format('https://crm.example/tmf-api/accountManagement/v4/account/%s', 8000000 + i))),
    'paymentMethod', jsonb_build_array(jsonb_build_object('id', (9000000 + i)::text,
        'name', 'direct debit', '@referredType', 'BankAccountDebit', 'href',
        format('https://crm.example/tmf-api/paymentMethods/v1/paymentMethod/%s', 9000000 + i))),
    'contactMedium', jsonb_build_array(jsonb_build_object('mediumType', 'email', 'preferred', i % 3 = 0,
        'validFor', jsonb_build_object('startDateTime', '2020-06-13T00:00Z'),
        'characteristic', jsonb_build_object('emailAddress', format('customer%s@mail.example', i),
            'contactType', 'home', 'city', (ARRAY['Paris','Lyon','Lille','Nice'])[1 + i % 4],
            'country', 'France', 'postCode', (10000 + i % 80000)::text,
            'street1', format('%s Rue des Canards', 1 + i % 200)))),
    'characteristic', jsonb_build_array(jsonb_build_object('name', 'fidelityProgram',
        'value', (ARRAY['premium','basic'])[1 + i % 2], 'valueType', 'string')),
    'creditProfile', jsonb_build_array(jsonb_build_object('creditProfileDate', '2023-06-15T00:00Z',
        'creditRiskRating', i % 10, 'creditScore', i % 850,
        'validFor', jsonb_build_object('startDateTime', '2023-06-15T00:00Z'))),
    'agreement', jsonb_build_array(jsonb_build_object('id', (4000000 + i)::text,
        'name', 'Summer Contract', '@referredType', 'Agreement', 'href',
        format('https://crm.example/tmf-api/agreementManagement/v4/agreement/%s', 4000000 + i))),
    'relatedParty', jsonb_build_array(jsonb_build_object('id', (2000000 + i)::text, 'name', 'John Doe',
        '@referredType', 'Individual', 'role', 'bill receiver', 'href',
        format('https://crm.example/tmf-api/partyManagement/v4/individual/%s', 2000000 + i))))
FROM generate_series(1, :n) AS i;

VACUUM ANALYZE tmf_customer.customer;
