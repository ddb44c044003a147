#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""How many instructions of httpd, outside the kernel, a GET by id takes with each of two modules: a number that other work on the
machine does not change. For small differences, which a load cannot show.

usage: tests/bench/instructions.py OLD.so NEW.so    (both for the schema in sql/; needs valgrind)"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT / "tests/integration"))
os.environ.setdefault("TMF_SQL_DIR", str(PROJECT / "sql"))

import requests  # noqa: E402

from harness import await_condition  # noqa: E402
from harness.client import customer  # noqa: E402
from harness.httpd import APACHE, Httpd  # noqa: E402
from harness.postgres import Postgres  # noqa: E402

FEW, MANY = 200, 1200  # requests; what starting and stopping takes is in both
THREADS = "StartServers 1\nServerLimit 1\nThreadLimit 4\nThreadsPerChild 4\nMaxRequestWorkers 4\nMinSpareThreads 1\nMaxSpareThreads 4\n"
CACHES = {"without TMFCustomerCache": "", "with TMFCustomerCache": "TMFCustomerCache 16 1h\n"}


def instructions(module, database, cache, count):
    """Of all of an httpd's life in which it answers `count` requests."""
    os.environ["TMF_MODULE"] = module
    server = Httpd(database, mpm="event", connections=4, server=f"{THREADS}{cache}TMFCustomerNotify Off\nMaxKeepAliveRequests 0\n")
    report = server.reports / "callgrind"
    process = subprocess.Popen(["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={report}",
                                APACHE, "-X", "-f", str(server.root / "httpd.conf")], stderr=subprocess.DEVNULL)
    try:
        await_condition(server.accepts, "httpd serves")
        report.chmod(0o666)  # httpd, which writes it at its end, is another user by then
        with requests.Session() as session:
            path = session.post(f"{server.url}/customer", json=customer()).json()["id"]
            for _ in range(count):
                assert session.get(f"{server.url}/customer/{path}").status_code == 200
    finally:
        process.terminate()
        process.wait()
    total = int(re.search(r"^(?:summary|totals): (\d+)", report.read_text(), re.MULTILINE).group(1))
    shutil.rmtree(server.root)
    return total


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    postgres = Postgres()
    try:
        database = (postgres, postgres.create_database("instructions"))
        for name, cache in CACHES.items():
            old, new = ((instructions(module, database, cache, MANY) - instructions(module, database, cache, FEW)) / (MANY - FEW)
                        for module in sys.argv[1:])
            print(f"{name}: {old:,.0f} and {new:,.0f} instructions, {100 * (new / old - 1):+.2f} %", flush=True)
    finally:
        postgres.remove()


if __name__ == "__main__":
    main()
