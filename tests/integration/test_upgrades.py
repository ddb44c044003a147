# SPDX-License-Identifier: Apache-2.0
"""Upgrades of the schema: from each number that was released, with data in it; and while two releases serve."""
import itertools
import json
import os
import re
import shutil
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest

from harness import PATIENCE, await_condition
from harness.client import Api, customer, path_of
from harness.httpd import Httpd, module_file
from harness.listener import Listener
from harness.notify import QUICK
from harness.postgres import OWNER, RUNTIME, programs, sql_directory

IS_INSTRUMENTED = any(map(os.environ.get, ("TMF_ASAN", "TMF_VALGRIND")))
RELEASED = sorted((Path(__file__).parent / "released").glob("*.sql"))
START = ("CREATE SCHEMA tmf_customer; CREATE TABLE tmf_customer.schema_version"
         " (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());")
DOCUMENT = json.dumps({"@type": "Customer", **customer(name="x", status="Approved")})
# What an httpd has written by the time that its schema has this number; the function that counts is another one from 7 on.
DATA = {
    1: f"INSERT INTO tmf_customer.customer (id, doc) SELECT i, '{DOCUMENT}' FROM unnest('{{a,b,c,d}}'::text[]) AS i",
    2: "UPDATE tmf_customer.customer SET doc = doc || '{\"status\": \"Closed\"}' WHERE id = 'b';"
       "UPDATE tmf_customer.customer SET doc = doc - 'status' WHERE id = 'b';"
       "DELETE FROM tmf_customer.customer WHERE id = 'd'",
    3: f"INSERT INTO tmf_customer.idempotency VALUES ('\\x01', 'a', 1, '{DOCUMENT}', now() + interval '1 day')",
    4: "INSERT INTO tmf_customer.hub (id, callback, twin, types) VALUES ('h', 'http://x/h', 'h', '{CustomerCreateEvent}');"
       "INSERT INTO tmf_customer.event (customer_id, type, href, customer) SELECT id, 'CustomerCreateEvent', 'http://x/', doc"
       "  FROM tmf_customer.customer;"
       "INSERT INTO tmf_customer.delivery (hub_id, event_id, customer_id, state, error)"
       "  SELECT 'h', id, customer_id, CASE customer_id WHEN 'b' THEN 'dead' ELSE 'pending' END, 'x' FROM tmf_customer.event",
    11: "INSERT INTO tmf_customer.history (customer_id, revision, operation, before) VALUES ('a', 5, 'patch', '{}')"}


def number_of(path):
    return int(path.name[:3])


def psql(postgres, name, sql):
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(postgres.root), "-U", OWNER, "-d", name], check=True,
                   cwd=RELEASED[0].parent, input=f"SET client_min_messages = warning; BEGIN; {sql}; COMMIT;", text=True, timeout=PATIENCE)


def structure(postgres, name):
    dump = subprocess.run([programs() / "pg_dump", "-s", "-h", str(postgres.root), "-U", OWNER, name], check=True,
                          capture_output=True, text=True, timeout=PATIENCE).stdout
    return [line for line in dump.splitlines() if line and not line.startswith(("--", "\\"))]


@pytest.fixture(scope="module")
def upgraded(postgres):
    """One httpd with a host for each released number, whose database has been made by that release, used, and upgraded;
    and the structure of a new schema."""
    before, hosts = postgres.create_database("upgrade_from_0", install=False), ""
    psql(postgres, before, START)
    server = Httpd((postgres, postgres.create_database("upgrade_fresh")))
    for path in RELEASED:
        number = number_of(path)
        name = f"upgrade_from_{number}"
        postgres.execute(f"CREATE DATABASE {name} TEMPLATE {before} OWNER {OWNER}")
        psql(postgres, name, path.read_text() + DATA.get(number, ""))
        before = name
        hosts += (f"<VirtualHost 127.0.0.1:{server.port}>\nServerName v{number}.example\n"
                  f"{server.database_directives((postgres, name))}\n</VirtualHost>\n")
    for path in RELEASED:
        postgres.install(f"upgrade_from_{number_of(path)}")
    server.settings |= {"outside": f"<VirtualHost 127.0.0.1:{server.port}>\nServerName localhost\n</VirtualHost>\n{hosts}",
                        "server": "TMFCustomerNotify Off\nTMFCustomerHistory On\nTMFCustomerClientId On"}
    server.write_configuration()
    server.fresh = structure(*server.database)
    yield server.start()
    wrong = server.log.check()
    server.remove()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("number", map(number_of, RELEASED))
