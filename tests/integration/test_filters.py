# SPDX-License-Identifier: Apache-2.0
"""Filters (src/api/README.md §4): one example for each rule, and random ones against a model."""
import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.client import Api, customer, path_of, raw_get
from harness.collection import Collection
from query_model import OPERATORS, SYMBOLS, instant, query_of, selects

ODD = "q\"'\\%_$*^(){}[]?@&;,=<>~|# é\U0001f600"
ODD_NAME = "q\"'\\%_$*^(){}[]?@&;,~|# é\U0001f600"  # <, > and =~ would end it


@pytest.fixture(scope="module")
def place(postgres):
    collection = Collection(postgres, "filters")
    yield collection
    collection.close()


def medium(kind, city, preferred=None, **members):
    made = {"mediumType": kind, "characteristic": {"city": city}, **members}
    return made if preferred is None else {**made, "preferred": preferred}


def profile(score, date="2020-01-01T00:00Z"):
    return {"creditProfileDate": date, "validFor": {}, "creditScore": score}


PEOPLE = {
    "a": {"status": "Approved", "contactMedium": [medium("email", "Paris", True), medium("phone", "Lyon", False)],
          "creditProfile": [profile(700), profile(500)],
          "validFor": {"startDateTime": "2020-06-12T00:00Z"}},
    "b": {"status": "Initialized", "contactMedium": [medium("email", "Lyon", False), medium("phone", "Paris", True)],
          "creditProfile": [profile(650)], "validFor": {"startDateTime": "2020-06-12T02:00:00+02:00"}},
    "c": {"status": "Approved", "x": 500, "contactMedium": [],
          "validFor": {"startDateTime": "2021-01-01T00:00:00.000001Z"}},
    "d": {"status": "", "x": "500", "tags": ["red", "green", 7]},
    "e": {"x": {"y": {"z": True}}, "gt": "5", "a.b": 1, "when": "2020-06-12T00:00:00Z"},
    "f": {"x": None, "y": [{"z": None}, {"z": "null"}], "@type": "Gold", ODD_NAME: ODD, "when": "2020-06-12"},
}


@pytest.fixture(scope="module")
def people(place):
    api, made = place.fill([{"name": name, **members} for name, members in PEOPLE.items()])
    api.made = {resource["name"]: resource for resource in made}
    return api


def names(reply):
    assert reply.status_code == 200, reply.text
    found = [resource["name"] for resource in reply.json()]
    assert reply.headers["X-Total-Count"] == str(len(found))
    return "".join(found)


# What holds for documents in general stands in tests/vectors/filters.jsonl (test_vectors.py).
@pytest.mark.parametrize("query,found", [
    ("engagedParty.id=500", "abcdef"), ("name.regex=^a$;^b$", None), ("id=", ""), ("id=x", ""), ("href=x", ""),
    ("href.regex=/customer/", "abcdef"), ("id.regex=^.{36}$", "abcdef"), ("id.ne=x", "abcdef"), ("href.ne=x", "abcdef"),
    ("id>%00", None), ("filter=$[?(@.name=~'^\\x61$')]", None), ("filter=$[?(@.name=~'^\\\\x61$')]", "a"),
    ("filter=$[?(@.name=~/^\\x61$/)]", "a"), ("filter=$[?(@.id=='x')]", ""), ("filter=$[?(@.id!='x')]", "abcdef"),
    ("filter=$.href", "abcdef")])
def test_filters(people, query, found):
    reply = people.get(f"/customer?{query}")
    if found is None:
        assert (reply.status_code, reply.json()["code"]) == (400, "invalidParameter")
    else:
        assert names(reply) == found


@pytest.mark.parametrize("spelling", ["{}={}", "{}.eq={}", "{}%3D%3D{}"])
def test_odd_characters_are_literal(people, spelling):
    query = spelling.format(quote(ODD_NAME, safe=""), quote(ODD, safe=""))
    assert names(people.get(f"/customer?{query}")) == "f"


def test_raw_symbols_need_no_encoding(place, people):
    for query in ["creditProfile.creditScore>650", "status<B&creditProfile.creditScore>=700"]:
        status, headers, body = raw_get(place, f"/customer?{query}")
        assert (status, headers["x-total-count"]) == (200, "1"), body


