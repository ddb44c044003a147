# SPDX-License-Identifier: Apache-2.0
"""What listeners do to each other and to the API: nothing."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import await_condition
from harness.client import Api, customer, path_of
from harness.listener import OK, answer, depending, drip, endless, hang_up, never, reset
from harness.notify import ILL_TAGS, NOTIFY, QUICK, Subscriber, first_arrivals, ids, numbers_of


BAD = {"never": never, "endless": endless(), "drip": drip(), "reset": reset, "hang up": hang_up, "301": answer(301, {"Location": "http://127.0.0.1:1/"}),
       "429": answer(429, {"Retry-After": "1800"}), "503": answer(503), "410": answer(410), "400": answer(400),
       "endless header": endless(b"HTTP/1.1 200 OK\r\n", b"X: " + b"x" * 2000 + b"\r\n")}


def test_bad_listeners_delay_no_good_one_and_no_client(start_httpd, listen):
    """Those that never answer still hold their first request when the good one has everything."""
    server = start_httpd(server=f"{NOTIFY}TMFCustomerNotifySchedule 100ms\n")
    server.log.allow(ILL_TAGS)
    place = Subscriber(Api(server.url), server)
    bad = {name: listen(default=behaviour) for name, behaviour in BAD.items()}
    stuck = listen()
    stuck.accepting = lambda connection: never(None, connection)
    hubs = {name: place(listener) for name, listener in bad.items()}
    place(stuck)
    good = listen()
    hub = place(good)
    made = [place.api.create(n=0) for _ in range(4)]
    for n in range(1, 26):
        for resource in made:
            assert place.api.patch(path_of(resource), {"n": n}).status_code == 200
    place.drained(hub)
    for resource in made:
        assert numbers_of([request.event for request in good.arrived() if request.customer["id"] == resource["id"]]) == list(range(26))
    assert len(good.arrived()) == 104
    for name in ("never", "drip"):
        assert all(request.status is None for request in bad[name].arrived())
        assert place.pending(hubs[name]) == 104, name
    for listener in [*bad.values(), stuck]:
        listener.await_connection()
        listener.close()


def test_a_stop_does_not_wait_for_a_listener(start_httpd, listen):
    server = start_httpd(server=NOTIFY)
    place, listener = Subscriber(Api(server.url), server), listen(default=never)
    hub = place(listener)
    place.api.create()
    listener.await_requests(1)
    server.stop("graceful-stop")
    assert place.pending(hub) == 1
    listener.default = OK
    server.start()
    place.drained(hub)
    assert len(set(ids(listener.arrived()))) == 1


def test_many_listeners_each_get_everything(place, listen):
    listener = listen()
    targets = [f"/{i}" for i in range(40)]
    for target in targets:
        place(listener.url(target))
    made = place.api.create(n=0)
    for n in range(1, 10):
        place.api.patch(path_of(made), {"n": n})
    place.drained()
    for target in targets:
        assert numbers_of(listener.events(target)) == list(range(10))
    place.await_empty()


def test_a_long_queue_of_a_listener_that_was_away(place, listen):
    listener = listen(default=answer(503))
    hub = place(listener)
    made = [place.api.create(n=0) for _ in range(10)]

    def work(resource):
        api = Api(place.api.url)
        for n in range(1, 61):
            api.patch(path_of(resource), {"n": n})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, made))
    assert place.pending(hub) == 610
    listener.default = OK
    place.drained(hub)
    for resource in made:
        own = [request for request in listener.arrived() if request.customer["id"] == resource["id"]]
        assert numbers_of(first_arrivals(own)) == list(range(61))
    place.await_empty()


def test_no_proxy_of_the_environment_is_used(start_httpd, listen):
    proxy, listener = listen(), listen()
    variables = {name: proxy.url("") for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY")}
    server = start_httpd(server=QUICK, environment=variables)
    place = Subscriber(Api(server.url), server)
    place(listener)
    place.api.create()
    listener.await_requests(1)
    assert proxy.accepted == 0


# ---- load, in one process ----

def test_the_api_answers_while_listeners_do_not(place, listen):
    """Every client gets its reply, and every reply is a success, beside listeners that hang."""
    for _ in range(5):
        place(listen(default=never))

    def work(_):
        api = Api(place.api.url)
        return [api.post(customer()).status_code for _ in range(40)]
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4)), []) == [201] * 160
    assert place.pending() == 800


HELD = 629  # the number of an advisory lock


def begin_with(postgres, name, function, statement):
    """From now on, `function` of the schema does that first."""
    [[definition]] = postgres.execute("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'tmf_customer'::regnamespace"
                                      " AND proname = %s", name, (function,))
    postgres.execute(definition.replace("BEGIN\n", f"BEGIN {statement}\n", 1), name)


def hold_up(postgres, name, function, when):
    """From now on, `function` waits, when its parameters say so, as long as the returned connection lives."""
    begin_with(postgres, name, function, f"IF {when} THEN PERFORM pg_advisory_xact_lock_shared({HELD}); END IF;")
    holder = postgres.connect(name)
    with holder.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_lock({HELD})")
    return holder


def held_up(postgres, name, what="1"):
    return postgres.execute(f"SELECT {what} FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database ="
                            " (SELECT oid FROM pg_database WHERE datname = current_database())", name)


@pytest.mark.parametrize("function,when", [("deliver", "true"), ("refuse", "true"), ("due", "cardinality(withheld) > 0"), ("sweep", "true")])
def test_what_takes_long_in_the_database_delays_no_good_listener(start_httpd, new_database, listen, function, when):
    """Recording what was delivered and refused, reading for a listener that has refused some, sweeping."""
    postgres, name = new_database()
    server = start_httpd((postgres, name), server=f"{NOTIFY}TMFCustomerStatementTimeout 1h\nTMFCustomerNotifySchedule 1d\n")
    place, good = Subscriber(Api(server.url), server), listen()
    hub = place(good)
    place(listen(default=answer(400)))
    holder = hold_up(postgres, name, function, when)
    place.api.create(n=0)
    await_condition(lambda: held_up(postgres, name), f"{function} takes long")
    for n in range(1, 4):
        place.api.create(n=n)
        assert numbers_of(good.await_events(n + 1)) == list(range(n + 1))
    if function in ("due", "sweep"):  # what was delivered is recorded all the same, or a hand would be full
        made = [place.api.create(n=-1) for _ in range(9)]
        for n in range(50):
            for resource in made:
                assert place.api.patch(path_of(resource), {"n": n}).status_code == 200
        good.await_events(4 + 9 * 51)
    assert held_up(postgres, name)
    holder.close()
    place.drained(hub)
    server.end()  # before the listeners: the other one still has much to refuse
    assert len({request.event["eventId"] for request in good.arrived()}) == len(good.arrived())


def test_a_listener_that_cannot_be_read_for_keeps_no_other_from_it(start_httpd, new_database, listen):
    """Both have refused an event, and wait a day with that."""
    postgres, name = new_database()
    server = start_httpd((postgres, name), server=f"{NOTIFY}TMFCustomerNotifySchedule 1d\n")
    server.log.allow("TMF0021")
    place = Subscriber(Api(server.url), server)
    listeners = [listen(default=depending(lambda request: answer(400) if request.customer["name"] == "refused" else OK)) for _ in range(2)]
    hubs = [place(listener) for listener in listeners]
    begin_with(postgres, name, "due", f"IF hub_ids = '{{{hubs[0]['id']}}}' AND cardinality(withheld) > 0 THEN RAISE 'unreadable'; END IF;")
    place.api.create(name="refused")
    await_condition(lambda: server.log.contains("P0001"), "the first one cannot be read for")
    for n in range(1, 4):
        place.api.create(name="other")
        listeners[1].await_events(n + 1)
    await_condition(lambda: place.pending(hubs[1]) == 1, "what was delivered is recorded")
    assert [request.customer["name"] for request in listeners[0].arrived()] == ["refused"]


def test_a_stop_while_recording_takes_long(start_httpd, new_database, listen):
    """The next server delivers again what was not recorded."""
    postgres, name = new_database()
    server = start_httpd((postgres, name), server=f"{NOTIFY}TMFCustomerStatementTimeout 1h\n")
    server.log.allow("TMF0022")
    place, listener = Subscriber(Api(server.url), server), listen()
    hub = place(listener)
    holder = hold_up(postgres, name, "deliver", "true")
    place.api.create()
    await_condition(lambda: held_up(postgres, name), "recording takes long")
    server.stop("graceful-stop")
    assert place.pending(hub) == 1
    held_up(postgres, name, "pg_terminate_backend(pid)")
    holder.close()
    server.start()
    place.drained(hub)
    assert len(set(ids(listener.arrived()))) == 1 and len(listener.arrived()) == 2
