# SPDX-License-Identifier: Apache-2.0
"""Upgrades of the schema: from each number that was released, with data in it."""
import json
import subprocess
from pathlib import Path

import pytest

from harness import PATIENCE
from harness.client import Api, customer
from harness.httpd import Httpd
from harness.postgres import OWNER, programs

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
                   input=f"SET client_min_messages = warning; BEGIN; {sql}; COMMIT;", text=True, timeout=PATIENCE)


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
