# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL and a private httpd for the tests, and clients to talk to them."""
import contextlib
import os
import re
import threading
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
BASE = "/tmf-api/customerManagement/v4"
# Against hanging only: how fast a machine is decides no test.
PATIENCE = 600


def await_condition(condition, what, seconds=PATIENCE):
    """Waits until condition() is true, and returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.02)


@contextlib.contextmanager
def working(count, work):
    """Runs work(stop) in threads while the block runs; work ends when stop is set."""
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(stop,), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE)


def is_root():
    return os.geteuid() == 0


def resident(process, which="VmRSS"):
    """Bytes in memory now, or (VmHWM) at most so far."""
    return int(re.search(rf"{which}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text()).group(1)) * 1024
