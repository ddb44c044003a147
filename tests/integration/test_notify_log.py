# SPDX-License-Identifier: Apache-2.0
"""What operators see of listeners that fail: in the log at its usual level, and in tmf_customer.listeners."""
import re
import time

import pytest

from harness import await_condition
from harness.client import Api
from harness.listener import OK, answer, depending, never
from harness.notify import ALLOW, NOTIFY, QUICK, Subscriber

SECRET = "s3cret"


@pytest.fixture
def place_that_logs(start_httpd):
    """Makes servers that log what the module says from this level on."""
    def start(level="notice", settings=QUICK, database=None):
        server = start_httpd(database, server=f"{settings}LogLevel tmf_customer:{level}\n")
        return Subscriber(Api(server.url), server)
    return start


def lines(place, tag):
    return [line for line in place.server.log.text().splitlines() if tag in line]


def await_lines(place, tag, count=1):
    await_condition(lambda: len(lines(place, tag)) >= count, f"{tag} is logged")
    return lines(place, tag)


def test_the_first_pause_and_the_recovery_are_logged_once(place_that_logs, listen):
    place = place_that_logs()
    place.server.log.expect("TMF0062")
    listener = listen(default=answer(503))
    hub = place(listener.url(f"/{SECRET}?key={SECRET}"))
    place.api.create()
    listener.await_requests(6, "more pauses")
    [line] = lines(place, "TMF0062")
    assert ":warn]" in line and f"hub {hub['id']} (http://127.0.0.1:{listener.port}) pauses" in line and "answered 503" in line
    assert not lines(place, "TMF0100")
    listener.default = OK
    place.drained(hub)
    [line] = await_lines(place, "TMF0100")
    assert ":notice]" in line and f"hub {hub['id']} (http://127.0.0.1:{listener.port}) accepts notifications again" in line
    assert len(lines(place, "TMF0062")) == 1 and not place.server.log.contains(SECRET)


def test_dead_letters_are_logged_with_their_number_and_not_each(place_that_logs, listen):
    place = place_that_logs(settings=f"{QUICK}TMFCustomerNotifyRefusedTries 1\n")
    place.server.log.expect("TMF0101")
    place.server.log.allow("TMF0062")  # it refuses more than 20 in a row
    began = time.monotonic()
    listener = listen(default=answer(404))
    hub = place(listener.url(f"/{SECRET}"))
    for _ in range(30):
        place.api.create()
    place.await_dead(30, hub)
    place.server.stop("graceful-stop")
    logged = lines(place, "TMF0101")
    counts = [int(re.search(r"dead letters: (\d+),", line).group(1)) for line in logged]
    assert sum(counts) == 30 and len(counts) <= 2 + (time.monotonic() - began) // 60
    assert all(":warn]" in line and f"hub {hub['id']} (http://127.0.0.1:{listener.port})" in line and "answered 404" in line for line in logged)
    assert not place.server.log.contains(SECRET)


@pytest.mark.parametrize("status", [400, 301])
def test_the_last_refusal_stands_in_the_view_until_nothing_of_it_is_left(place_with, listen, status):
    """Neither pauses the listener, which accepts other events."""
    place = place_with("TMFCustomerNotifyRefusedTries 2\n")
    listener = listen(default=depending(lambda request: answer(status) if request.customer["name"] == "refused" else OK))
    hub = place(listener)
    place.api.create(name="other")
    place.drained(hub)
    assert place.view("listeners", hub)[0]["error"] is None
    place.api.create(name="refused")
    await_condition(lambda: place.view("listeners", hub)[0]["error"] == f"the listener answered {status}", "the refusal is seen")
    place.await_dead(1, hub)
    place.api.create(name="other")
    place.drained(hub)
    [row] = place.view("listeners", hub)
    assert (row["state"], row["failures"], row["error"]) == ("active", 0, f"the listener answered {status}")
    listener.default = OK
    place.operate("replay(%s)", hub["id"])
    place.drained(hub)
    assert place.view("listeners", hub)[0]["error"] is None


