# SPDX-License-Identifier: Apache-2.0
"""conf/examples/: proxies in front, and our side of them."""
import contextlib
import os
import socket
import subprocess

import pytest

from harness import BASE, PATIENCE, await_condition, is_root
from harness.client import Api, customer, path_of
from harness.examples import adapted, code_of, curl, example, modules_of, readable
from harness.httpd import free_port

pytestmark = pytest.mark.skipif(bool(os.environ.get("TMF_ASAN") or os.environ.get("TMF_VALGRIND")),
                                reason="about other modules, which carry no instruments")


# ---- remoteip.conf behind each of the proxies ----

@contextlib.contextmanager
def running(command, answers):
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        await_condition(lambda: process.poll() is not None or answers(), f"{command[0]} serves")
        assert process.poll() is None, process.stdout.read()
        yield
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def behind_apache(server, start_httpd, certificates, place):
    front = start_httpd(database=server.database, server=modules_of("behind-mod_proxy.conf"), location="SetHandler none",
                        outside=example("behind-mod_proxy.conf", backend=f"http://127.0.0.1:{server.port}"))
    front.log.allow("proxy(_http)?:error")
    yield front.url


@contextlib.contextmanager
def behind_nginx(server, start_httpd, certificates, place):
    port = free_port()
    inside = adapted("nginx.conf", lines={
        "10.0.0.5:80": f"127.0.0.1:{server.port}", "listen 443 ssl": f"listen 127.0.0.1:{port} ssl", "api.example.com": "localhost",
        "/etc/nginx/customers.pem": certificates / "server.pem", "/etc/nginx/customers.key": certificates / "server.key",
        "rate=50r/s": "rate=1r/m"})
    (place / "nginx.conf").write_text(f"""
        daemon off;
        pid {place}/pid;
        error_log {place}/error.log;
        {"user www-data;" if is_root() else ""}
        events {{ }}
        http {{
            access_log off;
            {" ".join(f"{kind}_temp_path {place}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))}
            {inside}
        }}""")
    with running(["/usr/sbin/nginx", "-c", place / "nginx.conf", "-p", place, "-e", place / "error.log"], lambda: listens(port)):
        yield f"https://localhost:{port}{BASE}"


@contextlib.contextmanager
def behind_haproxy(server, start_httpd, certificates, place):
    port = free_port()
    (place / "both.pem").write_text((certificates / "server.pem").read_text() + (certificates / "server.key").read_text())
    (place / "haproxy.cfg").write_text(adapted("haproxy.cfg", lines={
        "10.0.0.5:80": f"127.0.0.1:{server.port}", "10.0.0.6:80": f"127.0.0.1:{free_port()}", "bind :443": f"bind 127.0.0.1:{port}",
        "/etc/haproxy/customers.pem": place / "both.pem", "gt 500": "gt 100"}))
    with running(["/usr/sbin/haproxy", "-db", "-f", place / "haproxy.cfg"], lambda: listens(port)):
        yield f"https://localhost:{port}{BASE}"


FRONTS = {"behind-mod_proxy.conf": behind_apache, "nginx.conf": behind_nginx, "haproxy.cfg": behind_haproxy}
PUBLIC = f"https://api.example.com{BASE}"


@pytest.mark.parametrize("front", FRONTS)
def test_behind_a_proxy(front, serve, start_httpd, certificates, accounts, tmp_path):
    server = serve({"basic-auth.conf": accounts, "remoteip.conf": {}, "status.conf": {"operators": accounts["passwords"]}},
                   outside='LogFormat "%a %{c}a %{X-Forwarded-For}i %u %m %>s" client\nCustomLog access.log client\n')
    server.log.allow("AH01630|AH01631|AH01617")
    with FRONTS[front](server, start_httpd, certificates, readable(tmp_path)) as url:
        api = Api(url)
        api.session.verify, api.session.auth = certificates / "server.pem", ("alice", "secret of alice")
        made = api.post(customer(name="a,b"))
        assert made.status_code == 201 and made.json()["href"] == made.headers["Location"] == PUBLIC + path_of(made.json())
        assert [one["name"] for one in api.get("/customer?name=a%2Cb&limit=10").json()] == ["a,b"]
        assert code_of(api.get("/customer/none")) == (404, "notFound") and code_of(api.get("/nothing")) == (404, "notFound")
        assert len(api.get(path_of(made.json()), headers={"Range": "bytes=0-3"}).content) == len(made.content)
        assert code_of(api.post("[" + " " * 1100000)) == (413, "bodyTooLarge")
        api.session.auth = None
        refused = api.get("/customer")
        assert code_of(refused) == (401, "unauthorized") and "WWW-Authenticate" in refused.headers
        ask = ["--output", "/dev/null", "--user", "bob:secret of bob", "--cacert", certificates / "server.pem",
               "--header", "X-Forwarded-For: 192.0.2.66", "--write-out", "%{http_code}"]
        assert curl(*ask, "--interface", "127.0.0.7", f"{url}/customer") == "200"
        assert curl(*ask, "--interface", "127.0.0.8", f"{server.url}/customer") == "200"
        lines = await_condition(lambda: (found := (server.root / "access.log").read_text().splitlines()) and
                                any(line.startswith("127.0.0.8 ") for line in found) and found, "both are logged")
        assert "127.0.0.7 127.0.0.1 - bob GET 200" in lines, "the client's own address, whatever it says"
        assert "127.0.0.8 127.0.0.8 192.0.2.66 bob GET 200" in lines, "only the proxy is believed"
        if front != "behind-mod_proxy.conf":
            replies = [api.get("/nothing") for _ in range(120)]
            assert code_of(replies[-1]) == (429, "tooManyRequests") and int(replies[-1].headers["Retry-After"]) > 0
            return
        server.stop()
        away = api.get("/customer")
        assert code_of(away) == (503, "serverError") and away.headers["Retry-After"] == "2"


@pytest.mark.parametrize("front", ["nginx.conf", "haproxy.cfg"])
def test_a_proxy_with_nothing_behind(front, start_httpd, certificates, tmp_path):
    class Nothing:
        port = free_port()
    with FRONTS[front](Nothing, start_httpd, certificates, readable(tmp_path)) as url:
        api = Api(url)
        api.session.verify = certificates / "server.pem"
        away = api.get("/customer")
        assert code_of(away) == (503, "serverError") and away.headers["Retry-After"] == "2"
