# SPDX-License-Identifier: Apache-2.0
"""Requests that httpd refuses before it knows what they are about: a TMF Error wherever the host has an API, unless
the path is known and another one."""
import json
import os
import subprocess

import pytest

from harness import BASE
from harness.client import REPLY, Raw, split_reply
from harness.httpd import Httpd

HAS_HTTP2 = os.environ.get("TMF_MPM") != "prefork"
LIMITS = "LimitRequestLine 2000\nLimitRequestFields 20\nLimitRequestFieldSize 500\nHttpProtocolOptions Strict RegisteredMethods Require1.0\n"
LOGGED = "AH10244: invalid URI path|AH01630|AH00127|AH00026|AH02430"

# The rest of each request's first line, the headers, and the status.
LINES = {
    "nothing but a method": ("GET", "", 400), "no method": ("nonsense", "", 400), "two blanks": ("GET  {0}/customer HTTP/1.1", "Host: x\r\n", 400),
    "a tab": ("GET\t{0}/customer HTTP/1.1", "Host: x\r\n", 400), "too many words": ("GET {0}/customer x HTTP/1.1", "Host: x\r\n", 400),
    "another protocol": ("GET {0}/customer FTP/1.1", "Host: x\r\n", 400), "no version": ("GET {0}/customer HTTP/x", "Host: x\r\n", 400),
    "no version at all": ("GET {0}/customer", "", 400), "a method that is none": ("G@T {0}/customer HTTP/1.1", "Host: x\r\n", 400),
    "a control character": ("GET {0}/customer\x01 HTTP/1.1", "Host: x\r\n", 400), "a long line": ("GET {0}/customer?" + "x" * 3000 + " HTTP/1.1", "Host: x\r\n", 414),
    "a long line at the base": ("GET {0}?" + "x" * 3000 + " HTTP/1.1", "Host: x\r\n", 414),
    "a long line in percents": ("GET /%74mf-api/customerManagement/v4/" + "x" * 3000 + " HTTP/1.1", "Host: x\r\n", 414),
    "a long method": ("X" * 3000 + " {0}/customer HTTP/1.1", "Host: x\r\n", 414),
    "above the root": ("GET /../../etc/passwd HTTP/1.1", "Host: x\r\n", 400), "the root above in percents": (
        "GET /%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1", "Host: x\r\n", 400),
    "above the root from here": ("GET {0}/../../../../etc/passwd HTTP/1.1", "Host: x\r\n", 400), "no slash": ("GET customer HTTP/1.1", "Host: x\r\n", 400),
    "a broken absolute URL": ("GET http://[::1{0}/customer HTTP/1.1", "Host: x\r\n", 400), "no Host": ("GET {0}/customer HTTP/1.1", "", 400),
    "two Hosts": ("GET {0}/customer HTTP/1.1", "Host: x\r\nHost: y\r\n", 400), "a broken Host": ("GET {0}/customer HTTP/1.1", "Host: a b\r\n", 400),
    "no colon": ("GET {0}/customer HTTP/1.1", "Host: x\r\nnonsense\r\n", 400), "a blank before the colon": (
        "GET {0}/customer HTTP/1.1", "Host: x\r\nX : y\r\n", 400),
    "a control character in a header": ("GET {0}/customer HTTP/1.1", "Host: x\r\nX: \x01\r\n", 400), "a long header": (
        "GET {0}/customer HTTP/1.1", f"Host: x\r\nX: {'x' * 600}\r\n", 400),
    "a header that is folded too long": ("GET {0}/customer HTTP/1.1", "Host: x\r\nX: y\r\n" + f" {'x' * 300}\r\n" * 2, 400),
    "many headers": ("GET {0}/customer HTTP/1.1", "Host: x\r\n" + "".join(f"X-{i}: y\r\n" for i in range(30)), 400),
    "a length that is none": ("POST {0}/customer HTTP/1.1", "Host: x\r\nContent-Length: x\r\n", 400), "a coding that is none": (
        "POST {0}/customer HTTP/1.1", "Host: x\r\nTransfer-Encoding: nonsense\r\n", 400),
    "an expectation that is none": ("POST {0}/customer HTTP/1.1", "Host: x\r\nExpect: nonsense\r\nContent-Length: 0\r\n", 417),
    "a byte that is none": ("GET {0}/customer/%zz HTTP/1.1", "Host: x\r\n", 400), "a zero byte": ("GET {0}/customer/%00 HTTP/1.1", "Host: x\r\n", 404),
    "a slash that is encoded": ("GET {0}/customer/a%2Fb HTTP/1.1", "Host: x\r\n", 404), "CONNECT": ("CONNECT x:443 HTTP/1.1", "Host: x\r\n", 405),
    "a method that nobody knows": ("BREW {0}/customer HTTP/1.1", "Host: x\r\n", 501), "a star": ("GET * HTTP/1.1", "Host: x\r\n", 400),
    "slashes before a fragment": ("GET //tmf-api//customerManagement/v4/customer?a=b#c HTTP/1.1", "Host: x\r\n", 400)}


