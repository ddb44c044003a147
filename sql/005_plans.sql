-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 5: shorter pauses of writers.

-- Whoever fills the list of what was written last moves it into the index, and waits for that: 50 to 90 ms for
-- 512 kB, which met every request that was written together with that one. Readers walk the list.
ALTER INDEX tmf_customer.customer_doc SET (gin_pending_list_limit = 128);

INSERT INTO tmf_customer.schema_version (version) VALUES (5);
