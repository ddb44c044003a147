# SPDX-License-Identifier: Apache-2.0
"""The database goes away, clients read slowly, httpd is stopped (issue "Serve", Hold)."""
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from harness import BASE, PATIENCE, await_condition, working
from harness.client import Api, Raw, customer, path_of, split_reply

pytestmark = pytest.mark.mpm
AWAY = r"TMF00(20|22|25)|AH00629|AH00639|AH02655|AH00632|AH00633|AH00636"


def expect_outage(server):
    server.log.expect(AWAY)


def is_unavailable(reply):
    assert reply.status_code == 503, reply.text
    assert int(reply.headers["Retry-After"]) > 0
    return reply.json()["code"]


def test_a_database_that_is_away_at_start(start_httpd, own_postgres):
    name = own_postgres.create_database("away")
    own_postgres.stop()
    server = start_httpd((own_postgres, name))
    expect_outage(server)
    api = Api(server.url)
    started = time.monotonic()
    for _ in range(10):
        assert is_unavailable(api.get("/customer")) == "databaseUnavailable"
    assert time.monotonic() - started < PATIENCE
    assert api.get("/nothing").status_code == 404
    own_postgres.start()
    await_condition(lambda: api.get("/customer").status_code == 200, "the API is back")
    server.end()


def test_backends_that_were_killed_while_idle_are_not_noticed(start_httpd, new_database):
    postgres, name = new_database()
    server = start_httpd((postgres, name))
    server.log.allow("TMF0022: notifier: ")  # which may not be idle
    api = Api(server.url)
    for _ in range(5):
        with ThreadPoolExecutor(8) as pool:
            assert {reply.status_code for reply in
                    pool.map(lambda _: Api(server.url).get("/customer?limit=1"), range(16))} <= {200, 206}
        killed = {pid for pid, _ in postgres.backends(name)}
        postgres.terminate_backends(name)
        await_condition(lambda: killed.isdisjoint(pid for pid, _ in postgres.backends(name)), "the backends are gone")
        for _ in range(20):
            assert api.post(customer()).status_code == 201


def test_a_restart_of_postgresql_under_load_loses_no_reply_and_no_child(start_httpd, own_postgres):
    server = start_httpd((own_postgres, own_postgres.create_database("restart")))
    expect_outage(server)
    children = set(server.children())
    created, statuses = [], set()

    def work(stop):
        api = Api(server.url)
        while not stop.is_set():
            reply = api.post(customer())
            statuses.add(reply.status_code)
            if reply.status_code == 201:
                created.append(reply.json()["id"])

    def more_are_created():
        count = len(created)
        await_condition(lambda: len(created) > count + 50, "customers are created")
    with working(6, work):
        for _ in range(3):
            more_are_created()
            own_postgres.restart("immediate")
        more_are_created()
    assert statuses <= {201, 503}
    rows = own_postgres.execute("SELECT id FROM tmf_customer.customer", "restart")
    assert set(created) <= {row[0] for row in rows}, "a customer that was promised is not there"
    assert server.mpm == "prefork" or children <= set(server.children())


def test_a_frozen_database_is_503_in_bounded_time(start_httpd, own_postgres):
    server = start_httpd((own_postgres, own_postgres.create_database("frozen")), connections=4,
                         server="TMFCustomerStatementTimeout 1s\nTMFCustomerPoolTimeout 1s")
    expect_outage(server)
    api = Api(server.url)
    assert api.get("/customer").status_code == 200
    own_postgres.freeze()
    try:
        started = time.monotonic()
        with ThreadPoolExecutor(12) as pool:
            replies = list(pool.map(lambda _: Api(server.url).get("/customer"), range(24)))
        assert {is_unavailable(reply) for reply in replies} <= {"databaseUnavailable", "databaseBusy"}
        assert time.monotonic() - started < PATIENCE
        assert api.get("/nothing").status_code == 404
    finally:
        own_postgres.thaw()
    server.log.expect("TMF002")
    await_condition(lambda: api.get("/customer").status_code == 200, "the API is back")


def test_httpd_stops_while_the_database_is_frozen(start_httpd, own_postgres):
    server = start_httpd((own_postgres, own_postgres.create_database("frozen")),
                         server="TMFCustomerStatementTimeout 1s\nTMFCustomerPoolTimeout 1s")
    server.log.allow("TMF0026|AH00045")  # the notifier, when a request is being connected; a child that takes over 3 s
    Api(server.url).get("/customer")
    own_postgres.freeze()
    try:
        with Raw(server.port) as raw:
            raw.send(f"GET {BASE}/customer HTTP/1.1\r\nHost: x\r\n\r\n")
            server.stop()
    finally:
        own_postgres.thaw()
    server.log.expect(f"{AWAY}|resuming")


def test_a_slow_statement_is_cancelled(start_httpd, new_database):
    postgres, name = new_database()
    server = start_httpd((postgres, name), server="TMFCustomerStatementTimeout 1s")
    api = Api(server.url)
    made = api.create()
    with postgres.connect(name) as lock:
        lock.autocommit = False
        with lock.cursor() as cursor:
            cursor.execute("SELECT FROM tmf_customer.customer FOR UPDATE")
            reply = api.patch(path_of(made), {"status": "x"})
            assert is_unavailable(reply) == "statementTimeout"
            lock.rollback()
    server.log.expect("TMF0020.*57014")
    assert api.patch(path_of(made), {"status": "x"}).status_code == 200


def hold_lock(postgres, name):
    """Makes every write of every customer wait until the connection that is returned is closed."""
    lock = postgres.connect(name)
    lock.autocommit = False
    lock.cursor().execute("LOCK TABLE tmf_customer.customer IN ACCESS EXCLUSIVE MODE")
    return lock


