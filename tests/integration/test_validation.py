# SPDX-License-Identifier: Apache-2.0
"""Mandatory attributes, types, all violations in one reply (src/api/README.md §1)."""
import pytest

from harness.client import customer, path_of


def test_all_violations_are_reported_together(api):
    reply = api.post({"status": 1, "validFor": {"startDateTime": "x"}, "account": [{"id": 3}, 4],
                      "contactMedium": [{"mediumType": "x", "characteristic": {}},
                                        {"characteristic": {"city": []}}]})
    assert (reply.status_code, reply.json()["code"]) == (400, "invalidBody")
    for path in ["name ", "engagedParty ", "status ", "validFor.startDateTime ", "account[0].id ",
                 "account[0].name ", "account[1] ", "contactMedium[1].mediumType ",
                 "contactMedium[1].characteristic.city "]:
        assert path in reply.json()["message"]
    assert "contactMedium[0]" not in reply.json()["message"]


PARTY = {"id": "1", "@referredType": "Individual"}
VALID = {
    "account": {"name": "a"}, "agreement": {"id": "1"}, "paymentMethod": {"id": "1"},
    "characteristic": {"name": "a", "value": 1},
    "contactMedium": {"mediumType": "a", "characteristic": {}},
    "creditProfile": {"creditProfileDate": "2018-06-15T00:00Z", "validFor": {}},
    "relatedParty": PARTY,
}
MANDATORY = [(array, name) for array, element in VALID.items() for name in element]


@pytest.mark.parametrize("array,name", MANDATORY)
@pytest.mark.parametrize("how", ["absent", "null", "blank"])
def test_mandatory_members(api, array, name, how):
    element = dict(VALID[array])
    assert api.post(customer(**{array: [element]})).status_code == 201
    if how == "absent":
        del element[name]
    else:
        element[name] = None if how == "null" else " "
    if how == "blank" and (array, name) == ("characteristic", "value"):
        assert api.post(customer(**{array: [element]})).status_code == 201
        return
    reply = api.post(customer(**{array: [VALID[array], element]}))
    assert reply.status_code == 400
    assert f"{array}[1].{name} " in reply.json()["message"]


STRINGS = ["status", "statusReason", "@type", "@baseType", "@schemaLocation"]


@pytest.mark.parametrize("name", STRINGS)
@pytest.mark.parametrize("value", [1, True, {}, []])
def test_strings(api, name, value):
    reply = api.post(customer(**{name: value}))
    assert reply.status_code == 400 and name in reply.json()["message"]


@pytest.mark.parametrize("array", list(VALID))
def test_sub_resources_have_polymorphic_members(api, array):
    good = {**VALID[array], "@type": "T", "@baseType": "B", "@schemaLocation": "https://x/y"}
    assert api.post(customer(**{array: [good]})).json()[array] == [good]
    reply = api.post(customer(**{array: [{**good, "@schemaLocation": "u: not a uri"}]}))
    assert reply.status_code == 400 and f"{array}[0].@schemaLocation must be a URI" in reply.json()["message"]
    for name in ["@type", "@baseType", "@schemaLocation"]:
        reply = api.post(customer(**{array: [{**VALID[array], name: 5}]}))
        assert reply.status_code == 400 and f"{array}[0].{name}" in reply.json()["message"]


def test_a_schema_location_is_a_uri_at_every_level(api):
    period, bad = {"@schemaLocation": "not a uri"}, {"@schemaLocation": "u: not a uri"}
    body = customer(validFor=period, engagedParty={"id": "1", "@referredType": "x", **bad}, **bad, contactMedium=[
        {"mediumType": "x", "characteristic": bad, "validFor": period}])
    message = api.post(body).json()["message"]
    for path in ("@schemaLocation", "validFor.@schemaLocation", "engagedParty.@schemaLocation",
                 "contactMedium[0].characteristic.@schemaLocation", "contactMedium[0].validFor.@schemaLocation"):
        assert f"{path} must be a URI" in message
    made = api.create(**{"@schemaLocation": "../schemas/gold.json#/definitions/Gold"})
    assert made["@schemaLocation"] == "../schemas/gold.json#/definitions/Gold"
    assert api.patch(path_of(made), bad).status_code == 400


