# SPDX-License-Identifier: Apache-2.0
"""A page has a bound in bytes: it ends early, as if the limit were lower."""
import re

import pytest

from harness.client import Api, raw_get
from harness.postgres import OWNER

COUNT, MEGABYTE, BOUND = 40, 1000000, 4 * 1024 * 1024


def fill(server, sizes):
    postgres, name = server.database
    postgres.execute("TRUNCATE tmf_customer.customer", name)
    connection = postgres.connect(name, OWNER)
    for number, size in enumerate(sizes):
        connection.cursor().execute(
            "INSERT INTO tmf_customer.customer (id, doc) VALUES (%s, jsonb_build_object('@type', 'Customer', 'name', %s::text,"
            " 'engagedParty', '{\"id\": \"1\", \"@referredType\": \"Individual\"}'::jsonb, 'n', %s::int, 'x', repeat('y', %s),"
            " 'long', %s::text))", (f"c{number:03}", f"name {number % 3}", number, size, "z" * 2100 + f"{number:03}"))
    connection.close()


@pytest.fixture(scope="module")
def large(postgres):
    from harness.httpd import Httpd
    server = Httpd((postgres, postgres.create_database("large_pages"))).start()
    fill(server, [MEGABYTE] * COUNT)
    yield server
    wrong = server.log.check()
    server.remove()
    assert not wrong, wrong


def link(reply, relation):
    targets = re.findall(r'<([^>]*)>; rel="([a-z]+)"', reply.headers["Link"])
    return next((target for target, name in targets if name == relation), None)


def get(server, target):
    """Follows a link, which may be relative to the request's URL."""
    if target.startswith("?"):
        target = "/customer" + target
    return Api(server.url).get(target, check=False)


def walk(server, target, relation):
    pages = []
    while target is not None:
        reply = get(server, target)
        pages.append(reply)
        target = link(reply, relation)
        assert len(pages) <= COUNT + 1
    return pages


def numbers(reply):
    return [resource["n"] for resource in reply.json()]


def expected(query):
    order = list(range(COUNT))
    if "-n" in query:
        order.reverse()
    if "sort=name" in query:
        order.sort(key=lambda number: (number % 3, number))
    return order


# A value of "long" is too long for a cursor, which then has a position only.
QUERIES = ["?limit=1000", "?limit=1000&sort=long", "?limit=1000&sort=-n", "?limit=1000&sort=name&n>=0", "?limit=6&name.regex=name"]


@pytest.mark.parametrize("query", QUERIES)
def test_who_walks_by_links_meets_every_customer_once(large, query):
    pages = walk(large, "/customer" + query, "next")
    assert [number for page in pages for number in numbers(page)] == expected(query)
    assert {page.status_code for page in pages} == {206}
    for page in pages:
        assert int(page.headers["X-Total-Count"]) == COUNT
        assert int(page.headers["X-Result-Count"]) == len(numbers(page))
        assert len(page.content) <= BOUND
    back = walk(large, link(pages[-1], "prev"), "prev")
    seen = [number for page in reversed(back) for number in numbers(page)]
    assert seen == expected(query)[:len(seen)] and len(seen) == COUNT - len(numbers(pages[-1]))
    assert all(len(page.content) <= BOUND for page in back)


def test_without_a_limit_the_status_is_200_as_for_any_page(large):
    reply = get(large, "/customer")
    assert reply.status_code == 200 and 1 < len(numbers(reply)) < COUNT
    assert link(reply, "next") is not None and reply.headers["X-Total-Count"] == str(COUNT)


def test_a_page_within_the_bound_is_whole(large):
    reply = get(large, "/customer?limit=4&offset=10")
    assert numbers(reply) == list(range(10, 14))
    status, headers, body = raw_get(large, "/customer?limit=1000&fields=n")
    assert status == 206 and headers["x-total-count"] == str(COUNT)
    assert len(body) < MEGABYTE


def test_one_customer_above_the_bound_is_a_page_of_its_own(start_httpd):
    server = start_httpd()
    fill(server, [100, BOUND + MEGABYTE, 100])
    pages = walk(server, "/customer?limit=2", "next")
    assert [numbers(page) for page in pages] == [[0], [1], [2]]
    pages = walk(server, "/customer?limit=1", "next")
    assert [numbers(page) for page in pages] == [[0], [1], [2]]
    fill(server, [100, BOUND + MEGABYTE])
    for query in ["?limit=2", "?limit=1", "?limit=1&n>=0"]:
        pages = walk(server, "/customer" + query, "next")
        assert [number for page in pages for number in numbers(page)] == [0, 1] and numbers(pages[-1])


def test_connections_that_were_given_up_are_replaced(large):
    """More of them than a child has, in turn with small requests."""
    api = Api(large.url)
    for _ in range(40):
        reply = api.request("HEAD", "/customer?limit=1000")
        assert reply.status_code == 206 and int(reply.headers["X-Result-Count"]) < COUNT
        assert api.get("/customer/c001").status_code == 200
