# SPDX-License-Identifier: Apache-2.0
"""Listeners and their deliveries, as the handler tmf-customer-status shows and governs them (src/api/README.md §8)."""
import json
import re

import psycopg2
import pytest

from conftest import finish
from harness import PROJECT, await_condition
from harness.client import Api
from harness.documents import blocks_of
from harness.httpd import Httpd
from harness.listener import OK, answer
from harness.notify import CREATE, ILL_TAGS, NOTIFY, QUICK, Subscriber, first_arrivals, numbers_of, write_pending
from harness.postgres import RUNTIME
from harness.status import SECTION, status_of

REFUSE = answer(400)
WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LISTENER = {"id", "callback", "query", "state", "failures", "illSince", "pausedUntil", "error", "pending", "dead", "oldestPending"}
DELIVERY = {"eventId", "eventType", "eventTime", "customerId", "state", "since", "attempts", "nextAttempt", "error"}
GRANT = re.search('`(GRANT .*) TO "www-data"`', (PROJECT / "conf/README.md").read_text()).group(1)


class Place(Subscriber):
    """A server with a status handler that may govern, its hubs, and how to ask about them."""

    def __init__(self, server):
        super().__init__(Api(server.url), server)
        self.ask = status_of(server)

    def listener(self, hub):
        reply = self.ask("GET", f"/listeners/{hub['id']}")
        assert reply.status_code == 200 and set(reply.json()) == LISTENER
        return reply.json()

    def govern(self, hub, what, body=None, **options):
        options = {"json": body, **options} if body is not None else options
        return self.ask("POST", f"/listeners/{hub['id']}/{what}", **options)

    def deliveries(self, hub, query=""):
        reply = self.ask("GET", f"/listeners/{hub['id']}/deliveries{query}")
        assert reply.status_code == 200, reply.text
        assert all(set(row) == DELIVERY for row in reply.json())
        return reply


@pytest.fixture(scope="module")
def govern_server(postgres):
    name = postgres.create_database("govern", install=False)
    postgres.install(name, "-v", "govern=yes")
    server = Httpd((postgres, name), server=QUICK, outside=SECTION).start()
    yield server
    server.remove()


@pytest.fixture
def place(govern_server, postgres, listen):
    govern_server.log.allow(ILL_TAGS)
    place = Place(govern_server)
    yield place
    place.close()
    finish(govern_server, postgres)


def test_listeners_are_those_of_the_hub(place, listen):
    assert place.ask("GET", "/listeners").json() == []
    hubs = [place(listen(), query) for query in (None, "eventType=CustomerCreateEvent")]
    listed = place.ask("GET", "/listeners")
    assert listed.status_code == 200 and listed.headers["Content-Type"] == "application/json;charset=utf-8"
    assert listed.headers["Cache-Control"] == "no-cache"
    assert [(row["id"], row["callback"], row["query"]) for row in listed.json()] == [
        (hub["id"], hub["callback"], hub["query"]) for hub in hubs]
    assert listed.json() == [place.listener(hub) for hub in hubs]
    assert place.listener(hubs[0]) == {**hubs[0], "state": "active", "failures": 0, "illSince": None, "pausedUntil": None,
                                       "error": None, "pending": 0, "dead": 0, "oldestPending": None}
    assert place.ask("GET", "/listeners?limit=1").status_code == 400


def test_a_listener_that_fails_is_paused_and_then_disabled(place, listen):
    listener = listen(default=answer(503, headers={"Retry-After": "3600"}))
    hub = place(listener)
    place.api.create()
    await_condition(lambda: place.listener(hub)["state"] == "paused", "it pauses")
    shown = place.listener(hub)
    assert shown["failures"] == 1 and shown["pending"] == 1 and shown["dead"] == 0 and "503" in shown["error"]
    assert all(WHEN.fullmatch(shown[name]) for name in ("illSince", "pausedUntil", "oldestPending"))
    assert shown["illSince"] < shown["pausedUntil"]
    listener.default = answer(410)
    assert place.govern(hub, "enable").json() == {"enabled": True}
    await_condition(lambda: place.listener(hub)["state"] == "disabled", "it is disabled")
    listener.default = OK
    assert place.govern(hub, "enable", {}).json() == {"enabled": True}
    place.drained(hub)
    assert place.govern(hub, "enable").json() == {"enabled": True}  # as it is
    assert place.listener(hub)["state"] == "active" and place.listener(hub)["failures"] == 0


