# SPDX-License-Identifier: Apache-2.0
"""conf/examples/: each file as it is shipped, in a server that is started and asked."""
import base64
import contextlib
import gzip
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from harness import BASE, PATIENCE, PROJECT, await_condition, is_root, working
from harness.client import JSON, JSON_PATCH, JSON_PATCH_QUERY, MERGE, Api, check_error, customer, path_of
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
             if module not in IN_HARNESS and f"{module}{kind}" != "security2.conf"]
    return "Define APACHE_RUN_DIR .\n" + "".join(f"Include {file}\n" for file in files if file.exists())


@pytest.fixture
def serve(start_httpd):
    """serve({"a.conf": {"variable": value}}) starts an httpd with these examples, in this order."""
    def start(examples, **settings):
        loads = settings.pop("server", "") + modules_of(*examples)
        included = "".join(example(name, **defines) for name, defines in examples.items())
        return start_httpd(server=loads, outside=settings.pop("outside", "") + included + settings.pop("below", ""), **settings)
    return start


def api_of(server, name=None):
    api = Api(server.url)
    api.session.auth = name and (name, f"secret of {name}")
    return api


def readable(directory):
    """Also for httpd, which is another user."""
    for path in [directory, *directory.parents[:2]]:
        path.chmod(0o755)
    return directory


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    """The variables of basic-auth.conf: alice writes, bob reads."""
    directory = readable(tmp_path_factory.mktemp("accounts"))
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
    place = readable(tmp_path_factory.mktemp("certificates"))

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


# ---- openid-connect.conf ----

