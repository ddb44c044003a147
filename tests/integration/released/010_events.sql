-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 10: what is due is bounded by what its events take where they are sent.

-- tmf_customer.due() counts the bytes of events as they are stored: compressed, a hundred times as many could come at once.
-- An event is written once and read once, so that compressing it does not pay either.
ALTER TABLE tmf_customer.event ALTER COLUMN customer SET STORAGE EXTERNAL;

INSERT INTO tmf_customer.schema_version (version) VALUES (10);
