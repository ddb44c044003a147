# SPDX-License-Identifier: Apache-2.0
"""What every reply has, whoever it goes through."""
import pytest

from harness import BASE
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
