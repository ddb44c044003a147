# SPDX-License-Identifier: Apache-2.0
"""No lost update, no double create (src/api/README.md §2, "Conditional requests")."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import await_condition
from harness.client import JSON_PATCH, JSON_PATCH_QUERY, MERGE, Api, customer, path_of
from harness.postgres import RUNTIME

pytestmark = pytest.mark.mpm
CLIENTS = 16


def write(api, path, client, i):
    """Sets member `i` of the client's own attribute, in the format of this client."""
    patch, content_type = [
        ({f"x{client}": {str(i): i}}, MERGE),
        ([{"op": "add", "path": f"/x{client}/{i}", "value": i}], JSON_PATCH),
        ([{"op": "add", "path": f"$.x{client}['{i}']", "value": i}], JSON_PATCH_QUERY)][client % 3]
    return api.patch(path, patch, content_type, check=False)  # which would take longer than the patch


def check_that_all_survive(servers, patches):
    """Every client patches one customer, on one of the servers."""
    path = path_of(Api(servers[0].url).create(**{f"x{client}": {} for client in range(CLIENTS)}))

    def work(client):
        mine = Api(servers[client % len(servers)].url)
        return [write(mine, path, client, i).status_code for i in range(patches)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = sum(pool.map(work, range(CLIENTS)), [])
    assert len(statuses) == CLIENTS * patches and set(statuses) == {200}
    body = Api(servers[-1].url).get(path).json()
    for client in range(CLIENTS):
        assert body[f"x{client}"] == {str(i): i for i in range(patches)}


def test_concurrent_patches_of_different_attributes_all_survive(server):
    check_that_all_survive([server], 200)


def test_two_servers_on_one_database_lose_nothing(start_httpd, new_database):
    database = new_database()
    check_that_all_survive([start_httpd(database), start_httpd(database)], 50)


def test_of_concurrent_increments_none_is_lost(server, api):
    """Each is computed on what was read: `test` refuses those that were read too early."""
    path = path_of(api.create(count=0))

    def work(_):
        mine, done = Api(server.url), 0
        while done < 10:
            count = mine.get(path).json()["count"]
            reply = mine.patch(path, [{"op": "test", "path": "/count", "value": count},
                                      {"op": "replace", "path": "/count", "value": count + 1}], JSON_PATCH)
            assert reply.status_code in (200, 409)
            done += reply.status_code == 200
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    assert api.get(path).json()["count"] == 10 * CLIENTS


@pytest.mark.smoke
@pytest.mark.parametrize("winner,headers,status", [
    ("UPDATE tmf_customer.customer SET doc = doc || '{\"status\": \"theirs\", \"x\": 1}',"
     " revision = nextval('tmf_customer.customer_revision')", False, 200),
    ("UPDATE tmf_customer.customer SET revision = nextval('tmf_customer.customer_revision')", True, 412),
    ("UPDATE tmf_customer.customer SET doc = doc || '{\"x\": 2}', revision = nextval('tmf_customer.customer_revision')",
     False, 409),
    ("DELETE FROM tmf_customer.customer", False, 404)])
def test_who_is_overtaken_starts_again_from_what_is_there(start_httpd, new_database, winner, headers, status):
    """Another writer holds the customer when the patch is to be written, and commits then."""
    postgres, name = new_database()
    server = start_httpd((postgres, name))
    made = Api(server.url).post(customer(x=1))
    path = path_of(made.json())
    other = postgres.connect(name)
    other.autocommit = False
    other.cursor().execute(winner)
    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(Api(server.url).patch, path, [
            {"op": "test", "path": "/x", "value": 1}, {"op": "add", "path": "/y", "value": 2}], JSON_PATCH,
            headers={"If-Match": made.headers["ETag"]} if headers else {})
        await_condition(lambda: postgres.execute("SELECT 1 FROM pg_locks WHERE NOT granted"), "the patch waits")
        other.commit()
        other.close()
        assert reply.result().status_code == status, reply.result().text
    if status == 200:
        assert reply.result().json() == {**made.json(), "status": "theirs", "y": 2}
    await_condition(lambda: postgres.execute(
        "SELECT DISTINCT state FROM pg_stat_activity WHERE datname = %s AND usename = %s", parameters=(name, RUNTIME))
        == [("idle",)], "no transaction is left open")


def test_writers_who_wait_for_each_other_need_few_connections(start_httpd):
    """Whoever has the customer's lock needs no second connection, so a pool that all others fill stops nobody."""
    server = start_httpd(connections=2, server="TMFCustomerPoolTimeout 20s")
    path = path_of(Api(server.url).create(**{f"x{client}": {} for client in range(CLIENTS)}))
    other = path_of(Api(server.url).create())

    def work(client):
        mine = Api(server.url)
        return [write(mine, path if client else other, client, i).status_code for i in range(10)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        assert set(sum(pool.map(work, range(CLIENTS)), [])) == {200}


def test_whoever_never_wins_gets_a_503_and_has_changed_nothing(start_httpd, new_database):
    """A trigger lets another writer be faster each time."""
    postgres, name = new_database()
    server = start_httpd((postgres, name))
    api = Api(server.url)
    path = path_of(api.create())
    postgres.execute("CREATE FUNCTION public.lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;"
                     " CREATE TRIGGER lose BEFORE UPDATE ON tmf_customer.customer"
                     " FOR EACH ROW EXECUTE FUNCTION public.lose()", name)
    before = api.get(path)
    reply = api.patch(path, {"status": "x"})
    assert (reply.status_code, reply.json()["code"]) == (503, "writeConflict")
    assert int(reply.headers["Retry-After"]) > 0
    assert api.get(path).headers["ETag"] == before.headers["ETag"]
    postgres.execute("DROP TRIGGER lose ON tmf_customer.customer", name)
    assert api.patch(path, {"status": "x"}).status_code == 200


def test_of_writers_with_the_same_if_match_one_wins(server, api):
    path = path_of(api.create())
    for i in range(10):
        tag = api.get(path).headers["ETag"]

        def work(client):
            return Api(server.url).patch(path, {"winner": [i, client]},
                                         headers={"If-Match": tag}).status_code
        with ThreadPoolExecutor(CLIENTS) as pool:
            statuses = list(pool.map(work, range(CLIENTS)))
        assert sorted(statuses) == [200] + [412] * (CLIENTS - 1)


def test_who_waits_for_a_customer_is_served_in_turn(start_httpd):
    """So nobody waits longer than those before take: who always lost the race for the next version would get a 503."""
    server = start_httpd(server="TMFCustomerStatementTimeout 60s\nTMFCustomerPoolTimeout 60s")
    postgres, name = server.database
    path = path_of(Api(server.url).create(order=[]))
    other = postgres.connect(name)
    other.autocommit = False
    other.cursor().execute("SELECT FROM tmf_customer.customer FOR UPDATE")
    with ThreadPoolExecutor(CLIENTS) as pool:
        replies = []
        for i in range(12):
            replies.append(pool.submit(Api(server.url).patch, path, [{"op": "add", "path": "/order/-", "value": i}],
                                       JSON_PATCH))
            await_condition(lambda: postgres.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND usename = %s AND wait_event_type = 'Lock'",
                parameters=(name, RUNTIME)) == [(len(replies),)], "the patch waits")
        other.commit()
        other.close()
        assert [reply.result().status_code for reply in replies] == [200] * len(replies)
    assert Api(server.url).get(path).json()["order"] == list(range(len(replies)))


def test_of_deletes_one_succeeds(server, api):
    for _ in range(10):
        path = path_of(api.create())
        with ThreadPoolExecutor(CLIENTS) as pool:
            statuses = list(pool.map(lambda _: Api(server.url).delete(path).status_code, range(CLIENTS)))
        assert sorted(statuses) == [204] + [404] * (CLIENTS - 1)


def test_of_creates_with_one_id_one_succeeds(start_httpd):
    server = start_httpd(location="TMFCustomerClientId On")
    for i in range(10):
        with ThreadPoolExecutor(CLIENTS) as pool:
            statuses = list(pool.map(
                lambda _: Api(server.url).post(customer(id=f"c{i}")).status_code, range(CLIENTS)))
        assert sorted(statuses) == [201] + [409] * (CLIENTS - 1)
