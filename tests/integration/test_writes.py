# SPDX-License-Identifier: Apache-2.0
"""Writes that come at the same time share a statement; nobody may notice. See test_writes_faults.py, too."""
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random

import pytest

from harness import working
from harness.client import JSON_PATCH, JSON_PATCH_QUERY, MERGE, Api, customer, exact, path_of
from harness.notify import ATTRIBUTE, CREATE, STATE, changed_names
from harness.writes import SILENT, Ledger, at_once, crowded, document_of, made_of, revision_of
from patch_model import merge

pytestmark = pytest.mark.mpm
CLIENTS = 24
NEVER_MADE = 10 ** 18  # a revision; they start at 1

# What arrays, rows, strings and JSON of PostgreSQL could take for their own, as JSON.
ODD = [r'"\""', r'"\\"', r'"\\\\\""', r'"{a,\"b\",NULL}"', '"{}"', '"{"', '"}"', '","', '"NULL"', '"null"', '""', r'"\\N"', '"(1,2)"',
       '"[1,2)"', '"\'; --"', r'"E\\x"', '"$1 $$ $x$ %s %%"', r'"a\nb\r\n\tc\b\f"', r'"\u00e9\u2028\ud83d\ude00\u0001\u007f"',
       '"Größe ☃ 😀"', '"\u200f\u0301"', '1e300', '-1E-300', '12345678901234567890.10', '-0', '0.1e1',
       '100000000000000000000000000000001', '[null,[],{},[{}]]', 'true', r'{"":{"\"":"\\"},"{,}":[",",{"NULL":null}],"\u00e9\n":-0.0}']
SIZES = [0] * 8 + [40000, 40000, 600000]
TAGGED = ["NULL", "null", "{}", "{NULL,NULL}", '"', "\\", "\\\\", '\\"', "a,b", "'", "$1", "%s", "(,)", "\\N", "\\x00", "a  b"]


def odd_text(number, **members):
    """A body that no other number has."""
    random = Random(number)
    text = json.dumps(customer(number=number, **members))
    values = [f'"odd {i}": {value}' for i, value in enumerate(random.sample(ODD, 6))]
    size = SIZES[number % len(SIZES)]
    return text[:-1] + f', "text": "{random.randbytes(size // 2).hex()}", {", ".join(values)}}}'


def host_of(number):
    return {"Host": f"host-{number}.example:{8000 + number}"}


def shows(reply, text):
    """The reply is the customer that was sent, and all that belongs to it belongs together."""
    shown = exact(reply.text)
    assert {**exact(text), "@type": "Customer", "id": shown["id"], "href": shown["href"]} == shown
    assert shown["href"].endswith("/customer/" + shown["id"])
    return shown


def create_odd(ledger, number):
    text = odd_text(number, status=["New", "Approved", None, "NULL"][number % 4])
    reply = ledger.post(text, headers=host_of(number))
    assert reply.status_code == 201, reply.text
    shown = shows(reply, text)
    assert reply.headers["Location"] == shown["href"]
    assert shown["href"].startswith(f"http://{host_of(number)['Host']}/")
    return reply


def numbered(ledger, work, numbers):
    return [partial(work, ledger, number) for number in numbers]


# ---- creates ----

