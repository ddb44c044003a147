# SPDX-License-Identifier: Apache-2.0
"""B/openapi.json: it describes this server, and all of it. That every reply of all tests is as it says is looked at
by the harness (harness/openapi.py)."""
import json
import re

import jsonschema
import pytest

from harness import PROJECT
from harness.client import JSON_PATCH, JSON_PATCH_QUERY, MERGE, Api, customer, path_of
from harness.openapi import DESCRIPTION, METHODS, TEMPLATE, shape

SOURCE = PROJECT / "src"


def source(path):
    return (SOURCE / path).read_text()


@pytest.fixture
def document(api):
    return api.get("/openapi.json").json()


def operations(document):
    """(path, method) → operation"""
    return {(path, method): operation for path, item in document["paths"].items()
            for method, operation in item.items() if method in METHODS}


def only(values):
    [value] = values
    return value


# ---- the reply ----

def test_it_is_read_again_only_when_it_has_changed(api):
    reply = api.get("/openapi.json")
    tag = reply.headers["ETag"]
    assert reply.status_code == 200 and re.fullmatch(r'"[0-9a-f]{40}"', tag)
    assert api.get("/openapi.json").headers["ETag"] == tag
    head = api.request("HEAD", "/openapi.json")
    assert (head.headers["ETag"], head.headers["Content-Length"]) == (tag, str(len(reply.content)))
    for header in [tag, f"W/{tag}", f'"x", {tag}', "*", f'{tag[:-1]}-gzip"']:
        known = api.get("/openapi.json", headers={"If-None-Match": header})
        assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", tag), header
    for header in ['"x"', '"1"', tag.upper(), "nonsense", ""]:
        assert api.get("/openapi.json", headers={"If-None-Match": header}).status_code == 200, header
    assert api.get("/openapi.json", headers={"If-Match": tag}).status_code == 200
    for header in ['"x"', f"W/{tag}"]:
        assert api.get("/openapi.json", headers={"If-Match": header}).json()["code"] == "preconditionFailed", header


def test_the_server_is_the_base_url_that_the_client_sees(api):
    assert only(api.get("/openapi.json").json()["servers"])["url"] == api.url
    reply = api.get("/openapi.json", headers={"Host": "customers.example"})
    assert only(reply.json()["servers"])["url"] == api.url.replace(api.url.split("/")[2], "customers.example")
    assert reply.headers["ETag"] != api.get("/openapi.json").headers["ETag"]


def test_nothing_is_left_open(document):
    assert "{{" not in json.dumps(document) and "x-when" not in json.dumps(document)


def test_it_says_how_the_server_is_configured(start_httpd):
    plain = Api(start_httpd().url).get("/openapi.json").json()
    server = start_httpd(server="TMFCustomerNotifyMaxHubs 17\nTMFCustomerHistory On\nTMFCustomerHistoryRetention 3h", location="""
        TMFCustomerBaseURL https://crm.example/api
        TMFCustomerPageSize 31
        TMFCustomerMaxPageSize 777
        TMFCustomerPartialContent Off
        TMFCustomerClientId On
        TMFCustomerCreditProfile current
        TMFCustomerMaxBody 54321
        TMFCustomerMaxDepth 19
        TMFCustomerMaxDocument 65432
        TMFCustomerIdempotencyTTL 2h""")
    other = Api(server.url).get("/openapi.json").json()
    assert only(other["servers"])["url"] == "https://crm.example/api"
    assert plain["components"]["parameters"]["Limit"]["schema"]["default"] == 100
    assert other["components"]["parameters"]["Limit"]["schema"]["default"] == 31
    text = json.dumps(other)
    for words in ["never more than 777", "54321 bytes and 19 levels", "has 65432 bytes", "for 7200 seconds", "17 at most",
                  "replies show: the first one", "kept for 10800 seconds", "`TMFCustomerClientId` is On here"]:
        assert words in text and words not in json.dumps(plain), words
    assert set(other["paths"]) - set(plain["paths"]) == {"/customer/{id}/history"}
    assert "Change" in other["components"]["schemas"] and "Change" not in plain["components"]["schemas"]
    assert "206" in plain["paths"]["/customer"]["get"]["responses"]
    assert "206" not in other["paths"]["/customer"]["get"]["responses"]
    assert "id" not in plain["components"]["schemas"]["CustomerCreate"]["properties"]
    assert other["components"]["schemas"]["CustomerCreate"]["properties"]["id"]["maxLength"] == 255


