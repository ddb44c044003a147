# SPDX-License-Identifier: Apache-2.0
"""Which events come of which change, what is in them, and who gets them (src/api/README.md §7)."""
import itertools
from collections import Counter
from datetime import datetime, timezone

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.client import Api, customer, exact, path_of
from harness.listener import OK, answer
from harness.notify import (ATTRIBUTE, CREATE, DELETE, ENVELOPE, QUICK, STATE, Subscriber, changed_names, check_event,
                            check_request, exact_customer, expected_types)
from query_model import OPERATORS, query_of, selects
from test_filters import TEXTS, documents

paths = itertools.count(1)


@pytest.fixture
def heard(subscribe, listen):
    """A listener of everything; heard() waits until all is delivered, and returns the requests."""
    listener = listen()
    hub = subscribe(listener)

    def drained():
        subscribe.drained(hub)
        return listener.arrived()
    drained.listener, drained.hub = listener, hub
    return drained


@pytest.fixture
def api(subscribe):
    return subscribe.api


def types(requests):
    return Counter(request.event_type for request in requests)


# ---- which event comes of which change ----

def test_a_create_is_told_with_the_customer_as_it_was_replied(api, heard):
    reply = api.post(customer(status="New", note="Größe ☃ \U0001f600 a/b", big=12345678901234567890123, x=[1.50, {"y": None}]))
    [request] = heard()
    check_request(request)
    check_event(request.event)
    assert request.event_type == CREATE
    assert exact_customer(request) == exact(reply.text)
    assert "Größe ☃ \U0001f600 a/b".encode() in request.body and b"12345678901234567890123" in request.body


JSON_PATCH, JSON_PATCH_QUERY = "application/json-patch+json", "application/json-patch-query+json"
BEFORE = {"status": "New", "statusReason": "fresh", "x": 1, "y": {"a": [1, 2]}, "account": [{"id": "1", "name": "A"}]}


@pytest.mark.parametrize("patch", [
    {"status": "Approved"}, {"status": None}, {"status": ""},
    {"name": "Other"}, {"statusReason": "checked"}, {"x": 2}, {"x": None}, {"new": True}, {"y": {"a": [1, 2, 3]}}, {"y": {"b": 1}},
    {"account": None}, {"@type": "Gold"}, {"engagedParty": {"role": "owner"}}, {"x": 2, "y": None, "new": 1}, {"é, \"": 1},
    {"status": "Approved", "statusReason": "checked"}, {"status": None, "x": None}, {"status": "Approved", "x": 2, "new": 1},
    {}, {"x": 1}, {"status": "New"}, {"x": 1.0}, {"y": {"a": [1, 2]}}, {"unknown": None}, {"status": "New", "x": 1}])
def test_a_patch_tells_what_changed(api, heard, patch):
    before = api.create(**BEFORE)
    reply = api.patch(path_of(before), patch)
    assert reply.status_code == 200
    after = reply.json()
    requests = heard()[1:]
    assert types(requests) == expected_types(before, after)
    assert len({request.event["eventId"] for request in requests}) == len(requests)
    for request in requests:
        check_request(request)
        check_event(request.event)
        assert exact_customer(request) == exact(reply.text)
        if request.event_type == ATTRIBUTE:
            assert_field_path(request.event, before, after)


def assert_field_path(event, before, after):
    """The changed names, without the status that has an event of its own."""
    changed = changed_names(before, after)
    assert event["fieldPath"] in {",".join(names) for names in itertools.permutations(changed - {"status"})} | {
        ",".join(names) for names in itertools.permutations(changed)}


@pytest.mark.parametrize("patch", [
    [{"op": "replace", "path": "/status", "value": "Closed"}], [{"op": "add", "path": "/y/a/-", "value": 3}],
    [{"op": "remove", "path": "/status"}, {"op": "replace", "path": "/x", "value": 2}], [{"op": "move", "from": "/x", "path": "/z"}],
    [{"op": "replace", "path": "/x", "value": 2}, {"op": "replace", "path": "/x", "value": 1}],
    [{"op": "test", "path": "/x", "value": 1}], [{"op": "copy", "from": "/statusReason", "path": "/status"}]])