@pytest.mark.parametrize("hubs", [0, 2])
def test_each_create_is_answered_with_its_own_customer(start_httpd, hubs):
    ledger = Ledger(crowded(start_httpd), hubs)
    replies = [reply for turn in range(2) for reply in
               at_once(ledger.server, numbered(ledger, create_odd, range(turn * CLIENTS, (turn + 1) * CLIENTS)))]
    assert len({reply.json()["id"] for reply in replies}) == len({reply.headers["ETag"] for reply in replies}) == len(replies)
    stored = ledger.stored()
    for number, reply in enumerate(replies):
        path = path_of(reply.json())
        read = ledger.api().get(path, headers=host_of(number))
        assert (read.text, read.headers["ETag"]) == (reply.text, reply.headers["ETag"])
        assert ledger.api().get(path, headers={"If-None-Match": reply.headers["ETag"]}).status_code == 304
        assert stored.pop(reply.json()["id"]) == (revision_of(reply), document_of(reply.text))
    assert not stored
    assert ledger.api().get("/customer?limit=0").headers["X-Total-Count"] == str(len(replies))
    if hubs:
        assert {len(history) for history in ledger.check().values()} == {1}
    else:
        assert ledger.events() == [] and ledger.sql("SELECT * FROM tmf_customer.delivery") == []
        assert ledger.sql("SELECT * FROM tmf_customer.recount()") == []


def test_creates_without_end_on_several_children(start_httpd):
    ledger = Ledger(start_httpd(server=SILENT))

    def work(client):
        for number in range(client, 10 * CLIENTS, CLIENTS):
            reply = create_odd(ledger, number)
            read = ledger.api().get(path_of(reply.json()), headers=host_of(number))
            assert (read.text, read.headers["ETag"]) == (reply.text, reply.headers["ETag"])
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    assert len(ledger.check()) == 10 * CLIENTS


def test_correlation_ids_are_those_of_the_request(start_httpd):
    """Also where there is none, among others that look like none."""
    server = crowded(start_httpd)
    ledger = Ledger(server)
    made = {}

    def work(number):
        name = TAGGED[number % len(TAGGED)] if number % 3 else None
        header = "X-Correlation-ID" if number % 2 else "X-Request-ID"
        reply = Api(server.url).post(customer(number=number), headers={header: name} if name else {})
        assert reply.status_code == 201 and reply.json()["number"] == number
        made[reply.json()["id"]] = name
    at_once(server, [partial(work, number) for number in range(CLIENTS)])
    assert {event.customer_id: event.correlation for event in ledger.events()} == made


def test_replies_show_the_fields_that_each_one_asked_for(start_httpd):
    server = crowded(start_httpd, location="TMFCustomerCreditProfile current", outside="""
<Location "/other">
    SetHandler tmf-customer
    Require all granted
</Location>""")
    ledger = Ledger(server)
    profile = [{"creditProfileDate": "2025-01-01T00:00Z", "validFor": {}, "creditScore": score} for score in (1, 2)]

    def work(number):
        query, names = [("", None), ("?fields=none", set()), ("?fields=number,nothing", {"number"}),
                        ("?fields=status", {"status"})][number % 4]
        base = server.url if number % 3 else server.url.split("/tmf-api")[0] + "/other"
        body = customer(number=number, status=str(number), creditProfile=profile)
        reply = ledger.post(body, path=f"{base}/customer{query}")
        shown = reply.json()
        assert reply.status_code == 201 and shown["href"] == f"{base}/customer/{shown['id']}"
        assert ("ETag" in reply.headers) == (names is None)
        again = Api(server.url).patch(f"{base}/customer/{shown['id']}{query}", {"status": str(number)})
        for patched in (reply, again):
            if names is None:
                assert patched.json()["creditProfile"] == (profile[:1] if number % 3 else profile)
            else:
                assert set(patched.json()) == {"id", "href"} | names
                assert {str(patched.json()[name]) for name in names} <= {str(number)}
        return shown["id"]
    ids = at_once(server, [partial(work, number) for number in range(CLIENTS)])
    assert len(set(ids)) == CLIENTS
    assert {doc["number"] for _, doc in ledger.stored().values()} == set(range(CLIENTS))
    assert {len(doc["creditProfile"]) for _, doc in ledger.stored().values()} == {2}


