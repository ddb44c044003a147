-- SPDX-License-Identifier: Apache-2.0
-- Counts customers by status, most frequent first.
-- Run by: the status handler (src/store/overview.c)
-- Parameters:
--   :limit bigint    of rows
-- Columns:
--   status           NULL = those that have none
--   count
WITH counted AS (
  SELECT of_all, status, sum(count) AS count FROM tmf_customer.customer_total GROUP BY of_all, status)
SELECT status, count
  FROM (SELECT status, count FROM counted WHERE NOT of_all
        UNION ALL SELECT NULL, (SELECT coalesce(sum(count), 0) FROM counted WHERE of_all)
                             - (SELECT coalesce(sum(count), 0) FROM counted WHERE NOT of_all)) AS all_of_them
 WHERE count > 0 ORDER BY count DESC, status LIMIT :limit
