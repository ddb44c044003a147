# SPDX-License-Identifier: Apache-2.0
"""POST with an Idempotency-Key: created once, and the first reply again."""
import os
import signal
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from harness import BASE, await_condition
from harness.client import Api, customer, path_of
from harness.proxy import Proxy

CLIENTS = 16


def post(api, key, body=None, **options):
    return api.post(customer() if body is None else body, headers={"Idempotency-Key": key}, **options)


def refused(reply, status, code):
    assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text
    return reply


def same_reply(first, again):
    """201, the representation as it was then, Location and ETag."""
    assert first.status_code == again.status_code == 201, again.text
    assert first.text == again.text
    for name in ["Location", "ETag", "Content-Type"]:
        assert first.headers[name] == again.headers[name]


def total(api):
    return int(api.get("/customer?limit=0").headers["X-Total-Count"])


@pytest.fixture
def key():
    return str(uuid.uuid4())


@pytest.fixture
def place(start_httpd, new_database):
    """A server with a database of its own: (api, a function that runs SQL in it)."""
    postgres, name = new_database()
    api = Api(start_httpd((postgres, name), server="TMFCustomerNotify Off").url)
    return api, lambda sql: postgres.execute(sql, name)


@pytest.mark.smoke
def test_the_same_key_and_body_get_the_first_reply_again(place, key):
    api, _ = place
    first = post(api, key)
    for _ in range(3):
        same_reply(first, post(api, key))
    assert total(api) == 1
    assert post(api, key + "x").json()["id"] != first.json()["id"]
    assert api.post(customer()).json()["id"] != first.json()["id"] and total(api) == 3


def test_the_first_reply_is_given_whatever_became_of_the_customer(api, key):
    first = post(api, key, customer(status="x"))
    path = path_of(first.json())
    assert api.patch(path, {"status": "y"}).status_code == 200
    same_reply(first, post(api, key, customer(status="x")))
    assert api.delete(path).status_code == 204
    same_reply(first, post(api, key, customer(status="x")))
    assert api.get(path).status_code == 404


def test_fields_are_those_of_the_request(api, key):
    first = post(api, key, customer(status="x"), path="/customer?fields=status")
    assert set(first.json()) == {"id", "href", "status"} and "ETag" not in first.headers
    again = post(api, key, customer(status="x"), path="/customer?fields=name")
    assert again.status_code == 201 and set(again.json()) == {"id", "href", "name"}
    assert again.headers["Location"] == first.headers["Location"]
    assert post(api, key, customer(status="x")).headers["ETag"]


@pytest.mark.parametrize("again", [
    '{"engagedParty":{"@referredType":"x","id":"1"},"n":1.50,"name":"a","x":{"b":[1],"a":"\\u00e9"}}',
    '{"name":"a","engagedParty":[{"id":"1","@referredType":"x"}],"n":15e-1,"x":{"a":"é","b":[1.0]},"status":null}',
    '{"id":"ignored","href":"ignored","name":"a","@type":"Customer","n":1.5,"x":{"a":"é","b":[1]},'
    '"engagedParty":{"id":"1","@referredType":"x"}}'])
def test_bodies_that_ask_for_the_same_are_the_same(api, key, again):
    first = post(api, key, '{"name":"a","engagedParty":{"id":"1","@referredType":"x"},"n":1.5,"x":{"a":"é","b":[1]}}')
    same_reply(first, post(api, key, again))


@pytest.mark.parametrize("other", [{"name": "other"}, {"status": "y"}, {"status": None}, {"x": 1}])
def test_the_same_key_with_another_body_is_409(api, key, other):
    first = post(api, key, customer(status="x"))
    refused(post(api, key, customer(**{"status": "x", **other})), 409, "idempotencyKeyReused")
    same_reply(first, post(api, key, customer(status="x")))


