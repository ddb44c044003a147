-- SPDX-License-Identifier: Apache-2.0
-- Reads what is due for leased listeners, oldest first. All lists stand in one array each, of which a listener has a slice.
-- Run by: the notifier (src/store/outbox.c)
-- Parameters:
--   :owner text
--   :hub_ids text[]             the listeners
--   :wanted boolean[]           read deliveries, or only see whether the lease is still the owner's
--   :first_taken integer[]      slice of taken, for each listener
--   :last_taken integer[]
--   :first_waiting integer[]    slice of waiting, for each listener
--   :last_waiting integer[]
--   :taken bigint[]             events to leave out, which were read before
--   :waiting text[]             customers to leave out, whose events have to wait
--   :budget bigint              bytes of documents
-- Columns:
--   listener                    its place in the array, from 0
--   id, customer_id, attempts, wait, event_id, time, type, href, changed, correlation_id, customer, traceparent, tracestate
SELECT place - 1 AS listener, id, customer_id, attempts,
       (extract(epoch FROM next_attempt_at - now()) * 1000000)::bigint AS wait, event_id,
       to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time, type, href, changed,
       correlation_id, customer::text AS customer, traceparent, tracestate
  FROM tmf_customer.due(:owner, :hub_ids, :wanted, :first_taken, :last_taken, :first_waiting, :last_waiting,
                        :taken, :waiting, :budget)