@pytest.mark.parametrize("content_type", [JSON_PATCH, JSON_PATCH_QUERY])
def test_a_json_patch_tells_what_changed_in_the_end(api, heard, patch, content_type):
    before = api.create(**BEFORE)
    reply = api.patch(path_of(before), patch, content_type)
    assert reply.status_code == 200, reply.text
    requests = heard()[1:]
    assert types(requests) == expected_types(before, reply.json())
    for request in requests:
        check_event(request.event)
        assert exact_customer(request) == exact(reply.text)


@pytest.mark.parametrize("body", [
    customer(**BEFORE), customer(**{**BEFORE, "status": "Closed"}), customer(**{**BEFORE, "x": 2}), customer(), customer(status="Closed"),
    customer(status="New")])
def test_a_replacement_tells_what_changed(api, heard, body):
    before = api.create(**BEFORE)
    reply = api.put(path_of(before), body)
    assert reply.status_code == 200
    requests = heard()[1:]
    assert types(requests) == expected_types(before, reply.json())
    for request in requests:
        check_event(request.event)
        assert exact_customer(request) == exact(reply.text)
        if request.event_type == ATTRIBUTE:
            assert_field_path(request.event, before, reply.json())


def test_a_delete_is_told_with_the_last_state(api, heard):
    made = api.create(**BEFORE)
    api.patch(path_of(made), {"status": "Closed", "x": 1.50})
    last = api.get(path_of(made))
    assert api.delete(path_of(made)).status_code == 204
    request = heard()[-1]
    check_request(request)
    check_event(request.event)
    assert request.event_type == DELETE
    assert exact_customer(request) == exact(last.text)


def test_a_change_that_fails_is_not_told(api, heard):
    made = api.create(status="New")
    path = path_of(made)
    stale = {"If-Match": '"stale"'}
    for reply, status in [
            (api.post({"name": "x"}), 400), (api.post("{"), 400), (api.post(customer(), content_type="text/plain"), 415),
            (api.patch(path, {"status": "x"}, headers=stale), 412), (api.patch(path, {"name": ""}), 400), (api.patch(path, {"id": "x"}), 400),
            (api.patch(path, {"engagedParty": None, "status": "x"}), 400), (api.put(path, {"status": "x"}), 400),
            (api.put(path, customer(status="x"), headers=stale), 412), (api.delete(path, headers=stale), 412),
            (api.patch("/customer/none", {"status": "x"}), 404), (api.delete("/customer/none"), 404),
            (api.put("/customer/none", customer()), 404), (api.patch(path, {"status": 5}), 400),
            (api.patch(path, [{"op": "replace", "path": "/status", "value": "x"}, {"op": "test", "path": "/name", "value": "x"}], JSON_PATCH), 409),
            (api.patch(path, [{"op": "replace", "path": "/status", "value": "x"}, {"op": "remove", "path": "/none"}], JSON_PATCH), 409)]:
        assert reply.status_code == status, reply.text
    assert types(heard()) == Counter([CREATE])


def test_a_read_is_not_told(api, heard):
    made = api.create()
    for path in ("/customer", path_of(made), "/hub", ""):
        assert api.get(path).status_code == 200
    assert types(heard()) == Counter([CREATE])


def test_what_was_rolled_back_is_not_told(start_httpd, new_database, listen):
    """The statement is cancelled while it waits; another fails at its commit, after its event was written."""
    postgres, name = new_database()
    server = start_httpd((postgres, name), server=QUICK)
    server.log.expect("TMF")
    api, listener = Api(server.url), listen()
    subscribe = Subscriber(api, server)
    hub = subscribe(listener)
    made = api.create(status="New")
    with postgres.connect(name) as lock:
        lock.autocommit = False
        lock.cursor().execute("SELECT FROM tmf_customer.customer FOR UPDATE")
        assert api.patch(path_of(made), {"status": "cancelled"}).status_code == 503
        lock.rollback()
    subscribe.sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                  " RAISE EXCEPTION 'refused' USING ERRCODE = '53100'; END $$")
    subscribe.sql("CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON tmf_customer.customer DEFERRABLE INITIALLY DEFERRED"
                  " FOR EACH ROW WHEN (NEW.doc->>'x' = 'refused') EXECUTE FUNCTION refuse()")
    assert api.patch(path_of(made), {"status": "refused", "x": "refused"}).status_code >= 500
    assert api.post(customer(x="refused")).status_code >= 500
    assert api.patch(path_of(made), {"status": "Approved"}).status_code == 200
    subscribe.drained(hub)
    assert [(event["eventType"], event["event"]["customer"]["status"]) for event in listener.events()] == [
        (CREATE, "New"), (STATE, "Approved")]


