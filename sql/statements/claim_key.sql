-- SPDX-License-Identifier: Apache-2.0
-- Claims an Idempotency-Key until the transaction ends, and says what has been created under it.
-- Run by: POST B/hub with a key (src/store/idempotency.c)
-- Parameters:
--   :key text     with all that it is scoped by
--   :doc jsonb    what is to be created
-- Columns:
--   id            of what has been created; NULL = nothing yet
--   is_busy       somebody else has claimed it at the moment
--   is_other      it was used for something else
SELECT customer_id AS id, is_busy, doc <> :doc AS is_other
  FROM tmf_customer.claim_key(sha256(convert_to(:key, 'UTF8')))