def test_listeners_that_are_behind_are_logged(place_that_logs, start_httpd, new_database, listen):
    postgres, name = new_database()
    writer = start_httpd((postgres, name), server=f"{ALLOW}TMFCustomerNotify Off\n")
    stuck, late = listen(default=never), listen(default=never)
    away = Subscriber(Api(writer.url), writer)
    behind, other = away(stuck.url(f"/{SECRET}")), away(late)
    for _ in range(3):
        away.api.create()
    postgres.execute("UPDATE tmf_customer.delivery SET changed_at = now() - interval '1 hour' WHERE hub_id = %s", name, (behind["id"],))
    place = place_that_logs(settings=NOTIFY, database=(postgres, name))
    place.server.log.expect("TMF0102")
    place.server.log.allow("TMF0062")  # when the listeners close at the end
    [line] = await_lines(place, "TMF0102")
    assert ":warn]" in line and f"hub {behind['id']} (http://127.0.0.1:{stuck.port}) is behind: the oldest of 3 pending events" in line
    assert int(re.search(r"waits for (\d+) s", line).group(1)) >= 3600
    assert not place.server.log.contains(SECRET) and not place.server.log.contains(other["id"])
    [[seen]] = postgres.execute("SELECT oldest_pending < now() - interval '59 minutes' FROM tmf_customer.listeners WHERE id = %s", name,
                                (behind["id"],))
    assert seen


@pytest.mark.parametrize("callback", [f"http://user:{SECRET}@127.0.0.1/", f"http://127.0.0.1:1/{SECRET}?a={SECRET}", f"http://127.0.0.1:1?{SECRET}",
                                      f"ftp://{SECRET}/", SECRET, f"http://{SECRET}%/x", f"http://127.0.0.1/#{SECRET}"])
def test_no_secret_of_a_callback_is_logged_at_any_level(place_that_logs, callback):
    """Also of one that was written past the API, or by a release with other rules."""
    place = place_that_logs("trace8", QUICK + "TMFCustomerNotifyDisableAfter 1s\n")
    place.server.log.expect("TMF0061")
    hub = place("http://listener.example/")
    place.sql("UPDATE tmf_customer.hub SET callback = %s WHERE id = %s", callback, hub["id"])
    place.api.create()
    await_lines(place, "TMF0061")
    assert lines(place, "TMF0062")
    place.server.log.allow("TMF0062")
    assert not place.server.log.contains(SECRET)


def refuse_changes(place, when):
    """Makes the database leave a hub as it is when the notifier would change it so."""
    place.sql("CREATE FUNCTION public.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    place.sql(f"CREATE TRIGGER refuse_change BEFORE UPDATE ON tmf_customer.hub FOR EACH ROW WHEN ({when})"
              " EXECUTE FUNCTION public.refuse_change()")


@pytest.mark.parametrize("status", [503, 410])
def test_a_pause_that_was_not_recorded_is_not_logged(place_that_logs, listen, status):
    """The same as when the lease is somebody else's, or the hub gone, in just this moment."""
    place = place_that_logs("debug")
    refuse_changes(place, "NEW.paused_until IS DISTINCT FROM OLD.paused_until")
    listener = listen(default=answer(status))
    hub = place(listener)
    place.api.create()
    listener.await_requests(2, "it is tried again")
    assert place.hub_column(hub, "state") == "active" and not place.server.log.contains("TMF006[12]")
    listener.default = OK
    place.drained(hub)


def test_a_recovery_that_was_not_recorded_is_not_logged(place_that_logs, listen):
    place = place_that_logs("debug")
    place.server.log.expect("TMF0062")
    listener = listen(default=answer(503))
    hub = place(listener)
    place.api.create()
    place.await_hub(hub, "failures > 0")
    refuse_changes(place, "NEW.failures = 0 AND OLD.failures > 0")
    listener.default = OK
    place.drained(hub)
    place.api.create()
    place.drained(hub)
    assert place.hub_column(hub, "failures") > 0 and not place.server.log.contains("TMF0100")