@pytest.mark.parametrize("query", ["id={id}", "href={href}", "id={id},x", "id={id}&status=Approved",
                                   "filter=$[?(@.id=='{id}')]", "filter=$[?(@.href=='{href}')]"])
def test_customers_are_found_by_identity(people, query):
    assert names(people.get("/customer?" + query.format(**people.made["a"]))) == "a"


@pytest.mark.parametrize("query,status,part", [
    ("status", 400, "status"), ("limit>5", 400, "limit"), ("fields=a;b=c", 400, "fields"), ("=x", 400, "attribute"),
    ("creditProfile.creditScore=abc", 400, "creditProfile.creditScore"), ("name.regex=(", 400, "name"),
    ("contactMedium.preferred=yes", 400, "contactMedium.preferred"), ("x.regex=(&y.regex=a", 400, "x"),
    ("validFor.startDateTime>x", 400, "validFor.startDateTime"), ("a=" + "x" * 4097, 400, "4096"),
    ("a.regex=" + "x" * 513, 400, "512"), ("&".join(["a>1"] * 65), 400, "64"), ("a=" + "," * 256, 400, "256"),
    (".".join("abcdefghijklmnopq") + "=1", 400, "16"), ("filter=a[?(", 400, "filter"),
    ("filter=a[?(@.b=~'(')]", 400, "b"), ("filter=$..a", 501, ".."), ("filter=a[0]", 501, "index"),
    ("filter=a[?" + "(" * 20 + "@.b==1" + ")" * 20 + "]", 400, "nested")])
def test_bad_filters_are_refused_by_name(people, query, status, part):
    for path in ("/customer", path_of(people.made["a"])):
        reply = people.get(f"{path}?{query}")
        assert reply.status_code == status and part in reply.json()["message"], reply.text


@pytest.mark.parametrize("query", [b"a=%00", b"a=%ff", b"a=\xff", b"%ff=a", b"a=%", b"a=%4", b"a%zz=1", b"=", b"a.regex=%",
                                   b"filter=%ff", b"sort=%ff", b"cursor=%ff", b"a=\xc3%28"])
def test_no_bytes_are_a_fault(place, people, query):
    status, _, body = raw_get(place, "/customer?" + query.decode("latin-1")) if query.isascii() else \
        raw_bytes(place, query)
    assert status == 400 and json.loads(body)["@type"] == "Error"