@pytest.fixture(scope="module", params=["plain", "with ErrorDocument"])
def strict(request, postgres):
    documents = "".join(f"ErrorDocument {status} /error.html\n" for status in (400, 404, 405, 414, 417, 431, 501))
    server = Httpd((postgres, postgres.create_database(f"malformed_{request.param_index}")), modules=["http2"] * HAS_HTTP2,
                   server=LIMITS + "Protocols h2c http/1.1\n" * HAS_HTTP2 + (documents if request.param != "plain" else ""),
                   outside="<Location /elsewhere>\nRequire all granted\n</Location>").start()
    yield server
    server.remove()


def ask(server, name, base=BASE):
    line, headers, status = LINES[name]
    with Raw(server.port) as raw:
        raw.send(f"{line.format(base)}\r\n{headers}Connection: close\r\n\r\n".encode("latin-1"))
        return status, split_reply(raw.read_all())


@pytest.mark.parametrize("name", LINES)
def test_what_httpd_refuses_is_a_tmf_error(strict, name):
    expected, (status, headers, body) = ask(strict, name)
    strict.log.allow(LOGGED)
    assert not strict.log.check()
    assert (status, headers["content-type"]) == (expected, REPLY)
    error = json.loads(body)
    assert error["@type"] == "Error" and error["status"] == str(status)


PATHS = [name for name, (line, _, _) in LINES.items() if "{0}" in line and "above" not in name and name not in ("a broken absolute URL", "a long method")]


@pytest.mark.parametrize("name", PATHS)
def test_for_another_path_httpds_own_answer_stays(strict, name):
    expected, (status, headers, body) = ask(strict, name, "/elsewhere")
    strict.log.allow(LOGGED)
    assert not strict.log.check()
    assert (status, headers["content-type"].split(";")[0]) == (expected, "text/html") and b"@type" not in body


# ---- HTTP/2 ----

OVER_HTTP2 = {
    "a long line": ([BASE + "/customer?" + "x" * 3000], 414), "a long path": ([BASE + "/customer/" + "x" * 3000], 414),
    "above the root": (["/%2e%2e/%2e%2e/etc/passwd"], 400), "a byte that is none": ([BASE + "/customer/%zz"], 400),
    "a slash that is encoded": ([BASE + "/customer/a%2Fb"], 404), "a long header": ([BASE + "/customer", "-H", "X: " + "x" * 600], 431),
    "many headers": ([BASE + "/customer", *(word for i in range(30) for word in ("-H", f"X-{i}: y"))], 431),
    "a method that nobody knows": ([BASE + "/customer", "-X", "BREW"], 501),
    "an expectation that is none": ([BASE + "/customer", "-H", "Expect: nonsense"], 417)}


@pytest.mark.skipif(not HAS_HTTP2, reason="mod_http2 needs an MPM with threads")
@pytest.mark.parametrize("name", OVER_HTTP2)
def test_what_is_refused_over_http2_is_a_tmf_error(strict, name):
    [path, *options], expected = OVER_HTTP2[name]
    result = subprocess.run(["curl", "-si", "--http2-prior-knowledge", "--path-as-is", "--max-time", "600", *options,
                             f"http://127.0.0.1:{strict.port}{path}"], check=True, capture_output=True)
    status, headers, body = split_reply(result.stdout)
    strict.log.allow(LOGGED)
    assert not strict.log.check()
    assert result.stdout.startswith(b"HTTP/2 ")
    assert (status, headers["content-type"]) == (expected, REPLY)
    assert json.loads(body)["status"] == str(status)