# ---- nothing is missing, and nothing is too much ----

def test_every_route_is_an_operation():
    rows = re.findall(r'\{"([^"]*)", (\d), (?:NULL|"(\w+)"), M_(\w+), TMF_MEDIA_(\w+), tmf_api_', source("http/route.c"))
    assert len(rows) == source("http/route.c").count(", tmf_api_"), "a row is not understood"
    routes = {("/" + "/".join(filter(None, [collection, "{id}" if has_id == "1" else "", inside])), method.lower()): media
              for collection, has_id, inside, method, media in rows}
    described = operations(DESCRIPTION.document)
    assert set(routes) == set(described)
    readable = re.findall(r'\{"([^"]+)", TMF_MEDIA_(\w+), ', source("http/media.c"))
    for route, media in routes.items():
        body = described[route].get("requestBody", {"content": {}})
        assert set(body["content"]) == {name for name, of in readable if of == media}, route
    names = [operation["operationId"] for operation in described.values()]
    assert len(set(names)) == len(names)
    counted = re.findall(r'\[TMF_OPERATION_\w+\] = "(\w+)"', source("metrics/tables.c"))
    assert set(names) <= set(counted), "metrics have the names of the description"


def test_every_code_of_an_error_is_described_with_its_status(document):
    rows = re.findall(r'= \{(\d+), *"(\w+)"', re.sub(r"\s+", " ", source("error.c")))
    assert len(rows) == source("error.c").count("[TMF_ERROR_"), "a row is not understood"
    statuses = {code: status for status, code in rows}
    schemas = document["components"]["schemas"]
    assert set(schemas["Error"]["properties"]["code"]["enum"]) == set(statuses)
    possible = set()
    for name, response in document["components"]["responses"].items():
        if "content" in response:
            narrowed = only(response["content"].values())["schema"]["allOf"][1]["properties"]
            for code in narrowed["code"]["enum"]:
                status = narrowed.get("status", {"const": statuses[code]})["const"]
                assert status == statuses[code] or code in ("clientError", "serverError"), (name, code)
                possible.add(code)
    assert possible == set(statuses)


def attributes_in_the_source():
    """Name of the table in customer_schema.c → [(name, kind, mandatory, table inside)]"""
    text = re.sub(r"/\*.*?\*/", "", source("model/customer_schema.c"))
    tables = {}
    for name, rows in re.findall(r"const tmf_attribute_t (\w+)\[\] = \{(.*?)\bEND\b", text, re.DOTALL):
        found = [(attribute, "STRING", "MANDATORY" in macro, None)
                 for macro, attribute in re.findall(r'(?<!\w)((?:MANDATORY_)?STRING)\("([^"]+)"\)', rows)]
        found += [(attribute, kind, False, inside or None)
                  for kind, attribute, inside in re.findall(r'\b(URI|INTEGER|OBJECT|ARRAY)\("([^"]+)"(?:, (\w+))?\)', rows)]
        found += [(attribute, kind, mandatory == "1", None if inside == "NULL" else inside)
                  for attribute, kind, mandatory, inside in re.findall(r'\{"([^"]+)", TMF_KIND_(\w+), (\d), (\w+)\}', rows)]
        assert "POLYMORPHIC" in rows
        assert len(found) == rows.count('"') // 2, f"{name}: a row is not understood"
        tables[name] = found
    return tables


TYPES = {"STRING": "string", "URI": "string", "DATETIME": "string", "INTEGER": "integer", "BOOLEAN": "boolean", "OBJECT": "object", "ARRAY": "array"}


def check_attributes(described, name, tables, own=()):
    properties = dict(described["properties"])
    for extra in ("@type", "@baseType", "@schemaLocation", *own):
        assert properties.pop(extra)["type"] == "string", extra
    attributes = tables[name]
    assert set(properties) == {attribute for attribute, *_ in attributes}, name
    assert set(described["required"] if "required" in described else []) - {"@type", *own} == {
        attribute for attribute, _, mandatory, _ in attributes if mandatory}, name
    assert described["additionalProperties"] is True
    for attribute, kind, mandatory, inside in attributes:
        schema = properties[attribute]
        assert kind == "ANY" or schema["type"] == TYPES[kind], attribute
        assert kind != "STRING" or ("pattern" in schema) == mandatory, attribute
        assert kind != "DATETIME" or schema == DESCRIPTION.document["components"]["schemas"]["DateTime"], attribute
        if inside:
            check_attributes(schema["items"] if kind == "ARRAY" else schema, inside, tables)


