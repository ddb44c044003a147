# SPDX-License-Identifier: Apache-2.0
"""conf/examples/: certificates and tokens as users, and HTTP/2."""
import base64
import json
import os
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from harness import BASE, await_condition
from harness.client import Api, customer, path_of
from harness.examples import api_of, code_of, curl
from harness.httpd import free_port

pytestmark = pytest.mark.skipif(bool(os.environ.get("TMF_ASAN") or os.environ.get("TMF_VALGRIND")),
                                reason="about other modules, which carry no instruments")


# ---- client-certificates.conf, http2.conf ----

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
    assert api.get(path, headers=bearer(issuer.token(exp=None))).status_code == 200, "as the example says"
    server.graceful()
    assert api.get(path, headers=reads).status_code == 200
