# SPDX-License-Identifier: Apache-2.0
"""Events that a listener refuses (3xx, 4xx): the event is at fault, not the listener, unless it refuses everything."""
import threading

import pytest

from harness import await_condition
from harness.client import Api, path_of
from harness.listener import OK, answer, depending, when
from harness.notify import ALLOW, CREATE, NOTIFY, Subscriber, ids, numbers_of


@pytest.mark.parametrize("status", [301, 400, 404])
def test_what_is_refused_again_and_again_becomes_a_dead_letter(place, listen, status):
    """The later events of its customer wait for that, and then come in order. (That other customers' do not wait is seen below,
    where the next try is a day away: before its first success a listener has one place, which a try that is held would take.)"""
    listener = listen(default=depending(lambda request: answer(status) if request.event_type == CREATE else OK))
    hub = place(listener)
    made = place.api.create(n=0)
    for n in range(1, 6):
        place.api.patch(path_of(made), {"n": n})
    place.drained(hub)
    assert numbers_of(listener.events()) == [0, 0, 0, 1, 2, 3, 4, 5]
    assert place.dead(hub) == 1 and place.hub_column(hub, "state") == "active"
    [row] = place.view("deliveries", hub)
    assert (row["state"], row["attempts"], row["next_attempt_at"]) == ("dead", 3, None) and str(status) in row["error"]


def test_a_backlog_that_is_refused_keeps_no_other_customer_from_being_read(start_httpd, new_database, listen):
    """More events wait behind the refused one than are read at a time; it is tried again in a day."""
    database = new_database()
    writer = start_httpd(database, server=f"{ALLOW}TMFCustomerNotify Off\n")
    place = Subscriber(Api(writer.url), writer)
    listener = listen(default=depending(lambda request: answer(400) if request.customer["name"] == "refused" else OK))
    place(listener)
    made = place.api.create(name="refused")
    for n in range(300):
        place.api.patch(path_of(made), {"n": n})
    for notifier in ("first", "successor"):
        others = {place.api.create(name=f"other {n}")["id"] for n in range(3)}
        server = start_httpd(database, server=f"{NOTIFY}TMFCustomerNotifySchedule 1d\n")
        await_condition(lambda: {request.customer["id"] for request in listener.arrived()} >= others, f"others arrive ({notifier})")
        server.end()
    assert [request.customer["name"] for request in listener.arrived()].count("refused") == 1 and len(listener.arrived()) == 7


def test_each_refused_event_is_a_dead_letter_of_its_own(place, listen):
    listener = listen(default=depending(lambda request: answer(422) if request.customer.get("n") in (1, 3) else OK))
    hub = place(listener)
    made = place.api.create(n=0)
    for n in range(1, 6):
        place.api.patch(path_of(made), {"n": n})
    place.drained(hub)
    assert numbers_of(listener.events()) == [0, 1, 1, 1, 2, 3, 3, 3, 4, 5] and place.dead(hub) == 2


def test_dead_letters_are_replayed(place, listen):
    listener = listen(default=answer(400))
    hub = place(listener)
    for n in range(3):
        place.api.create(n=n)
    place.await_dead(3, hub)
    refused = {request.event["eventId"]: request.body for request in listener.arrived()}
    assert len(listener.arrived()) == 9 and len(refused) == 3
    listed = place.view("deliveries", hub)
    assert {row["event_id"] for row in listed} == set(refused)
    assert {(row["hub_id"], row["callback"], row["type"], row["state"]) for row in listed} == {
        (hub["id"], hub["callback"], CREATE, "dead")}
    [row] = place.view("listeners", hub)
    assert (row["state"], row["pending"], row["dead"]) == ("active", 0, 3)
    listener.default = OK
    assert place.operate("replay(%s)", hub["id"]) == 3
    place.drained(hub)
    again = listener.arrived()[9:]
    assert {request.event["eventId"]: request.body for request in again} == refused and len(again) == 3
    place.await_empty()


