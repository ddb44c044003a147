# SPDX-License-Identifier: Apache-2.0
"""What every reply has, whoever it goes through."""
import re
import shutil
import tempfile
from pathlib import Path

import pytest

from harness import BASE, is_root
from harness.client import JSON_PATCH, Api, customer, path_of

RANGES = ["bytes=0-9", "bytes=999999-", "bytes=-5", "bytes=0-1,4-5", "bytes=5-2", "bytes=x", "lines=1-2"]


# ---- Range (RFC 9110 §14.2: a server may ignore it, and has to for all but GET) ----

def whole(reply, expected):
    """Has the reply everything that it would have without a Range?"""
    assert (reply.status_code, reply.headers.get("Content-Range")) == (expected.status_code, None), reply.text
    assert reply.headers["Accept-Ranges"] == "none"
    assert reply.content == expected.content and reply.headers.get("Content-Length") == expected.headers.get("Content-Length")


@pytest.mark.parametrize("name", ["Range", "Request-Range"])
@pytest.mark.parametrize("value", RANGES)
def test_a_range_cuts_nothing(api, name, value):
    ranged = {name: value}
    made = api.post(customer(x="x" * 100), headers=ranged)
    assert made.status_code == 201
    path = path_of(made.json())
    for method, target in [("GET", path), ("HEAD", path), ("GET", path + "?fields=name"), ("GET", "/customer?name=nobody"),
                           ("GET", "/customer?limit=2&offset=0"), ("GET", ""), ("GET", "/hub"), ("GET", path + "x"), ("OPTIONS", path)]:
        whole(api.request(method, target, headers=ranged), api.request(method, target))
    changed = api.patch(path, {"status": "x"}, headers=ranged)
    whole(changed, api.get(path))
    whole(api.patch(path, [{"op": "add", "path": "/status", "value": "x"}], JSON_PATCH, headers=ranged), changed)
    whole(api.get(path, headers={**ranged, "If-Range": changed.headers["ETag"]}), changed)
    whole(api.get(path, headers={**ranged, "If-Range": '"other"'}), changed)
    assert api.get(path, headers={**ranged, "If-None-Match": changed.headers["ETag"]}).status_code == 304
    whole(api.put(path, customer(), headers=ranged), api.get(path))
    assert api.delete(path, headers=ranged).status_code == 204


@pytest.mark.parametrize("value", RANGES)
def test_a_range_cuts_nothing_behind_other_modules(start_httpd, value):
    """Compressed, rewritten, spelled with percents."""
    server = start_httpd(modules=["filter", "deflate", "rewrite"], location="SetOutputFilter DEFLATE",
                         server=f'RewriteEngine On\nRewriteRule "^/short/(.*)" "{BASE}/$1" [PT]')
    api = Api(server.url)
    path = path_of(api.create(x="x" * 5000))
    expected = api.get(path)
    assert expected.headers["Content-Encoding"] == "gzip"
    for base in [api.url, api.url.replace(BASE, "/short"), api.url.replace("/tmf-api", "/%74mf-api")]:
        reply = api.get(base + path, headers={"Range": value})
        assert (reply.status_code, reply.content) == (200, expected.content)
        reply = api.request("PATCH", base + path, json={"x": "x" * 5000}, headers={"Range": value})
        assert (reply.status_code, reply.content) == (200, expected.content)


def test_only_a_416_keeps_the_content_range_that_another_module_has_set(start_httpd):
    api = Api(start_httpd(modules=["headers", "alias"], server=f"""
        Header always set Content-Range "bytes */47" early
        Redirect 416 {BASE}/cut
        Redirect 410 {BASE}/gone""").url)
    cut, gone = api.get("/cut"), api.get("/gone")
    assert (cut.status_code, cut.headers["Content-Range"]) == (416, "bytes */47")
    assert gone.status_code == 410 and "Content-Range" not in gone.headers
    assert cut.headers["Accept-Ranges"] == gone.headers["Accept-Ranges"] == "none"


# ---- Cache-Control (RFC 9111 §5.2.2.4, §5.2.2.7): a cache may keep a reply, but asks before it gives it ----

