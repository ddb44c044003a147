# SPDX-License-Identifier: Apache-2.0
"""What the handler tmf-customer-status answers, and whether it says that the API can be served (src/api/README.md §8)."""
import json
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from conftest import finish
from harness import BASE, await_condition
from harness.client import LEAKS, Api, Raw, split_reply
from harness.httpd import Httpd
from harness.notify import AWAY
from harness.postgres import RUNTIME
from harness.status import HEALTH, SECTION, S, status_of


@pytest.fixture(scope="module")
def watched_server(postgres):
    """One that all tests of this file share."""
    server = Httpd((postgres, postgres.create_database("status")), outside=SECTION).start()
    yield server
    server.remove()


@pytest.fixture
def watched(watched_server, postgres):
    yield watched_server
    finish(watched_server, postgres)


@pytest.fixture
def ask(watched):
    return status_of(watched)


# ---- a handler like the API's ----

@pytest.mark.parametrize("path", ["/live", "//live", "/live/", "/%6Cive"])
def test_the_process_lives(ask, path):
    reply = ask("GET", path)
    assert reply.status_code == 200 and reply.json() == {"status": "pass"}
    assert reply.headers["Content-Type"] == HEALTH and reply.headers["Cache-Control"] == "no-store"
    head = ask("HEAD", path)
    assert head.status_code == 200 and head.content == b"" and head.headers["Content-Type"] == HEALTH


