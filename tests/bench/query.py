# SPDX-License-Identifier: Apache-2.0
"""What each kind of list costs on a large table, as a multiple of a GET by id measured beside it."""
import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from datetime import date
from pathlib import Path
from urllib.parse import quote

import requests

from harness import BASE, PROJECT
from harness.httpd import Httpd
from harness.postgres import OWNER, Postgres

ROUNDS = 3
SMALL = 10000
SAMPLES = 200
DEEP = 40000  # pages
LUA = """
local paths = {}
for line in io.lines("%s") do paths[#paths + 1] = line end
local turn = 0
function request() turn = turn %% #paths + 1; return wrk.format("GET", paths[turn]) end
function done(summary, latency)
    local bad = summary.errors.status + summary.errors.read + summary.errors.timeout + summary.errors.connect
    print(string.format("RESULT %%d %%d %%d %%d", latency:percentile(50), latency:percentile(99), summary.requests * 1e6 / summary.duration, bad))
end
"""


class TunedPostgres(Postgres):
    """As an operator would set it: everything in memory, nothing turned off."""

    def start(self):
        with open(self.data / "postgresql.auto.conf", "a") as settings:
            settings.write("fsync = on\nshared_buffers = 6GB\nmax_wal_size = 8GB\nmaintenance_work_mem = 1GB\n"
                           "checkpoint_timeout = 1h\n")
        super().start()


def fill(postgres, name, count):
    postgres.create_database(name)
    subprocess.run(["psql", "-X", "-q", "-h", str(postgres.root), "-U", OWNER, "-d", name, "-v", f"n={count}",
                    "-f", str(PROJECT / "conf" / "synthetic-customers.sql")], check=True)
    return Httpd((postgres, name), connections=32).start()


