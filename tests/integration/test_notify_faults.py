# SPDX-License-Identifier: Apache-2.0
"""Processes are killed, restarted and stopped while events are sent: every change that was committed arrives at every
listener, in order for each customer, and none that was not. tests/soak.sh repeats this for as long as it takes."""
import os
import random
import signal
import statistics
import time
from pathlib import Path

import pytest

from harness import await_condition
from harness.client import Api
from harness.httpd import is_alive
from harness.listener import OK, after, answer, depending, drip, endless, hang_up, never, reset
from harness.load import Load, check_arrivals, settle
from harness.notify import AWAY, IMPATIENT, NOTIFY, QUICK, Subscriber

KILLS = int(os.environ.get("TMF_NOTIFY_KILLS", 2))
RESTARTS = int(os.environ.get("TMF_NOTIFY_RESTARTS", 2))
SOAK_SECONDS = int(os.environ.get("TMF_NOTIFY_SOAK_SECONDS", 6))
KILLED = "TMF|Unclean shutdown|AH00052|AH00051|AH00045|AH1039[23]"
FLAKY = depending(lambda request: {3: answer(503), 11: reset, 17: hang_up, 23: after(0.02, OK)}.get(request.number % 29, OK))

pytestmark = pytest.mark.timeout(1800 + 60 * (KILLS + RESTARTS) + 4 * SOAK_SECONDS)


def figures(line):
    """For tests/soak.sh."""
    print(line)
    if "TMF_FIGURES" in os.environ:
        with open(os.environ["TMF_FIGURES"], "a") as file:
            file.write(f"{line}\n")


class Scene:
    """A load of changes, a good listener and one that fails now and then."""

    def __init__(self, servers, listen, mpm):
        self.servers, self.mpm = servers, mpm
        self.subscribe = Subscriber(Api(servers[0].url), servers[0])
        self.good, self.flaky = listen(), listen(default=FLAKY)
        for listener in (self.good, self.flaky):
            self.subscribe(listener)
        # A child of the worker MPM does not end before its idle connections do.
        self.subscribe.api.session.close()
        self.load = Load([server.url for server in servers])

    def arrives(self, count):
        """Waits until that many more events have arrived."""
        before = len(self.good.requests)
        self.good.await_requests(before + count, "more events")

    def finish(self, what):
        """After the load has ended: everything arrives, and it is what was committed."""
        settle(self.load, self.servers[0].database)
        self.flaky.default = OK
        self.subscribe.drained()
        repeated = [check_arrivals(listener, self.load) for listener in (self.good, self.flaky)]
        assert self.subscribe.dead() == 0
        self.subscribe.await_empty()
        figures(f"{what}, {self.mpm}: {self.load.committed()} changes arrived at both listeners in order,"
                f" {repeated[0]} + {repeated[1]} of them again")


@pytest.fixture
def scene(listen):
    return lambda *servers: Scene(servers, listen, servers[0].mpm)


def sockets_of(pid):
    """The inodes of a process's sockets."""
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def dispatcher(server, listener):
    """The child with a connection to the listener, or any if none has one now."""
    port = f":{listener.port:04X}"
    connections = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {fields[9] for fields in connections if fields[2].endswith(port) and fields[3] == "01"}
    children = server.children()
    for pid in children:
        try:
            if inodes & sockets_of(pid):
                return pid
        except OSError:
            continue
    return random.choice(children)


@pytest.mark.mpm
def test_the_dispatching_child_is_killed(start_httpd, scene):
    server = start_httpd(server=QUICK)
    server.log.allow(KILLED)
    stage = scene(server)
    with stage.load:
        for _ in range(KILLS):
            stage.arrives(random.randrange(5, 80))
            pid = dispatcher(server, stage.good)
            os.kill(pid, signal.SIGKILL)
            await_condition(lambda: not is_alive(pid), "it is dead")
        stage.arrives(20)
    stage.finish(f"{KILLS} kills of the dispatching child")


@pytest.mark.mpm
def test_all_of_httpd_is_killed(start_httpd, scene):
    server = start_httpd(server=QUICK)
    server.log.allow(KILLED)
    stage = scene(server)
    with stage.load:
        for _ in range(KILLS):
            stage.arrives(random.randrange(5, 80))
            server.kill()
            server.start()
        stage.arrives(20)
    stage.finish(f"{KILLS} kills of all of httpd")


@pytest.mark.mpm
def test_postgresql_is_restarted(start_httpd, own_postgres, scene):
    server = start_httpd((own_postgres, own_postgres.create_database("restarted")), server=QUICK)
    server.log.allow(AWAY)
    stage = scene(server)
    with stage.load:
        for turn in range(RESTARTS):
            stage.arrives(random.randrange(20, 80))
            own_postgres.restart("immediate" if turn % 2 == 0 else "fast")
        stage.arrives(20)
    stage.finish(f"{RESTARTS} restarts of PostgreSQL")


