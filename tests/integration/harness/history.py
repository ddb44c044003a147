# SPDX-License-Identifier: Apache-2.0
"""Histories of customers: how tests read them, and what makes one the truth."""
from .client import path_of
from .postgres import OWNER

HISTORY = "TMFCustomerHistory On\n"
LIVES = '<Location "/lives">\nSetHandler tmf-customer\nTMFCustomerClientId On\nRequire all granted\n</Location>\n'
MEMBERS = ["revision", "time", "user", "correlationId", "operation", "before"]


def history(api, resource, **parameters):
    reply = api.get(f"{path_of(resource)}/history", params=parameters or None)
    assert reply.status_code in (200, 206), reply.text
    rows = reply.json()
    assert all(list(row) == MEMBERS for row in rows), rows
    assert int(reply.headers["X-Result-Count"]) == len(rows)
    return rows


def operations(rows):
    return [row["operation"] for row in rows]


def tag_of(reply):
    return int(reply.headers["ETag"].strip('"'))


def sql(server, statement, *parameters):
    return server.database[0].execute(statement, server.database[1], parameters or None, user=OWNER)


def replay(rows, current):
    """The states that a customer had, oldest first, None for none: what each change found is what the one before it
    left."""
    rows = rows[::-1]
    assert rows[0]["operation"] == "create" and rows[0]["before"] is None
    states = [row["before"] for row in rows] + [current]
    for row, before, after in zip(rows, states, states[1:]):
        assert (before is None) == (row["operation"] == "create"), rows
        assert (after is None) == (row["operation"] == "delete"), rows
        assert before != after, rows
    revisions = [row["revision"] for row in rows]
    assert len(set(revisions)) == len(revisions)
    return states
