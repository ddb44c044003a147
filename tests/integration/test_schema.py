# SPDX-License-Identifier: Apache-2.0
"""The schema: missing, unknown, installed while running, upgraded, rights (issue "Serve")."""
import subprocess

import psycopg2
import pytest

from harness.client import Api, customer
from harness.postgres import OWNER, RUNTIME, sql_directory


def complaints(server, tag):
    return server.log.text().count(tag)


def test_a_missing_schema_is_one_log_line_and_503s_until_it_is_installed(start_httpd, new_database):
    postgres, name = new_database(install=False)
    server = start_httpd((postgres, name))
    api = Api(server.url)
    server.log.expect("TMF0023.*install.sql")
    for _ in range(20):
        reply = api.get("/customer")
        assert (reply.status_code, reply.json()["code"]) == (503, "databaseUnavailable")
        assert "not set up" in reply.json()["message"]
        assert int(reply.headers["Retry-After"]) > 0
    assert 1 <= complaints(server, "TMF0023") <= len(server.children())
    postgres.install(name)
    assert api.get("/customer").status_code == 200
    assert api.post(customer()).status_code == 201


@pytest.mark.parametrize("change,advice", [
    ("INSERT INTO tmf_customer.schema_version (version, serves_from) VALUES (9999, 9998)",
     "version 9999, which serves modules from version 9998 on, .* install the release"),
    ("DELETE FROM tmf_customer.schema_version", "no version, .* run sql/install.sql"),
    ("DELETE FROM tmf_customer.schema_version WHERE version > 3; ALTER TABLE tmf_customer.schema_version DROP COLUMN serves_from",
     "version 3, .* run sql/install.sql")])
def test_an_unknown_version_is_refused(start_httpd, new_database, change, advice):
    """Each is told which of the two is older, and what to do; the database can be reached."""
    postgres, name = new_database()
    postgres.execute(change, name)
    server = start_httpd((postgres, name))
    server.log.expect("TMF0024.*" + advice)
    for _ in range(5):
        reply = Api(server.url).post(customer())
        assert (reply.status_code, reply.json()["code"]) == (503, "databaseUnavailable")
        assert "not set up" in reply.json()["message"] and "reached" not in reply.text
    assert postgres.execute("SELECT count(*) FROM tmf_customer.customer", name) == [(0,)]


def test_a_schema_that_has_only_grown_serves_on(start_httpd, new_database):
    postgres, name = new_database()
    postgres.execute("INSERT INTO tmf_customer.schema_version VALUES (9999)", name)
    assert Api(start_httpd((postgres, name)).url).post(customer()).status_code == 201


def test_a_schema_without_rights_is_503(start_httpd, new_database):
    postgres, name = new_database()
    postgres.execute(f"REVOKE USAGE ON SCHEMA tmf_customer FROM {RUNTIME}", name)
    server = start_httpd((postgres, name))
    server.log.expect("TMF0023")
    assert Api(server.url).get("/customer").status_code == 503
    postgres.install(name)
    assert Api(server.url).get("/customer").status_code == 200


def test_install_is_idempotent_and_keeps_what_is_there(new_database):
    postgres, name = new_database()
    postgres.execute("INSERT INTO tmf_customer.customer (id, doc) VALUES ('a', '{}')", name)
    before = postgres.execute("SELECT * FROM tmf_customer.schema_version", name)
    result = postgres.install(name)
    assert result.stdout == result.stderr == ""
    assert postgres.execute("SELECT * FROM tmf_customer.schema_version", name) == before
    assert postgres.execute("SELECT id FROM tmf_customer.customer", name) == [("a",)]


@pytest.mark.parametrize("sql", [
    "CREATE TABLE tmf_customer.x ()", "DROP TABLE tmf_customer.customer",
    "ALTER TABLE tmf_customer.customer ADD x int", "TRUNCATE tmf_customer.customer",
    "DELETE FROM tmf_customer.schema_version", "SELECT setval('tmf_customer.customer_seq', 1)"])
def test_the_runtime_role_has_no_more_rights_than_it_needs(new_database, sql):
    postgres, name = new_database()
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        postgres.execute(sql, name, user=RUNTIME)


def test_the_owner_may_be_the_runtime_role(new_database):
    postgres, name = new_database(install=False)
    subprocess.run(["psql", "-X", "-q", "-h", str(postgres.root), "-U", OWNER, "-d", name,
                    "-v", f"runtime_role={OWNER}", "-f", str(sql_directory() / "install.sql")],
                   check=True, capture_output=True)
    assert postgres.execute("SELECT max(version) > 0 FROM tmf_customer.schema_version", name) == [(True,)]


@pytest.mark.parametrize("doc", ["[]", '"x"', '{"id": "1"}', '{"href": "x"}'])
def test_bulk_loads_cannot_store_what_replies_could_not_show(new_database, doc):
    postgres, name = new_database()
    with pytest.raises(psycopg2.errors.CheckViolation):
        postgres.execute("INSERT INTO tmf_customer.customer (id, doc) VALUES ('a', %s)", name, (doc,))
