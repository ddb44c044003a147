# SPDX-License-Identifier: Apache-2.0
"""Conditions as costly as they may be, on documents as large as they may be: time, memory and round trips are bounded,
and nobody else waits."""
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import await_condition, resident
from harness.client import JSON_PATCH_QUERY, Api, check_error, path_of
from harness.listener import OK, answer
from harness.notify import ILL_TAGS, NOTIFY, Subscriber

MB = 1 << 20
ONE_CHILD = "StartServers 1\nServerLimit 1\nMaxRequestWorkers 16\nMinSpareThreads 1\nMaxSpareThreads 16\n"
LARGE = "TMFCustomerMaxBody 4194304"
DISTINCT = [f"{n:x}" for n in range(120_000)]
IS_INSTRUMENTED = any(map(os.environ.get, ("TMF_ASAN", "TMF_VALGRIND")))  # such processes keep what is freed


@pytest.mark.parametrize("query, elements", [
    pytest.param("event.customer.x.regex=z0z", ["a"] * 200_000, id="one text many times"),
    pytest.param("event.customer.x.regex=z0z", DISTINCT, id="many texts"),
    pytest.param("filter=event.customer.x[?(@=~'z0z')]", DISTINCT, id="many elements"),
    pytest.param(";".join(f"event.customer.x={n}" for n in range(64)), ["a"] * 200_000, id="many conditions"),
    pytest.param(r"event.customer.y.regex=([xw]%2B)([xw]%2B)([xw]%2B)y\1\2\3z", ["a"], id="a slow pattern"),
])
def test_a_costly_query_costs_nobody_else_an_event(start_httpd, listen, query, elements):
    """Past its time a listener pauses, alone; here for as long as the test lasts."""
    server = start_httpd(server=f"{NOTIFY}{ONE_CHILD}TMFCustomerNotifySchedule 1h\n", mpm="event")
    server.log.allow(ILL_TAGS)
    place = Subscriber(Api(server.url), server)
    good, bad = listen(), listen()
    costly = [place(bad.url(f"/{n}"), query) for n in range(8)]
    hub = place(good)
    place.api.create(x=elements, y=f"{'x' * 1000}y{'w' * 1000}z", n=0)
    place.api.create(n=1)
    place.drained(hub)
    assert sorted(request.customer["n"] for request in good.arrived()) == [0, 1]

    def is_settled(hub):
        return place.pending(hub) == 0 or place.hub_column(hub, "paused_until IS NOT NULL")
    await_condition(lambda: all(map(is_settled, costly)), "every query is answered, or its listener pauses", 600)
    for hub in filter(place.pending, costly):
        assert re.fullmatch(r"query: it took longer than 300 ms for event [-0-9a-f]{36}", place.hub_column(hub, "error"))
    assert not bad.arrived()
    [child] = server.children()
    assert IS_INSTRUMENTED or resident(child, "VmHWM") < 250 * MB


def test_conditions_on_one_customer_have_a_deadline_and_hold_no_connection(start_httpd):
    """Others have the only connection while conditions are evaluated, which takes all the time that it may."""
    server = start_httpd(connections=1, location=LARGE, server="TMFCustomerPoolTimeout 60s\nTMFCustomerNotify Off\n")
    api = Api(server.url)
    path, other = path_of(api.create(x=[1] * 480_000)), path_of(api.create())
    query = "&".join(f"x<{n}" for n in range(1000, 1064))
    answered = 0
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(Api(server.url).get, f"{path}?{query}")
        while not slow.done():
            assert api.get(other).status_code == 200
            answered += 1
    check_error(slow.result())
    assert slow.result().status_code == 503 and slow.result().json()["code"] == "statementTimeout"
    assert answered > 5


@pytest.mark.parametrize("condition, path", [("x.v=~^1d4be$", "/x/v?x.v=~^1d4be$"),
                                             ("filter=x[?(@.v=~'^1d4be$')]", "$.x[?(@.v=~'^1d4be$')].v")])
def test_a_pattern_is_asked_about_all_elements_at_once(start_httpd, condition, path):
    """One statement for each would take longer than the deadline."""
    server = start_httpd(location=LARGE, server="TMFCustomerStatementTimeout 10s\nTMFCustomerNotify Off\n")
    api = Api(server.url)
    customer = path_of(api.create(x=[{"v": text} for text in DISTINCT]))
    assert api.get(f"{customer}?{condition}").json()["x"] == [{"v": "1d4be"}]
    reply = api.patch(customer, [{"op": "replace", "path": path, "value": "z"}], content_type=JSON_PATCH_QUERY)
    assert reply.json()["x"] == [{"v": "z" if text == "1d4be" else text} for text in DISTINCT]


@pytest.mark.skipif(IS_INSTRUMENTED, reason="it keeps what is freed")
def test_memory_of_conditions_is_given_back(start_httpd):
    server = start_httpd(location=LARGE, server=f"{ONE_CHILD}TMFCustomerNotify Off\n", mpm="event")
    api = Api(server.url)
    path = path_of(api.create(x=[{"v": n} for n in range(100_000)]))
    [child] = server.children()
    before = resident(child)

    def ask(_):
        return Api(server.url).get(f"{path}?x.v<1000000&x.v.regex=z").status_code
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(16))) <= {200, 503}
    await_condition(lambda: resident(child) < before + 32 * MB, "the memory is given back")


def test_large_events_are_read_within_their_budget(start_httpd, listen):
    """What counts is what an event takes here, not how well the database has compressed it."""
    server = start_httpd(server=f"{NOTIFY}{ONE_CHILD}TMFCustomerNotifySchedule 1h\n", mpm="event")
    server.log.allow(ILL_TAGS)
    place = Subscriber(Api(server.url), server)
    listener = listen(default=answer(503))
    hub = place(listener)
    made = place.api.create()
    place.await_hub(hub, "paused_until IS NOT NULL")
    for n in range(150):
        assert place.api.patch(path_of(made), {"x": "x" * 1_000_000, "n": n}).status_code == 200
    [child] = server.children()
    listener.default = OK
    place.operate("enable(%s)", hub["id"])
    place.drained(hub)
    assert IS_INSTRUMENTED or resident(child, "VmHWM") < 200 * MB
