# SPDX-License-Identifier: Apache-2.0
"""No lost update, no double create (contract §2, "Conditional requests")."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.client import Api, customer, path_of

pytestmark = pytest.mark.mpm
CLIENTS, PATCHES = 8, 25


def test_concurrent_patches_of_different_attributes_all_survive(server, api):
    path = path_of(api.create())

    def work(client):
        mine = Api(server.url)
        return [mine.patch(path, {f"x{client}": {str(i): i}}).status_code for i in range(PATCHES)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = sum(pool.map(work, range(CLIENTS)), [])
    assert set(statuses) == {200}
    body = api.get(path).json()
    for client in range(CLIENTS):
        assert body[f"x{client}"] == {str(i): i for i in range(PATCHES)}


def test_two_servers_on_one_database_lose_nothing(start_httpd, new_database):
    database = new_database()
    servers = [start_httpd(database), start_httpd(database)]
    path = path_of(Api(servers[0].url).create())

    def work(client):
        mine = Api(servers[client % 2].url)
        return {mine.patch(path, {f"x{client}": {str(i): i}}).status_code for i in range(PATCHES)}
    with ThreadPoolExecutor(CLIENTS) as pool:
        assert set.union(*pool.map(work, range(CLIENTS))) == {200}
    body = Api(servers[1].url).get(path).json()
    assert all(body[f"x{client}"] == {str(i): i for i in range(PATCHES)} for client in range(CLIENTS))


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
