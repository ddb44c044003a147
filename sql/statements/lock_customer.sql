-- SPDX-License-Identifier: Apache-2.0
-- Reads a customer that nobody else writes until the transaction ends; waits for whoever writes it at the moment. A
-- transaction that stands still for too long meanwhile is ended by the database.
--
-- Those who wait for one customer do so in a line, at an advisory lock: at the lock of a row that the one before has changed,
-- all of them would wake up, run for the next version, and some never win. That of the row is taken last, above the join.
-- Run by: a change that has lost the race (src/store/customer_reads.c)
-- Parameters:
--   :id text             the customer
--   :idle_time text      milliseconds that the transaction may stand still
-- Columns:
--   id, revision, doc    no row when there is no such customer
--   idle_time            as it is set
SELECT id, revision, doc::text AS doc, pg_catalog.set_config('idle_in_transaction_session_timeout', :idle_time, true) AS idle_time
  FROM tmf_customer.customer,
       (SELECT pg_catalog.pg_advisory_xact_lock('tmf_customer.customer'::regclass::oid::integer, pg_catalog.hashtext(:id)) OFFSET 0) AS turn
 WHERE id = :id FOR NO KEY UPDATE OF customer
