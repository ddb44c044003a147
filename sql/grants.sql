-- SPDX-License-Identifier: Apache-2.0
-- What the runtime role may do; included by install.sql each time, so that a new role gets its rights.

SELECT :'runtime_role' <> current_user AS other_role \gset
\if :other_role
  GRANT USAGE ON SCHEMA tmf_customer TO :"runtime_role";
  GRANT SELECT ON tmf_customer.schema_version, tmf_customer.customer_total TO :"runtime_role";
  GRANT SELECT, INSERT, UPDATE, DELETE ON tmf_customer.customer, tmf_customer.idempotency,
     tmf_customer.hub, tmf_customer.event, tmf_customer.delivery TO :"runtime_role";
  GRANT USAGE ON SEQUENCE tmf_customer.customer_seq, tmf_customer.customer_revision, tmf_customer.event_id
     TO :"runtime_role";
  GRANT EXECUTE ON FUNCTION tmf_customer.claim, tmf_customer.due, tmf_customer.deliver,
    tmf_customer.forget, tmf_customer.refuse, tmf_customer.sweep, tmf_customer.identity,
    tmf_customer.backlogs, tmf_customer.page_of_deliveries TO :"runtime_role";
  GRANT SELECT ON tmf_customer.listeners TO :"runtime_role";
  \if :govern
    GRANT EXECUTE ON FUNCTION tmf_customer.enable(text), tmf_customer.replay(text, uuid[]), tmf_customer.purge(text, interval)
       TO :"runtime_role";
  \endif
\endif