def raw_bytes(place, query):
    from harness import BASE
    from harness.client import Raw, split_reply
    with Raw(place.port) as raw:
        raw.send(f"GET {BASE}/customer?".encode() + query + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return split_reply(raw.read_all())


def test_a_bad_pattern_is_400_also_where_nothing_is_looked_at(start_httpd):
    api = Api(start_httpd().url)
    assert api.get("/customer?name.regex=(").status_code == 400
    made = api.create()
    assert api.get(f"{path_of(made)}?unknown.regex=(").status_code == 400


def test_a_pattern_cannot_hold_the_database(start_httpd):
    server = start_httpd(server="TMFCustomerStatementTimeout 1s")
    server.log.expect("TMF0020.*57014")
    api = Api(server.url)
    made = api.create(x="a" * 3000 + "c")
    query = {"x.regex": r"(a*)(a*)(a*)(a*)\1\2\3\4[bc]"}
    assert api.get(path_of(made), params=query).json()["code"] == "statementTimeout"
    reply = api.get("/customer", params=query)
    assert (reply.status_code, reply.json()["code"]) == (503, "statementTimeout")
    assert api.get("/customer?limit=0").status_code == 200


def test_a_slow_pattern_on_one_customer_cannot_hold_the_database_either(start_httpd):
    server = start_httpd(server="TMFCustomerStatementTimeout 1s")
    api = Api(server.url)
    server.log.expect("TMF0020.*57014")
    path = path_of(api.create(x=["a", f"{'x' * 1000}y{'w' * 1000}z"]))
    reply = api.get(path + r"?x.regex=([xw]%2B)([xw]%2B)([xw]%2B)y\1\2\3z")
    assert (reply.status_code, reply.json()["code"]) == (503, "statementTimeout")
    assert api.get(f"{path}?x.regex=y").json()["x"] == [f"{'x' * 1000}y{'w' * 1000}z"]


def test_an_empty_array_in_an_array_differs_from_everything(start_httpd, postgres):
    api = Api(start_httpd(server="TMFCustomerNotify Off").url)
    path = path_of(api.create(c=[[], 1, [1], [[], 1]]))
    assert len(api.get("/customer?c.ne=1").json()) == 1
    assert api.get(f"{path}?c.ne=1").json()["c"] == [[], [[]]]


# ---- GET B/customer/{id}?a=v ----

@pytest.mark.parametrize("query,expected", [
    ("contactMedium.mediumType=email", {"contactMedium": PEOPLE["a"]["contactMedium"][:1]}),
    ("contactMedium.mediumType=email,phone", {}),
    ("contactMedium.mediumType=fax", {"contactMedium": []}),
    ("contactMedium.mediumType.ne=email", {"contactMedium": PEOPLE["a"]["contactMedium"][1:]}),
    ("contactMedium.characteristic.city=Paris&contactMedium.mediumType=phone", {"contactMedium": []}),
    ("contactMedium.characteristic.city=Lyon;contactMedium.mediumType=email", {}),
    ("contactMedium.characteristic.city.regex=^P", {"contactMedium": PEOPLE["a"]["contactMedium"][:1]}),
    ("filter=contactMedium[?(@.preferred==false)]", {"contactMedium": PEOPLE["a"]["contactMedium"][1:]}),
    ("creditProfile.creditScore>600", {"creditProfile": PEOPLE["a"]["creditProfile"][:1]}),
    ("creditProfile.creditScore>600&contactMedium.mediumType=phone",
     {"creditProfile": PEOPLE["a"]["creditProfile"][:1], "contactMedium": PEOPLE["a"]["contactMedium"][1:]}),
    ("status=Approved", {}), ("status=Approved&contactMedium.mediumType=fax", {"contactMedium": []}),
    ("status=Closed", None), ("unknown=1", None), ("name.regex=^b", None), ("unknown.ne=1", {}),
    ("relatedParty.role=x", {}), ("status=Closed;contactMedium.mediumType=email", {}),
    ("filter=$[?(@.status=='Closed')]", None), ("filter=$[?(@.status=='Approved')]&status=Closed", None), ("name=a", {}), ("engagedParty.id=500", {})])
def test_one_customer_is_reduced_or_not_found(people, query, expected):
    made = people.made["a"]
    reply = people.get(f"{path_of(made)}?{query}")
    if expected is None:
        assert (reply.status_code, reply.json()["code"]) == (404, "notFound")
    else:
        assert reply.status_code == 200 and reply.json() == {**made, **expected}
        assert "ETag" not in reply.headers


def test_one_customer_is_found_by_its_own_identity(people):
    made = people.made["a"]
    for query in (f"id={made['id']}", f"href={made['href']}"):
        assert people.get(f"{path_of(made)}?{query}").json() == made
    assert people.get(f"{path_of(made)}?id=x").status_code == 404


def test_a_reduced_customer_shows_the_fields_asked_for(people):
    made = people.made["a"]
    reply = people.get(f"{path_of(made)}?contactMedium.mediumType=phone&fields=contactMedium.preferred")
    assert reply.json() == {"id": made["id"], "href": made["href"], "contactMedium": [{"preferred": False}]}


@pytest.mark.parametrize("query", ["limit=1", "offset=0", "sort=name", "cursor=x"])
def test_one_customer_has_no_pages(people, query):
    assert people.get(f"{path_of(people.made['a'])}?{query}").status_code == 400


# ---- random documents and filters ----

TEXTS = ["", "a", "ab", "B", "é", "5", "5.0", "-5", "500", "1e2", "true", "null", "2020-06-12", "2020-06-12T00:00Z",
         "2020-06-11T23:00:00.0-01:00", "2020-06-12T00:00:00.0001Z", "2020-13-12", "a%_\\\"'", "\U0001f600", "\uffff"]
NUMBERS = [0, 5, 5.5, -5, 500, 100, 10**20, -0.25]
PATHS = [["x"], ["x", "a"], ["x", "b"], ["y"], ["y", "a", "b"], ["status"], ["name"], ["z"], ["engagedParty", "name"]]
scalars = st.sampled_from(TEXTS) | st.sampled_from(NUMBERS) | st.booleans()
leaves = scalars | st.lists(scalars, max_size=3)
inner = st.dictionaries(st.sampled_from("ab"), leaves | st.dictionaries(st.just("b"), leaves, max_size=1), max_size=2)
extension = leaves | inner | st.lists(inner, max_size=3)
documents = st.fixed_dictionaries(
    {"name": st.sampled_from([text for text in TEXTS if text.strip()])},
    optional={"status": st.sampled_from(TEXTS), "x": extension, "y": extension, "z": scalars})
PATTERNS = ["", "^a", "b$", "^5", "é|a", "[0-9]", "^a%_", "^2020-0", "^\U0001f600", "^ab?", "^ab*$", "^ab{0,1}"]
conditions = st.tuples(st.sampled_from(PATHS), st.sampled_from(OPERATORS), st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2)) \
    .map(lambda made: made if made[1] != "regex" else (made[0], "regex", [PATTERNS[TEXTS.index(t) % len(PATTERNS)] for t in made[2]]))
