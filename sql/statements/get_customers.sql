-- SPDX-License-Identifier: Apache-2.0
-- Reads customers. Nobody waits for the large document of somebody else: whoever gets NULL instead reads it alone. The array
-- hides behind a SELECT, so that the plan does not depend on its length: for a short one, PostgreSQL would plan anew each time.
-- Run by: GET, PATCH, PUT, DELETE B/customer/{id} (src/store/customer_reads.c)
-- Parameters:
--   :ids text[]          their ids
--   :doc_most integer    bytes of a document that is given; NULL = of any
-- Columns:
--   id, revision
--   doc                  its text; NULL = it is larger
SELECT id, revision, CASE WHEN :doc_most IS NULL OR octet_length(doc) <= :doc_most THEN doc END AS doc
  FROM (SELECT id, revision, doc::text AS doc FROM tmf_customer.customer
         WHERE id = ANY ((SELECT :ids)::text[]) OFFSET 0) AS found
