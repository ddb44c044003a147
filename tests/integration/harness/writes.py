# SPDX-License-Identifier: Apache-2.0
"""Writes that are under way at the same moment, and the log of events as the proof of what became of each."""
import contextlib
import itertools
import os
import threading
from collections import Counter, defaultdict, namedtuple
from concurrent.futures import ThreadPoolExecutor

import requests

from . import BASE, PATIENCE, await_condition
from .client import JSON, MERGE, Api, customer, exact, path_of
from .notify import ATTRIBUTE, CREATE, DELETE, changed_names, expected_types
from .postgres import OWNER

# Events stay in their table. No connection is kept: httpd closes those when it has much to do, as a client writes to it.
SILENT = "TMFCustomerNotifyAllow 127.0.0.0/8\nTMFCustomerNotify Off\nKeepAlive Off\n"
# On prefork a child for each client, from the start; else one for all of them.
PREFORK = "StartServers 28\nMaxSpareServers 32\n"
ONE_CHILD = ("StartServers 1\nServerLimit 1\nThreadsPerChild 32\nMaxRequestWorkers 32\n"
             "MinSpareThreads 1\nMaxSpareThreads 32\n")
PATIENT = "TMFCustomerStatementTimeout 20s\nTMFCustomerPoolTimeout 20s\n"
STATUS = '<Location "/server-status">\nSetHandler server-status\nRequire all granted\n</Location>\n'

Write = namedtuple("Write", "method path reply")  # reply: None when the connection broke
Event = namedtuple("Event", "customer_id type changed correlation href customer")


def crowded(start_httpd, database=None, server="", outside="", **settings):
    """A server for writes that come at once; at_once() needs its status."""
    children = PREFORK if os.environ.get("TMF_MPM") == "prefork" else ONE_CHILD
    return start_httpd(database, server=SILENT + PATIENT + children + server, outside=STATUS + outside, connections=40,
                       modules=["status"], **settings)


class Gate:
    """Holds back every write of a customer, but no read; keeps other locks of its transaction when it opens."""

    def __init__(self, server):
        self.postgres, self.database = server.database
        self.server = server
        self.connection = self.postgres.connect(self.database)
        self.connection.autocommit = False

    def run(self, sql, *parameters):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)

    def close(self):
        self.run("SAVEPOINT gate; LOCK TABLE tmf_customer.customer IN EXCLUSIVE MODE")

    def open(self):
        self.run("ROLLBACK TO gate")

    def somebody_waits(self):
        return self.postgres.execute("SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = database"
                                     " WHERE datname = %s AND NOT granted", parameters=(self.database,))

    def end(self, how="rollback"):
        getattr(self.connection, how)()
        self.connection.close()

    def pass_at_once(self, pool, calls):
        """Starts the calls in the pool; lets them through when httpd works at all of them, or has answered."""
        self.close()
        try:
            futures = [pool.submit(call) for call in calls]
            await_condition(lambda: busy_workers(self.server) + sum(future.done() for future in futures)
                            >= len(calls), "every write is under way")
            await_condition(lambda: self.somebody_waits() or all(future.done() for future in futures),
                            "a write has reached the database")
        finally:
            self.open()
        return futures


def busy_workers(server):
    """How many requests httpd works at, beside this one."""
    text = requests.get(server.url.replace(BASE, "/server-status?auto"), timeout=PATIENCE).text
    board = next(line for line in text.splitlines() if line.startswith("Scoreboard:"))
    return board.split(":")[1].count("W") - 1


@contextlib.contextmanager
def gate(server):
    holder = Gate(server)
    try:
        yield holder
    finally:
        holder.connection.close()


