# SPDX-License-Identifier: Apache-2.0
"""How events reach their listeners, whatever the listeners do (src/api/README.md §7)."""
import resource
import secrets
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from time import time

import pytest

from harness import await_condition
from harness.client import Api, path_of
from harness.listener import OK, after, answer, depending, drip, endless, hang_up, has_ipv6, never, raw, reset, when
from harness.notify import (ALLOW, CREATE, ILL_TAGS, IMPATIENT, NOTIFY, QUICK, STATE, Subscriber, check_event, check_request,
                            first_arrivals, ids, numbers_of, write_pending)
from test_config import refusal

REFUSED = [301, 302, 303, 307, 308, 300, 304, 400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 451]
ILL = [408, 429, 500, 501, 502, 503, 504, 507, 599]


@pytest.fixture
def quick(notifying, subscribe):
    """The shared server, for listeners that become well again."""
    notifying.log.allow(ILL_TAGS)
    return subscribe


# ---- one delivery ----

@pytest.mark.parametrize("path", ["", "/", "/x", "/a/../b//c;d/./e", "/x?a=b&c=%20+%C3%A9", "/?", "/x?url=http://10.0.0.1/", "/%7e%2F~", "/x?",
                                  "/a%00b", "/x!$&'()*,;=:@"])
def test_the_callback_is_posted_to_exactly_as_it_was_given(quick, listen, path):
    listener = listen()
    quick(listener.url(path))
    made = quick.api.create()
    [request] = listener.await_requests(1)
    check_request(request)
    check_event(request.event)
    assert request.target == (path if path.startswith("/") else "/" + path)
    assert request.headers["host"] == f"127.0.0.1:{listener.port}"
    assert request.event["event"]["customer"] == made
    assert "tmf" in request.headers["user-agent"].lower()
    assert not {"cookie", "authorization", "referer", "expect", "transfer-encoding"} & set(request.headers)
    names = [line.split(":")[0].lower() for line in request.header_lines]
    assert len(names) == len(set(names))


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_a_listener_on_ipv6(quick, listen):
    listener = listen(host="::1")
    quick(listener)
    quick.api.create()
    [request] = listener.await_requests(1)
    assert request.headers["host"] == f"[::1]:{listener.port}"


@pytest.mark.parametrize("behaviour", [
    *(answer(status) for status in (200, 201, 202, 203, 204, 205, 206, 226, 250, 299)), answer(200, body=b"x" * 5000),
    answer(200, {"Content-Type": "text/html", "Set-Cookie": "a=b"}, b"<html>"), answer(200, version="HTTP/1.0", close=True),
    answer(200, close=True), answer(200, {"Retry-After": "100"}), answer(200, {"Location": "http://127.0.0.1:1/"}),
    raw(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"), raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n"),
    raw(b"HTTP/1.1 103 Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")])
def test_any_2xx_is_delivered_once(quick, listen, behaviour):
    listener = listen(default=behaviour)
    hub = quick(listener)
    made = quick.api.create()
    quick.api.patch(path_of(made), {"status": "x"})
    quick.drained(hub)
    assert [event["eventType"] for event in listener.events()] == [CREATE, STATE]
    quick.await_empty()


SILENT = {"never": never, "drip": drip()}
BROKEN = {
    "reset": reset, "hang up": hang_up, "no HTTP": raw(b"220 smtp.example ESMTP\r\n"), "nothing": raw(b""),
    "half a status": raw(b"HTTP/1.1 2"), "HTTP/0.9": raw(b"<html>ok</html>"), "bad status": raw(b"HTTP/1.1 abc OK\r\n\r\n"),
    "endless header": endless(b"HTTP/1.1 200 OK\r\n", b"X-Header: " + b"x" * 2000 + b"\r\n"),
    "endless 1xx": endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 50), "a body that does not come": raw(b"HTTP/1.1 500 x\r\nContent-Length: 5\r\n\r\n"),
}


@pytest.mark.parametrize("behaviour", BROKEN.values(), ids=BROKEN)
def test_a_failure_is_tried_again_as_it_was(quick, listen, behaviour):
    listener = listen()
    listener.script.append(behaviour)
    hub = quick(listener)
    quick.api.create()
    quick.drained(hub)
    first, second = listener.arrived()
    check_request(first)
    check_request(second)
    assert first.body == second.body and first.event["eventId"] == second.event["eventId"]


