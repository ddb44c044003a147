-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 6: what is due comes with its events, in one answer, because a listener's next event waits for that.

DROP FUNCTION IF EXISTS tmf_customer.due(text, text[], boolean[], integer[], integer[], integer[], integer[], bigint[], text[]);
DROP FUNCTION IF EXISTS tmf_customer.events(bigint[], bigint);

INSERT INTO tmf_customer.schema_version (version) VALUES (6);