def test_without_a_listener_nothing_is_kept(start_httpd):
    server = start_httpd(server=QUICK)
    subscribe = Subscriber(Api(server.url), server)
    made = subscribe.api.create()
    subscribe.api.patch(path_of(made), {"status": "x", "y": 1})
    subscribe.api.delete(path_of(made))
    assert subscribe.one("SELECT (SELECT count(*) FROM tmf_customer.event) + (SELECT count(*) FROM tmf_customer.delivery)") == 0


# ---- what is in an event ----

def test_event_ids_are_unique_and_times_are_of_the_change(api, heard):
    start = datetime.now(timezone.utc)
    made = api.create()
    for n in range(10):
        api.patch(path_of(made), {"n": n, "status": str(n)})
    api.delete(path_of(made))
    end = datetime.now(timezone.utc)
    events = [request.event for request in heard()]
    assert len({event["eventId"] for event in events}) == len(events) == 22
    times = [datetime.fromisoformat(event["eventTime"].replace("Z", "+00:00")) for event in events]
    assert times == sorted(times)
    # whole seconds would do, so the bounds are a second wide
    assert start.timestamp() - 1 <= times[0].timestamp() and times[-1].timestamp() <= end.timestamp() + 1


def test_every_event_has_the_state_of_its_own_commit(api, heard):
    made = api.create(n=0)
    replies = [api.patch(path_of(made), {"n": n}) for n in range(1, 30)]
    assert [exact_customer(request) for request in heard()[1:]] == [exact(reply.text) for reply in replies]


@pytest.mark.parametrize("headers,expected", [
    ({}, None), ({"X-Correlation-ID": "c-1"}, "c-1"), ({"X-Request-ID": "r-1"}, "r-1"),
    ({"X-Correlation-ID": "c-1", "X-Request-ID": "r-1"}, "c-1"), ({"x-correlation-id": "lower"}, "lower"),
    ({"X-Correlation-ID": 'q"\\/<b>{}'}, 'q"\\/<b>{}'), ({"X-Correlation-ID": ""}, None)])
def test_the_correlation_id_is_the_requests(api, heard, headers, expected):
    made = api.post(customer(), headers=headers).json()
    api.patch(path_of(made), {"status": "x", "y": 1}, headers=headers)
    api.put(path_of(made), customer(), headers=headers)
    api.delete(path_of(made), headers=headers)
    requests = heard()
    assert types(requests) == Counter({CREATE: 1, STATE: 2, ATTRIBUTE: 2, DELETE: 1})
    for request in requests:
        check_event(request.event)
        assert request.event.get("correlationId") == expected


@pytest.mark.parametrize("value", ["é".encode(), b"\xff\xfe", b"a\tb", b"x" * 4000, b"\x80"])
def test_an_odd_correlation_id_breaks_no_event(api, heard, value):
    reply = api.post(customer(), headers={"X-Correlation-ID": value})
    assert reply.status_code in (201, 400)
    requests = heard()
    assert len(requests) == (reply.status_code == 201)
    for request in requests:
        check_request(request)
        check_event(request.event)


def test_href_is_the_one_of_the_reply(api, heard):
    made = api.post(customer(), headers={"Host": "crm.example:8443"}).json()
    assert made["href"].startswith("http://crm.example:8443/")
    patched = api.patch(path_of(made), {"status": "x", "y": 1}, headers={"Host": "other.example"}).json()
    put = api.put(path_of(made), customer()).json()
    api.delete(path_of(made), headers={"Host": "last.example"})
    hrefs = {request.event_type: request.customer["href"] for request in heard()[3:]}
    seen = [request.customer["href"] for request in heard()]
    assert seen[:3] == [made["href"], patched["href"], patched["href"]]
    assert set(seen[3:5]) == {put["href"]}
    assert hrefs[DELETE] == patched["href"].replace("other", "last")
    for request in heard():
        check_event(request.event)


