-- SPDX-License-Identifier: Apache-2.0
-- Deletes customers that still have the revision that was read, with their events, deliveries and history, which gets a revision
-- of its own. Waits for no customer that somebody has locked: it is left out, as is one that was changed meanwhile.
-- Run by: DELETE B/customer/{id} (src/store/customer_writes.c)
-- Parameters:
--   :ids text[]                of the customers
--   :types text[]              of the events of each: the text of an array
--   :changed text[]            names of what has changed, for the events; NULL = none are given
--   :correlation_ids text[]    of the requests; NULL = none
--   :hrefs text[]              of the customers, for the events
--   :traceparents text[]       of the requests; NULL = none
--   :tracestates text[]
--   :operations text[]         for the history; NULL = none is kept
--   :users text[]              who asked for it; NULL = nobody in particular
--   :kept_for interval         older rows of the history go, two for each that comes; NULL = none
--   :revisions bigint[]        that they must have
-- Columns:
--   place                      of the customer in the arrays, from 1; who was left out has no row
--   deliveries                 that were written, of all events
--   expired                    rows of the history
WITH free AS (
  SELECT asked.place, asked.id
    FROM unnest((SELECT :ids)) WITH ORDINALITY AS asked (id, place)
    JOIN tmf_customer.customer ON customer.id = asked.id AND customer.revision = (:revisions)[asked.place]
     FOR NO KEY UPDATE OF customer SKIP LOCKED),
written AS (
  DELETE FROM tmf_customer.customer USING free WHERE customer.id = free.id
  RETURNING free.place, customer.id, customer.doc, nextval('tmf_customer.customer_revision') AS revision),
event AS (
  INSERT INTO tmf_customer.event (customer_id, type, changed, correlation_id, href, traceparent, tracestate, customer)
  SELECT id, kind.type, (:changed)[place], (:correlation_ids)[place], (:hrefs)[place], (:traceparents)[place], (:tracestates)[place],
         doc
    FROM written, unnest((:types)[place]::text[]) WITH ORDINALITY AS kind (type, position)
   WHERE EXISTS (SELECT FROM tmf_customer.hub WHERE hub.state = 'active' AND kind.type = ANY (hub.types))
   ORDER BY place, kind.position RETURNING id, customer_id, type),
delivery AS (
  INSERT INTO tmf_customer.delivery (hub_id, event_id, customer_id)
  SELECT hub.id, event.id, event.customer_id FROM event
    JOIN tmf_customer.hub ON hub.state = 'active' AND event.type = ANY (hub.types) RETURNING 1),
history AS (
  INSERT INTO tmf_customer.history (customer_id, revision, correlation_id, operation, user_name, before)
  SELECT id, revision, (:correlation_ids)[place], (:operations)[place], (:users)[place], doc
    FROM written WHERE (:operations)[place] IS NOT NULL)
SELECT place,
       (SELECT count(*) FROM delivery) AS deliveries,
       CASE WHEN :kept_for IS NOT NULL
            THEN (SELECT tmf_customer.expire_history(:kept_for, 2 * cardinality(:ids))) END AS expired
  FROM written