@pytest.mark.parametrize("path", ["/nothing", "/live/1", "/live/1/2/3", "/customer", "/hub", "/Live"])
def test_other_paths_are_not_there(ask, path):
    reply = ask("GET", path)
    assert reply.status_code == 404 and reply.json()["code"] == "notFound" and "listeners" in reply.json()["message"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_other_methods_are_refused(ask, method):
    reply = ask(method, "/live")
    assert reply.status_code == 405 and reply.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_options_name_the_methods(ask):
    reply = ask("OPTIONS", "/live")
    assert reply.status_code == 204 and reply.headers["Allow"] == "GET, HEAD, OPTIONS" and reply.content == b""


@pytest.mark.parametrize("accept, content_type", [
    (None, HEALTH), ("*/*", HEALTH), ("application/json", "application/json;charset=utf-8"), (HEALTH, HEALTH),
    ("application/*;q=0.1", HEALTH), (f"{HEALTH};q=0.5, application/json", "application/json;charset=utf-8"),
    ("text/html", None), (f"{HEALTH};q=0, application/json;q=0", None)])
def test_accept_chooses(ask, accept, content_type):
    reply = ask("GET", "/live", headers={"Accept": accept})
    if content_type is None:
        assert reply.status_code == 406 and HEALTH in reply.json()["message"]
    else:
        assert reply.status_code == 200 and reply.headers["Content-Type"] == content_type


@pytest.mark.parametrize("query", ["?x=1", "?verbose"])
def test_no_parameter_is_ignored(ask, query):
    assert ask("GET", "/live" + query).status_code == 400
    assert ask("GET", "/live?&").status_code == 200


def test_neither_the_api_nor_other_paths_change(watched):
    api = Api(watched.url)
    assert api.get("/customer").json() == [] and api.get("/live").status_code == 404
    assert api.request("GET", f"http://127.0.0.1:{watched.port}/live", check=False).status_code == 404


def test_what_httpd_refuses_there_is_an_error_of_ours(start_httpd):
    """401, 403 and what httpd finds wrong before it knows the path."""
    server = start_httpd(modules=["auth_basic", "authn_core", "authn_file", "authz_user"], outside=f"""
<Location "{S}">
    SetHandler tmf-customer-status
    AuthType Basic
    AuthName "status"
    AuthUserFile /dev/null
    Require valid-user
</Location>
<Location "/closed">
    SetHandler tmf-customer-status
    Require all denied
</Location>""")
    server.log.allow("AH01630|AH01617|AH01618|AH10244")
    reply = status_of(server)("GET", "/live")
    assert reply.status_code == 401 and reply.json()["code"] == "unauthorized" and "WWW-Authenticate" in reply.headers
    assert status_of(server, "/closed")("GET", "/live").json()["code"] == "forbidden"
    with Raw(server.port) as raw:
        status, _, body = split_reply(raw.send(f"GET {S}/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").read_all())
        assert status == 400 and json.loads(body)["code"] == "badRequest"
    assert Api(server.url).get("/customer").status_code == 200


# ---- ready ----

def failing(reply):
    """The checks of a reply of S/ready that have failed."""
    assert reply.status_code in (200, 503) and reply.headers["Content-Type"] == HEALTH
    assert reply.headers["Cache-Control"] == "no-store"
    body = reply.json()
    assert set(body) == {"status", "checks"} and set(body["checks"]) == {"database", "schema", "notifier"}
    failed = {name for name, check in body["checks"].items() if check["status"] == "fail"}
    assert all(check["status"] == "pass" or check["output"] for check in body["checks"].values())
    assert not LEAKS.search(reply.text) and RUNTIME not in reply.text
    assert (reply.status_code, body["status"]) == ((503, "fail") if failed else (200, "pass"))
    return failed


def await_failing(ask, failed, notifier=None, **options):
    """The reply once exactly these checks fail: a machine that is busy may answer later than the probe waits."""
    replies = []

    def is_so():
        replies.append(ask("GET", "/ready", **options))
        return failing(replies[-1]) == failed and notifier in (None, value(replies[-1], "notifier"))
    await_condition(is_so, f"what fails is {failed or 'nothing'}")
    return replies[-1]


def await_ready(ask, **options):
    return await_failing(ask, set(), **options)


def value(reply, check):
    return reply.json()["checks"][check].get("observedValue")


def test_all_is_well(ask, watched):
    reply = await_ready(ask, notifier="leads")
    assert value(reply, "database") >= 0
    assert value(reply, "schema") == watched.database[0].execute(
        "SELECT max(version) FROM tmf_customer.schema_version", watched.database[1])[0][0]
    await_condition(lambda: ask("HEAD", "/ready").status_code == 200, "HEAD says it, too")
    assert ask("GET", "/ready?x").status_code == 400


PATIENT_SERVER = "TMFCustomerStatementTimeout 1h\nTMFCustomerPoolTimeout 1h\n"


@pytest.mark.mpm
def test_a_frozen_database_is_noticed_and_holds_nobody(start_httpd, own_postgres):
    """Statements may take an hour there: a reply that waited for one would not come."""
    server = start_httpd((own_postgres, own_postgres.create_database("frozen")), server=PATIENT_SERVER, outside=SECTION)
    server.log.allow(AWAY)
    ask = status_of(server)
    await_ready(ask)
    own_postgres.freeze()
    try:
        with ThreadPoolExecutor(16) as pool:
            replies = list(pool.map(lambda _: status_of(server)("GET", "/ready"), range(64)))
        assert all({"database", "schema"} <= failing(reply) for reply in replies)
        assert all("not answered in time" in reply.json()["checks"]["database"]["output"] for reply in replies)
        assert ask("GET", "/live").status_code == 200
    finally:
        own_postgres.thaw()
    await_ready(ask)


@pytest.mark.mpm
def test_a_database_that_is_away_is_noticed(start_httpd, own_postgres):
    server = start_httpd((own_postgres, own_postgres.create_database("away")), outside=SECTION)
    server.log.allow(AWAY)
    ask = status_of(server)
    await_ready(ask)
    own_postgres.stop()
    assert failing(ask("GET", "/ready")) == {"database", "schema"}
    assert ask("GET", "/listeners").json()["code"] == "databaseUnavailable"
    own_postgres.start()
    await_ready(ask)


def test_a_database_that_accepts_and_says_nothing_is_noticed(start_httpd, new_database):
    """Connecting takes as long as connect_timeout says; mod_dbd does that under its own lock."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(100)
        server = start_httpd(new_database(install=False), outside=SECTION, dbd=(
            f'DBDParams "host=127.0.0.1 port={silent.getsockname()[1]} connect_timeout=5 user={RUNTIME} password=secret"'))
        server.log.allow(AWAY + "|AH00045")
        for _ in range(3):
            reply = status_of(server)("GET", "/ready")
            assert {"database", "schema"} <= failing(reply) and "secret" not in reply.text


@pytest.mark.skipif(os.environ.get("TMF_MPM") == "prefork", reason="a child has one request, and a connection for it")
def test_a_pool_without_a_free_connection_is_noticed(start_httpd):
    """One connection, and somebody who waits for a lock has it."""
    server = start_httpd(connections=1, server=PATIENT_SERVER + "TMFCustomerNotify Off\n", outside=SECTION)
    ask = status_of(server)
    made = Api(server.url).create()
    holder = server.database[0].connect(server.database[1])
    holder.autocommit = False
    holder.cursor().execute("SELECT 1 FROM tmf_customer.customer WHERE id = %s FOR UPDATE", (made["id"],))

    def write():
        return Api(server.url).patch(f"/customer/{made['id']}", {"n": 1}).status_code
    with ThreadPoolExecutor(8) as pool:
        writes = [pool.submit(write) for _ in range(8)]
        try:
            await_condition(lambda: failing(ask("GET", "/ready", headers={"Connection": "close"})) == {"database", "schema"},
                            "a child has no connection left")
        finally:
            holder.close()
        assert {write.result() for write in writes} == {200}
    await_ready(ask, notifier="off")


@pytest.mark.parametrize("version, says", [(None, "not set up"), (1000, "version 1000"), (3, "version 3")])
def test_another_schema_is_noticed(start_httpd, new_database, version, says):
    postgres, name = new_database(install=version is not None)
    if version == 1000:
        postgres.execute("INSERT INTO tmf_customer.schema_version (version, serves_from) VALUES (1000, 1000)", name)
    elif version:
        postgres.execute("DELETE FROM tmf_customer.schema_version WHERE version > 3", name)
    server = start_httpd((postgres, name), outside=SECTION)
    server.log.allow("TMF002[34]")
    reply = await_failing(status_of(server), {"schema"})
    assert says in reply.json()["checks"]["schema"]["output"] and value(reply, "schema") == version
    if version:
        return
    postgres.install(name)
    await_ready(status_of(server))


def test_a_schema_that_is_upgraded_below_a_server_is_noticed(start_httpd):
    server = start_httpd(outside=SECTION)
    ask = status_of(server)
    await_ready(ask)
    server.database[0].execute("INSERT INTO tmf_customer.schema_version (version, serves_from) VALUES (1000, 1000)", server.database[1])
    await_failing(ask, {"schema"})  # over old connections, too
    server.log.allow("TMF0024")


def test_a_schema_without_a_version_is_noticed(start_httpd):
    """Over a connection that was set up when it had one (the client's child stays the same), and over new ones."""
    server = start_httpd(outside=SECTION)
    ask = status_of(server)
    await_ready(ask)
    server.database[0].execute("DELETE FROM tmf_customer.schema_version", server.database[1])
    server.log.allow("TMF0024")
    check = await_failing(ask, {"schema"}).json()["checks"]["schema"]
    assert "has no version" in check["output"] and "observedValue" not in check
    server.graceful()
    assert "not set up" in await_failing(status_of(server), {"schema"}).json()["checks"]["schema"]["output"]


def test_a_server_without_a_notifier_is_ready_when_that_is_meant(start_httpd, new_database):
    database = new_database()
    off = start_httpd(database, server="TMFCustomerNotify Off", outside=SECTION)
    await_ready(status_of(off), notifier="off")


def test_a_mistake_that_keeps_events_from_listeners_is_no_off(start_httpd, tmp_path):
    """A restart goes on without what the mistake concerns: nobody notifies then."""
    secrets = tmp_path / "secrets"
    secrets.write_text("")
    server = start_httpd(server=f'TMFCustomerNotifySecrets "{secrets}"\n', outside=SECTION)
    await_ready(status_of(server), notifier="leads")
    secrets.write_text("no secrets")
    before = await_condition(server.generations, "httpd says that it serves")
    os.kill(server.pid(), signal.SIGUSR1)  # past all that looks before
    await_condition(lambda: server.generations() > before and server.accepts(), "the new generation serves")
    server.log.expect("TMF0007")
    server.log.expect("TMF0168")
    await_failing(status_of(server), {"notifier"}, notifier="missing")
    secrets.write_text("")
    server.graceful()
    await_ready(status_of(server))


def test_when_the_child_that_notifies_dies_another_takes_over(start_httpd):
    server = start_httpd(outside=SECTION)
    server.log.allow("exit signal|AH00052|AH00051")

    def is_led():
        try:
            reply = status_of(server)("GET", "/ready", headers={"Connection": "close"})
        except requests.ConnectionError:
            return False  # that child has just died
        return failing(reply) == set() and value(reply, "notifier") == "leads"
    for _ in range(3):
        await_condition(is_led, "one leads")
        for child in server.children():
            os.kill(child, signal.SIGKILL)
    await_condition(is_led, "another one leads")


def test_virtual_hosts_speak_for_themselves(start_httpd, own_postgres):
    """One whose database is away, one whose is there, and one without an API."""
    server = start_httpd()
    lost = own_postgres.create_database("lost")
    server.settings["outside"] = f"""{SECTION}
<VirtualHost 127.0.0.1:{server.port}>
    ServerName localhost
</VirtualHost>
<VirtualHost 127.0.0.1:{server.port}>
    ServerName lost.example
    {server.database_directives((own_postgres, lost))}
    <Location "{BASE}">
        SetHandler tmf-customer
    </Location>
</VirtualHost>"""
    server.write_configuration()
    server.graceful()
    server.log.allow(AWAY)
    own_postgres.stop()
    ask = status_of(server)
    await_ready(ask)
    assert {"database", "schema"} <= failing(ask("GET", "/ready", headers={"Host": "lost.example"}))
    await_ready(ask)


@pytest.mark.parametrize("how", ["stop", "graceful-stop"])
@pytest.mark.mpm
def test_a_server_that_stops_waits_for_no_answer(start_httpd, own_postgres, how):
    server = start_httpd((own_postgres, own_postgres.create_database("stop")), server=PATIENT_SERVER, outside=SECTION)
    server.log.allow(AWAY + "|AH00045")  # a child that is just being connected takes connect_timeout, 2 s
    await_ready(status_of(server))
    own_postgres.freeze()
    try:
        assert failing(status_of(server)("GET", "/ready"))
        server.stop(how)
    finally:
        own_postgres.thaw()
    assert not server.is_running()


# ---- where it may be ----

def test_it_can_lie_below_the_api_with_access_of_its_own(start_httpd):
    server = start_httpd(outside=f'<Location "{BASE}/status">\nSetHandler tmf-customer-status\n</Location>')
    server.log.expect("TMF0164: .*tmf-customer-status lies within")
    assert status_of(server, f"{BASE}/status")("GET", "/live").json() == {"status": "pass"}
    assert Api(server.url).get("/customer").json() == []


def test_it_serves_a_host_without_an_api(start_httpd):
    server = start_httpd(location="SetHandler none")
    server.settings["outside"] = f"""
<VirtualHost 127.0.0.1:{server.port}>
    ServerName localhost
    <Location "{BASE}">
        SetHandler tmf-customer
    </Location>
</VirtualHost>
<VirtualHost 127.0.0.1:{server.port}>
    ServerName second.example
    {SECTION}
</VirtualHost>"""
    server.write_configuration()
    server.graceful()
    ask = status_of(server)
    second = {"Host": "second.example"}
    assert ask("GET", "/live", headers=second).status_code == 200
    await_ready(ask, notifier="none", headers=second)
    assert ask("GET", "/listeners", headers=second).json() == []
