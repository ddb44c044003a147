-- SPDX-License-Identifier: Apache-2.0
-- Registers a hub, unless it has a twin, or there are enough of them.
-- Run by: POST B/hub, behind lock_hubs.sql (src/store/hub_store.c)
-- Parameters:
--   :id text            of the new hub
--   :callback text
--   :query text         as it was given; NULL = none
--   :query_text text    what makes twins, with the callback
--   :types text[]       of the events that it can want
--   :most bigint        there may be so many
-- Columns:
--   outcome             made, twin or full
--   id                  of the new hub, or of its twin
WITH key AS (SELECT md5(:callback || ' ' || :query_text) AS twin),
full_house AS (SELECT count(*) >= :most AS is_full FROM tmf_customer.hub WHERE state <> 'gone'),
made AS (
  INSERT INTO tmf_customer.hub (id, callback, query, twin, types)
  SELECT :id, :callback, :query, key.twin, :types FROM key, full_house
   WHERE NOT full_house.is_full ON CONFLICT (twin) DO NOTHING RETURNING id)
SELECT 'made' AS outcome, id FROM made
UNION ALL SELECT 'twin', hub.id FROM tmf_customer.hub JOIN key ON key.twin = hub.twin
UNION ALL SELECT 'full', NULL FROM full_house WHERE full_house.is_full
