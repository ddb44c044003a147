# SPDX-License-Identifier: Apache-2.0
"""Random documents and random patches of every format, against small models (patch_model.py)."""
import json

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import patch_model as model
from harness.client import JSON_PATCH, JSON_PATCH_QUERY, MERGE, Api, customer
from patch_model import Conflict, Malformed

NAMES = ["a", "b", "c"]
scalars = st.sampled_from([0, 1, 2, "a", "b", "1", "", True, False, None])
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3)
                      | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3), max_leaves=10)
elements = st.lists(st.dictionaries(st.sampled_from(NAMES), values | scalars, min_size=1, max_size=3), min_size=1,
                    max_size=3)
# A null attribute of a new customer is absent, so none is among what a patch finds.
documents = st.fixed_dictionaries({"x": (values | elements).filter(lambda value: value is not None), "y": elements})
EXAMPLES = settings(max_examples=250, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))


def pointers(value, tokens=()):
    """The tokens of everything in a document, but not of itself."""
    found = []
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    for token, member in members:
        found += [[*tokens, str(token)], *pointers(member, (*tokens, str(token)))]
    return found


def draw_tokens(draw, document):
    """Mostly a place that is there, or one beside it."""
    tokens = draw(st.sampled_from(pointers(document)))
    if draw(st.integers(0, 2)) == 0:
        tokens = tokens + [draw(st.sampled_from([*NAMES, "0", "1", "-", "01"]))]
    elif len(tokens) > 1 and draw(st.integers(0, 3)) == 0:
        tokens = tokens[:-1] + [draw(st.sampled_from([*NAMES, "0", "2", "-"]))]
    return tokens


def text_of(value):
    """How a condition asks for it."""
    return value if isinstance(value, str) else "none" if isinstance(value, (dict, list)) else json.dumps(value)


def draw_member(draw, document):
    """A member of an object in an array: (names that lead to the array, names from its element on, the value)."""
    found = [tokens for tokens in pointers(document)
             if len(tokens) > 2 and tokens[-2].isdigit() and not tokens[-1].isdigit()]
    if not found:
        return ["y"], ["a"], "a"
    tokens = draw(st.sampled_from(found))
    names = [token for token in tokens if not token.isdigit()]
    return names[:-1], names[-1:], model.find(document, tokens)


def draw_where(draw, document):
    array, below, value = draw_member(draw, document)
    last = draw(st.sampled_from([[], ["a"], ["b"], ["c"]]))
    conditions = [(below if draw(st.booleans()) else array + below, text_of(value))]
    if draw(st.integers(0, 3)) == 0:
        conditions.append((draw(st.sampled_from([[], array, array[:1]])) + [draw(st.sampled_from(NAMES))],
                           draw(st.sampled_from(["0", "1", "a", "true", ""]))))
    return "where", array + last, conditions


def draw_steps(draw, document):
    """A way that is there, with some indexes opened to [*] and [?(…)]."""
    tokens = draw_tokens(draw, document)
    steps = []
    for i, token in enumerate(tokens):
        try:
            element = model.find(document, tokens[:i + 1])
        except Conflict:
            element = None
        scalars_of = [(name, text_of(value)) for name, value in element.items()] if isinstance(element, dict) else []
        if token.isdigit():
            steps.append(draw(st.sampled_from([int(token), None, ("a", "1"), *scalars_of])))
        else:
            steps.append(token if token != "-" else "c")
    return "steps", steps


def draw_path(draw, document):
    kind = draw(st.sampled_from(["pointer", "where", "where", "steps", "steps"]))
    if kind == "pointer":
        return "pointer", draw_tokens(draw, document)
    return draw_where(draw, document) if kind == "where" else draw_steps(draw, document)


@st.composite
def cases(draw, draw_one):
    """A document and operations (op, path, from, value)."""
    document = draw(documents)
    operations = []
    for _ in range(draw(st.integers(1, 3))):
        op = draw(st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]))
        source = draw_one(draw, document) if op in ("move", "copy") else None
        path = draw_one(draw, document)
        value = draw(values) if op in ("add", "replace", "test") else None
        if op == "test" and draw(st.booleans()):
            try:
                value = model.find(document, path if isinstance(path, list) else path[1])
            except (Conflict, TypeError):
                pass
        operations.append((op, path, source, value))
    return document, operations


def written(operations, text):
    """The patch as it is sent."""
    patch = []
    for op, path, source, value in operations:
        made = {"op": op, "path": text(path)}
        if source is not None:
            made["from"] = text(source)
        if op in ("add", "replace", "test"):
            made["value"] = value
        patch.append(made)
    return patch


def expected(compute):
    try:
        return 200, compute()
    except Conflict:
        return 409, None
    except Malformed:
        return 400, None


def check(api, document, patch, content_type, status, result):
    """The server's answer, and what is there afterwards, are the model's."""
    made = api.post(customer(**document))
    reply = api.patch(f"/customer/{made.json()['id']}", patch, content_type, check=False)
    event(f"{content_type} {status}")
    assert reply.status_code == status, reply.text
    after = api.get(f"/customer/{made.json()['id']}")
    base = {name: value for name, value in made.json().items() if name not in document}
    whole = {**base, **(result if status == 200 else document)}
    assert model.same(after.json(), {name: value for name, value in whole.items() if value is not None}), patch
    if status == 200:
        assert reply.text == after.text
    changed = not model.same(after.json(), made.json())
    assert (after.headers["ETag"] != made.headers["ETag"]) == changed


@pytest.mark.timeout(300)
def test_merge_patches(server):
    api = Api(server.url)

    @EXAMPLES
    @given(documents, st.fixed_dictionaries({}, optional={"x": values, "y": values, "z": values}))
    def run(document, patch):
        check(api, document, patch, MERGE, 200, model.merge(document, patch))
    run()


@pytest.mark.timeout(300)
def test_json_patches(server):
    api = Api(server.url)

    @EXAMPLES
    @given(cases(draw_tokens))
    def run(case):
        document, operations = case
        status, result = expected(lambda: model.json_patch(document, operations))
        check(api, document, written(operations, model.pointer), JSON_PATCH, status, result)
    run()


@pytest.mark.timeout(300)
def test_json_patch_queries(server):
    api = Api(server.url)

    @EXAMPLES
    @given(cases(draw_path))
    def run(case):
        document, operations = case
        status, result = expected(lambda: model.json_patch_query(document, operations))
        check(api, document, written(operations, model.text_of), JSON_PATCH_QUERY, status, result)
    run()
