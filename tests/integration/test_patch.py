# SPDX-License-Identifier: Apache-2.0
"""PATCH in every format (src/api/README.md §6); where concurrent ones are concerned, test_concurrency.py."""
import pytest

from harness.client import JSON, JSON_PATCH, JSON_PATCH_QUERY, MERGE, Api, customer, exact, path_of

MEDIA = [{"mediumType": "email", "preferred": True, "characteristic": {"emailAddress": "a@b.example"}},
         {"mediumType": "phone", "preferred": False, "characteristic": {"city": "Paris"}}]
BOTH = [JSON_PATCH, JSON_PATCH_QUERY]


def operation(op, path, **members):
    return {"op": op, "path": path, **({"from": members.pop("from_")} if "from_" in members else {}), **members}


def refused(api, made, patch, content_type, status, code, *parts):
    """The patch is refused, the message has the parts, and nothing has changed."""
    before = api.get(path_of(made))
    reply = api.patch(path_of(made), patch, content_type)
    assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text
    for part in parts:
        assert part in reply.json()["message"]
    after = api.get(path_of(made))
    assert (after.text, after.headers["ETag"]) == (before.text, before.headers["ETag"])


@pytest.mark.parametrize("content_type", [JSON, MERGE, None])
def test_a_merge_patch_merges_objects_replaces_arrays_and_removes_with_null(api, content_type):
    made = api.create(status="x", contactMedium=MEDIA, extra={"a": 1, "b": {"c": 2}})
    reply = api.patch(path_of(made), {"status": None, "contactMedium": MEDIA[1:], "new": [1],
                                      "extra": {"b": {"d": None, "e": 3}, "a": None}}, content_type)
    assert reply.status_code == 200
    assert reply.json() == {**{k: v for k, v in made.items() if k != "status"}, "contactMedium": MEDIA[1:],
                            "new": [1], "extra": {"b": {"c": 2, "e": 3}}}
    assert reply.headers["ETag"] and api.get(path_of(made)).text == reply.text


@pytest.mark.parametrize("body", ["[]", "1", "null", "\"x\"", "true"])
@pytest.mark.parametrize("content_type", [JSON, MERGE])
def test_a_merge_patch_must_be_an_object(api, body, content_type):
    refused(api, api.create(), body, content_type, 400, "invalidBody", "object")


def test_an_array_hints_at_the_media_type_of_json_patch(api):
    refused(api, api.create(), [operation("remove", "/name")], JSON, 400, "invalidBody", JSON_PATCH)


@pytest.mark.smoke
@pytest.mark.parametrize("content_type", BOTH)
def test_a_json_patch_carries_out_all_six_operations(api, content_type):
    made = api.create(status="x", contactMedium=MEDIA, extra={"a/b": 1, "m~n": 2})
    reply = api.patch(path_of(made), [
        operation("test", "/contactMedium/1/mediumType", value="phone"),
        operation("replace", "/contactMedium/1/characteristic/city", value="Lyon"),
        operation("add", "/contactMedium/-", value={"mediumType": "fax", "characteristic": {}}),
        operation("remove", "/contactMedium/0"),
        operation("copy", "/statusReason", from_="/status"),
        operation("move", "/extra/moved", from_="/extra/a~1b"),
        operation("test", "/extra/m~0n", value=2.0),
        operation("add", "/extra/null", value=None)], content_type)
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert [medium["mediumType"] for medium in body["contactMedium"]] == ["phone", "fax"]
    assert body["contactMedium"][0]["characteristic"] == {"city": "Lyon"}
    assert body["statusReason"] == "x" and body["extra"] == {"moved": 1, "m~n": 2, "null": None}
    assert api.get(path_of(made)).text == reply.text


@pytest.mark.smoke
@pytest.mark.parametrize("path", [
    "/contactMedium/preferred?contactMedium.mediumType=phone", "/contactMedium/preferred?mediumType=phone",
    "/contactMedium/preferred?mediumType=phone&contactMedium.characteristic.city=Paris",
    "/contactMedium/preferred?mediumType.regex=^ph", "$.contactMedium[?(@.mediumType=='phone')].preferred",
    "contactMedium[?(@.mediumType=~'^PH' || @.characteristic.city==\"Paris\")].preferred",
    "$.contactMedium[1].preferred"])
