# SPDX-License-Identifier: Apache-2.0
"""Sorting, cursors and links (src/api/README.md §5)."""
import json
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urljoin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import await_condition, resident
from harness.client import Api, customer, path_of
from harness.collection import Collection
from query_model import sorted_by
from test_filters import documents

LINK = re.compile(r'<([^>]*)>; rel="(\w+)"')


def links(reply):
    """Where the links lead, as RFC 3986 resolves them."""
    return {relation: urljoin(reply.url, reference) for reference, relation in LINK.findall(reply.headers["Link"])}


def ids(reply):
    assert reply.status_code in (200, 206), reply.text
    return [resource["id"] for resource in reply.json()]


def walk(api, url, relation="next", most=1000):
    """The ids of every page from `url` on; backwards for prev."""
    pages = []
    for _ in range(most):
        reply = api.get(url)
        pages.append(ids(reply))
        url = links(reply).get(relation)
        if url is None:
            return pages
    raise AssertionError("no end")


def joined(pages):
    return [found for page in pages for found in page]


@pytest.fixture(scope="module")
def place(postgres):
    collection = Collection(postgres, "paging", location="TMFCustomerPageSize 4\nTMFCustomerMaxPageSize 50")
    yield collection
    collection.close()


@pytest.fixture
def ten(place):
    api, api.made = place.fill([{"name": f"n{i % 3}", "status": "ab"[i % 2], "x": i} for i in range(10)])
    return api


# ---- links ----

@pytest.mark.parametrize("query,expected", [
    ("", {"next", "last"}), ("limit=3", {"next", "last"}), ("limit=10", {"last"}), ("limit=3&offset=9", {"prev", "last"}),
    ("limit=3&offset=3", {"prev", "next", "last"}), ("offset=20", {"prev", "last"}), ("x=none", {"last"}),
    ("limit=3&offset=6", {"prev", "next", "last"})])
def test_a_page_links_to_its_neighbours(ten, query, expected):
    reply = ten.get(f"/customer?{query}")
    assert set(links(reply)) == {"self", "first"} | expected
    assert links(reply)["self"] == f"{ten.url}/customer" + (f"?{query}" if query else "")


def test_a_count_links_to_itself_alone(ten):
    reply = ten.get("/customer?limit=0")
    assert set(links(reply)) == {"self"} and reply.headers["X-Total-Count"] == "10" and reply.status_code == 200


@pytest.mark.parametrize("query", ["limit=3", "", "limit=3&sort=-name", "status=a&limit=2", "x.gt=2&limit=3&sort=x", "limit=1",
                                   "sort=name,-x&limit=4", "sort=-status,name&limit=3", "sort=unknown&limit=3", "limit=50"])
def test_links_lead_through_the_whole_list_and_back(ten, query):
    everything = ids(ten.get("/customer?limit=50&" + re.sub(r"limit=\d+", "", query)))
    first = ten.get(f"/customer?{query}")
    pages = walk(ten, f"/customer?{query}")
    assert joined(pages) == everything
    assert ids(ten.get(links(first)["first"])) == pages[0]
    last = ten.get(links(first)["last"])
    assert ids(last) == pages[-1] and "next" not in links(last)
    back = walk(ten, links(first)["last"], "prev")
    assert joined(reversed(back)) == everything
    for page in pages:
        assert len(page) <= 50


def test_every_other_parameter_is_kept(ten):
    query = "status=a&fields=name&filter=$%5B?(@.x%3E0)%5D&limit=2&sort=-x&name.ne=%22%26%3C&offset=1"
    kept = query.replace("&offset=1", "")
    found = links(ten.get(f"/customer?{query}"))
    assert found["first"] == f"{ten.url}/customer?{kept}"
    for relation in ("prev", "next"):
        assert re.fullmatch(re.escape(f"{ten.url}/customer?{kept}&cursor=") + r"[\w-]+", found[relation])
    assert found["last"] == f"{ten.url}/customer?{kept}&offset=2"
    following = ten.get(found["next"])
    assert all(set(resource) == {"id", "href", "name"} for resource in following.json())


def test_nothing_in_a_query_can_break_out_of_a_link(place, ten):
    from harness.client import raw_get
    status, headers, _ = raw_get(place, '/customer?limit=1&name!=a"b<c>d{e}f|g^h`i\\j')
    assert status == 206
    assert LINK.sub("", headers["link"]).strip(", ") == ""
    assert '"b' not in headers["link"] and "%22b%3Cc%3Ed%7Be%7Df%7Cg%5Eh%60i%5Cj" in headers["link"]


