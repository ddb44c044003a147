# SPDX-License-Identifier: Apache-2.0
"""Lists, paging by offset, fields= (src/api/README.md §3, §5)."""
import json

import pytest

from harness.client import Api, customer, path_of, raw_get


@pytest.fixture(scope="module")
def seven(request):
    """A database with seven customers, in the order of their creation."""
    from harness.httpd import Httpd
    postgres = request.getfixturevalue("postgres")
    server = Httpd((postgres, postgres.create_database("seven")),
                   location="TMFCustomerPageSize 4\nTMFCustomerMaxPageSize 6").start()
    api = Api(server.url)
    api.made = [api.create(name=f"number {i}") for i in range(7)]
    yield api
    assert not server.log.check()
    server.remove()


@pytest.mark.parametrize("query,slice_,status", [
    ("", slice(0, 4), 200), ("limit=3", slice(0, 3), 206), ("offset=5", slice(5, 7), 206),
    ("limit=3&offset=2", slice(2, 5), 206), ("limit=7", slice(0, 6), 206),
    ("limit=99999999999999999999", slice(0, 6), 206), ("limit=0", slice(0, 0), 200),
    ("offset=7", slice(0, 0), 200), ("offset=99999999999999999999", slice(0, 0), 200),
    ("offset=0", slice(0, 4), 206), ("limit=%31", slice(0, 1), 206), ("&&limit=1&", slice(0, 1), 206)])
def test_pages(seven, query, slice_, status):
    reply = seven.get(f"/customer?{query}")
    assert reply.status_code == status
    assert reply.json() == seven.made[slice_]
    assert reply.headers["X-Total-Count"] == "7"
    assert reply.headers["X-Result-Count"] == str(len(seven.made[slice_]))


@pytest.mark.parametrize("query", ["limit=-1", "limit=x", "limit=", "limit", "offset=1.5", "offset=+1",
                                   "limit=1&limit=2", "fields=%ff", "%00=1"])
def test_bad_parameters_are_400(seven, query):
    reply = seven.get(f"/customer?{query}")
    assert (reply.status_code, reply.json()["code"]) == (400, "invalidParameter")


@pytest.mark.parametrize("query", ["fields=%zz", "fields=%", "%=1", "limit=%4"])
def test_bad_percent_encoding_is_400(server, query):
    status, _, body = raw_get(server, f"/customer?{query}")
    assert (status, json.loads(body)["code"]) == (400, "invalidParameter")


def test_an_empty_collection(start_httpd):
    reply = Api(start_httpd().url).get("/customer?offset=3")
    assert (reply.status_code, reply.text) == (200, "[]")
    assert (reply.headers["X-Total-Count"], reply.headers["X-Result-Count"]) == ("0", "0")


def test_partial_content_off_answers_200(start_httpd):
    api = Api(start_httpd(location="TMFCustomerPartialContent Off").url)
    api.create(), api.create()
    assert api.get("/customer?limit=1").status_code == 200


FULL = customer(status="Approved", contactMedium=[
    {"mediumType": "email", "preferred": True, "characteristic": {"city": "Paris", "country": "F"}},
    {"mediumType": "phone", "characteristic": {}}], x={"y": [{"z": 1}, 2]})


@pytest.mark.parametrize("fields,shown", [
    ("name", {"name": FULL["name"]}),
    ("name,status", {"name": FULL["name"], "status": "Approved"}),
    ("name&fields=status", {"name": FULL["name"], "status": "Approved"}),
    ("%20name%20,+status", {"name": FULL["name"], "status": "Approved"}),
    ("id,href", {}), ("none", {}), ("unknown", {}), ("Name", {}),
    ("%40type", {"@type": "Customer"}), ("@type", {"@type": "Customer"}),
    ("contactMedium.mediumType", {"contactMedium": [{"mediumType": "email"},
                                                    {"mediumType": "phone"}]}),
    ("contactMedium.characteristic.city", {"contactMedium": [{"characteristic": {"city": "Paris"}}]}),
    ("contactMedium,contactMedium.preferred", {"contactMedium": FULL["contactMedium"]}),
    ("engagedParty.id,name.x,x.y.z", {"engagedParty": {"id": "500"}, "x": {"y": [{"z": 1}]}}),
    ("x", {"x": FULL["x"]})])
def test_fields_on_every_reply_with_a_customer(api, fields, shown):
    made = api.create(**FULL)
    expected = {"id": made["id"], "href": made["href"], **shown}
    path = f"{path_of(made)}?fields={fields}"
    total = int(api.get("/customer?limit=0").headers["X-Total-Count"])
    assert api.get(path).json() == expected
    assert api.patch(path, {"y": 1}).json() == expected
    assert api.put(path, FULL).json() == expected
    assert api.get(f"/customer?offset={total - 1}&fields={fields}").json() == [expected]
    created = api.post(FULL, path=f"/customer?fields={fields}")
    assert created.status_code == 201
    assert created.json() == {**expected, "id": created.json()["id"], "href": created.json()["href"]}


@pytest.mark.parametrize("fields", ["", ",", "%20", ",,+"])
def test_empty_fields_show_everything(api, fields):
    made = api.create(**FULL)
    assert api.get(f"{path_of(made)}?fields={fields}").json() == made


def test_a_selection_has_no_etag(api):
    path = path_of(api.create())
    assert "ETag" in api.get(path).headers
    assert "ETag" not in api.get(f"{path}?fields=name").headers


@pytest.mark.parametrize("fields", [".".join("abcdefghijklmnopq"), ",".join(map(str, range(300)))])
def test_fields_are_limited(api, fields):
    reply = api.get(f"/customer?fields={fields}")
    assert reply.status_code == 400 and "fields" in reply.json()["message"]


def test_only_the_current_credit_profile_where_so_configured(start_httpd):
    server = start_httpd(location="TMFCustomerCreditProfile current",
                         outside='<Location "/all">\nSetHandler tmf-customer\n</Location>')
    api = Api(server.url)
    profiles = [{"creditProfileDate": f"201{i}-06-15T00:00Z", "validFor": {}} for i in range(3)]
    made = api.create(creditProfile=profiles)
    assert made["creditProfile"] == profiles[:1]
    assert api.get(path_of(made)).json() == made
    assert api.get("/customer").json() == [made]
    assert api.get(f"{path_of(made)}?fields=creditProfile").json()["creditProfile"] == profiles[:1]
    assert api.patch(path_of(made), {"status": "x"}).json()["creditProfile"] == profiles[:1]
    everything = Api(f"http://127.0.0.1:{server.port}/all").get(path_of(made)).json()
    assert everything["creditProfile"] == profiles
    assert api.create(creditProfile=[])["creditProfile"] == []


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("query", ["status=x", "limit=1", "offset=0", "a;b", "sort=name"])
def test_writes_take_no_other_parameter(api, method, query):
    made = api.create()
    path = "/customer" if method == "POST" else path_of(made)
    reply = api.request(method, f"{path}?{query}", json=customer(name="other"))
    assert (reply.status_code, reply.json()["code"]) == (400, "invalidParameter")
    assert api.get(path_of(made)).json() == made
