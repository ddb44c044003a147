# SPDX-License-Identifier: Apache-2.0
"""conf/examples/: each file as it is shipped, in a server that is started and asked."""
import os
import re
import subprocess
from pathlib import Path

import pytest
import requests

from harness import BASE, PROJECT, await_condition
from harness.client import REPLY, Api, check_error, customer, path_of
from harness.httpd import free_port

EXAMPLES = PROJECT / "conf" / "examples"
AVAILABLE = Path("/etc/apache2/mods-available")
IN_HARNESS = {"authz_core", "dbd", "mpm_event", "mpm_worker", "mpm_prefork"}
OWN_LINES = {"pcre"}  # the example says what is to stand in it

pytestmark = [pytest.mark.xdist_group("examples"),
              pytest.mark.skipif(bool(os.environ.get("TMF_ASAN") or os.environ.get("TMF_VALGRIND")),
                                 reason="about other modules, which carry no instruments")]


def with_dependencies(modules):
    """In the order in which they are to be loaded: a2enmod follows the same lines."""
    ordered = []
    for module in modules:
        if module in OWN_LINES:
            continue
        needs = re.search(r"^# Depends:(.*)$", (AVAILABLE / f"{module}.load").read_text(), re.MULTILINE)
        for one in [*with_dependencies(needs.group(1).split() if needs else []), module]:
            if one not in ordered:
                ordered.append(one)
    return ordered


def example(name, **defines):
    """Directives that include the file as it is; `defines` are the variables at its head, without CUSTOMER_."""
    text = (EXAMPLES / name).read_text()
    unknown = [key for key in defines if f"<IfDefine !CUSTOMER_{key.upper()}>" not in text]
    assert not unknown, f"{name} has no {unknown}"
    values = "".join(f'Define CUSTOMER_{key.upper()} "{value}"\n' for key, value in defines.items())
    return f'{values}Include "{EXAMPLES / name}"\n'


def modules_of(*names):
    """Debian's own lines for the modules that the examples say to enable, and no others."""
    enabled = [module for name in names
               for line in re.findall(r"^# +a2enmod (.*)$", (EXAMPLES / name).read_text(), re.MULTILINE)
               for module in line.split()]
    files = [AVAILABLE / f"{module}{kind}" for module in with_dependencies(enabled) for kind in (".load", ".conf")
             if module not in IN_HARNESS]
    return "Define APACHE_RUN_DIR .\n" + "".join(f"Include {file}\n" for file in files if file.exists())


@pytest.fixture
def serve(start_httpd):
    """serve({"a.conf": {"variable": value}}) starts an httpd with these examples, in this order."""
    def start(examples, **settings):
        loads = settings.pop("server", "") + modules_of(*examples)
        included = "".join(example(name, **defines) for name, defines in examples.items())
        return start_httpd(server=loads, outside=settings.pop("outside", "") + included, **settings)
    return start


def api_of(server, name=None):
    api = Api(server.url)
    api.session.auth = name and (name, f"secret of {name}")
    return api


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    """The variables of basic-auth.conf: alice writes, bob reads."""
    directory = tmp_path_factory.mktemp("accounts")
    for path in [directory, *directory.parents[:2]]:
        path.chmod(0o755)
    for name, flags in [("alice", "-cbB"), ("bob", "-bB"), ("eve", "-bB")]:
        subprocess.run(["htpasswd", flags, directory / "passwords", name, f"secret of {name}"], check=True, capture_output=True)
    (directory / "groups").write_text("writers: alice\nreaders: bob\n")
    return {"passwords": directory / "passwords", "groups": directory / "groups"}