def wrk(server, paths, seconds, connections=1, threads=1, background=False):
    """Asks for the paths in turn: (p50 µs, p99 µs, requests/s). Fails on any reply that is no 2xx."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMF_TMP")) as directory:
        listed, script = Path(directory) / "paths", Path(directory) / "paths.lua"
        listed.write_text("\n".join(f"{BASE}/customer{path}" for path in paths) + "\n")
        script.write_text(LUA % listed)
        output = subprocess.run(["wrk", "-t", str(threads), "-c", str(connections), "-d", f"{seconds}s", "--timeout", "20s",
                                 "-s", str(script), f"http://127.0.0.1:{server.port}"], check=True, capture_output=True,
                                text=True).stdout
    p50, p99, rate, bad = map(int, re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", output).groups())
    assert bad == 0 or background, f"{bad} replies were no 2xx: {paths[0]}"
    return p50, p99, rate


def samples(server):
    postgres, name = server.database
    rows = postgres.execute("SELECT id, doc FROM tmf_customer.customer TABLESAMPLE SYSTEM (5) ORDER BY random() LIMIT %s",
                            name, (SAMPLES,))
    assert len(rows) == SAMPLES
    return rows


def cursor_path(server, query, offset):
    reply = requests.get(f"{server.url}/customer?{query}&offset={offset}")
    return f"?{query}&cursor=" + re.search(r"cursor=([\w-]+)>; rel=\"next\"", reply.headers["Link"]).group(1)


def shapes(server, customers):
    """(what, bar, paths); the bar is a multiple of a GET by id."""
    rows = samples(server)
    medium = lambda doc: doc["contactMedium"][0]
    each = lambda make: [make(doc) for _, doc in rows]
    same_element = "@.characteristic.postCode=='{}' && @.characteristic.city=='{}'"
    deep = min(DEEP * 20, customers // 20 * 20 - 40)
    return [
        ("`?limit=20`, with total", 3, ["?limit=20"]),
        ("`?status=Approved&limit=20`, with total", 3, ["?status=Approved&limit=20"]),
        ("`?contactMedium.characteristic.emailAddress=…`", 5,
         each(lambda doc: "?contactMedium.characteristic.emailAddress=" + medium(doc)["characteristic"]["emailAddress"])),
        ("`?engagedParty.id=…`", 5, each(lambda doc: "?engagedParty.id=" + doc["engagedParty"]["id"])),
        ("`filter=` with two conditions on one element", 5, each(lambda doc: "?filter=" + quote(
            "contactMedium[?(" + same_element.format(medium(doc)["characteristic"]["postCode"],
                                                     medium(doc)["characteristic"]["city"]) + ")]", safe=""))),
        ("`?name=…`", 5, each(lambda doc: "?name=" + quote(doc["name"]))),
        ("`?name.regex=^prefix`", 5, each(lambda doc: "?name.regex=%5E" + quote(doc["name"]))),
        ("`?sort=name&limit=20`", 5, ["?sort=name&limit=20"]),
        ("`?sort=-validFor.startDateTime&limit=20&engagedParty.id=…`", 5,
         each(lambda doc: "?sort=-validFor.startDateTime&limit=20&engagedParty.id=" + doc["engagedParty"]["id"])),
        (f"page {deep // 20:,} of `?limit=20` by cursor", None, [cursor_path(server, "limit=20", deep)]),
        ("page 2 of `?limit=20` by cursor", None, [cursor_path(server, "limit=20", 0)]),
    ]


def measure(large, small, what, bar, paths, seconds, by_id):
    """One row: alternates with GETs by id, and takes the middle of the rounds."""
    rounds = []
    for _ in range(ROUNDS):
        base = wrk(large, by_id, seconds)[0]
        rounds.append((base, wrk(large, paths, seconds)[0], wrk(small, paths, seconds)[0] if len(paths) == 1 and bar == 3 else None))
    base, took = (statistics.median(column) for column in list(zip(*rounds))[:2])
    ratio = statistics.median(took / base for base, took, _ in rounds)
    smaller = statistics.median(took / of_small for _, took, of_small in rounds) if rounds[0][2] else None
    print(f"| {what} | {base} µs | {took} µs | {ratio:.1f} × | {f'≤ {bar} ×' if bar else ''} |"
          f" {f'{smaller:.2f} ×' if smaller else ''} |", flush=True)
    return took


def scans_beside_reads(large, by_id, seconds):
    """GETs by id, alone and beside a client that asks for nothing but scans; and what the scans get."""
    scans = ["?creditProfile.creditScore>848&creditProfile.creditScore<849", "?sort=validFor.startDateTime"]
    replies = [requests.get(f"{large.url}/customer{scan}") for scan in scans]
    rounds = []
    for _ in range(2 * ROUNDS + 1):
        alone = wrk(large, by_id, seconds, connections=2)
        background = threading.Thread(target=wrk, args=(large, scans[:1], seconds + 1, 1, 1, True))
        background.start()
        beside = wrk(large, by_id, seconds, connections=2)
        background.join()
        rounds.append((alone, beside))
    alone, beside = ([statistics.median(column) for column in zip(*side)] for side in zip(*rounds))
    print("\n| GET by id, 2 connections | p50 | p99 | requests/s |\n|---|---|---|---|")
    for what, (p50, p99, rate) in (("alone", alone), ("beside a client that scans the table", beside)):
        print(f"| {what} | {p50:.0f} µs | {p99:.0f} µs | {rate:.0f} |")
    print()
    for scan, reply in zip(scans, replies):
        print(f"A scan, `{scan}`: {reply.status_code} after {reply.elapsed.total_seconds():.1f} s.")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--customers", type=int, required=True)
    arguments.add_argument("--seconds", type=int, required=True)
    arguments.add_argument("--only", action="append")
    options = arguments.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # a background job has the first one ignored
        signal.signal(number, lambda *_: sys.exit("stopped"))
    postgres = TunedPostgres()
    servers = []
    try:
        servers.append(fill(postgres, "small", min(SMALL, options.customers)))
        servers.append(fill(postgres, "large", options.customers))
        small, large = servers
        by_id = [f"/{identity}" for identity, _ in samples(large)]
        print(f"\n{date.today()}, {os.cpu_count()} cores, {options.customers:,} customers, one connection, p50 of {ROUNDS} rounds:\n")
        print(f"| request | GET by id | this | ratio | bar | against {SMALL:,} customers |\n|---|---|---|---|---|---|")
        for what, bar, paths in shapes(large, options.customers):
            if not options.only or any(word in what for word in options.only):
                measure(large, small, what, bar, paths, options.seconds, by_id)
        if not options.only:
            scans_beside_reads(large, by_id, options.seconds)
    finally:
        for server in servers:
            server.remove()
        postgres.remove()


main()
