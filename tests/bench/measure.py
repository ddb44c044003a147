# SPDX-License-Identifier: Apache-2.0
"""What the benches share: their PostgreSQL, their client, their turns."""
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

from harness import PROJECT
from harness.postgres import OWNER, Postgres

# Latencies in µs, rate in requests/s; bad: what must not have been, with how often it was
Load = namedtuple("Load", "requests rate p50 p99 bad")

REPORT = """
function done(summary, latency)
    local errors = summary.errors
    print(string.format("RESULT %d %d %d %d", summary.requests, summary.requests * 1e6 / summary.duration,
        latency:percentile(50), latency:percentile(99)))
    print(string.format("BAD %d error status, %d not connected, %d lost while reading, %d lost while writing, %d too late",
        errors.status, errors.connect, errors.read, errors.write, errors.timeout))
end
"""
# Made once: what the client does for a request is little, and the same for every server.
GET_IN_TURN = """
local requests, turn = {}, 0
function init()
    for path in io.lines("%s") do requests[#requests + 1] = wrk.format("GET", path) end
end
function request() turn = turn %% #requests + 1; return requests[turn] end
"""


class TunedPostgres(Postgres):
    """As an operator would set it: everything in memory, nothing turned off."""

    SETTINGS = ("fsync = on\nshared_buffers = 6GB\nmax_wal_size = 8GB\nmaintenance_work_mem = 1GB\ncheckpoint_timeout = 1h\n"
                "max_connections = 300\n")

    def __init__(self, settings=""):
        self.settings = self.SETTINGS + settings
        super().__init__()

    def start(self):
        with open(self.data / "postgresql.auto.conf", "a") as settings:
            settings.write(self.settings)
        super().start()


def temporary_directory():
    return tempfile.TemporaryDirectory(dir=os.environ.get("TMF_TMP"))


@contextlib.contextmanager
def lines_of(lines):
    """A file of these lines."""
    with temporary_directory() as directory:
        file = Path(directory) / "lines"
        file.write_text("\n".join(lines) + "\n")
        yield file


def percentile(values, which):
    return sorted(values)[min(len(values) - 1, len(values) * which // 100)]


def end_when_stopped():
    """The servers end with us; a job in the background has SIGINT ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("stopped"))


def is_wanted(name, only):
    return not only or any(word in name for word in only)


def fill(postgres, database, count, identity="gen_random_uuid()::text"):
    """Synthetic customers; identity: SQL that makes the id of the one with the number i."""
    script = (PROJECT / "conf" / "synthetic-customers.sql").read_text()
    assert script.count("gen_random_uuid()::text") == 1
    subprocess.run(["psql", "-X", "-q", "-h", str(postgres.root), "-U", OWNER, "-d", database, "-v", f"n={count}", "-f", "-"],
                   input=script.replace("gen_random_uuid()::text", identity), text=True, check=True)


def turns(seconds, sides, least=1, rounds=1):
    """How `seconds` are spent on `sides` that take turns: (rounds, seconds of a turn). Short turns: what else the machine
    does meets all sides alike; but in `least` seconds the slowest has to get to an answer. `rounds` are taken at least, unless
    hardly any time is wanted."""
    turn = 1 if seconds < 10 else max(least, 1 if seconds < 30 else 2)
    return max(1 if seconds < 10 else rounds, seconds // (turn * sides)), turn


def wrk(port, script, seconds, connections):
    """A load by one thread; script: Lua that makes the requests."""
    with temporary_directory() as directory:
        file = Path(directory) / "load.lua"
        file.write_text(script + REPORT)
        output = subprocess.run(["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "20s", "-s", str(file),
                                 f"http://127.0.0.1:{port}"], check=True, capture_output=True, text=True).stdout
    bad = [what for what in re.search("BAD (.*)", output).group(1).split(", ") if not what.startswith("0 ")]
    requests, rate, p50, p99 = map(int, re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", output).groups())
    return Load(requests, rate, p50, p99, bad if requests > 0 else [*bad, "not one reply in time"])


def get_in_turn(port, paths, seconds, connections):
    with lines_of(paths) as file:
        return wrk(port, GET_IN_TURN % file, seconds, connections)


def get_steadily(port, paths, seconds, connections, rate):
    """The same at a fixed rate, which wrk cannot."""
    with lines_of(f"http://127.0.0.1:{port}{path}" for path in paths) as urls, temporary_directory() as directory:
        log = Path(directory) / "log"
        subprocess.run(["h2load", "--h1", "-t", "1", "-c", str(connections), "-D", str(seconds), "--rps", f"{rate / connections:.3f}",
                        "-i", urls, f"--log-file={log}"], check=True, capture_output=True)
        replies = [tuple(map(int, line.split())) for line in log.read_text().splitlines()]
    taken = [reply[2] for reply in replies]
    bad = sum(reply[1] != 200 for reply in replies)
    return Load(len(replies), round(len(replies) / seconds), percentile(taken, 50), percentile(taken, 99),
                [f"{bad} error status"] if bad else [])