def test_href_is_of_the_configured_base(start_httpd, listen):
    server = start_httpd(server=QUICK, location="TMFCustomerBaseURL https://crm.example/api")
    subscribe, listener = Subscriber(Api(server.url), server), listen()
    subscribe(listener)
    made = subscribe.api.create()
    assert made["href"].startswith("https://crm.example/api")
    assert listener.await_events(1)[0]["href"] == made["href"]


@pytest.mark.parametrize("parameters", ["fields=none", "fields=name", "fields=status,x"])
def test_events_are_in_full_whatever_the_request_asked_to_see(api, heard, parameters):
    reply = api.post(customer(status="New", x=1), path=f"/customer?{parameters}")
    assert "engagedParty" not in reply.json()
    path = path_of(reply.json())
    api.patch(f"{path}?{parameters}", {"x": 2})
    full = api.get(path).json()
    assert [request.customer for request in heard()] == [{**full, "x": 1}, full]


def test_the_type_of_a_customer_is_in_its_events(api, heard):
    api.create(**{"@type": "GoldCustomer", "@baseType": "Customer", "@schemaLocation": "https://x.example/gold.json"})
    api.create()
    assert sorted(request.customer["@type"] for request in heard()) == ["Customer", "GoldCustomer"]


def test_a_large_customer_is_told_in_full(api, heard):
    reply = api.post(customer(x="x" * 900000, y=list(range(1000))))
    assert reply.status_code == 201
    [request] = heard()
    assert exact_customer(request) == exact(reply.text)


# ---- queries ----

PEOPLE = {
    "a": {"status": "Approved", "creditProfile": [{"creditProfileDate": "2020-01-01T00:00Z", "validFor": {}, "creditScore": 700}],
          "contactMedium": [{"mediumType": "email", "preferred": True, "characteristic": {"city": "Paris"}}]},
    "b": {"status": "New", "x": 500, "validFor": {"startDateTime": "2020-06-12T02:00:00+02:00"}},
    "c": {"x": "500", "note": "q\"' &;,é"},
}


@pytest.fixture(scope="module")
def people():
    """What happens in each test of a query: all create events first, then a patch of a, then b goes."""
    def happen(api):
        made = {name: api.create(name=name, **members) for name, members in PEOPLE.items()}
        api.patch(path_of(made["a"]), {"status": "Closed", "y": 1})
        api.patch(path_of(made["c"]), {"x": 7})
        api.delete(path_of(made["b"]))
    return happen


ALL = {"Ca", "Cb", "Cc", "Sa", "Aa", "Ac", "Db"}


def heard_of(requests):
    """Each event in two letters: type and name."""
    letter = {CREATE: "C", STATE: "S", ATTRIBUTE: "A", DELETE: "D"}
    return Counter(letter[request.event_type] + request.customer["name"] for request in requests)