def test_an_upgrade_ends_where_a_new_schema_begins(upgraded, number):
    """And everything that was there serves on."""
    postgres, name = upgraded.database[0], f"upgrade_from_{number}"

    def run(sql):
        return postgres.execute(sql, name, user=OWNER)
    assert structure(postgres, name) == upgraded.fresh
    assert run("SELECT * FROM tmf_customer.check()") == run("SELECT * FROM tmf_customer.recount()") == []
    assert run("SELECT status FROM tmf_customer.customer_total GROUP BY status HAVING sum(count) = 0") == []
    api, headers = Api(upgraded.url), {"Host": f"v{number}.example"}
    ids = ["a", "b", "c"] + (["d"] if number == 1 else [])
    listed = api.get("/customer?limit=2", headers=headers)
    assert listed.headers["X-Total-Count"] == str(len(ids))
    assert [resource["id"] for resource in listed.json()] == ids[:2]
    assert api.get("/customer?status=Approved", headers=headers).headers["X-Total-Count"] == str(len(ids) - (number > 1))
    assert api.patch("/customer/a", {"name": "y"}, headers=headers).status_code == 200
    assert api.get("/customer/a", headers=headers).json()["name"] == "y"
    assert api.post(customer(id="new"), headers=headers).status_code == 201
    assert api.delete("/customer/c", headers=headers).status_code == 204
    events = 3 if number >= 4 else 0
    exported = run("SELECT tmf_customer.export('a')")[0][0]
    assert len(exported["history"]) == (2 if number >= 11 else 1)
    assert len(exported["idempotency"]) == (number >= 3) and len(exported["events"]) == (number >= 4)
    assert len(api.get("/hub", headers=headers).json()) == (number >= 4)
    assert run("SELECT count(*) FROM tmf_customer.event") == [(events + (events > 0),)], "the new one's is told"
    if number >= 4:
        assert run("SELECT pending, dead, error FROM tmf_customer.listeners") == [(3, 1, "x")]
        assert run("SELECT tmf_customer.replay('h')") == [(1,)]
    assert run("SELECT * FROM tmf_customer.recount()") == []


def test_an_installation_that_changes_nothing_waits_for_nobody(new_database):
    """Whatever others read and write meanwhile; it gives up a lock after 10 seconds."""
    postgres, name = new_database()
    before = structure(postgres, name)
    names = [f"tmf_customer.{table}" for table, in postgres.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'tmf_customer'::regnamespace AND relkind IN ('r', 'v')", name)]
    connection = postgres.connect(name)
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(names)} IN ROW EXCLUSIVE MODE")
        assert postgres.install(name).stderr == ""
    connection.close()
    assert structure(postgres, name) == before


def test_views_and_functions_that_differ_are_made_anew(new_database):
    postgres, name = new_database()
    before = structure(postgres, name)
    postgres.execute("DROP VIEW tmf_customer.deliveries, tmf_customer.listeners; CREATE VIEW tmf_customer.listeners AS SELECT id FROM tmf_customer.hub;"
                     "CREATE OR REPLACE FUNCTION tmf_customer.identity() RETURNS bigint LANGUAGE sql AS 'SELECT 5::bigint'",
                     name, user=OWNER)
    assert structure(postgres, name) != before
    postgres.install(name)
    assert structure(postgres, name) == before


# ---- a rolling upgrade ----

@pytest.fixture
def next_release(tmp_path):
    """(module, install.sql): what the next release might be. Its schema expands: it adds a column and changes a function."""
    build = module_file().parent
    if not (build / "Makefile").exists():
        pytest.skip("the module was not built with make")
    number = max(int(path.name[:3]) for path in sql_directory().glob("[0-9]*.sql")) + 1
    subprocess.run(["make", "-C", str(build), "-s", "next_module.so", f"NEXT={number}"], check=True, capture_output=True,
                   timeout=PATIENCE)
    shutil.copytree(sql_directory(), tmp_path / "sql")
    install = tmp_path / "sql" / "install.sql"
    (tmp_path / "sql" / "next.sql").write_text(
        f"ALTER TABLE tmf_customer.customer ADD COLUMN added text; INSERT INTO tmf_customer.schema_version (version) VALUES ({number});")
    outbox = tmp_path / "sql" / "functions" / "notifier.sql"
    outbox.write_text(outbox.read_text().replace("LIMIT 128", "LIMIT 127"))
    install.write_text(install.read_text().replace("-- All functions,", "\\ir next.sql\n-- All functions,"))
    return build / "next_module.so", install


