-- SPDX-License-Identifier: Apache-2.0
-- The rival's tables, in the schema that is first in search_path.
CREATE TABLE customers (id text COLLATE "C" PRIMARY KEY, document jsonb NOT NULL);
CREATE INDEX customers_by_status ON customers ((document ->> 'status'), id);
CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL DEFAULT gen_random_uuid(),
    event_time timestamptz NOT NULL DEFAULT now(),
    event_type text NOT NULL,
    customer jsonb NOT NULL
);
