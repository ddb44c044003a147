# SPDX-License-Identifier: Apache-2.0
"""Virtual hosts that share a database: what belongs to one of them, and what to all."""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import await_condition
from harness.client import Api, customer, path_of

pytestmark = pytest.mark.mpm
SECOND = {"Host": "second.example"}
CLOSE = {"Connection": "close"}


def add_host(server, directives, database=""):
    """A second virtual host beside that of the settings; `database`: DBDParams' host, "" = the same connections."""
    postgres, name = server.database
    if database:
        directives += server.database_directives((postgres, name)).replace(f"host={postgres.root} ", f"host={database} ")
    server.settings["outside"] = f"""
<VirtualHost 127.0.0.1:{server.port}>
    ServerName localhost
</VirtualHost>
<VirtualHost 127.0.0.1:{server.port}>
    ServerName second.example
    {directives}
</VirtualHost>"""
    server.write_configuration()
    server.graceful()


@pytest.mark.parametrize("spelling", ["", "{}/.", "{}/../{}"])
def test_what_is_written_through_one_host_is_seen_through_the_other(start_httpd, spelling):
    """With TMFCustomerCache, whatever child serves, and however the hosts spell the database."""
    server = start_httpd(server="TMFCustomerCache 16 1h")
    root = server.database[0].root
    add_host(server, "", spelling.replace("/../{}", f"/../{root.name}").replace("{}", str(root)))
    api = Api(server.url)
    path = path_of(api.create(n=0))
    for turn in range(1, 31):
        writer, reader = ({}, SECOND) if turn % 2 else (SECOND, {})
        for _ in range(6):
            assert api.get(path, headers={**reader, **CLOSE}).json()["n"] == turn - 1
        assert api.patch(path, {"n": turn}, headers={**writer, **CLOSE}).status_code == 200
        for _ in range(6):
            assert api.get(path, headers={**reader, **CLOSE}).json()["n"] == turn


def test_hosts_of_two_databases_do_not_share_customers(start_httpd, new_database):
    """With TMFCustomerCache, customers of one id in two databases are two."""
    databases = [new_database() for _ in range(2)]
    for number, (postgres, name) in enumerate(databases):
        postgres.execute("INSERT INTO tmf_customer.customer (id, doc) VALUES ('same', %s)", name, (json.dumps({
            **customer(), "@type": "Customer", "database": number, "n": 0}),))
    server = start_httpd(databases[0], server="TMFCustomerCache 16 1h")
    add_host(server, server.database_directives(databases[1]))
    api, hosts, written = Api(server.url), [{}, SECOND], [0, 0]
    for turn in range(1, 11):
        for _ in range(4):
            for number, host in enumerate(hosts):
                read = api.get("/customer/same", headers={**host, **CLOSE}).json()
                assert (read["database"], read["n"]) == (number, written[number])
        written[turn % 2] = turn
        assert api.patch("/customer/same", {"n": turn}, headers={**hosts[turn % 2], **CLOSE}).status_code == 200


def test_each_host_has_its_own_statement_timeout(start_httpd, new_database):
    """They share connections: whoever borrows one gets its own host's."""
    postgres, name = new_database()
    server = start_httpd((postgres, name), connections=1, server="TMFCustomerStatementTimeout 1s")
    add_host(server, "TMFCustomerStatementTimeout 1h")
    path = path_of(Api(server.url).create())

    def patch(headers):
        return Api(server.url).patch(path, {"by": headers.get("Host")}, headers=headers, timeout=600)

    def read_everywhere(headers):
        with ThreadPoolExecutor(8) as pool:
            assert {reply.status_code for reply in pool.map(
                lambda _: Api(server.url).get(path, headers={**headers, **CLOSE}), range(32))} == {200}

    def waits_for(seconds):
        return postgres.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
                                " AND now() - query_start > %s * interval '1 s'", parameters=(name, seconds))
    read_everywhere({})
    lock = postgres.connect(name)
    lock.autocommit = False
    with ThreadPoolExecutor(1) as pool:
        lock.cursor().execute("SELECT FROM tmf_customer.customer FOR UPDATE")
        waiting = pool.submit(patch, SECOND)
        await_condition(lambda: waits_for(2), "the second host's statement takes longer than the first's may", 600)
        lock.rollback()
        assert waiting.result().status_code == 200
    read_everywhere(SECOND)
    lock.cursor().execute("SELECT FROM tmf_customer.customer FOR UPDATE")
    reply = patch({"Host": "localhost"})
    lock.close()
    assert reply.status_code == 503 and reply.json()["code"] == "statementTimeout"
    server.log.expect("TMF0020.*57014")


def identity(postgres, database):
    [[number]] = postgres.execute("SELECT tmf_customer.identity()", database)
    return number


def test_a_database_has_one_identity_and_its_copy_another(own_postgres):
    postgres, name = own_postgres, own_postgres.create_database("original")
    assert identity(postgres, name) == identity(postgres, name) != 0
    postgres.install(name)
    before = identity(postgres, name)
    postgres.restart()
    assert identity(postgres, name) == before
    postgres.execute(f"CREATE DATABASE copy_of_{name} TEMPLATE {name}")
    assert identity(postgres, f"copy_of_{name}") not in (before, 0)
    assert identity(postgres, postgres.create_database("other")) not in (before, 0)