def test_a_replay_that_is_refused_again_is_dead_again(place, listen):
    listener = listen(default=answer(400))
    hub = place(listener)
    place.api.create()
    place.await_dead(1, hub)
    before = len(listener.arrived())
    place.operate("replay(%s)", hub["id"])
    listener.await_requests(before + 1, "the replay")
    await_condition(lambda: (place.pending(hub), place.dead(hub)) == (0, 1), "it is dead again")
    assert len(set(ids(listener.arrived()))) == 1


def test_dead_letters_are_purged(place, listen):
    listener = listen(default=answer(400))
    hub = place(listener)
    place.api.create()
    place.await_dead(1, hub)
    assert place.operate("purge(interval '1 day')") == 0 and place.dead(hub) == 1
    assert place.operate("purge(interval '0')") == 1
    place.await_empty()


def test_dead_letters_are_kept_as_long_as_configured(place_with, listen):
    place = place_with("TMFCustomerNotifyRetention 1s\nTMFCustomerNotifyRefusedTries 1\n")
    listener = listen(default=answer(400))
    place(listener)
    place.api.create()
    listener.await_requests(1)
    await_condition(lambda: place.one("SELECT (SELECT count(*) FROM tmf_customer.event)"
                                      " + (SELECT count(*) FROM tmf_customer.delivery)") == 0, "it is gone")
    assert len(listener.arrived()) == 1


@pytest.mark.parametrize("tries", [1, 2, 5])
def test_how_often_a_refused_event_is_tried(place_with, listen, tries):
    place = place_with(f"TMFCustomerNotifyRefusedTries {tries}\n")
    listener = listen(default=answer(403))
    hub = place(listener)
    place.api.create()
    place.await_dead(1, hub)
    assert len(listener.arrived()) == tries


@pytest.fixture
def refusing(place_with, listen):
    """A listener that refuses everything, and its place; nothing becomes a dead letter soon."""
    def start(settings=""):
        place = place_with(f"TMFCustomerNotifyRefusedTries 1000\n{settings}")
        listener = listen(default=answer(401))
        return place, listener, place(listener)
    return start


def is_ill(place, hub):
    [row] = place.view("listeners", hub)
    return row["error"] == "20 events in a row refused: the listener answered 401" and row["ill_since"] is not None


def test_a_listener_that_refuses_everything_is_ill_until_it_accepts_something(refusing):
    place, listener, hub = refusing()
    made = [place.api.create(n=n) for n in range(60)]
    await_condition(lambda: is_ill(place, hub), "it is ill")
    listener.await_requests(70, "it is tried again")
    assert place.pending(hub) == 60 and listener.accepted == 1
    listener.default = OK
    place.drained(hub)
    accepted = [request.customer["id"] for request in listener.arrived() if request.status != 401]
    assert sorted(accepted) == sorted(resource["id"] for resource in made)
    await_condition(lambda: [(row["state"], row["failures"], row["ill_since"], row["error"]) for row in place.view("listeners", hub)]
                    == [("active", 0, None, None)], "it is well")
    place.await_empty()


def test_a_listener_that_refuses_everything_for_long_is_disabled(refusing):
    place, listener, hub = refusing("TMFCustomerNotifyDisableAfter 1s\n")
    changed = threading.Event()
    listener.default = when(changed, answer(401))
    for n in range(30):
        place.api.create(n=n)
    changed.set()
    await_condition(lambda: place.view("listeners", hub)[0]["state"] == "disabled", "it is disabled")
    assert place.pending(hub) == 30
    listener.default = OK
    place.operate("enable(%s)", hub["id"])
    place.drained(hub)


def test_many_events_that_are_refused_keep_the_others_waiting_for_a_moment_only(place_with, listen):
    place = place_with("TMFCustomerNotifySchedule 1d\n")
    listener = listen(default=depending(lambda request: answer(422) if request.customer["name"] == "refused" else OK))
    hub = place(listener)
    for _ in range(50):
        place.api.create(name="refused")
    wanted = place.api.create(name="wanted")
    await_condition(lambda: place.pending(hub) == 50, "the other one is delivered")
    assert [request.customer["id"] for request in listener.arrived()][50:] == [wanted["id"]]