class Issuer:
    """An OpenID Connect provider, as far as a server of resources sees one: the keys that it signs with."""

    def __init__(self, certificates):
        self.key, self.name = rsa.generate_private_key(65537, 2048), "https://login.example.com/realms/crm"
        issuer = self

        class Keys(BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps({"keys": [issuer.public_key()]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.keys_url = f"https://localhost:{self.server.server_port}/keys"

    def public_key(self):
        numbers = self.key.public_key().public_numbers()
        return {"kty": "RSA", "kid": "one", "alg": "RS256", "use": "sig",
                "n": base64url(numbers.n.to_bytes(256, "big")), "e": base64url(numbers.e.to_bytes(3, "big"))}

    def token(self, key=None, algorithm="RS256", **claims):
        """None takes a claim away; key: another one than the issuer's."""
        claims = {"iss": self.name, "aud": "customers", "sub": "0815", "preferred_username": "alice", "iat": int(time.time()),
                  "exp": int(time.time()) + 3600, "scope": "openid customers:read", **claims}
        parts = [{"alg": algorithm, "kid": "one"}, {name: value for name, value in claims.items() if value is not None}]
        signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
        signature = b"" if algorithm == "none" else (key or self.key).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64url(signature)}"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_tokens_of_a_provider(serve, certificates):
    issuer = Issuer(certificates)
    server = serve({"openid-connect.conf": {"issuer": issuer.name, "issuer_keys": issuer.keys_url}},
                   outside=f'OIDCCABundlePath "{certificates}/server.pem"\nLogFormat "%u %m %s" user\nCustomLog access.log user\n')
    server.log.expect("OAuth 2.0 Resource Server functionality is deprecated")
    server.log.allow("auth_openidc:(warn|error)|AH01630|AH01631|AH01617")
    api = api_of(server)
    writes, reads = (bearer(issuer.token(scope=scope, preferred_username=name)) for scope, name in
                     [("customers:write openid", "alice"), ("openid customers:read", "bob")])
    made = api.post(customer(), headers=writes)
    assert made.status_code == 201
    assert made.status_code == 201
    path = path_of(made.json())
    assert api.get(path, headers=reads).status_code == 200
    assert code_of(api.patch(path, {"name": "x"}, headers=reads)) == (403, "forbidden")
    await_condition(lambda: {"alice POST 201", "bob GET 200", "bob PATCH 403"} <= set((server.root / "access.log").read_text().splitlines()),
                    "the access log names them")
    nobody = api.get(path)
    assert code_of(nobody) == (401, "unauthorized") and nobody.headers["WWW-Authenticate"].startswith("Bearer")
    another = rsa.generate_private_key(65537, 2048)
    for refused in [issuer.token(exp=int(time.time()) - 60), issuer.token(key=another), issuer.token(algorithm="none"),
                    issuer.token()[:-8], "nonsense"]:
        reply = api.get(path, headers=bearer(refused))
        assert code_of(reply) == (401, "unauthorized") and reply.headers["WWW-Authenticate"].startswith("Bearer"), refused
    for refused in [issuer.token(iss="https://login.example.com/realms/other"), issuer.token(aud="elsewhere"), issuer.token(aud=None),
                    issuer.token(scope="customers:readers"), issuer.token(scope=None)]:
        assert code_of(api.get(path, headers=bearer(refused))) == (403, "forbidden"), refused
    assert api.get(path, headers=bearer(issuer.token(aud=["account", "customers"]))).status_code == 200
    assert code_of(api.get(f"{path}?access_token={issuer.token()}")) == (401, "unauthorized")
    server.graceful()
    assert api.get(path, headers=reads).status_code == 200


# ---- mod-security.conf ----

USUAL = [{}, {"name": "O'Brien & Söhne, <b>Ltd</b>; DROP it"}, {"name": "SELECT Hotels GmbH -- from A to B"},
         {"website": "https://moon.example/?a=1&b=%2F"}, {"note": "50 % off, 3 < 4 (and $5)"}]
QUERIES = re.findall(r'"\$B(/customer\?[^"]*)"', (PROJECT / "src" / "api" / "README.md").read_text())
ATTACKS = ["/customer?name=<script>alert(document.cookie)</script>", "/customer?name=../../../../etc/passwd",
           "/customer?name=;cat%20/etc/passwd", "/customer/..%5C..%5Cwindows%5Cwin.ini?x=1"]


@pytest.fixture
def behind_rules(serve, tmp_path):
    """The example stands in /etc/modsecurity, which Debian's security2.conf includes before the rules."""
    readable(tmp_path).chmod(0o777)
    server = serve({"mod-security.conf": {}}, below=f'SecDataDir "{tmp_path}"\nInclude /usr/share/modsecurity-crs/owasp-crs.load\n')
    api = Api(server.url.replace("127.0.0.1", "localhost"))  # an address for a name counts as odd
    return server, api


def test_the_owasp_rules_let_the_api_be_used(behind_rules):
    server, api = behind_rules
    server.log.expect("JSON parser error")
    server.log.allow("JSON parsing error|Request content type is not allowed|Anomaly Score Exceeded")
    for members in USUAL:
        assert api.post(customer(**members)).status_code == 201, members
    path = path_of(api.create(contactMedium=[{"mediumType": "email", "preferred": False, "characteristic": {"emailAddress": "a@b.example"}}]))
    assert api.patch(path, {"status": "x"}).status_code == 200
    assert api.patch(path, [{"op": "add", "path": "/contactMedium/-", "value": {"mediumType": "phone", "characteristic": {}}}],
                     JSON_PATCH).status_code == 200
    assert api.patch(path, [{"op": "replace", "path": "/contactMedium/preferred?mediumType=email", "value": True}],
                     JSON_PATCH_QUERY).status_code == 200
    assert api.put(path, customer(), headers={"If-Match": api.get(path).headers["ETag"]}).status_code == 200
    assert api.post({"callback": "https://listener.example/a?b=c", "query": "eventType=CustomerCreateEvent&status.ne=x"}, "/hub").status_code == 201
    assert len(QUERIES) > 15
    for query in QUERIES:
        assert api.get(query.replace("\\$", "$")).status_code in (200, 206), query
    for wrong in ["nonsense", "[1,]", '{"a" 1}', "{}{}"]:
        assert code_of(api.post(wrong)) == (400, "malformedJson"), "the API says it better"
    assert code_of(api.post('{"name":')) == (500, "internalError"), "mod_security 2.9 has this of its own"
    assert code_of(api.post(customer(), content_type="text/xml")) == (403, "forbidden")
    assert api.delete(path).status_code == 204


def test_what_the_owasp_rules_refuse_is_a_tmf_error(behind_rules):
    server, api = behind_rules
    server.log.expect("ModSecurity: Access denied with code 403")
    server.log.allow("ModSecurity")
    for attack in ATTACKS:
        assert code_of(api.get(attack)) == (403, "forbidden"), attack
    path = path_of(api.create())
    for content_type in [JSON, MERGE]:
        assert code_of(api.patch(path, {"note": "<script>alert(1)</script>"}, content_type)) == (403, "forbidden"), "bodies are read"
    assert api.get(path).json().get("note") is None


# ---- compression.conf ----

def test_replies_are_smaller(serve):
    api = api_of(serve({"compression.conf": {}}))
    path = path_of(api.create(note="moon " * 400))
    plain = api.get(path, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    for accepted, used in [("gzip", "gzip"), ("br", "br"), ("gzip, br", "br")]:
        reply = api.get(path, headers={"Accept-Encoding": accepted}, stream=True, check=False)
        sent = reply.raw.read()
        assert reply.headers["Content-Encoding"] == used and len(sent) < len(plain.content) / 4
        assert "accept-encoding" in words(reply.headers["Vary"])
        tag = reply.headers["ETag"]
        assert api.get(path, headers={"Accept-Encoding": accepted, "If-None-Match": tag}).status_code == 304
        changed = api.patch(path, {"by": used + accepted}, headers={"If-Match": tag})
        assert changed.status_code == 200 and changed.headers["ETag"] != tag
        assert api.patch(path, {"by": "late"}, headers={"If-Match": tag}).status_code == 412


# ---- remoteip.conf behind each of the proxies ----

def adapted(name, **changes):
    """The text of a file whose program knows no variables, with what is a machine's own changed."""
    text = (EXAMPLES / name).read_text()
    for old, new in changes.pop("lines").items():
        assert old in text, f"{name} has no {old}"
        text = text.replace(old, str(new))
    return text


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
        "/etc/haproxy/customers.pem": place / "both.pem", "gt 500": "gt 100", "/tmf-customer-status/ready": "/tmf-customer-status/live"}))
    with running(["/usr/sbin/haproxy", "-db", "-f", place / "haproxy.cfg"], lambda: listens(port)):
        yield f"https://localhost:{port}{BASE}"


