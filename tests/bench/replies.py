# SPDX-License-Identifier: Apache-2.0
"""What replies have to be. Each check raises Problem; who answers wrongly has no figure worth a ratio."""
import json
import random

import requests

from servers import CUSTOMERS

CHECKED = 20
SIZE_TOLERANCE = 0.03
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


class Problem(Exception):
    pass


def demand(condition, what):
    if not condition:
        raise Problem(what)


def without_identity(customer):
    return {name: value for name, value in customer.items() if name not in ("id", "href")}


def check_customers(server, documents):
    """documents: {id: what is stored}"""
    for identity, document in random.sample(sorted(documents.items()), min(CHECKED, len(documents))):
        path = f"{CUSTOMERS}/{identity}"
        reply = requests.get(server.url(path))
        demand(reply.status_code == 200, f"{path}: status {reply.status_code}")
        customer = reply.json()
        demand(customer["id"] == identity and customer["href"].endswith(path), f"{path}: another customer")
        demand(without_identity(customer) == document, f"{path}: another document")
        size = len(json.dumps(customer, ensure_ascii=False).encode())
        demand(abs(len(reply.content) - size) <= SIZE_TOLERANCE * size, f"{path}: {len(reply.content)} bytes, not {size}")


def check_page(server, query, total, documents_of):
    """documents_of(ids): what is stored"""
    reply = requests.get(server.url(f"{CUSTOMERS}?{query}"))
    demand(reply.status_code in (200, 206), f"{query}: status {reply.status_code}")
    customers = {customer["id"]: without_identity(customer) for customer in reply.json()}
    demand(len(customers) == min(20, total), f"{query}: {len(customers)} customers")
    demand(reply.headers["X-Total-Count"] == str(total), f"{query}: a total of {reply.headers['X-Total-Count']}, not {total}")
    demand(customers == documents_of(list(customers)), f"{query}: other documents")


def check_post(server, body, last_event):
    before = last_event()
    reply = requests.post(server.url(CUSTOMERS), data=body.encode(), headers={"Content-Type": "application/json"})
    demand(reply.status_code == 201, f"POST: status {reply.status_code}")
    demand(without_identity(reply.json()) == json.loads(body), "POST: another document")
    demand(requests.get(reply.headers["Location"]).json() == reply.json(), "POST: it cannot be read again")
    demand(last_event() == before + 1, "POST: no event")


def check_patch(server, identity, last_event):
    url, number, event = server.url(f"{CUSTOMERS}/{identity}"), random.randrange(10**9), last_event()
    before = requests.get(url).json()
    reply = requests.patch(url, json={"checked": number}, headers=MERGE_PATCH)
    demand(reply.status_code == 200, f"PATCH: status {reply.status_code}")
    demand(reply.json() == {**before, "checked": number}, "PATCH: another document")
    demand(requests.get(url).json() == reply.json(), "PATCH: it was not kept")
    demand(last_event() == event + 1, "PATCH: no event")


def check_same(server, path, content):
    reply = requests.get(server.url(path))
    demand(reply.status_code == 200 and reply.content == content, f"{path}: another document")
