# SPDX-License-Identifier: Apache-2.0
"""W3C Trace Context: from the request of a change to its event, its log lines, and the requests to listeners."""
import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import BASE, await_condition
from harness.client import JSON_PATCH, Api, Raw, customer, path_of, split_reply
from harness.listener import OK, answer, depending
from harness.notify import QUICK, Subscriber, check_event, check_request
from harness.postgres import OWNER, RUNTIME, sql_directory
from harness.writes import at_once, crowded

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
NO_TRACES = ["", "x", f"00-{TRACE}-{PARENT}", f"{TRACEPARENT}-x", f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01",
             f"00-{TRACE}-{'0' * 16}-01", TRACEPARENT.upper(), f"{TRACEPARENT}, {TRACEPARENT}"]


@pytest.fixture
def heard(subscribe, listen):
    """A listener of everything; heard() waits until all is delivered, and returns the requests."""
    listener = listen()
    hub = subscribe(listener)

    def drained():
        subscribe.drained(hub)
        return listener.arrived()
    return drained


@pytest.fixture
def api(subscribe):
    return subscribe.api


def trace(traceparent=TRACEPARENT, tracestate=None):
    return {"traceparent": traceparent, **({"tracestate": tracestate} if tracestate is not None else {})}


def continues(request, trace_id=TRACE, flags="01"):
    """The parent that the request names: ours, and not that of the change."""
    found = re.fullmatch(rf"00-{trace_id}-([0-9a-f]{{16}})-{flags}", request.headers["traceparent"])
    assert found and found.group(1) not in (PARENT, "0" * 16), request.headers["traceparent"]
    return found.group(1)


@pytest.mark.smoke
def test_a_trace_goes_on_to_the_listener(api, heard):
    made = api.post(customer(status="New"), headers=trace(tracestate="rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"))
    assert made.status_code == 201 and "traceparent" not in made.headers
    assert api.patch(path_of(made.json()), {"status": "x", "n": 1}, headers=trace()).status_code == 200
    assert api.delete(path_of(made.json()), headers=trace()).status_code == 204
    requests = heard()
    assert len(requests) == 4
    for request in requests:
        check_request(request)
        check_event(request.event)
        assert request.event["traceparent"] == TRACEPARENT and "tracestate" not in request.event
    assert len({continues(request) for request in requests}) == 4
    assert [request.headers.get("tracestate") for request in requests] == ["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", None, None, None]


def test_without_a_trace_there_is_none(api, heard, subscribe):
    api.create()
    assert api.post(customer(), headers={"tracestate": "a=1"}).status_code == 201
    for header in NO_TRACES:
        assert api.post(customer(), headers=trace(header, "a=1")).status_code == 201, header
    requests = heard()
    assert len(requests) == 2 + len(NO_TRACES)
    for request in requests:
        assert "traceparent" not in request.event
        assert not {"traceparent", "tracestate"} & request.headers.keys()


