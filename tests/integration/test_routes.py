# SPDX-License-Identifier: Apache-2.0
"""Paths, methods, media types (src/api/README.md §2)."""
import pytest

from harness.client import (JSON, JSON_PATCH, JSON_PATCH_QUERY, MERGE, Api, Raw, customer, path_of,
                            split_reply)

COLLECTION = {"GET", "HEAD", "POST", "OPTIONS"}
ITEM = {"GET", "HEAD", "PATCH", "PUT", "DELETE", "OPTIONS"}
ROOT = {"GET", "HEAD", "OPTIONS"}


def allowed(reply):
    return {method.strip() for method in reply.headers["Allow"].split(",")}


@pytest.mark.parametrize("path", ["", "/"])
def test_the_entry_point_links_to_the_collections_and_the_description(api, path):
    reply = api.get(path)
    assert reply.status_code == 200
    links = reply.json()["_links"]
    assert links["self"]["href"] == api.url
    assert api.get(links["customer"]["href"]).status_code in (200, 206)
    assert api.get(links["hub"]["href"]).status_code == 200
    assert links["service-desc"]["href"] == f"{api.url}/openapi.json"


@pytest.mark.parametrize("path", ["/customer/", "//customer", "//customer//", "/./customer"])
def test_slashes_of_the_collection(api, path):
    reply = api.get(path + "?limit=1")
    assert reply.status_code in (200, 206)


def test_slashes_of_a_customer(api):
    made = api.create()
    for path in [f"/customer//{made['id']}", f"//customer/{made['id']}/", f"/customer/{made['id']}/"]:
        assert api.get(path).json() == made
    reply = api.request("POST", "//customer/", json=customer())
    assert reply.headers["Location"] == f"{api.url}/customer/{reply.json()['id']}"


def test_slashes_where_httpd_does_not_merge_them(start_httpd):
    api = Api(start_httpd(server="MergeSlashes Off").url)
    made = api.create()
    assert api.get(f"//customer//{made['id']}/").json() == made


@pytest.mark.parametrize("path", ["/customers", "/customer/a/b", "/Customer", "/x", "/customer/a/b/",
                                  "/hub/a/b", "/openapi.json/x", "/customer%2Fx", "/customer;x"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "BREW"])
def test_other_paths_are_404(api, path, method):
    assert api.request(method, path).status_code == 404


@pytest.mark.parametrize("path,methods", [("", ROOT), ("/customer", COLLECTION), ("/customer/1", ITEM)])
def test_options_and_405(api, path, methods):
    reply = api.request("OPTIONS", path)
    assert reply.status_code in (200, 204) and reply.content == b""
    assert allowed(reply) == methods
    for method in {"POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "PROPFIND"} - methods:
        reply = api.request(method, path)
        assert (reply.status_code, reply.json()["code"]) == (405, "methodNotAllowed"), method
        assert allowed(reply) == methods


def test_options_names_the_media_types(api):
    assert "application/json" in api.request("OPTIONS", "/customer").headers["Accept-Post"]
    patch = api.request("OPTIONS", "/customer/1").headers["Accept-Patch"]
    assert {name.strip() for name in patch.split(",")} == {JSON, MERGE, JSON_PATCH, JSON_PATCH_QUERY}


@pytest.mark.parametrize("path", ["/openapi.json"])
def test_what_is_not_there_yet_is_501(api, path):
    reply = api.get(path)
    assert (reply.status_code, reply.json()["code"]) == (501, "notImplemented")


def test_method_override_headers_are_ignored(api):
    made = api.create()
    reply = api.request("GET", path_of(made), headers={"X-HTTP-Method-Override": "DELETE"})
    assert reply.json() == made


@pytest.mark.parametrize("path", ["", "/customer?limit=2", "/customer/{id}", "/nothing", "/customer/none",
                                  "/customer?limit=x"])
def test_head_is_get_without_a_body(api, server, path):
    path = path.format(id=api.create()["id"])
    get, head = api.get(path), api.request("HEAD", path)
    assert head.content == b""
    for name in ["Content-Type", "Content-Length", "ETag", "X-Total-Count", "X-Result-Count"]:
        assert get.headers.get(name) == head.headers.get(name), name
    assert get.status_code == head.status_code
    with Raw(server.port) as raw:
        raw.send(f"HEAD {api.url.split(str(server.port))[1]}{path} HTTP/1.1\r\nHost: x\r\n"
                 "Connection: close\r\n\r\n")
        assert split_reply(raw.read_all())[2] == b""


@pytest.mark.parametrize("accept,status", [
    ("*/*", 200), ("application/json", 200), ("application/*", 200), ("APPLICATION/JSON;q=0.5", 200),
    ("text/html, */*;q=0.1", 200), ("", 200), ("application/json;charset=utf-8", 200),
    ("text/html", 406), ("application/xml, text/*", 406), ("application/json;q=0", 406),
    ("*/*, application/json;q=0.0", 406)])
def test_accept(api, accept, status):
    for path in ["/customer?limit=1", ""]:
        assert api.get(path, headers={"Accept": accept}).status_code in (status, 206)
    made = api.post(customer(), headers={"Accept": accept})
    assert made.status_code == (201 if status == 200 else 406)


@pytest.mark.parametrize("content_type", [
    "application/json", "APPLICATION/JSON", "application/json; charset=utf-8", None,
    "application/json;charset=ISO-8859-1;x=\"y\""])
def test_media_types_that_are_json(api, content_type):
    assert api.post(customer(), content_type=content_type).status_code == 201
    path = path_of(api.create())
    assert api.put(path, customer(), content_type=content_type).status_code == 200
    assert api.patch(path, {}, content_type=content_type).status_code == 200


@pytest.mark.parametrize("content_type", [
    "text/plain", "application/xml", "application/x-www-form-urlencoded", "application/jsonp",
    "application/json-patch", "application/json-patch-query", "multipart/form-data", "json", ""])
def test_other_media_types_are_415(api, content_type):
    path = path_of(api.create())
    for reply, header in [(api.post(customer(), content_type=content_type), "Accept-Post"),
                          (api.patch(path, {}, content_type=content_type), "Accept-Patch")]:
        assert (reply.status_code, reply.json()["code"]) == (415, "unsupportedMediaType")
        assert "application/json" in reply.headers[header]
    assert api.put(path, customer(), content_type=content_type).status_code == 415


@pytest.mark.parametrize("content_type", [MERGE, JSON_PATCH, JSON_PATCH_QUERY])
def test_a_patch_is_no_customer(api, content_type):
    assert api.post(customer(), content_type=content_type).status_code == 415
    assert api.put(path_of(api.create()), customer(), content_type=content_type).status_code == 415


def test_an_encoded_body_is_415(api):
    assert api.post(customer(), headers={"Content-Encoding": "gzip"}).status_code == 415
    assert api.post(customer(), headers={"Content-Encoding": "identity"}).status_code == 201


def test_a_content_type_on_get_is_ignored(api):
    assert api.get("/customer?limit=1", headers={"Content-Type": "text/plain"}).status_code in (200, 206)


def test_ids_are_percent_decoded_once(api):
    made = api.create()
    encoded = "".join(f"%{ord(c):02x}" for c in made["id"])
    assert api.get(f"/customer/{encoded}").json() == made
    assert api.get(f"/customer/{encoded.replace('%', '%25')}").status_code == 404