def made_of(ledger, size, **members):
    """Customers to change: their paths and first replies."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda number: ledger.create(customer(number=number, **members)), range(size)))


def at_once(server, calls):
    """What the calls return; all are under way before the first one can write."""
    with gate(server) as holder, ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in holder.pass_at_once(pool, calls)]


def document_of(text):
    """A representation as it is stored: without id and href."""
    return {name: value for name, value in exact(text).items() if name not in ("id", "href")}


def revision_of(reply):
    return int(reply.headers["ETag"].strip('"'))


class Ledger:
    """Sends writes, each with a correlation id of its own, and compares their replies with the events."""

    def __init__(self, server, hubs=1):
        self.server = server
        self.postgres, self.database = server.database
        self.numbers = itertools.count(1)
        self.writes = {}  # by correlation id
        self.local = threading.local()
        self.hubs = [self.listen(number) for number in range(hubs)]

    def listen(self, number):
        reply = self.api().request("POST", "/hub", json={"callback": f"http://127.0.0.1:9/{number}"})
        assert reply.status_code == 201, reply.text
        return reply.json()["id"]

    def api(self):
        """The calling thread's own."""
        if not hasattr(self.local, "api"):
            self.local.api = Api(self.server.url)
        return self.local.api

    def write(self, method, path, body=None, content_type=JSON, correlation=None, headers=None):
        """The reply; None when the connection broke. What replies have to be is checked by check()."""
        correlation = correlation or f"correlation {next(self.numbers)}"
        headers = {"X-Correlation-ID": correlation, **(headers or {})}
        try:
            if method == "DELETE":
                reply = self.api().delete(path, headers=headers, check=False)
            else:
                reply = self.api().send(method, path, body, content_type, headers, check=False)
        except requests.ConnectionError:
            reply = None
        assert correlation not in self.writes
        self.writes[correlation] = Write(method, path, reply)
        return reply

    def post(self, body, path="/customer", **options):
        return self.write("POST", path, body, **options)

    def patch(self, path, body, content_type=MERGE, **options):
        return self.write("PATCH", path, body, content_type, **options)

    def put(self, path, body, **options):
        return self.write("PUT", path, body, **options)

    def delete(self, path, **options):
        return self.write("DELETE", path, **options)

    def create(self, body):
        """A new customer's path and first reply."""
        reply = self.post(body)
        assert reply.status_code == 201, reply.text
        return path_of(reply.json()), reply

    def sql(self, statement, *parameters):
        return self.postgres.execute(statement, self.database, parameters or None, user=OWNER)

    def stored(self):
        """id → (revision, document)"""
        return {identity: (revision, exact(doc)) for identity, revision, doc in
                self.sql("SELECT id, revision, doc::text FROM tmf_customer.customer")}

    def events(self):
        return [Event(*row[:-1], exact(row[-1])) for row in self.sql(
            "SELECT customer_id, type, changed, correlation_id, href, customer::text FROM tmf_customer.event ORDER BY id")]

    def check(self):
        """Every change has its events, in order, and nothing else has any; returns each customer's documents."""
        events = self.events()
        histories = check_histories(events)
        stored = self.stored()
        assert {identity: history[-1] for identity, history in histories.items() if history[-1] is not None} == {
            identity: doc for identity, (_, doc) in stored.items()}
        check_replies(self.writes, events, histories)
        check_tags(self.writes, events, stored, histories)
        told = self.sql("SELECT hub_id, array_agg(event_id ORDER BY event_id) FROM tmf_customer.delivery GROUP BY 1")
        ids = [row[0] for row in self.sql("SELECT id FROM tmf_customer.event ORDER BY id")]
        assert dict(told) == {hub: ids for hub in self.hubs if ids}
        assert self.sql("SELECT * FROM tmf_customer.recount()") == []
        return histories

    def replies(self):
        return [write.reply for write in list(self.writes.values())]

    def confirmed(self):
        return sum(reply is not None and reply.status_code < 300 for reply in self.replies())

    def more_writes(self, count, ended=lambda: False):
        goal = self.confirmed() + count
        await_condition(lambda: self.confirmed() >= goal or ended(), "customers are written")


