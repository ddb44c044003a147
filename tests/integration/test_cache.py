# SPDX-License-Identifier: Apache-2.0
"""TMFCustomerCache: exact within one httpd, bounded in age for what others write."""
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from harness import PATIENCE, await_condition, working
from harness.client import Api, customer, path_of
from harness.httpd import Httpd

LONG = "TMFCustomerCache 16 1h"
KEPT = "\nKeepAliveTimeout 600\nMaxKeepAliveRequests 0"  # a client stays with one child, which has a memory of its own


def write_aside(server, made, name):
    """As another host does, or an operator."""
    postgres, database = server.database
    postgres.execute("UPDATE tmf_customer.customer SET doc = doc || jsonb_build_object('name', %s::text),"
                     " revision = nextval('tmf_customer.customer_revision') WHERE id = %s", database, (name, made["id"]))


def fill(server, path, what):
    """Reads until the cache has it: each child learns of the database by its own first request."""
    api = Api(server.url)
    for _ in range(50):
        assert api.get(path, headers={"Connection": "close"}).json()["name"] == what


def test_a_customer_is_given_from_memory_until_somebody_writes_it_here(start_httpd):
    server = start_httpd(server=LONG + KEPT)
    api = Api(server.url)
    made = api.create(name="before")
    assert api.get(path_of(made)).json()["name"] == "before"
    write_aside(server, made, "aside")
    assert api.get(path_of(made)).json()["name"] == "before"
    assert api.patch(path_of(made), {"status": "x"}).json()["name"] == "aside"
    for _ in range(20):
        assert Api(server.url).get(path_of(made)).json()["status"] == "x"
    assert api.get(path_of(made), headers={"If-None-Match": api.get(path_of(made)).headers["ETag"]}).status_code == 304


def test_who_was_refused_for_its_etag_reads_the_one_that_is_right(start_httpd):
    """Else it would read the old one again, and be refused again, until the age is reached."""
    server = start_httpd(server=LONG + KEPT)
    api = Api(server.url)
    made = api.create(name="before")
    assert api.get(path_of(made)).json()["name"] == "before"
    write_aside(server, made, "aside")
    old = api.get(path_of(made)).headers["ETag"]
    assert api.patch(path_of(made), {"status": "x"}, headers={"If-Match": old}).status_code == 412
    for _ in range(20):
        assert api.get(path_of(made), headers={"Connection": "close"}).json()["name"] == "aside"
    new = api.get(path_of(made)).headers["ETag"]
    assert api.patch(path_of(made), {"status": "x"}, headers={"If-Match": new}).status_code == 200


def test_what_a_change_has_seen_is_read_by_all(start_httpd):
    """Also by a change that changes nothing, and by one that finds nobody."""
    server = start_httpd(server=LONG)
    api = Api(server.url)
    made = api.create(name="before")
    fill(server, path_of(made), "before")
    write_aside(server, made, "aside")
    assert api.patch(path_of(made), {"name": "aside"}).json()["name"] == "aside"
    fill(server, path_of(made), "aside")
    postgres, database = server.database
    postgres.execute("DELETE FROM tmf_customer.customer WHERE id = %s", database, (made["id"],))
    assert api.patch(path_of(made), {"status": "x"}).status_code == 404
    for _ in range(20):
        assert api.get(path_of(made), headers={"Connection": "close"}).status_code == 404


def test_a_cache_that_is_switched_on_hears_of_writes_that_were_under_way(start_httpd):
    """The child that carries them out was started without one."""
    server = start_httpd()
    api = Api(server.url)
    made = api.create(name="before")
    postgres, database = server.database
    lock = postgres.connect(database)
    lock.autocommit = False
    lock.cursor().execute("SELECT FROM tmf_customer.customer WHERE id = %s FOR UPDATE", (made["id"],))
    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(Api(server.url).patch, path_of(made), {"name": "after"})
        await_condition(lambda: postgres.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'",
                                                 database, (database,)), "the change waits for the lock")
        server.settings["server"] = server.settings.get("server", "") + "\n" + LONG + "\n"
        server.write_configuration()
        server.graceful()
        fill(server, path_of(made), "before")
        lock.rollback()
        assert reply.result().json()["name"] == "after"
        for _ in range(20):
            assert api.get(path_of(made), headers={"Connection": "close"}).json()["name"] == "after"
    lock.close()


def test_a_write_of_unknown_outcome_that_comes_later_is_seen(start_httpd):
    """PostgreSQL waits for a standby that is away, and httpd does not wait so long."""
    server = start_httpd(server=LONG + "\nTMFCustomerStatementTimeout 2s")
    server.log.allow("TMF0022")
    api = Api(server.url)
    made = api.create(name="before")
    postgres, database = server.database
    try:
        postgres.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        postgres.execute("SELECT pg_reload_conf()")
        await_condition(lambda: postgres.execute("SHOW synchronous_standby_names") == [("nobody",)], "it is configured")
        assert api.patch(path_of(made), {"name": "after"}).status_code == 503
        fill(server, path_of(made), "before")
    finally:
        postgres.execute("ALTER SYSTEM RESET synchronous_standby_names")
        postgres.execute("SELECT pg_reload_conf()")
    await_condition(lambda: postgres.execute("SELECT 1 FROM tmf_customer.customer WHERE doc ->> 'name' = 'after'", database),
                    "the commit is seen")
    for _ in range(20):
        assert api.get(path_of(made), headers={"Connection": "close"}).json()["name"] == "after"