def test_an_exhausted_pool_is_503_in_bounded_time(start_httpd, new_database):
    postgres, name = new_database()
    server = start_httpd((postgres, name), connections=1,
                         server="TMFCustomerPoolTimeout 300ms\nTMFCustomerStatementTimeout 3s")
    if server.mpm == "prefork":
        pytest.skip("prefork: a child serves one request at a time, so its pool cannot be exhausted")
    assert Api(server.url).get("/customer").status_code == 200
    lock = hold_lock(postgres, name)
    server.log.expect("TMF0026|TMF0020")
    with ThreadPoolExecutor(24) as pool:
        codes = {is_unavailable(reply) for reply in
                 pool.map(lambda _: Api(server.url).get("/customer"), range(24))}
    lock.close()
    assert "databaseBusy" in codes and codes <= {"databaseBusy", "statementTimeout"}
    await_condition(lambda: Api(server.url).get("/customer").status_code == 200, "the API is back")


def slow_reader(server):
    """Asks for a large reply and does not read it."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.settimeout(60)
    reader.connect(("127.0.0.1", server.port))
    reader.sendall(f"GET {BASE}/customer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return reader


@pytest.fixture
def large(start_httpd, new_database):
    """A server with two connections for each child and a list of 8 MB."""
    server = start_httpd(new_database(), connections=2, server="SendBufferSize 16384\nTMFCustomerPoolTimeout 20s")
    api = Api(server.url)
    for _ in range(8):
        api.create(x="y" * 1000000)
    return server


def test_slow_readers_hold_no_connection(large):
    readers = [slow_reader(large) for _ in range(6 if large.mpm == "prefork" else 20)]
    await_condition(lambda: all(peek(reader) for reader in readers), "each reply has begun")
    api = Api(large.url)
    for _ in range(10):
        assert api.get("/customer?limit=1").status_code == 206
    for reader in readers:
        data = read_to_end(reader)
        status, headers, body = split_reply(data)
        assert status == 200 and len(body) == int(headers["content-length"])
        reader.close()


def peek(reader):
    return len(reader.recv(1, socket.MSG_PEEK)) == 1


def read_to_end(reader):
    pieces = []
    while True:
        piece = reader.recv(1 << 20)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def test_httpd_ends_gracefully_with_replies_in_flight(large):
    readers = [slow_reader(large) for _ in range(4)]
    await_condition(lambda: all(peek(reader) for reader in readers), "each reply has begun")
    finishing = threading.Thread(target=lambda: [read_to_end(reader) for reader in readers])
    finishing.start()
    large.stop("graceful-stop")
    finishing.join()


def test_httpd_stops_with_replies_in_flight(start_httpd):
    """64 kB: what httpd does not keep a thread for; a larger reply makes any handler wait for its reader,
    until httpd kills the child after 9 seconds."""
    server = start_httpd(connections=2, server="SendBufferSize 8192")
    Api(server.url).create(x="y" * 60000)
    readers = [slow_reader(server) for _ in range(4)]
    await_condition(lambda: all(peek(reader) for reader in readers), "each reply has begun")
    server.stop()
    for reader in readers:
        reader.close()


def test_a_graceful_restart_lets_replies_end(large):
    readers = [slow_reader(large) for _ in range(4)]
    await_condition(lambda: all(peek(reader) for reader in readers), "each reply has begun")
    large.graceful()
    api = Api(large.url)
    assert api.get("/customer?limit=1").status_code == 206
    for reader in readers:
        status, headers, body = split_reply(read_to_end(reader))
        assert status == 200 and len(body) == int(headers["content-length"])
        reader.close()


def test_stops_and_restarts_under_load(start_httpd):
    server = start_httpd()
    statuses = set()

    def work(stop):
        api = Api(server.url)
        while not stop.is_set():
            try:
                statuses.add(api.post(customer()).status_code)
            except requests.ConnectionError:
                time.sleep(0.01)
    with working(6, work):
        for _ in range(3):
            server.graceful()
        server.stop("graceful-stop")  # and no plain ones: mpm_event closes sockets that its threads still use
        server.start()
    server.end()
    assert statuses == {201}


def test_a_child_that_is_killed_is_replaced(start_httpd):
    server = start_httpd()
    api = Api(server.url)
    assert api.get("/customer").status_code == 200
    killed = set(server.children())
    for child in killed:
        os.kill(child, signal.SIGKILL)
    await_condition(lambda: not killed & set(server.children()), "httpd notices")

    def serves():
        try:
            return Api(server.url).get("/customer").status_code == 200
        except requests.ConnectionError:
            return False
    await_condition(serves, "httpd serves again")


def test_requests_that_need_no_database_take_no_connection(start_httpd, new_database):
    postgres, name = new_database()
    server = start_httpd((postgres, name), connections=1)
    lock = hold_lock(postgres, name)
    with Raw(server.port) as busy:
        busy.send(f"GET {BASE}/customer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await_condition(lambda: postgres.execute(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s",
            parameters=(name,)), "the statement waits for the lock")
        api = Api(server.url)
        for _ in range(20):
            assert api.post({}).status_code == 400
            assert api.post(customer(), content_type="text/plain").status_code == 415
            assert api.get("/customer?limit=x").status_code == 400
            assert api.get("/customer", headers={"Accept": "text/html"}).status_code == 406
            assert api.request("PUT", "/customer").status_code == 405
            assert api.request("OPTIONS", "/customer").status_code == 204
            assert api.get("").status_code == 200
        lock.close()
        assert split_reply(busy.read_all())[0] == 200
