# SPDX-License-Identifier: Apache-2.0
"""What the handler tmf-customer-status answers (src/api/README.md §8)."""
import json

import pytest

from harness import BASE
from harness.client import Api, Raw, check_error, split_reply

S = "/tmf-customer-status"
SECTION = f'<Location "{S}">\nSetHandler tmf-customer-status\nRequire all granted\n</Location>\n'
HEALTH = "application/health+json"


@pytest.fixture(scope="module")
def watched_server(postgres):
    """One that all tests of this file share."""
    from harness.httpd import Httpd
    server = Httpd((postgres, postgres.create_database("status")), outside=SECTION).start()
    yield server
    server.remove()


@pytest.fixture
def watched(watched_server, postgres):
    from conftest import finish
    yield watched_server
    finish(watched_server, postgres)


@pytest.fixture
def ask(watched):
    return status_of(watched)


def status_of(server, path=S):
    """A client for what is below `path`; errors are looked at."""
    api = Api(f"http://127.0.0.1:{server.port}{path}")

    def request(method, below="", **options):
        response = api.request(method, below, check=False, **options)
        if response.status_code >= 400:
            check_error(response, method == "HEAD")
        assert response.headers["Accept-Ranges"] == "none"
        return response
    return request


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
    server.log.allow("AH01630|AH01617|AH01618")
    reply = status_of(server)("GET", "/live")
    assert reply.status_code == 401 and reply.json()["code"] == "unauthorized" and "WWW-Authenticate" in reply.headers
    assert status_of(server, "/closed")("GET", "/live").json()["code"] == "forbidden"
    with Raw(server.port) as raw:
        status, _, body = split_reply(raw.send(f"GET {S}/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").read_all())
        assert status == 400 and json.loads(body)["code"] == "badRequest"
    assert Api(server.url).get("/customer").status_code == 200


# ---- where it may be ----

def test_it_can_lie_below_the_api_with_access_of_its_own(start_httpd):
    server = start_httpd(outside=f'<Location "{BASE}/status">\nSetHandler tmf-customer-status\n</Location>')
    server.log.expect("TMF0164: .*tmf-customer-status lies within")
    assert status_of(server, f"{BASE}/status")("GET", "/live").json() == {"status": "pass"}
    assert Api(server.url).get("/customer").json() == []


def test_it_serves_a_host_without_an_api(start_httpd):
    server = start_httpd()
    server.settings["outside"] = f"""
<VirtualHost 127.0.0.1:{server.port}>
    ServerName localhost
</VirtualHost>
<VirtualHost 127.0.0.1:{server.port}>
    ServerName second.example
    {SECTION}
</VirtualHost>"""
    server.write_configuration()
    server.graceful()
    ask = status_of(server)
    assert ask("GET", "/live", headers={"Host": "second.example"}).status_code == 200