@pytest.mark.parametrize("query,expected", [
    (None, ALL), ("", ALL), ("?", ALL), ("eventType=CustomerCreateEvent", {"Ca", "Cb", "Cc"}),
    ("?eventType=CustomerCreateEvent", {"Ca", "Cb", "Cc"}),
    ("eventType=CustomerDeleteEvent,CustomerStateChangeEvent", {"Sa", "Db"}),
    ("eventType=CustomerDeleteEvent&eventType=CustomerStateChangeEvent", {"Sa", "Db"}),
    ("eventType=CustomerDeleteEvent;CustomerStateChangeEvent", {"Sa", "Db"}),
    ("eventType.ne=CustomerCreateEvent", {"Sa", "Aa", "Ac", "Db"}), ("eventType!=CustomerCreateEvent", {"Sa", "Aa", "Ac", "Db"}),
    ("eventType.regex=Change", {"Sa", "Aa", "Ac"}), ("eventType=~^CustomerD", {"Db"}), ("eventType>CustomerD", {"Sa", "Db"}),
    ("eventType=customercreateevent", set()), ("eventType=Nonsense", set()), ("eventType=", set()),
    ("eventType=CustomerCreateEvent&event.customer.name=b", {"Cb"}), ("event.customer.name=a", {"Ca", "Sa", "Aa"}),
    ("eventType=CustomerDeleteEvent;event.customer.name=a", {"Ca", "Sa", "Aa", "Db"}),
    ("event.customer.status=Closed", {"Sa", "Aa"}), ("event.customer.status.ne=Closed", {"Ca", "Cb", "Cc", "Ac", "Db"}),
    ("event.customer.x=500", {"Cb", "Cc", "Db"}), ("event.customer.x<8", {"Cc", "Ac"}), ("event.customer.x>=7", {"Cb", "Ac", "Db"}),
    ("event.customer.contactMedium.characteristic.city=Paris", {"Ca", "Sa", "Aa"}),
    ("event.customer.creditProfile.creditScore>650&eventType=CustomerStateChangeEvent", {"Sa"}),
    ("event.customer.validFor.startDateTime=2020-06-12T00:00Z", {"Cb", "Db"}),
    ("event.customer.note=q%22%27%20%26%3B%2C%C3%A9", {"Cc", "Ac"}), ("event.customer.unknown=1", set()),
    ("name=a", set()), ("status.ne=x", ALL), ("fieldPath=x", {"Ac"}), ("fieldPath.regex=y", {"Aa"}),
    ("filter=$[?(@.eventType=='CustomerDeleteEvent')]", {"Db"}), ("filter=event.customer[?(@.name=='a' %26%26 @.y==1)]", {"Sa", "Aa"}),
    ("filter=$.event.customer.contactMedium[?(@.preferred==true)]", {"Ca", "Sa", "Aa"}),
    ("filter=$[?(@.event.customer.status=='New' || @.eventType=='CustomerStateChangeEvent')]", {"Cb", "Db", "Sa"}),
    ("filter=$[?(!(@.event.customer.status))]", {"Cc", "Ac"}), ("filter=correlationId", set()),
    ("filter=event.customer[?(@.x)]&eventType=CustomerCreateEvent", {"Cb", "Cc"}), ("eventId.ne=x", ALL),
    ("eventTime>2020-01-01", ALL), ("eventTime<2020-01-01", set()), ("event.customer.href.regex=/customer/", ALL),
    ("event.customer.id.regex=^.{36}$", ALL), ("event.customer.@type=Customer", ALL), ("id.ne=", ALL), ("event=x", set()),
])
def test_a_query_decides_what_comes(subscribe, listen, people, query, expected):
    listener = listen()
    hub = subscribe(listener, query)
    people(subscribe.api)
    subscribe.drained(hub)
    assert heard_of(listener.arrived()) == Counter(expected)
    subscribe.await_empty()


def test_each_listener_gets_what_it_asked_for(subscribe, listen, people):
    listener = listen()
    queries = {"/create": "eventType=CustomerCreateEvent", "/a": "event.customer.name=a", "/all": None}
    for path, query in queries.items():
        subscribe(listener.url(path), query)
    subscribe(listener.url("/a"), "event.customer.name=b")
    people(subscribe.api)
    subscribe.drained()
    assert heard_of(listener.arrived("/create")) == Counter(["Ca", "Cb", "Cc"])
    assert heard_of(listener.arrived("/all")) == Counter(ALL)
    assert heard_of(listener.arrived("/a")) == Counter(["Ca", "Sa", "Aa", "Cb", "Db"])
    ids = {request.event["eventId"]: request.body for request in listener.arrived("/all")}
    for request in listener.arrived():
        assert ids[request.event["eventId"]] == request.body, "the same event is the same for every listener"


def test_the_id_of_a_customer_can_be_asked_for(subscribe, listen):
    made, other = subscribe.api.create(), subscribe.api.create()
    listener = listen()
    hub = subscribe(listener, f"event.customer.id={made['id']}")
    for resource in (made, other):
        subscribe.api.patch(path_of(resource), {"status": "x"})
    subscribe.drained(hub)
    assert [request.customer["id"] for request in listener.arrived()] == [made["id"]]


WHOLE = {"eventId", "eventTime", "eventType", "timeOcurred", "domain", "title", "description", "id", "href", "event"}