def test_a_json_patch_query_changes_one_element_of_an_array(api, path):
    made = api.create(contactMedium=MEDIA)
    reply = api.patch(path_of(made), [operation("replace", path, value=True)], JSON_PATCH_QUERY)
    assert reply.status_code == 200, reply.text
    assert reply.json() == {**made, "contactMedium": [MEDIA[0], {**MEDIA[1], "preferred": True}]}


def test_a_json_patch_query_appends_and_removes_elements(api):
    made = api.create(contactMedium=MEDIA)
    fax = {"mediumType": "fax", "characteristic": {}}
    reply = api.patch(path_of(made), [operation("add", "/contactMedium", value=fax)], JSON_PATCH_QUERY)
    assert reply.json()["contactMedium"] == [*MEDIA, fax]
    reply = api.patch(path_of(made), [operation("remove", "$.contactMedium[?(@.mediumType!='fax')]")],
                      JSON_PATCH_QUERY)
    assert reply.json()["contactMedium"] == [fax]
    reply = api.patch(path_of(made), [operation("add", "/contactMedium", value=[fax])], JSON_PATCH)
    assert reply.json()["contactMedium"] == [fax], "in a plain JSON Patch, add replaces an array"


@pytest.mark.parametrize("content_type", BOTH)
@pytest.mark.parametrize("patch,code,part", [
    ("{", "malformedJson", "line 1"), ("[{\"op\":\"remove\",\"op\":\"add\"}]", "malformedJson", "twice"),
    ({"op": "remove", "path": "/status"}, "invalidBody", "array of operations"),
    (["x"], "invalidBody", "Operation 0"), ([{"op": "remove"}], "invalidBody", "path"),
    ([operation("frobnicate", "/status")], "invalidBody", "add, remove, replace, move, copy or test"),
    ([operation("test", "/status", value="x"), operation("add", "/status")], "invalidBody", "Operation 1"),
    ([operation("add", "/a~b", value=1)], "invalidBody", "JSON Pointer")])
def test_a_malformed_patch_is_400(api, content_type, patch, code, part):
    refused(api, api.create(status="x"), patch, content_type, 400, code, part)


def test_an_empty_body_is_no_patch(api):
    for content_type in [JSON, MERGE, *BOTH]:
        refused(api, api.create(), b"", content_type, 400, "invalidBody", "no body")


@pytest.mark.smoke
@pytest.mark.parametrize("content_type", BOTH)
@pytest.mark.parametrize("last", [
    operation("test", "/status", value="y"), operation("test", "/none", value="y"),
    operation("remove", "/none"), operation("replace", "/none", value=1),
    operation("add", "/none/x", value=1), operation("remove", "/contactMedium/2"),
    operation("add", "/contactMedium/3", value=1), operation("copy", "/x", from_="/none"),
    operation("remove", "/contactMedium/00")])
def test_what_does_not_fit_is_409_and_nothing_is_changed(api, content_type, last):
    made = api.create(status="x", contactMedium=MEDIA)
    refused(api, made, [operation("replace", "/name", value="other"), last], content_type, 409,
            "patchConflict", f"Operation 1 ({last['op']} {last['path']})")


@pytest.mark.parametrize("path", ["/contactMedium/preferred?mediumType=fax", "$.contactMedium[?(@.mediumType=='fax')]",
                                  "/contactMedium?preferred=true&mediumType=phone"])
def test_a_choice_of_nothing_is_409(api, path):
    made = api.create(contactMedium=MEDIA)
    for op in ["remove", "replace", "test"]:
        refused(api, made, [operation(op, path, value=True)], JSON_PATCH_QUERY, 409, "patchConflict", path)


@pytest.mark.parametrize("path,status,code", [
    ("$.a[", 400, "invalidBody"), ("/a?", 400, "invalidBody"), ("/a?b=%zz", 400, "invalidBody"),
    ("/contactMedium/preferred?mediumType.regex=(", 400, "invalidBody"),
    ("$.contactMedium[?(@.mediumType=~'(')]", 400, "invalidBody"), ("$..a", 501, "notImplemented")])
