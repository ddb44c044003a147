#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""contained.py COMMAND…: runs a command with a directory of its own, whose name is in TMF_WORK. When the command ends,
or SIGTERM, SIGINT or SIGHUP does, all processes that came of it end as well, daemons too, and the directory goes."""
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>: orphans become our children
SECONDS_TO_END = 5


def descendants():
    """Those that run, the oldest generation first."""
    children = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(entry.name))
    found = list(children.get(os.getpid(), []))
    for pid in found:
        found += children.get(pid, [])
    return found


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def end_all():
    """Servers get a moment to give back their semaphores and shared memory."""
    for pid in descendants():
        send(pid, signal.SIGTERM)
        send(pid, signal.SIGCONT)
    last = time.monotonic() + SECONDS_TO_END
    while True:
        reap()
        left = descendants()
        if not left:
            return
        if time.monotonic() > last:
            for pid in left:
                send(pid, signal.SIGKILL)
        time.sleep(0.05)


def leave(number, _frame):
    sys.exit(128 + number)


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    work = tempfile.mkdtemp(prefix="tmf-tests.")
    os.chmod(work, 0o755)
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for number in signals:
        signal.signal(number, leave)
    try:
        result = subprocess.Popen(sys.argv[1:], env={**os.environ, "TMF_WORK": work}).wait()
    finally:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        end_all()
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(result if result >= 0 else 128 - result)


main()