@pytest.mark.parametrize("behaviour", SILENT.values(), ids=SILENT)
def test_what_is_not_answered_in_time_is_tried_again_as_it_was(place_with, listen, behaviour):
    """Twice at the least: in so short a time, other answers can be late as well."""
    place = place_with(IMPATIENT)
    listener = listen()
    listener.script.append(behaviour)
    hub = place(listener)
    place.api.create()
    place.drained(hub)
    requests = listener.arrived()
    assert len(requests) >= 2 and len({request.body for request in requests}) == 1
    check_request(requests[1])


@pytest.mark.parametrize("status", REFUSED + ILL)
def test_a_status_that_is_no_2xx_is_tried_again(quick, listen, status):
    elsewhere = listen()
    listener = listen()
    listener.script.append(answer(status, {"Location": elsewhere.url("/elsewhere"), "Content-Location": elsewhere.url()}))
    hub = quick(listener)
    quick.api.create()
    quick.drained(hub)
    assert len(listener.arrived()) == 2 and len(set(ids(listener.arrived()))) == 1
    assert elsewhere.accepted == 0, "a redirect was followed"


def test_an_endless_answer_of_success_holds_nobody_up(place, listen):
    """Whether it counts as success is open; it must end, and what follows must come."""
    listener, good = listen(), listen()
    listener.script.append(endless())
    hub = place(listener)
    place(good)
    made = place.api.create()
    place.api.patch(path_of(made), {"status": "x"})
    place.drained()
    assert [event["eventType"] for event in first_arrivals(listener.arrived())] == [CREATE, STATE]
    assert place.pending(hub) == 0 and len(good.arrived()) == 2


def test_an_event_that_somebody_has_deleted_is_not_told(start_httpd, new_database, listen):
    """But those around it are."""
    postgres, name = new_database()
    writer = start_httpd((postgres, name), server=f"{ALLOW}TMFCustomerNotify Off\n")
    place, listener = Subscriber(Api(writer.url), writer), listen()
    hub = place(listener)
    for n in range(3):
        place.api.create(n=n)
    postgres.execute("DELETE FROM tmf_customer.event WHERE id = (SELECT max(id) - 1 FROM tmf_customer.event)", name)
    start_httpd((postgres, name), server=NOTIFY)
    place.drained(hub)
    assert sorted(numbers_of(listener.events())) == [0, 2]


@pytest.mark.parametrize("refuses", [False, True])
def test_more_than_is_read_at_a_time_comes_in_order(start_httpd, new_database, listen, refuses):
    """Documents of 24 MB in all, which cannot be compressed, of two customers; the listener may have refused something else before."""
    database = new_database()
    writer = start_httpd(database, server=f"{ALLOW}TMFCustomerNotify Off\nTMFCustomerStatementTimeout 1h\n")
    place = Subscriber(Api(writer.url), writer)
    listener = listen(default=depending(lambda request: answer(400) if request.customer["name"] == "refused" else OK))
    hub = place(listener)
    if refuses:
        place.api.create(name="refused")
    made = [place.api.create(n=0) for _ in range(2)]
    for resource in made:
        assert place.api.patch(path_of(resource), {"notes": [secrets.token_hex(500) for _ in range(900)]}).status_code == 200
    for n in range(1, 13):
        for resource in made:
            assert place.api.patch(path_of(resource), {"n": n}).status_code == 200
    start_httpd(database, server=f"{NOTIFY}TMFCustomerNotifySchedule 1d\nTMFCustomerStatementTimeout 1h\n")
    await_condition(lambda: place.pending(hub) == (1 if refuses else 0), "everything else is delivered")
    for resource in made:
        own = [request.event for request in listener.arrived() if request.customer["id"] == resource["id"]]
        assert numbers_of(own) == [0, 0, *range(1, 13)]


# ---- ill: the listener is at fault, and gets everything when it is well ----

ILL_LISTENERS = {"503": answer(503), "500": answer(500), "429": answer(429), "408": answer(408), **SILENT, **BROKEN}


