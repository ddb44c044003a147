# SPDX-License-Identifier: Apache-2.0
"""The module beside what a team would write instead, and beside what httpd and PostgreSQL can do at most."""
import argparse
import hashlib
import itertools
import json
import os
import random
import re
import subprocess
import sys
import time
import uuid
from collections import namedtuple
from datetime import date
from pathlib import Path

import requests

from harness import BASE, await_condition
from harness.httpd import APACHE, module_file
from measure import TunedPostgres, end_when_stopped, fill, get_in_turn, get_steadily, is_wanted, lines_of, turns, wrk
from replies import Problem, check_customers, check_page, check_patch, check_post, check_same
from servers import CUSTOMERS, ONE_CHILD, PROCESSES, THREADED, OurServer, cpu_seconds, rivals
from statements import LOGGING, Recorder, pgbench, script

DATABASE = "bench"
CONNECTIONS = 32
MANY_CONNECTIONS = 512
SAMPLES = 2000
CACHE, CACHE_MIB = "TMFCustomerCache", 1024  # of which a customer takes 4 kB
HISTORY = "TMFCustomerHistory"
MIXED_REQUESTS = 2000000
MIXED_PER_SECOND = 10000  # of --seconds, up to MIXED_REQUESTS in all
IDENTITY = "md5({}::text)::uuid::text"  # of a customer, from its number: pgbench can make it too
HEADER = "| request | | requests/s | p50 | p99 | CPU s for 1,000, server | database | ratio | bar |\n|" + "---|" * 9

POST = """
wrk.method, wrk.path, wrk.body = "POST", "%s", [[%s]]
wrk.headers["Content-Type"] = "application/json"
"""
# Every patch changes something: the numbers of a turn are its own.
PATCH = """
local paths, turn, headers = {}, %d, {["Content-Type"] = "application/merge-patch+json"}
function init() for path in io.lines("%s") do paths[#paths + 1] = path end end
function request()
    turn = turn + 1
    return wrk.format("PATCH", paths[turn %% #paths + 1], headers, '{"checked": ' .. turn .. '}')
end
"""
MIXED = """
local customers, body, json = "%s", [[%s]], {["Content-Type"] = "application/json"}
local ids, turn = {}, %d
function init() for id in io.lines("%s") do ids[#ids + 1] = id end end
function request()
    turn = turn + 1
    local one, kind = customers .. "/" .. ids[math.random(#ids)], turn %% 20
    if kind < 12 then return wrk.format("GET", one) end
    if kind == 12 then return wrk.format("GET", customers .. "?limit=20&offset=" .. math.random(100)) end
    if kind == 13 then return wrk.format("GET", customers .. "?status=Approved&limit=20&fields=name,status") end
    if kind == 14 then return wrk.format("GET", customers .. "?engagedParty.id=" .. math.random(100000, 999999)) end
    if kind == 15 then return wrk.format("POST", customers, json, body) end
    if kind == 16 then return wrk.format("POST", customers, json, '{"name": " ", "x": ' .. turn .. '}') end
    if kind == 17 then return wrk.format("GET", one .. "0") end
    return wrk.format("PATCH", one, json, '{"checked": ' .. turn .. '}')
end
"""

# One that takes turns. load(seconds) -> Load; check() raises Problem when it answers wrongly; server: whose CPU time counts;
# written() -> what grows by one with each request; bar: for the ratio of our figure to its
Side = namedtuple("Side", "name load check server written bar", defaults=(lambda: None, None, None, None))
# ours is the first side; figure: of which the ratio is, a member of Load; turn: seconds in which every side gets to an answer
Row = namedtuple("Row", "name figure sides turn", defaults=(1,))


def identity_of(number):
    return str(uuid.UUID(hashlib.md5(str(number).encode()).hexdigest()))


