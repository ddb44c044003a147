# SPDX-License-Identifier: Apache-2.0
"""How soon and how fast committed changes reach their listeners, and what bad listeners cost the others."""
import argparse
import contextlib
import http.client
import itertools
import json
import os
import queue
import statistics
import subprocess
import tempfile
import threading
import time
from collections import namedtuple
from datetime import date
from pathlib import Path

from harness import BASE, await_condition
from harness.client import Api, customer
from harness.httpd import Httpd
from harness.postgres import Postgres

ROUNDS = 3  # at most
CLIENTS = 8
CUSTOMERS = 500
ALLOW = "TMFCustomerNotifyAllow 127.0.0.0/8\n"
BAD = ["never", "endless", "drip", "reset", "301", "429", "503", "410", "400"]
GOOD = [1, 10]  # listeners, all well
LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '%s'
"""
HEAD = "\n| changes | from the reply: p50 | p99 | from the request: p50 | p99 | the API: p50 | p99 | bar |\n|" + "---|" * 8
Run = namedtuple("Run", "latencies reply_latencies api lag")


class DurablePostgres(Postgres):
    """As an operator would run it: what is committed is on the disk."""

    def start(self):
        with open(self.data / "postgresql.auto.conf", "a") as settings:
            settings.write("fsync = on\nshared_buffers = 1GB\nmax_wal_size = 4GB\n")
        super().start()


class FastListeners:
    """tests/bench/listener.c, one for each behaviour; arrivals() are (nanoseconds, target, correlationId)."""

    def __init__(self, directory, behaviours):
        program = directory / "listener"
        if not program.exists():
            subprocess.run(["gcc", "-O2", "-Wall", "-Werror", "-o", program, Path(__file__).with_name("listener.c")], check=True)
        self.log = Path(tempfile.mkstemp(dir=directory)[1])
        self.process = subprocess.Popen([program, self.log, *behaviours], stdout=subprocess.PIPE, text=True)
        self.ports = [int(self.process.stdout.readline()) for _ in behaviours]

    def urls(self, path="/"):
        return [f"http://127.0.0.1:{port}{path}" for port in self.ports]

    def count(self):
        with open(self.log, "rb") as log:
            return sum(piece.count(b"\n") for piece in iter(lambda: log.read(1 << 20), b""))

    def arrivals(self):
        return [(int(at), target, identity) for at, target, identity in map(str.split, self.log.read_text().splitlines())]

    def close(self):
        self.process.kill()
        self.process.wait()


class Place:
    """A server, its customers, and a fast listener."""

    def __init__(self, postgres, directory, name, settings=""):
        self.database = (postgres, postgres.create_database(name))
        self.server = Httpd(self.database, connections=32, server=ALLOW + settings).start()
        self.directory = directory
        self.api = Api(self.server.url)
        self.listener = FastListeners(directory, ["204"])
        self.paths = [f"{BASE}/customer/{self.api.create()['id']}" for _ in range(CUSTOMERS)]

    def subscribe(self, callback):
        reply = self.api.post({"callback": callback}, path="/hub")
        assert reply.status_code == 201, reply.text
        return reply.json()["id"]

    def unsubscribe(self, hubs):
        for hub in hubs:
            assert self.api.delete(f"/hub/{hub}").status_code == 204

    def pending(self):
        postgres, name = self.database
        return postgres.execute("SELECT count(*) FROM tmf_customer.delivery WHERE state = 'pending'", name)[0][0]

    def change(self, rate, seconds):
        """Patches at a steady rate, whatever the replies take: {correlation id: (sent, replied)} in nanoseconds."""
        slots, times = queue.SimpleQueue(), {}
        start = time.monotonic() + 0.2
        for number in range(int(rate * seconds)):
            slots.put((number, start + number / rate))
        stamp = time.time_ns()
        threads = [threading.Thread(target=self.client, args=(slots, times, stamp)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return times

    def client(self, slots, times, stamp):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        while True:
            try:
                number, due = slots.get_nowait()
            except queue.Empty:
                return
            time.sleep(max(0, due - time.monotonic()))
            identity = f"{stamp}-{number}"
            sent = time.time_ns()
            connection.request("PATCH", self.paths[number % len(self.paths)], json.dumps({"n": identity}),
                               {"Content-Type": "application/json", "X-Correlation-ID": identity})
            reply = connection.getresponse()
            reply.read()
            times[identity] = (sent, time.time_ns())
            assert reply.status == 200, reply.status

    def close(self):
        self.listener.close()
        self.server.remove()


def measure(place, rate, seconds, targets=1):
    """Changes at a rate, told to that many targets of the fast listener."""
    hubs = [place.subscribe(place.listener.urls(f"/{i}")[0]) for i in range(targets)]
    before = place.listener.count()
    times = place.change(rate, seconds)
    end = time.time_ns()
    await_condition(lambda: place.listener.count() - before >= len(times) * targets, "everything is delivered", 120)
    place.unsubscribe(hubs)
    arrivals = [(at, *times[identity]) for at, _, identity in place.listener.arrivals() if identity in times]
    return Run([(at - sent) / 1e6 for at, sent, _ in arrivals], [max(0, at - replied) / 1e6 for at, _, replied in arrivals],
               [(replied - sent) / 1e6 for sent, replied in times.values()], max(at for at, _, _ in arrivals) / 1e6 - end / 1e6)


def percentile(values, which):
    return sorted(values)[min(len(values) - 1, int(len(values) * which / 100))]


def middle(runs, what, which):
    return statistics.median(percentile(getattr(run, what), which) for run in runs)


def together(runs):
    """As if they were one: so the 99th percentile is of many."""
    return Run(*([value for run in runs for value in getattr(run, name)] for name in ("latencies", "reply_latencies", "api")),
               max(run.lag for run in runs))


def latency_row(what, runs, bar=""):
    values = [f"{middle(runs, column, which):.1f} ms" for column in ("reply_latencies", "latencies", "api") for which in (50, 99)]
    print(f"| {what} | {' | '.join(values)} | {bar} |", flush=True)


def latencies(place, rounds, seconds):
    print(HEAD)
    latency_row("200/s, one listener", [measure(place, 200, seconds) for _ in range(rounds)], "≤ 10 ms, ≤ 50 ms")
    many = [measure(place, 100, seconds, 100) for _ in range(rounds)]
    latency_row("100/s, 100 listeners", many)
    return statistics.median(run.lag for run in many)


def beside_bad(place, rounds, seconds):
    """What bad listeners cost good ones: some alone and beside them, in turn."""
    for good in GOOD:
        runs = [], []
        for _ in range(rounds):
            for taken, behaviours in zip(runs, ([], BAD)):
                others = FastListeners(place.directory, behaviours or ["204"])
                hubs = [place.subscribe(url) for url in (others.urls() if behaviours else [])]
                taken.append(measure(place, 200, seconds, good))
                place.unsubscribe(hubs)
                others.close()
                await_condition(lambda: place.pending() == 0, "what is next does not pay for what was pending", 120)
        alone, beside = ([together(taken)] for taken in runs)
        latency_row(f"200/s, {good} good", alone)
        latency_row(f"200/s, {good} good beside {len(BAD)} bad", beside)
        ratio_row(f"…{good} beside {len(BAD)} bad, to {good} alone", beside, alone, "≤ 1.2 ×")


def ratio_row(what, runs, others, bar=""):
    ratios = [f"{middle(runs, column, which) / max(0.1, middle(others, column, which)):.2f} ×"
              for column in ("reply_latencies", "latencies", "api") for which in (50, 99)]
    print(f"| {what} | {' | '.join(ratios)} | {bar} |", flush=True)


def wrk_creates(server, seconds, directory):
    script = directory / "create.lua"
    script.write_text(LUA % json.dumps(customer()))
    subprocess.run(["wrk", "-t", "1", "-c", "16", "-d", f"{seconds}s", "-s", script, f"http://127.0.0.1:{server.port}{BASE}/customer"],
                   check=True, capture_output=True)


def backlog(postgres, directory, seconds):
    """Deliveries a second of what waited while the notifier was off."""
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(contextlib.closing(Place(postgres, directory, "backlog", "TMFCustomerNotify Off\n")))
        place.subscribe(place.listener.urls()[0])
        wrk_creates(place.server, seconds, directory)
        waiting = place.pending()
        notifier = Httpd(place.database, server=ALLOW)
        stack.callback(notifier.remove)
        notifier.start()
        await_condition(lambda: place.listener.count() >= waiting, "the backlog is delivered", 300)
        at = [arrival[0] for arrival in place.listener.arrivals()]
    return waiting, len(at) / ((at[-1] - at[0]) / 1e9)


def as_they_are_made(place, seconds):
    """Deliveries a second while clients create as fast as they can."""
    hub = place.subscribe(place.listener.urls()[0])
    before = place.listener.count()
    start = time.time_ns()
    wrk_creates(place.server, seconds, place.directory)
    end = time.time_ns()
    await_condition(lambda: place.pending() == 0, "everything is delivered", 300)
    place.unsubscribe([hub])
    at = [arrival[0] for arrival in itertools.islice(place.listener.arrivals(), before, None)]
    return len(at), sum(1 for when in at if when <= end) / ((end - start) / 1e9), (at[-1] - end) / 1e9


def everything(place, postgres, directory, rounds, seconds):
    lag = latencies(place, rounds, seconds)
    beside_bad(place, rounds, seconds)
    waiting, rate = backlog(postgres, directory, seconds)
    made, sustained, behind = as_they_are_made(place, seconds)
    print("\n| one fast listener | deliveries/s | bar |\n|---|---|---|")
    print(f"| {waiting:,} events that waited | {rate:,.0f} | ≥ 3,000 |")
    print(f"| {made:,} events while clients create as fast as they can; the last one {max(0, behind):.1f} s after its change |"
          f" {sustained:,.0f} | |")
    print(f"\n100 changes a second to 100 listeners: the last of them is told {max(0, lag):.0f} ms after the last change.")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seconds", type=int, required=True)
    arguments.add_argument("--beside", action="store_true", help="only what listeners beside it cost a good one")
    options = arguments.parse_args()
    rounds = min(ROUNDS, max(1, options.seconds // 2))
    seconds = max(1, options.seconds // rounds)
    postgres = DurablePostgres()
    directory = Path(tempfile.mkdtemp(dir=os.environ.get("TMF_TMP")))
    with contextlib.ExitStack() as stack:
        stack.callback(postgres.remove)
        place = stack.enter_context(contextlib.closing(Place(postgres, directory, "notify")))
        print(f"\n{date.today()}, {os.cpu_count()} cores, {CUSTOMERS} customers, {rounds} rounds of {seconds} s:")
        if options.beside:
            print(HEAD)
            beside_bad(place, rounds, seconds)
        else:
            everything(place, postgres, directory, rounds, seconds)


main()