def curl(*arguments):
    return subprocess.run(["curl", "-sS", "--globoff", *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def code_of(response):
    if response.status_code >= 400:
        check_error(response)
        return response.status_code, response.json()["code"]
    return response.status_code


# ---- basic-auth.conf, cors.conf ----

def test_readers_read_and_writers_write(serve, accounts):
    server = serve({"basic-auth.conf": accounts})
    server.log.allow("AH01617|AH01618|AH01630|AH01631")
    writer, reader, stranger, nobody = (api_of(server, name) for name in ("alice", "bob", "eve", None))
    path = path_of(writer.create())
    assert reader.get(path).status_code == 200 and reader.get("/customer").status_code == 200
    for change in [reader.post(customer()), reader.patch(path, {"name": "x"}), reader.delete(path),
                   reader.post({"callback": "https://listener.example/"}, "/hub")]:
        assert code_of(change) == (403, "forbidden")
    assert code_of(stranger.get(path)) == (403, "forbidden")
    assert code_of(nobody.get(path)) == (401, "unauthorized")
    reader.session.auth = ("bob", "guessed")
    refused = reader.get(path)
    assert code_of(refused) == (401, "unauthorized") and refused.headers["WWW-Authenticate"] == 'Basic realm="Customers"'
    assert writer.delete(path).status_code == 204


PAGE = "https://desk.example.com"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "PATCH",
             "Access-Control-Request-Headers": "authorization,content-type,if-match"}


def words(header):
    return set(re.split(r"\s*,\s*", header.lower()))


def test_pages_of_other_origins(serve, accounts):
    server = serve({"basic-auth.conf": accounts, "cors.conf": {}})
    server.log.allow("AH01617|AH01631|AH01630")
    nobody, writer = api_of(server), api_of(server, "alice")
    path = path_of(writer.create())
    for at in [path, "/customer", "/hub"]:
        asked = nobody.request("OPTIONS", at, headers=PREFLIGHT)
        assert asked.status_code == 204 and asked.headers["Access-Control-Allow-Origin"] == PAGE
        assert "patch" in words(asked.headers["Access-Control-Allow-Methods"])
        assert {"authorization", "content-type", "if-match", "if-none-match", "idempotency-key", "traceparent"} <= \
            words(asked.headers["Access-Control-Allow-Headers"])
        assert asked.headers["Access-Control-Max-Age"] == "600"
    from_page = {"Origin": PAGE}
    for reply in [writer.get(path, headers=from_page), writer.get("/customer?limit=1", headers=from_page),
                  nobody.get(path, headers=from_page), writer.get("/customer/none", headers=from_page),
                  writer.patch(path, {}, headers={**from_page, "If-Match": '"stale"'})]:
        assert reply.headers["Access-Control-Allow-Origin"] == PAGE and "origin" in words(reply.headers["Vary"])
        assert {"etag", "link", "location", "x-total-count", "x-result-count", "retry-after"} <= \
            words(reply.headers["Access-Control-Expose-Headers"])
        assert "Access-Control-Allow-Methods" not in reply.headers
    assert nobody.get(path, headers=from_page).status_code == 401
    assert api_of(server, "bob").delete(path, headers=from_page).status_code == 403


    for origin in ["https://desk.example.com.evil.example", "https://evil.example", "null", "http://desk.example.com",
                   "https://deskXexample.com", None]:
        reply = nobody.request("OPTIONS", "/customer", headers={**PREFLIGHT, "Origin": origin})
        assert reply.status_code == 204
        assert not [name for name in reply.headers if name.lower().startswith("access-control-")], origin


# ---- rate-limit.conf ----

[LOAD_PCRE] = re.findall(r"echo '(.*)' >/etc/apache2/mods-available/pcre.load", (EXAMPLES / "rate-limit.conf").read_text())


def test_a_client_that_asks_too_often_waits(serve):
    server = serve({"rate-limit.conf": {"rate_requests": 10, "rate_seconds": 600}}, server=LOAD_PCRE + "\n")
    server.log.expect("mod_qos.*access denied")
    api = api_of(server)
    replies = [api.get("/customer/none") for _ in range(5)] + [api.get(server.url.replace("/v4", "//v4") + "//customer") for _ in range(8)]
    statuses = [reply.status_code for reply in replies]
    assert statuses[:9] == [404] * 5 + [200] * 4 and statuses[-2:] == [429, 429], statuses
    assert code_of(replies[-1]) == (429, "tooManyRequests")
    assert 0 < int(replies[-1].headers["Retry-After"]) <= 600
    assert code_of(api.post(customer())) == (429, "tooManyRequests")
    assert api.get(f"http://127.0.0.1:{server.port}/", check=False).status_code in (403, 404)


# ---- client-certificates.conf, http2.conf ----

def openssl(*arguments, **options):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, **options)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """server.pem and authority.pem, and clients' certificates NAME.pem; each key lies beside it."""
    place = tmp_path_factory.mktemp("certificates")

    def self_signed(name, subject, *extensions):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj", subject,
                "-keyout", place / f"{name}.key", "-out", place / f"{name}.pem", *extensions)

    self_signed("server", "/CN=localhost", "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=DNS:localhost")
    self_signed("authority", "/O=Example/CN=Authority of clients")
    for name, unit in [("billing", "writers"), ("sales", "writers"), ("reports", "readers")]:
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/O=Example/OU={unit}/CN={name}",
                "-keyout", place / f"{name}.key", "-out", place / f"{name}.csr")
        openssl("x509", "-req", "-in", place / f"{name}.csr", "-CA", place / "authority.pem", "-CAkey", place / "authority.key",
                "-days", 2, "-out", place / f"{name}.pem")
    self_signed("stranger", "/O=Example/OU=writers/CN=billing")
    return place