def test_creates_that_fail_keep_no_key(api, key):
    for _ in range(2):
        refused(post(api, key, {"name": "x"}), 400, "invalidBody")
        refused(post(api, key, "{"), 400, "malformedJson")
        refused(post(api, key, path="/customer?x=y"), 400, "invalidParameter")
    assert post(api, key).status_code == 201


def test_an_id_of_the_client_is_a_part_of_the_body(start_httpd, key):
    api = Api(start_httpd(location="TMFCustomerClientId On").url)
    assert api.post(customer(id="a")).status_code == 201
    refused(post(api, key, customer(id="a")), 409, "idInUse")
    first = post(api, key, customer(id="b"))
    assert first.json()["id"] == "b"
    same_reply(first, post(api, key, customer(id="b")))
    refused(post(api, key, customer(id="c")), 409, "idempotencyKeyReused")
    same_reply(first, post(api, key))


@pytest.mark.parametrize("wrong", ["", "x" * 256, "tab\there", "é".encode().decode("latin-1")])
def test_a_key_that_is_none_is_400(api, wrong):
    refused(post(api, wrong), 400, "badRequest")


@pytest.mark.parametrize("right", ["x" * 255, "a b", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "'; DROP TABLE x; --%s$1"])
def test_any_printable_key_is_one(api, right):
    right = (right[:200] + str(uuid.uuid4())) if len(right) < 200 else uuid.uuid4().hex + right[32:]
    same_reply(post(api, right), post(api, right))


def test_keys_belong_to_who_sent_them_and_to_the_base_path(start_httpd, new_database, tmp_path, key):
    password = tmp_path / "htpasswd"
    users = ["tom", "tim", "tö".encode().decode("latin-1"), "a b"]
    password.write_text("".join(f"{user}:{{SHA}}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n" for user in users), "latin-1")
    for path in [tmp_path, *tmp_path.parents[:2]]:
        path.chmod(0o755)
    server = start_httpd(
        new_database(), modules=["authn_core", "authn_file", "authz_user", "auth_basic"],
        location=f'AuthType Basic\nAuthName x\nAuthUserFile "{password}"\nRequire valid-user',
        outside='<Location "/other">\nSetHandler tmf-customer\nRequire all granted\n</Location>')
    api = Api(server.url)
    made = {user: post(api, key, auth=(user, "password")) for user in users}
    made["nobody"] = post(api, key, path=server.url.replace(BASE, "/other") + "/customer")
    assert len({reply.json()["id"] for reply in made.values()}) == len(users) + 1
    for user in users:
        same_reply(made[user], post(api, key, auth=(user, "password")))


@pytest.mark.mpm
def test_of_creates_at_the_same_moment_one_is_carried_out(start_httpd, new_database):
    """From two servers: every reply is the first one, or says that it is being made."""
    database = new_database()
    servers = [start_httpd(database, location="TMFCustomerBaseURL https://api.example") for _ in range(2)]
    for i in range(20):
        def work(client):
            return post(Api(servers[client % 2].url), f"key {i}", customer(name=f"customer {i}"))
        with ThreadPoolExecutor(CLIENTS) as pool:
            replies = list(pool.map(work, range(CLIENTS)))
        made = [reply for reply in replies if reply.status_code == 201]
        for reply in replies:
            if reply.status_code != 201:
                refused(reply, 409, "idempotencyKeyInUse")
                assert int(reply.headers["Retry-After"]) > 0
        assert len({(reply.json()["id"], reply.headers["ETag"]) for reply in made}) == 1
        assert work(0).json() == made[0].json()
    assert total(Api(servers[0].url)) == 20


def test_a_create_that_is_being_carried_out_is_409_at_once(start_httpd, new_database, key):
    postgres, name = new_database()
    server = start_httpd((postgres, name), location="TMFCustomerClientId On")
    other = postgres.connect(name)
    other.autocommit = False
    other.cursor().execute("INSERT INTO tmf_customer.customer (id, doc) VALUES ('a', '{}')")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, Api(server.url), key, customer(id="a"))
        await_condition(lambda: postgres.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'", name),
                        "the create has its key")
        reply = refused(post(Api(server.url), key, customer(id="a")), 409, "idempotencyKeyInUse")
        assert int(reply.headers["Retry-After"]) > 0 and not first.done()
        other.rollback()
        assert first.result().status_code == 201
    other.close()
    same_reply(first.result(), post(Api(server.url), key, customer(id="a")))


