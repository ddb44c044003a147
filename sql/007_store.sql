-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 7: the database says which one it is; counters that nobody needs go; ids are those that the API takes.

-- One row, made with the schema: a copy of the database has it as well, until forget_hubs() is run there.
CREATE TABLE tmf_customer.installation (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid()
);
INSERT INTO tmf_customer.installation DEFAULT VALUES;

REVOKE ALL ON tmf_customer.installation FROM PUBLIC;

-- The rule of tmf_customer.problem_of_id() once more: each statement that writes would look for the function, and take it
-- apart. install.sql has the table looked through for it at its end, when nobody waits for that.
ALTER TABLE tmf_customer.customer DROP CONSTRAINT customer_id_length,
    ADD CONSTRAINT customer_id CHECK (
        octet_length(id) BETWEEN 1 AND 255 AND id NOT IN ('.', '..') AND position('/' IN id) = 0
        AND id COLLATE "C" !~ '[\u0001-\u001F\u007F]' AND left(id, 1) <> ' ' AND right(id, 1) <> ' ') NOT VALID;

-- Nobody writes customers meanwhile: their table is locked since its constraint was changed.
DELETE FROM tmf_customer.customer_count
 WHERE NOT of_all AND status IN (SELECT status FROM tmf_customer.customer_count WHERE NOT of_all
                                  GROUP BY status HAVING sum(count) = 0);

INSERT INTO tmf_customer.schema_version (version) VALUES (7);