def test_a_path_that_cannot_be_read_names_its_operation(api, path, status, code):
    refused(api, api.create(contactMedium=MEDIA), [operation("remove", path)], JSON_PATCH_QUERY, status, code,
            f"Operation 0 (remove {path})")


@pytest.mark.parametrize("content_type,patch,part", [
    (MERGE, {"name": None}, "name"), (MERGE, {"engagedParty": {"id": None}}, "engagedParty.id"),
    (MERGE, {"contactMedium": [{}]}, "contactMedium[0].mediumType"),
    (JSON_PATCH, [operation("remove", "/engagedParty")], "engagedParty"),
    (JSON_PATCH, [operation("replace", "", value=7)], "object"),
    (JSON_PATCH, [operation("remove", "")], "object"),
    (JSON_PATCH, [operation("replace", "/contactMedium/1/preferred", value="yes")], "contactMedium[1].preferred"),
    (JSON_PATCH_QUERY, [operation("replace", "/contactMedium/mediumType?preferred=false", value=" ")],
     "contactMedium[1].mediumType"),
    (JSON_PATCH_QUERY, [operation("replace", "$.name", value=1)], "name")])
def test_the_result_must_be_a_customer(api, content_type, patch, part):
    refused(api, api.create(contactMedium=MEDIA), patch, content_type, 400, "invalidBody", part)


def test_id_and_href_may_be_what_they_are_and_nothing_else(api):
    made = api.create(status="x")
    for name in ["id", "href"]:
        same = [(MERGE, {name: made[name]}), *((media, [operation(op, f"/{name}", value=made[name])])
                                               for media in BOTH for op in ["test", "replace", "add"])]
        for content_type, patch in same:
            reply = api.patch(path_of(made), patch, content_type)
            assert (reply.status_code, reply.json()) == (200, made)
        other = [(MERGE, {name: "x"}), (MERGE, {name: None}), (MERGE, {name: 1})]
        for media in BOTH:
            other += [(media, [operation("replace", f"/{name}", value="x")]), (media, [operation("remove", f"/{name}")]),
                      (media, [operation("move", "/x", from_=f"/{name}")]),
                      (media, [operation("copy", f"/{name}", from_="/status")])]
        for content_type, patch in other:
            refused(api, made, patch, content_type, 400, "invalidBody", name)


def test_a_patch_works_on_what_the_client_sees(api):
    made = api.create(relatedParty=[{"id": "1", "@referredType": "x"}])
    reply = api.patch(path_of(made), [operation("copy", "/myId", from_="/id"), operation("copy", "/myHref", from_="/href"),
                                      operation("test", "/@type", value="Customer")], JSON_PATCH)
    assert (reply.json()["myId"], reply.json()["myHref"]) == (made["id"], made["href"])
    whole = {**made, "name": "all of it"}
    assert api.patch(path_of(made), [operation("replace", "", value=whole)], JSON_PATCH).json() == whole


def test_a_patch_that_changes_nothing_keeps_the_tag(api):
    made = api.post(customer(status="x", n={"a": 1.0, "b": [1, 2]}))
    path = path_of(made.json())
    for content_type, patch in [
            (JSON_PATCH, []), (JSON_PATCH_QUERY, []), (MERGE, {}),
            (JSON_PATCH, [operation("replace", "/n", value={"b": [1, 2.0], "a": 1})]),
            (JSON_PATCH, [operation("add", "/y", value=1), operation("remove", "/y")]),
            (JSON_PATCH, [operation("add", "/agreement", value=None)]),
            (JSON_PATCH_QUERY, [operation("replace", "$.n.b[?(@>1)]", value=2)])]:
        reply = api.patch(path, patch, content_type)
        assert reply.status_code == 200, reply.text
        assert (reply.headers["ETag"], reply.text) == (made.headers["ETag"], made.text)


@pytest.mark.parametrize("content_type,patch", [
    (MERGE, {"status": "y"}), (JSON_PATCH, [operation("add", "/status", value="y")]),
    (JSON_PATCH_QUERY, [operation("add", "$.status", value="y")])])