def test_every_attribute_of_a_customer_is_described():
    schemas = DESCRIPTION.document["components"]["schemas"]
    tables = attributes_in_the_source()
    check_attributes(schemas["Customer"], "tmf_customer_attributes", tables, own=("id", "href"))
    for name in ["CustomerCreate", "CustomerReplace", "MergePatch"]:
        assert set(schemas["Customer"]["properties"]) - {"id", "href", "@type", "@baseType", "@schemaLocation"} <= set(
            schemas[name]["properties"]), name


def test_every_directive_about_requests_is_told_of():
    commands = source("config/commands.c")
    directives = set(re.findall(r'"(TMFCustomer\w+)"[^"]*?IN_SPACE', commands))
    used = set(re.findall(r'(?:\{\{|"x-when": ")(TMFCustomer\w+)', TEMPLATE.read_text()))
    assert directives - {"TMFCustomerBaseURL"} <= used, "it is {{baseUrl}} in the document"
    assert used <= set(re.findall(r'"(TMFCustomer\w+)"', commands))


def test_every_parameter_with_a_meaning_of_its_own_is_described(document):
    described = {parameter["name"] for parameter in document["components"]["parameters"].values() if parameter["in"] == "query"}
    reserved = re.findall(r'\{"(\w+)", \d, \w+\}', source("query/parameters.c"))
    assert len(reserved) > 5 and described == {*reserved, "attributes"}
    conditions = document["components"]["parameters"]["Attributes"]
    assert (conditions["style"], conditions["explode"]) == ("form", True)
    assert conditions["schema"]["additionalProperties"] == {"type": "string"}


def test_every_event_is_a_callback(document):
    names = re.findall(r'=\s*\{"(Customer\w+Event)"', source("model/event.c"))
    assert len(names) == 4 and set(document["paths"]["/hub"]["post"]["callbacks"]) == set(names)


# ---- the examples are real ----

def example_of(schema_or_content, name=None):
    examples = schema_or_content["examples"]
    return examples[name]["value"] if name else next(iter(examples.values()))["value"]


def request_examples(operation, media_type):
    content = DESCRIPTION.document["paths"][operation[0]][operation[1]]["requestBody"]["content"][media_type]
    return {name: example["value"] for name, example in content["examples"].items()}, content["schema"]


def response_example(path, method, status):
    return example_of(only(DESCRIPTION.document["paths"][path][method]["responses"][str(status)]["content"].values()))


def test_examples_of_requests_are_valid_and_get_the_replies_of_the_examples(api):
    bodies, schema = request_examples(("/customer", "post"), "application/json")
    made = {}
    for name, body in bodies.items():
        jsonschema.Draft202012Validator(schema).validate(body)
        made[name] = api.post(body)
        assert made[name].status_code == 201
        assert {key: made[name].json()[key] for key in body} == body
    assert shape(made["customer"].json()) == shape(response_example("/customer", "post", 201))
    path = path_of(made["customer"].json())
    assert shape(api.get(path).json()) == shape(response_example("/customer/{id}", "get", 200))
    assert shape(api.get(f"/customer?id={made['customer'].json()['id']}&limit=1").json()) == shape(response_example("/customer", "get", 200))
    assert shape(api.get("").json()) == shape(response_example("/", "get", 200))
    body = only(request_examples(("/customer/{id}", "put"), "application/json")[0].values())
    assert shape(api.put(path, body).json()) == shape(response_example("/customer/{id}", "put", 200))


def test_examples_of_patches_work(api):
    path = path_of(api.create())
    for media_type in ["application/json", MERGE, JSON_PATCH, JSON_PATCH_QUERY]:
        body, schema = request_examples(("/customer/{id}", "patch"), media_type)
        jsonschema.Draft202012Validator(schema).validate(only(body.values()))
        reply = api.patch(path, only(body.values()), media_type)
        assert reply.status_code == 200, reply.text
    assert reply.json()["contactMedium"][0]["preferred"] is True and reply.json()["status"] == "Approved"


