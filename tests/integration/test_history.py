# SPDX-License-Identifier: Apache-2.0
"""Who changed what: GET B/customer/{id}/history, and how long it is kept."""
import itertools
import json
import re
import threading
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from random import Random

import psycopg2
import pytest

from harness import BASE, await_condition
from harness.client import JSON_PATCH, Api, check_error, customer, exact, path_of
from harness.history import HISTORY, LIVES, history, operations, replay, sql, tag_of
from harness.httpd import Httpd
from harness.postgres import RUNTIME
from harness.writes import crowded

KILLED = "AH00052|AH00051|AH00045|Unclean shutdown"
OTHER = f'<VirtualHost *>\nServerName off.example\nTMFCustomerHistory Off\n<Location "{BASE}">\nSetHandler tmf-customer\n' \
        "Require all granted\n</Location>\n</VirtualHost>\n"
VIRTUAL = f"<VirtualHost *>\nServerName localhost\n<Location \"{BASE}\">\nSetHandler tmf-customer\nRequire all granted\n</Location>\n" \
          + LIVES + "</VirtualHost>\n" + OTHER


@pytest.fixture(scope="module")
def kept_server(postgres):
    server = Httpd((postgres, postgres.create_database("history")), server=HISTORY, outside=VIRTUAL).start()
    yield server
    server.remove()


@pytest.fixture
def kept(kept_server):
    yield Api(kept_server.url)
    wrong = kept_server.log.check()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def lives(kept_server, kept):
    """Where clients choose ids."""
    return Api(kept_server.url.replace(BASE, "/lives"))


# ---- what a row says ----

@pytest.mark.smoke
def test_each_change_is_a_row_with_the_state_before(kept):
    headers = {"X-Correlation-ID": "c 1"}
    created = kept.post(customer(status="New", creditProfile=None), headers=headers)
    path = path_of(created.json())
    patched = kept.patch(path, {"status": "Approved", "x": {"é": [1.50, None, "\u0001"]}})
    pointed = kept.patch(path, [{"op": "add", "path": "/y", "value": 1}], JSON_PATCH)
    replaced = kept.put(path, customer(name="Café"), headers={"X-Request-ID": "r"})
    assert kept.delete(path).status_code == 204
    reply = kept.get(f"{path}/history")
    assert reply.status_code == 200 and "ETag" not in reply.headers
    rows = exact(reply.text)
    assert operations(rows) == ["delete", "replace", "patch", "patch", "create"]
    assert [row["before"] for row in rows] == [exact(one.text) for one in (replaced, pointed, patched, created)] + [None]
    assert [int(row["revision"]) for row in rows[1:]] == [tag_of(one) for one in (replaced, pointed, patched, created)]
    assert rows[0]["revision"] > rows[1]["revision"]
    assert [row["correlationId"] for row in rows] == [None, "r", None, None, "c 1"]
    assert {row["user"] for row in rows} == {None}
    times = [row["time"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time) for time in times)


def test_what_changes_nothing_is_no_row(kept):
    made = kept.create(status="New")
    path, tag = path_of(made), kept.get(path_of(made)).headers["ETag"]
    assert kept.patch(path, {"status": "New"}).headers["ETag"] == tag
    assert kept.patch(path, {"name": 7}).status_code == 400
    assert kept.patch(path, {"status": "x"}, headers={"If-Match": '"0"'}).status_code == 412
    assert kept.delete(path, headers={"If-Match": '"0"'}).status_code == 412
    assert operations(history(kept, made)) == ["create"]


def test_a_customer_from_before_has_no_rows_yet(kept, kept_server):
    sql(kept_server, "INSERT INTO tmf_customer.customer (id, doc) VALUES ('old', %s)",
        json.dumps({"@type": "Customer", **customer()}))
    assert history(kept, {"id": "old"}) == []
    before = kept.get("/customer/old").json()
    assert kept.delete("/customer/old").status_code == 204
    assert [(row["operation"], row["before"]) for row in history(kept, {"id": "old"})] == [("delete", before)]


