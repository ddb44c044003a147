# SPDX-License-Identifier: Apache-2.0
"""X-Total-Count without counting: counters that stay right whatever writes to the table."""
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from harness.client import Api, customer, path_of
from harness.postgres import OWNER

TABLE = "tmf_customer.customer"


@pytest.fixture
def place(start_httpd):
    server = start_httpd()
    postgres, name = server.database
    server.owner = postgres.connect(name, OWNER)
    yield server
    server.owner.close()


def run(place, sql, parameters=None):
    with place.owner.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else None


def totals(place):
    """By status, as replies tell them; None for all. Compared with a count of the rows."""
    api = Api(place.url)
    counted = dict(run(place, f"SELECT doc ->> 'status', count(*) FROM {TABLE} WHERE doc ? 'status' GROUP BY 1"))
    counted[None] = run(place, f"SELECT count(*) FROM {TABLE}")[0][0]
    for status, count in counted.items():
        for query in ({"limit": 0}, {"limit": 1}, {"limit": 1, "sort": "-name"}):
            reply = api.get("/customer", params=query if status is None else {**query, "status": status},
                            check=False)
            assert reply.headers["X-Total-Count"] == str(count), (status, query)
    return counted


def test_every_kind_of_change_is_counted(place):
    api = Api(place.url)
    assert totals(place) == {None: 0}
    made = [api.create(status="a"), api.create(status="b"), api.create(), api.create(status="")]
    assert totals(place) == {None: 4, "a": 1, "b": 1, "": 1}
    api.patch(path_of(made[0]), {"status": "b"})
    api.patch(path_of(made[1]), {"status": None})
    api.put(path_of(made[2]), customer(status="c"))
    api.patch(path_of(made[3]), {"x": 1})
    assert totals(place) == {None: 4, "b": 1, "c": 1, "": 1}
    for resource in made[1:]:
        api.delete(path_of(resource))
    assert totals(place) == {None: 1, "b": 1}
    assert api.get("/customer?status=a&limit=0").headers["X-Total-Count"] == "0"
    assert api.get("/customer?status=b,c,b&limit=0").headers["X-Total-Count"] == "1"


def test_bulk_writes_are_counted(place):
    import io
    rows = "".join(f'c{i}\t{{"name": "n", "status": "{"ab"[i % 2]}"}}\n' for i in range(1000))
    with place.owner.cursor() as cursor:
        cursor.copy_expert(f"COPY {TABLE} (id, doc) FROM STDIN", io.StringIO(rows))
    assert totals(place) == {None: 1000, "a": 500, "b": 500}
    run(place, f"""UPDATE {TABLE} SET doc = doc || '{{"status": "c"}}' WHERE id < 'c5'""")
    totals(place)
    run(place, f"DELETE FROM {TABLE} WHERE status = 'a'")
    totals(place)
    run(place, f"INSERT INTO {TABLE} (id, doc) SELECT 'd' || i, '{{}}' FROM generate_series(1, 100) AS i")
    totals(place)
    run(place, f"""INSERT INTO {TABLE} (id, doc) SELECT 'd' || i, '{{"status": "z"}}' FROM generate_series(50, 150) AS i
                   ON CONFLICT (id) DO UPDATE SET doc = excluded.doc""")
    assert totals(place)["z"] == 101
    run(place, f"TRUNCATE {TABLE}")
    assert totals(place) == {None: 0}


def recorded(place):
    """What updates have recorded and no counter has taken; a statement takes its own."""
    return run(place, "SELECT * FROM tmf_customer.customer_count_change")


@pytest.mark.parametrize("update", [
    "BEGIN; {to_b}; {to_none}; COMMIT",
    "BEGIN; {to_b}; SAVEPOINT s; {to_none}; ROLLBACK TO s; {to_c}; RELEASE s; COMMIT",
    "WITH one AS ({to_b} RETURNING id) UPDATE {table} SET doc = '{{}}' WHERE id > 'c5'",
    "DO $$ BEGIN BEGIN {to_b}; RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN {to_c}; END; END $$",
    "UPDATE {table} SET id = id || 'x', doc = doc || jsonb_build_object('status', right(id, 1))",
    "MERGE INTO {table} AS c USING generate_series(1, 9) AS i ON c.id = 'c' || i"
    " WHEN MATCHED THEN UPDATE SET doc = '{{\"status\": \"m\"}}' WHEN NOT MATCHED THEN INSERT (id, doc) VALUES ('c' || i, '{{}}')"])
def test_updates_of_many_rows_are_counted(place, update):
    if "MERGE" in update and run(place, "SELECT current_setting('server_version_num')::integer < 150000")[0][0]:
        pytest.skip("PostgreSQL 15 has MERGE")
    run(place, f"INSERT INTO {TABLE} (id, doc) SELECT 'c' || i, '{{\"status\": \"a\"}}' FROM generate_series(1, 7) AS i")
    statements = {f"to_{status}": f"""UPDATE {TABLE} SET doc = '{{"status": "{status}"}}' WHERE id < 'c5'""" for status in "bc"}
    run(place, update.format(table=TABLE, to_none=f"UPDATE {TABLE} SET doc = '{{}}' WHERE id < 'c3'", **statements))
    totals(place)
    assert recorded(place) == run(place, "SELECT * FROM tmf_customer.recount()") == []


