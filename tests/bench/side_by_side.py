# SPDX-License-Identifier: Apache-2.0
"""The module beside what a team would write instead, and beside what httpd and PostgreSQL can do at most."""
import argparse
import hashlib
import itertools
import json
import math
import os
import random
import re
import sys
import time
import uuid
from collections import namedtuple
from datetime import date
from pathlib import Path

import requests

from harness import BASE, await_condition
from harness.httpd import APACHE, module_file
from measure import Load, TunedPostgres, end_when_stopped, fill, get_in_turn, get_steadily, is_wanted, lines_of, turns, wrk
from replies import (ELEMENT, JSON_PATCH, MERGE_PATCH, Problem, check_customers, check_page, check_patch, check_patch_element,
                     check_post, check_same)
from servers import CUSTOMERS, ONE_CHILD, PROCESSES, THREADED, OurServer, cpu_seconds, first_line, rivals
from statements import LOGGING, Recorder, pgbench, script

DATABASE = "bench"
CONNECTIONS = 32
MANY_CONNECTIONS = 512
SAMPLES = 2000
CACHE, CACHE_MIB = "TMFCustomerCache", 1024  # of which a customer takes 4 kB
HISTORY = "TMFCustomerHistory"
ROUNDS = 5  # at least, of which the middle is taken
AWAY = "http://127.0.0.1:9/"  # where nobody listens
# Bytes that 100,000 of these customers take each, with all indexes, in schema version 13, whose one table has an index
# over whole documents.
SPACE_BEFORE = 3811
MIXED_REQUESTS = 2000000
MIXED_PER_SECOND = 10000  # of --seconds, up to MIXED_REQUESTS in all
IDENTITY = "md5({}::text)::uuid::text"  # of a customer, from its number: pgbench can make it too
HEADER = "| request | | requests/s | p50 | p99 | CPU s for 1,000, server | database | ratio | bar |\n|" + "---|" * 9

POST = """
wrk.method, wrk.path, wrk.body = "POST", "%s", [[%s]]
wrk.headers["Content-Type"] = "application/json"
"""
# Every patch changes something: the numbers of a turn are its own. %% in a patch is such a number.
PATCH = """
local paths, turn, headers = {}, %d, {["Content-Type"] = "%s"}
function init() for path in io.lines("%s") do paths[#paths + 1] = path end end
function request()
    turn = turn + 1
    return wrk.format("PATCH", paths[turn %% #paths + 1], headers, string.format([=[%s]=], turn))
end
"""
MERGE = '{"checked": %d}'
REPLACE = '[{"op": "replace", "path": "' + ELEMENT + '", "value": "checked %d"}]'
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
# ours is the first side; figures: of which ratios are, members of Turn; turn: seconds in which every side gets to an answer;
# bar: for the ratios of our figures to those of the fastest rival
Row = namedtuple("Row", "name figures sides turn bar", defaults=(1, None))