def check_histories(events):
    """By customer the documents that its events tell of, None at the end of those that were deleted: each event is
    that of the step from one to the next."""
    by_customer = defaultdict(list)
    for event in events:
        by_customer[event.customer_id].append(event)
    return {identity: history_of(chain) for identity, chain in by_customer.items()}


def history_of(chain):
    assert (chain[0].type, chain[0].changed) == (CREATE, None), chain[0]
    history = [chain[0].customer]
    rest = chain[1:]
    while rest:
        before, after = history[-1], rest[0].customer
        assert before is not None, f"changed after it was deleted: {rest[0]}"
        if rest[0].type == DELETE:
            assert after == before and rest[0].changed is None, "not the last state"
            step, after = rest[:1], None
        else:
            expected = expected_types(before, after)
            assert expected, f"nothing has changed: {rest[0]}"
            step = rest[:expected.total()]
            check_step(step, before, after, expected)
        history.append(after)
        rest = rest[len(step):]
    return history


def check_step(step, before, after, expected):
    assert sorted(event.type for event in step) == sorted(expected), (step, before)
    assert len({(event.correlation, event.href) for event in step}) == 1, step
    changed = changed_names(before, after)
    for event in step:
        assert event.customer == after, step
        if event.type == ATTRIBUTE or event.changed is not None:
            assert set(event.changed.split(",")) in (changed, changed - {"status"}), (event, changed)


def check_replies(writes, events, histories):
    by_correlation = defaultdict(list)
    for event in events:
        by_correlation[event.correlation].append(event)
    assert by_correlation.keys() <= writes.keys(), "events that nobody has caused"
    for correlation, write in writes.items():
        told = by_correlation[correlation]
        if write.reply is None or write.reply.status_code == 503:  # it may have been carried out, but once
            assert all(event.customer == told[0].customer for event in told) and len(told) == len({event.type for event in told}), told
        else:
            check_reply(write, told, histories)


def check_reply(write, events, histories):
    reply = write.reply
    types = [event.type for event in events]
    if reply.status_code == 204:
        assert types == [DELETE] and write.path.endswith("/" + events[0].customer_id), (write, events)
    elif reply.status_code not in (200, 201):
        assert reply.status_code >= 400 and not types, (write, reply.text, events)
        assert {"code", "status"} <= set(reply.json()), reply.text
    else:
        shown = exact(reply.text)
        if reply.status_code == 201:
            assert types == [CREATE] and reply.headers["Location"] == shown["href"], (write, events)
        for event in events:
            assert (event.customer_id, event.href) == (shown["id"], shown["href"]), (write, event)
        if is_full(reply):
            check_shown(write, document_of(reply.text), events, histories[shown["id"]])


def check_shown(write, shown, events, history):
    assert CREATE not in [event.type for event in events] or write.method == "POST", write
    assert all(event.customer == shown for event in events), (write, shown, events)
    assert shown in history, (write, shown)


def check_tags(writes, events, stored, histories):
    """An ETag names one document, for whoever has got it; each later document has a higher one."""
    named = {f'"{revision}"': (identity, doc) for identity, (revision, doc) in stored.items()}
    for write in writes.values():
        if is_full(write.reply):
            seen = (exact(write.reply.text)["id"], document_of(write.reply.text))
            assert named.setdefault(write.reply.headers["ETag"], seen) == seen, write.reply.headers["ETag"]
    for identity, count in Counter(identity for identity, _ in named.values()).items():
        assert count <= len(histories[identity]), f"more ETags than documents: {identity}"
    revisions = defaultdict(dict)
    for event in events:
        if is_full(writes[event.correlation].reply):
            revisions[event.customer_id][event.correlation] = revision_of(writes[event.correlation].reply)
    for identity, found in revisions.items():
        assert list(found.values()) == sorted(set(found.values())), f"not in order: {identity}"


def is_full(reply):
    return reply is not None and reply.status_code in (200, 201) and "ETag" in reply.headers