def test_what_updates_have_recorded_is_found_past_what_others_left(place):
    """However many rows wait to be vacuumed, a statement looks only at its own."""
    with place.owner.cursor() as cursor:
        cursor.execute("ALTER TABLE tmf_customer.customer_count_change SET (autovacuum_enabled = false)")
    run(place, f"INSERT INTO {TABLE} (id, doc) SELECT 'c' || i, '{{\"status\": \"a\"}}' FROM generate_series(1, 20000) AS i")
    run(place, f"""UPDATE {TABLE} SET doc = '{{"status": "b"}}'""")
    run(place, "SELECT pg_stat_force_next_flush()")
    scanned = "SELECT coalesce(seq_scan, 0) FROM pg_stat_xact_user_tables WHERE relname = 'customer_count_change'"
    with place.owner.cursor() as cursor:
        cursor.execute(f"""BEGIN; UPDATE {TABLE} SET doc = doc || '{{"n": 1}}' WHERE id = 'c1';
                           UPDATE {TABLE} SET doc = '{{"status": "c"}}' WHERE id = 'c2'""")
        cursor.execute(scanned)
        assert cursor.fetchall() == [(0,)]
        cursor.execute("COMMIT")
    assert totals(place) == {None: 20000, "b": 19999, "c": 1}
    assert recorded(place) == []


def test_updates_are_published_with_all_tables(place):
    """Logical replication wants a key of each table whose rows are deleted, of those that it copies."""
    place.database[0].execute("CREATE PUBLICATION everything FOR ALL TABLES", place.database[1])
    path = path_of(Api(place.url).create(status="a"))
    assert Api(place.url).patch(path, {"status": "b"}).status_code == 200


def test_what_is_rolled_back_is_not_counted(place):
    api = Api(place.url)
    api.create(status="a")
    run(place, f"""BEGIN; INSERT INTO {TABLE} (id, doc) VALUES ('x', '{{"status": "a"}}');
                   SAVEPOINT s; DELETE FROM {TABLE}; ROLLBACK TO s; UPDATE {TABLE} SET doc = '{{}}'; ROLLBACK""")
    assert totals(place) == {None: 1, "a": 1}
    run(place, f"BEGIN; TRUNCATE {TABLE}; ROLLBACK")
    assert totals(place) == {None: 1, "a": 1}
    run(place, f"""BEGIN; SAVEPOINT s; INSERT INTO {TABLE} (id, doc) VALUES ('x', '{{}}'); ROLLBACK TO s;
                   INSERT INTO {TABLE} (id, doc) VALUES ('y', '{{}}'); COMMIT""")
    assert totals(place) == {None: 2, "a": 1}


def test_a_total_is_that_of_its_page(place):
    """Uncommitted customers are neither counted nor shown."""
    api = Api(place.url)
    other = psycopg2.connect(host=str(place.database[0].root), dbname=place.database[1], user=OWNER)
    other.cursor().execute(f"INSERT INTO {TABLE} (id, doc) VALUES ('x', '{{\"name\": \"x\"}}')")
    reply = api.get("/customer")
    assert (reply.headers["X-Total-Count"], reply.json()) == ("0", [])
    other.rollback()
    other.close()


def test_counters_under_concurrent_writers(place):
    def work(number):
        api = Api(place.url)
        made = []
        for turn in range(40):
            made.append(path_of(api.create(status="abc"[turn % 3])))
            assert api.patch(made[turn * 7 % len(made)], {"status": "abcd"[(turn + number) % 4]}).status_code == 200
            if turn % 3 == 0:
                assert api.delete(made.pop(0)).status_code == 204
    with ThreadPoolExecutor(12) as pool:
        writers = [pool.submit(work, number) for number in range(12)]
        while not all(writer.done() for writer in writers):
            reply = Api(place.url).get("/customer?limit=1000")
            assert reply.headers["X-Total-Count"] == reply.headers["X-Result-Count"]
        for writer in writers:
            writer.result()
    found = totals(place)
    assert found[None] == 12 * 26
    assert run(place, "SELECT * FROM tmf_customer.recount()") == []


def test_counters_when_the_table_is_emptied_among_writers(place):
    def work(number):
        api = Api(place.url)
        for turn in range(40):
            made = path_of(api.create(status="abc"[turn % 3]))
            assert api.patch(made, {"status": "abcd"[(turn + number) % 4]}).status_code in (200, 404)
            if turn % 3 == 0:
                assert api.delete(made).status_code in (204, 404)
    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(work, number) for number in range(8)]
        while not all(writer.done() for writer in writers):
            run(place, f"TRUNCATE {TABLE}")
            reply = Api(place.url).get("/customer?limit=1000")
            assert reply.headers["X-Total-Count"] == reply.headers["X-Result-Count"]
        for writer in writers:
            writer.result()
    assert run(place, "SELECT * FROM tmf_customer.recount()") == []
    totals(place)