class Turn(namedtuple("Turn", (*Load._fields, "server", "database"))):
    """A Load, and the CPU time that it took, in seconds for 1,000 requests."""

    @property
    def cpu(self):
        return self.server + self.database


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
        self.space = self.measure_space()
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

    def measure_space(self):
        """Bytes for a customer, with all indexes."""
        size, = self.sql("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind IN ('r', 'p', 'm')"
                         " AND relnamespace = 'tmf_customer'::regnamespace")[0]
        return int(size) / self.customers

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
        read = recorder.record(lambda: requests.get(f"{url}/{one}"))
        page = recorder.record(lambda: requests.get(f"{url}?limit=20"))
        page_of = recorder.record(lambda: requests.get(f"{url}?status=Approved&limit=20"))
        recorder.stop()
        self.end(server)
        return {
            "read": script(read, [f"\\set n random(1, {self.customers})"], {f"{{{one}}}": f"('{{' || {IDENTITY.format(':n')} || '}}')"}),
            "page": script(page, [], {}),
            "page_of": script(page_of, [], {}),
        }

    def end(self, server):
        self.servers.remove(server)
        server.close()

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

    def patch(self, content_type, patch):
        """load(server) of such patches"""
        def load(server, seconds):
            with lines_of(self.paths) as file:
                return wrk(server.port, PATCH % (next(self.turn) * 1000000, content_type, file, patch), seconds, CONNECTIONS)
        return lambda server: lambda seconds: load(server, seconds)

    def ask_database(self, statement, **options):
        return Side("pgbench, the same SQL", lambda seconds: pgbench(
            self.postgres, DATABASE, self.statements[statement], seconds, CONNECTIONS), **options)

    # ---- rows ----

    def all_servers(self, load, check, ours=None, rivals=None):
        """We and the rivals. load(server), check(server)"""
        return [Side(server.name, load(server), lambda server=server: check(server), server)
                for server in (ours or self.ours, *(self.rivals if rivals is None else rivals))]

    def readers(self, connections=CONNECTIONS, ours=None):
        return self.all_servers(lambda server: self.get(server, self.paths, connections), self.check_reads, ours)

    def check_reads(self, server):
        check_customers(server, self.documents(self.ids))

    def without_module(self, name, path, bar=None):
        return Side(name, self.get(self.ours, [path]), lambda: check_same(self.ours, path, self.constant.read_bytes()), self.ours, bar=bar)

    def row_get(self, name):
        sides = [*self.readers(), self.without_module("constant reply, same size", "/constant"),
                 self.without_module("static file, same size", "/static"), self.ask_database("read", bar="≥ 0.7 ×")]
        return Row(name, ["rate"], sides, bar="≥ 1.6 ×")

    def row_cache(self, name):
        cached = self.serve(self.threads + f"TMFCustomerNotify Off\n{CACHE} {CACHE_MIB}\n")
        sides = [*self.readers(ours=cached), self.without_module("constant reply, same size", "/constant", "≥ 0.9 ×")]
        return Row(name, ["rate"], sides, bar="≥ 2.5 ×")

    def row_page(self, name, query, condition, statement, turn, bars):
        total = self.sql(f"SELECT count(*) FROM tmf_customer.customer WHERE {condition}")[0][0]
        sides = self.all_servers(lambda server: self.get(server, [f"{CUSTOMERS}?{query}"]),
                                 lambda server: check_page(server, query, total, self.documents))
        return Row(name, ["rate"], [*sides, self.ask_database(statement, bar=bars[1])], turn, bars[0])

    def row_70_percent(self, name):
        return Row(name, ["p99"], self.all_servers(self.get_at_70_percent, self.check_reads), bar="p99 ≤ 0.7 ×")

    def row_write(self, name, load, check, bar, figures=("rate",), rivals=None):
        """Whoever changes writes the event with it; we also what is to be delivered, to one listener that is away."""
        ours = self.serve(self.threads)
        ours.listen(AWAY)
        return Row(name, figures, self.writers(load, check, ours, rivals), bar=bar)

    def row_deliver(self, name, load, check, bar):
        """The same, with the module delivering: no rival does."""
        ours = self.serve(self.threads)
        ours.listen(self.ours.url("/constant"))
        first, *others = self.writers(load, check, ours)
        return Row(name, ["rate"], [first._replace(load=lambda seconds: self.deliver_all(first.load(seconds))), *others], bar=bar)

    def row_history(self, name, load, check):
        """What it costs to remember each change, beside the same without."""
        kept = self.serve(self.threads + f"TMFCustomerNotify Off\n{HISTORY} On\n")
        self.ours.listen(self.ours.url("/constant"))
        return Row(name, ["rate"], [Side(side, load(server), lambda server=server: check(server), server,
                                         lambda server=server: self.last_event(server), bar)
                                    for side, server, bar in ((f"mod_tmf_customer, {HISTORY}", kept, None),
                                                              ("mod_tmf_customer without it", self.ours, "≥ 0.7 ×"))])

    def writers(self, load, check, ours, rivals=None):
        return [side._replace(written=lambda server=side.server: self.last_event(server))
                for side in self.all_servers(load, check, ours, rivals)]

    def deliver_all(self, load):
        """What is still to be told must not burden the next side."""
        await_condition(lambda: not self.sql("SELECT FROM tmf_customer.delivery LIMIT 1"), "everything is delivered", 600)
        return load

    def check_post(self, server):
        check_post(server, self.body, lambda: self.last_event(server))

    def check_patch(self, server):
        check_patch(server, random.choice(self.ids), lambda: self.last_event(server))

    def check_patch_element(self, server):
        check_patch_element(server, random.choice(self.ids), lambda: self.last_event(server))

    def rows(self):
        """{name: function that makes the row}"""
        post, patch = (self.post, self.check_post), (self.patch(MERGE_PATCH, MERGE), self.check_patch)
        replace = self.patch(JSON_PATCH, REPLACE), self.check_patch_element
        return {
            "GET by id": self.row_get,
            f"GET by id, {CACHE}": self.row_cache,
            "`?limit=20`, with total": lambda name: self.row_page(name, "limit=20", "true", "page", 4, ("≥ 18 ×", "≥ 0.8 ×")),
            "`?status=…&limit=20`, with total": lambda name: self.row_page(
                name, "status=Approved&limit=20", "doc ->> 'status' = 'Approved'", "page_of", 8, ("≥ 20 ×", "≥ 0.5 ×")),
            "GET by id at 70 % of the highest rate": self.row_70_percent,
            "GET by id, one connection": lambda name: Row(name, ["p50"], self.readers(1), bar="p50 ≤ 1.0 ×"),
            f"GET by id, {MANY_CONNECTIONS} connections": lambda name: Row(name, ["p99"], self.readers(MANY_CONNECTIONS), bar="p99 ≤ 0.5 ×"),
            "POST, one listener, away": lambda name: self.row_write(name, *post, "≥ 1.5 ×"),
            "POST, one listener, delivering": lambda name: self.row_deliver(name, *post, "≥ 1.2 ×"),
            "PATCH (merge patch), one listener, away": lambda name: self.row_write(name, *patch, "≥ 2.0 ×, CPU ≤ 0.6 ×", ["rate", "cpu"]),
            "PATCH (merge patch), one listener, delivering": lambda name: self.row_deliver(name, *patch, "≥ 1.5 ×"),
            "PATCH (JSON Patch of one element), one listener, away": lambda name: self.row_write(
                name, *replace, "≥ 1.3 ×", rivals=[rival for rival in self.rivals if rival.changes_elements]),
            f"POST, {HISTORY}": lambda name: self.row_history(name, *post),
            f"PATCH, {HISTORY}": lambda name: self.row_history(name, *patch),
        }

    def can_measure(self, name):
        for directive in (CACHE, HISTORY):
            if directive in name:
                return re.search(directive.encode() + b"\0", module_file().read_bytes()) is not None
        return self.mpm != "prefork" or str(MANY_CONNECTIONS) not in name

    # ---- measuring ----

    def measure_row(self, name, make, seconds):
        """What was started for the row ends with it."""
        before = list(self.servers)
        problems = self.measure(make(name), seconds)
        for server in [server for server in self.servers if server not in before]:
            self.end(server)
        self.forget_events()
        return problems

    def measure(self, row, seconds):
        """Prints the row's lines; the problems of its replies."""
        tallies = [Tally(self, side) for side in row.sides]
        count, turn = turns(seconds, len(row.sides), row.turn, ROUNDS)
        for _ in range(count):
            for tally in tallies:
                tally.take_turn(turn)
        for tally in tallies:
            tally.check()
        fastest = self.fastest_rival(tallies, row.figures[0])
        for tally in tallies:
            tally.print(row, tallies[0], row.bar if tally is fastest else tally.side.bar)
        for tally in tallies:
            self.highest.setdefault(tally.side.server, tally.middle("rate"))
        return [f"{row.name}: {tally.side.name}: {tally.problem}" for tally in tallies if tally.problem]

    def fastest_rival(self, tallies, figure):
        found = sorted((tally for tally in tallies if tally.side.server in self.rivals), key=lambda tally: tally.middle(figure))
        return found and found[-1 if figure == "rate" else 0]


