# SPDX-License-Identifier: Apache-2.0
"""A customer may not grow without end: TMFCustomerMaxDocument."""
import json

import pytest

from harness.client import JSON, JSON_PATCH, JSON_PATCH_QUERY, MERGE, Api, customer, path_of

MOST = 3000
STORED = {**customer(), "@type": "Customer"}


def size(resource):
    """Bytes of a customer as it is stored, without blanks."""
    document = {name: value for name, value in resource.items() if name not in ("id", "href")}
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode())


def sized(number, **members):
    """A customer of so many bytes, once it is stored."""
    empty = size({**STORED, **members, "x": ""})
    return customer(**members, x="x" * (number - empty))


def too_large(reply, number, most=MOST):
    assert (reply.status_code, reply.json()["code"]) == (413, "documentTooLarge"), reply.text
    assert str(number) in reply.json()["message"] and str(most) in reply.json()["message"]


@pytest.fixture
def place(start_httpd):
    return Api(start_httpd(location=f"TMFCustomerMaxBody 3000\nTMFCustomerMaxDocument {MOST}").url)


def test_the_limit_is_exact(place):
    made = place.post(sized(MOST))
    assert made.status_code == 201 and size(made.json()) == MOST
    too_large(place.post(sized(MOST + 1)), MOST + 1)
    too_large(place.post(sized(MOST + 1), headers={"Idempotency-Key": "a key"}), MOST + 1)
    path = path_of(place.create())
    too_large(place.put(path, sized(MOST + 1)), MOST + 1)
    assert place.put(path, sized(MOST)).status_code == 200


@pytest.mark.parametrize("media,body", [
    (MERGE, {"y": "y"}), (JSON, {"y": "y"}), (JSON_PATCH, [{"op": "add", "path": "/y", "value": "y"}]),
    (JSON_PATCH_QUERY, [{"op": "add", "path": "/y", "value": "y"}])])
def test_every_format_of_a_patch_is_bounded(place, media, body):
    path = path_of(place.post(sized(MOST - 8)).json())
    assert place.patch(path, body, media).status_code == 200
    before = place.get(path)
    grown = json.loads(json.dumps(body).replace("y", "z"))
    too_large(place.patch(path, grown, media), MOST + 8)
    again = place.get(path)
    assert (again.text, again.headers["ETag"]) == (before.text, before.headers["ETag"])


def test_patches_that_copy_cannot_grow_a_customer_without_end(place):
    path = path_of(place.post(customer(a=["x" * 600])).json())
    copies = [{"op": "copy", "from": "/a/0", "path": "/a/-"}]
    for _ in range(3):
        assert place.patch(path, copies, JSON_PATCH).status_code == 200
    reply = place.patch(path, copies, JSON_PATCH)
    too_large(reply, size(place.get(path).json()) + 603)


def test_a_customer_that_is_too_large_already_can_shrink(start_httpd, new_database):
    """One from before the limit, or that was written past the API."""
    postgres, name = database = new_database()
    api = Api(start_httpd(database, location=f"TMFCustomerMaxBody 3000\nTMFCustomerMaxDocument {MOST}").url)
    document = {**STORED, "a": "a" * 4000, "b": "b" * 1000, "n": 5}
    postgres.execute("INSERT INTO tmf_customer.customer (id, doc) VALUES ('big', %s)", name, (json.dumps(document),))
    before = size(document)
    assert api.patch("/customer/big", {"status": "x"}).status_code == 413
    too_large(api.patch("/customer/big", {"b": "b" * 1001}), before + 1)
    assert api.patch("/customer/big", {}).status_code == 200
    assert api.patch("/customer/big", {"n": 6}).status_code == 200
    assert api.patch("/customer/big", {"b": "c" * 999}).status_code == 200
    too_large(api.patch("/customer/big", {"b": "c" * 1000}), before)
    assert api.patch("/customer/big", [{"op": "remove", "path": "/a"}], JSON_PATCH).status_code == 200
    assert api.patch("/customer/big", {"b": "c" * 1000}).status_code == 200


def test_by_default_it_is_four_times_the_body(start_httpd):
    api = Api(start_httpd(location="TMFCustomerMaxBody 1000").url)
    path = path_of(api.create())
    for name in "abcd":
        assert api.patch(path, {name: "x" * 900}).status_code == 200
    reply = api.patch(path, {"e": "x" * 900})
    too_large(reply, size(api.get(path).json()) + 907, 4000)