@pytest.mark.parametrize("behaviour", ILL_LISTENERS.values(), ids=ILL_LISTENERS)
def test_an_ill_listener_loses_nothing(place_with, listen, behaviour):
    place, listener = place_with(IMPATIENT), listen(default=behaviour)
    hub = place(listener)
    made = [place.api.create(n=0) for _ in range(3)]
    for n in range(1, 8):
        for resource in made:
            place.api.patch(path_of(resource), {"n": n})
    listener.await_requests(2, "a second try")
    assert place.pending(hub) == 24 and place.dead(hub) == 0
    [row] = place.view("listeners", hub)
    assert row["failures"] >= 1 and row["pending"] == 24 and row["ill_since"] and row["paused_until"] and row["error"]
    listener.default = OK
    listener.drop()
    place.drained(hub)
    for resource in made:
        own = [request for request in listener.arrived() if request.customer["id"] == resource["id"]]
        assert numbers_of(first_arrivals(own)) == list(range(8))
    place.await_hub(hub, "failures = 0 AND state = 'active'")
    place.await_empty()


def test_a_port_that_is_closed_and_opened_again(place, listen):
    listener = listen()
    hub = place(listener)
    made = place.api.create(n=0)
    place.drained(hub)
    listener.close()
    for n in range(1, 6):
        place.api.patch(path_of(made), {"n": n})
    place.await_hub(hub, "failures >= 2")
    assert place.pending(hub) == 5
    listener.open()
    place.drained(hub)
    assert numbers_of(first_arrivals(listener.arrived())) == [0, 1, 2, 3, 4, 5]


def test_an_ill_listener_is_asked_with_one_event_at_a_time(place, listen):
    """While it is ill, one event probes it, however many wait."""
    busy, most = [], []
    held = threading.Event()

    def choose(request):
        busy.append(request)
        most.append(len(busy))
        if not held.wait(0.05):
            busy.remove(request)
            return answer(503)
        busy.remove(request)
        return OK
    listener = listen(default=answer(503))
    hub = place(listener)
    for _ in range(30):
        place.api.create()
    place.await_hub(hub, "failures >= 2")
    listener.default = depending(choose)
    listener.await_requests(len(listener.arrived()) + 5, "probes")
    assert max(most) == 1
    held.set()
    place.drained(hub)
    assert len(first_arrivals(listener.arrived())) == 30


@pytest.mark.parametrize("status", [429, 503, 500])
@pytest.mark.parametrize("value,pause", [("1800", 1800), ("3600", 3600), ("999999999", 3600)], ids=["seconds", "an hour", "too long"])
def test_retry_after_is_honoured_within_bounds(place, listen, status, value, pause):
    listener = listen(default=answer(status, {"Retry-After": value}))
    hub = place(listener)
    place.api.create()
    place.await_hub(hub, "failures = 1")
    assert place.hub_column(hub, "extract(epoch FROM paused_until - changed_at)") == pause
    listener.default = OK
    place.operate("enable(%s)", hub["id"])
    place.drained(hub)


def test_a_date_is_understood_as_retry_after(place, listen):
    end = int(time()) + 3000
    listener = listen(default=answer(503, {"Retry-After": formatdate(end, usegmt=True)}))
    hub = place(listener)
    place.api.create()
    place.await_hub(hub, "failures = 1")
    assert place.hub_column(hub, "extract(epoch FROM paused_until)") >= end - 1
    assert place.hub_column(hub, "extract(epoch FROM paused_until - changed_at)") <= 3000
    listener.default = OK
    place.operate("enable(%s)", hub["id"])
    place.drained(hub)


@pytest.mark.parametrize("value", ["-5", "x", "", "1e9", "0", "Thu, 01 Jan 1970 00:00:00 GMT", "99999999999999999999999", "5, 6"])
def test_an_odd_retry_after_stops_nobody_for_more_than_an_hour(quick, listen, value):
    listener = listen()
    listener.script.append(answer(503, {"Retry-After": value}))
    hub = quick(listener)
    quick.api.create()
    quick.await_hub(hub, "failures >= 1 OR NOT EXISTS (SELECT FROM tmf_customer.delivery WHERE hub_id = hub.id)")
    assert not quick.hub_column(hub, "coalesce(paused_until > now() + interval '1 hour', false)")
    quick.operate("enable(%s)", hub["id"])
    quick.drained(hub)


