# SPDX-License-Identifier: Apache-2.0
import itertools
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from harness import examples
from harness.browser import DESKTOP, Browser
from harness.client import Api
from harness.clock import Clock
from harness.httpd import Httpd
from harness.listener import Listener
from harness.notify import ILL_TAGS, QUICK, Subscriber
from harness.postgres import Postgres
from harness.resolver import Resolver

numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres():
    cluster = Postgres()
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def shared(postgres):
    """The httpd that most tests share."""
    server = Httpd((postgres, postgres.create_database("shared"))).start()
    yield server
    server.remove()


def finish(server, postgres):
    """Ends a test on this server: log, sanitizers, processes, sessions."""
    wrong = server.log.check()
    if server.sanitizer_reports():
        wrong.append(server.sanitizer_reports())
    if postgres.is_running():
        wrong += [f"left idle in transaction: {row}"
                  for row in postgres.backends(server.database[1]) if "in transaction" in (row[1] or "")]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def server(shared, postgres):
    children = set(shared.children()) if shared.mpm == "event" else set()
    yield shared
    finish(shared, postgres)
    assert children <= set(shared.children()), "a child of httpd died"


@pytest.fixture
def api(server):
    return Api(server.url)


@pytest.fixture
def new_database(postgres):
    """Makes databases: new_database() with the schema, new_database(install=False) without."""
    def make(install=True):
        return postgres, postgres.create_database(f"test_{next(numbers)}", install)
    return make


@pytest.fixture
def start_httpd(new_database, listen):
    """Starts servers of the test's own; each is stopped and its log checked at the end. It asks for `listen` so that
    the servers end before the listeners close: nobody logs a delivery that fails then."""
    del listen
    servers = []

    def start(database=None, **settings):
        server = Httpd(database or new_database(), **settings)
        servers.append(server)
        return server.start()
    yield start
    for server in servers:
        server.end()
    try:
        for server in servers:
            finish(server, server.database[0])
    finally:
        for server in servers:
            server.remove()


@pytest.fixture
def own_postgres():
    """A cluster that the test may hurt."""
    cluster = Postgres()
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def shared_notifying(postgres):
    """The httpd that most tests of notifications share."""
    server = Httpd((postgres, postgres.create_database("notifying")), server=QUICK).start()
    yield server
    server.remove()


@pytest.fixture
def notifying(shared_notifying, postgres):
    yield shared_notifying
    finish(shared_notifying, postgres)


@pytest.fixture
def subscribe(notifying, listen):
    """Creates hubs on the shared server; they are deleted at the end, before their listeners close: nobody hears of
    a delivery that fails then."""
    subscriber = Subscriber(Api(notifying.url), notifying)
    yield subscriber
    subscriber.close()


@pytest.fixture
def place_with(start_httpd):
    """Makes servers of the test's own, told to be quick, and whatever else the settings say."""
    def start(settings=""):
        server = start_httpd(server=QUICK + settings)
        server.log.allow(ILL_TAGS)
        return Subscriber(Api(server.url), server)
    return start


@pytest.fixture
def place(place_with):
    return place_with()


@pytest.fixture
def listen():
    """Makes listeners: listen() answers 200 to everything."""
    listeners = []

    def make(**options):
        listeners.append(Listener(**options))
        return listeners[-1]
    yield make
    for listener in listeners:
        listener.close()
    for listener in listeners:
        listener.check()


@pytest.fixture
def clock():
    """As the resolver's, where httpd can read it."""
    directory = Path(tempfile.mkdtemp(prefix="tmf-clock-", dir=os.environ.get("TMF_TMP")))
    yield Clock(directory)
    shutil.rmtree(directory)


@pytest.fixture
def resolver():
    """Where httpd, which is another user, can read it."""
    directory = Path(tempfile.mkdtemp(prefix="tmf-names-", dir=os.environ.get("TMF_TMP")))
    yield Resolver(directory)
    shutil.rmtree(directory)


@pytest.fixture
def serve(start_httpd):
    """serve({"a.conf": {"variable": value}}) starts an httpd with these examples, in this order."""
    def start(files, server="", outside="", below="", **settings):
        included = "".join(examples.example(name, **defines) for name, defines in files.items())
        return start_httpd(server=server + examples.modules_of(*files), outside=outside + included + below, **settings)
    return start


@pytest.fixture(scope="session")
def accounts(tmp_path_factory):
    return examples.make_accounts(examples.readable(tmp_path_factory.mktemp("accounts")))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return examples.make_certificates(examples.readable(tmp_path_factory.mktemp("certificates")))


@pytest.fixture(scope="session")
def chromium():
    """One for all tests: to start it takes a second."""
    started = Browser()
    yield started
    started.close()


@pytest.fixture
def browser(chromium):
    """As after its start: desktop, light, nothing said before."""
    chromium.open("about:blank")
    chromium.resize(*DESKTOP)
    chromium.prefer("light")
    chromium.complaints()
    return chromium
