# SPDX-License-Identifier: Apache-2.0
"""What replies have to be. Each check raises Problem; who answers wrongly has no figure worth a ratio."""
import json
import random

import requests

from servers import CUSTOMERS

CHECKED = 20
SIZE_TOLERANCE = 0.03
MERGE_PATCH, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
ELEMENT = "/contactMedium/0/characteristic/contactType"


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


def check_refused(server, body, last_event):
    """What lacks what is mandatory, or has a wrong type, is not created."""
    customer, before = json.loads(body), last_event()
    for wrong in ({"name": None}, {"engagedParty": None}, {"name": 1}, {"name": ""}, {"engagedParty": "500"}, {"account": {}},
                  {"account": [{"id": "1"}]}, {"contactMedium": [{"mediumType": "email"}]}, {"characteristic": [{"name": "a"}]}):
        mistaken = {name: value for name, value in {**customer, **wrong}.items() if value is not None}
        status = requests.post(server.url(CUSTOMERS), json=mistaken).status_code
        demand(status == 400, f"POST with {json.dumps(wrong)}: status {status}")
    status = requests.post(server.url(CUSTOMERS), data=body[:-1].encode(), headers={"Content-Type": "application/json"}).status_code
    demand(status == 400, f"POST of half a customer: status {status}")
    demand(last_event() == before, "POST: an event of what was refused")


def check_post(server, body, last_event):
    check_refused(server, body, last_event)
    before = last_event()
    reply = requests.post(server.url(CUSTOMERS), data=body.encode(), headers={"Content-Type": "application/json"})
    demand(reply.status_code == 201, f"POST: status {reply.status_code}")
    demand(without_identity(reply.json()) == json.loads(body), "POST: another document")
    demand(requests.get(reply.headers["Location"]).json() == reply.json(), "POST: it cannot be read again")
    demand(last_event() == before + 1, "POST: no event")


def check_change(server, identity, last_event, patch, content_type, expected):
    """expected(before): the customer that the patch makes"""
    url, event = server.url(f"{CUSTOMERS}/{identity}"), last_event()
    before = requests.get(url).json()
    reply = requests.patch(url, data=json.dumps(patch), headers={"Content-Type": content_type})
    demand(reply.status_code == 200, f"PATCH: status {reply.status_code}")
    demand(reply.json() == expected(before), "PATCH: another document")
    demand(requests.get(url).json() == reply.json(), "PATCH: it was not kept")
    demand(last_event() == event + 1, "PATCH: no event")


def check_unchanged(server, identity, last_event, patch, content_type):
    url, event = server.url(f"{CUSTOMERS}/{identity}"), last_event()
    before = requests.get(url).json()
    status = requests.patch(url, data=json.dumps(patch), headers={"Content-Type": content_type}).status_code
    demand(status in (400, 409, 422), f"PATCH with {json.dumps(patch)}: status {status}")
    demand(requests.get(url).json() == before and last_event() == event, "PATCH: what was refused was done")


def check_patch(server, identity, last_event):
    number = random.randrange(10**9)
    check_change(server, identity, last_event, {"checked": number}, MERGE_PATCH, lambda before: {**before, "checked": number})
    for wrong in ({"name": None}, {"id": "another"}, {"engagedParty": []}, {"account": [{}]}):
        check_unchanged(server, identity, last_event, wrong, MERGE_PATCH)


def check_patch_element(server, identity, last_event):
    def expected(before):
        before["contactMedium"][0]["characteristic"]["contactType"] = text
        return before
    text = f'"{random.randrange(10**9)}"'  # which has to be escaped
    check_change(server, identity, last_event, [{"op": "replace", "path": ELEMENT, "value": text}], JSON_PATCH, expected)
    for operation, path in (("replace", "/contactMedium/9"), ("remove", "/contactMedium/0/mediumType"), ("remove", "/name")):
        wrong = [{"op": operation, "path": path, **({"value": {}} if operation == "replace" else {})}]
        check_unchanged(server, identity, last_event, wrong, JSON_PATCH)


def check_same(server, path, content):
    reply = requests.get(server.url(path))
    demand(reply.status_code == 200 and reply.content == content, f"{path}: another document")