FRONTS = {"behind-mod_proxy.conf": behind_apache, "nginx.conf": behind_nginx, "haproxy.cfg": behind_haproxy}
PUBLIC = f"https://api.example.com{BASE}"


@pytest.mark.parametrize("front", FRONTS)
def test_behind_a_proxy(front, serve, start_httpd, certificates, accounts, tmp_path):
    server = serve({"basic-auth.conf": accounts, "remoteip.conf": {}, "status.conf": {"operators": accounts["passwords"]}},
                   outside='LogFormat "%a %{c}a %u %m %>s" client\nCustomLog access.log client\n')
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
        assert "127.0.0.7 127.0.0.1 bob GET 200" in lines, "the client's own address, whatever it says"
        assert "127.0.0.8 127.0.0.8 bob GET 200" in lines, "only the proxy is believed"
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


# ---- logs.conf, logrotate, systemd ----

def log_lines(server):
    return [json.loads(line) for line in (server.root / "access.json").read_text().splitlines()]


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
    assert [(line["user"], line["method"], line["path"], line["status"], line["correlation"]) for line in lines[:4]] == [
        ("alice", "POST", f"{BASE}/customer", 201, "order-4711"), ("bob", "GET", BASE + path, 200, "r1"),
        ("bob", "DELETE", BASE + path, 403, "-"), ("-", "GET", f"{BASE}/customer/%C3%A9%22%0A", 401, "-")]
    assert {(line["user"], line["status"], line["correlation"]) for line in lines[4:]} == \
        {("-", 401, "-"), ("-", 400, "-")}  # a control character in a header is a 400
    assert "Secret" not in (server.root / "access.json").read_text()
    refused = next(line for line in lines if line["status"] == 403)
    assert f"[{refused['id']}]" in server.log.text(), "one log leads to the other"


