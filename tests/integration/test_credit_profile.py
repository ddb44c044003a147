# SPDX-License-Identifier: Apache-2.0
"""TMFCustomerCreditProfile current: what is not shown cannot be changed, by any kind of change."""
import pytest

from harness.client import JSON, JSON_PATCH, JSON_PATCH_QUERY, MERGE, Api, customer, path_of

PROFILES = [{"creditProfileDate": f"201{i}-06-15T00:00Z", "validFor": {}, "creditScore": i} for i in range(4)]
NEW = {"creditProfileDate": "2020-06-15T00:00Z", "validFor": {}, "creditScore": 9}
CHANGED = {**PROFILES[0], "creditScore": 8}


@pytest.fixture(scope="module")
def place(postgres):
    """(what clients use, the same customers with every profile)"""
    from harness.httpd import Httpd
    server = Httpd((postgres, postgres.create_database("credit_profiles")), location="TMFCustomerCreditProfile current",
                   outside='<Location "/all">\nSetHandler tmf-customer\nRequire all granted\n</Location>').start()
    yield Api(server.url), Api(f"http://127.0.0.1:{server.port}/all")
    wrong = server.log.check()
    server.remove()
    assert not wrong


@pytest.fixture
def made(place):
    current, everything = place
    path = path_of(current.create(creditProfile=PROFILES))
    return path, current, everything


def stored(everything, path):
    return everything.get(path).json().get("creditProfile")


def test_what_was_read_can_be_put_back(made):
    path, current, everything = made
    read = current.get(path)
    assert read.json()["creditProfile"] == PROFILES[:1]
    again = current.put(path, read.json())
    assert (again.status_code, again.text, again.headers["ETag"]) == (200, read.text, read.headers["ETag"])
    assert current.put(path, {**read.json(), "status": "x"}).json()["creditProfile"] == PROFILES[:1]
    assert stored(everything, path) == PROFILES


@pytest.mark.parametrize("profiles,expected", [
    ([CHANGED], [CHANGED, *PROFILES[1:]]), ([NEW, PROFILES[0]], [NEW, *PROFILES]), ([], PROFILES[1:]), (None, PROFILES[1:])])
@pytest.mark.parametrize("method", ["PUT", MERGE, JSON])
def test_put_and_merge_patch_change_what_is_shown(made, method, profiles, expected):
    path, current, everything = made
    body = {"creditProfile": profiles}
    reply = current.put(path, customer(**body)) if method == "PUT" else current.patch(path, body, method)
    assert reply.status_code == 200 and reply.json()["creditProfile"] == expected[:1]
    assert stored(everything, path) == expected


@pytest.mark.parametrize("media", [JSON_PATCH, JSON_PATCH_QUERY])
@pytest.mark.parametrize("operations,expected", [
    ([{"op": "replace", "path": "/creditProfile/0/creditScore", "value": 8}], [CHANGED, *PROFILES[1:]]),
    ([{"op": "add", "path": "/creditProfile/0", "value": NEW}], [NEW, *PROFILES]),
    ([{"op": "add", "path": "/creditProfile/-", "value": NEW}], [PROFILES[0], NEW, *PROFILES[1:]]),
    ([{"op": "remove", "path": "/creditProfile/0"}], PROFILES[1:]), ([{"op": "remove", "path": "/creditProfile"}], PROFILES[1:]),
    ([{"op": "test", "path": "/creditProfile", "value": PROFILES[:1]}], PROFILES)])
def test_json_patches_change_what_is_shown(made, media, operations, expected):
    path, current, everything = made
    reply = current.patch(path, operations, media)
    assert reply.status_code == 200 and reply.json()["creditProfile"] == expected[:1], reply.text
    assert stored(everything, path) == expected


@pytest.mark.parametrize("media,operation", [
    (JSON_PATCH, {"op": "remove", "path": "/creditProfile/1"}), (JSON_PATCH, {"op": "test", "path": "/creditProfile/1/creditScore", "value": 1}),
    (JSON_PATCH, {"op": "copy", "from": "/creditProfile/1", "path": "/x"}),
    (JSON_PATCH_QUERY, {"op": "remove", "path": "/creditProfile?creditScore=1"}),
    (JSON_PATCH_QUERY, {"op": "replace", "path": "$.creditProfile[?(@.creditScore>0)].creditScore", "value": 5}),
    (JSON_PATCH_QUERY, {"op": "remove", "path": "/creditProfile/1"})])
def test_what_is_not_shown_is_not_there_for_a_patch(made, media, operation):
    path, current, everything = made
    reply = current.patch(path, [operation], media)
    assert (reply.status_code, reply.json()["code"]) == (409, "patchConflict"), reply.text
    assert stored(everything, path) == PROFILES


def test_changes_of_anything_else_leave_them_alone(made):
    path, current, everything = made
    assert current.patch(path, {"status": "x", "y": [1]}).json()["creditProfile"] == PROFILES[:1]
    assert current.patch(path, [{"op": "add", "path": "$.y", "value": 2}], JSON_PATCH_QUERY).status_code == 200
    assert stored(everything, path) == PROFILES
    bad = current.patch(path, {"creditProfile": "x"})
    assert (bad.status_code, bad.json()["code"]) == (400, "invalidBody") and "creditProfile" in bad.json()["message"]


@pytest.mark.parametrize("profiles,expected", [
    ([NEW, PROFILES[0]], [NEW, *PROFILES]), ([NEW], [NEW, *PROFILES[1:]]), (PROFILES[2:0:-1], [PROFILES[2], PROFILES[1], PROFILES[3]]),
    (PROFILES, PROFILES)])
def test_the_same_change_again_changes_nothing_more(made, profiles, expected):
    """A profile that is sent and hidden already is one."""
    path, current, everything = made
    once = current.put(path, customer(creditProfile=profiles))
    assert stored(everything, path) == expected
    again = current.put(path, customer(creditProfile=profiles))
    assert (again.status_code, again.headers["ETag"], stored(everything, path)) == (200, once.headers["ETag"], expected)


def test_where_nothing_is_hidden_nothing_is_added(place):
    current, everything = place
    path = path_of(current.create())
    assert "creditProfile" not in current.patch(path, {"status": "x"}).json()
    for profiles in ([NEW], [CHANGED], []):
        assert current.patch(path, {"creditProfile": profiles}).json()["creditProfile"] == profiles
        assert stored(everything, path) == profiles
    assert "creditProfile" not in current.put(path, customer()).json()