@pytest.mark.mpm
def test_a_crash_between_commit_and_reply_is_answered_by_the_first_reply(start_httpd, new_database, key):
    postgres, name = new_database()
    proxy = Proxy(postgres, b"lost reply")
    server = start_httpd((proxy, name))
    try:
        other = Api(start_httpd((postgres, name)).url)
        assert total(other) == 0

        def lost():
            try:
                return post(Api(server.url), key, customer(name="lost reply"))
            except requests.ConnectionError:
                return None
        with ThreadPoolExecutor(1) as pool:
            reply = pool.submit(lost)
            await_condition(lambda: total(other) == 1, "the create is committed")
            for child in server.children():
                os.kill(child, signal.SIGKILL)
            assert reply.result() is None
        again = post(other, key, customer(name="lost reply"))
        stored = postgres.execute("SELECT id, revision FROM tmf_customer.customer", name)
        assert [(again.json()["id"], int(again.headers["ETag"].strip('"')))] == stored
        assert again.status_code == 201 and total(other) == 1
    finally:
        server.end()  # its new children connect through the proxy
        proxy.remove()


def test_keys_are_kept_for_their_time(start_httpd, new_database, key):
    postgres, name = new_database()
    server = start_httpd((postgres, name), location="TMFCustomerIdempotencyTTL 90s")
    post(Api(server.url), key)
    kept = "SELECT extract(epoch FROM kept_until - now()) FROM tmf_customer.idempotency"
    assert 0 < postgres.execute(kept, name)[0][0] <= 90
    api = Api(start_httpd((postgres, name)).url)
    post(api, key + "x")
    assert 86000 < max(row[0] for row in postgres.execute(kept, name)) <= 86400


def expire(run, condition="true"):
    run(f"UPDATE tmf_customer.idempotency SET kept_until = now() - interval '1 second' WHERE {condition}")


def test_a_key_whose_time_is_up_is_new(place, key):
    api, run = place
    first = post(api, key)
    expire(run)
    second = post(api, key, customer(name="another"))
    assert second.status_code == 201 and second.json()["id"] != first.json()["id"]
    same_reply(second, post(api, key, customer(name="another")))
    assert run("SELECT count(*) FROM tmf_customer.idempotency") == [(1,)]


def test_keys_whose_time_is_up_go_two_at_a_time(place, key):
    api, run = place
    for i in range(7):
        post(api, f"{key} {i}")
    expire(run)
    counts = []
    for i in range(4):
        post(api, f"{key} new {i}")
        counts += run("SELECT count(*) FILTER (WHERE kept_until < now()) FROM tmf_customer.idempotency")[0]
    assert counts == [5, 3, 1, 0]
    assert total(api) == 11


def test_finding_old_keys_reads_no_more_than_those(place):
    _, run = place
    run("INSERT INTO tmf_customer.idempotency SELECT sha256(i::text::bytea), 'x', i, '{}',"
        " now() + interval '1 h' FROM generate_series(1, 20000) AS i")
    run("ANALYZE tmf_customer.idempotency")
    plan = run("EXPLAIN SELECT key FROM tmf_customer.idempotency WHERE kept_until <= now()"
               " ORDER BY kept_until LIMIT 2 FOR UPDATE SKIP LOCKED")
    text = "\n".join(row[0] for row in plan)
    assert "idempotency_kept_until" in text and "Seq Scan" not in text, text