def test_examples_of_errors_are_real(api):
    """Code, reason and status are those of the table; where the cause is easily made, the message is real, too."""
    reasons = dict(re.findall(r'= \{\d+, *"(\w+)", *"([^"]+)"', re.sub(r'"\s+"', "", re.sub(r"\s+", " ", source("error.c")))))
    responses = DESCRIPTION.document["components"]["responses"]
    for name, response in responses.items():
        if "content" in response:
            content = only(response["content"].values())
            error = example_of(content)
            jsonschema.Draft202012Validator(content["schema"]).validate(error)
            assert error["reason"] == reasons[error["code"]], name
    made = api.create()
    real = {
        "InvalidParameter": api.get("/customer?limit=x"),
        "InvalidRequest": api.post({"name": "Moon Football Club", "contactMedium": [{"characteristic": {}}]}),
        "NotFound": api.get("/customer/42"),
        "NotAcceptable": api.get("/customer", headers={"Accept": "text/html"}),
        "PatchConflict": api.patch(path_of(made), [{"op": "test", "path": "/name", "value": "x"}], JSON_PATCH),
        "PreconditionFailed": api.patch(path_of(made), {"x": 1}, headers={"If-Match": '"0"'}),
        "UnsupportedPost": api.post({}, content_type="text/plain"),
        "UnsupportedPut": api.put(path_of(made), {}, content_type="text/plain"),
        "UnsupportedPatch": api.patch(path_of(made), {}, content_type="text/plain"),
        "TooLarge": api.post(" " * 1048577),
        "NotImplemented": api.get("/customer?filter=$..name")}
    for body in [{"x": 1}, {"x": 2}]:
        real["CreateConflict"] = api.post(customer(**body), headers={"Idempotency-Key": f"openapi {made['id']}"})
    for name, reply in real.items():
        example = example_of(only(responses[name]["content"].values()))
        assert reply.json() == {**example, "message": example["message"].replace("{{TMFCustomerMaxBody}}", "1048576")}, name


def test_the_example_of_a_history_is_real(start_httpd):
    api = Api(start_httpd(server="TMFCustomerHistory On").url)
    correlation = {"X-Correlation-ID": "4711"}
    path = path_of(api.post(request_examples(("/customer", "post"), "application/json")[0]["customer"], headers=correlation).json())
    api.patch(path, {"status": "Approved"}, headers=correlation)
    example = response_example("/customer/{id}/history", "get", 200)
    assert [shape(change) for change in api.get(f"{path}/history").json()] == [shape(change) for change in example]
    assert "kept for 7776000 seconds" in api.get("/openapi.json").text


def test_examples_of_hubs_and_events_are_real(place, listen):
    listener = listen()
    bodies, schema = request_examples(("/hub", "post"), "application/json")
    for body in bodies.values():
        jsonschema.Draft202012Validator(schema).validate(body)
        assert place.api.post({**body, "callback": f"{body['callback']}/x"}, "/hub").status_code == 201
    place(listener)
    hubs = place.api.get("/hub").json()
    hub = next(hub for hub in hubs if hub["query"] is None)
    for path, method, status in [("/hub", "post", 201), ("/hub/{id}", "get", 200)]:
        assert shape(hub) == shape(response_example(path, method, status))
    assert shape(hub) == shape(response_example("/hub", "get", 200)[0])
    correlation = {"X-Correlation-ID": "4711"}
    made = place.api.post(request_examples(("/customer", "post"), "application/json")[0]["customer"], headers=correlation).json()
    place.api.patch(path_of(made), {"status": "Approved"}, headers=correlation)
    place.api.patch(path_of(made), {"name": "Sun Football Club"}, headers=correlation)
    place.api.delete(path_of(made), headers=correlation)
    events = {event["eventType"]: event for event in listener.await_events(4)}
    for name, callback in DESCRIPTION.callbacks.items():
        example = example_of(callback["requestBody"]["content"]["application/json"])
        assert shape(events[name]) == shape(example), name
        for member in ["eventType", "domain", "title", "description", "correlationId"]:
            assert events[name][member] == example[member], (name, member)
