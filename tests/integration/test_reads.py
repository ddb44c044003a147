# SPDX-License-Identifier: Apache-2.0
"""Reads of single customers that come at the same time share a statement; nobody may notice."""
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
import requests

from harness import PATIENCE, await_condition, working
from harness.client import JSON_PATCH, Api, path_of
from test_faults import expect_outage, hold_lock, is_unavailable

pytestmark = pytest.mark.mpm
READERS, WRITERS, CUSTOMERS = 12, 4, 5


class Story:
    """What readers and writers of a few customers saw; `wrong` is empty when all was right."""

    def __init__(self, server, may_fail=False):
        self.server, self.wrong, self.reads, self.may_fail = server, [], 0, may_fail
        self.written = {}  # path: the highest `x` that was confirmed
        self.lock = threading.Lock()
        api = Api(server.url)
        for _ in range(CUSTOMERS):
            self.written[path_of(api.create(x=0))] = 0

    def expect(self, holds, what, reply):
        if not holds and not (self.may_fail and reply.status_code == 503):
            self.wrong.append(f"{what}: {reply.status_code} {reply.text[:300]}")

    def confirmed(self, path):
        with self.lock:
            return self.written[path]

    def read_one(self, api, path):
        """Whoever begins to read after a write was answered sees it, or a later one."""
        written = self.confirmed(path)
        reply = api.get(path)
        self.expect(reply.status_code == 200 and reply.json()["id"] == path.rsplit("/", 1)[1] and
                    reply.json()["x"] >= written, f"read {path} after {written} was written", reply)
        self.reads += reply.status_code == 200

    def read(self, stop):
        api, number = Api(self.server.url), 0
        paths = list(self.written)
        while not stop.is_set():
            number += 1
            if number % 4 == 0:
                reply = api.get("/customer/nobody-%22%5C%7B,%7D")
                self.expect(reply.status_code == 404, "read nobody", reply)
            else:
                self.read_one(api, paths[number % CUSTOMERS])

    def write(self, stop):
        api = Api(self.server.url)
        paths = list(self.written)
        number = 0
        while not stop.is_set():
            number += 1
            path = paths[number % CUSTOMERS]
            x = self.confirmed(path)
            reply = api.patch(path, [{"op": "test", "path": "/x", "value": x},
                                     {"op": "replace", "path": "/x", "value": x + 1}],
                              content_type=JSON_PATCH)
            if reply.status_code == 200:
                with self.lock:
                    self.written[path] = max(self.written[path], reply.json()["x"])
            else:
                self.expect(reply.status_code == 409, f"write {path}", reply)

    def more_reads(self, count):
        goal = self.reads + count
        await_condition(lambda: self.reads >= goal or self.wrong, "customers are read")


def test_readers_see_what_was_written_and_never_another_customer(start_httpd):
    story = Story(start_httpd())
    with working(WRITERS, story.write), working(READERS, story.read):
        story.more_reads(1500)
    assert not story.wrong, story.wrong[:3]
    assert all(story.written.values())


def test_readers_survive_the_end_of_their_database(start_httpd, own_postgres):
    server = start_httpd((own_postgres, own_postgres.create_database("reads")))
    expect_outage(server)
    children = set(server.children())
    story = Story(server, may_fail=True)
    with working(WRITERS, story.write), working(READERS, story.read):
        for _ in range(3):
            story.more_reads(200)
            own_postgres.terminate_backends("reads")
        story.more_reads(200)
        own_postgres.restart("immediate")
        story.more_reads(200)
    assert not story.wrong, story.wrong[:3]
    assert server.mpm == "prefork" or children <= set(server.children())


def test_a_large_customer_is_read_beside_small_ones(start_httpd):
    server = start_httpd()
    api = Api(server.url)
    random = Random(629)  # what PostgreSQL cannot compress
    made = [api.create(x=random.randbytes(size).hex()) for size in (10, 5000, 40000, 500000)]

    def work(number):
        mine = Api(server.url)
        for i in range(20):
            expected = made[(number + i) % len(made)]
            reply = mine.get(path_of(expected))
            assert reply.status_code == 200 and reply.json()["x"] == expected["x"]
    with ThreadPoolExecutor(READERS) as pool:
        list(pool.map(work, range(READERS)))


def test_reads_of_an_exhausted_pool_are_503_in_bounded_time(start_httpd, new_database):
    postgres, name = new_database()
    server = start_httpd((postgres, name), connections=1,
                         server="TMFCustomerPoolTimeout 300ms\nTMFCustomerStatementTimeout 3s")
    if server.mpm == "prefork":
        pytest.skip("prefork: a child serves one request at a time, so its pool cannot be exhausted")
    made = Api(server.url).create()
    lock = hold_lock(postgres, name)
    server.log.expect("TMF0026|TMF0020")
    # Lists are not combined, so they keep every connection in use.
    with ThreadPoolExecutor(24) as pool:
        codes = {is_unavailable(reply) for reply in
                 pool.map(lambda i: Api(server.url).get("/customer" if i % 2 else path_of(made)), range(24))}
    lock.close()
    assert "databaseBusy" in codes and codes <= {"databaseBusy", "statementTimeout"}
    await_condition(lambda: Api(server.url).get(path_of(made)).status_code == 200, "the API is back")


def test_reads_of_a_frozen_database_are_503_and_httpd_stops(start_httpd, own_postgres):
    server = start_httpd((own_postgres, own_postgres.create_database("frozen")), connections=4,
                         server="TMFCustomerStatementTimeout 1s\nTMFCustomerPoolTimeout 1s")
    expect_outage(server)
    server.log.expect("TMF002")
    made = Api(server.url).create()
    own_postgres.freeze()
    try:
        with ThreadPoolExecutor(12) as pool:
            replies = list(pool.map(lambda _: Api(server.url).get(path_of(made)), range(24)))
        assert {is_unavailable(reply) for reply in replies} <= {"databaseUnavailable", "databaseBusy"}
    finally:
        own_postgres.thaw()
    await_condition(lambda: Api(server.url).get(path_of(made)).status_code == 200, "the API is back")


def test_httpd_restarts_and_stops_among_reads(start_httpd):
    server = start_httpd()
    made = Api(server.url).create()
    statuses = set()

    def work(stop):
        api = Api(server.url)
        while not stop.is_set():
            try:
                statuses.add(api.get(path_of(made)).status_code)
            except requests.ConnectionError:
                time.sleep(0.01)
    with working(READERS, work):
        for _ in range(3):
            await_condition(lambda: 200 in statuses, "customers are read")
            server.graceful()
        server.stop("graceful-stop")
    assert statuses == {200}
