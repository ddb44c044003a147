# SPDX-License-Identifier: Apache-2.0
"""What the owner of the database can do about one customer: export() hands out all there is, erase() removes it."""
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from harness import BASE, await_condition
from harness.client import Api, customer, path_of
from harness.history import HISTORY, LIVES, history, operations, replay, sql, tag_of
from harness.httpd import Httpd
from harness.listener import OK, answer, when
from harness.notify import QUICK, Subscriber
from harness.writes import crowded


def erase(server, identity):
    found = sql(server, "SELECT customers, history, events, deliveries, keys FROM tmf_customer.erase(%s)", identity)
    assert len(found) == 1
    return found[0]


def traces(server, text):
    """The tables with this text in a row."""
    tables = [table for table, in sql(server, "SELECT table_name FROM information_schema.tables"
                                              " WHERE table_schema = 'tmf_customer' AND table_type = 'BASE TABLE'")]
    assert {"customer", "history", "event", "delivery", "idempotency"} <= set(tables)
    return {table for table in tables
            if sql(server, f"SELECT 1 FROM tmf_customer.{table} AS one WHERE one::text LIKE %s LIMIT 1", f"%{text}%")}


@pytest.fixture(scope="module")
def told(postgres):
    """A server whose one listener never gets anything: what is to be delivered stays."""
    server = Httpd((postgres, postgres.create_database("told")), outside=LIVES,
                   server=HISTORY + "TMFCustomerNotify Off\nTMFCustomerNotifyAllow 127.0.0.0/8\n").start()
    api = Api(server.url)
    hub = api.post({"callback": "http://127.0.0.1:9/"}, path="/hub").json()
    yield server, api, hub
    wrong = server.log.check()
    server.remove()
    assert not wrong, "\n".join(wrong)


