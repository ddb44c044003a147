# SPDX-License-Identifier: Apache-2.0
"""What a request costs on a large table: PostgreSQL's own report of the plan of its statement. Lists are put together in C, so
the server's log has their plans; all others are files.

No node of a plan may handle more rows than a page or a few matches need. A shape of query that loses its
index handles all of them. Every shape is asked often enough to be seen with the plan that knows the
values and with the one that is kept for all values."""
import contextlib
import json
import os
import re
import subprocess
from uuid import uuid4

import pytest

from harness import PATIENCE, PROJECT, await_condition
from harness.client import Api
from harness.postgres import OWNER, Postgres
from harness.statements import FILES, SESSION, Statement

# Plans are PostgreSQL's: an instrumented module has the same.
pytestmark = pytest.mark.skipif(any(map(os.environ.get, ("TMF_ASAN", "TMF_VALGRIND"))), reason="it says nothing new there")

CUSTOMERS = 60000
STATUSES = 3000  # of one customer each, beside the usual four: totals must not add all of them up
ROWS = 1200  # at most, in any node: the counters have some hundred
ASKED = 8    # PostgreSQL decides for a kept plan after five


@pytest.fixture(scope="module")
def large():
    from harness.httpd import Httpd
    postgres = Postgres()
    name = postgres.create_database("large")
    subprocess.run(["psql", "-X", "-q", "-h", str(postgres.root), "-U", OWNER, "-d", name, "-v", f"n={CUSTOMERS}",
                    "-f", str(PROJECT / "conf" / "synthetic-customers.sql")], check=True, timeout=PATIENCE)
    postgres.execute("INSERT INTO tmf_customer.customer (id, doc) SELECT 'own' || i, %s || jsonb_build_object("
                     "'name', 'own ' || i, 'status', 'own ' || i) FROM generate_series(1, %s) AS i", name,
                     ('{"@type": "Customer", "engagedParty": {"id": "own", "@referredType": "Organization"}}', STATUSES))
    for setting in ("session_preload_libraries = auto_explain", "auto_explain.log_min_duration = 0",
                    "auto_explain.log_analyze = on", "auto_explain.log_timing = off",
                    "auto_explain.log_nested_statements = off"):
        postgres.execute(f"ALTER DATABASE {name} SET {setting}")
    server = Httpd((postgres, name), connections=1, server="StartServers 1\nServerLimit 1\nMaxRequestWorkers 16\n"
                   "MinSpareThreads 1\nMaxSpareThreads 16").start()
    server.sample = postgres.execute("SELECT id, doc FROM tmf_customer.customer ORDER BY seq OFFSET 777 LIMIT 1", name)[0]
    yield server
    server.remove()
    postgres.remove()


def most_rows(plan):
    """The most rows that one of its nodes has handled, taken or thrown away."""
    worst = 0
    for node in plan.split("\n"):
        rows = [int(count) for count in re.findall(r"actual rows=(\d+)|Rows Removed by [^:]*: (\d+)", node) for count in count if count]
        loops = int((re.findall(r"loops=(\d+)", node) or ["1"])[0])
        worst = max(worst, max(rows, default=0) * loops)
    return worst


class Plans:
    """The plans that the database logs from now on, of statements with one of these words."""

    def __init__(self, server, *about):
        self.about = about
        self.path = server.database[0].root / "log"
        self.start = self.path.stat().st_size

    def read(self):
        with open(self.path) as log:
            log.seek(self.start)
            return [plan for plan in re.split(r"^\S+ \S+ \S+ \[\d+\] ", log.read(), flags=re.MULTILINE)
                    if "plan:" in plan and any(word in plan for word in self.about)]

    def most_rows(self):
        """The most rows that one node of one plan has handled; and the plan."""
        return max((most_rows(plan), plan) for plan in self.read())


def ask(server, query):
    plans, api = Plans(server, "customer_total", "matched"), Api(server.url)
    for _ in range(ASKED):
        reply = api.get(f"/customer?{query}")
        assert reply.status_code in (200, 206), reply.text
    await_condition(lambda: len(plans.read()) >= ASKED, "the plans are logged")
    return reply, plans