def counted_statuses(place):
    return {status for (status,) in run(place, "SELECT DISTINCT status FROM tmf_customer.customer_count WHERE NOT of_all")}


def test_statuses_that_customers_have_left_leave_no_counters(place):
    """By every way out: another status, none, deletion; whatever connection took them in."""
    api = Api(place.url)

    def leave(number):
        mine = Api(place.url)
        path = path_of(mine.create(status=f"s{number}"))
        if number % 4 == 0:
            assert mine.delete(path).status_code == 204
        else:
            assert mine.patch(path, {"status": [None, "kept", f"t{number}"][number % 4 - 1]}).status_code == 200
            if number % 4 == 3:
                assert mine.put(path, customer(status="kept")).status_code == 200
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, range(200)))
    run(place, f"""INSERT INTO {TABLE} (id, doc) SELECT 'c' || i, '{{"status": "bulk"}}' FROM generate_series(1, 9) AS i""")
    run(place, f"DELETE FROM {TABLE} WHERE id LIKE 'c%'")
    assert counted_statuses(place) == {"kept"}
    assert totals(place) == {None: 150, "kept": 100}
    assert run(place, "SELECT * FROM tmf_customer.recount()") == []
    api.create(status="s1")
    assert totals(place)["s1"] == 1


def test_counters_that_were_left_behind_go_when_others_come(place):
    """Two transactions that take the last customers of a status away at the same moment do not see each other."""
    api = Api(place.url)
    for number in range(40):
        made = [api.create(status=f"left{number}") for _ in range(2)]
        others = [psycopg2.connect(host=str(place.database[0].root), dbname=place.database[1], user=OWNER) for _ in made]
        for other, resource in zip(others, made):
            other.cursor().execute(f"DELETE FROM {TABLE} WHERE id = %s", (resource["id"],))
        for other in others:
            other.commit()
            other.close()
    path = path_of(api.create(status="x"))
    for number in range(200):
        assert api.patch(path, {"status": f"new{number}"}).status_code == 200
    assert len(counted_statuses(place)) < 10
    assert run(place, "SELECT * FROM tmf_customer.recount()") == []
    assert totals(place) == {None: 1, "new199": 1}


def test_counters_of_statuses_that_come_and_go_under_concurrent_writers(place):
    """Whoever removes counters makes nobody wait or fail, and loses none."""
    def work(number):
        api = Api(place.url)
        for turn in range(30):
            path = path_of(api.create(status="ab"[turn % 2]))
            assert api.patch(path, {"status": "abc"[(turn + number) % 3]}).status_code == 200
            assert api.delete(path).status_code == 204
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(12)))
    assert totals(place) == {None: 0}
    assert run(place, "SELECT * FROM tmf_customer.recount()") == []
    assert run(place, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == [(0,)]


def test_recount_repairs_and_tells(place):
    api = Api(place.url)
    for status in ("a", "a", "b", None):
        api.create(status=status)
    postgres, name = place.database
    postgres.execute(f"SET session_replication_role = replica; DELETE FROM {TABLE} WHERE status = 'a';"
                     f"INSERT INTO {TABLE} (id, doc) VALUES ('x', '{{\"status\": \"new\"}}'), ('y', '{{}}'), ('z', '{{}}')", name)
    assert sorted(run(place, "SELECT * FROM tmf_customer.recount()"), key=str) == [("a", 2, 0), ("new", 0, 1), (None, 4, 5)]
    assert totals(place) == {None: 5, "b": 1, "new": 1}
    assert run(place, "SELECT * FROM tmf_customer.recount()") == []


def test_the_runtime_role_cannot_touch_the_counters(place):
    postgres, name = place.database
    for sql in ("UPDATE tmf_customer.customer_count SET count = 0", "SELECT tmf_customer.recount()",
                "TRUNCATE tmf_customer.customer_count"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            postgres.execute(sql, name, user="tmf_customer")


def test_the_counters_can_be_left_out(place):
    """What a sharded table would do: the view counts instead."""
    run(place, f"""DROP TRIGGER customer_count_insert ON {TABLE}; DROP TRIGGER customer_count_update ON {TABLE};
                   DROP TRIGGER customer_count_delete ON {TABLE}; DROP TRIGGER customer_count_truncate ON {TABLE};
                   DROP TRIGGER customer_status_change ON {TABLE};
                   CREATE OR REPLACE VIEW tmf_customer.customer_total AS
                   SELECT true AS of_all, ''::text COLLATE "C" AS status, 1::bigint AS count FROM {TABLE}
                   UNION ALL SELECT false, status, 1 FROM {TABLE}""")
    api = Api(place.url)
    for status in ("a", "a", "b", None):
        api.create(status=status)
    place.database[0].install(place.database[1])  # which leaves it so
    api.create(status="b")
    assert totals(place) == {None: 5, "a": 2, "b": 2}
