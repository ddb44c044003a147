# SPDX-License-Identifier: Apache-2.0
"""What operators run in SQL: check() after loading past the API, forget_hubs() on a copy of a database."""
import json

import psycopg2
import pytest

from harness.client import Api, customer
from harness.documents import blocks_of
from harness.postgres import OWNER, RUNTIME
from harness.statements import FILES

TABLE = "tmf_customer.customer"
ADDRESSED = ["a", "0" * 255, "é" * 127, "a b", "...", "~", "a.b"]
NOT_ADDRESSED = {"": "bytes", "0" * 256: "bytes", "é" * 128: "bytes", ".": "segment", "..": "segment", "a/b": "segment",
                 "a\nb": "control", "a\x7f": "control", " a": "blank", "a ": "blank"}


def full(**members):
    return {"@type": "Customer", **customer(**members)}


@pytest.fixture
def load(new_database):
    """Writes documents past the API: load(id=document, …), and returns what check() finds: (id, path, problem)."""
    postgres, name = new_database()

    def load(**documents):
        for identity, document in documents.items():
            postgres.execute(f"INSERT INTO {TABLE} (id, doc) VALUES (%s, %s)", name,
                             (identity, document if isinstance(document, str) else json.dumps(document)), user=OWNER)
        return postgres.execute("SELECT * FROM tmf_customer.check()", name, user=OWNER)
    load.database = postgres, name
    load.run = lambda sql, *parameters: postgres.execute(sql, name, parameters or None, user=OWNER)
    return load


def test_what_the_api_has_written_is_right(load, start_httpd):
    api = Api(start_httpd(load.database).url)
    period = {"startDateTime": "2020-01-01T00:00Z", "endDateTime": "2020-01-01T00:00:00.5+00:00"}
    party = {"id": "1", "@referredType": "Individual", "role": "x"}
    api.create(status="x", statusReason="y", validFor=period, extension=[None, {"id": 1}], relatedParty=[party, party],
               account=[{"name": "x", "id": "1"}], agreement=[{"id": "1"}], paymentMethod=[{"id": "2", "name": "n"}],
               characteristic=[{"name": "x", "value": False}, {"name": "y", "value": {"a": []}}],
               contactMedium=[{"mediumType": "email", "preferred": True, "validFor": {}, "characteristic": {"city": "Paris"}}],
               creditProfile=[{"creditProfileDate": "2020-01-01T00:00Z", "validFor": period, "creditScore": 1}])
    assert load() == []


WRONG = [
    ({"name": None}, "name", "is mandatory"),
    ({"name": " \t"}, "name", "is mandatory and may not be blank"),
    ({"name": 5}, "name", "must be a string"),
    ({"engagedParty": None}, "engagedParty", "is mandatory"),
    ({"engagedParty": [{"id": "1", "@referredType": "x"}] * 2}, "engagedParty", "must be an object"),
    ({"engagedParty": {"@referredType": "x"}}, "engagedParty.id", "is mandatory"),
    ({"status": 7}, "status", "must be a string"),
    ({"validFor": "x"}, "validFor", "must be an object"),
    ({"validFor": {"startDateTime": "2020-01-01"}}, "validFor.startDateTime", "must be a date-time such as 2018-06-12T00:00Z"),
    ({"validFor": {"startDateTime": "2020-01-01T00:00Z", "endDateTime": "2019-01-01T00:00Z"}}, "validFor.endDateTime",
     "may not be before startDateTime"),
    ({"contactMedium": {}}, "contactMedium", "must be an array"),
    ({"contactMedium": [{"mediumType": "x", "characteristic": {}}, "x"]}, "contactMedium[1]", "must be an object"),
    ({"contactMedium": [{"characteristic": {}}]}, "contactMedium[0].mediumType", "is mandatory"),
    ({"contactMedium": [{"mediumType": "x", "characteristic": {"city": 1}}]}, "contactMedium[0].characteristic.city", "must be a string"),
    ({"contactMedium": [{"mediumType": "x", "characteristic": {}, "preferred": "y"}]}, "contactMedium[0].preferred",
     "must be true or false"),
    ({"creditProfile": [{"creditProfileDate": "2020-01-01T00:00Z", "validFor": {}, "creditScore": 1.5}]},
     "creditProfile[0].creditScore", "must be an integer, without fraction and exponent"),
    ({"relatedParty": [{"id": "1", "@referredType": ""}]}, "relatedParty[0].@referredType", "is mandatory and may not be blank"),
    ({"characteristic": [{"name": "x"}]}, "characteristic[0].value", "is mandatory"),
    ({"paymentMethod": [{"id": 1}]}, "paymentMethod[0].id", "must be a string"),
    ({"@baseType": {}}, "@baseType", "must be a string"),
    ({"@schemaLocation": 5}, "@schemaLocation", "must be a string"),
    ({"@schemaLocation": "u: not a uri"}, "@schemaLocation", "must be a URI such as https://schemas.example/customer.json"),
    ({"@schemaLocation": "a#b#c"}, "@schemaLocation", "must be a URI such as https://schemas.example/customer.json"),
    ({"@schemaLocation": "1a:b"}, "@schemaLocation", "must be a URI such as https://schemas.example/customer.json"),
    ({"relatedParty": [{"id": "1", "@referredType": "x", "@schemaLocation": "a%2"}]}, "relatedParty[0].@schemaLocation",
     "must be a URI such as https://schemas.example/customer.json")]


