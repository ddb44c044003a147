-- SPDX-License-Identifier: Apache-2.0
-- Reads a page of the history of a customer, the newest row first.
-- No bound of at itself: its index, which is by age alone, must not be taken for it. Documents become text when their row is
-- read: a page may be cut. There is one row at least: the total stands in it also when the page is empty.
-- Run by: GET B/customer/{id}/history (src/store/history.c)
-- Parameters:
--   :id text              the customer
--   :kept_for interval    older rows are none; NULL = there are no such
--   :place bigint         the page begins behind it; NULL = with the newest row
--   :offset bigint        rows to leave out
--   :limit bigint         of rows
-- Columns:
--   total                 rows of this customer
--   is_known              there is, or was, such a customer
--   place                 NULL when the page is empty, and so are the next
--   revision, time, user_name, correlation_id, operation, before
WITH total AS (
  SELECT count(*) FROM tmf_customer.history
   WHERE customer_id = :id AND (:kept_for IS NULL OR at + :kept_for >= now())),
page AS (
  SELECT * FROM tmf_customer.history
   WHERE customer_id = :id AND (:kept_for IS NULL OR at + :kept_for >= now()) AND id < coalesce(:place, 9223372036854775807)
   ORDER BY customer_id DESC, id DESC OFFSET :offset LIMIT :limit)
SELECT listed.count AS total,
       listed.count > 0 OR EXISTS (SELECT FROM tmf_customer.customer WHERE id = :id) AS is_known,
       listed.id AS place, listed.revision,
       to_char(listed.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time,
       listed.user_name, listed.correlation_id, listed.operation, listed.before::text AS before
  FROM (SELECT total.count, page.* FROM total LEFT JOIN page ON true ORDER BY page.id DESC OFFSET 0) AS listed