filters = st.lists(st.lists(conditions, min_size=1, max_size=3), min_size=1, max_size=3)
SLOW = settings(max_examples=60, deadline=None,
                suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def literal(text):
    return json.dumps(text)


def jsonpath(groups, *more):
    """The same question as JSONPath, ANDed with `more`."""
    symbols = {"eq": "==", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "regex": "=~"}

    def one(condition):
        path, operator, operands = condition
        name = "@" + "".join(f"['{part}']" for part in path)
        joined = " && " if operator == "ne" else " || "
        spelled = [f"/{o}/" if operator == "regex" else literal(o) for o in operands]
        return "(" + joined.join(f"{name}{symbols[operator]}{text}" for text in spelled) + ")"
    return "$[?(" + " && ".join([*("(" + " || ".join(map(one, group)) + ")" for group in groups), *more]) + ")]"


@SLOW
@given(st.lists(documents, min_size=1, max_size=6), st.lists(filters, min_size=1, max_size=6), st.data())
def test_random_filters_find_what_the_model_finds(place, bodies, asked, data):
    api, made = place.fill(bodies)
    spell = lambda operator: data.draw(st.sampled_from(SYMBOLS[operator] + [f".{operator}="]))
    for groups in asked:
        expected = [resource["id"] for resource in made if selects(resource, groups)]
        reply = api.get(f"/customer?{query_of(groups, spell)}")
        assert reply.status_code == 200, reply.text
        assert [resource["id"] for resource in reply.json()] == expected, groups
        assert reply.headers["X-Total-Count"] == str(len(expected))


def meets(document, groups):
    """As JSONPath: groups of one attribute do not unite, and several values of != are each asked by itself."""
    from query_model import condition_holds

    def holds(condition):
        path, operator, operands = condition
        if operator == "ne":
            return all(condition_holds(document, (path, "ne", [operand])) for operand in operands)
        return condition_holds(document, condition)
    return all(any(holds(condition) for condition in group) for group in groups)


@SLOW
@given(st.lists(documents, min_size=1, max_size=6), st.lists(filters, min_size=1, max_size=6))
def test_random_jsonpaths_find_what_the_model_finds(place, bodies, asked):
    api, made = place.fill(bodies)
    for groups in asked:
        expected = [resource["id"] for resource in made if meets(resource, groups)]
        reply = api.get("/customer", params={"filter": jsonpath(groups)})
        assert reply.status_code == 200, reply.text
        assert [resource["id"] for resource in reply.json()] == expected, jsonpath(groups)


@SLOW
@given(st.lists(documents, min_size=1, max_size=6), filters, filters, st.booleans())
def test_both_forms_together_are_anded(place, bodies, simple, groups, simple_first):
    api, made = place.fill(bodies)
    expected = [resource["id"] for resource in made if selects(resource, simple) and meets(resource, groups)]
    parts = [query_of(simple), "filter=" + quote(jsonpath(groups), safe="")]
    reply = api.get("/customer?" + "&".join(parts if simple_first else parts[::-1]))
    assert reply.status_code == 200, reply.text
    assert [resource["id"] for resource in reply.json()] == expected, (simple, groups)


@SLOW
@given(documents, st.lists(filters, min_size=1, max_size=4))
def test_one_customer_answers_as_the_list_does(place, body, asked):
    """The evaluator in C against the compiled SQL. Simple conditions on arrays would reduce them; one that
    also asks for the name is about the customer."""
    api, [made] = place.fill([body])
    for groups in asked:
        whole = {"filter": jsonpath(groups, "(@.name || !@.name)")}
        listed = api.get("/customer", params=whole).json()
        assert (api.get(path_of(made), params=whole).status_code == 200) == bool(listed), groups
    body = {name: value for name, value in body.items() if not has_array(value)}
    api, [made] = place.fill([body])
    for groups in asked:
        listed = api.get(f"/customer?{query_of(groups)}").json()
        single = api.get(f"{path_of(made)}?{query_of(groups)}")
        assert (single.status_code == 200) == bool(listed), groups


def has_array(value):
    return isinstance(value, list) or isinstance(value, dict) and any(map(has_array, value.values()))


WRITTEN = ["2020-06-12", "2020-02-29T10:10Z", "2020-06-30t23:59:60.5z", "2016-12-31T15:59:60-08:00", "2017-01-01T05:29:60+05:30",
           "2020-02-28T23:59:60Z", "9999-12-31T23:59:60Z", "0001-01-01T00:59:60+01:00", "2020-06-15T12:34:60Z", "0001-01-01T00:00:00.000001+23:59",
           "9999-12-31T23:59:59.999-23:59", "2000-02-29T00:00-00:00", "1900-02-28T00:00:00Z", "1969-12-31T23:59:59.9Z"]


@SLOW
@given(st.lists(st.tuples(st.sampled_from(WRITTEN), st.integers(0, 30), st.integers(0, 2), st.text("0123569-+:.TtZz é", max_size=2)),
                min_size=50, max_size=50))
def test_the_database_reads_date_times_as_the_model_does(place, changes):
    """Well-formed ones, and such as one slip of the pen makes of them."""
    texts = WRITTEN + [text[:at] + put + text[at + cut:] for text, at, cut, put in changes]
    with place.owner.cursor() as cursor:
        cursor.execute("SELECT tmf_customer.instant(text) FROM unnest(%s) WITH ORDINALITY AS t(text, n) ORDER BY n", (texts,))
        assert [found for found, in cursor] == [instant(text) for text in texts]
        cursor.execute("SELECT tmf_customer.instant('2020-06-12T00:00:00.' || repeat('1', n) || 'Z') IS NOT NULL"
                       " FROM unnest('{1000,1001,100000}'::int[]) WITH ORDINALITY AS t(n, i) ORDER BY i")
        assert [found for found, in cursor] == [True, False, False]


@SLOW
@given(st.text(alphabet="ab.=<>!~*&;,%$@?[]()'\"\\ 0\x00é", max_size=30))
def test_no_query_is_a_fault(place, text):
    api = Api(place.url)
    for query in ({"filter": text}, {text: "1"}, {"a": text}, {"sort": text}, {"cursor": text}):
        assert api.get("/customer", params=query).status_code in (200, 400, 501)
    reply = api.get("/customer?" + text.replace("\x00", "%00").replace("#", ""))
    assert reply.status_code in (200, 400, 501)


def test_the_samples_of_tmf_are_found(place):
    api, made = place.fill([customer(name="Moon FC", status="Approved"), customer(name="Sun FC")])
    assert api.get("/customer?fields=name,status&status=Approved").json() == [
        {"id": made[0]["id"], "href": made[0]["href"], "name": "Moon FC", "status": "Approved"}]


# ---- arrays within arrays ----

def within(levels, value):
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [1, 2, 3, 10, 60])
def test_arrays_within_arrays_mean_the_same_everywhere(place, levels):
    members = {"x": within(levels, {"v": 3, "a": "x"}), "hollow": within(levels, [])}
    api, [made] = place.fill([{"name": "x", **members}])
    for query, found in [("x.v=3", True), ("x.v=4", False), ("x.v>2", True), ("x.v.ne=3", False), ("x.v.ne=4", True),
                         ("hollow.a.ne=1", True), ("hollow=1", False), ("x.a.regex=^[x1]", True),
                         ("filter=x[?(@.a=~'^[x1]')]", True), ("filter=x[?(@.a=='x' %26%26 @.v==3)]", True),
                         ("filter=x[?(@.a=='x' %26%26 @.v>3)]", False), ("filter=x[?(@.a!='x')]", False), ("filter=x.v", True),
                         ("filter=hollow[?(@.a!='x')]", False), ("filter=x[?(!@.v)]", False)]:
        assert names(api.get(f"/customer?{query}")) == "x" * found, query
        one = api.get(f"{path_of(made)}?{query}").json()
        assert one["x"] == (members["x"] if found else []) or "hollow" in query, query
    assert [resource["x"] for resource in api.get("/customer?sort=x.v&fields=x.v").json()] == [within(levels, {"v": 3})]
    for path in ("$.x[?(@.a=~'^[x1]')].v", "$.x[?(@.v==4)].v", "/x/v?x.v=5"):
        value = api.get(path_of(made)).json()["x"]
        for _ in range(levels):
            [value] = value
        patch = [{"op": "replace", "path": path, "value": value["v"] + 1}]
        assert api.patch(path_of(made), patch, "application/json-patch-query+json").status_code == 200, path
    assert api.get(path_of(made)).json()["x"] == within(levels, {"v": 6, "a": "x"})