def test_an_id_that_is_used_again_has_both_lives(lives):
    for status in ("first", "second"):
        assert lives.post(customer(id="twice.%", status=status)).status_code == 201
        assert lives.delete("/customer/twice.%25").status_code == 204
    rows = history(lives, {"id": "twice.%25"})
    assert operations(rows) == ["delete", "create"] * 2
    assert [row["before"] and (row["before"]["id"], row["before"]["status"]) for row in rows] == [
        ("twice.%", "second"), None, ("twice.%", "first"), None]
    assert len({row["revision"] for row in rows}) == 4
    assert rows[0]["before"]["href"].endswith("/lives/customer/twice.%25")


def test_keyed_creates_are_a_row_each(kept, lives):
    for api, extra in ((kept, {}), (lives, {"id": str(uuid.uuid4())})):
        key = {"Idempotency-Key": str(uuid.uuid4())}
        replies = [api.post(customer(**extra), headers=key) for _ in range(3)]
        assert {reply.status_code for reply in replies} == {201}
        rows = history(api, replies[0].json())
        assert (operations(rows), rows[0]["revision"]) == (["create"], tag_of(replies[0]))
        assert api.post(customer(name="other", **extra), headers=key).status_code == 409
        assert len(history(api, replies[0].json())) == 1


def test_before_shows_what_replies_show(start_httpd):
    server = start_httpd(server=HISTORY, location="TMFCustomerCreditProfile current\nTMFCustomerBaseURL https://api.example")
    api = Api(server.url)
    profile = {"creditProfileDate": "2020-01-01T00:00Z", "validFor": {}}
    made = api.create(creditProfile=[{**profile, "creditScore": 1}, {**profile, "creditScore": 2}])
    assert api.patch(path_of(made), {"status": "x"}).status_code == 200
    row = history(api, made)[0]
    assert row["before"] == made and len(made["creditProfile"]) == 1
    assert row["before"]["href"].startswith("https://api.example/")
    assert len(sql(server, "SELECT before -> 'creditProfile' FROM tmf_customer.history WHERE before IS NOT NULL")[0][0]) == 2


def test_users_are_told_apart_whatever_their_bytes(start_httpd, tmp_path):
    users = {"tom": "tom", "tö": "tö", b"t\xf6".decode("latin-1"): "t%F6", "t%F6": "t%25F6", "a b\"": 'a b"', "\\x": "\\x"}
    password = tmp_path / "htpasswd"
    password.write_bytes(b"".join(user.encode("latin-1" if shown == "t%F6" else "utf-8") + b":{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"
                                  for user, shown in users.items() if shown != "tö") + "tö:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n".encode())
    for path in [tmp_path, *tmp_path.parents[:2]]:
        path.chmod(0o755)
    server = start_httpd(server=HISTORY, modules=["authn_core", "authn_file", "authz_user", "auth_basic"],
                         location=f'AuthType Basic\nAuthName x\nAuthUserFile "{password}"\nRequire valid-user')
    api = Api(server.url)
    raw = [b"tom", "tö".encode(), b"t\xf6", b"t%F6", b'a b"', b"\\x"]
    shown = ["tom", "tö", "t%F6", "t%25F6", 'a b"', "\\x"]
    made = api.post(customer(), auth=(raw[0], b"password"))
    assert made.status_code == 201
    for number, user in enumerate(raw[1:]):
        assert api.patch(path_of(made.json()), {"number": number}, auth=(user, b"password")).status_code == 200
    rows = api.get(f"{path_of(made.json())}/history", auth=(b"tom", b"password")).json()
    assert [row["user"] for row in reversed(rows)] == shown


# ---- pages ----

@pytest.fixture(scope="module")
def long_history(kept_server):
    api = Api(kept_server.url)
    made = api.create(n=0)
    for n in range(1, 12):
        assert api.patch(path_of(made), {"n": n}).status_code == 200
    return made


def numbers(rows):
    return [row["before"]["n"] if row["before"] else None for row in rows]


ALL = [*range(10, -1, -1), None]


def link(reply, relation):
    found = re.search(rf'<([^>]*)>; rel="{relation}"', reply.headers["Link"])
    return found and found.group(1)


