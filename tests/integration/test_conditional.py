# SPDX-License-Identifier: Apache-2.0
"""Entity tags and conditional requests (src/api/README.md §2)."""
import pytest

from harness.client import customer, path_of


@pytest.fixture
def made(api):
    """A customer that was changed once: (path, current tag, old tag)."""
    first = api.post(customer())
    path = path_of(first.json())
    second = api.patch(path, {"status": "x"})
    return path, second.headers["ETag"], first.headers["ETag"]


def forms(tag):
    """Headers that name this tag, and whether they do so strongly."""
    opaque = tag.strip('"')
    return [(tag, True), (f'"nothing", {tag}', True), (f'"{opaque}-gzip"', True),
            (f'"{opaque}-br"', True), ("*", True), (f"W/{tag}", False),
            (f'W/"{opaque}-gzip" , "x"', False)]


def test_tags_are_strong_and_change_with_each_write(api, made):
    path, current, old = made
    assert current != old
    assert current.startswith('"') and current.endswith('"')
    assert api.get(path).headers["ETag"] == api.get(path).headers["ETag"] == current


def test_if_none_match_answers_304(api, made):
    path, current, old = made
    for header, _ in forms(current):
        for method in ["GET", "HEAD"]:
            reply = api.request(method, path, headers={"If-None-Match": header})
            assert (reply.status_code, reply.content) == (304, b"")
            assert reply.headers["ETag"] == current
    for header in [old, '"nonsense"', "nonsense", ""]:
        assert api.get(path, headers={"If-None-Match": header}).status_code == 200


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_if_match_lets_only_the_current_revision_be_written(api, method):
    body = customer(name="new")
    for index in range(7):
        path = path_of(api.create())
        old = api.get(path).headers["ETag"]
        current = api.patch(path, {"status": "x"}).headers["ETag"]
        header, strong = forms(current)[index]
        for stale in [old, f"W/{current}", '"nonsense"', "nonsense", ""]:
            reply = api.request(method, path, json=body, headers={"If-Match": stale})
            assert (reply.status_code, reply.json()["code"]) == (412, "preconditionFailed")
        assert api.get(path).headers["ETag"] == current
        reply = api.request(method, path, json=body, headers={"If-Match": header})
        assert reply.status_code == ((204 if method == "DELETE" else 200) if strong else 412)


def test_if_none_match_on_writes(api, made):
    path, current, _ = made
    for method in ["PATCH", "PUT", "DELETE"]:
        for header in ["*", current]:
            reply = api.request(method, path, json=customer(), headers={"If-None-Match": header})
            assert reply.status_code == 412
    assert api.get(path).headers["ETag"] == current
    assert api.delete(path, headers={"If-None-Match": '"other"'}).status_code == 204


def test_a_get_with_a_stale_if_match_is_412(api, made):
    path, current, old = made
    assert api.get(path, headers={"If-Match": old}).status_code == 412
    assert api.get(path, headers={"If-Match": current}).status_code == 200


def test_a_missing_customer_is_404_before_412(api):
    for method in ["GET", "PATCH", "PUT", "DELETE"]:
        assert api.request(method, "/customer/none", json=customer(),
                           headers={"If-Match": '"1"'}).status_code == 404


def test_a_change_of_nothing_keeps_the_tag(api):
    made = api.post(customer(x={"a": 1.0, "b": [1, 2]}))
    path = path_of(made.json())
    for patch in ["{}", '{"x":{"b":[1,2.0],"a":10e-1}}', '{"unknown":null}', '{"status":null}']:
        reply = api.patch(path, patch)
        assert reply.status_code == 200
        assert (reply.headers["ETag"], reply.text) == (made.headers["ETag"], made.text)
    reply = api.put(path, made.json())
    assert (reply.headers["ETag"], reply.text) == (made.headers["ETag"], made.text)


def test_a_tag_never_returns(start_httpd):
    from harness.client import Api
    api = Api(start_httpd(location="TMFCustomerClientId On").url)
    tags = []
    for _ in range(3):
        tags.append(api.post(customer(id="again")).headers["ETag"])
        assert api.delete("/customer/again").status_code == 204
    assert len(set(tags)) == 3
