# SPDX-License-Identifier: Apache-2.0
"""Create, retrieve, replace, delete (src/api/README.md §1, §2)."""
import pytest

from harness.client import REPLY, Api, customer, path_of

pytestmark = pytest.mark.smoke


def test_a_created_customer_has_location_etag_and_comes_back(api):
    sent = customer(status="Approved", extension={"deep": [1, {"x": None}]})
    reply = api.post(sent)
    body = reply.json()
    assert reply.status_code == 201
    assert reply.headers["Location"] == body["href"] == f"{api.url}/customer/{body['id']}"
    assert body == {**sent, "id": body["id"], "href": body["href"], "@type": "Customer"}
    again = api.get(path_of(body))
    assert again.status_code == 200
    assert again.text == reply.text
    assert again.headers["ETag"] == reply.headers["ETag"]
    assert again.headers["Content-Type"] == REPLY


def test_id_and_href_of_the_client_are_ignored(api):
    body = api.post(customer(id="mine", href=7)).json()
    assert body["id"] != "mine" and body["href"].endswith(body["id"])


def test_the_same_post_twice_makes_two_customers(api):
    assert api.create()["id"] != api.create()["id"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH", "PUT"])
@pytest.mark.parametrize("name", ["none", "%00x", "%ff", "a" * 300, "%22%27%5C", "%C3%A9"])
def test_an_unknown_customer_is_404(api, method, name):
    body = customer() if method in ("PATCH", "PUT") else None
    reply = api.request(method, f"/customer/{name}", json=body)
    assert reply.status_code == 404
    assert reply.json()["code"] == "notFound"


def test_a_deleted_customer_is_gone(api):
    path = path_of(api.create())
    reply = api.delete(path)
    assert (reply.status_code, reply.content) == (204, b"")
    assert "Content-Type" not in reply.headers
    assert api.delete(path).status_code == 404
    assert api.get(path).status_code == 404
    assert api.patch(path, {"name": "x"}).status_code == 404
    assert api.put(path, customer()).status_code == 404


def test_put_replaces_everything(api):
    made = api.create(status="Approved", extension=1)
    reply = api.put(path_of(made), customer(name="New"))
    assert reply.status_code == 200
    assert reply.json() == {**customer(name="New"), "id": made["id"], "href": made["href"],
                            "@type": "Customer"}
    assert api.get(path_of(made)).text == reply.text


def test_put_follows_the_rules_of_create(api):
    made = api.create()
    reply = api.put(path_of(made), {"status": "x"})
    assert reply.status_code == 400
    assert "name is mandatory" in reply.json()["message"]
    assert api.get(path_of(made)).json() == made


@pytest.mark.parametrize("send", ["put", "patch"])
def test_id_and_href_may_repeat_what_they_are(api, send):
    made = api.create()
    reply = getattr(api, send)(path_of(made), {**made, "status": "new"})
    assert reply.status_code == 200
    assert reply.json() == {**made, "status": "new"}


@pytest.mark.parametrize("send", ["put", "patch"])
@pytest.mark.parametrize("other", [{"id": "x"}, {"href": "x"}, {"id": None}, {"href": None},
                                   {"id": 5}])
def test_id_and_href_cannot_be_changed(api, send, other):
    made = api.create()
    reply = getattr(api, send)(path_of(made), {**customer(), **other})
    assert reply.status_code == 400
    assert reply.json()["message"].startswith(next(iter(other)))
    assert api.get(path_of(made)).json() == made


def test_patch_merges(api):
    made = api.create(status="Created", statusReason="why", validFor={
        "startDateTime": "2018-06-12T00:00Z", "endDateTime": "2019-01-11T00:00Z"},
        account=[{"name": "a"}, {"name": "b"}], x={"y": 1, "z": [1, 2]})
    reply = api.patch(path_of(made), {"status": "Approved", "statusReason": None,
                                      "validFor": {"endDateTime": None},
                                      "account": [{"name": "c"}], "x": {"y": None, "w": {"v": None}}})
    assert reply.status_code == 200
    expected = {**made, "status": "Approved", "validFor": {"startDateTime": "2018-06-12T00:00Z"},
                "account": [{"name": "c"}], "x": {"z": [1, 2], "w": {}}}
    del expected["statusReason"]
    assert reply.json() == expected
    assert api.get(path_of(made)).text == reply.text


def test_patch_reads_application_json_as_a_merge_patch(api):
    made = api.create()
    reply = api.patch(path_of(made), {"name": "new name"}, content_type="application/json")
    assert reply.json() == {**made, "name": "new name"}


@pytest.mark.parametrize("patch", [[], "x", 5, None, True])
def test_a_patch_that_is_no_object_is_400(api, patch):
    made = api.create()
    assert api.patch(path_of(made), patch).status_code == 400


@pytest.mark.parametrize("patch", [{"name": None}, {"name": " "}, {"engagedParty": None},
                                   {"engagedParty": {"id": None}}, {"account": [{}]},
                                   {"contactMedium": [{"mediumType": "x"}]}, {"status": 5}])
def test_the_result_of_a_patch_obeys_the_rules(api, patch):
    made = api.create()
    reply = api.patch(path_of(made), patch)
    assert reply.status_code == 400
    assert next(iter(patch)) in reply.json()["message"]
    assert api.get(path_of(made)).json() == made


@pytest.fixture
def client_ids(start_httpd):
    return Api(start_httpd(location="TMFCustomerClientId On").url)


@pytest.mark.parametrize("name", ["42", "a b;%?#é\"'\\", "x.gz", "+", "...", "a" * 255])
def test_the_client_may_choose_the_id_where_it_is_allowed(client_ids, name):
    reply = client_ids.post(customer(id=name))
    assert reply.status_code == 201, reply.text
    assert reply.json()["id"] == name
    assert reply.headers["Location"] == reply.json()["href"]
    again = client_ids.get(reply.headers["Location"])
    assert again.status_code == 200 and again.text == reply.text
    assert "Content-Encoding" not in again.headers
    reply = client_ids.post(customer(id=name))
    assert (reply.status_code, reply.json()["code"]) == (409, "idInUse")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", 5, {}, "x" * 256, " x", "x\n"])
def test_an_id_that_no_url_can_carry_is_400(client_ids, name):
    reply = client_ids.post(customer(id=name))
    assert reply.status_code == 400 and "id" in reply.json()["message"]


def test_a_null_id_is_none(client_ids):
    assert client_ids.post({**customer(), "id": None}).status_code == 201