class Bench:
    """One PostgreSQL and the servers on it."""

    def __init__(self, customers, mpm):
        self.customers, self.mpm = customers, mpm
        self.threads = PROCESSES if mpm == "prefork" else THREADED
        self.postgres = TunedPostgres(LOGGING)
        self.servers = []
        self.turn = itertools.count(1)
        self.highest = {}  # server: its rate of GET by id

    def set_up(self):
        self.postgres.create_database(DATABASE)
        fill(self.postgres, DATABASE, self.customers, IDENTITY.format("i"))
        self.ids = [identity_of(number) for number in
                    random.sample(range(1, self.customers + 1), min(SAMPLES, self.customers))]
        self.paths = [f"{CUSTOMERS}/{identity}" for identity in self.ids]
        self.body = json.dumps(self.documents(self.ids[:1])[self.ids[0]], ensure_ascii=False)
        assert "]]" not in self.body
        self.statements = self.record_statements()
        self.rivals = rivals(self.postgres, DATABASE)
        self.servers += self.rivals
        self.constant = self.make_constant()
        self.ours = self.serve(self.threads + "TMFCustomerNotify Off\n", document=self.constant)

    def close(self):
        for server in self.servers:
            server.close()
        self.postgres.remove()

    def sql(self, text, *parameters):
        return self.postgres.execute(text, DATABASE, parameters or None)

    def documents(self, ids):
        return dict(self.sql("SELECT id, doc FROM tmf_customer.customer WHERE id = ANY (%s)", ids))

    def serve(self, settings, **options):
        server = OurServer((self.postgres, DATABASE), self.mpm, settings, **options)
        self.servers.append(server)
        return server

    def make_constant(self):
        """A customer of middling size, as a reply shows it."""
        rows = self.sql("SELECT id, doc::text FROM tmf_customer.customer WHERE id = ANY (%s) ORDER BY length(doc::text)", self.ids)
        identity, text = rows[len(rows) // 2]
        file = Path(os.environ["TMF_TMP"]) / "documents" / "static"
        file.parent.mkdir(mode=0o755)
        file.write_text(f'{{"id":"{identity}","href":"http://127.0.0.1:12345{CUSTOMERS}/{identity}",{text[1:]}')
        return file

    def record_statements(self):
        """{name: script for pgbench}"""
        server = self.serve(ONE_CHILD + "TMFCustomerNotify Off\n")
        recorder = Recorder(self.postgres)
        url, one = server.url(CUSTOMERS), self.ids[0]
        server.listen("http://127.0.0.1:9/")
        number = f"\\set n random(1, {self.customers})"

        def of(identity):
            return f"{{{identity}}}"  # as the text of an array
        any_customer = {of(one): f"('{{' || {IDENTITY.format(':n')} || '}}')"}
        created = []
        read = recorder.record(lambda: requests.get(f"{url}/{one}"))
        page = recorder.record(lambda: requests.get(f"{url}?limit=20"))
        page_of = recorder.record(lambda: requests.get(f"{url}?status=Approved&limit=20"))
        create = recorder.record(lambda: created.append(requests.post(url, json=json.loads(self.body)).json()["id"]))
        revision = str(self.sql("SELECT revision FROM tmf_customer.customer WHERE id = %s", one)[0][0])
        patch = recorder.record(lambda: requests.patch(f"{url}/{one}", json={"checked": 1}))
        recorder.stop()
        self.servers.remove(server)
        server.close()
        self.forget_events()
        patched = next(value for value in patch[1][1].values() if value and value.startswith("[{"))
        return {
            "read": script(read, [number], [any_customer]),
            "page": script(page, [], [{}]),
            "page_of": script(page_of, [], [{}]),
            "create": script(create, ["\\set new random(1, 1000000000000000)"], [{of(created[0]): "('{new-' || :new || '}')"}]),
            "patch": script(patch, [number], [any_customer, {
                of(one): "('{' || :read_id || '}')", f"{{{revision}}}": "('{' || :read_revision || '}')",
                patched: "('[' || left(:read_doc, -1) || ',\"checked\":' || :n || '}]')"}]),
        }

    def last_event(self, server=OurServer):
        return self.sql("SELECT coalesce(pg_sequence_last_value(%s::regclass), 0)", server.events)[0][0]

    def await_idle(self):
        """Who has been left alone goes on with the requests it got: that is its cost, not that of the next."""
        busy = ("SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND state <> 'idle'"
                " AND pid <> pg_backend_pid()")
        # Between two statements of one that is busy, it looks idle.
        await_condition(lambda: not any(self.sql(busy) or time.sleep(0.02) for _ in range(5)), "the database is idle", 60)

    def forget_events(self):
        self.sql("TRUNCATE tmf_customer.hub, tmf_customer.event, tmf_customer.delivery")

    # ---- loads ----

    def get(self, server, paths, connections=CONNECTIONS):
        return lambda seconds: get_in_turn(server.port, paths, seconds, connections)

    def get_at_70_percent(self, server):
        if server not in self.highest:
            self.highest[server] = self.get(server, self.paths)(1).rate
        return lambda seconds: get_steadily(server.port, self.paths, seconds, CONNECTIONS, 0.7 * self.highest[server])

    def post(self, server):
        return lambda seconds: wrk(server.port, POST % (CUSTOMERS, self.body), seconds, CONNECTIONS)

    def patch(self, server):
        def load(seconds):
            with lines_of(self.paths) as file:
                return wrk(server.port, PATCH % (next(self.turn) * 1000000, file), seconds, CONNECTIONS)
        return load

    def ask_database(self, statement, **options):
        return Side("pgbench, the same SQL", lambda seconds: pgbench(
            self.postgres, DATABASE, self.statements[statement], seconds, CONNECTIONS), **options)

    # ---- rows ----

    def all_servers(self, load, check, bar, ours=None):
        """We and the rivals. load(server), check(server)"""
        ours = ours or self.ours
        return [Side(server.name, load(server), lambda server=server: check(server), server, bar=None if server is ours else bar)
                for server in (ours, *self.rivals)]

    def readers(self, bar, connections=CONNECTIONS, ours=None):
        return self.all_servers(lambda server: self.get(server, self.paths, connections), self.check_reads, bar, ours)

    def check_reads(self, server):
        check_customers(server, self.documents(self.ids))

    def without_module(self, name, path, bar=None):
        return Side(name, self.get(self.ours, [path]), lambda: check_same(self.ours, path, self.constant.read_bytes()), self.ours, bar=bar)

    def row_get(self, name):
        return Row(name, "rate", [*self.readers("≥ 1.4 ×"), self.without_module("constant reply, same size", "/constant", "≥ 0.6 ×"),
                                  self.without_module("static file, same size", "/static"), self.ask_database("read")])

    def row_cache(self, name):
        cached = self.serve(self.threads + f"TMFCustomerNotify Off\n{CACHE} {CACHE_MIB}\n")
        return Row(name, "rate", [*self.readers("≥ 2.0 ×", ours=cached),
                                  self.without_module("constant reply, same size", "/constant", "≥ 0.9 ×")])

    def row_page(self, name, query, condition, statement, turn):
        total = self.sql(f"SELECT count(*) FROM tmf_customer.customer WHERE {condition}")[0][0]
        return Row(name, "rate", [*self.all_servers(
            lambda server: self.get(server, [f"{CUSTOMERS}?{query}"]),
            lambda server: check_page(server, query, total, self.documents), "≥ 20 ×"), self.ask_database(statement, bar="≥ 0.5 ×")], turn)

    def row_70_percent(self, name):
        return Row(name, "p99", self.all_servers(self.get_at_70_percent, self.check_reads, "p99 ≤ 0.7 ×"))

    def row_write(self, name, load, check, statement, bars):
        """Whoever changes writes the event with it; we also what is to be told to one listener."""
        self.ours.listen(self.ours.url("/constant"))
        return Row(name, "rate", [*self.writers(load, check, bars[0]),
                                  self.ask_database(statement, written=self.last_event, bar=bars[1])])

    def row_deliver(self, name):
        """The same, with the module delivering: no rival does."""
        ours = self.serve(self.threads)
        ours.listen(self.ours.url("/constant"))
        sides = self.writers(self.post, self.check_post, "≥ 1.3 ×", ours)
        return Row(name, "rate", [sides[0]._replace(load=lambda seconds: self.deliver_all(sides[0].load(seconds))), *sides[1:]])

    def row_history(self, name, load, check):
        """What it costs to remember each change, beside the same without."""
        kept = self.serve(self.threads + f"TMFCustomerNotify Off\n{HISTORY} On\n")
        self.ours.listen(self.ours.url("/constant"))
        return Row(name, "rate", [Side(side, load(server), lambda server=server: check(server), server,
                                       lambda server=server: self.last_event(server), bar)
                                  for side, server, bar in ((f"mod_tmf_customer, {HISTORY}", kept, None),
                                                            ("mod_tmf_customer without it", self.ours, "≥ 0.7 ×"))])

    def writers(self, load, check, bar, ours=None):
        return [side._replace(written=lambda server=side.server: self.last_event(server))
                for side in self.all_servers(load, check, bar, ours)]

    def deliver_all(self, load):
        """What is still to be told must not burden the next side."""
        await_condition(lambda: not self.sql("SELECT FROM tmf_customer.delivery LIMIT 1"), "everything is delivered", 600)
        return load

    def check_post(self, server):
        check_post(server, self.body, lambda: self.last_event(server))

    def check_patch(self, server):
        check_patch(server, random.choice(self.ids), lambda: self.last_event(server))

    def rows(self):
        """{name: function that makes the row}"""
        return {
            "GET by id": self.row_get,
            f"GET by id, {CACHE}": self.row_cache,
            "`?limit=20`, with total": lambda name: self.row_page(name, "limit=20", "true", "page", 4),
            "`?status=…&limit=20`, with total": lambda name: self.row_page(
                name, "status=Approved&limit=20", "doc ->> 'status' = 'Approved'", "page_of", 15),
            "GET by id at 70 % of the highest rate": self.row_70_percent,
            "GET by id, one connection": lambda name: Row(name, "p50", self.readers("p50 ≤ 1.0 ×", 1)),
            f"GET by id, {MANY_CONNECTIONS} connections": lambda name: Row(name, "p99", self.readers("p99 ≤ 0.5 ×", MANY_CONNECTIONS)),
            "POST, one listener": lambda name: self.row_write(name, self.post, self.check_post, "create", ("≥ 1.3 ×", "≥ 0.6 ×")),
            "PATCH, one listener": lambda name: self.row_write(name, self.patch, self.check_patch, "patch", ("≥ 2.0 ×", "≥ 0.5 ×")),
            "POST, one listener, delivering": self.row_deliver,
            f"POST, {HISTORY}": lambda name: self.row_history(name, self.post, self.check_post),
            f"PATCH, {HISTORY}": lambda name: self.row_history(name, self.patch, self.check_patch),
        }

    def can_measure(self, name):
        for directive in (CACHE, HISTORY):
            if directive in name:
                return re.search(directive.encode() + b"\0", module_file().read_bytes()) is not None
        return self.mpm != "prefork" or str(MANY_CONNECTIONS) not in name

    # ---- measuring ----

    def measure(self, row, seconds):
        """Prints the row's lines; the problems of its replies."""
        tallies = [Tally(self, side) for side in row.sides]
        count, turn = turns(seconds, len(row.sides), row.turn)
        for _ in range(count):
            for tally in tallies:
                tally.take_turn(turn)
        for tally in tallies:
            tally.check()
        for tally in tallies:
            tally.print(row, tallies[0])
        for tally in tallies:
            self.highest.setdefault(tally.side.server, tally.middle("rate").rate)
        return [f"{row.name}: {tally.side.name}: {tally.problem}" for tally in tallies if tally.problem]


class Tally:
    """What one side did in its turns."""

    def __init__(self, bench, side):
        self.bench, self.side = bench, side
        self.loads, self.cpu = [], [0, 0]
        self.problem = None
        self.check()

    def check(self):
        try:
            self.side.check()
        except Problem as problem:
            self.problem = str(problem)

    def clocks(self):
        server = self.side.server
        return [cpu_seconds(server.pid) if server else 0, cpu_seconds(self.bench.postgres.processes()[0])]

    def take_turn(self, seconds):
        before, written = self.clocks(), self.side.written and self.side.written()
        load = self.side.load(seconds)
        self.bench.await_idle()
        self.cpu = [total + now - then for total, now, then in zip(self.cpu, self.clocks(), before)]
        self.loads.append(load)
        if load.bad:
            self.problem = ", ".join(load.bad)
        if self.side.written:
            self.compare(load.requests, self.side.written() - written)

    def compare(self, counted, written):
        """What was under way at the end is written, but not counted. pgbench gives up where two change the same customer."""
        least = counted * (1 if self.side.server else 0.98)
        if not least <= written <= counted + CONNECTIONS:
            self.problem = f"{counted} requests wrote {written} events"

    def middle(self, figure):
        return sorted(self.loads, key=lambda load: getattr(load, figure))[len(self.loads) // 2]

    def ratio_to(self, ours, figure):
        if self is ours:
            return ""
        if self.problem or ours.problem:
            return "refused"
        return f"{getattr(ours.middle(figure), figure) / getattr(self.middle(figure), figure):.2f} ×"

    def print(self, row, ours):
        load, total = self.middle(row.figure), max(1, sum(load.requests for load in self.loads))
        server, database = (f"{seconds * 1000 / total:.3f}" for seconds in self.cpu)
        print(f"| {row.name if self is ours else ''} | {self.side.name} | {load.rate:,} | {duration(load.p50)} | {duration(load.p99)} |"
              f" {server if self.side.server else ''} | {database} | {self.ratio_to(ours, row.figure)} | {self.side.bar or ''} |",
              flush=True)


def duration(microseconds):
    return f"{microseconds} µs" if microseconds < 1000 else f"{microseconds / 1000:.1f} ms"


def resident(pid):
    """MiB"""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def at_rest(pid):
    """MiB that are resident once what requests have left behind is given back."""
    size = resident(pid)
    while True:
        time.sleep(0.5)
        before, size = size, resident(pid)
        if abs(size - before) < 0.1:
            return size


def measure_memory(bench, seconds):
    """One child under requests of every kind, while it delivers; after each tenth of them it rests."""
    wanted = min(MIXED_REQUESTS, MIXED_PER_SECOND * seconds)
    server = bench.serve(ONE_CHILD)
    server.listen(bench.ours.url("/constant"))
    child, = server.httpd.children()
    done, most, tenths = 0, 0, []
    with lines_of(bench.ids) as file:
        while len(tenths) < 10:
            done += wrk(server.port, MIXED % (CUSTOMERS, bench.body, done, file), min(2, max(1, seconds // 10)), 64).requests
            most = max(most, resident(child))
            while done * 10 >= wanted * (len(tenths) + 1) and len(tenths) < 10:
                tenths.append(at_rest(child))
    assert server.httpd.children() == [child], "the child has been replaced"
    columns = [tenths[i] for i in (0, 2, 4, 9)] + [most]
    print("\n| one child of 64 threads | after a tenth | three | five | all | at most, at work | all to three | bar |\n|" + "---|" * 8)
    print(f"| {done:,} mixed requests | {' | '.join(f'{size:.1f} MiB' for size in columns)} | {tenths[9] / tenths[2]:.2f} × |"
          " ≤ 48 MiB, 0.95 × to 1.05 × |", flush=True)


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]


def headline(bench):
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()).group(1)
    return (f"{date.today()}, {os.cpu_count()} cores ({processor}), {first_line(APACHE, '-v').split(': ')[1]} with {bench.mpm},"
            f" PostgreSQL {bench.sql('SHOW server_version')[0][0].split()[0]}, Node {first_line('node', '--version')};"
            f" {bench.customers:,} customers, `wrk -t1 -c{CONNECTIONS}`, the middle of short turns")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--customers", type=int, default=100000)
    arguments.add_argument("--seconds", type=int, required=True)
    arguments.add_argument("--mpm", default="event")
    arguments.add_argument("--only", action="append")
    options = arguments.parse_args()
    end_when_stopped()
    bench = Bench(options.customers, options.mpm)
    problems = []
    try:
        rows = {name: make for name, make in bench.rows().items() if is_wanted(name, options.only) and bench.can_measure(name)}
        memory = is_wanted("memory", options.only)
        if not rows and not memory:
            return
        bench.set_up()
        print(f"\n{headline(bench)}:\n\n{HEADER}", flush=True)
        for name, make in rows.items():
            problems += bench.measure(make(name), options.seconds)
            bench.forget_events()
        if memory:
            measure_memory(bench, options.seconds)
    finally:
        bench.close()
    if problems:
        sys.exit("\n".join(["", "No ratio is worth printing where replies are wrong:", *problems]))


main()