def test_the_rest_survives_value_for_value(api, content_type, patch):
    text = ('{"name":"\\u00fc \\ud83d\\ude00 / \\" \\\\","engagedParty":{"id":"1","@referredType":"x"},'
            '"n":[12345678901234567890.1234567890,1e30,-0.0,1.10],"validFor":{"startDateTime":"2018-06-12T00:00Z"},'
            '"o":{"":null,"é":{"b":[[],{}]}}}')
    made = api.post(text)
    reply = api.patch(path_of(made.json()), patch, content_type)
    before, after = exact(made.text), exact(reply.text)
    assert after.pop("status") == "y" and after == before
    assert str(after["n"]) == str(before["n"]) and "2018-06-12T00:00Z" in reply.text and "😀" in reply.text


def test_fields_are_applied_to_replies_of_writes(api):
    for method, body, content_type in [("PATCH", {"status": "y"}, MERGE), ("PUT", customer(status="z"), JSON),
                                       ("PATCH", [operation("add", "/status", value="v")], JSON_PATCH)]:
        made = api.create(status="x", contactMedium=MEDIA)
        reply = api.send(method, path_of(made) + "?fields=status,contactMedium.mediumType", body, content_type)
        assert reply.status_code == 200 and "ETag" not in reply.headers
        assert {"id", "href", "status"} <= set(reply.json()) <= {"id", "href", "status", "contactMedium"}
        reply = api.send(method, path_of(made) + "?fields=none", body, content_type)
        assert reply.json() == {"id": made["id"], "href": made["href"]}
        assert api.send(method, path_of(made) + "?x=y", body, content_type).status_code == 400
    reply = api.post(customer(status="x"), path="/customer?fields=status")
    assert reply.status_code == 201 and set(reply.json()) == {"id", "href", "status"}
    assert reply.headers["Location"] == reply.json()["href"]


@pytest.mark.parametrize("content_type", BOTH)
def test_if_match_holds_for_every_format(api, content_type):
    made = api.post(customer())
    patch = [operation("add", "/status", value="y")]
    assert api.patch(path_of(made.json()), patch, content_type, headers={"If-Match": '"0"'}).status_code == 412
    reply = api.patch(path_of(made.json()), patch, content_type, headers={"If-Match": made.headers["ETag"]})
    assert reply.status_code == 200 and reply.headers["ETag"] != made.headers["ETag"]
    assert api.patch("/customer/none", patch, content_type).status_code == 404


def test_a_small_patch_cannot_make_a_large_customer(start_httpd):
    api = Api(start_httpd(location="TMFCustomerMaxBody 20000\nTMFCustomerMaxDepth 8").url)
    made = api.create(x={"a": "y" * 1000})
    double = [operation("copy", "/x/b", from_="/x"), operation("move", "/x", from_="/x/b")]
    for patch in [[operation("copy", f"/x/{i}", from_="/x") for i in range(20)],
                  [operation("copy", f"/y{i}", from_="/x") for i in range(30)], double * 20]:
        refused(api, made, patch, JSON_PATCH, 400, "invalidBody", "Operation")
    deep = [operation("add", "/" + "/".join("d" * i), value={"d": {}}) for i in range(1, 9)]
    refused(api, made, deep, JSON_PATCH, 400, "invalidBody", "nested too deep")
    everywhere = [operation("add", "/l", value=[{}] * 200), operation("add", "$.l[*].x", value="z" * 200)]
    refused(api, made, everywhere, JSON_PATCH_QUERY, 400, "invalidBody", "more bytes")
    assert api.patch(path_of(made), [operation("copy", "/y", from_="/x")], JSON_PATCH).status_code == 200


def test_a_patch_has_limits(api):
    made = api.create(x=[0] * 600, contactMedium=MEDIA)
    for content_type, patch in [
            (JSON_PATCH, [operation("test", "/name", value=made["name"])] * 1001),
            (JSON_PATCH_QUERY, [operation("replace", "$.x[*]", value=1)] * 2),
            (JSON_PATCH_QUERY, [operation("test", "/contactMedium/mediumType?preferred=true", value="email")] * 65),
            (JSON_PATCH, [operation("test", "/a" * 65, value=1)])]:
        refused(api, made, patch, content_type, 400, "invalidBody")
    assert api.patch(path_of(made), [operation("test", "/name", value=made["name"])] * 1000,
                     JSON_PATCH).status_code == 200