class Tally:
    """What one side did in its turns."""

    def __init__(self, bench, side):
        self.bench, self.side = bench, side
        self.turns = []
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
        self.turns.append(Turn(*load, *((now - then) * 1000 / max(1, load.requests) for now, then in zip(self.clocks(), before))))
        if load.bad:
            self.problem = ", ".join(load.bad)
        if self.side.written:
            self.compare(load.requests, self.side.written() - written)

    def compare(self, counted, written):
        """What was under way at the end is written, but not counted."""
        if not counted <= written <= counted + CONNECTIONS:
            self.problem = f"{counted} requests wrote {written} events"

    def middle(self, figure):
        return sorted(getattr(turn, figure) for turn in self.turns)[len(self.turns) // 2]

    def ratio_to(self, ours, figure):
        return f"{'CPU ' if figure == 'cpu' else ''}{ours.middle(figure) / (self.middle(figure) or math.nan):.2f} ×"

    def ratios_to(self, ours, figures):
        if self is ours:
            return ""
        if self.problem or ours.problem:
            return "refused"
        return ", ".join(self.ratio_to(ours, figure) for figure in figures)

    def print(self, row, ours, bar):
        server, database = (f"{self.middle(figure):.3f}" for figure in ("server", "database"))
        print(f"| {row.name if self is ours else ''} | {self.side.name} | {self.middle('rate'):,} | {duration(self.middle('p50'))} |"
              f" {duration(self.middle('p99'))} | {server if self.side.server else ''} | {database} |"
              f" {self.ratios_to(ours, row.figures)} | {bar or ''} |", flush=True)


def print_space(bench):
    print(f"\n| space | kB for a customer, all indexes | before | ratio | bar |\n|---|---|---|---|---|\n| {bench.customers:,} customers |"
          f" {bench.space / 1000:.2f} | {SPACE_BEFORE / 1000:.2f} | {bench.space / SPACE_BEFORE:.2f} × | ≤ 1.15 × |", flush=True)


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


def headline(bench):
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()).group(1)
    return (f"{date.today()}, {os.cpu_count()} cores ({processor}), {first_line(APACHE, '-v').split(': ')[1]} with {bench.mpm},"
            f" PostgreSQL {bench.sql('SHOW server_version')[0][0].split()[0]}, {', '.join(sorted({rival.language() for rival in bench.rivals}))};"
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
        memory, space = (is_wanted(name, options.only) for name in ("memory", "space"))
        if not rows and not memory and not space:
            return
        bench.set_up()
        print(f"\n{headline(bench)}:\n\n{HEADER}", flush=True)
        for name, make in rows.items():
            problems += bench.measure_row(name, make, options.seconds)
        if space:
            print_space(bench)
        if memory:
            measure_memory(bench, options.seconds)
    finally:
        bench.close()
    if problems:
        sys.exit("\n".join(["", "No ratio is worth printing where replies are wrong:", *problems]))


main()