def test_pages_by_offset(kept, long_history):
    path = f"{path_of(long_history)}/history"
    for query, status, expected in [("", 200, ALL), ("?limit=5", 206, ALL[:5]), ("?limit=5&offset=5", 206, ALL[5:10]),
                                    ("?offset=11", 206, [None]), ("?offset=12", 200, []), ("?limit=0", 200, []),
                                    ("?limit=100", 200, ALL), ("?offset=9223372036854775807", 200, [])]:
        reply = kept.get(path + query)
        assert (reply.status_code, numbers(reply.json())) == (status, expected), query
        assert reply.headers["X-Total-Count"] == "12"
        assert reply.headers["X-Result-Count"] == str(len(expected))
    assert link(kept.get(path + "?limit=5"), "last") == "?limit=5&offset=10"


def test_pages_by_cursor_both_ways(kept, long_history):
    path = f"{path_of(long_history)}/history"
    reply, there = kept.get(path + "?limit=5"), []
    while True:
        there.append(numbers(reply.json()))
        if not link(reply, "next"):
            break
        assert "cursor=" in link(reply, "next")
        reply = kept.get(path + link(reply, "next"))
    assert there == [ALL[:5], ALL[5:10], ALL[10:]]
    back = [numbers(reply.json())]
    while link(reply, "prev"):
        reply = kept.get(path + link(reply, "prev"))
        back.append(numbers(reply.json()))
    assert back == there[::-1]


def test_a_cursor_keeps_its_place_while_changes_come(kept):
    made = kept.create(n=0)
    for n in range(1, 6):
        kept.patch(path_of(made), {"n": n})
    path = f"{path_of(made)}/history"
    first = kept.get(path + "?limit=2")
    assert kept.patch(path_of(made), {"n": 6}).status_code == 200
    assert numbers(kept.get(path + link(first, "next")).json()) == [2, 1]


@pytest.mark.parametrize("query,about", [
    ("fields=time", "fields"), ("fields=", "fields"), ("sort=time", "sort"), ("user=tom", "user"), ("filter=$[?(@.user=='x')]", "filter"),
    ("limit", "limit"), ("limit=-1", "limit"), ("limit=1&limit=1", "limit"), ("offset=x", "offset"), ("limit>1", "limit"),
    ("cursor=x", "cursor"), ("cursor=WyIiLCJmIiwwLCIxIl0&offset=1", "cursor and offset"), ("operation.ne=patch", "operation.ne"),
    ("cursor=WyItaGlzdG9yeSIsImYiLDBd", "cursor"), ("cursor=WyItaGlzdG9yeSIsImYiLDAsIngiXQ", "cursor"), ("%zz=1", "%"),
    ("cursor=WyItaGlzdG9yeSIsImYiLDAsIjEiLCIyIl0", "cursor"), ("cursor=WyItaGlzdG9yeSIsImYiLDAsIjk5OTk5OTk5OTk5OTk5OTk5OTkiXQ", "cursor"),
    ("limit=1;user=tom", "")])
def test_nothing_in_the_query_is_ignored(kept, long_history, query, about):
    reply = kept.get(f"{path_of(long_history)}/history?{query}", check=False)
    check_error(reply)
    assert (reply.status_code, reply.json()["code"]) == (400, "invalidParameter"), reply.text
    assert about in reply.json()["message"]


def test_the_cursor_of_a_list_is_none_of_a_history(kept, long_history):
    kept.create()
    cursor = re.search(r"cursor=([\w-]+)", link(kept.get("/customer?limit=1"), "next")).group(1)
    reply = kept.get(f"{path_of(long_history)}/history?cursor={cursor}")
    assert (reply.status_code, reply.json()["code"]) == (400, "invalidParameter")


def test_a_page_of_large_rows_ends_early(start_httpd):
    api = Api(start_httpd(server=HISTORY, location="TMFCustomerMaxBody 8388608").url)
    made = api.create(text="x" * 6_000_000)
    for n in range(6):
        assert api.patch(path_of(made), {"n": n}, headers={"Prefer": ""}).status_code == 200
    path, query, seen = f"{path_of(made)}/history", "?limit=7", []
    while query:
        reply = api.get(path + query)
        assert len(reply.content) < 26_000_000 and reply.json()
        seen += [row["before"] and row["before"].get("n") for row in reply.json()]
        query = link(reply, "next")
    assert seen == [4, 3, 2, 1, 0, None, None]


# ---- the path ----

