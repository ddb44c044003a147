# SPDX-License-Identifier: Apache-2.0
"""What the tests of notifications share: settings, subscriptions, the outbox, and the shape of an event."""
import json
import re
from collections import Counter

import jsonschema

from . import PATIENCE, await_condition
from .client import exact

ALLOW = "TMFCustomerNotifyAllow 127.0.0.0/8 ::1/128\n"
# Nobody gives up on a listener that a slow machine keeps from answering, or that a test does.
PATIENT = "TMFCustomerNotifyConnectTimeout 1h\nTMFCustomerNotifyTimeout 1h\n"
NOTIFY = ALLOW + PATIENT
IMPATIENT = "TMFCustomerNotifyConnectTimeout 2s\nTMFCustomerNotifyTimeout 2s\n"  # for listeners that never answer
ILL_TAGS = "TMF"  # of log lines about listeners that fail
QUICK = f"{NOTIFY}TMFCustomerNotifySchedule 100ms 200ms\nTMFCustomerNotifyPoll 200ms\n"
AWAY = "TMF|AH00629|AH00639|AH02655|AH00632|AH00633|AH00636"  # what the log says of a database that is away
CREATE, DELETE = "CustomerCreateEvent", "CustomerDeleteEvent"
STATE, ATTRIBUTE = "CustomerStateChangeEvent", "CustomerAttributeValueChangeEvent"
TYPES = [CREATE, STATE, ATTRIBUTE, DELETE]
ENVELOPE = {"eventId", "eventTime", "eventType"}

TEXT = {"type": "string", "minLength": 1}
INSTANT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
MEMBERS = {
    "eventId": {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
    "eventTime": INSTANT, "timeOcurred": INSTANT, "eventType": {"enum": TYPES},
    "domain": TEXT, "title": TEXT, "description": TEXT, "correlationId": TEXT,
    "traceparent": {"type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"},
    "event": {"type": "object", "required": ["customer"], "additionalProperties": False, "properties": {
        "customer": {"type": "object", "required": ["@type", "id", "href", "name", "engagedParty"]}}},
}
REQUIRED = ["eventId", "eventTime", "timeOcurred", "eventType", "domain", "title", "description", "event"]


def schema_of(event_type):
    own = ["fieldPath"] if event_type == ATTRIBUTE else ["id", "href"]
    return {"type": "object", "required": REQUIRED + own, "additionalProperties": False,
            "properties": {**MEMBERS, **{name: TEXT for name in own}, "eventType": {"const": event_type}}}


VALIDATORS = {name: jsonschema.Draft7Validator(schema_of(name)) for name in TYPES}


def check_event(event):
    """The members of each type, and no others (src/api/README.md §7, "What is in it")."""
    VALIDATORS[event["eventType"]].validate(event)
    assert event["timeOcurred"] == event["eventTime"]
    if event["eventType"] != ATTRIBUTE:
        customer = event["event"]["customer"]
        assert (event["id"], event["href"]) == (customer["id"], customer["href"])


def check_request(request):
    """What every delivery has to be, whatever is in it."""
    assert request.method == "POST" and request.version == "HTTP/1.1"
    assert request.headers["content-type"].split(";")[0] == "application/json"
    assert request.headers["content-length"] == str(len(request.body))
    assert request.body.decode("utf-8")
    assert request.headers["webhook-id"] == request.event["eventId"]
    assert re.fullmatch(r"\d{10}", request.headers["webhook-timestamp"])


def expected_types(before, after):
    """The events of a change; before and after are representations, None for none."""
    if before is None:
        return Counter([CREATE])
    if after is None:
        return Counter([DELETE])
    changed = changed_names(before, after)
    return Counter(([STATE] if "status" in changed else []) + ([ATTRIBUTE] if changed - {"status"} else []))


def changed_names(before, after):
    missing = object()
    return {name for name in before.keys() | after.keys()
            if before.get(name, missing) != after.get(name, missing)}


def exact_customer(request):
    return exact(request.body)["event"]["customer"]


class Subscriber:
    """Creates hubs, and knows what the database still holds for them."""

    def __init__(self, api, server):
        self.api, self.server = api, server
        self.postgres, self.database = server.database
        self.made = []

    def __call__(self, callback, query=None):
        """A new hub, as its reply shows it; callback: a URL, or a listener."""
        body = {"callback": callback if isinstance(callback, str) else callback.url()}
        if query is not None:
            body["query"] = query
        reply = self.api.post(body, path="/hub")
        assert reply.status_code == 201, reply.text
        self.made.append(reply.json()["id"])
        return reply.json()

    def close(self):
        for identity in self.made:
            assert self.api.delete(f"/hub/{identity}").status_code in (204, 404)

    def sql(self, statement, *parameters):
        return self.postgres.execute(statement, self.database, parameters or None)

    def one(self, statement, *parameters):
        return self.sql(statement, *parameters)[0][0]

    def count(self, state, hub):
        """Of a hub that was deleted nothing is left, though what was there may be swept up a little later."""
        return self.one("SELECT count(*) FROM tmf_customer.delivery JOIN tmf_customer.hub ON hub.id = hub_id AND hub.state <> 'gone'"
                        " WHERE delivery.state = %s AND (%s IS NULL OR hub_id = %s)", state, hub and hub["id"], hub and hub["id"])

    def pending(self, hub=None):
        return self.count("pending", hub)

    def dead(self, hub=None):
        return self.count("dead", hub)

    def drained(self, hub=None, seconds=PATIENCE):
        """Waits until nothing is left to send."""
        await_condition(lambda: self.pending(hub) == 0, "everything is delivered", seconds)

    def await_dead(self, count, hub=None):
        await_condition(lambda: self.dead(hub) == count, f"{count} dead letters")

    def await_empty(self):
        """Waits until the outbox holds nothing at all."""
        await_condition(lambda: self.one("SELECT (SELECT count(*) FROM tmf_customer.event)"
                                         " + (SELECT count(*) FROM tmf_customer.delivery)") == 0, "the outbox is empty")

    def hub_column(self, hub, column):
        return self.one(f"SELECT {column} FROM tmf_customer.hub WHERE id = %s", hub["id"])

    def await_hub(self, hub, condition):
        await_condition(lambda: self.one(f"SELECT {condition} FROM tmf_customer.hub WHERE id = %s", hub["id"]),
                        f"hub: {condition}")

    def operate(self, call, *parameters):
        """What one of the operator's functions returns."""
        return self.one(f"SELECT tmf_customer.{call}", *parameters)

    def view(self, name, hub):
        """The rows of an operator's view that are about this hub, as text."""
        rows = self.sql(f"SELECT row_to_json(v)::text FROM tmf_customer.{name} v")
        return [json.loads(row) for row, in rows if hub["id"] in row]


def write_pending(postgres, name, hubs, count):
    """As the statements of customers write them, but faster."""
    postgres.execute(
        "WITH told AS (INSERT INTO tmf_customer.event (customer_id, type, href, customer)"
        "  SELECT 'c' || i, 'CustomerCreateEvent', 'http://x/c' || i, '{\"name\": \"x\"}'"
        "    FROM generate_series(1, %s) AS i RETURNING id, customer_id)"
        " INSERT INTO tmf_customer.delivery (hub_id, event_id, customer_id)"
        " SELECT unnest(%s), id, customer_id FROM told", name, (count, hubs))


def numbers_of(events, member="n"):
    return [event["event"]["customer"].get(member) for event in events]


def first_arrivals(requests):
    """The events in order of their first arrival."""
    return list({request.event["eventId"]: request.event for request in requests}.values())


def ids(requests):
    return [request.event["eventId"] for request in requests]