def test_dead_letters_are_shown_replayed_and_purged(place, listen):
    listener = listen(default=REFUSE)
    hub, other = place(listener), place(listen(default=REFUSE))
    made = [place.api.create(n=n) for n in range(3)]
    place.await_dead(3, hub)
    place.await_dead(3, other)
    rows = place.deliveries(hub, "?state=dead").json()
    assert [(row["eventId"], row["eventTime"]) for row in rows] == [
        (event["eventId"], event["eventTime"]) for event in sorted(
            first_arrivals(listener.arrived()), key=lambda event: event["event"]["customer"]["n"])]
    assert [row["customerId"] for row in rows] == [customer["id"] for customer in made]
    assert all(row["state"] == "dead" and row["attempts"] == 3 and "400" in row["error"] and row["nextAttempt"] is None
               and row["eventType"] == CREATE and WHEN.fullmatch(row["since"]) for row in rows)
    assert place.deliveries(hub).json() == rows and place.deliveries(hub, "?state=pending").json() == []
    listener.default = OK
    listener.requests.clear()
    body = {"eventId": [rows[1]["eventId"], "00000000-0000-0000-0000-000000000000"]}
    assert place.govern(hub, "replay", body).json() == {"replayed": 1}
    assert place.govern(hub, "replay", body).json() == {"replayed": 0}  # once is enough
    place.drained(hub)
    assert place.govern(hub, "replay", {"eventId": []}).json() == {"replayed": 0} and place.dead(hub) == 2
    assert place.govern(hub, "replay").json() == {"replayed": 2}
    assert place.govern(hub, "replay").json() == {"replayed": 0}
    place.drained(hub)
    assert sorted(numbers_of(listener.events())) == [0, 1, 2] and place.dead(hub) == 0
    assert place.govern(other, "purge", {"olderThan": "1d"}).json() == {"purged": 0}
    assert place.govern(other, "purge", {"olderThan": "0s"}).json() == {"purged": 3}
    assert place.govern(other, "purge", {"olderThan": "0s"}).json() == {"purged": 0}
    place.await_empty()


def test_a_replay_reaches_a_listener_at_once(start_httpd, new_database, listen):
    """Nobody else would look for an hour."""
    postgres, name = new_database(install=False)
    postgres.install(name, "-v", "govern=yes")
    place = Place(start_httpd((postgres, name), outside=SECTION,
                              server=NOTIFY + "TMFCustomerNotifyRefusedTries 1\nTMFCustomerNotifyPoll 2s\n"))
    place.server.log.allow(ILL_TAGS)
    listener = listen(default=REFUSE)
    hub = place(listener)
    place.api.create()
    place.await_dead(1, hub)
    listener.default = OK
    assert place.govern(hub, "replay").json() == {"replayed": 1}
    place.drained(hub)


def test_what_is_replayed_while_the_listener_is_away_arrives_later(place, listen):
    listener = listen(default=REFUSE)
    hub = place(listener)
    place.api.create()
    place.await_dead(1, hub)
    listener.default = answer(503)
    assert place.govern(hub, "replay").json() == {"replayed": 1}
    await_condition(lambda: place.listener(hub)["failures"] > 0, "it fails")
    assert place.listener(hub)["pending"] == 1
    listener.default = OK
    place.drained(hub)


def test_purging_a_disabled_listener_gives_up_what_waits_for_it(place, listen):
    hub, other = place(listen(default=answer(410))), place(listen(default=answer(410)))
    for _ in range(3):
        place.api.create()
    for each in (hub, other):
        await_condition(lambda each=each: place.listener(each)["state"] == "disabled", "it is disabled")
    waiting = place.listener(hub)["pending"]
    assert waiting >= 1 and place.govern(hub, "purge", {"olderThan": "0s"}).json() == {"purged": waiting}
    assert place.listener(hub)["pending"] == 0 and place.listener(hub)["state"] == "disabled"
    assert place.listener(other)["pending"] >= 1
    assert place.govern(other, "purge", {"olderThan": "10min"}).json() == {"purged": 0}


# ---- pages of deliveries ----