@pytest.mark.parametrize("fields,top,inner", [
    ("none", ENVELOPE, None), ("eventType", ENVELOPE, None), ("domain,title", ENVELOPE | {"domain", "title"}, None),
    ("event", ENVELOPE | {"event"}, {"@type", "id", "href", "name", "status", "engagedParty"}),
    ("event.customer", ENVELOPE | {"event"}, {"@type", "id", "href", "name", "status", "engagedParty"}),
    ("event.customer.name,event.customer.status", ENVELOPE | {"event"}, {"name", "status"}),
    ("event.customer.id", ENVELOPE | {"event"}, {"id"}), ("unknown", ENVELOPE, None), ("", WHOLE, {"@type", "id", "href", "name", "status", "engagedParty"}),
    ("event.customer.name&fields=title", ENVELOPE | {"event", "title"}, {"name"})])
def test_fields_choose_what_is_told(subscribe, listen, fields, top, inner):
    """The identity of the event always stays; that of the customer may, too."""
    listener = listen()
    subscribe(listener, f"fields={fields}")
    made = subscribe.api.create(status="New")
    [request] = listener.await_requests(1)
    check_request(request)
    assert set(request.event) - {"id", "href"} == top - {"id", "href"}
    if inner is not None:
        shown = request.customer
        assert set(shown) - {"id", "href"} == inner - {"id", "href"}
        assert inner <= set(shown) and shown == {name: made[name] for name in shown}


def test_fields_select_inside_arrays(subscribe, listen):
    listener = listen()
    subscribe(listener, "eventType=CustomerCreateEvent&fields=event.customer.contactMedium.mediumType")
    made = subscribe.api.create(name="a", **PEOPLE["a"])
    subscribe.api.delete(path_of(made))
    subscribe.drained()
    [request] = listener.arrived()
    assert request.customer["contactMedium"] == [{"mediumType": "email"}] and "name" not in request.customer


def event_paths(path):
    return ["event", "customer", *path]


paths_of_events = st.sampled_from([["eventType"], ["fieldPath"], ["id"], ["domain"], ["correlationId"], ["event"]]) | st.sampled_from(
    [["x"], ["x", "a"], ["x", "b"], ["y"], ["y", "a", "b"], ["status"], ["name"], ["z"], ["engagedParty", "name"]]).map(event_paths)
operands = st.sampled_from([*TEXTS, CREATE, STATE, ATTRIBUTE, DELETE, "x", "x,y"])
conditions = st.tuples(paths_of_events, st.sampled_from([operator for operator in OPERATORS if operator != "regex"]),
                       st.lists(operands, min_size=1, max_size=2)) | st.tuples(
    paths_of_events, st.just("regex"), st.sampled_from(["", "^a", "Change", "^Customer[CD]", "x", "é|a"]).map(lambda text: [text]))
filters = st.lists(st.lists(conditions, min_size=1, max_size=3), min_size=1, max_size=3)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(documents, st.none() | documents), min_size=1, max_size=4), st.lists(filters, min_size=1, max_size=5))
def test_random_queries_get_what_the_model_selects(notifying, listen, changes, asked):
    """A listener of everything shows every event; each other one gets exactly those its query selects."""
    listener, api = listen(), Api(notifying.url)
    subscribe = Subscriber(api, notifying)
    try:
        subscribe(listener.url("/all"))
        for number, groups in enumerate(asked):
            subscribe(listener.url(f"/{number}"), query_of(groups))
        for body, change in changes:
            made = api.create(**body)
            if change is not None:
                assert api.put(path_of(made), customer(**change)).status_code == 200
            assert api.delete(path_of(made)).status_code == 204
        subscribe.drained()
    finally:
        subscribe.close()
        listener.close()
    everything = listener.events("/all")
    assert len(everything) >= 2 * len(changes)
    for number, groups in enumerate(asked):
        expected = [event["eventId"] for event in everything if selects(event, groups)]
        assert sorted(event["eventId"] for event in listener.events(f"/{number}")) == sorted(expected), query_of(groups)


# ---- when a listener comes and goes ----

def test_a_new_hub_gets_no_old_events(api, subscribe, listen):
    first, second = listen(), listen()
    subscribe(first)
    made = api.create()
    first.await_events(1)
    hub = subscribe(second)
    api.patch(path_of(made), {"status": "x"})
    subscribe.drained()
    assert types(first.arrived()) == Counter([CREATE, STATE])
    assert types(second.arrived()) == Counter([STATE])
    assert subscribe.pending(hub) == 0