@pytest.mark.parametrize("given,sent_flags", [
    (f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like", "01"), (f"01-{TRACE}-{PARENT}-00", "00"),
    (f"00-{TRACE}-{PARENT}-ff", "01"), (f"00-{TRACE}-{PARENT}-02", "00")], ids=["cc", "01", "flags ff", "flags 02"])
def test_later_versions_and_flags(api, heard, given, sent_flags):
    assert api.post(customer(), headers=trace(given, "a=1")).status_code == 201
    [request] = heard()
    assert request.event["traceparent"] == given[:55]
    continues(request, flags=sent_flags)
    assert request.headers["tracestate"] == "a=1"


@pytest.mark.parametrize("given,sent", [
    ("a=1,b=2", "a=1,b=2"), ("a=1 ,\tb=2", "a=1 ,\tb=2"), ("a=" + "x" * 256, "a=" + "x" * 256),
    (",".join(f"key{i}=" + "v" * 200 for i in range(32)), ",".join(f"key{i}=" + "v" * 200 for i in range(32))),
    (",".join(f"k{i}=v" for i in range(33)), None), ("A=1", None), ("a", None), ("", None), ("a=1,b=é".encode(), None)],
    ids=["two", "blanks", "long value", "32", "33", "capital", "no value", "empty", "no ASCII"])
def test_a_state_is_unchanged_or_dropped(api, heard, given, sent):
    assert api.post(customer(), headers=trace(tracestate=given)).status_code == 201
    [request] = heard()
    continues(request)
    assert request.headers.get("tracestate") == sent


def raw_post(server, *lines):
    body = json.dumps(customer()).encode()
    with Raw(server.port) as raw:
        raw.send("\r\n".join([f"POST {BASE}/customer HTTP/1.1", "Host: localhost", "Connection: close", "Content-Type: application/json",
                              f"Content-Length: {len(body)}", *lines, "", ""]).encode("latin-1") + body)
        assert split_reply(raw.read_all())[0] == 201


def test_headers_that_come_in_several_lines(notifying, heard):
    raw_post(notifying, f"TraceParent: {TRACEPARENT}", "Tracestate: a=1", "tracestate: b=2,c=3", "TRACESTATE:", "tracestate: d=4")
    [request] = heard()
    continues(request)
    assert [member.strip() for member in request.headers["tracestate"].split(",") if member.strip()] == ["a=1", "b=2", "c=3", "d=4"]
    raw_post(notifying, f"traceparent: {TRACEPARENT}", f"traceparent: {TRACEPARENT}", "tracestate: a=1")
    assert "traceparent" not in heard()[-1].headers


def test_each_attempt_is_a_span_of_its_own(place, listen):
    listener = listen(default=depending(lambda request: OK if request.number > 2 else answer(503)))
    place(listener)
    assert place.api.post(customer(), headers=trace(tracestate="a=1")).status_code == 201
    requests = listener.await_requests(3)
    assert len({continues(request) for request in requests}) == 3
    assert {request.headers["tracestate"] for request in requests} == {"a=1"}
    assert {request.event["traceparent"] for request in requests} == {TRACEPARENT}


def test_hubs_select_and_cut_by_it(api, subscribe, listen):
    of_trace, named, cut = listen(), listen(), listen()
    hubs = [subscribe(of_trace, f"traceparent={TRACEPARENT}"), subscribe(named, f"traceparent.regex={TRACE}&fields=traceparent"),
            subscribe(cut, "fields=eventId")]
    assert api.post(customer(), headers=trace()).status_code == 201
    assert api.post(customer(), headers=trace(f"00-{'1' * 32}-{PARENT}-00")).status_code == 201
    api.create()
    for hub in hubs:
        subscribe.drained(hub)
    assert [request.event["traceparent"] for request in of_trace.arrived()] == [TRACEPARENT]
    [request] = named.arrived()
    assert request.event.keys() == {"eventId", "eventTime", "eventType", "traceparent"}
    requests = cut.arrived()
    assert len(requests) == 3 and all("traceparent" not in request.event for request in requests)
    assert sum("traceparent" in request.headers for request in requests) == 2


def own(number):
    """A trace of its own."""
    return trace(f"00-{number + 1:032x}-{PARENT}-01", f"n={number}" if number % 2 else None)


def traces_of(server):
    return {row[0]: row[1:] for row in server.database[0].execute(
        "SELECT correlation_id, traceparent, tracestate FROM tmf_customer.event", server.database[1])}


def test_every_way_of_writing_carries_its_own(start_httpd):
    """Writes that share a statement, and those that do not."""
    server = crowded(start_httpd, location="TMFCustomerClientId On")
    api = Api(server.url)
    assert api.post({"callback": "http://127.0.0.1:9/"}, path="/hub").status_code == 201
    made = [api.create() for _ in range(9)]

    def headers(number, **more):
        return {**(own(number) if number % 3 else {}), "X-Correlation-ID": f"c{number}", **more}

    def write(number):
        ways = [lambda own: own.post(customer(), headers=headers(number)),
                lambda own: own.patch(path_of(made[number // 6]), {"n": number}, headers=headers(number)),
                lambda own: own.post(customer(), headers=headers(number, **{"Idempotency-Key": str(uuid.uuid4())})),
                lambda own: own.post(customer(id=f"own{number}"), headers=headers(number)),
                lambda own: own.post(customer(blob="x" * 10000), headers=headers(number)),
                lambda own: own.patch(path_of(made[8]), [{"op": "add", "path": f"/x{number}", "value": 1}], JSON_PATCH,
                                      headers=headers(number))]
        return ways[number % 6](Api(server.url)).status_code

    assert set(at_once(server, [lambda number=number: write(number) for number in range(24)])) <= {200, 201}
    found = traces_of(server)
    for number in range(24):
        expected = own(number) if number % 3 else {}
        assert found[f"c{number}"] == (expected.get("traceparent"), expected.get("tracestate")), number
    assert {value for correlation, value in found.items() if correlation is None} == {(None, None)}


FORMAT = 'LogFormat "%m %>s %{TMF_TRACE}n" traced\nCustomLog "{root}/traces.log" traced\n' \
         'ErrorLogFormat "[%{u}t] [%-m:%l] [pid %P:tid %T] [trace\\ %{TMF_TRACE}n] %M"\n'


def test_logs_show_the_trace_of_every_request(start_httpd, new_database, tmp_path):
    password = tmp_path / "htpasswd"
    password.write_text("")
    for path in [tmp_path, *tmp_path.parents[:2]]:
        path.chmod(0o755)
    server = start_httpd(new_database(), modules=["authn_core", "authn_file", "authz_user", "auth_basic"],
                         server=FORMAT.replace("{root}/", ""),
                         outside=f'<Location "/closed">\nSetHandler tmf-customer\nAuthType Basic\nAuthName x\nAuthUserFile "{password}"\n'
                         "Require valid-user\n</Location>")
    api, lines = Api(server.url), server.root / "traces.log"
    assert api.post(customer(), headers=trace()).status_code == 201
    assert api.get("/nothing", headers=trace()).status_code == 404
    assert api.get(server.url.replace(BASE, "/closed") + "/customer", headers=trace()).status_code == 401
    for header in NO_TRACES[1:3]:
        assert api.get("/customer", headers=trace(header)).status_code == 200
    assert api.get("/customer").status_code == 200
    await_condition(lambda: len(lines.read_text().splitlines()) >= 6, "the log is written")
    assert lines.read_text().splitlines() == [f"POST 201 {TRACEPARENT}", f"GET 404 {TRACEPARENT}", f"GET 401 {TRACEPARENT}"] + ["GET 200 -"] * 3
    server.log.expect(f"trace {TRACEPARENT}\\] .*TMF00")
    postgres, name = server.database
    postgres.execute(f"REVOKE SELECT ON tmf_customer.customer FROM {RUNTIME}", name)
    assert api.get("/customer/x", headers=trace()).status_code >= 500


def test_an_upgrade_keeps_what_waits_to_be_sent(start_httpd, new_database, listen):
    """From the version before: events without a trace, listeners, and customers whose history begins now."""
    postgres, name = new_database(install=False)
    former = [file for file in sorted(sql_directory().glob("[0-9]*.sql")) if file.name < "011"]
    postgres.execute("CREATE SCHEMA tmf_customer; CREATE TABLE tmf_customer.schema_version (version integer PRIMARY KEY,"
                     " applied_at timestamptz NOT NULL DEFAULT now())", name, user=OWNER)
    for file in former:
        postgres.execute(file.read_text(), name, user=OWNER)
    listener = listen()
    document = json.dumps({"@type": "Customer", **customer(name="old")})
    postgres.execute(
        "INSERT INTO tmf_customer.customer (id, doc) VALUES ('old', %s); INSERT INTO tmf_customer.hub (id, callback, twin, types) VALUES ('h', %s,"
        " 'x', '{CustomerCreateEvent,CustomerAttributeValueChangeEvent}');"
        "WITH e AS (INSERT INTO tmf_customer.event (customer_id, type, href, customer) VALUES ('old', 'CustomerCreateEvent', 'http://x/old', %s)"
        " RETURNING id) INSERT INTO tmf_customer.delivery (hub_id, event_id, customer_id) SELECT 'h', id, 'old' FROM e",
        name, (document, listener.url(), document), user=OWNER)
    postgres.install(name)
    server = start_httpd((postgres, name), server=QUICK + "TMFCustomerHistory On\n")
    api = Api(server.url)
    assert api.patch("/customer/old", {"n": 1}, headers=trace()).status_code == 200
    first, second = listener.await_requests(2)[:2]
    assert "traceparent" not in first.event and "traceparent" not in first.headers
    assert second.event["traceparent"] == TRACEPARENT and continues(second)
    [row] = api.get("/customer/old/history").json()
    assert (row["operation"], row["before"]["name"]) == ("patch", "old")
    Subscriber(api, server).await_empty()