def test_every_reply_has_to_be_asked_for_again(api):
    made = api.post(customer())
    path = path_of(made.json())
    replies = [made, api.get(path), api.request("HEAD", path), api.get(path, headers={"If-None-Match": made.headers["ETag"]}),
               api.get("/customer"), api.get(""), api.get("/hub"), api.get(path + "x"), api.get("/customer?limit=x"),
               api.get("/customer/a%2Fb"), api.patch(path, {"status": "x"}), api.put(path, customer()), api.request("OPTIONS", path),
               api.request("PUT", "/customer"), api.delete(path)]
    assert [reply.status_code for reply in replies] == [201, 200, 200, 304, 200, 200, 200, 404, 400, 404, 200, 200, 204, 405, 204]
    assert {reply.headers["Cache-Control"] for reply in replies} == {"no-cache"}


AUTHENTICATED = 'AuthType Basic\nAuthName x\nAuthUserFile "{}"\nRequire valid-user'
AUTHENTICATION = ["authn_core", "authn_file", "authz_user", "auth_basic"]


@pytest.fixture
def passwords(tmp_path):
    password = tmp_path / "htpasswd"
    password.write_text("tom:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")  # "password"
    for path in [tmp_path, *tmp_path.parents[:2]]:
        path.chmod(0o755)
    return password


def test_replies_to_who_was_authenticated_are_private(start_httpd, passwords):
    api = Api(start_httpd(modules=AUTHENTICATION, location=AUTHENTICATED.format(passwords)).url)
    assert api.get("/customer").headers["Cache-Control"] == "no-cache"
    api.session.auth = ("tom", "password")
    for path in ["/customer", "/customer/none", ""]:
        assert api.get(path).headers["Cache-Control"] == "no-cache, private"


@pytest.fixture
def cache_root():
    """Where httpd, which is another user, can write it."""
    root = Path(tempfile.mkdtemp(prefix="tmf-cache-"))
    root.chmod(0o755)
    if is_root():
        shutil.chown(root, "www-data", "www-data")
    yield root
    shutil.rmtree(root)


CACHE = 'CacheRoot "{}"\nCacheEnable disk /\nCacheHeader On\nCacheDefaultExpire 3600\nCacheIgnoreNoLastMod On\nCacheStoreExpired On\n'


@pytest.mark.parametrize("place", ["On", "Off"])
def test_behind_a_cache_nothing_is_stale(start_httpd, cache_root, place):
    """One that keeps whatever it may, in httpd's two places for it; X-Cache says whether it did."""
    server = start_httpd(modules=["cache", "cache_disk"], server=CACHE.format(cache_root) + f"CacheQuickHandler {place}")
    server.log.allow("AH00717: Premature end of cache headers")  # it says so of what a PATCH has made it forget
    api = Api(server.url)
    made = api.post(customer(status="first"))
    path = path_of(made.json())
    for status in ["second", "third", "fourth"]:
        expected = api.get(path)
        for _ in range(2):
            again = api.get(path)
            assert (again.status_code, again.content, again.headers["ETag"]) == (200, expected.content, expected.headers["ETag"])
            cut = api.get(path, headers={"Range": "bytes=0-9"})
            assert (cut.status_code, cut.content) == (200, expected.content)
        assert re.match("REVALIDATE", again.headers["X-Cache"]), "the cache has kept it, and asked"
        before = api.get("/customer").json()
        changed = api.patch(path, {"status": status})
        assert changed.status_code == 200
        assert api.get(path).json() == changed.json()
        assert api.get("/customer").json() == [changed.json()] != before
        assert api.get(path + "?fields=status").json()["status"] == status
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404 and api.get("/customer").json() == []


def test_a_cache_keeps_nothing_that_was_for_one_user(start_httpd, cache_root, passwords):
    server = start_httpd(modules=["cache", "cache_disk", *AUTHENTICATION], location=AUTHENTICATED.format(passwords),
                         server=CACHE.format(cache_root))
    api = Api(server.url)
    path = path_of(api.post(customer(), auth=("tom", "password")).json())
    for _ in range(2):
        assert api.get(path, auth=("tom", "password")).status_code == 200
        assert api.get(path).status_code == 401