def test_a_pause_survives_a_restart_and_new_events(place, listen, start_httpd):
    listener, fence = listen(default=answer(503, {"Retry-After": "1800"})), listen()
    hub = place(listener)
    place.api.create()
    place.await_hub(hub, "failures = 1 AND paused_until > now() + interval '1000 seconds'")
    listener.default = OK
    other = start_httpd(place.server.database, server=QUICK)
    place.server.stop("graceful-stop")
    again = Subscriber(Api(other.url), other)
    again(fence)
    again.api.create()
    fence.await_requests(1)
    assert len(listener.arrived()) == 1
    again.operate("enable(%s)", hub["id"])
    again.drained(hub)
    assert len(first_arrivals(listener.arrived())) == 2


# ---- disabled ----

def test_gone_disables_the_listener_until_the_operator_enables_it(place, listen):
    listener = listen(default=answer(410))
    hub = place(listener)
    made = place.api.create(n=0)
    place.await_hub(hub, "state = 'disabled'")
    assert "410" in place.hub_column(hub, "error")
    assert len(listener.arrived()) == 1
    assert place.api.get(f"/hub/{hub['id']}").json() == hub
    listener.default = OK
    fence = listen()
    place(fence)
    place.api.patch(path_of(made), {"n": 1})
    fence.await_requests(1)
    assert len(listener.arrived()) == 1, "a disabled listener is left alone"
    [row] = place.view("listeners", hub)
    assert row["state"] == "disabled"
    assert place.operate("enable(%s)", hub["id"]) is True
    place.api.patch(path_of(made), {"n": 2})
    place.drained(hub)
    numbers = numbers_of(first_arrivals(listener.arrived()))
    assert numbers[0] == 0 and numbers[-1] == 2 and numbers == sorted(numbers)
    assert place.hub_column(hub, "state") == "active"
    place.await_empty()


def test_a_listener_that_is_ill_for_too_long_is_disabled(place_with, listen):
    place, changed = place_with("TMFCustomerNotifyDisableAfter 1s\n"), threading.Event()
    listener = listen(default=when(changed, answer(500)))
    hub = place(listener)
    made = place.api.create(n=0)
    place.api.patch(path_of(made), {"n": 1})
    changed.set()
    place.await_hub(hub, "state = 'disabled'")
    assert place.pending(hub) == 2, "what it missed is kept"
    listener.default = OK
    place.operate("enable(%s)", hub["id"])
    place.drained(hub)
    assert numbers_of(first_arrivals(listener.arrived())) == [0, 1]


def test_a_disabled_hub_can_be_deleted(place, listen):
    listener = listen(default=answer(410))
    hub = place(listener)
    place.api.create()
    place.await_hub(hub, "state = 'disabled'")
    assert place.api.delete(f"/hub/{hub['id']}").status_code == 204
    place.await_empty()


def test_the_operators_functions_for_hubs_that_are_not_there(place):
    assert (place.operate("replay('none')"), place.operate("enable('none')"), place.operate("purge(interval '0')")) == (0, False, 0)


# ---- order ----

def check_history(requests, clients, changes):
    """Each event is one increment of one client's counter after the one before: no gap, nothing twice, nothing late."""
    seen = [0] * clients
    for event in first_arrivals(requests)[1:]:
        customer = event["event"]["customer"]
        now = [customer.get(f"c{client}", 0) for client in range(clients)]
        assert sum(now) == sum(seen) + 1 and all(a <= b for a, b in zip(seen, now)), (seen, now)
        seen = now
    assert seen == [changes] * clients