@pytest.mark.parametrize("value", ["4", 4.5, True, {}])
def test_integers(api, value):
    profile = {**VALID["creditProfile"], "creditScore": value}
    assert api.post(customer(creditProfile=[profile])).status_code == 400


@pytest.mark.parametrize("value,status", [
    ("2018-06-12T00:00Z", 201), ("2018-06-12T00:00:00Z", 201), ("2018-06-12T00:00:00.125+05:30", 201),
    ("2016-12-31T15:59:60-08:00", 201), ("2020-06-15T12:34:60Z", 400), ("2018-06-12", 400), ("2018-06-12T00:00", 400), ("12/06/2018", 400), ("2018-02-30T00:00Z", 400),
    ("", 400), (0, 400), ({}, 400)])
def test_date_times(api, value, status):
    reply = api.post(customer(validFor={"startDateTime": value}))
    assert reply.status_code == status
    if status == 201:
        assert reply.json()["validFor"] == {"startDateTime": value}


@pytest.mark.parametrize("start,end,status", [
    ("2018-06-12T00:00Z", "2018-06-12T00:00:00.000Z", 201),
    ("2018-06-12T02:00+02:00", "2018-06-12T00:00Z", 201),
    ("2018-06-12T00:00Z", "2018-06-12T01:00+02:00", 400),
    ("2018-06-12T00:00:00.2Z", "2018-06-12T00:00:00.1Z", 400)])
def test_a_period_does_not_end_before_it_starts(api, start, end, status):
    period = {"startDateTime": start, "endDateTime": end}
    medium = {**VALID["contactMedium"], "validFor": period}
    assert api.post(customer(validFor=period)).status_code == status
    reply = api.post(customer(contactMedium=[medium]))
    assert reply.status_code == status
    if status == 400:
        assert "contactMedium[0].validFor.endDateTime" in reply.json()["message"]


def test_engaged_party_as_an_array_of_one_becomes_the_object(api):
    assert api.post(customer(engagedParty=[PARTY])).json()["engagedParty"] == PARTY


@pytest.mark.parametrize("party", [[], [PARTY, PARTY], [1], "x", {}, {"id": "1"},
                                   {"@referredType": "x"}])
def test_other_engaged_parties_are_400(api, party):
    reply = api.post(customer(engagedParty=party))
    assert reply.status_code == 400 and "engagedParty" in reply.json()["message"]


@pytest.mark.parametrize("name,parties,status", [
    ("Moon", [{**PARTY, "name": " Moon\t"}], 201),
    ("Moon ", [{**PARTY, "name": "Moon"}, {**PARTY, "name": "Sun"}], 201),
    ("Moon", [{**PARTY, "name": "moon"}], 400),
    ("Moon", [{**PARTY, "name": "Moon"}, {**PARTY, "name": "Moon "}], 400),
    ("Moon", [], 400), ("Moon", [PARTY], 400)])
def test_a_related_party_of_the_same_name_is_adopted(api, name, parties, status):
    reply = api.post({"name": name, "relatedParty": parties})
    assert reply.status_code == status
    if status == 201:
        assert reply.json()["engagedParty"] == parties[0]
        assert reply.json()["relatedParty"] == parties


def test_null_is_absent(api):
    body = api.post(customer(**{"@type": None}) | {"@type": None, "status": None, "extra": None,
                    "account": None, "contactMedium": [{**VALID["contactMedium"], "preferred": None}],
                    "characteristic": [{"name": "a", "value": {"kept": None}}]}).json()
    assert body["@type"] == "Customer"
    assert not {"status", "extra", "account"} & set(body)
    assert body["contactMedium"] == [VALID["contactMedium"]]
    assert body["characteristic"] == [{"name": "a", "value": {"kept": None}}]


def test_a_rejected_body_stores_nothing(api):
    before = api.get("/customer?limit=0").headers["X-Total-Count"]
    assert api.post(customer(name=" ")).status_code == 400
    assert api.get("/customer?limit=0").headers["X-Total-Count"] == before


def test_a_characteristic_may_have_any_value(api):
    values = [0, -1.5, "", "x", True, False, [], {}, [None], {"a": {"b": []}}]
    characteristics = [{"name": str(i), "value": value} for i, value in enumerate(values)]
    made = api.create(characteristic=characteristics)
    assert api.get(path_of(made)).json()["characteristic"] == characteristics
