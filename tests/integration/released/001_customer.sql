-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 1: customers.

-- Creation order of the default sort. Concurrent creates may take numbers in another order than they
-- commit, which only decides how they sort among themselves.
CREATE SEQUENCE tmf_customer.customer_seq;
-- Every change takes the next number, so no revision (and no ETag) ever returns, not even when a
-- customer is deleted and another is created with the same id.
CREATE SEQUENCE tmf_customer.customer_revision;

CREATE TABLE tmf_customer.customer (
    id         text COLLATE "C" PRIMARY KEY,
    seq        bigint NOT NULL DEFAULT nextval('tmf_customer.customer_seq'),
    revision   bigint NOT NULL DEFAULT nextval('tmf_customer.customer_revision'),
    doc        jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT customer_id_length CHECK (octet_length(id) BETWEEN 1 AND 255),
    CONSTRAINT customer_doc_object CHECK (jsonb_typeof(doc) = 'object' AND NOT doc ?| '{id,href}')
);
COMMENT ON COLUMN tmf_customer.customer.doc IS
    'The customer as the API shows it, without id and href: a reply puts these two in front.';
COMMENT ON COLUMN tmf_customer.customer.revision IS 'Changes with every write; the ETag.';

-- Not unique: a shard could not enforce it, and id breaks ties.
CREATE INDEX customer_seq_id ON tmf_customer.customer (seq, id);

INSERT INTO tmf_customer.schema_version (version) VALUES (1);