@pytest.mark.mpm
def test_httpd_is_restarted_and_stopped(start_httpd, scene):
    server = start_httpd(server=QUICK)
    server.log.allow(KILLED)
    stage = scene(server)
    # A plain restart can crash mpm_event, in a race of its own, which a sanitizer reports.
    plain = "graceful" if os.environ.get("TMF_ASAN") and stage.mpm == "event" else "restart"
    with stage.load:
        for how in ("graceful", plain, "graceful", "stop", "graceful-stop"):
            stage.arrives(random.randrange(5, 60))
            if "stop" in how:
                server.stop("graceful-stop")
                postgres, name = server.database
                leased = postgres.execute("SELECT id, leased_by FROM tmf_customer.hub WHERE leased_by IS NOT NULL", name)
                assert leased == [] or server.log.contains("TMF002.*notifier"), "leases were kept, and no error tells why"
                server.start()
            else:
                server.restart(how)
        stage.arrives(20)
    stage.finish("restarts and stops of httpd")


@pytest.mark.mpm
def test_two_servers_on_one_database(start_httpd, new_database, scene):
    """One is killed and comes back, the other one restarts; they take over from each other."""
    database = new_database()
    first, second = (start_httpd(database, server=QUICK) for _ in range(2))
    for server in (first, second):
        server.log.allow(KILLED)
    stage = scene(first, second)
    with stage.load:
        stage.arrives(40)
        first.kill()
        stage.arrives(40)
        first.start()
        second.graceful()
        stage.arrives(40)
        second.kill()
        stage.arrives(40)
        second.start()
        stage.arrives(20)
    stage.finish("two servers")


@pytest.mark.mpm
def test_while_a_listener_never_answers_httpd_restarts_and_stops(start_httpd, listen):
    server = start_httpd(server=NOTIFY)
    subscribe, stuck, good = Subscriber(Api(server.url), server), listen(default=never), listen()
    subscribe(stuck)
    hub = subscribe(good)
    subscribe.api.create()
    stuck.await_requests(1)
    subscribe.api.session.close()
    server.graceful()
    subscribe.api.create()
    subscribe.api.session.close()
    subscribe.drained(hub)
    stuck.await_requests(2, "another generation tries again")
    server.restart()
    server.stop("graceful-stop")
    assert len(subscribe.sql("SELECT 1 FROM tmf_customer.delivery")) == 2
    stuck.default = OK
    server.start()
    subscribe.drained()


def test_the_database_freezes_and_goes_on(start_httpd, own_postgres, scene):
    server = start_httpd((own_postgres, own_postgres.create_database("frozen")),
                         server=QUICK + "TMFCustomerStatementTimeout 1s\nTMFCustomerPoolTimeout 1s\n")
    server.log.allow(AWAY)
    stage = scene(server)
    with stage.load:
        stage.arrives(30)
        own_postgres.freeze()
        try:
            # a frozen server answers nothing; the clients' 503 shows that time has passed
            await_condition(lambda: server.log.contains("TMF00(20|22|25|26)"), "the outage is noticed")
        finally:
            own_postgres.thaw()
        stage.arrives(30)
    stage.finish("PostgreSQL frozen")


# ---- nothing grows ----

MIXED = {"good": OK, "never": never, "endless": endless(), "drip": drip(), "reset": reset, "hang up": hang_up, "400": answer(400), "503": answer(503),
         "429": answer(429, {"Retry-After": "1"}), "410": answer(410), "301": answer(301, {"Location": "http://127.0.0.1:1/"}), "flaky": FLAKY,
         "large": answer(200, body=b"x" * 1000000), "endless header": endless(b"HTTP/1.1 200 OK\r\n", b"X: " + b"x" * 2000 + b"\r\n")}


def usage(server):
    """What all children of an httpd and its database hold."""
    held = {"fds": 0, "threads": 0, "kB": 0}
    for pid in server.children():
        status = Path(f"/proc/{pid}/status").read_text()
        held["fds"] += len(list(Path(f"/proc/{pid}/fd").iterdir()))
        held["threads"] += int(status.split("Threads:")[1].split()[0])
        held["kB"] += int(status.split("RssAnon:")[1].split()[0])
    held["connections"] = len(server.database[0].backends(server.database[1]))
    return held


def test_beside_bad_listeners_nothing_grows(start_httpd, listen):
    """The second half of the time holds no more than the first did at its worst."""
    server = start_httpd(server=f"{QUICK}{IMPATIENT}TMFCustomerNotifyRetention 10s\n")
    server.log.allow("TMF")
    subscribe = Subscriber(Api(server.url), server)
    for behaviour in MIXED.values():
        subscribe(listen(default=behaviour, keep=False))
    good = listen()
    hub = subscribe(good)
    samples = []
    with Load([server.url], rate=50) as load:
        children = server.children()
        good.await_requests(100, "the beginning")
        end = time.monotonic() + SOAK_SECONDS
        while time.monotonic() < end or len(samples) < 10:
            samples.append(usage(server))
            time.sleep(min(5, SOAK_SECONDS / 20))
    settle(load, server.database)
    subscribe.drained(hub)
    check_arrivals(good, load)
    assert set(children) <= set(server.children()), "a child died"
    half = len(samples) // 2
    for what, margin in {"fds": 40, "threads": 4, "connections": 4, "kB": 8192}.items():
        early, late = ([sample[what] for sample in part] for part in (samples[:half], samples[half:]))
        figures(f"beside {len(MIXED)} good and bad listeners, {SOAK_SECONDS} s, {what}:"
                f" {statistics.median(early):.0f} in the first half, {statistics.median(late):.0f} in the second, at most {max(late)}")
        if what != "kB" or not os.environ.get("TMF_ASAN"):  # AddressSanitizer keeps what is freed
            assert statistics.median(late) <= max(early) + margin, what