class Client(threading.Thread):
    """Creates a customer, changes, reads and lists it, through one server after the other, until it is told to end. Every
    reply must be right; each request has a connection of its own, because a restarted httpd ends those that are idle."""

    def __init__(self, servers, number):
        super().__init__(daemon=True)
        self.servers, self.number = servers, number
        self.stop, self.fault = threading.Event(), None
        self.served = Counter()  # by server
        self.made = {}  # id → the last n

    def run(self):
        try:
            for turn in itertools.count():
                self.use(turn)
                if self.stop.wait(0.02):
                    return
        except BaseException as fault:
            self.fault = repr(fault)
            raise

    def ask(self, wanted, method, path, **options):
        server = next(self.servers)
        reply = Api(server.url).request(method, path, headers={"Connection": "close"}, **options)
        assert reply.status_code == wanted, (method, path, reply.status_code, reply.text)
        self.served[server] += 1
        return reply

    def use(self, turn):
        made = self.ask(201, "POST", "/customer", json=customer(n=0, by=self.number, turn=turn)).json()
        for n in (1, 2):
            assert self.ask(200, "PATCH", path_of(made), json={"n": n}).json()["n"] == n
        assert self.ask(200, "GET", path_of(made)).json()["n"] == 2
        assert [resource["n"] for resource in self.ask(200, "GET", f"/customer?by={self.number}&turn={turn}").json()] == [2]
        self.made[made["id"]] = 2


def serve_all(clients, servers, more):
    """Waits until each client has got so many more replies from each server."""
    before = {(client, server): client.served[server] for client in clients for server in servers}
    await_condition(lambda: any(client.fault for client in clients) or all(
        client.served[server] >= before[client, server] + more for client in clients for server in servers), "all are served")
    assert not any(client.fault for client in clients), [client.fault for client in clients]


@pytest.mark.skipif(IS_INSTRUMENTED, reason="it says nothing new there")
def test_a_rolling_upgrade_loses_no_request_and_no_event(start_httpd, new_database, next_release, listen):
    """Both modules serve before, during and after the upgrade of the schema, also over connections that they open then."""
    module, install = next_release
    database, listener = new_database(), listen()
    postgres, name = database
    old = start_httpd(database, server=QUICK)
    new = start_httpd(database, server=QUICK, module=module)
    assert Api(old.url).post({"callback": listener.url()}, path="/hub").status_code == 201
    clients = [Client(itertools.cycle([old, new] if number % 2 else [new, old]), number) for number in range(4)]
    for client in clients:
        client.start()
    try:
        serve_all(clients, (old, new), 5)
        for _ in range(2):  # the second changes nothing
            subprocess.run(["psql", "-X", "-q", "-h", str(postgres.root), "-U", OWNER, "-d", name, "-v", f"runtime_role={RUNTIME}",
                            "-f", str(install)], check=True, capture_output=True, timeout=PATIENCE)
            serve_all(clients, (old, new), 5)
            install.write_text(install.read_text().replace("\\ir next.sql", ""))
        for server in (old, new):
            server.graceful()
            serve_all(clients, (old, new), 5)
        old.settings["module"] = module
        old.write_configuration()
        old.graceful()
        serve_all(clients, (old, new), 5)
    finally:
        for client in clients:
            client.stop.set()
        for client in clients:
            client.join(PATIENCE)
    assert not any(client.fault for client in clients), [client.fault for client in clients]
    made = {identity: [0, 1, 2] for client in clients for identity in client.made}
    await_condition(lambda: postgres.execute("SELECT count(*) FROM tmf_customer.delivery", name) == [(0,)], "everything is delivered")
    told = {}
    for event in {request.event["eventId"]: request.event for request in listener.arrived()}.values():
        told.setdefault(event["event"]["customer"]["id"], []).append(event["event"]["customer"]["n"])
    assert told == made