def test_what_others_write_is_seen_when_the_age_is_reached(start_httpd):
    server = start_httpd(server="TMFCustomerCache 16 100ms")
    made = Api(server.url).create(name="before")
    fill(server, path_of(made), "before")
    write_aside(server, made, "aside")
    await_condition(lambda: Api(server.url).get(path_of(made)).json()["name"] == "aside", "the age is reached")


@pytest.mark.mpm
def test_who_has_written_reads_what_was_written(start_httpd):
    """Many readers and writers of few customers, whatever child serves them."""
    server = start_httpd(server=LONG, location="TMFCustomerClientId On")
    made = [Api(server.url).create(n=0) for _ in range(4)]

    def write_and_read(_):
        session, mine = requests.Session(), random.Random()
        for _ in range(40):
            resource = mine.choice(made)
            url = server.url + path_of(resource)
            reply = session.patch(url, json={f"m{mine.randrange(10**9)}": 1})
            assert reply.status_code == 200
            headers = {"Connection": "close"} if mine.random() < 0.3 else {}
            read = session.get(url, headers=headers)
            assert int(read.headers["ETag"].strip('"')) >= int(reply.headers["ETag"].strip('"'))
            assert set(reply.json()) <= set(read.json())

    def only_read(stop):
        while not stop.is_set():
            for resource in made:
                assert requests.get(server.url + path_of(resource)).status_code == 200
    with working(2, only_read), ThreadPoolExecutor(8) as pool:
        list(pool.map(write_and_read, range(8)))
    api = Api(server.url)
    for resource in made:
        assert api.delete(path_of(resource)).status_code == 204
        assert api.get(path_of(resource)).status_code == 404
        assert api.post(customer(id=resource["id"], name="again")).status_code == 201
        assert api.get(path_of(resource)).json()["name"] == "again"


def test_a_cache_survives_restarts_and_the_death_of_writers(start_httpd):
    server = start_httpd(server=LONG)
    server.log.allow("AH1039[23]")  # "children are killed successively!"
    made = [Api(server.url).create(n=0) for _ in range(4)]
    for turn in range(3):
        def write(stop):
            while not stop.is_set():
                try:
                    requests.patch(server.url + path_of(random.choice(made)), json={"x": random.random()}, timeout=PATIENCE)
                except requests.RequestException:
                    pass
        with working(4, write):
            for _ in range(3):
                server.kill_a_child()
                await_condition(lambda: len(server.children()) >= 2, "a new child")
            server.graceful()
        api = Api(server.url)
        for resource in made:
            changed = api.patch(path_of(resource), {"n": turn})
            assert changed.status_code == 200
            assert api.get(path_of(resource)).json() == changed.json()


def test_customers_of_several_databases_do_not_meet(start_httpd, new_database):
    other = new_database()
    server = start_httpd(server=LONG, location="TMFCustomerClientId On")
    api = Api(server.url)
    assert api.post(customer(id="same", name="here")).status_code == 201
    fill(server, "/customer/same", "here")
    second = Httpd(other, server=LONG)
    server.settings["outside"] = f"""
<VirtualHost 127.0.0.1:{server.port}>
    ServerName localhost
</VirtualHost>
<VirtualHost 127.0.0.1:{server.port}>
    ServerName other.example
    {second.database_directives(other)}
</VirtualHost>"""
    second.remove()
    server.write_configuration()
    server.graceful()
    fill(server, "/customer/same", "here")
    for _ in range(20):
        reply = Api(server.url).get("/customer/same", headers={"Host": "other.example"})
        assert reply.status_code == 404


def test_a_large_customer_is_read_from_the_database(start_httpd):
    server = start_httpd(server=LONG)
    api = Api(server.url)
    made = api.create(name="large", text="x" * 10000)
    for _ in range(5):
        assert api.get(path_of(made)).json() == made


@pytest.mark.parametrize("directive", ["TMFCustomerCache", "TMFCustomerCache 0", "TMFCustomerCache 65537", "TMFCustomerCache big",
                                       "TMFCustomerCache 16 1ms", "TMFCustomerCache 16 2s 3"])
def test_wrong_arguments_are_refused(new_database, directive):
    server = Httpd(new_database(install=False), server=directive)
    try:
        result = server.control("start", check=False)
        assert result.returncode != 0 and "TMFCustomerCache" in result.stdout + result.stderr + server.log.text()
    finally:
        server.remove()