def test_of_creates_with_one_key_or_one_id_one_is_carried_out(start_httpd):
    """Beside ordinary ones in the same moment."""
    ledger = Ledger(crowded(start_httpd, location="TMFCustomerClientId On"))
    ids = ["NULL", "{a,b}", 'a"b\\', "é ☃"]

    def work(turn, number):
        kind, which = number % 3, number // 3 % 4
        if kind == 0:
            return ledger.post(customer(id=f"{ids[which]} {turn}", number=number))
        if kind == 1:
            return Api(ledger.server.url).post(customer(number=which), headers={"Idempotency-Key": f"{turn} {which}"})
        return create_odd(ledger, number)
    for turn in range(4):
        replies = at_once(ledger.server, [partial(work, turn, number) for number in range(CLIENTS)])
        for which in range(4):
            named, keyed, others = ([reply for number, reply in enumerate(replies)
                                     if (number % 3, number // 3 % 4) == (kind, which)] for kind in range(3))
            assert split(named, "idInUse")[0]["id"] == f"{ids[which]} {turn}" and len(split(named, "idInUse")) == 1
            made = split(keyed, "idempotencyKeyInUse")
            assert made and all(one == made[0] and one["number"] == which for one in made)
            assert {reply.status_code for reply in others} == {201}
    stored = ledger.stored()
    assert len(stored) == 4 * (4 + 4 + CLIENTS // 3)
    told_of = Counter((event.customer_id, event.type) for event in ledger.events())
    assert told_of == Counter((identity, CREATE) for identity in stored)
    assert ledger.sql("SELECT * FROM tmf_customer.recount()") == []


def split(replies, code):
    """The customers of those that were carried out; all others were refused with this code."""
    assert {reply.json()["code"] for reply in replies if reply.status_code != 201} <= {code}
    return [reply.json() for reply in replies if reply.status_code == 201]


# ---- patches and replacements ----

def change_odd(ledger, made, number):
    """A change of a customer that nobody else changes, in the format of this number."""
    path, first = made[number]
    text = odd_text(number + len(made), status="changed" if number % 2 else None)
    headers = {**host_of(number), **({"If-Match": first.headers["ETag"]} if number % 5 == 0 else {})}
    if number % 3 == 0:
        reply = ledger.patch(path, text, headers=headers)
    elif number % 3 == 1:
        reply = ledger.put(path, text, headers=headers)
    else:
        reply = ledger.patch(path, '[{"op": "replace", "path": "/number", "value": -1},'
                             f' {{"op": "add", "path": "/odd", "value": {text}}}]', JSON_PATCH, headers=headers)
    assert reply.status_code == 200, reply.text
    shown = exact(reply.text)
    if number % 3 == 2:
        assert shown["odd"] == exact(text) and shown["number"] == -1
    else:
        shows(reply, text)
    assert shown["id"] in path and shown["href"].startswith(f"http://{host_of(number)['Host']}/")
    assert revision_of(reply) > revision_of(first)
    read = ledger.api().get(path, headers=host_of(number))
    assert (read.text, read.headers["ETag"]) == (reply.text, reply.headers["ETag"])
    assert ledger.api().get(path, headers={"If-None-Match": reply.headers["ETag"]}).status_code == 304
    assert ledger.api().get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200
    return reply


def test_each_change_is_answered_with_its_own_customer(start_httpd):
    ledger = Ledger(crowded(start_httpd), hubs=2)
    for _ in range(2):
        made = made_of(ledger, CLIENTS)
        at_once(ledger.server, [partial(change_odd, ledger, made, number) for number in range(CLIENTS)])
    assert all(len(history) == 2 for history in ledger.check().values())


def test_changes_that_fail_or_change_nothing_are_alone_in_that(start_httpd):
    """Each with its own answer, beside changes of the same and of other customers."""
    ledger = Ledger(crowded(start_httpd))
    made = made_of(ledger, CLIENTS, status="New", note="a\"b")
    names = ["refused", "invalid", "absent", "stale", "same", "replaced by the same", "changed", "both"]

    def work(number):
        path, first = made[number]
        what = names[number % len(names)]
        if what == "refused":
            return ledger.patch(path, [{"op": "replace", "path": "/status", "value": "x"},
                                       {"op": "test", "path": "/note", "value": "x"}], JSON_PATCH)
        if what == "invalid":
            return ledger.patch(path, {"name": "", "status": "x"})
        if what == "absent":
            return ledger.patch("/customer/nobody-%22%7B,%7D", {"status": "x"})
        if what == "stale":
            return ledger.put(path, customer(status="x"), headers={"If-Match": f'"{NEVER_MADE}", "stale"'})
        if what == "same":
            return ledger.patch(path, {"status": "New", "unknown": None}, headers={"If-Match": first.headers["ETag"]})
        if what == "replaced by the same":
            return ledger.put(path, document_text(first))
        return ledger.patch(path, {"status": f"by {number}"} if what == "changed" else {"status": f"by {number}", "note": [number]})
    replies = at_once(ledger.server, [partial(work, number) for number in range(CLIENTS)])
    expected = dict(zip(names, [(409, "patchConflict"), (400, "invalidBody"), (404, "notFound"), (412, "preconditionFailed"),
                                *[(200, None)] * 4]))
    events = ledger.events()
    for number, (reply, (path, first)) in enumerate(zip(replies, made)):
        what = names[number % len(names)]
        assert (reply.status_code, reply.json().get("code")) == expected[what], what
        assert told(events, path) == [(CREATE, None)] + {
            "changed": [(STATE, None)], "both": [(STATE, None), (ATTRIBUTE, {"note"})]}.get(what, [])
        read = ledger.api().get(path)
        if what in ("changed", "both"):
            assert (read.headers["ETag"], read.text) == (reply.headers["ETag"], reply.text)
            assert reply.json()["status"] == f"by {number}"
        else:
            assert (read.headers["ETag"], read.text) == (first.headers["ETag"], first.text)
        if what in ("same", "replaced by the same"):
            assert (reply.headers["ETag"], reply.text) == (first.headers["ETag"], first.text)
    ledger.check()


def told(events, path):
    """The types of a customer's events, and what the fieldPath names beside the status."""
    return [(event.type, set(event.changed.split(",")) - {"status"} if event.type == ATTRIBUTE else None)
            for event in events if event.customer_id == path.rsplit("/", 1)[1]]


def document_text(reply):
    return json.dumps({name: value for name, value in reply.json().items() if name not in ("id", "href")})


def test_changes_of_one_customer_at_the_same_moment_all_survive(start_httpd):
    ledger = Ledger(crowded(start_httpd))
    made = made_of(ledger, 3, log={}, status="New")

    def work(turn, number):
        path = made[number % 3][0]
        patch, content_type = [
            ({f"x{number}": turn, "log": {f"{turn} {number}": 1}}, MERGE),
            ([{"op": "add", "path": f"/x{number}", "value": turn},
              {"op": "add", "path": f"/log/{turn} {number}", "value": 1}], JSON_PATCH),
            ([{"op": "add", "path": f"$.x{number}", "value": turn},
              {"op": "add", "path": f"$.log['{turn} {number}']", "value": 1}], JSON_PATCH_QUERY),
            ({"status": f"{turn} {number}", f"x{number}": turn, "log": {f"{turn} {number}": 1}}, MERGE)][number // 3 % 4]
        reply = ledger.patch(path, patch, content_type)
        assert reply.status_code == 200, reply.text
        assert reply.json()[f"x{number}"] == turn and f"{turn} {number}" in reply.json()["log"]
    for turn in range(5):
        at_once(ledger.server, [partial(work, turn, number) for number in range(CLIENTS)])
    for which, (path, _) in enumerate(made):
        body = ledger.api().get(path).json()
        mine = range(which, CLIENTS, 3)
        assert body["log"] == {f"{turn} {number}": 1 for turn in range(5) for number in mine}
        assert {name: body[name] for name in body if name[0] == "x"} == {f"x{number}": 4 for number in mine}
    assert {len(history) for history in ledger.check().values()} == {1 + 5 * CLIENTS // 3}


def test_changes_without_end_lose_nothing(start_httpd):
    """Counters that are read, tested and replaced, members that are each set by one client, and replacements
    on what was read, of few customers by several children."""
    ledger = Ledger(start_httpd(server=SILENT))
    made = made_of(ledger, 4, count=0)
    done = Counter()

    def replace(path, before):
        body = before.json()
        body.update(count=body["count"] + 1, status=f"{body['count']}")
        return ledger.put(path, body, headers={"If-Match": before.headers["ETag"]})

    def work(client):
        for turn in range(15):
            path = made[(client + turn) % len(made)][0]
            if client % 3 == 0:
                reply = ledger.patch(path, {f"x{client}": {str(turn): turn}})
                assert reply.status_code == 200 and reply.json()[f"x{client}"][str(turn)] == turn
                continue
            before = ledger.api().get(path, check=False)
            count = before.json()["count"]
            reply = replace(path, before) if client % 3 == 1 else ledger.patch(path, [
                {"op": "test", "path": "/count", "value": count}, {"op": "replace", "path": "/count", "value": count + 1}], JSON_PATCH)
            if reply.status_code == 200:
                assert reply.json()["count"] == count + 1
                with lock:
                    done[path] += 1
            else:
                assert reply.status_code == (412 if client % 3 == 1 else 409), reply.text
    lock = threading.Lock()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    for place, (path, _) in enumerate(made):
        body = ledger.api().get(path).json()
        assert body["count"] == done[path] > 0
        for client in range(0, CLIENTS, 3):
            assert set(body.get(f"x{client}", {})) == {str(turn) for turn in range(15) if (client + turn) % len(made) == place}
    ledger.check()


def test_of_changes_with_one_tag_one_wins(start_httpd):
    ledger = Ledger(crowded(start_httpd))
    made = made_of(ledger, 4)
    for turn in range(4):
        tags = [ledger.api().get(path).headers["ETag"] for path, _ in made]

        def work(number):
            path, headers = made[number % 4][0], {"If-Match": tags[number % 4]}
            if number % 3 == 0:
                return ledger.put(path, customer(winner=[turn, number]), headers=headers)
            if number % 3 == 1:
                patch = [{"op": "add", "path": "/winner", "value": [turn, number]}]
                return ledger.patch(path, patch, JSON_PATCH, headers=headers)
            return ledger.patch(path, {"winner": [turn, number], "status": f"by {number}"}, headers=headers)
        replies = at_once(ledger.server, [partial(work, number) for number in range(CLIENTS)])
        for which, (path, _) in enumerate(made):
            mine = [(reply.status_code, number) for number, reply in enumerate(replies) if number % 4 == which]
            assert sorted(status for status, _ in mine) == [200] + [412] * (CLIENTS // 4 - 1)
            assert ledger.api().get(path).json()["winner"] == [turn, min(mine)[1]]
    assert {len(history) for history in ledger.check().values()} == {5}


def test_changes_that_change_nothing_leave_no_trace(start_httpd):
    """Of many that ask for the same, the first one alone changes something."""
    ledger = Ledger(crowded(start_httpd))
    made = made_of(ledger, 3, status="New", x=[1])

    def work(turn, number):
        path = made[number % 3][0]
        if number % 2:
            return ledger.patch(path, {"x": [turn, 1.0], "status": f"{turn}"})
        return ledger.patch(path, [{"op": "replace", "path": "/x", "value": [turn, 1]},
                                   {"op": "add", "path": "/status", "value": f"{turn}"}], JSON_PATCH)
    for turn in range(1, 4):
        replies = at_once(ledger.server, [partial(work, turn, number) for number in range(CLIENTS)])
        assert {reply.status_code for reply in replies} == {200}
        assert len({(reply.headers["ETag"], reply.json()["id"]) for reply in replies}) == 3
    assert {len(history) for history in ledger.check().values()} == {4}


def test_which_events_come_of_which_change(start_httpd):
    """Each client has a customer of its own, and knows all that its events have to be."""
    ledger = Ledger(crowded(start_httpd))
    made = made_of(ledger, CLIENTS, status="0", a=0, b=0, **{"odd \"{}": 0})
    kinds = [({"status": 1}, [(STATE, None)]), ({"a": 1}, [(ATTRIBUTE, {"a"})]), ({"a": 1, "b": 1}, [(ATTRIBUTE, {"a", "b"})]),
             ({"status": 1, "odd \"{}": 1}, [(STATE, None), (ATTRIBUTE, {"odd \"{}"})]), ({}, [])]
    expected = {number: [(CREATE, None)] for number in range(CLIENTS)}

    def work(turn, number):
        names, events = kinds[(turn + number) % len(kinds)]
        expected[number] += events
        reply = ledger.patch(made[number][0], {name: str(turn) if name == "status" else turn for name in names})
        assert reply.status_code == 200
    for turn in range(1, 6):
        at_once(ledger.server, [partial(work, turn, number) for number in range(CLIENTS)])
    events = ledger.events()
    for number, (path, _) in enumerate(made):
        assert told(events, path) == expected[number]
    ledger.check()


# ---- deletes ----

def test_who_is_deleted_stays_deleted(start_httpd):
    ledger = Ledger(crowded(start_httpd))
    for _ in range(3):
        made = made_of(ledger, 6)

        def work(number):
            path = made[number % 6][0]
            return ledger.delete(path) if number // 6 == 2 else ledger.patch(path, {"status": f"by {number}", "x": number})
        replies = at_once(ledger.server, [partial(work, number) for number in range(CLIENTS)])
        for number, reply in enumerate(replies):
            assert reply.status_code in ([204] if number // 6 == 2 else [200, 404]), reply.text
        for path, first in made:
            assert ledger.api().get(path).status_code == ledger.patch(path, {"x": 1}).status_code == 404
            assert ledger.put(path, customer(), headers={"If-Match": first.headers["ETag"]}).status_code in (404, 412)
    assert ledger.stored() == {}
    assert {history[-1] for history in ledger.check().values()} == {None}


def test_deletes_without_end_among_changes(start_httpd):
    ledger = Ledger(start_httpd(server=SILENT))
    current, gone = {}, set()

    def renew(place):
        current[place] = ledger.create(customer(place=place, n=0))[0]

    def work(client):
        for turn in range(20):
            place = (client + turn) % 3
            path = current[place]
            was_gone = path in gone
            if client < 3 and turn % 4 == 3:
                assert ledger.delete(path).status_code in (204, 404)
                gone.add(path)
                renew(place)
            else:
                reply = ledger.patch(path, {f"x{client}": turn, "status": f"{turn % 5}"})
                assert reply.status_code in ([404] if was_gone else [200, 404])
    for place in range(3):
        renew(place)
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    histories = ledger.check()
    assert {f"/customer/{identity}" for identity, history in histories.items() if history[-1] is None} == gone


# ---- readers, and all together ----

@pytest.mark.parametrize("cache", ["", "TMFCustomerCache 16 1h\n"], ids=["database", "cache"])
def test_who_has_written_reads_it_or_what_came_later(start_httpd, cache):
    ledger = Ledger(start_httpd(server=SILENT + cache))
    made = [path for path, _ in made_of(ledger, 4)]
    newest = {path: 0 for path in made}
    wrong = []

    def expect(holds, reply):
        if not holds:
            wrong.append((reply.request.method, reply.request.url, reply.status_code, reply.text[:200]))

    def read(stop):
        api, random = ledger.api(), Random()
        while not stop.is_set():
            path = random.choice(made)
            known = newest[path]
            reply = api.get(path, headers={"If-None-Match": f'"{known}"'}, check=False)
            expect(reply.status_code in (200, 304) and revision_of(reply) >= known, reply)

    def write(client):
        for turn in range(25):
            path = made[(client + turn) % len(made)]
            reply = ledger.patch(path, {f"x{client}": turn, "status": f"{client % 3}"})
            expect(reply.status_code == 200, reply)
            with lock:
                newest[path] = max(newest[path], revision_of(reply))
            read = ledger.api().get(path, check=False)
            expect(read.status_code == 200 and revision_of(read) >= revision_of(reply) and
                   read.json()[f"x{client}"] == turn, read)
    lock = threading.Lock()
    with working(6, read), ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(16)))
    assert not wrong, wrong[:3]
    assert {path: revision_of(ledger.api().get(path)) for path in made} == newest
    ledger.check()


class Owner:
    """A client that alone changes its customers, and so knows what each of its changes makes of them."""

    def __init__(self, ledger, number):
        self.ledger, self.random = ledger, Random(number)
        self.histories = {}  # path → documents, None for its end

    def work(self):
        for _ in range(40):
            alive = [path for path, history in self.histories.items() if history[-1] is not None]
            if len(alive) < 2 or self.random.random() < 0.2:
                self.create()
            else:
                self.change(self.random.choice(alive))

    def members(self):
        return {name: self.random.choice([1, "NULL", [2.5], {"y": '"'}, {"z": "\\"}, "é"])
                for name in self.random.sample(["status", "a", "b", "c"], self.random.randrange(4)) if name != "status"}

    def create(self):
        body = customer(**self.members(), status=self.random.choice(["A", "B", None]))
        path, reply = self.ledger.create(body)
        self.histories[path] = [{**body, "@type": "Customer"}]
        assert document_of(reply.text) == self.histories[path][-1]

    def change(self, path):
        before = self.histories[path][-1]
        kind = self.random.choice(["merge", "merge", "put", "operations", "failing", "delete"])
        if kind == "delete":
            assert self.ledger.delete(path).status_code == 204
            self.histories[path].append(None)
            return
        if kind == "merge":
            patch = {**self.members(), self.random.choice("abc"): None, "status": self.random.choice("ABC")}
            after, reply = merge(before, patch), self.ledger.patch(path, patch)
        elif kind == "put":
            body = customer(**self.members(), status="B")
            after, reply = {**body, "@type": "Customer"}, self.ledger.put(path, body)
        else:
            value = "none" if kind == "failing" else before["name"]
            reply = self.ledger.patch(path, [{"op": "add", "path": "/a", "value": 7},
                                             {"op": "test", "path": "/name", "value": value}], JSON_PATCH)
            after = before if kind == "failing" else {**before, "a": 7}
        assert reply.status_code == (409 if kind == "failing" else 200), reply.text
        if kind != "failing":
            assert document_of(reply.text) == after
        if changed_names(before, after):
            self.histories[path].append(after)


def test_a_model_of_many_owners(start_httpd):
    ledger = Ledger(start_httpd(server=SILENT))
    owners = [Owner(ledger, number) for number in range(16)]
    with ThreadPoolExecutor(len(owners)) as pool:
        list(pool.map(Owner.work, owners))
    expected = {path.rsplit("/", 1)[1]: history for owner in owners for path, history in owner.histories.items()}
    assert ledger.check() == expected
    for owner in owners:
        for path, history in owner.histories.items():
            read = ledger.api().get(path)
            assert read.status_code == (404 if history[-1] is None else 200)
            assert history[-1] is None or document_of(read.text) == history[-1]
    alive = sum(history[-1] is not None for history in expected.values())
    assert ledger.api().get("/customer?limit=0").headers["X-Total-Count"] == str(alive)
    for status in "ABC":
        count = sum((history[-1] or {}).get("status") == status for history in expected.values())
        assert ledger.api().get(f"/customer?limit=0&status={status}").headers["X-Total-Count"] == str(count)
