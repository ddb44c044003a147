-- SPDX-License-Identifier: Apache-2.0
-- Gives back all leases of an owner.
-- Run by: the notifier (src/store/outbox.c)
-- Parameters:
--   :owner text
-- Columns: none
UPDATE tmf_customer.hub SET leased_by = NULL, leased_until = NULL WHERE leased_by = :owner