def test_expired_keys_used_again_by_many_at_once_deadlock_nobody(place, key):
    api, run = place
    for _ in range(5):
        keys = [f"{key} {i}" for i in range(24)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            statuses = list(pool.map(lambda k: post(Api(api.url), k).status_code, keys * 2))
        assert set(statuses) <= {201, 409} and statuses.count(201) >= 24
        expire(run)


# ---- the hub ----

CALLBACK = "http://listener.example/"


def register(api, key, callback=CALLBACK, **members):
    return post(api, key, {"callback": callback, **members}, path="/hub")


def same_hub(first, again):
    assert (again.status_code, again.text, again.headers["Location"]) == (201, first.text, first.headers["Location"])
    assert again.headers["Content-Type"] == first.headers["Content-Type"]


def test_a_hub_is_registered_once_and_the_first_reply_given_again(place, key):
    api, run = place
    first = register(api, key, query="eventType=CustomerCreateEvent")
    assert first.status_code == 201
    for _ in range(3):
        same_hub(first, register(api, key, query="eventType=CustomerCreateEvent"))
    same_hub(first, post(api, key, f'{{"query": "eventType=CustomerCreateEvent", "callback":"{CALLBACK}", "x": 1}}', path="/hub"))
    assert api.get("/hub").json() == [first.json()]
    assert refused(register(api, key + "x", query="eventType=CustomerCreateEvent"), 409, "hubExists").json()["message"].count(first.json()["id"])
    assert api.delete(f"/hub/{first.json()['id']}").status_code == 204
    same_hub(first, register(api, key, query="eventType=CustomerCreateEvent"))
    assert api.get("/hub").json() == []
    expire(run)
    assert register(api, key, query="eventType=CustomerCreateEvent").json()["id"] != first.json()["id"]


@pytest.mark.parametrize("none", [{}, {"query": None}, {"query": ""}, {"query": "?"}])
def test_no_query_is_no_query_however_it_is_written(place, key, none):
    api, _ = place
    same_hub(register(api, key), register(api, key, **none))


def test_the_same_key_with_another_hub_is_409(place, key):
    api, _ = place
    first = register(api, key)
    refused(register(api, key, query="eventType=CustomerCreateEvent"), 409, "idempotencyKeyReused")
    refused(register(api, key, CALLBACK + "other"), 409, "idempotencyKeyReused")
    refused(post(api, key), 409, "idempotencyKeyReused")
    same_hub(first, register(api, key))
    made = post(api, key + "x")
    refused(register(api, key + "x", CALLBACK + "other"), 409, "idempotencyKeyReused")
    same_reply(made, post(api, key + "x"))
    assert api.get("/hub").json() == [first.json()] and total(api) == 1


def test_registrations_that_fail_keep_no_key(place, key):
    api, _ = place
    assert register(api, key + "x").status_code == 201
    for _ in range(2):
        refused(register(api, key), 409, "hubExists")
        refused(register(api, key, "nonsense"), 400, "invalidBody")
        refused(register(api, key, query="event.customer.x.regex=("), 400, "invalidBody")
    assert register(api, key, CALLBACK + "other").status_code == 201
    refused(register(api, "x" * 256), 400, "badRequest")


@pytest.mark.mpm
def test_of_registrations_at_the_same_moment_one_is_carried_out(start_httpd, new_database):
    database = new_database()
    servers = [start_httpd(database, location="TMFCustomerBaseURL https://api.example") for _ in range(2)]
    for i in range(10):
        def work(client):
            return register(Api(servers[client % 2].url), f"key {i}", f"{CALLBACK}{i}")
        with ThreadPoolExecutor(CLIENTS) as pool:
            replies = list(pool.map(work, range(CLIENTS)))
        made = [reply for reply in replies if reply.status_code == 201]
        for reply in replies:
            if reply.status_code != 201:
                refused(reply, 409, "idempotencyKeyInUse")
        assert len({reply.text for reply in made}) == 1
        assert work(0).text == made[0].text
    assert len(Api(servers[0].url).get("/hub").json()) == 10
