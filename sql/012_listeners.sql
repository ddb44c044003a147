-- SPDX-License-Identifier: Apache-2.0
-- Upgrade 12: an index of dead letters, oldest event first.

CREATE INDEX delivery_dead_event ON tmf_customer.delivery (hub_id, event_id) WHERE state = 'dead';

INSERT INTO tmf_customer.schema_version (version) VALUES (12);