def test_links_are_relative_whatever_the_base_is(start_httpd):
    server = start_httpd(location='TMFCustomerBaseURL "https://api.example"')
    api = Api(server.url)
    for _ in range(3):
        api.create()
    reply = api.get("/customer?limit=1&offset=1")
    assert all(reference.startswith("?limit=1") for reference, _ in LINK.findall(reply.headers["Link"]))
    assert len(links(reply)) == 5 and "api.example" not in reply.headers["Link"]


@pytest.mark.parametrize("path", ["/customer", "/customer/", "//customer"])
def test_a_list_without_parameters_has_links_that_lead_somewhere_else(ten, path):
    """A reference without a query would mean the query of the page that it stands on."""
    first = ten.get(path)
    assert links(first)["self"] == ten.url + path
    second = ten.get(links(first)["next"])
    assert ids(second) == [made["id"] for made in ten.made[4:8]]
    assert ids(ten.get(links(second)["first"])) == ids(first)
    assert ids(ten.get(links(second)["last"])) == [made["id"] for made in ten.made[8:]]


# ---- the length of the header ----

def header_of(reply):
    return f"Link: {reply.headers['Link']}\r\n"


@pytest.mark.parametrize("padding,relations", [
    (10, {"self", "first", "prev", "next", "last"}), (280, {"self", "first", "prev", "next", "last"}), (370, {"self", "first", "prev", "next"}),
    (500, {"self", "prev", "next"}), (780, {"prev", "next"}), (1200, {"next"}), (1800, {"next"}), (4000, {"next"})])
def test_a_header_that_would_be_long_has_fewer_links(ten, padding, relations):
    query = f"limit=3&name.ne={'x' * padding}"
    middle = ten.get(links(ten.get(f"/customer?{query}"))["next"])
    assert set(links(middle)) == relations
    assert len(header_of(middle)) < max(2000, len(query) + 150)
    assert joined(walk(ten, f"/customer?{query}")) == [made["id"] for made in ten.made]


@pytest.mark.parametrize("padding", [10, 1000, 1800])
def test_a_long_key_makes_no_long_header(place, padding):
    tails = ["é" * 500 + str(i) for i in range(5)] + ["\U0001F600" * 499 + str(i) for i in range(3)]
    api, made = place.fill([{"name": tail} for tail in tails])
    query = f"sort=name&limit=2&status.ne={'x' * padding}"
    url, seen = f"/customer?{query}", []
    while url:
        reply = api.get(url)
        assert len(header_of(reply)) < 2000
        seen += ids(reply)
        url = links(reply).get("next")
    assert seen == [resource["id"] for resource in made]


@pytest.mark.parametrize("query,status", [
    ("limit=3", 206), ("offset=0", 206), ("", 200), ("limit=10", 200), ("limit=0", 200), ("offset=20", 200)])
def test_partial_content_is_for_those_who_asked_for_a_page(ten, query, status):
    assert ten.get(f"/customer?{query}").status_code == status


def test_a_page_by_cursor_alone_is_200(ten):
    first = ten.get("/customer")
    assert first.status_code == 200 and len(first.json()) == 4
    second = ten.get(links(first)["next"])
    assert second.status_code == 200 and second.headers["X-Result-Count"] == "4"


# ---- cursors ----

def cursor_of(reply, relation="next"):
    return re.search(r"cursor=([\w-]+)", links(reply)[relation]).group(1)


@pytest.mark.parametrize("cursor", ["x", "", "AAAA", "%22", "WyJhIl0", "bnVsbA", "W10", "e30", "WyIiLCJmIiwxZTNd",
                                    "WyIiLCJmIiwxLCJ4IiwiYSJd", "WyIiLCJmIiwxLG51bGwsImEiXQ", "WyIiLCJmIiwxLCI1Il0",
                                    "WyIiLCJmIiwxLFtdXQ", "WyIiLCJmIiwtMV0", "WyIiLCJmIiwxLCI5OTk5OTk5OTk5OTk5OTk5OTk5OTkiLCJhIl0"])
def test_a_cursor_that_is_none_is_400(ten, cursor):
    reply = ten.get(f"/customer?cursor={cursor}")
    assert (reply.status_code, reply.json()["code"]) == (400, "invalidParameter") and "cursor" in reply.json()["message"]


