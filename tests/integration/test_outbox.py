# SPDX-License-Identifier: Apache-2.0
"""What waits for listeners costs nothing but room: the plans of the notifier's statements, and of the writes,
beside hundreds of thousands of pending deliveries, without any statistics on them, and beside some thousand, of which
statistics say that all of them could be read at once."""
import http.server
import re
import threading

import pytest

from harness import await_condition
from harness.client import Api, customer
from harness.httpd import Httpd
from harness.notify import write_pending

ROWS = 1500  # that a node of a plan may handle: a sweep takes 1,000 at a time
EXPLAIN = ("session_preload_libraries = auto_explain", "auto_explain.log_min_duration = 0",
           "auto_explain.log_analyze = on", "auto_explain.log_timing = off",
           "auto_explain.log_nested_statements = on")


class Listener(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def listener():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def entries_of(path, start):
    with open(path) as log:
        log.seek(start)
        return re.split(r"^\S+ \S+ \S+ \[\d+\] ", log.read(), flags=re.MULTILINE)


def most_rows(entries):
    """The most rows that one node of one plan has handled, and the plan; statements that were seen."""
    worst, seen = (0, ""), set()
    for entry in entries:
        if "plan:" in entry and "tmf_customer" in entry:
            seen.add(re.search(r"Query Text:\s*(\w+)", entry).group(1))
            for node in entry.split("\n"):
                rows = [int(a or b) for a, b in re.findall(r"actual rows=(\d+)|Rows Removed by [^:]*: (\d+)", node)]
                worst = max(worst, (max(rows, default=0), entry))
    return worst, seen


@pytest.mark.parametrize("count,analyze", [(100000, ""), (4000, "ANALYZE tmf_customer.event, tmf_customer.delivery")])
def test_what_is_pending_slows_neither_the_notifier_nor_the_api(new_database, listener, count, analyze):
    postgres, name = new_database()
    server = Httpd((postgres, name), server="TMFCustomerNotifyAllow 127.0.0.0/8\nTMFCustomerNotify Off")
    try:
        server.start()
        api = Api(server.url)
        hubs = [api.request("POST", "/hub", json={"callback": f"http://127.0.0.1:{port}/{number}"}).json()["id"]
                for number, port in enumerate([listener, 9])]
        write_pending(postgres, name, hubs, count)
        postgres.execute(analyze or "SELECT 1", name)
        for setting in EXPLAIN:
            postgres.execute(f"ALTER DATABASE {name} SET {setting}")
        server.end()
        log = postgres.root / "log"
        start = log.stat().st_size
        server.settings["server"] = "TMFCustomerNotifyAllow 127.0.0.0/8"
        server.write_configuration()
        server.start()
        for _ in range(20):
            assert api.post(customer()).status_code == 201
        await_condition(lambda: "tmf_customer.sweep" in log.read_text()[start:], "the notifier sweeps")
        await_condition(lambda: log.read_text()[start:].count("tmf_customer.due") >= 20, "much is delivered")
        server.end()
        (rows, plan), seen = most_rows(entries_of(log, start))
        assert {"SELECT", "DELETE", "WITH", "UPDATE"} <= seen
        assert rows <= ROWS, plan
    finally:
        server.remove()


@pytest.mark.parametrize("before", ["nothing", "nothing, which statistics know", "much that is gone", "some", "some that is dead"])
def test_plans_that_were_made_while_little_was_pending_serve_when_much_is(new_database, before):
    """A session keeps them until the table is analyzed, which takes a minute."""
    postgres, name = new_database()
    tables = ("delivery", "event", "hub", "history")
    postgres.execute("INSERT INTO tmf_customer.hub (id, callback, twin, types) SELECT id, 'http://x/' || id, id, '{}'"
                     " FROM unnest(ARRAY['one', 'two']) AS id", name)
    for table in tables:
        postgres.execute(f"ALTER TABLE tmf_customer.{table} SET (autovacuum_enabled = off)", name)
    if before == "much that is gone":
        write_pending(postgres, name, ["one", "two"], 3000)
        for table in ("delivery WHERE event_id", "event WHERE id"):
            postgres.execute(f"DELETE FROM tmf_customer.{table} > 5", name)
    if before.startswith("some"):
        write_pending(postgres, name, ["one", "two"], 130)
    if before == "some that is dead":
        postgres.execute("UPDATE tmf_customer.delivery SET state = 'dead'", name)
    if before != "nothing":
        for table in tables:
            postgres.execute(f"VACUUM ANALYZE tmf_customer.{table}", name)
    connection = postgres.connect(name)
    with connection.cursor() as cursor:
        cursor.execute("SET jit = off")  # as the module does
        for _ in range(7):  # PostgreSQL decides for a kept plan after five
            call_all(cursor, [1, 2])
        write_pending(postgres, name, ["one", "two"], 10000)
        postgres.execute("INSERT INTO tmf_customer.history (customer_id, revision, operation, at) SELECT i, i, 'patch', now() - interval '9 days'"
                         " FROM generate_series(1, 10000) AS i", name)
        [[last]] = postgres.execute("SELECT max(event_id) FROM tmf_customer.delivery", name)
        cursor.execute("LOAD 'auto_explain'; SET client_min_messages = log")
        for setting in EXPLAIN[1:]:
            cursor.execute(f"SET {setting}")
        call_all(cursor, range(last - 30, last))
    rows, plan = most_rows(connection.notices)[0]
    connection.close()
    assert 0 < rows <= ROWS, plan


def call_all(cursor, events):
    """Every function that must walk an index, for these events of the hub "one"."""
    ids, hubs = list(events), ["one"] * len(events)
    numbers = [1] * len(ids)
    for call, parameters in [
            ("claim('me', '5s')", ()),
            ("due('me', '{one,two}', '{t,t}', '{1,2}', '{1,1}', '{1,1}', '{1,0}', %s, '{x}', 1000000)", (ids[:1],)),
            ("refuse(%s, %s, %s, %s::interval[], %s)", (hubs, ids, numbers, ["1s"] * len(ids), hubs)),
            ("backlogs('me', '0s')", ()), ("page_of_deliveries('one', true, true, 0, false, 20, 0)", ()),
            ("page_of_deliveries('one', true, true, 9223372036854775807, true, 20, 0)", ()), ("expire_history('1d', 2)", ()), ("deliver(%s, %s)", (hubs, ids)), ("forget(%s)", (ids,)), ("sweep('30d', 0)", ())]:
        cursor.execute(f"SELECT * FROM tmf_customer.{call}", parameters)


@pytest.mark.parametrize("call,setting", [
    ("deliver('{}', '{}')", "off"), ("forget('{}')", "off"), ("refuse('{}', '{}', '{}', '{}', '{}')", "off"),
    ("claim('x', '1s')", "on")])
def test_what_is_recorded_does_not_wait_for_the_disk(new_database, call, setting):
    """But leases do: whoever has one must be the only one, also after a crash."""
    postgres, name = new_database()
    connection = postgres.connect(name)
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT tmf_customer.{call}")
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchall() == [(setting,)]
        connection.commit()
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchall() == [("on",)]
    connection.close()


def leased(postgres, name, hubs, count):
    """Listeners of the notifier "me", each with so many events."""
    postgres.execute("INSERT INTO tmf_customer.hub (id, callback, twin, types, leased_by, leased_until) SELECT id, 'http://x/' || id, id,"
                     " '{}', 'me', now() + interval '1 hour' FROM unnest(%s) AS id", name, (hubs,))
    write_pending(postgres, name, hubs, count)


@pytest.mark.parametrize("budget,given", [(1, 1), (1000000, 3)])
def test_what_is_due_has_each_event_once_and_no_more_than_the_budget(new_database, budget, given):
    postgres, name = new_database()
    leased(postgres, name, ["one", "two"], 3)
    rows = postgres.execute("SELECT place, id, event_id, customer FROM tmf_customer.due('me', '{one,two}', '{t,t}', '{1,1}', '{0,0}', '{1,1}',"
                            " '{0,0}', '{}', '{}', %s)", name, (budget,))
    first = min(id for _, id, _, _ in rows)
    assert sorted((place, id - first) for place, id, _, _ in rows) == [(place, number) for place in (1, 2) for number in range(3)]
    assert all(event_id is not None for _, _, event_id, _ in rows)
    assert sorted(id - first for _, id, _, customer in rows if customer is not None) == list(range(given))


def test_what_is_due_tells_which_event_is_gone(new_database):
    postgres, name = new_database()
    leased(postgres, name, ["one"], 3)
    [[gone]] = postgres.execute("DELETE FROM tmf_customer.event WHERE id = (SELECT max(id) - 1 FROM tmf_customer.event) RETURNING id", name)
    rows = postgres.execute("SELECT id, event_id IS NULL, customer IS NULL FROM tmf_customer.due('me', '{one}', '{t}', '{1}', '{0}', '{1}', '{0}',"
                            " '{}', '{}', 1000000)", name)
    assert sorted(rows) == [(gone - 1, False, False), (gone, True, True), (gone + 1, False, False)]


@pytest.mark.parametrize("pause,hot", [("1s", 10), (None, 0)])
def test_a_refusal_that_is_tried_again_is_written_to_no_index(new_database, pause, hot):
    postgres, name = new_database()
    leased(postgres, name, ["one"], 10)
    ids = [id for [id] in postgres.execute("SELECT event_id FROM tmf_customer.delivery", name)]
    connection = postgres.connect(name)
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute("SELECT tmf_customer.refuse(%s, %s, %s, %s::interval[], %s)", (["one"] * 10, ids, [1] * 10, [pause] * 10, ["x"] * 10))
        cursor.execute("SELECT pg_stat_get_xact_tuples_updated(oid), pg_stat_get_xact_tuples_hot_updated(oid) FROM pg_class"
                       " WHERE oid = 'tmf_customer.delivery'::regclass")
        assert cursor.fetchall() == [(10, hot)]
    connection.close()