def rotated(server, name):
    """The text of a log and of all that it was rotated into."""
    return "".join((gzip.open if path.suffix == ".gz" else open)(path, "rt").read() for path in server.root.glob(f"{name}*"))


def generations(server):
    return rotated(server, "error.log").count("resuming normal operations")


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
        while not stop.is_set():
            name = f"request-{len(asked)}-{threading.get_ident()}"
            asked.append(name)
            assert api.get("/customer?limit=1", headers={"X-Correlation-ID": name}).status_code == 200
    with working(4, ask):
        for turn in range(2):
            before, count = generations(server), len(asked)
            await_condition(lambda: len(asked) > count + 50, "requests are under way")
            subprocess.run(["logrotate", "--force", "--state", tmp_path / "state", rotation], check=True)
            await_condition(lambda: generations(server) > before and len(asked) > count + 100, "the new files are in use")
    assert {"access.json", "access.json.1", "access.json.2.gz"} <= {path.name for path in server.root.iterdir()}

    def logged():
        return sorted(json.loads(line)["correlation"] for line in rotated(server, "access.json").splitlines())
    await_condition(lambda: len(logged()) >= len(asked), "the last ones are written", 30)
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
    subprocess.run(["setpriv", "--bounding-set", f"-all,{kept}", "--no-new-privs", "/usr/sbin/apache2", "-f", server.root / "httpd.conf", "-k", "start"],
                   check=True, env=server.environment())
    await_condition(server.accepts, "httpd serves")
    assert api.get(path).status_code == 200
    server.graceful()
    assert api.patch(path, {"status": "x"}).status_code == 200


def test_the_way_to_include_them(start_httpd):
    """As the README of the examples has it, but for the place."""
    [lines] = re.findall(r"^```apache\n(.*?)^```", (EXAMPLES / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    installed = "/usr/local/share/mod_tmf_customer/examples"
    assert installed in lines
    api = api_of(start_httpd(server=modules_of("basic-auth.conf", "cors.conf"), outside=lines.replace(installed, str(EXAMPLES))))
    assert api.request("OPTIONS", "/customer", headers=PREFLIGHT).headers["Access-Control-Allow-Origin"] == PAGE
    other = api.request("OPTIONS", "/customer", headers={**PREFLIGHT, "Origin": "https://portal.example.com"})
    assert "Access-Control-Allow-Origin" not in other.headers, "what is defined before wins"


def test_every_example_is_tried():
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    shipped = [path for path in EXAMPLES.rglob("*") if path.is_file() and path.name != "README.md"]
    assert len(shipped) > 12
    assert not [path for path in shipped if path.name not in tests]
    readme = (EXAMPLES / "README.md").read_text()
    assert not [path for path in shipped if path.parent == EXAMPLES and f"]({path.name})" not in readme]


# ---- status.conf ----

def test_who_may_see_and_act(serve, accounts):
    server = serve({"status.conf": {"operators": accounts["passwords"], "monitors": "127.0.0.1"}})
    server.log.allow("AH01617|AH01630|AH01631|AH01797")
    status = f"http://127.0.0.1:{server.port}/tmf-customer-status"
    monitor, operator = api_of(server), api_of(server, "alice")
    act = f"{status}/listeners/none/enable"
    assert monitor.get(f"{status}/live", check=False).status_code == 200
    assert monitor.get(f"{status}/listeners/none", check=False).status_code == 404
    assert code_of(monitor.post({}, act)) == (401, "unauthorized")
    assert code_of(operator.post({}, act)) == (404, "notFound")
    assert code_of(operator.post({}, act, headers={"Sec-Fetch-Site": "cross-site"})) in [(401, "unauthorized"), (403, "forbidden")]
    elsewhere = ["--interface", "127.0.0.7", "--output", "/dev/null", "--write-out", "%{http_code}"]
    assert curl(*elsewhere, f"{status}/live") == "200"
    assert curl(*elsewhere, "--request", "POST", f"{status}/live") in ("401", "403")
    assert curl(*elsewhere, f"{status}/metrics") == curl(*elsewhere, f"{status}/listeners") == curl(*elsewhere, status) == "401"
    assert curl(*elsewhere, "--user", "bob:secret of bob", f"{status}/live/nothing") == "404"
