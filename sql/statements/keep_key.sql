-- SPDX-License-Identifier: Apache-2.0
-- Keeps what has been created under an Idempotency-Key that was claimed before. Two keys whose time is up go for each that
-- comes, so the table cannot grow beyond what is to be kept; who finds the oldest being removed takes the next.
-- Run by: POST B/hub with a key (src/store/idempotency.c)
-- Parameters:
--   :key text           with all that it is scoped by
--   :doc jsonb          what was to be created
--   :id text            of what has been created
--   :kept_for bigint    microseconds
-- Columns: none
WITH due AS MATERIALIZED (
  SELECT key FROM tmf_customer.idempotency WHERE kept_until <= now()
   ORDER BY kept_until LIMIT 2 FOR UPDATE SKIP LOCKED),
swept AS (DELETE FROM tmf_customer.idempotency AS old USING due WHERE old.key = due.key)
INSERT INTO tmf_customer.idempotency (key, customer_id, revision, doc, kept_until)
VALUES (sha256(convert_to(:key, 'UTF8')), :id, 0, :doc, now() + :kept_for * interval '1 microsecond')
