-- SPDX-License-Identifier: Apache-2.0
-- Which texts match a regular expression, in PostgreSQL's language?
-- Run by: conditions that are evaluated outside the database (src/store/matching.c)
-- Parameters:
--   :pattern text    the regular expression
--   :texts text[]    the texts
-- Columns:
--   answers          a letter for each text, in their order: t or f
SELECT string_agg(CASE WHEN text ~ :pattern THEN 't' ELSE 'f' END, '' ORDER BY place) AS answers
  FROM unnest(:texts) WITH ORDINALITY AS asked (text, place)