@pytest.mark.mpm
@pytest.mark.parametrize("kind", ["quick", "slow", "refusing now and then", "ill now and then"])
def test_changes_of_a_customer_come_in_the_order_of_their_commits(place, listen, kind):
    clients, customers, changes = 4, 5, 15
    refused = set()  # none thrice, or it were a dead letter

    def refuse_now_and_then(request):
        if request.number % 23 != 7 or request.event["eventId"] in refused:
            return OK
        refused.add(request.event["eventId"])
        return answer(400)
    trouble = {"quick": OK, "slow": after(0.003, OK),
               "refusing now and then": depending(refuse_now_and_then),
               "ill now and then": depending(lambda request: [answer(503), reset, hang_up][request.number % 3]
                                             if request.number % 41 == 7 else OK)}[kind]
    listener = listen(default=trouble)
    hub = place(listener)
    made = [place.api.create() for _ in range(customers)]

    def work(client):
        api = Api(place.api.url)
        return {api.patch(path_of(made[(change + client) % customers]), {f"c{client}": 1 + change // customers}).status_code
                for change in range(changes * customers)}
    with ThreadPoolExecutor(clients) as pool:
        assert set.union(*pool.map(work, range(clients))) == {200}
    place.drained(hub)
    for resource in made:
        check_history([request for request in listener.arrived() if request.customer["id"] == resource["id"]], clients, changes)
    if kind in ("quick", "slow"):
        assert len(listener.arrived()) == customers * (1 + clients * changes)
    place.await_empty()


def test_one_customers_events_are_sent_one_after_the_other(place, listen):
    """The next one of a customer is not sent before the one before was answered; others are."""
    open_requests, overlaps, customers_at_once = Counter(), [], []
    lock = threading.Lock()

    def choose(request):
        with lock:
            open_requests[request.customer["id"]] += 1
            overlaps.append(open_requests[request.customer["id"]])
            customers_at_once.append(sum(1 for count in open_requests.values() if count))

        def behave(request, connection):
            connection.closing.wait(0.01)
            with lock:
                open_requests[request.customer["id"]] -= 1
            return OK(request, connection)
        return behave
    listener = listen(default=depending(choose))
    hub = place(listener)
    made = [place.api.create() for _ in range(6)]
    for n in range(10):
        for resource in made:
            place.api.patch(path_of(resource), {"n": n})
    place.drained(hub)
    assert max(overlaps) == 1 and len(listener.arrived()) == 66
    assert max(customers_at_once) <= 8


@pytest.fixture
def open_files():
    """Limits the open files of this process, and of the servers that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def limit(count):
        if hard < count:
            pytest.skip("processes may not have so many open files here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_requests_at_a_time(start_httpd, new_database, listen, open_files):
    """The most that may be set: all of them are on their way at once, and no more."""
    open_files(8192)
    most = 1000
    postgres, name = new_database()
    server = start_httpd((postgres, name), server=f"{NOTIFY}TMFCustomerNotifyConcurrency {most}\n")
    place, release = Subscriber(Api(server.url), server), threading.Event()
    listener = listen(default=depending(lambda request: OK if request.number <= most else when(release, OK)))
    hub = place(listener)
    write_pending(postgres, name, [hub["id"]], 2 * most + 100)
    listener.await_requests(2 * most)
    await_condition(lambda: place.pending(hub) == most + 100, "what was answered is recorded")
    held = len(listener.arrived()) - most
    release.set()
    place.drained(hub)
    assert held == most and len(listener.arrived()) == 2 * most + 100


@pytest.mark.parametrize("directive,most", [("TMFCustomerNotifyConcurrency 1", 1), ("TMFCustomerNotifyConcurrency 3", 3),
                                            ("TMFCustomerNotifyConcurrency 4 2", 2)])
def test_requests_at_a_time(start_httpd, listen, directive, most):
    """A listener that has answered a few gets as many at once as may be, and no more while it holds its answers."""
    server = start_httpd(server=f"{NOTIFY}{directive}\n")
    place = Subscriber(Api(server.url), server)
    release = threading.Event()
    listener = listen(default=depending(lambda request: OK if request.number <= 10 else when(release, OK)))
    hub = place(listener)
    for _ in range(30):
        place.api.create()
    listener.await_requests(10 + most)
    # what is not sent now is not sent while the notifier looks at the outbox again
    place.api.create()
    await_condition(lambda: place.pending(hub) == 21, "what was answered is recorded")
    held = len(listener.arrived()) - 10
    release.set()
    place.drained(hub)
    assert held == most and len(listener.arrived()) == 31


@pytest.mark.parametrize("directive", ["1000", "473", "8 1000", "8 473"])
def test_more_requests_than_open_files_are_refused_at_start(new_database, open_files, directive):
    open_files(600)
    text = refusal(new_database, server=f"TMFCustomerNotifyConcurrency {directive}")
    assert "TMFCustomerNotifyConcurrency" in text and "600" in text and "at most 472" in text


def test_as_many_requests_as_open_files_allow(start_httpd, open_files):
    open_files(600)
    assert Api(start_httpd(server="TMFCustomerNotifyConcurrency 472").url).get("").status_code == 200
