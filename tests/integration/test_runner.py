# SPDX-License-Identifier: Apache-2.0
"""tests/run.sh is ended by a signal, with all servers that its tests have started, and leaves nothing behind."""
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness import PATIENCE, PROJECT

CONTAINED = PROJECT / "tests/contained.py"
# What a test does: servers that are daemons, in the directory of the run, one of them frozen.
SERVERS = """
import os, signal, sys, time
os.environ["TMF_TMP"] = os.environ["TMF_WORK"]
from harness import await_condition
from harness.httpd import Httpd
from harness.postgres import Postgres
postgres = Postgres()
server = Httpd((postgres, postgres.create_database("run"))).start()
os.kill(await_condition(server.children, "children")[0], signal.SIGSTOP)
print(os.environ["TMF_WORK"], flush=True)
{then}
"""


def start(then):
    return subprocess.Popen([CONTAINED, sys.executable, "-B", "-c", SERVERS.format(then=then)], stdout=subprocess.PIPE, text=True,
                            env={k: v for k, v in os.environ.items() if k != "TMF_VALGRIND"}, cwd=PROJECT / "tests/integration")


def directory_of(run):
    """Named when the servers run."""
    line = run.stdout.readline().strip()
    assert line.startswith("/")
    return Path(line)


def processes_in(directory):
    """Those that name it, or work in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(directory) in (entry / "cmdline").read_text() or os.readlink(entry / "cwd").startswith(str(directory)):
                found.append(int(entry.name))
        except OSError:
            pass
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything(number):
    run = start("time.sleep(3600)")
    directory = directory_of(run)
    assert len(processes_in(directory)) > 5
    run.send_signal(number)
    assert run.wait(PATIENCE) == 128 + number
    assert processes_in(directory) == [] and not directory.exists()


def test_so_does_the_end_of_the_command():
    run = start("os._exit(3)")
    directory = directory_of(run)
    assert run.wait(PATIENCE) == 3
    assert processes_in(directory) == [] and not directory.exists()