def test_what_the_api_would_refuse_is_found_and_named(load, start_httpd):
    """And each of it the API refuses indeed, with the same words."""
    api = Api(start_httpd(load.database).url)
    documents = {f"c{number:02}": {**full(), **members} for number, (members, _, _) in enumerate(WRONG)}
    assert load(right=full(), **documents) == [(identity, path, problem)
                                               for identity, (_, path, problem) in zip(documents, WRONG)]
    for members, path, problem in WRONG:
        reply = api.post({**customer(), **members})
        assert reply.status_code == 400 and f"{path} {problem}" in reply.json()["message"], (members, reply.text)


def test_several_problems_of_one_customer_are_all_named(load):
    assert [(path, problem) for _, path, problem in load(a={"status": 1})] == [
        ("@type", "is missing: every reply shows one"), ("name", "is mandatory"), ("engagedParty", "is mandatory"),
        ("status", "must be a string")]


def test_documents_that_are_no_objects_or_have_an_identity_are_found(load):
    """The table's constraint keeps them out; it may have been dropped for a load."""
    load.run(f"ALTER TABLE {TABLE} DROP CONSTRAINT customer_doc_object")
    found = load(a="[]", b='"x"', c={**full(), "id": "1", "href": "x"})
    assert [(identity, path) for identity, path, _ in found] == [("a", ""), ("b", ""), ("c", "id"), ("c", "href")]


def test_the_table_takes_the_ids_that_the_api_takes(load, start_httpd):
    api = Api(start_httpd(load.database, location="TMFCustomerClientId On").url)
    for identity in ADDRESSED:
        assert load(**{identity: full()}) == []
        assert api.post(customer(id=identity)).status_code == 409
    for identity in NOT_ADDRESSED:
        assert api.post(customer(id=identity)).status_code == 400
        with pytest.raises(psycopg2.errors.CheckViolation):
            load(**{identity: full()})


def test_ids_that_are_there_before_an_upgrade_are_found(load):
    """They stay until somebody has looked."""
    load.run(f"ALTER TABLE {TABLE} DROP CONSTRAINT customer_id")
    found = load(**{identity: full() for identity in [*ADDRESSED, *NOT_ADDRESSED]})
    assert [(identity, path) for identity, path, _ in found] == [(identity, "id") for identity in NOT_ADDRESSED]
    for (_, _, problem), word in zip(found, NOT_ADDRESSED.values()):
        assert word in problem


def test_a_copy_forgets_the_listeners_of_the_original(load, start_httpd):
    postgres, name = load.database
    server = start_httpd(load.database, server="TMFCustomerNotify Off")
    api = Api(server.url)
    for number in range(2):
        assert api.post({"callback": f"http://listener.example/{number}"}, path="/hub").status_code == 201
    made = [api.create(n=number) for number in range(3)]
    load.run("UPDATE tmf_customer.delivery SET state = 'dead' WHERE event_id = (SELECT min(id) FROM tmf_customer.event)")
    server.end()
    postgres.terminate_backends(name)
    copy = f"copy_of_{name}"
    postgres.execute(f"CREATE DATABASE {copy} TEMPLATE {name} OWNER {OWNER}")
    before = postgres.execute("SELECT tmf_customer.identity()", copy)
    assert postgres.execute("SELECT * FROM tmf_customer.forget_hubs()", copy, user=OWNER) == [(2, 4, 2)]
    assert postgres.execute("SELECT tmf_customer.identity()", copy) != before
    assert postgres.execute("SELECT * FROM tmf_customer.forget_hubs()", copy, user=OWNER) == [(0, 0, 0)]
    assert postgres.execute("SELECT count(*) FROM tmf_customer.event", copy) == [(0,)]
    there = Api(start_httpd((postgres, copy)).url)
    assert there.get("/hub").json() == []
    assert [resource["id"] for resource in there.get("/customer").json()] == [resource["id"] for resource in made]
    assert load.run("SELECT count(*) FROM tmf_customer.delivery") == [(6,)]


@pytest.mark.parametrize("function", ["forget_hubs", "check"])
def test_the_runtime_role_does_not_maintain(load, function):
    postgres, name = load.database
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        postgres.execute(f"SELECT * FROM tmf_customer.{function}()", name, user=RUNTIME)


def test_the_statements_of_the_readmes_run(load):
    lines = [line.strip() for block in blocks_of("the schema") for line in block.text.splitlines()]
    statements = [line for line in lines if not line.startswith("--")]
    assert all(line.startswith(("SELECT", "DELETE")) for line in statements), "each statement has a line of its own"
    for function in ["recount", "check", "forget_hubs", "enable", "replay", "purge", "export", "erase"]:
        assert any(f"tmf_customer.{function}(" in statement for statement in statements), function
    for statement in statements:
        assert load.run(statement) is not None or statement.startswith("DELETE")


def test_the_statement_of_the_readme_is_a_file():
    assert any(path.read_text().endswith(block.text)
               for block in blocks_of("a file of a statement") for path in FILES.glob("*.sql"))