nested = st.recursive(st.sampled_from(["x", "y", "", "5", "true", "2020-06-12", 5, -1, True, None]),
                      lambda deeper: st.lists(deeper, max_size=2) | st.dictionaries(st.sampled_from("ab"), deeper, max_size=2),
                      max_leaves=6)
wrapped = st.tuples(st.integers(0, 6), nested).map(lambda made: within(*made))
comparisons = st.sampled_from(["=='x'", "<true", ">=false", "!=null && @.a<=null", "!='x'", "==5", "!=5", ">'a'", "<=5", "=~'^[xy5]'", "==true", "==null", "!=null", ""])
inner_paths = st.lists(st.sampled_from("ab"), max_size=2)


@st.composite
def expressions(draw, depth=2):
    """A JSONPath expression about @, with [?()] within."""
    kind = draw(st.integers(0, 5 if depth else 1))
    path = "@" + "".join(f".{name}" for name in draw(inner_paths))
    if kind < 2:
        return path + draw(comparisons)
    if kind == 2:
        return f"!({draw(expressions(depth - 1))})"
    if kind == 3:
        return f"{path}[?({draw(expressions(depth - 1))})]" + draw(st.sampled_from(["", ".a", ".b.a"]))
    joined = draw(st.sampled_from(["&&", "||"]))
    return f"({draw(expressions(depth - 1))}) {joined} ({draw(expressions(depth - 1))})"


