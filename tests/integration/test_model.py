# SPDX-License-Identifier: Apache-2.0
"""Random creates, patches, replaces and deletes against a model: a dict, and RFC 7386 of patch_model.py."""
import copy

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule, run_state_machine_as_test

from harness.client import Api, customer
from patch_model import merge, same

KNOWN = {"status", "statusReason", "@type", "@baseType"}
scalars = st.none() | st.booleans() | st.integers(-10**25, 10**25) | st.text("ab\"\\é/", max_size=3)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3)
                      | st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8)
members = st.fixed_dictionaries({}, optional={
    "status": st.none() | st.text("xyz", max_size=3), "@baseType": st.none() | st.just("B"),
    "x": values, "y": values, "é \"": values})


def kept(document):
    """A customer as it is stored: without top-level nulls, with @type."""
    document = {name: value for name, value in document.items() if value is not None}
    return {"@type": "Customer", **document}


class Customers(RuleBasedStateMachine):
    ids = Bundle("ids")
    api = None

    def __init__(self):
        super().__init__()
        self.model = {}
        self.tags = {}

    def compare(self, name, reply, status):
        assert reply.status_code == status, reply.text
        body = reply.json()
        assert same({k: v for k, v in body.items() if k not in ("id", "href")}, self.model[name])
        tag, before = self.tags.get(name, (None, None))
        assert (tag != reply.headers["ETag"]) == (not same(before, self.model[name]))
        self.tags[name] = (reply.headers["ETag"], copy.deepcopy(self.model[name]))

    @rule(target=ids, more=members)
    def create(self, more):
        reply = self.api.post({**customer(), **more})
        name = reply.json()["id"]
        self.model[name] = kept({**customer(), **more})
        self.compare(name, reply, 201)
        return name

    @rule(name=ids, patch=members)
    def patch(self, name, patch):
        self.model[name] = kept(merge(self.model[name], patch))
        self.compare(name, self.api.patch(f"/customer/{name}", patch), 200)

    @rule(name=ids, more=members)
    def replace(self, name, more):
        self.model[name] = kept({**customer(), **more})
        self.compare(name, self.api.put(f"/customer/{name}", {**customer(), **more}), 200)

    @rule(name=ids)
    def get(self, name):
        self.compare(name, self.api.get(f"/customer/{name}"), 200)

    @rule(name=consumes(ids))
    def delete(self, name):
        assert self.api.delete(f"/customer/{name}").status_code == 204
        del self.model[name]
        assert self.api.get(f"/customer/{name}").status_code == 404


@pytest.mark.timeout(300)
def test_the_server_does_what_the_model_does(server):
    Customers.api = Api(server.url)
    run_state_machine_as_test(Customers, settings=settings(
        max_examples=40, stateful_step_count=25, deadline=None, print_blob=True,
        suppress_health_check=list(HealthCheck)))
