# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL refuses: what of it stands in the log, and what in the reply."""
import pytest

from harness.client import Api, customer, path_of
from harness.postgres import OWNER

TABLE = "tmf_customer.customer"


@pytest.fixture
def place(start_httpd):
    server = start_httpd()
    postgres, name = server.database
    server.run = lambda sql: postgres.execute(sql, name, user=OWNER)
    return server


def test_details_with_what_a_customer_sent_do_not_reach_the_log(place):
    """A rule of the operator's own: PostgreSQL repeats the row in DETAIL."""
    place.run(f"ALTER TABLE {TABLE} ADD CONSTRAINT house_rule CHECK (status <> 'Forbidden')")
    api = Api(place.url)
    made = api.create(name="Secret Name 4711")
    for reply in [api.post(customer(name="Secret Name 4711", status="Forbidden")),
                  api.patch(path_of(made), {"status": "Forbidden"})]:
        assert (reply.status_code, reply.json()["code"]) == (500, "internalError")
    assert "4711" not in place.log.text()
    place.log.expect(r"TMF0021: POST .*: PostgreSQL: 23514 new row for .*house_rule")
    place.log.expect("TMF0021: PATCH .*house_rule")


def test_what_functions_of_the_operator_say_does_not_reach_the_log(place):
    place.run(f"""CREATE FUNCTION tmf_customer.chat() RETURNS trigger LANGUAGE plpgsql AS $$
                  BEGIN RAISE WARNING 'written: %', NEW.doc; RETURN NEW; END $$;
                  CREATE TRIGGER chat BEFORE INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION tmf_customer.chat()""")
    Api(place.url).create(name="Secret Name 4711")
    assert "4711" not in place.log.text()


def refuse_reads(place, sqlstate):
    place.run(f"""CREATE OR REPLACE FUNCTION tmf_customer.refuse_reads() RETURNS boolean LANGUAGE plpgsql AS $$
                  BEGIN RAISE EXCEPTION USING MESSAGE = 'refused', ERRCODE = '{sqlstate}'; END $$;
                  ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY;
                  CREATE POLICY refusing ON {TABLE} FOR SELECT USING (tmf_customer.refuse_reads());
                  CREATE POLICY writing ON {TABLE} FOR INSERT WITH CHECK (true)""")


@pytest.mark.parametrize("sqlstate,status,words", [
    ("22003", 400, "too large"), ("54000", 400, "too large"), ("2201B", 400, "name: the regular expression is not valid"),
    ("22012", 500, "could not be completed")])
def test_only_a_bad_pattern_is_called_one(place, sqlstate, status, words):
    Api(place.url).create()
    refuse_reads(place, sqlstate)
    reply = Api(place.url).get("/customer?name.regex=x&status.ne=y")
    assert reply.status_code == status and words in reply.json()["message"], reply.text
    assert (sqlstate == "2201B") == ("regular expression" in reply.text)
    assert "body" not in reply.json()["message"]
    place.log.allow("TMF0021.*22012")


FORGET_ALL = "EXECUTE 'DEALLOCATE ALL';"
FORGET_ONE = """IF EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'tmf_customer_2') THEN
                      EXECUTE 'DEALLOCATE tmf_customer_2'; END IF;"""
TAKE_NAMES = """FOR i IN 0..63 LOOP
                      IF NOT EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'tmf_customer_' || i) THEN
                        EXECUTE 'PREPARE tmf_customer_' || i || ' AS SELECT 1'; END IF; END LOOP;"""


@pytest.mark.parametrize("meddle", [FORGET_ALL, FORGET_ONE, TAKE_NAMES], ids=["all are gone", "one is gone", "names are taken"])
def test_prepared_statements_that_are_not_as_expected_are_prepared_again(place, meddle):
    """More shapes of queries than a connection keeps, while somebody else on it forgets them, or takes their names."""
    place.run(f"""CREATE FUNCTION tmf_customer.meddle() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
                  BEGIN {meddle} RETURN NULL; END $$;
                  CREATE TRIGGER meddle AFTER UPDATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION tmf_customer.meddle()""")
    api = Api(place.url)
    made = api.create(n=0)
    for turn in range(3):
        assert api.patch(path_of(made), {"n": turn + 1}).json()["n"] == turn + 1
        for i in range(80):
            assert api.get(f"/customer?n={turn + 1}&a{i}.ne=x").json() != []
