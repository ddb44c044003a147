# SPDX-License-Identifier: Apache-2.0
"""The vectors of tests/vectors/, which the unit tests put to the evaluator in C, put to PostgreSQL through the list, and
to the tests' own model."""
import json
from decimal import Decimal
from pathlib import Path

import pytest

from harness.client import customer, raw_get
from harness.collection import Collection
from query_model import groups_of, instant, selects

VECTORS = Path(__file__).parents[1] / "vectors"


def lines(name):
    return [json.loads(line) for line in (VECTORS / name).read_text(encoding="utf-8").splitlines()]


def filter_sets():
    """Each set of documents, with its (query, names of the documents that it selects)."""
    sets = []
    for line in lines("filters.jsonl"):
        if "documents" in line:
            sets.append((line["documents"], []))
        else:
            sets[-1][1].append((line["query"], line["selects"]))
    return sets


SETS = filter_sets()


@pytest.fixture(scope="module")
def place(postgres):
    collection = Collection(postgres, "vectors", server="TMFCustomerNotify Off")
    yield collection
    collection.close()


@pytest.mark.parametrize("documents,queries", SETS, ids=[documents[0]["name"] for documents, _ in SETS])
def test_lists_meet_the_vectors(place, documents, queries):
    api, _ = place.fill([])
    for document in documents:
        reply = api.post({**customer(), **document})
        assert reply.status_code == 201, reply.text
    wrong = []
    for query, expected in queries:
        status, headers, body = raw_get(place, f"/customer?fields=name&limit=100&{query.replace(' ', '%20')}")
        found = [resource["name"] for resource in json.loads(body)] if status == 200 else body
        if (found, headers.get("x-total-count")) != (expected, str(len(expected))):
            wrong.append((query, found, expected))
    assert not wrong


def test_the_model_meets_the_vectors():
    asked = [(documents, query, expected) for documents, queries in SETS for query, expected in queries if "filter=" not in query]
    wrong = [(query, document["name"]) for documents, query, expected in asked for document in documents
             if selects(document, groups_of(query)) != (document["name"] in expected)]
    assert not wrong and len(asked) > 300


def test_date_times_are_the_same_to_the_database_and_to_the_model(place):
    vectors = lines("date_times.jsonl")
    expected = [Decimal(vector["seconds"]) + Decimal("0." + vector.get("fraction", "0")) if "seconds" in vector else None
                for vector in vectors]
    texts = [vector["text"] for vector in vectors]
    assert [instant(text) for text in texts] == expected
    with place.owner.cursor() as cursor:
        cursor.execute("SELECT tmf_customer.instant(text) FROM unnest(%s) WITH ORDINALITY AS t(text, n) ORDER BY n", (texts,))
        assert [found for found, in cursor] == expected