def test_a_cursor_belongs_to_its_sort(ten):
    cursor = cursor_of(ten.get("/customer?sort=name&limit=2"))
    assert ten.get(f"/customer?sort=name&limit=3&cursor={cursor}").status_code == 206
    for query in ("", "sort=-name", "sort=name,x"):
        reply = ten.get(f"/customer?{query}&cursor={cursor}")
        assert reply.status_code == 400 and "sort" in reply.json()["message"]
    assert ten.get(f"/customer?sort=name&offset=1&cursor={cursor}").status_code == 400


def test_a_cursor_outlives_the_customer_it_stands_on(ten):
    first = ten.get("/customer?limit=3")
    for resource in first.json()[1:]:
        assert ten.delete(path_of(resource)).status_code == 204
    following = ten.get(links(first)["next"])
    assert ids(following) == [resource["id"] for resource in ten.made[3:6]]
    assert ids(ten.get(links(following)["prev"])) == [ten.made[0]["id"]]


def test_a_page_whose_customers_are_all_gone_leads_back(ten):
    pages = walk(ten, "/customer?limit=4")
    before_last = ten.get("/customer?limit=4&offset=4")
    for found in pages[-1]:
        ten.delete(f"/customer/{found}")
    after = ten.get(links(before_last)["next"])
    assert ids(after) == [] and "next" not in links(after)
    assert ids(ten.get(links(after)["prev"])) == pages[1]


def test_names_of_any_length_can_be_paged(place):
    tails = ["x" * 499, "x" * 500, "x" * 501, "x" * 500 + "a", "x" * 500 + "b", "y" * 3000, "y" * 3000 + "b", "é" * 499, "é" * 600]
    api, made = place.fill([{"name": tail, "status": tail} for tail in tails])
    for sort in ("name", "-name", "status", "-status"):
        path, descending = sort.lstrip("-"), sort.startswith("-")
        expected = [resource["id"] for resource in sorted_by(made, [([path], descending)])]
        assert joined(walk(api, f"/customer?sort={sort}&limit=2")) == expected
        back = walk(api, links(api.get(f"/customer?sort={sort}&limit=2"))["last"], "prev")
        assert joined(reversed(back)) == expected
    for tail in tails:
        assert len(api.get("/customer", params={"name": tail}).json()) == 1
        assert len(api.get("/customer", params={"status": tail}).json()) == 1


def test_walking_neither_skips_nor_repeats_while_others_write(place):
    """Customers that nobody writes meanwhile are met exactly once, on every order."""
    api, still = place.fill([{"name": f"still {i:02}", "x": i % 7, "kept": "yes"} for i in range(60)])
    stop = threading.Event()
    turns = [0, 0, 0]

    def write(number):
        writer, made = Api(place.url), []
        while not stop.is_set():
            turn = turns[number] = turns[number] + 1
            made.append(path_of(writer.create(name=f"still {turn % 60:02} {number}", x=turn % 7)))
            if len(made) > 20:
                assert writer.delete(made.pop(0)).status_code == 204
            change = {"name": f"still {turn * 7 % 60:02}", "x": turn % 5}
            assert writer.patch(made[turn % len(made)], change).status_code == 200
    expected = sorted(resource["id"] for resource in still)

    def others_write_during_a_walk(query):
        before = list(turns)
        found = joined(walk(api, f"/customer?{query}"))
        assert sorted(one for one in found if one in expected) == expected
        return all(now > then for now, then in zip(turns, before))
    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, number) for number in range(3)]
        try:
            for query in ("limit=3", "limit=4&sort=name", "limit=5&sort=-name", "limit=7&sort=x", "limit=7&sort=-x,name"):
                await_condition(partial(others_write_during_a_walk, query), "others write during a walk")
        finally:
            stop.set()
        for writer in writers:
            writer.result()


# ---- sort ----

SORTED = [{"name": "a", "x": 10}, {"name": "b", "x": 9.5}, {"name": "c", "x": "9"}, {"name": "d", "x": "2020-06-12T01:00+02:00"},
          {"name": "e", "x": "2020-06-12"}, {"name": "f"}, {"name": "g", "x": None}, {"name": "h", "x": True},
          {"name": "i", "x": False}, {"name": "j", "x": "é"}, {"name": "k", "x": "Z"}, {"name": "l", "x": [3, 100]},
          {"name": "m", "x": {"y": 1}}, {"name": "n", "x": []}, {"name": "o", "x": -10**20}, {"name": "B", "x": [[11]]}]