SHAPES = {
    "first page": "limit=20", "page of a status": "status=Approved&limit=20",
    "page of a rare status": "status=own+7&limit=20", "pages of two statuses": "status=own+7,Approved&limit=20", "no such status": "status=None&limit=20",
    "by e-mail": "contactMedium.characteristic.emailAddress={email}", "by a party": "engagedParty.id={party}",
    "by identity": "id={id}", "by identities": "id={id},x,y", "by name": "name={name}", "by names": "name={name},x",
    "by a number": "creditProfile.creditScore=300&engagedParty.id={party}", "nothing": "unknown=1",
    "two conditions on one element": "filter=contactMedium[?(@.characteristic.postCode=='{post}' %26%26 @.preferred=={preferred})]",
    "a rare and a common one": "status=Approved&engagedParty.id={party}", "a rare one and a range":
        "engagedParty.id={party}&creditProfile.creditScore>0", "either of two": "name={name};engagedParty.id={party}",
    "an element and a date": "filter=contactMedium[?(@.characteristic.postCode=='{post}' %26%26 @.validFor.endDateTime>'2000-01-01')]",
    "by the beginning of the name": "name.regex=^{prefix}", "sorted by name": "sort=name&limit=20", "sorted down": "sort=-name&limit=20",
    "a status sorted by name": "status=Approved&sort=name&limit=20", "few sorted by a date": "engagedParty.id={party}&sort=-validFor.startDateTime",
    "few sorted by name": "contactMedium.characteristic.emailAddress={email}&sort=name",
    "a root filter": "filter=$[?(@.status=='Approved' %26%26 @.engagedParty.id=='{party}')]", "a count": "limit=0"}


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_of_query_walks_the_table(large, shape):
    identity, document = large.sample
    medium = document["contactMedium"][0]
    query = SHAPES[shape].format(
        id=identity, name=document["name"].replace(" ", "+"), prefix=document["name"][:-1].replace(" ", "+"),
        email=medium["characteristic"]["emailAddress"], post=medium["characteristic"]["postCode"],
        preferred=str(medium["preferred"]).lower(), party=document["engagedParty"]["id"])
    reply, plans = ask(large, query)
    rows, plan = plans.most_rows()
    assert rows <= ROWS, plan
    if "{" in SHAPES[shape] and shape not in ("by a number", "a rare and a common one", "a root filter"):
        assert identity in [resource["id"] for resource in reply.json()]


@pytest.mark.parametrize("query", ["limit=20", "limit=20&sort=name", "limit=20&sort=-name", "status=Approved&limit=20"])
def test_a_page_deep_in_the_list_costs_what_the_first_does(large, query):
    """By cursor; an offset has to walk."""
    api = Api(large.url)
    far = api.get(f"/customer?{query}&offset=9000")
    cursor = re.search(r"cursor=([\w-]+)>; rel=\"next\"", far.headers["Link"]).group(1)
    back = re.search(r"cursor=([\w-]+)>; rel=\"prev\"", far.headers["Link"]).group(1)
    for place in (cursor, back):
        reply, plans = ask(large, f"{query}&cursor={place}")
        rows, plan = plans.most_rows()
        assert len(reply.json()) == 20 and rows <= ROWS, plan


def explained(server, name, make_values):
    """(rows of its result, the most rows that one node has handled, the plan) of a statement of sql/statements/."""
    postgres, database = server.database
    with contextlib.closing(postgres.connect(database, options=SESSION)) as connection:
        plan = Statement(name).plan(connection, make_values)
    return int(re.search(r"actual rows=(\d+)", plan).group(1)), most_rows(plan), plan


def writes(server, name, count, **more):
    """The parameters of a statement that writes, for so many customers of its own."""
    postgres, database = server.database
    document = json.dumps(server.sample[1] | {"x": str(uuid4())})
    made = [(str(uuid4()), 0) for _ in range(count)]
    if name != "create_customers":
        made = postgres.execute("INSERT INTO tmf_customer.customer (id, doc) SELECT gen_random_uuid(), %s FROM generate_series(1, %s)"
                                " RETURNING id, revision", database, (document, count))
    values = {"ids": [identity for identity, _ in made], "revisions": [revision for _, revision in made], "kept_for": None,
              "types": ['{"CustomerAttributeValueChangeEvent"}'] * count, "docs": "[" + ",".join([document] * count) + "]"}
    others = ("changed", "correlation_ids", "hrefs", "traceparents", "tracestates", "operations", "users")
    return values | {parameter: [None] * count for parameter in others} | more


@pytest.mark.parametrize("kept", [False, True], ids=["without history", "with history"])
@pytest.mark.parametrize("count", [1, 64])
@pytest.mark.parametrize("name", ["create_customers", "update_customers", "delete_customers"])
def test_writes_walk_no_table(large, name, count, kept):
    history = {"operations": ["patch"] * count, "kept_for": "250 days"} if kept else {}
    written, rows, plan = explained(large, name, lambda: writes(large, name, count, **history))
    assert written == count and rows <= ROWS, plan


@pytest.mark.parametrize("count", [1, 64])
def test_reads_walk_no_table(large, count):
    postgres, database = large.database
    known = postgres.execute("SELECT id FROM tmf_customer.customer ORDER BY seq LIMIT %s", database, (count,))
    read, rows, plan = explained(large, "get_customers", lambda: {"ids": [row[0] for row in known], "doc_most": 8192})
    assert read == count and rows <= ROWS, plan