def test_there_is_no_history_of_what_never_was(kept):
    for path in ("/customer/nobody/history", "/customer/%FF/history", f"/customer/{'x' * 256}/history"):
        reply = kept.get(path)
        assert (reply.status_code, reply.json()["code"]) == (404, "notFound")
    assert kept.get("/customer/nobody/history/x").status_code == 404
    assert kept.get("/customer/nobody/histories").status_code == 404
    assert kept.get("/hub/nobody/history").status_code == 404


def test_methods_of_a_history(kept):
    made = kept.create()
    path = f"{path_of(made)}/history"
    reply = kept.request("OPTIONS", path)
    assert (reply.status_code, reply.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        reply = kept.send(method, path, {})
        assert (reply.status_code, reply.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    got, head = kept.get(path), kept.request("HEAD", path)
    assert (head.status_code, head.text) == (200, "")
    for name in ("Content-Length", "X-Total-Count", "Link", "Cache-Control"):
        assert head.headers[name] == got.headers[name]
    assert kept.get(path + "/", check=False).json() == got.json()
    assert kept.get(path, headers={"Accept": "text/html"}).status_code == 406


def test_where_it_is_off_there_is_no_path_and_no_row(kept, kept_server):
    made = kept.create()
    off = {"Host": "off.example"}
    path = path_of(made)
    assert kept.patch(path, {"n": 1}, headers=off).status_code == 200
    for method in ("GET", "HEAD", "OPTIONS", "DELETE"):
        assert kept.request(method, f"{path}/history", headers=off).status_code == 404, method
    assert kept.get(f"{path}/history?x=1", headers=off).status_code == 404
    assert operations(history(kept, made)) == ["create"]
    assert kept.delete(path, headers=off).status_code == 204
    assert operations(history(kept, made)) == ["create"]


def test_off_is_the_default_and_nothing_is_kept(start_httpd, new_database):
    server = start_httpd(new_database())
    api = Api(server.url)
    made = api.post(customer(), headers={"Idempotency-Key": "x"}).json()
    assert api.patch(path_of(api.create()), {"n": 1}).status_code == 200
    assert api.patch(path_of(made), {"n": 1}).status_code == 200
    assert api.delete(path_of(made)).status_code == 204
    assert api.get(f"{path_of(made)}/history").status_code == 404
    assert sql(server, "SELECT count(*) FROM tmf_customer.history") == [(0,)]


# ---- retention ----

def test_old_rows_are_not_shown_and_go_with_later_changes(start_httpd):
    server = start_httpd(server=HISTORY + "TMFCustomerHistoryRetention 1h\n")
    api = Api(server.url)
    made, other = api.create(n=0), api.create()
    for n in range(5):
        api.patch(path_of(made), {"n": n + 1})
    sql(server, "UPDATE tmf_customer.history SET at = at - interval '2 hours' WHERE id <= (SELECT min(id) + 4 FROM tmf_customer.history)")
    assert numbers(history(api, made)) == [4, 3]
    assert api.get(f"{path_of(made)}/history").headers["X-Total-Count"] == "2"
    assert history(api, other) == []
    assert sql(server, "SELECT count(*) FROM tmf_customer.history") == [(7,)]
    for left in (6, 5, 5):  # one more comes, two go, as long as there are such
        assert api.create()
        assert sql(server, "SELECT count(*) FROM tmf_customer.history") == [(left,)]
    assert numbers(history(api, made)) == [4, 3]
    assert api.delete(path_of(other)).status_code == 204
    assert operations(history(api, other)) == ["delete"]
    sql(server, "UPDATE tmf_customer.history SET at = at - interval '2 hours'")
    assert api.get(f"{path_of(other)}/history").status_code == 404


def test_every_way_of_writing_removes_what_is_old(start_httpd):
    server = start_httpd(server=HISTORY + "TMFCustomerHistoryRetention 1h\n", location="TMFCustomerClientId On\n"
                         "TMFCustomerMaxBody 100000")
    api = Api(server.url)
    made = api.create(big="x" * 10000)

    def removed(write):
        sql(server, "INSERT INTO tmf_customer.history (customer_id, revision, operation, at)"
                    " SELECT 'old', i, 'patch', now() - interval '2 hours' FROM generate_series(1, 10) AS i")
        reply = write()
        assert reply.status_code < 300, reply.text
        left = sql(server, "WITH gone AS (DELETE FROM tmf_customer.history WHERE customer_id = 'old' RETURNING 1) SELECT count(*) FROM gone")
        return 10 - left[0][0]

    assert removed(lambda: api.post(customer())) == 2
    assert removed(lambda: api.post(customer(id="own"))) == 2
    assert removed(lambda: api.post(customer(), headers={"Idempotency-Key": "x"})) == 2
    assert removed(lambda: api.post(customer(big="x" * 10000))) == 2
    assert removed(lambda: api.patch(path_of(made), {"n": 1})) == 2
    assert removed(lambda: api.patch("/customer/own", {"n": 1})) == 2
    assert removed(lambda: api.put("/customer/own", customer())) == 2
    assert removed(lambda: api.delete("/customer/own")) == 2
    assert removed(lambda: api.patch(path_of(made), {"n": 1})) == 0  # changes nothing, and writes nothing


def test_forever(start_httpd):
    server = start_httpd(server=HISTORY + "TMFCustomerHistoryRetention Forever\n")
    api = Api(server.url)
    made = api.create()
    sql(server, "UPDATE tmf_customer.history SET at = '1970-01-01'")
    assert api.patch(path_of(made), {"n": 1}).status_code == 200
    assert operations(history(api, made)) == ["patch", "create"]
    assert sql(server, "SELECT tmf_customer.expire_history('1 day', 10)") == [(1,)]
    assert operations(history(api, made)) == ["patch"]


def test_where_all_is_kept_nobody_looks_for_what_is_old(start_httpd):
    server = start_httpd(server=HISTORY + "TMFCustomerHistoryRetention forever\n", location="TMFCustomerClientId On\n"
                         "TMFCustomerMaxBody 100000")
    sql(server, "CREATE OR REPLACE FUNCTION tmf_customer.expire_history(kept interval, most bigint) RETURNS bigint"
                " LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$")
    api = Api(server.url)
    made = api.create(big="x" * 10000)
    assert api.post(customer(id="own")).status_code == 201
    assert api.post(customer(), headers={"Idempotency-Key": "x"}).status_code == 201
    assert api.patch(path_of(made), {"n": 1}).status_code == 200
    assert api.put("/customer/own", customer()).status_code == 200
    assert api.delete("/customer/own").status_code == 204


@pytest.mark.parametrize("directive", ["TMFCustomerHistory maybe", "TMFCustomerHistoryRetention 0", "TMFCustomerHistoryRetention never",
                                       "TMFCustomerHistoryRetention 999ms", "TMFCustomerHistoryRetention 36501d", "TMFCustomerHistoryRetention"])
def test_a_bad_directive_is_refused(new_database, directive):
    server = Httpd(new_database(install=False), server=directive)
    try:
        result = server.configtest()
        assert result.returncode != 0 and directive.split()[0] in result.stdout + result.stderr
    finally:
        server.remove()


def test_the_directives_belong_to_the_server(new_database):
    server = Httpd(new_database(install=False), location="TMFCustomerHistory On")
    try:
        assert "TMFCustomerHistory not allowed" in server.configtest().stderr
    finally:
        server.remove()


# ---- the history is the truth ----

def test_a_history_replays_to_the_states_that_were(kept, lives):
    """Random changes in every way that there is to write."""
    random, seen, tags = Random(7), defaultdict(lambda: [None]), defaultdict(list)
    ids = [f"random-{i}" for i in range(4)]
    current = dict.fromkeys(ids)
    for step in range(120):
        one = random.choice(ids)
        path = f"/customer/{one}"
        body = customer(id=one, n=step, blob="x" * random.choice([0, 10, 9000]))
        if current[one] is None:
            headers = {"Idempotency-Key": f"random {step}"} if random.random() < 0.5 else {}
            reply = lives.post(body, headers=headers)
        else:
            reply = random.choice([
                lambda: lives.put(path, body), lambda: lives.patch(path, {"n": step}), lambda: lives.patch(path, {}),
                lambda: lives.patch(path, [{"op": "replace", "path": "/n", "value": step}], JSON_PATCH), lambda: lives.delete(path)])()
        assert reply.status_code < 300, reply.text
        after = exact(reply.text) if reply.text else None
        if after != current[one]:
            seen[one].append(after)
            tags[one].append(tag_of(reply) if after else None)
            current[one] = after
    for one in ids:
        rows = exact(lives.get(f"/customer/{one}/history?limit=1000").text)
        assert replay(rows, current[one]) == seen[one]
        assert [int(row["revision"]) for row, tag in zip(rows[::-1], tags[one]) if tag] == [tag for tag in tags[one] if tag]


@pytest.mark.mpm
def test_of_changes_at_the_same_time_each_is_a_row(start_httpd):
    """Of one customer by many, who lock it then; and of many, who share statements. Each removes two old rows."""
    server = crowded(start_httpd, server=HISTORY)
    api = Api(server.url)
    sql(server, "INSERT INTO tmf_customer.history (customer_id, revision, operation, at)"
                " SELECT 'old', i, 'patch', now() - interval '100 days' FROM generate_series(1, 2000) AS i")
    made, others = api.create(list=[]), [api.create() for _ in range(8)]

    def change(number):
        own = Api(api.url)
        replies = [own.patch(path_of(made), [{"op": "add", "path": "/list/-", "value": number}], JSON_PATCH),
                   *(own.patch(path_of(other), {"n": number}) for other in others)]
        assert {reply.status_code for reply in replies} == {200}, [reply.text for reply in replies]
        return tag_of(replies[0])

    with ThreadPoolExecutor(16) as pool:
        tags = list(pool.map(change, range(48)))
    rows = api.get(f"{path_of(made)}/history?limit=1000").json()
    assert sorted(tags) == sorted(row["revision"] for row in rows[:-1])
    assert [row["revision"] for row in rows] == sorted((row["revision"] for row in rows), reverse=True)
    states = replay(rows, api.get(path_of(made)).json())
    assert [len(state["list"]) for state in states[1:]] == list(range(49))
    for other in others:
        rows = api.get(f"{path_of(other)}/history?limit=1000").json()
        assert len(rows) == 49
        replay(rows, api.get(path_of(other)).json())
    assert sql(server, "SELECT count(*) FROM tmf_customer.history WHERE customer_id = 'old'")[0][0] <= 2000 - 2 * 9 * 49


@pytest.mark.mpm
def test_whatever_dies_customer_and_history_agree(start_httpd):
    server = crowded(start_httpd, server=HISTORY, location="TMFCustomerPageSize 1000")
    server.log.allow(KILLED)
    api = Api(server.url)
    made = [api.create(n=0) for _ in range(8)]
    ended = threading.Event()
    counts = itertools.count(1)

    def change(one):
        own = Api(server.url)
        while not ended.is_set():
            try:
                own.patch(path_of(one), {"n": next(counts)}, check=False)
            except OSError:
                return

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(change, one) for one in made]
        await_condition(lambda: next(counts) > 300, "changes are made")
        server.kill()
        ended.set()
        for future in futures:
            future.result()
    server.start()
    postgres, name = server.database
    await_condition(lambda: not [row for row in postgres.backends(name) if row[1] == "active"], "no statement is left")
    for one in made:
        reply = api.get(path_of(one))
        rows = api.get(f"{path_of(one)}/history").json()
        assert rows[0]["revision"] == tag_of(reply)
        replay(rows, reply.json())


# ---- rights ----

@pytest.mark.parametrize("statement", [
    "UPDATE tmf_customer.history SET user_name = 'x'", "DELETE FROM tmf_customer.history", "TRUNCATE tmf_customer.history",
    "SELECT tmf_customer.erase('x')", "SELECT tmf_customer.export('x')"])
def test_the_runtime_role_cannot_edit_history(kept, kept_server, statement):
    postgres, name = kept_server.database
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        postgres.execute(statement, name, user=RUNTIME)


def test_the_runtime_role_can_remove_the_oldest_alone_and_few_at_a_time(start_httpd):
    postgres, name = start_httpd(server=HISTORY).database
    postgres.execute("INSERT INTO tmf_customer.history (customer_id, revision, operation, at)"
                     " SELECT 'old', i, 'patch', now() - i * interval '1 minute' FROM generate_series(1, 300) AS i", name)
    for most in ("NULL", "1000"):
        assert postgres.execute(f"SELECT tmf_customer.expire_history('0', {most})", name, user=RUNTIME) == [(128,)]
    assert postgres.execute("SELECT min(revision), max(revision) FROM tmf_customer.history", name) == [(1, 44)]
