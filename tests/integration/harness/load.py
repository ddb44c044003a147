# SPDX-License-Identifier: Apache-2.0
"""Changes whose every commit is known, however often the server dies meanwhile."""
import itertools
import threading
import time

import requests

from . import PATIENCE
from .client import Api, customer, path_of

attempts = itertools.count(1)


class Load:
    """Clients that each count up a few customers of their own; every change is conditional on the one before, so that
    each number is committed once, whichever of several attempts it was."""

    def __init__(self, urls, clients=4, customers=3, rate=200):
        """urls: of servers of one database; a client goes to the next one when one fails. rate: changes a second."""
        self.urls = urls
        self.pause = clients / rate
        self.histories = {}  # id → the attempts that were committed, in order
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(client, customers), daemon=True) for client in range(clients)]
        self.faults = []

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in self.threads), "a client never came to an end"
        assert not self.faults, self.faults

    def committed(self):
        return sum(map(len, list(self.histories.values())))

    def work(self, client, customers):
        try:
            session = Session(self.urls, client)
            mine = [session.create(self.histories) for _ in range(customers)]
            for each in itertools.cycle(mine):
                each.change(session)
                if self.stop.wait(self.pause):
                    return
        except BaseException as fault:
            self.faults.append(repr(fault))
            raise


class Session:
    """An API client that asks until it gets an answer."""

    def __init__(self, urls, client):
        self.urls = itertools.cycle([*urls[client % len(urls):], *urls[:client % len(urls)]])
        self.api = Api(next(self.urls))

    def insist(self, method, path, **options):
        """The first reply that is none of an outage; `None` for a change whose fate is not known."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            reply = self.once(method, path, **options)
            if reply is not None or method == "PATCH":
                return reply
            time.sleep(0.02)
        raise AssertionError(f"no answer to {method} {path}")

    def once(self, method, path, **options):
        try:
            reply = self.api.request(method, path, timeout=15, **options)
        except requests.RequestException:
            reply = None
        if reply is None or reply.status_code == 503:
            self.api = Api(next(self.urls))
            return None
        return reply

    def create(self, histories):
        attempt = next(attempts)
        while True:
            body = customer(n=0, attempt=attempt)
            made = self.once("POST", "/customer", json=body)
            found = made.json() if made is not None else self.find(attempt)
            if found:
                history = histories.setdefault(found["id"], [])
                history.append(attempt)
                return Counted(found, history)

    def find(self, attempt):
        """What a create that was not answered may have made."""
        listed = self.insist("GET", f"/customer?attempt={attempt}&n=0").json()
        return listed[0] if listed else None


class Counted:
    """A customer whose `n` is the number of its changes."""

    def __init__(self, made, history):
        self.path, self.history = path_of(made), history
        self.tag = None

    def change(self, session):
        if self.tag is None:
            self.look(session)
        attempt = next(attempts)
        reply = session.insist("PATCH", self.path, json={"n": len(self.history), "attempt": attempt}, headers={"If-Match": self.tag})
        if reply is None or reply.status_code == 412:
            self.tag = None  # an earlier attempt may have been committed, or be yet
            return
        assert reply.status_code == 200, reply.text
        self.history.append(attempt)
        self.tag = reply.headers["ETag"]

    def look(self, session):
        reply = session.insist("GET", self.path)
        body = reply.json()
        if body["n"] == len(self.history):
            self.history.append(body["attempt"])
        assert (body["n"], body["attempt"]) == (len(self.history) - 1, self.history[-1]), (body, self.history[-3:])
        self.tag = reply.headers["ETag"]


def settle(load, database):
    """After the clients have stopped: what the last attempts came to, by the database."""
    postgres, name = database
    for identity, n, attempt in postgres.execute(
            "SELECT id, (doc->>'n')::int, (doc->>'attempt')::int FROM tmf_customer.customer", name):
        history = load.histories.setdefault(identity, [])
        if n == len(history):
            history.append(attempt)
        assert (n, attempt) == (len(history) - 1, history[-1])


def check_arrivals(listener, load, path=None):
    """Every change that was committed arrived, in order for each customer, and no other; returns the repetitions."""
    events = {}  # customer → attempt → eventId, in order of the first arrival
    repetitions = 0
    for request in listener.arrived(path):
        event = request.event
        resource = event["event"]["customer"]
        seen = events.setdefault(resource["id"], {})
        repetitions += resource["attempt"] in seen
        assert seen.setdefault(resource["attempt"], event["eventId"]) == event["eventId"], "one change, two events"
    assert {identity: list(seen) for identity, seen in events.items()} == load.histories
    return repetitions