def lead_a_life(api, text, **members):
    """Leaves a trace in every table."""
    key = {"Idempotency-Key": str(uuid.uuid4()), "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
    made = api.post(customer(name=text, **members), headers=key).json()
    assert api.patch(path_of(made), {"status": "x"}).status_code == 200
    return made


def test_erase_removes_every_trace(told):
    server, api, hub = told
    made, other = lead_a_life(api, "Erased Ltd"), lead_a_life(api, "Kept Ltd")
    assert traces(server, "Erased Ltd") == {"customer", "history", "event", "idempotency"}
    assert made["id"] in str(sql(server, "SELECT customer_id FROM tmf_customer.delivery"))
    sql(server, "UPDATE tmf_customer.delivery SET state = 'dead' WHERE event_id = ("
                "SELECT min(id) FROM tmf_customer.event WHERE customer_id = %s)", made["id"])
    before, total = api.get(path_of(other)).text, int(api.get("/customer").headers["X-Total-Count"])
    assert erase(server, made["id"]) == (1, 2, 2, 2, 1)
    assert traces(server, "Erased Ltd") == set() and traces(server, made["id"]) == set()
    assert api.get(path_of(made)).status_code == api.get(f"{path_of(made)}/history").status_code == 404
    assert api.get("/customer").headers["X-Total-Count"] == str(total - 1)
    assert sql(server, "SELECT * FROM tmf_customer.recount()") == []
    assert api.get(path_of(other)).text == before and len(history(api, other)) == 2
    assert traces(server, "Kept Ltd") == {"customer", "history", "event", "idempotency"}
    assert erase(server, made["id"]) == (0, 0, 0, 0, 0)
    assert [one["id"] for one in api.get("/hub").json()] == [hub["id"]]


def test_erase_is_for_deleted_customers_too_and_their_ids_are_free(told):
    server, api, _ = told
    made = lead_a_life(api, "Gone Ltd")
    assert api.delete(path_of(made)).status_code == 204
    assert erase(server, made["id"]) == (0, 3, 3, 3, 1)
    assert traces(server, "Gone Ltd") == traces(server, made["id"]) == set()
    again = Api(server.url.replace(BASE, "/lives")).post(customer(id=made["id"], name="New Ltd"))
    assert again.status_code == 201
    assert operations(history(api, made)) == ["create"]


def test_a_key_of_a_hub_with_the_same_id_stays(told):
    server, api, _ = told
    key = {"Idempotency-Key": "hub"}
    hub = api.post({"callback": "http://127.0.0.1:9/2"}, path="/hub", headers=key).json()
    made = lead_a_life(Api(server.url.replace(BASE, "/lives")), "Twin Ltd", id=hub["id"])
    assert erase(server, made["id"])[0] == 1
    assert traces(server, "Twin Ltd") == set()
    assert api.post({"callback": "http://127.0.0.1:9/2"}, path="/hub", headers=key).json() == hub
    assert api.delete(f"/hub/{hub['id']}").status_code == 204


def test_export_has_all_that_erase_removes(told):
    server, api, hub = told
    made = lead_a_life(api, "Exported Ltd", creditProfile=None)
    current = api.get(path_of(made))
    found = sql(server, "SELECT tmf_customer.export(%s)", made["id"])[0][0]
    shown = {name: value for name, value in current.json().items() if name != "href"}
    assert (found["id"], found["current"]["customer"]) == (made["id"], shown)
    assert found["current"]["revision"] == tag_of(current)
    assert operations(found["history"]) == ["create", "patch"]
    assert found["history"][1]["before"]["name"] == "Exported Ltd"
    assert [event["eventType"] for event in found["events"]] == ["CustomerCreateEvent", "CustomerStateChangeEvent"]
    assert found["events"][0]["traceparent"].startswith("00-4bf9") and found["events"][0]["customer"]["name"] == "Exported Ltd"
    assert [(one["hub"], one["state"], one["attempts"]) for one in found["events"][0]["deliveries"]] == [(hub["id"], "pending", 0)]
    assert found["idempotency"][0]["customer"]["name"] == "Exported Ltd"
    assert api.delete(path_of(made)).status_code == 204
    found = sql(server, "SELECT tmf_customer.export(%s)", made["id"])[0][0]
    assert found["current"] is None and len(found["history"]) == 3
    erase(server, made["id"])
    assert sql(server, "SELECT tmf_customer.export(%s), tmf_customer.export('nobody')", made["id"]) == [(None, None)]


def test_whoever_is_granted_erase_needs_no_other_right(told):
    server, api, _ = told
    made = lead_a_life(api, "Granted Ltd")
    postgres, name = server.database
    postgres.execute("DO $$ BEGIN CREATE ROLE privacy LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        postgres.execute("SELECT tmf_customer.erase('x')", name, user="privacy")
    sql(server, "GRANT USAGE ON SCHEMA tmf_customer TO privacy; GRANT EXECUTE ON FUNCTION tmf_customer.erase, tmf_customer.export TO privacy")
    assert postgres.execute("SELECT tmf_customer.export(%s) ->> 'id'", name, (made["id"],), user="privacy") == [(made["id"],)]
    assert postgres.execute("SELECT customers FROM tmf_customer.erase(%s)", name, (made["id"],), user="privacy") == [(1,)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        postgres.execute("SELECT FROM tmf_customer.customer", name, user="privacy")
    postgres.execute("DROP OWNED BY privacy", name)


def test_a_cached_customer_is_erased_as_by_any_sql(start_httpd):
    server = start_httpd(server=HISTORY + "TMFCustomerCache 4 100ms\n")
    api = Api(server.url)
    made = api.create()
    assert api.get(path_of(made)).status_code == 200
    erase(server, made["id"])
    await_condition(lambda: api.get(path_of(made)).status_code == 404, "what is cached grows old")
    assert api.patch(path_of(made), {"n": 1}).status_code == 404


def test_a_change_that_is_under_way_leaves_no_trace_behind_an_erase(told):
    """erase() waits for the change, and removes what that has written, too."""
    server, api, _ = told
    made = lead_a_life(api, "Changed Ltd")
    postgres, name = server.database
    change = postgres.connect(name)
    change.autocommit = False
    with ThreadPoolExecutor(1) as pool, change.cursor() as cursor:
        cursor.execute("WITH written AS (UPDATE tmf_customer.customer SET revision = nextval('tmf_customer.customer_revision')"
                       "  WHERE id = %s RETURNING *), told AS ("
                       " INSERT INTO tmf_customer.event (customer_id, type, href, customer) SELECT id, 'x', 'x', doc FROM written)"
                       " INSERT INTO tmf_customer.history (customer_id, revision, operation, before)"
                       "  SELECT id, revision, 'patch', doc FROM written", (made["id"],))
        erased = pool.submit(erase, server, made["id"])
        await_condition(lambda: postgres.execute("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%%tmf_customer.erase%%'"
                                                 " AND wait_event_type = 'Lock'"), "erase() waits")
        change.commit()
        assert erased.result()[:3] == (1, 3, 3)
    change.close()
    assert traces(server, made["id"]) == set()


@pytest.mark.mpm
def test_erase_among_creates_and_changes_of_the_same_id(start_httpd):
    """Whenever the customer is not there, nothing of it is; and its history begins with its life."""
    server = crowded(start_httpd, server=HISTORY + "TMFCustomerNotify Off\n", location="TMFCustomerClientId On")
    api = Api(server.url)
    assert api.post({"callback": "http://127.0.0.1:9/"}, path="/hub").status_code == 201
    ended = threading.Event()

    def write(number):
        own = Api(server.url)
        while not ended.is_set():
            reply = own.post(customer(id="phoenix")) if number % 2 else own.patch("/customer/phoenix", {"n": str(uuid.uuid4())})
            assert reply.status_code in (200, 201, 404, 409), reply.text

    with ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(write, number) for number in range(6)]
        erased = [erase(server, "phoenix") for _ in range(40)]
        await_condition(lambda: erased.append(erase(server, "phoenix")) or sum(row[0] for row in erased) >= 10, "lives are ended")
        ended.set()
        for future in futures:
            future.result()
    if api.get("/customer/phoenix").status_code == 200:
        rows = api.get("/customer/phoenix/history?limit=1000").json()
        replay(rows, api.get("/customer/phoenix").json())
        erase(server, "phoenix")
    assert traces(server, "phoenix") == set()
    assert sql(server, "SELECT * FROM tmf_customer.recount()") == []


@pytest.mark.parametrize("status", [200, 500])
def test_erase_while_a_delivery_is_under_way(start_httpd, listen, status):
    """What a listener is being sent arrives; nothing is left when it has answered, whatever it says."""
    server = start_httpd(server=QUICK + HISTORY)
    server.log.allow("TMF")
    api, answered = Api(server.url), threading.Event()
    listener = listen(default=when(answered, OK if status == 200 else answer(400)))
    subscribe = Subscriber(api, server)
    subscribe(listener)
    made = api.create(name="Sent Ltd")
    listener.await_requests(1)
    assert erase(server, made["id"])[:4] == (1, 1, 1, 1)
    answered.set()
    other = api.create(name="Later Ltd")
    await_condition(lambda: any(request.event["event"]["customer"]["id"] == other["id"] for request in list(listener.requests)),
                    "the next event is sent")
    listener.default = OK
    subscribe.await_empty()
    assert traces(server, "Sent Ltd") == traces(server, made["id"]) == set()