def test_a_new_hub_gets_no_events_that_others_have_not_got_yet(start_httpd, listen):
    server = start_httpd(server=QUICK)
    server.log.allow("TMF")
    subscribe = Subscriber(Api(server.url), server)
    ill, good = listen(default=answer(503)), listen()
    subscribe(ill)
    made = subscribe.api.create()
    ill.await_requests(1)
    subscribe(good)
    subscribe.api.patch(path_of(made), {"status": "x"})
    ill.default = OK
    subscribe.drained()
    assert types(good.arrived()) == Counter([STATE])
    assert {request.event["eventId"] for request in ill.arrived() if request.event_type == STATE} == {good.events()[0]["eventId"]}


def test_a_deleted_hub_gets_nothing_that_was_pending(start_httpd, listen):
    server = start_httpd(server=QUICK)
    server.log.allow("TMF")
    subscribe = Subscriber(Api(server.url), server)
    gone, fence = listen(default=answer(503)), listen()
    hub = subscribe(gone)
    subscribe(fence)
    for _ in range(20):
        subscribe.api.create()
    gone.await_requests(1)
    assert subscribe.pending(hub) > 0
    assert subscribe.api.delete(f"/hub/{hub['id']}").status_code == 204
    assert subscribe.pending(hub) == 0
    gone.default = OK
    count = len(gone.arrived())
    subscribe.api.create()
    subscribe.drained()
    subscribe.await_empty()
    # what was on its way when the hub was deleted may still have arrived
    assert len(gone.arrived()) <= count + 1 and len(fence.arrived()) == 21


def test_a_deleted_hub_gets_no_new_events(api, subscribe, listen):
    gone, fence = listen(), listen()
    hub = subscribe(gone)
    subscribe(fence)
    api.create()
    subscribe.drained()
    api.delete(f"/hub/{hub['id']}")
    for _ in range(5):
        api.create()
    subscribe.drained()
    assert (len(gone.arrived()), len(fence.arrived())) == (1, 6)


def test_a_hub_that_is_made_while_customers_change_gets_a_tail(start_httpd, listen):
    """Of one customer's changes a new hub gets all after some point."""
    server = start_httpd(server=QUICK)
    subscribe = Subscriber(Api(server.url), server)
    made = subscribe.api.create(n=0)
    for i in range(1, 11):
        listener = listen()
        subscribe(listener, f"fields=event.customer.n&x.ne={i}")
        subscribe.api.patch(path_of(made), {"n": i})
        subscribe.drained()
        assert [request.customer["n"] for request in listener.arrived()] == [i]


# ---- the outbox ----

def test_the_outbox_is_empty_when_all_is_delivered(api, subscribe, listen):
    listeners = [listen(), listen()]
    for listener in listeners:
        subscribe(listener)
    made = api.create()
    for n in range(20):
        api.patch(path_of(made), {"n": n})
    subscribe.await_empty()
    assert [len(listener.arrived()) for listener in listeners] == [21, 21]


def test_events_are_written_while_the_notifier_is_off_and_sent_when_it_is_on(start_httpd, new_database, listen):
    database = new_database()
    off = start_httpd(database, server=QUICK + "TMFCustomerNotify Off\n")
    subscribe, listener = Subscriber(Api(off.url), off), listen()
    hub = subscribe(listener)
    made = subscribe.api.create()
    subscribe.api.patch(path_of(made), {"status": "x", "y": 1})
    assert subscribe.pending(hub) == 3 and listener.accepted == 0
    start_httpd(database, server=QUICK)
    subscribe.drained()
    assert types(listener.arrived()) == Counter([CREATE, STATE, ATTRIBUTE])
    subscribe.api.delete(path_of(made))
    listener.await_requests(4, "what another httpd committed")


def test_what_the_runtime_role_may_not_do(notifying):
    """It writes events and works them off; the schema is not its own."""
    postgres, name = notifying.database
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        postgres.execute("DROP TABLE tmf_customer.event", name, user="tmf_customer")


def test_an_event_is_valid_json_whatever_is_in_a_customer(api, heard):
    text = "".join(map(chr, range(1, 128))) + "\u2028\u2029\ufeff\U0010ffff"
    api.create(name=text, **{text: [text, {text: text}]})
    [request] = heard()
    assert request.customer["name"] == text and request.customer[text] == [text, {text: text}]