def follow(place, hub, reply, relation):
    match = re.search(rf'<([^>]*)>; rel="{relation}"', reply.headers["Link"])
    return place.deliveries(hub, match.group(1)) if match else None


def test_deliveries_come_page_by_page(place):
    hub = place("http://127.0.0.1:9/nobody")
    place.sql("UPDATE tmf_customer.hub SET state = 'disabled' WHERE id = %s", hub["id"])
    write_pending(place.postgres, place.database, [hub["id"]], 25)
    place.sql("UPDATE tmf_customer.delivery SET state = 'dead', changed_at = now() WHERE hub_id = %s AND event_id %% 5 = 0", hub["id"])
    whole = place.deliveries(hub).json()
    assert len(whole) == 25 and [row["customerId"] for row in whole] == [f"c{n}" for n in range(1, 26)]
    for state, expected in (("", whole), ("pending", [row for row in whole if row["state"] == "pending"]),
                            ("dead", [row for row in whole if row["state"] == "dead"])):
        reply = place.deliveries(hub, "?limit=4" + (f"&state={state}" if state else ""))
        forward, pages = [], []
        while reply is not None:
            assert reply.headers["X-Total-Count"] == str(len(expected))
            assert reply.headers["X-Result-Count"] == str(len(reply.json()))
            forward += reply.json()
            pages.append(reply)
            reply = follow(place, hub, reply, "next")
        assert forward == expected and all(len(page.json()) == 4 for page in pages[:-1])
        assert follow(place, hub, pages[0], "prev") is None
        backward, reply = [], pages[-1]
        while reply is not None:
            backward = reply.json() + backward
            reply = follow(place, hub, reply, "prev")
        assert backward == expected
        assert follow(place, hub, pages[-1], "first").json() == pages[0].json()
        assert follow(place, hub, pages[0], "last").json() == expected[(len(expected) - 1) // 4 * 4:]
    assert place.deliveries(hub, "?limit=0").json() == [] and place.deliveries(hub, "?offset=20").json() == whole[20:]
    assert place.deliveries(hub, "?offset=99999999999999999999").json() == []
    assert len(place.deliveries(hub, "?limit=99999999999999999999").json()) == 25


@pytest.mark.parametrize("query, name", [
    ("state=gone", "state"), ("state=", "state"), ("state", "state"), ("state=dead&state=dead", "state"),
    ("state=pending,dead", "state"), ("state.ne=dead", "state.ne"), ("State=dead", "State"), ("limit=-1", "limit"),
    ("limit=x", "limit"), ("limit=1&limit=1", "limit"), ("offset=-1", "offset"), ("cursor=x", "cursor"), ("cursor=", "cursor"),
    ("cursor=WyIiLCJmIiwwLCJ4Il0&offset=1", "cursor and offset"), ("cursor=WyIiLCJmIiwwLCJ4Il0", "cursor"),
    ("cursor=WyIiLCJmIiwwXQ", "cursor"), ("foo=1", "foo"), ("fields=id", "fields"), ("sort=x", "sort"), ("filter=x", "filter"),
    ("limit=1;state=dead", "limit"), ("%zz=1", ""), ("state=%ff", "")])
def test_bad_parameters_of_deliveries_are_named(place, query, name):
    hub = place("http://127.0.0.1:9/nobody")
    reply = place.ask("GET", f"/listeners/{hub['id']}/deliveries?{query}")
    assert reply.status_code == 400 and reply.json()["code"] == "invalidParameter" and name in reply.json()["message"]


def test_no_backlog_is_too_large_to_look_at(start_httpd, new_database):
    """100,001 deliveries are more than are counted; what is not counted is not said, and the pages come all the same."""
    postgres, name = new_database(install=False)
    postgres.install(name, "-v", "govern=yes")
    place = Place(start_httpd((postgres, name), server=NOTIFY, outside=SECTION))
    hub = place("http://127.0.0.1:9/nobody")
    place.sql("UPDATE tmf_customer.hub SET state = 'disabled' WHERE id = %s", hub["id"])
    write_pending(postgres, name, [hub["id"]], 100001)
    reply = place.deliveries(hub, "?limit=2")
    assert "X-Total-Count" not in reply.headers and reply.headers["X-Result-Count"] == "2"
    assert follow(place, hub, reply, "last") is None
    following = follow(place, hub, reply, "next")
    assert [row["customerId"] for row in following.json()] == ["c3", "c4"]
    assert follow(place, hub, following, "prev").json() == reply.json()
    assert place.deliveries(hub, "?state=dead").headers["X-Total-Count"] == "0"
    assert place.listener(hub)["pending"] == 10000 and place.listener(hub)["dead"] == 0
    place.sql("DELETE FROM tmf_customer.delivery WHERE event_id = (SELECT max(event_id) FROM tmf_customer.delivery)")
    reply = place.deliveries(hub, "?limit=2")
    assert reply.headers["X-Total-Count"] == "100000" and len(follow(place, hub, reply, "last").json()) == 2
    assert place.govern(hub, "purge", {"olderThan": "0s"}).json() == {"purged": 100000}


# ---- bad input, and who may do what ----

@pytest.mark.parametrize("path", ["", "/deliveries", "/enable", "/replay", "/purge"])
@pytest.mark.parametrize("identity", ["none", "00000000-0000-0000-0000-000000000000", "%FF", "a%20b", "'", "x" * 3000])
def test_an_unknown_hub_is_404(place, identity, path):
    method = "POST" if path in ("/enable", "/replay", "/purge") else "GET"
    options = {"json": {"olderThan": "7d"}} if path == "/purge" else {}
    reply = place.ask(method, f"/listeners/{identity}{path}", **options)
    assert reply.status_code == 404 and reply.json()["code"] == "notFound"


def test_a_deleted_hub_is_404(place, listen):
    hub = place(listen())
    assert place.api.delete(f"/hub/{hub['id']}").status_code == 204
    assert place.ask("GET", f"/listeners/{hub['id']}").status_code == 404
    assert place.ask("GET", f"/listeners/{hub['id']}/deliveries").status_code == 404
    assert {place.govern(hub, what, body).status_code for what, body in (
        ("enable", None), ("replay", None), ("purge", {"olderThan": "0s"}))} == {404}


@pytest.mark.parametrize("what, body, says", [
    ("enable", '{"x": 1}', "no members"), ("enable", "[]", "object"), ("enable", "{", "line 1"), ("replay", '{"eventId": "x"}', "eventId"),
    ("replay", '{"eventId": [1]}', "eventId[0]"), ("replay", '{"eventId": ["x"]}', "eventId[0]"),
    ("replay", '{"eventId": ["00000000-0000-0000-0000-000000000000", "00000000000000000000000000000000"]}', "eventId[1]"),
    ("replay", '{"eventId": null}', "eventId"), ("replay", '{"eventIds": []}', "eventId"), ("replay", '"all"', "object"),
    ("replay", json.dumps({"eventId": ["00000000-0000-0000-0000-000000000000"] * 1001}), "1000"),
    ("purge", "", "olderThan"), ("purge", "{}", "olderThan"), ("purge", '{"olderThan": 7}', "olderThan"),
    ("purge", '{"olderThan": "P7D"}', "olderThan"), ("purge", '{"olderThan": "-1d"}', "olderThan"),
    *(("purge", json.dumps({"olderThan": text}), "s, min, h or d") for text in ("7", "0", "5ms", "7 d", "7D", "d", "")),
    ("purge", '{"olderThan": "7d", "x": 1}', "olderThan"), ("purge", '{"olderThan": "99999d"}', "3650d"), ("purge", "\0", "")])
def test_bad_bodies_name_the_member(place, what, body, says):
    hub = place("http://127.0.0.1:9/nobody")
    reply = place.govern(hub, what, data=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400 and says in reply.json()["message"], reply.text


@pytest.mark.parametrize("headers, status", [
    ({"Content-Type": "application/x-www-form-urlencoded"}, 415), ({"Content-Type": "text/plain"}, 415),
    ({"Sec-Fetch-Site": "cross-site"}, 403), ({"Sec-Fetch-Site": "same-site"}, 403), ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403), ({"Sec-Fetch-Site": "same-origin"}, 200), ({"Sec-Fetch-Site": "none"}, 200),
    ({"Origin": "http://{host}"}, 200), ({"Accept": "text/html"}, 406)])
def test_pages_of_other_sites_may_not_govern(place, headers, status):
    hub = place("http://127.0.0.1:9/nobody")
    host = f"127.0.0.1:{place.server.port}"
    headers = {name: value.replace("{host}", host) for name, value in headers.items()}
    assert place.govern(hub, "enable", **({"data": "{}"} if "Content-Type" in headers else {}), headers=headers).status_code == status
    if "Content-Type" not in headers and "Accept" not in headers:
        assert place.ask("GET", "/listeners", headers=headers).status_code == 200


def test_governing_has_its_methods(place):
    hub = place("http://127.0.0.1:9/nobody")
    for what in ("enable", "replay", "purge"):
        reply = place.ask("GET", f"/listeners/{hub['id']}/{what}")
        assert reply.status_code == 405 and reply.headers["Allow"] == "POST, OPTIONS"
        options = place.ask("OPTIONS", f"/listeners/{hub['id']}/{what}")
        assert options.status_code == 204 and options.headers["Accept-Post"] == "application/json"
        assert place.govern(hub, what, params="x=1").status_code == 400
    assert place.ask("POST", "/listeners").status_code == 405
    assert place.ask("DELETE", f"/listeners/{hub['id']}").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_without_a_grant_nobody_governs(start_httpd, listen):
    place = Place(start_httpd(outside=SECTION, server=QUICK))
    place.server.log.allow(ILL_TAGS)
    hub = place(listen(default=REFUSE))
    place.api.create()
    place.await_dead(1, hub)
    everything = [("enable", None), ("replay", None), ("purge", {"olderThan": "0s"})]
    for what, body in everything:
        reply = place.govern(hub, what, body)
        assert reply.status_code == 403 and reply.json()["code"] == "forbidden"
        assert "conf/README.md" in reply.json()["message"]
        assert not re.search(rf"GRANT|EXECUTE|FUNCTION|tmf_customer|{RUNTIME} ", reply.json()["message"])
        place.server.log.expect(rf"TMF0220: .*may not execute tmf_customer\.{what}\(text")
    assert place.listener(hub)["dead"] == 1 and len(place.deliveries(hub).json()) == 1
    place.sql(f"{GRANT} TO {RUNTIME}")
    assert [place.govern(hub, what, body).status_code for what, body in everything] == [200] * 3
    place.postgres.install(place.database)
    assert place.govern(hub, "replay").status_code == 200  # a grant stays when install.sql runs again


def test_who_may_look_may_not_govern_in_the_example(start_httpd, new_database):
    """With networks of this machine in place of others'."""
    postgres, name = new_database(install=False)
    postgres.install(name, "-v", "govern=yes")
    example = next(block.text for block in blocks_of("configtest") if "Require method GET HEAD" in block.text)
    place = Place(start_httpd((postgres, name), outside=example, server=NOTIFY, modules=["authz_host"]))
    hub = place("http://127.0.0.1:9/nobody")
    assert place.govern(hub, "enable").status_code == 200
    place.server.settings["outside"] = example.replace("Require local", "Require ip 192.0.2.1").replace("10.1.0.0/16", "127.0.0.1")
    place.server.write_configuration()
    place.server.graceful()
    place.server.log.allow("AH01630")
    assert place.listener(hub)["id"] == hub["id"] and place.ask("HEAD", "/ready").status_code == 200
    for what in ("enable", "replay", "purge"):
        assert place.govern(hub, what, {"olderThan": "0s"}).status_code == 403


def test_the_functions_need_no_right_on_the_tables(place, listen):
    hub = place(listen(default=REFUSE))
    place.api.create()
    place.await_dead(1, hub)
    place.sql("CREATE ROLE operator_alone LOGIN")
    try:
        place.sql(f"{GRANT} TO operator_alone")
        place.sql("GRANT USAGE ON SCHEMA tmf_customer TO operator_alone")

        def as_operator(statement):
            return place.postgres.execute(statement, place.database, (hub["id"],), user="operator_alone")[0][0]
        assert as_operator("SELECT tmf_customer.purge(%s, interval '1 day')") == 0
        assert as_operator("SELECT tmf_customer.enable(%s)") is True
        assert as_operator("SELECT tmf_customer.replay(%s, NULL)") == 1
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            as_operator("SELECT count(*) FROM tmf_customer.hub WHERE id = %s")
    finally:
        place.sql("DROP OWNED BY operator_alone; DROP ROLE operator_alone")