def test_a_create_with_a_key_walks_no_table(large):
    names = Statement("create_customer_once").types
    values = dict.fromkeys(names) | {"types": ["CustomerCreateEvent"], "operation": "create", "kept_for": "250 days",
                                     "doc": json.dumps(large.sample[1]), "key_kept_for": 1000000000, "id_is_chosen": False}
    written, rows, plan = explained(large, "create_customer_once", lambda: values | {"id": str(uuid4()), "key": str(uuid4())})
    assert written == 1 and rows <= ROWS, plan


VALUES = {"text": "now()", "bigint": 1, "integer": 1, "interval": "1 s", "boolean": True}  # of these types; else "{}"


@pytest.mark.parametrize("name", sorted(path.stem for path in FILES.glob("*.sql")))
def test_the_head_of_a_statement_says_what_postgresql_says(large, name):
    postgres, database = large.database
    statement = Statement(name)
    with contextlib.closing(postgres.connect(database)) as connection, connection.cursor() as cursor:
        statement.prepare(cursor)
        cursor.execute("SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'this'")
        assert cursor.fetchone()[0] == list(statement.types.values())
        cursor.execute("BEGIN")
        statement.execute(cursor, {parameter: VALUES.get(kind, "{}") for parameter, kind in statement.types.items()} |
                          {"operation": "create"})
        assert [column.name for column in cursor.description or []] == statement.columns


@pytest.fixture(scope="module")
def remembered(large):
    """Another server on the same table, which keeps histories: long ones, some of them old."""
    from harness.httpd import Httpd
    postgres, name = large.database
    postgres.execute("INSERT INTO tmf_customer.history (customer_id, revision, operation, at, before)"
                     " SELECT id, i, 'patch', now() - i * interval '1 day', '{}' FROM (SELECT * FROM tmf_customer.customer ORDER BY seq LIMIT 100)"
                     " AS c, generate_series(1, 300) AS i", name)
    server = Httpd(large.database, connections=1, server="TMFCustomerHistory On\nTMFCustomerHistoryRetention 250d\nStartServers 1\n"
                   "ServerLimit 1\nMaxRequestWorkers 16\nMinSpareThreads 1\nMaxSpareThreads 16").start()
    server.remembered = postgres.execute("SELECT customer_id, max(id) FROM tmf_customer.history GROUP BY 1 HAVING count(*) >= 249 ORDER BY 1 LIMIT 1", name)[0]
    yield server
    server.remove()


@pytest.mark.parametrize("query", ["", "limit=20", "limit=20&offset=200", "limit=1000", "limit=0"])
def test_a_history_reads_no_rows_of_other_customers(remembered, query):
    identity, _ = remembered.remembered
    plans, api = Plans(remembered, "tmf_customer.history"), Api(remembered.url)
    for _ in range(ASKED):
        reply = api.get(f"/customer/{identity}/history?{query}", check=False)
        assert reply.headers["X-Total-Count"] == "249"
    await_condition(lambda: len(plans.read()) >= ASKED, "the plans are logged")
    rows, plan = plans.most_rows()
    assert rows <= 300, plan


def test_a_page_of_a_history_by_cursor_reads_that_page(remembered):
    identity, _ = remembered.remembered
    api = Api(remembered.url)
    for relation in ("next", "prev"):
        first = api.get(f"/customer/{identity}/history?limit=20&offset=100", check=False)
        link = re.search(rf'<([^>]*)>; rel="{relation}"', first.headers["Link"]).group(1)
        plans = Plans(remembered, "tmf_customer.history")
        for _ in range(ASKED):
            assert len(api.get(f"/customer/{identity}/history{link}", check=False).json()) == 20
        await_condition(lambda plans=plans: len(plans.read()) >= ASKED, "the plans are logged")
        rows, plan = plans.most_rows()
        assert rows <= 300, plan


def test_what_has_expired_is_found_by_its_age(remembered):
    postgres, name = remembered.database

    def scanned():
        return postgres.execute("SELECT seq_tup_read, idx_scan FROM pg_stat_user_tables WHERE relname = 'history'", name)[0]
    before = scanned()
    assert postgres.execute("SELECT tmf_customer.expire_history('250 days', 2)", name) == [(2,)]
    await_condition(lambda: scanned()[1] >= before[1] + 1, "the statistics are written")
    assert scanned()[0] == before[0]


def test_the_measure_sees_a_scan(large):
    _, plans = ask(large, "name.regex=nothing")
    assert plans.most_rows()[0] >= CUSTOMERS
