# SPDX-License-Identifier: Apache-2.0
"""Every error is a TMF Error, also httpd's own (src/api/README.md §2, "Errors")."""
import json

import pytest

from harness import BASE
from harness.client import REPLY, Api, Raw, check_error, customer, split_reply

DOCUMENTS = "\n".join(f"ErrorDocument {status} /error.html" for status in
                      (400, 401, 403, 404, 405, 408, 413, 414, 415, 500, 501, 503))


@pytest.fixture(params=["plain", "with ErrorDocument", "with a text ErrorDocument"])
def guarded(request, start_httpd, tmp_path):
    """A server with Basic auth, a forbidden path, and perhaps documents for errors."""
    password = tmp_path / "htpasswd"
    password.write_text("tom:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")  # "password"
    for path in [tmp_path, *tmp_path.parents[:2]]:
        path.chmod(0o755)
    (tmp_path / "error.html").write_text("<h1>wrong</h1>")
    documents = {"plain": "", "with ErrorDocument": DOCUMENTS,
                 "with a text ErrorDocument": 'ErrorDocument 401 "<h1>wrong"\n'
                                              'ErrorDocument 403 "<h1>wrong"'}
    return start_httpd(
        modules=["authn_core", "authn_file", "authz_user", "auth_basic", "allowmethods", "mime", "dir"],
        server=f'LimitRequestLine 2000\nLimitRequestFields 20\nTypesConfig /etc/mime.types\n'
               f'DocumentRoot "{tmp_path}"\n{documents[request.param]}',
        location=f'AuthType Basic\nAuthName x\nAuthUserFile "{password}"\nRequire valid-user',
        outside=f'<Directory "{tmp_path}">\nRequire all granted\n</Directory>\n'
                f'<Location "{BASE}/customer/secret">\nRequire all denied\n</Location>\n'
                f'<Location "{BASE}/customer/fixed">\nAllowMethods GET\n</Location>')


def ask(server, text):
    with Raw(server.port) as raw:
        raw.send(text)
        status, headers, body = split_reply(raw.read_all())
    assert headers["content-type"] == REPLY, headers
    error = json.loads(body)
    assert error["@type"] == "Error" and error["status"] == str(status)
    return status, headers, error["code"]


AUTHORIZED = "Authorization: Basic dG9tOnBhc3N3b3Jk\r\n"


def get(target, headers="Host: x\r\n", version="1.1", method="GET"):
    return (f"{method} {target} HTTP/{version}\r\n{headers}{AUTHORIZED}Connection: close\r\n\r\n")


def test_errors_of_httpd_are_tmf_errors(guarded):
    guarded.log.expect("AH01630: client denied by server configuration|AH01797|AH01623")
    guarded.log.expect("AH10244: invalid URI path")
    status, headers, code = ask(guarded, get(f"{BASE}/customer").replace(AUTHORIZED, ""))
    assert (status, code) == (401, "unauthorized") and "basic" in headers["www-authenticate"].lower()
    assert ask(guarded, get(f"{BASE}/customer/secret"))[::2] == (403, "forbidden")
    assert ask(guarded, get(f"{BASE}/customer/a%2Fb"))[::2] == (404, "notFound")
    assert ask(guarded, get(f"{BASE}/customer", headers=""))[::2] == (400, "badRequest")
    assert ask(guarded, get(f"{BASE}/customer/%zz"))[::2] == (400, "badRequest")
    assert ask(guarded, get(f"{BASE}/customer?{'x' * 3000}"))[::2] == (414, "uriTooLong")
    many = "".join(f"X-{i}: 1\r\n" for i in range(30))
    assert ask(guarded, get(f"{BASE}/customer", "Host: x\r\n" + many))[0] in (400, 431)
    assert ask(guarded, get(f"{BASE}/customer", "Host: x\r\nbad header\r\n"))[0] == 400
    status, _, code = ask(guarded, get(f"{BASE}/customer/fixed", method="DELETE"))
    assert (status, code) == (405, "methodNotAllowed")
    both = "Host: x\r\nContent-Length: 1\r\nTransfer-Encoding: nonsense\r\n"
    assert ask(guarded, get(f"{BASE}/customer", both, method="POST"))[0] in (400, 501)


def test_errors_of_ours_are_not_touched(guarded):
    api = Api(guarded.url)
    api.session.auth = ("tom", "password")
    assert api.get("/customer/none").json()["message"] == "There is no customer with the id none"
    assert api.post({}).json()["code"] == "invalidBody"
    assert api.get("/customer").status_code == 200
    assert api.post(customer()).status_code == 201


def test_errors_of_httpd_to_head_have_no_body(guarded):
    with Raw(guarded.port) as raw:
        raw.send(get(f"{BASE}/customer", method="HEAD").replace(AUTHORIZED, ""))
        status, headers, body = split_reply(raw.read_all())
    assert (status, headers["content-type"], body) == (401, REPLY, b"")


def test_elsewhere_errors_stay_what_they_are(guarded):
    with Raw(guarded.port) as raw:
        raw.send(get("/nothing"))
        status, headers, body = split_reply(raw.read_all())
    assert status == 404 and headers["content-type"].startswith("text/html")
    assert b"@type" not in body


def test_names_that_begin_alike_are_not_ours(start_httpd):
    server = start_httpd()
    with Raw(server.port) as raw:
        raw.send(get(f"{BASE}x/customer"))
        status, headers, _ = split_reply(raw.read_all())
    assert status in (403, 404) and headers["content-type"].startswith("text/html")


def test_messages_survive_any_byte(api):
    reply = api.get("/customer/%22%0a%01%C3%A9%7f")
    check_error(reply)
    assert reply.status_code == 404


def test_a_reply_that_is_compressed_by_its_type(start_httpd):
    """The charset in it does not matter; httpd does so with a 200 only."""
    api = Api(start_httpd(modules=["filter", "deflate"], location="AddOutputFilterByType DEFLATE application/json").url)
    path = f"/customer/{api.create(x='y' * 2000)['id']}"
    assert api.get(path).headers["Content-Encoding"] == "gzip"


def test_a_compressed_reply(start_httpd):
    server = start_httpd(modules=["filter", "deflate"], location="SetOutputFilter DEFLATE")
    api = Api(server.url)
    made = api.post(customer(x="y" * 2000))
    tag = api.get(f"/customer/{made.json()['id']}").headers["ETag"]
    assert tag == made.headers["ETag"] and tag.endswith('-gzip"')
    path = f"/customer/{made.json()['id']}"
    assert api.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert api.patch(path, {"status": "x"}, headers={"If-Match": tag}).status_code == 200
    assert api.patch(path, {"status": "y"}, headers={"If-Match": tag}).status_code == 412
    assert api.get("/customer/none").json()["code"] == "notFound"
