# SPDX-License-Identifier: Apache-2.0
"""Conditions as costly as they may be, on documents as large as they may be: time, memory and round trips are bounded,
and nobody else waits."""
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import await_condition, resident
from harness.client import JSON_PATCH_QUERY, Api, path_of
from harness.listener import OK, answer
from harness.notify import ILL_TAGS, NOTIFY, Subscriber, numbers_of

MB = 1 << 20
ONE_CHILD = "StartServers 1\nServerLimit 1\nMaxRequestWorkers 16\nMinSpareThreads 1\nMaxSpareThreads 16\n"
LARGE = "TMFCustomerMaxBody 4194304"
# 252 comparisons with each of the elements.
COSTLY = ";".join(f"event.customer.x={n},b{n},c{n},d{n}" for n in range(63))
DISTINCT = [f"{n:x}" for n in range(120_000)]
IS_INSTRUMENTED = any(map(os.environ.get, ("TMF_ASAN", "TMF_VALGRIND")))  # such processes keep what is freed


@pytest.mark.skipif(IS_INSTRUMENTED, reason="it is about memory, which is kept there; the rest is in the tests below")
@pytest.mark.parametrize("query, elements", [
    pytest.param("event.customer.x.regex=z0z", ["a"] * 200_000, id="one text many times"),
    pytest.param("event.customer.x.regex=z0z", DISTINCT, id="many texts"),
    pytest.param("filter=event.customer.x[?(@=~'z0z')]", DISTINCT, id="many elements"),
    pytest.param(COSTLY, ["a"] * 200_000, id="many conditions"),
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
    assert resident(child, "VmHWM") < 250 * MB



def test_an_event_that_is_too_much_for_a_query_becomes_a_dead_letter_and_the_rest_arrives(place, listen):
    listener = listen(default=answer(503))
    hub = place(listener, f"{COSTLY};event.customer.k=w")
    place.api.create(k="w", n=1)
    place.await_hub(hub, "failures > 0")
    slow = place.api.create(x=["a"] * 200_000)
    place.api.create(k="w", n=2)
    place.api.patch(path_of(slow), {"x": None, "k": "w", "n": 3})
    listener.default = OK
    place.drained(hub)
    assert set(numbers_of(listener.events())) == {1, 2, 3}
    assert place.dead(hub) == 1
    [dead] = [row for row in place.view("deliveries", hub) if row["state"] == "dead"]
    assert re.fullmatch(r"query: it took longer than 300 ms for event [-0-9a-f]{36}", dead["error"])


def test_a_cheap_query_waits_for_no_costly_one(start_httpd, listen):
    """Each of the costly ones takes 300 ms; a hundred of them took half a minute of everybody's time. How long it is
    shows in who comes first: the events of the cheap one, not the verdicts on all of the others."""
    server = start_httpd(server=f"{NOTIFY}TMFCustomerNotifySchedule 1h\n")
    server.log.allow(ILL_TAGS)
    place = Subscriber(Api(server.url), server)
    cheap, bad = listen(), listen()
    costly = [place(bad.url(f"/{n}"), COSTLY) for n in range(60)]
    hub = place(cheap, "event.customer.k=w")
    place.api.create(x=["a"] * 200_000)
    for n in range(3):
        place.api.create(k="w", n=n)
    place.drained(hub)
    assert sorted(numbers_of(cheap.events())) == [0, 1, 2]
    undecided = sum(1 for each in costly if place.hub_column(each, "failures") == 0)
    assert undecided > 30


def test_an_event_with_too_many_values_is_not_parsed(place, listen):
    """240,000 empty objects take 200 MB as a tree."""
    listener = listen()
    hub = place(listener, "event.customer.k=w")
    slow = place.api.create(x=[{}] * 240_000)
    place.await_dead(1, hub)
    [dead] = [row for row in place.view("deliveries", hub) if row["state"] == "dead"]
    assert "The event has too many values to be looked at" in dead["error"]
    place.api.patch(path_of(slow), {"x": None, "k": "w", "n": 1})
    place.drained(hub)
    assert numbers_of(listener.events()) == [1]


def test_conditions_on_one_customer_have_a_deadline_and_hold_no_connection(start_httpd):
    """Others have the only connection while conditions are evaluated, which takes all the time that it may."""
    server = start_httpd(connections=1, server="TMFCustomerStatementTimeout 1s\nTMFCustomerPoolTimeout 60s\nTMFCustomerNotify Off\n")
    postgres, name = server.database
    postgres.execute("INSERT INTO tmf_customer.customer (id, doc) SELECT 'long', jsonb_build_object('name', 'x', 'engagedParty',"
                     " '{}'::jsonb, 'x', jsonb_agg(1)) FROM generate_series(1, 480000)", name)
    api = Api(server.url)
    other = path_of(api.create())
    query = "&".join(f"x<{n}" for n in range(1000, 1064))
    answered = 0
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(Api(server.url).request, "GET", f"/customer/long?{query}", check=False)
        while not slow.done():
            assert api.get(other).status_code == 200
            answered += 1
    assert slow.result().status_code == 503 and slow.result().json()["code"] == "statementTimeout"
    assert answered > 2


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
    """The document as a tree takes some 40 MB, in each of four threads; what httpd keeps for connections to come, 2 MB
    for each of 16 threads (MaxMemFree), may stay."""
    server = start_httpd(location=LARGE, server=f"{ONE_CHILD}TMFCustomerNotify Off\n", mpm="event")
    api = Api(server.url)
    path = path_of(api.create(x=[{"v": n} for n in range(250_000)]))
    [child] = server.children()
    before = resident(child)

    def ask(_):
        return Api(server.url).get(f"{path}?x.v<1000000&x.v.regex=z").status_code
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(16))) <= {200, 503}
    assert resident(child, "VmHWM") > before + 100 * MB
    await_condition(lambda: resident(child) < before + 64 * MB, "the memory is given back")


@pytest.mark.skipif(IS_INSTRUMENTED, reason="it is about memory, which is kept there")
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
    assert resident(child, "VmHWM") < 200 * MB