@pytest.mark.parametrize("sort,order", [
    ("name", "Babcdefghijklmno"), ("-name", "onmlkjihgfedcbaB"), ("%2Bname", "Babcdefghijklmno"), ("+name", "Babcdefghijklmno"),
    ("%20name", "Babcdefghijklmno"), ("x,name", "olbaBdeckjihmfgn"), ("x,-name", "olbaBdeckjihmngf"), ("", "abcdefghijklmnoB"),
    ("unknown,name", "Babcdefghijklmno"), ("unknown,-name", "onmlkjihgfedcbaB")])
def test_sorts(place, sort, order):
    api, made = place.fill(SORTED)
    reply = api.get(f"/customer?sort={sort}&limit=50")
    found = "".join(resource["name"] for resource in reply.json())
    assert found == order


def test_sorting_by_identity(place):
    api, made = place.fill([{} for _ in range(5)])
    expected = sorted(resource["id"] for resource in made)
    for sort in ("id", "href", "unknown"):
        assert ids(api.get(f"/customer?sort={sort}")) == expected[:4]
    assert ids(api.get("/customer?sort=-id&limit=10")) == expected[::-1]


SORT_PATHS = ["x", "y", "x.a", "y.a.b", "status", "name", "z", "engagedParty.name"]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(documents, min_size=1, max_size=8),
       st.lists(st.tuples(st.sampled_from(SORT_PATHS), st.booleans()), min_size=1, max_size=3), st.integers(1, 4))
def test_random_sorts_and_walks_follow_the_model(place, bodies, keys, limit):
    api, made = place.fill(bodies)
    sort = ",".join(("-" if descending else "") + path for path, descending in keys)
    expected = [resource["id"] for resource in sorted_by(made, [(path.split("."), d) for path, d in keys])]
    pages = walk(api, f"/customer?sort={sort}&limit={limit}")
    assert joined(pages) == expected
    back = walk(api, links(api.get(f"/customer?sort={sort}&limit={limit}"))["last"], "prev")
    assert joined(reversed(back)) == expected
    filtered = walk(api, f"/customer?sort={sort}&limit={limit}&name.ne=")
    assert joined(filtered) == expected


def test_filter_count_sort_page_fields_in_this_order(ten):
    reply = ten.get("/customer?status=a&sort=-x&offset=1&limit=2&fields=x")
    assert [resource["x"] for resource in reply.json()] == [6, 4]
    assert (reply.headers["X-Total-Count"], reply.headers["X-Result-Count"]) == ("5", "2")


def test_a_full_page_of_the_largest_size(start_httpd):
    api = Api(start_httpd(location="TMFCustomerMaxPageSize 300").url)
    made = [api.create(**customer(x="x" * 5000, y=i))["id"] for i in range(310)]
    reply = api.get("/customer?limit=100000")
    assert ids(reply) == made[:300] and reply.headers["X-Total-Count"] == "310"
    assert ids(api.get(links(reply)["next"])) == made[300:]


MB = 1 << 20
ONE_CHILD = "StartServers 1\nServerLimit 1\nMaxRequestWorkers 16\nMinSpareThreads 1\nMaxSpareThreads 16"


@pytest.mark.skipif(any(map(os.environ.get, ("TMF_ASAN", "TMF_VALGRIND"))), reason="they keep what is freed")
def test_a_page_of_large_documents_is_held_once_and_given_back(start_httpd):
    """The memory of the one child, when it is asked for a page of 100 MB, which ends at 4, and after the reply."""
    server = start_httpd(server=ONE_CHILD, mpm="event")
    postgres, name = server.database
    document = {**customer(), "@type": "Customer"}
    postgres.execute("INSERT INTO tmf_customer.customer (id, doc) SELECT 'c' || i, %s || jsonb_build_object("
                     "'x', repeat(md5(i::text), 6400)) FROM generate_series(1, 512) AS i", name, (json.dumps(document),))
    api, [child] = Api(server.url), await_condition(server.children, "a child runs")
    assert len(api.get("/customer?limit=2").json()) == 2
    before = resident(child)
    for _ in range(3):
        reply = api.request("GET", "/customer?limit=1000", check=False)
        assert 3 * MB < int(reply.headers["Content-Length"]) == len(reply.content) <= 4 * 1024 * 1024
        assert len(reply.json()[7]["x"]) == 6400 * 32
        await_condition(lambda: resident(child) < before + 4 * MB, "the memory is given back")
    assert resident(child, "VmHWM") < before + 1.5 * len(reply.content)
