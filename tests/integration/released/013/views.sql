-- SPDX-License-Identifier: Apache-2.0
-- What operators read, in SQL or through Apache (src/status).
--
-- Each is created beside the one that is there, which is replaced only when it differs: whoever reads a view would wait
-- for its replacement, and the replacement for them. Columns can be added at the end; an upgrade that changes others drops
-- the view first.

-- The error is what made the listener pause, else the last of the refusals that have not been settled yet. Of a backlog,
-- it is looked for in the thousand oldest of what is pending and in the last dead letter: that takes no longer, however
-- much there is.
CREATE VIEW tmf_customer.new_listeners AS
    SELECT hub.id, hub.callback, hub.query, hub.state, hub.failures, hub.ill_since, hub.paused_until,
           coalesce(hub.error,
                    (SELECT d.error
                       FROM ((SELECT p.error, p.next_attempt_at, p.changed_at FROM tmf_customer.delivery AS p
                               WHERE p.hub_id = hub.id AND p.state = 'pending' ORDER BY p.hub_id, p.event_id LIMIT 1000)
                             UNION ALL
                             (SELECT p.error, p.next_attempt_at, p.changed_at FROM tmf_customer.delivery AS p
                               WHERE p.hub_id = hub.id AND p.state = 'dead'
                               ORDER BY p.hub_id DESC, p.changed_at DESC LIMIT 1)) AS d
                      WHERE d.error IS NOT NULL ORDER BY coalesce(d.next_attempt_at, d.changed_at) DESC LIMIT 1)) AS error,
           (SELECT count(*) FROM tmf_customer.delivery AS d WHERE d.hub_id = hub.id AND d.state = 'pending')
               AS pending,
           (SELECT count(*) FROM tmf_customer.delivery AS d WHERE d.hub_id = hub.id AND d.state = 'dead') AS dead,
           (SELECT d.changed_at FROM tmf_customer.delivery AS d WHERE d.hub_id = hub.id AND d.state = 'pending'
             ORDER BY d.hub_id, d.event_id LIMIT 1) AS oldest_pending,
           hub.created_at
      FROM tmf_customer.hub WHERE hub.state <> 'gone';

CREATE VIEW tmf_customer.new_deliveries AS
    SELECT d.hub_id, hub.callback, e.event_id, e.type, d.customer_id, e.at, d.state, d.attempts,
           d.next_attempt_at, d.error
      FROM tmf_customer.delivery AS d
      JOIN tmf_customer.event AS e ON e.id = d.event_id AND e.customer_id = d.customer_id
      JOIN tmf_customer.hub ON hub.id = d.hub_id AND hub.state <> 'gone';

DO $$
DECLARE
    name text;
    definition text;
BEGIN
    FOREACH name IN ARRAY ARRAY['listeners', 'deliveries'] LOOP
        definition := pg_get_viewdef(to_regclass('tmf_customer.new_' || name));
        IF pg_get_viewdef(to_regclass('tmf_customer.' || name)) IS DISTINCT FROM definition THEN
            EXECUTE format('CREATE OR REPLACE VIEW tmf_customer.%I AS %s', name, definition);
        END IF;
        EXECUTE format('DROP VIEW tmf_customer.%I', 'new_' || name);
    END LOOP;
END
$$;
