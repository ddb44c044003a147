# SPDX-License-Identifier: Apache-2.0
"""What was sent comes back (src/api/README.md §1, "Fidelity")."""
import json
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.client import Api, customer, exact, path_of

sys.set_int_max_str_digits(0)  # or Python reads no number of more than 4300 digits


def short(number):
    return number if len(number) < 40 else f"{len(number)} characters"


def raw_customer(value):
    """A customer's text with `value`, a JSON text, as the extension x."""
    return json.dumps(customer())[:-1] + f', "x": {value}}}'


@pytest.mark.parametrize("number", [
    "0", "-0", "1.0", "1.50", "1e3", "1E-7", "-2.5e+10", "9007199254740993", "18446744073709551616",
    "-123456789012345678901234567890.123456789", "1e308", "5e-324", "0.1", "9" * 390, "1e400", "-1e400", "1.5e-400",
    "9" * 5000, "0." + "1" * 16383, "1e131071", "-9.9E+131071", "1e-16383", "0.001e131074", "0e999999"], ids=short)
def test_numbers_keep_their_value(api, number):
    reply = api.post(raw_customer(f"[{number}]"))
    assert reply.status_code == 201, reply.text
    assert exact(reply.text)["x"] == exact(f"[{number}]")
    patched = api.patch(path_of(reply.json()), {"status": "other"})
    assert exact(patched.text)["x"] == exact(f"[{number}]")


@pytest.mark.parametrize("number", ["1e131072", "-1e131072", "1e-16384", "9" * 131073, "0." + "1" * 16384, "1e99999999999", "1e-99999999999"],
                         ids=short)
def test_numbers_that_are_too_long_are_refused(api, number):
    reply = api.post(raw_customer(number))
    assert (reply.status_code, reply.json()["code"]) == (400, "malformedJson")
    assert "131072 before the point and 16383 behind it" in reply.json()["message"]


def test_large_numbers_compare_by_value(start_httpd):
    """In lists, where PostgreSQL compares, and for one customer, where the module does."""
    api = Api(start_httpd().url)
    written = ["-1e400", "1e-400", "1e400", "10.5e399", "1e131071"]
    made = [api.post(raw_customer(number)).json() for number in written]
    found = lambda query: [resource["id"] for resource in api.get(f"/customer?{query}").json()]
    for query, matching in [("x=1e400", [2]), ("x=10e399", [2]), ("x=1" + "0" * 400, [2]), ("x=1e-400,-1e400", [0, 1]), ("x>1e400", [3, 4]),
                            ("x>=1e400", [2, 3, 4]), ("x<0", [0]), ("x<1e-399", [0, 1]), ("x>1.05e400", [4]), ("x>9e131070", [4]),
                            ("x.ne=1e400", [0, 1, 3, 4]), ("x>1e131072", []), ("filter=$[?(@.x==1e400)]", [2]),
                            ("filter=$[?(@.x>-1e401 %26%26 @.x<1e400)]", [0, 1])]:
        assert found(query) == [made[n]["id"] for n in matching], query
        assert [n for n, one in enumerate(made) if api.get(f"{path_of(one)}?{query}").status_code == 200] == matching, query
    assert found("sort=-x") == [made[n]["id"] for n in (4, 3, 2, 1, 0)]
    page, read = api.get("/customer?sort=x&limit=2"), []
    while True:
        read += [resource["id"] for resource in page.json()]
        if "next" not in page.links:
            break
        page = api.get("/customer?" + page.links["next"]["url"].partition("?")[2])
    assert read == [one["id"] for one in made]


def test_exponents_cannot_blow_a_body_up(api):
    reply = api.post(raw_customer("[" + ",".join(["1e130000"] * 10) + "]"))
    assert (reply.status_code, reply.json()["code"]) == (400, "malformedJson")


@pytest.mark.parametrize("text", [
    '"é€😀/\\u007f"', '"\\u00e9\\ud83d\\ude00"', '"\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f"', '""',
    '{"":{"a b":[[],{}]}, "é\\n\\"":null}', '"\U0010FFFF\uFFFF\u2028"', "[null,true,false]"])
def test_texts_come_back(api, text):
    reply = api.post(raw_customer(text))
    assert reply.status_code == 201
    assert reply.json()["x"] == json.loads(text)


def test_unicode_is_raw_and_slashes_are_plain(api):
    reply = api.post(raw_customer('"a\\/b \\u20ac"'))
    assert '"a/b €"'.encode() in reply.content


@pytest.mark.parametrize("value", [
    b'"\\u0000"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"',
    b'"\x01"', b"'a'", b"NaN", b"Infinity", b"01", b"1.", b"{a:1}", b"[1,]", b'{"a":1,"a":2}',
    b"/**/1", b"", b'"a', b"[", b"tru"])
def test_what_is_no_json_is_refused(api, value):
    reply = api.post(raw_customer("@").encode().replace(b"@", value))
    assert (reply.status_code, reply.json()["code"]) == (400, "malformedJson")
    assert "line 1, column" in reply.json()["message"]


@pytest.mark.parametrize("body", [b"", b" ", b"\xef\xbb\xbf{}", b"null", b"[]", b'"x"', b"{}{}",
                                  b"\x00", b"{" * 100000])
def test_what_is_no_object_is_refused(api, body):
    assert api.post(body).status_code == 400


texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-10**40, 10**40) | texts
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20)


@settings(max_examples=150, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values.filter(lambda value: value is not None))
def test_any_extension_comes_back_and_survives_patches(api, value):
    reply = api.post(customer(extension=value))
    assert reply.status_code == 201, reply.text
    assert exact(reply.text)["extension"] == exact(json.dumps(value))
    path = path_of(reply.json())
    for _ in range(2):
        reply = api.patch(path, {"status": reply.headers["ETag"]})
        assert exact(reply.text)["extension"] == exact(json.dumps(value))
