-- SPDX-License-Identifier: Apache-2.0
-- Reads what is due for leased listeners, oldest first. All lists stand in one array each, of which a listener has a slice.
-- Run by: the notifier (src/store/outbox.c)
-- Parameters:
--   :owner text
--   :hub_ids text[]              the listeners
--   :wanted boolean[]            read deliveries, or only see whether the lease is still the owner's
--   :first_held integer[]        slice of held, for each listener
--   :last_held integer[]
--   :first_withheld integer[]    slice of withheld, for each listener
--   :last_withheld integer[]
--   :held bigint[]               events to leave out
--   :withheld text[]             customers to leave out
--   :budget bigint               bytes of documents
-- Columns:
--   listener                     its place in the array, from 0
--   id, customer_id, attempts, wait, event_id, time, type, href, changed, correlation_id, customer, traceparent, tracestate
SELECT place - 1 AS listener, id, customer_id, attempts,
       (extract(epoch FROM next_attempt_at - now()) * 1000000)::bigint AS wait, event_id,
       to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time, type, href, changed,
       correlation_id, customer::text AS customer, traceparent, tracestate
  FROM tmf_customer.due(:owner, :hub_ids, :wanted, :first_held, :last_held, :first_withheld, :last_withheld,
                        :held, :withheld, :budget)
