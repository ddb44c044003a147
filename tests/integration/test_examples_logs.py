# SPDX-License-Identifier: Apache-2.0
"""conf/examples/: logs, their rotation, and what systemd may hold Apache to."""
import gzip
import json
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from harness import BASE, await_condition, is_root, working
from harness.client import customer, path_of
from harness.examples import EXAMPLES, adapted, api_of
from harness.httpd import APACHE

pytestmark = pytest.mark.skipif(bool(os.environ.get("TMF_ASAN") or os.environ.get("TMF_VALGRIND")),
                                reason="about other modules, which carry no instruments")


# ---- logs.conf, logrotate, systemd ----

def log_lines(server, name="access.json"):
    return [json.loads(line) for line in (server.root / name).read_text().splitlines()]


def test_who_asked_what(serve, accounts):
    server = serve({"basic-auth.conf": accounts, "logs.conf": {"logs": "."}})
    server.log.allow(r"AH01617|AH01618|AH01631|AH01630|TMF\d+")
    alice, bob, nobody = api_of(server, "alice"), api_of(server, "bob"), api_of(server)
    made = alice.post(customer(name="Secret & Sons"), headers={"X-Correlation-ID": "order-4711"})
    path = path_of(made.json())
    assert bob.get(f"{path}?name=Secret%20%26%20Sons", headers={"X-Request-ID": "r1", "Referer": "http://x/?name=Secret"}).status_code == 200
    bob.delete(path)
    nobody.get("/customer/%C3%A9%22%0A")
    hostile = ('x","status":200,"y":"\\\x7f', "\u00e9\u00fc".encode(), "a" * 500)
    for value in hostile:
        nobody.get(path, headers={"X-Correlation-ID": value, "User-Agent": value})
        nobody.session.auth = (value if isinstance(value, bytes) else value.encode(), b"guessed")
        nobody.get(path)
        nobody.session.auth = None
    alice.get(f"http://127.0.0.1:{server.port}/elsewhere", check=False)
    lines = await_condition(lambda: len(found := log_lines(server)) >= 10 and found, "every request is logged")
    assert len(lines) == 10 and all(line["milliseconds"] >= 0 and line["id"] and line["client"] == "127.0.0.1" for line in lines)
    assert {(line["user"], line["method"], line["path"], line["status"], line["correlation"]) for line in lines} >= {
        ("alice", "POST", f"{BASE}/customer", 201, "order-4711"), ("bob", "GET", BASE + path, 200, "r1"),
        ("bob", "DELETE", BASE + path, 403, "-"), ("-", "GET", f"{BASE}/customer/%C3%A9%22%0A", 401, "-")}
    assert {(line["user"], line["status"], line["correlation"]) for line in lines if line["user"] == "-"} == \
        {("-", 401, "-"), ("-", 400, "-")}  # a control character in a header is a 400
    assert "Secret" not in (server.root / "access.json").read_text()
    refused = next(line for line in lines if line["status"] == 403)
    assert f"[{refused['id']}]" in server.log.text(), "one log leads to the other"


def test_a_team_has_a_log_of_its_own(serve, accounts):
    server = serve({"basic-auth.conf": accounts, "logs.conf": {"logs": ".", "team": "billing"}})
    server.log.allow("AH01617")
    for name in ("alice", "billing", "bob", "billing"):
        assert api_of(server, name).get("/customer").status_code == 200
    guess = api_of(server)
    guess.session.auth = ("billing", "guessed")
    assert guess.get("/customer").status_code == 401
    api_of(server, "billing").get(f"http://127.0.0.1:{server.port}/elsewhere", check=False)
    lines = await_condition(lambda: len(found := log_lines(server)) == 5 and found, "every request is logged")
    assert log_lines(server, "billing.json") == [line for line in lines if line["user"] == "billing"]
    assert sorted(line["user"] for line in lines) == ["-", "alice", "billing", "billing", "bob"]


