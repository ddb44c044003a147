-- SPDX-License-Identifier: Apache-2.0
-- Reads a page of a listener's deliveries, in the order of their events, and counts those that were selected, from one
-- snapshot: a row of its own, without a key, when the page is empty.
-- Run by: the status handler's deliveries (src/store/listener_store.c)
-- Parameters:
--   :hub_id text
--   :is_pending boolean     those that are pending,
--   :is_dead boolean        and dead letters
--   :after bigint           the key behind which the page begins; 0 = at the beginning
--   :is_backward boolean    it ends before that key instead
--   :limit bigint           of rows
--   :offset bigint          rows to leave out
--   :most bigint            so many are counted of each kind
-- Columns:
--   is_known                there is such a listener
--   total                   of what was selected
--   key                     NULL when the page is empty, and so are the next
--   event_id, type, at, customer_id, state, attempts, next_attempt, error, since
SELECT known.is_known, counted.total, d.id AS key, d.event_id, d.type,
       to_char(d.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at,
       d.customer_id, d.state, d.attempts,
       to_char(d.next_attempt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS next_attempt,
       d.error,
       to_char(d.changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS since
  FROM (SELECT EXISTS (SELECT FROM tmf_customer.hub WHERE id = :hub_id AND state <> 'gone') AS is_known) AS known
 CROSS JOIN LATERAL (
   SELECT CASE WHEN :is_pending THEN (SELECT count(*) FROM (SELECT FROM tmf_customer.delivery AS d
            WHERE d.hub_id = :hub_id AND d.state = 'pending' LIMIT :most) AS found) ELSE 0 END
        + CASE WHEN :is_dead THEN (SELECT count(*) FROM (SELECT FROM tmf_customer.delivery AS d
            WHERE d.hub_id = :hub_id AND d.state = 'dead' LIMIT :most) AS found) ELSE 0 END AS total) AS counted
  LEFT JOIN LATERAL tmf_customer.page_of_deliveries(:hub_id, :is_pending, :is_dead, :after, :is_backward, :limit, :offset)
    AS d ON known.is_known
