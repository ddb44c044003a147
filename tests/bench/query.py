# SPDX-License-Identifier: Apache-2.0
"""What each kind of list costs on a large table, as a multiple of a GET by id measured beside it."""
import argparse
import os
import re
import statistics
import threading
from datetime import date
from urllib.parse import quote

import requests

from harness import BASE
from harness.httpd import Httpd
from measure import TunedPostgres, end_when_stopped, fill, get_in_turn, is_wanted, turns

SMALL = 10000
SAMPLES = 200
DEEP = 40000  # pages


def serve(postgres, name, count):
    postgres.create_database(name)
    fill(postgres, name, count)
    return Httpd((postgres, name), connections=32).start()


def ask(server, paths, seconds, connections=1, background=False):
    """Asks for the paths in turn. Fails on any reply that is no 2xx, but in the background."""
    load = get_in_turn(server.port, [f"{BASE}/customer{path}" for path in paths], seconds, connections)
    assert not load.bad or background, f"{paths[0]}: {load.bad}"
    return load


def samples(server):
    postgres, name = server.database
    rows = postgres.execute("SELECT id, doc FROM tmf_customer.customer WHERE id IN"
                            " (SELECT id FROM tmf_customer.customer ORDER BY random() LIMIT %s)", name, (SAMPLES,))
    assert len(rows) == SAMPLES
    return rows


def cursor_path(server, query, offset):
    reply = requests.get(f"{server.url}/customer?{query}&offset={offset}")
    return f"?{query}&cursor=" + re.search(r"cursor=([\w-]+)>; rel=\"next\"", reply.headers["Link"]).group(1)


def each(make):
    """Paths made of the documents of some customers."""
    return lambda server: [make(doc) for _, doc in samples(server)]


def fixed(query):
    return lambda server: [f"?{query}"]


def page_at(query, offset):
    return lambda server: [cursor_path(server, query, offset)]


def same_element(doc):
    place = doc["contactMedium"][0]["characteristic"]
    condition = f"@.characteristic.postCode=='{place['postCode']}' && @.characteristic.city=='{place['city']}'"
    return "?filter=" + quote(f"contactMedium[?({condition})]", safe="")


def shapes(customers):
    """(what, bar, paths, beside): the bar is a multiple of a GET by id; beside is None, or what the same has to cost within a
    fifth: (its name, whether on the small table, paths). Paths are functions of the server."""
    deep = min(DEEP * 20, customers // 20 * 20 - 40)
    in_small = lambda query: (f"{SMALL:,} customers", True, fixed(query))
    first_page = lambda query: ("page 1", False, fixed(query))
    return [
        ("`?limit=20`, with total", 3, fixed("limit=20"), in_small("limit=20")),
        ("`?status=Approved&limit=20`, with total", 3, fixed("status=Approved&limit=20"), in_small("status=Approved&limit=20")),
        ("`?contactMedium.characteristic.emailAddress=…`", 5, each(
            lambda doc: "?contactMedium.characteristic.emailAddress=" + doc["contactMedium"][0]["characteristic"]["emailAddress"]), None),
        ("`?engagedParty.id=…`", 5, each(lambda doc: "?engagedParty.id=" + doc["engagedParty"]["id"]), None),
        ("`filter=` with two conditions on one element", 5, each(same_element), None),
        ("`?name=…`", 5, each(lambda doc: "?name=" + quote(doc["name"])), None),
        ("`?name.regex=^prefix`", 5, each(lambda doc: "?name.regex=%5E" + quote(doc["name"])), None),
        ("`?sort=name&limit=20`", 5, fixed("sort=name&limit=20"), None),
        ("`?sort=-validFor.startDateTime&limit=20&engagedParty.id=…`", 5, each(
            lambda doc: "?sort=-validFor.startDateTime&limit=20&engagedParty.id=" + doc["engagedParty"]["id"]), None),
        (f"page {deep // 20:,} of `?limit=20` by cursor", None, page_at("limit=20", deep), first_page("limit=20")),
        (f"page {deep // 20:,} of `?sort=name&limit=20` by cursor", None, page_at("sort=name&limit=20", deep),
         first_page("sort=name&limit=20")),
    ]


def measure(large, small, shape, seconds, by_id):
    """One row: alternates with GETs by id and with what it is to be compared with, and takes the middle of the rounds."""
    what, bar, paths_of, beside = shape
    loads = [(large, by_id), (large, paths_of(large))]
    if beside:
        other = small if beside[1] else large
        loads.append((other, beside[2](other)))
    count, turn = turns(seconds, len(loads))
    rounds = [[ask(server, paths, turn).p50 for server, paths in loads] for _ in range(count)]
    base, took = (statistics.median(column) for column in list(zip(*rounds))[:2])
    ratio = statistics.median(row[1] / row[0] for row in rounds)
    compared = f"{statistics.median(row[1] / row[2] for row in rounds):.2f} × {beside[0]}" if beside else ""
    print(f"| {what} | {base:.0f} µs | {took:.0f} µs | {ratio:.1f} × | {f'≤ {bar} ×' if bar else ''} | {compared} |", flush=True)


def scans_beside_reads(large, by_id, seconds):
    """GETs by id, alone and beside a client that asks for nothing but scans; and what the scans get."""
    scans = ["?creditProfile.creditScore>848&creditProfile.creditScore<849", "?sort=validFor.startDateTime"]
    replies = [requests.get(f"{large.url}/customer{scan}") for scan in scans]
    count, turn = turns(seconds, 2)
    rounds = []
    for _ in range(count):
        alone = ask(large, by_id, turn, connections=2)
        background = threading.Thread(target=ask, args=(large, scans[:1], turn + 1, 1, True))
        background.start()
        beside = ask(large, by_id, turn, connections=2)
        background.join()
        rounds.append((alone, beside))
    print("\n| GET by id, 2 connections | p50 | p99 | requests/s |\n|---|---|---|---|")
    for what, loads in zip(("alone", "beside a client that scans the table"), zip(*rounds)):
        p50, p99, rate = (statistics.median(column) for column in zip(*((load.p50, load.p99, load.rate) for load in loads)))
        print(f"| {what} | {p50:.0f} µs | {p99:.0f} µs | {rate:.0f} |")
    print()
    for scan, reply in zip(scans, replies):
        print(f"A scan, `{scan}`: {reply.status_code} after {reply.elapsed.total_seconds():.1f} s.")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--customers", type=int, default=1000000)
    arguments.add_argument("--seconds", type=int, required=True)
    arguments.add_argument("--only", action="append")
    options = arguments.parse_args()
    wanted = [shape for shape in shapes(options.customers) if is_wanted(shape[0], options.only)]
    if not wanted:
        return
    end_when_stopped()
    postgres = TunedPostgres()
    servers = []
    try:
        servers.append(serve(postgres, "small", min(SMALL, options.customers)))
        servers.append(serve(postgres, "large", options.customers))
        small, large = servers
        by_id = [f"/{identity}" for identity, _ in samples(large)]
        print(f"\n{date.today()}, {os.cpu_count()} cores, {options.customers:,} customers, one connection, p50, the middle of short"
              " turns:\n")
        print("| request | GET by id | this | ratio | bar | beside, ≤ 1.2 × |\n|---|---|---|---|---|---|")
        for shape in wanted:
            measure(large, small, shape, options.seconds, by_id)
        if not options.only:
            scans_beside_reads(large, by_id, options.seconds)
    finally:
        for server in servers:
            server.remove()
        postgres.remove()


main()
