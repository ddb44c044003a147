-- SPDX-License-Identifier: Apache-2.0
-- Creates a customer under an Idempotency-Key, with its events, deliveries and history, and keeps the reply under the key; or
-- finds what has been created under it: after a crash at any moment either all of it is there or nothing. Two keys whose time is
-- up go for each that comes, so the table cannot grow beyond what is to be kept; who finds the oldest being removed takes the next.
-- Run by: POST B/customer with a key (src/store/idempotency.c)
-- Parameters:
--   :id text                of the new customer
--   :types text[]           of the events
--   :correlation_id text    of the request; NULL = none
--   :href text              of the customer, for the events
--   :traceparent text       of the request; NULL = none
--   :tracestate text
--   :operation text         for the history; NULL = none is kept
--   :user text              who asked for it; NULL = nobody in particular
--   :kept_for interval      older rows of the history go; NULL = none
--   :doc jsonb              the document
--   :key text               with all that it is scoped by
--   :key_kept_for bigint    microseconds
--   :id_is_chosen boolean   by the client: then it is a part of what is asked for
-- Columns:
--   deliveries              that were written, of all events
--   expired                 rows of the history
--   id, revision, doc       of the customer as it was created, now or before; NULL = the id is taken
--   is_busy                 somebody else has claimed the key at the moment
--   is_other                it was used for something else
--   is_written              the customer was created now
WITH claim AS MATERIALIZED (SELECT * FROM tmf_customer.claim_key(sha256(convert_to(:key, 'UTF8')))),
written AS (
  INSERT INTO tmf_customer.customer (id, doc) SELECT :id, :doc FROM claim WHERE NOT is_busy AND customer_id IS NULL
      ON CONFLICT (id) DO NOTHING RETURNING id, revision, doc),
kept AS (
  INSERT INTO tmf_customer.idempotency (key, customer_id, revision, doc, kept_until)
  SELECT sha256(convert_to(:key, 'UTF8')), id, revision, doc, now() + :key_kept_for * interval '1 microsecond' FROM written),
due AS MATERIALIZED (
  SELECT key FROM tmf_customer.idempotency WHERE kept_until <= now()
   ORDER BY kept_until LIMIT 2 FOR UPDATE SKIP LOCKED),
swept AS (DELETE FROM tmf_customer.idempotency AS old USING due WHERE old.key = due.key),
event AS (
  INSERT INTO tmf_customer.event (customer_id, type, correlation_id, href, traceparent, tracestate, customer)
  SELECT written.id, kind.type, :correlation_id, :href, :traceparent, :tracestate, written.doc
    FROM written, unnest(:types) WITH ORDINALITY AS kind (type, position)
   WHERE EXISTS (SELECT FROM tmf_customer.hub WHERE hub.state = 'active' AND kind.type = ANY (hub.types))
   ORDER BY kind.position RETURNING id, customer_id, type),
delivery AS (
  INSERT INTO tmf_customer.delivery (hub_id, event_id, customer_id)
  SELECT hub.id, event.id, event.customer_id FROM event
    JOIN tmf_customer.hub ON hub.state = 'active' AND event.type = ANY (hub.types) RETURNING 1),
history AS (
  INSERT INTO tmf_customer.history (customer_id, revision, correlation_id, operation, user_name)
  SELECT id, revision, :correlation_id, :operation, :user FROM written WHERE :operation IS NOT NULL)
SELECT (SELECT count(*) FROM delivery) AS deliveries,
       CASE WHEN :kept_for IS NOT NULL THEN (SELECT tmf_customer.expire_history(:kept_for, 2)) END AS expired,
       coalesce(written.id, claim.customer_id) AS id, coalesce(written.revision, claim.revision) AS revision,
       coalesce(written.doc, claim.doc)::text AS doc, claim.is_busy,
       claim.doc <> :doc OR :id_is_chosen AND claim.customer_id <> :id AS is_other,
       written.id IS NOT NULL AS is_written
  FROM claim LEFT JOIN written ON true