def test_the_trace_of_a_request(serve):
    server = serve({"logs.conf": {"logs": "."}})
    api_of(server).get("/customer", headers={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    await_condition(lambda: (server.root / "access.json").exists() and log_lines(server), "the request is logged")
    assert "0af7651916cd43dd8448eb211c80319c" in log_lines(server)[0]["trace"]


def rotated(server, name):
    """The text of a log and of all that it was rotated into."""
    return "".join((gzip.open if path.suffix == ".gz" else open)(path, "rt").read() for path in server.root.glob(f"{name}*"))


def test_no_line_is_lost_when_logs_are_rotated(serve, tmp_path):
    if not is_root():
        pytest.skip("needs root: logrotate gives the new files to root and adm")
    server = serve({"logs.conf": {"logs": "."}})
    rotation = tmp_path / "logrotate.conf"
    rotation.write_text(adapted("logrotate", lines={
        "/var/log/customers/": f"{server.root}/",
        "if service apache2 status >/dev/null 2>&1; then service apache2 reload >/dev/null; fi": f"kill -USR1 {server.pid()}"}))
    subprocess.run(["logrotate", "--debug", rotation], check=True, capture_output=True)
    asked = []

    def ask(stop):
        api = api_of(server)
        while not stop.is_set():  # a connection each: a kept one may be closed just when it is used again
            name = f"request-{len(asked)}-{threading.get_ident()}"
            assert api.get("/customer?limit=1", headers={"X-Correlation-ID": name, "Connection": "close"}).status_code == 200
            asked.append(name)
    with working(4, ask):
        for _ in range(2):
            count, children = len(asked), set(server.children())
            await_condition(lambda: len(asked) > count + 50, "requests are under way")
            subprocess.run(["logrotate", "--force", "--state", tmp_path / "state", rotation], check=True)
            await_condition(lambda: not children & set(server.children()) and len(asked) > count + 100, "the new files are in use")
    assert {"access.json", "access.json.1", "access.json.2.gz"} <= {path.name for path in server.root.iterdir()}

    def logged():
        return sorted(json.loads(line)["correlation"] for line in rotated(server, "access.json").splitlines())
    await_condition(lambda: len(logged()) >= len(asked), "the last ones are written")
    assert logged() == sorted(asked)


def test_the_drop_in_of_systemd(tmp_path):
    unit, place = Path("/lib/systemd/system/apache2.service"), tmp_path / "apache2.service.d"
    if not unit.exists() or not shutil.which("systemd-analyze"):
        pytest.skip("needs Debian's apache2.service and systemd-analyze")
    place.mkdir()
    shutil.copy(unit, tmp_path)
    shutil.copy(EXAMPLES / "systemd" / "customers.conf", place)
    for command in ["verify", "--man=no", "--recursive-errors=no"], ["security", "--offline=true", "--threshold=50"]:
        done = subprocess.run(["systemd-analyze", *command, tmp_path / "apache2.service"], capture_output=True, text=True,
                              env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"})
        assert done.returncode == 0 and "customers.conf" not in done.stderr, done.stdout + done.stderr


def test_the_capabilities_of_the_drop_in_are_enough(start_httpd):
    if not is_root():
        pytest.skip("needs root, as Debian's Apache does")
    [names] = re.findall(r"^CapabilityBoundingSet=(.*)$", (EXAMPLES / "systemd" / "customers.conf").read_text(), re.MULTILINE)
    kept = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in names.split())
    server = start_httpd()
    api = api_of(server)
    path = path_of(api.create())
    server.stop()
    subprocess.run(["setpriv", "--bounding-set", f"-all,{kept}", "--no-new-privs", APACHE, "-f", server.root / "httpd.conf", "-k", "start"],
                   check=True, env=server.environment())
    await_condition(server.accepts, "httpd serves")
    assert api.get(path).status_code == 200
    server.graceful()
    assert api.patch(path, {"status": "x"}).status_code == 200
