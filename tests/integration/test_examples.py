# SPDX-License-Identifier: Apache-2.0
"""conf/examples/: passwords, CORS, bounds, compression, status, in a server that is started and asked."""
import os
import re
from pathlib import Path

import pytest

from harness import PROJECT
from harness.client import JSON, JSON_PATCH, JSON_PATCH_QUERY, MERGE, Api, customer, path_of
from harness.documents import blocks, blocks_of
from harness.examples import EXAMPLES, api_of, code_of, curl, modules_of, readable, words

pytestmark = pytest.mark.skipif(bool(os.environ.get("TMF_ASAN") or os.environ.get("TMF_VALGRIND")),
                                reason="about other modules, which carry no instruments")


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
    assert api_of(server, "billing").post(customer()).status_code == 201


PAGE = "https://desk.example.com"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "PATCH",
             "Access-Control-Request-Headers": "authorization,content-type,if-match"}


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


# ---- status.conf ----

def test_who_may_see_and_act(serve, accounts, new_database):
    postgres, database = new_database()
    postgres.install(database, "-v", "govern=on")
    server = serve({"status.conf": {"operators": accounts["passwords"], "monitors": "127.0.0.1"}}, database=(postgres, database))
    server.log.allow("AH01617|AH01630|AH01631|AH01797")
    status = f"http://127.0.0.1:{server.port}/tmf-customer-status"
    monitor, operator = api_of(server), api_of(server, "alice")
    act = f"{status}/listeners/none/enable"
    assert monitor.get(f"{status}/live", check=False).status_code == 200
    assert monitor.get(f"{status}/listeners/none", check=False).status_code == 404
    assert code_of(monitor.post({}, act)) == (401, "unauthorized")
    assert code_of(operator.post({}, act)) == (404, "notFound")
    assert code_of(operator.post({}, act, headers={"Sec-Fetch-Site": "cross-site"})) == (403, "forbidden")
    elsewhere = ["--interface", "127.0.0.7", "--output", "/dev/null", "--write-out", "%{http_code}"]
    assert curl(*elsewhere, f"{status}/live") == "200"
    assert curl(*elsewhere, "--request", "POST", f"{status}/live") in ("401", "403")
    assert curl(*elsewhere, f"{status}/metrics") == curl(*elsewhere, f"{status}/listeners") == curl(*elsewhere, status) == "401"
    assert curl(*elsewhere, "--user", "bob:secret of bob", f"{status}/live/nothing") == "404"
    link_in_another_site = ["--user", "bob:secret of bob", "--header", "Sec-Fetch-Site: cross-site"]
    assert curl(*elsewhere, *link_in_another_site, status) == "200"


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


# ---- mod-security.conf ----

USUAL = [{}, {"name": "O'Brien & Söhne, <b>Ltd</b>; DROP it"}, {"name": "SELECT Hotels GmbH -- from A to B"},
         {"website": "https://moon.example/?a=1&b=%2F"}, {"note": "50 % off, 3 < 4 (and $5)"}]
QUERIES = re.findall(r'"\$B(/customer\?[^"]*)"', (PROJECT / "src" / "api" / "README.md").read_text())
ATTACKS = ["/customer?name=<script>alert(document.cookie)</script>", "/customer?name=../../../../etc/passwd",
           "/customer?name=;cat%20/etc/passwd", "/customer/..%5C..%5Cwindows%5Cwin.ini?x=1"]


def check_what_is_let_through(server, api):
    server.log.expect("JSON parser error")
    server.log.allow("JSON parsing error|Request body.*larger than the configured limit|Request content type is not allowed|Anomaly Score Exceeded")
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
    assert code_of(api.post(customer(note="x" * 1400000))) == (413, "bodyTooLarge")
    assert code_of(api.post('{"name":')) == (500, "internalError"), "mod_security 2.9 has this of its own"
    assert code_of(api.post(customer(), content_type="text/xml")) == (403, "forbidden")
    assert api.delete(path).status_code == 204


def check_what_is_refused(server, api):
    server.log.expect("ModSecurity: Access denied with code 403")
    server.log.allow("ModSecurity")
    for attack in ATTACKS:
        assert code_of(api.get(attack)) == (403, "forbidden"), attack
    path = path_of(api.create())
    for content_type in [JSON, MERGE]:
        assert code_of(api.patch(path, {"note": "<script>alert(1)</script>"}, content_type)) == (403, "forbidden"), "bodies are read"
    assert api.get(path).json().get("note") is None


def test_the_owasp_rules(serve, tmp_path):
    """The example stands in /etc/modsecurity, which Debian's security2.conf includes before the rules."""
    readable(tmp_path).chmod(0o777)
    server = serve({"mod-security.conf": {}}, server="TMFCustomerNotify Off\n",
                   below=f'SecDataDir "{tmp_path}"\nInclude /usr/share/modsecurity-crs/owasp-crs.load\n')
    api = Api(server.url.replace("127.0.0.1", "localhost"))  # an address for a name counts as odd
    check_what_is_let_through(server, api)
    check_what_is_refused(server, api)


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


def test_the_way_to_include_them(start_httpd):
    """As the README of the examples has it, but for the place."""
    [lines] = [block.text for block in blocks_of("the examples of a site")]
    installed = "/usr/local/share/mod_tmf_customer/examples"
    assert installed in lines
    api = api_of(start_httpd(server=modules_of("basic-auth.conf", "cors.conf"), outside=lines.replace(installed, str(EXAMPLES))))
    assert api.request("OPTIONS", "/customer", headers=PREFLIGHT).headers["Access-Control-Allow-Origin"] == PAGE
    other = api.request("OPTIONS", "/customer", headers={**PREFLIGHT, "Origin": "https://portal.example.com"})
    assert "Access-Control-Allow-Origin" not in other.headers, "what is defined before wins"


def test_every_example_is_tried():
    """By its name in a test, or in lines of a README that a test runs."""
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    tests += "".join(block.text for block in blocks() if block.runner)
    shipped = [path for path in EXAMPLES.rglob("*") if path.is_file() and path.name != "README.md"]
    assert len(shipped) > 12
    assert not [path for path in shipped if path.name not in tests]
    readme = (EXAMPLES / "README.md").read_text()
    assert not [path for path in shipped if path.parent == EXAMPLES and f"]({path.name})" not in readme]