@pytest.fixture
def tls(serve, certificates):
    """(server, a client with this certificate or none)"""
    port = free_port()
    server = serve({"client-certificates.conf": {"host": "localhost", "tls_address": f"127.0.0.1:{port}", "certificates": certificates},
                    "http2.conf": {}},
                   outside=f'Listen 127.0.0.1:{port}\nLogFormat "%u %m %s" user\nCustomLog access.log user\n')
    server.log.allow("AH01882")  # the test machine's OpenSSL is older than the one that mod_ssl was built with

    def client(name):
        api = Api(f"https://localhost:{port}{BASE}")
        api.session.verify = certificates / "server.pem"
        api.session.cert = name and (certificates / f"{name}.pem", certificates / f"{name}.key")
        return api
    return server, client


def test_certificates_are_users(tls):
    server, client = tls
    server.log.expect("AH02227")  # who came without a certificate has no name
    server.log.allow("AH01630|AH0203[29]|AH02276|AH02261|SSL Library Error")
    writer, reader = client("billing"), client("reports")
    key = {"Idempotency-Key": "one"}
    made = writer.post(customer(), headers=key)
    assert made.status_code == 201 and "private" in made.headers["Cache-Control"]
    assert reader.get(path_of(made.json())).status_code == 200
    assert code_of(reader.post(customer())) == (403, "forbidden")
    assert code_of(client(None).get("/customer")) == (403, "forbidden")
    with pytest.raises(requests.exceptions.ConnectionError):
        client("stranger").get("/customer")
    assert writer.post(customer(), headers=key).json()["id"] == made.json()["id"]
    assert client("sales").post(customer(), headers=key).json()["id"] != made.json()["id"], "a key is one user's"
    await_condition(lambda: {"billing POST 201", "reports GET 200", "- GET 403"} <= set((server.root / "access.log").read_text().splitlines()),
                    "the access log names them")


def test_http2(tls, certificates):
    _, client = tls
    api = client("billing")
    paths = [path_of(api.create(n=i)) for i in range(20)]
    replies = curl("--parallel", "--http2", "--cert", certificates / "billing.pem", "--key", certificates / "billing.key",
                   "--cacert", certificates / "server.pem", "--write-out", "%{http_version} %{http_code}\\n",
                   *[part for path in paths for part in ("--output", "/dev/null", api.url + path)])
    assert replies.split("\n")[:-1] == ["2 200"] * len(paths)