@SLOW
@given(st.lists(st.dictionaries(st.sampled_from("ab"), wrapped, min_size=1), min_size=1, max_size=5),
       st.lists(expressions(), min_size=1, max_size=5))
def test_arrays_within_arrays_are_the_same_to_a_list_and_to_one_customer(place, bodies, asked):
    """The compiled SQL against the evaluator in C, which a hub and a patch use, too."""
    api, made = place.fill([{"name": "x", **body} for body in bodies])
    for expression in asked:
        whole = {"filter": f"$[?(({expression}) && (@.name || !@.name))]"}
        reply = api.get("/customer", params=whole)
        assert reply.status_code == 200, reply.text
        listed = [resource["id"] for resource in reply.json()]
        assert [resource["id"] for resource in made if api.get(path_of(resource), params=whole).status_code == 200] == listed, expression


@SLOW
@given(st.lists(st.dictionaries(st.sampled_from("ab"), wrapped, min_size=1), min_size=1, max_size=5), st.data())
def test_arrays_within_arrays_are_what_the_model_says(place, bodies, data):
    operators = ["eq", "ne", "gt", "lte", "regex"]
    api, made = place.fill([{"name": "x", **body} for body in bodies])
    for _ in range(4):
        condition = (data.draw(st.lists(st.sampled_from("ab"), min_size=1, max_size=3)), data.draw(st.sampled_from(operators)),
                     [data.draw(st.sampled_from(["x", "5", "", "true", "2020-06-12", "-1"]))])
        found = [resource["id"] for resource in api.get("/customer?" + query_of([[condition]])).json()]
        assert found == [resource["id"] for resource in made if selects(resource, [[condition]])], condition
