# SPDX-License-Identifier: Apache-2.0
"""The description of the API, src/api/openapi.json, as what every reply and every notification has to be.

Tests meet thousands of alike bodies: of those with the same members and types in reply to the same operation, the first
ALIKE are validated; of those that are longer than LONG, none. Status and headers are looked at each time."""
import collections
import json
import re
import threading

import jsonschema

from . import PROJECT

TEMPLATE = PROJECT / "src" / "api" / "openapi.json"
METHODS = ("get", "post", "patch", "put", "delete")
LONG = 64 * 1024
ALIKE = 10


def integer(text):
    """Its size does not matter to a schema, and Python refuses the largest."""
    return int(text[:18])


def parse(body):
    return json.loads(body, parse_int=integer)


def shape(value):
    """Members and types, without their values."""
    if isinstance(value, dict):
        return tuple(sorted((name, shape(inside)) for name, inside in value.items()))
    if isinstance(value, list):
        return frozenset(map(shape, value))
    return type(value).__name__


class Description:
    """`document` is the one of a server with every option, its references resolved."""

    def __init__(self):
        text = re.sub(r'"\{\{(?!baseUrl)\w+\}\}"', "1000000", TEMPLATE.read_text())
        self.components = json.loads(text)["components"]
        self.document = self.resolved(json.loads(text))
        self.callbacks = {
            name: next(iter(callback.values()))["post"]
            for name, callback in self.document["paths"]["/hub"]["post"]["callbacks"].items()}
        self.seen = collections.Counter()
        self.validators = {}
        self.lock = threading.Lock()

    def resolved(self, node):
        if isinstance(node, dict) and "$ref" in node:
            _, _, kind, name = node["$ref"].split("/")
            return self.resolved(self.components[kind][name])
        if isinstance(node, dict):
            return {name: self.resolved(inside) for name, inside in node.items()}
        return [self.resolved(inside) for inside in node] if isinstance(node, list) else node

    def path(self, path):
        """The path item of a path below the base; None when there is none."""
        segments = [segment for segment in path.split("/") if segment not in ("", ".")]
        for template, item in self.document["paths"].items():
            wanted = [segment for segment in template.split("/") if segment]
            if len(wanted) == len(segments) and all(
                    a == b or a.startswith("{") for a, b in zip(wanted, segments)):
                return item
        return None

    def validate(self, schema, body, about):
        with self.lock:
            key = (*about, shape(body))
            self.seen[key] += 1
            if self.seen[key] > ALIKE:
                return
            if id(schema) not in self.validators:
                self.validators[id(schema)] = jsonschema.Draft202012Validator(schema)
        faults = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
                  for error in self.validators[id(schema)].iter_errors(body)]
        assert not faults, f"not as described: {about}: {faults}"

    def check_reply(self, method, path, query, reply, look_inside=True):
        """method and path (below the base) as they were asked for; query: the raw one."""
        item = self.path(path)
        method = "get" if method == "HEAD" else method.lower()
        if item is None or method not in item:
            if reply.status_code >= 400 and look_inside:
                self.check_unknown(item, reply)
            return
        operation = item[method]
        about = (operation["operationId"], reply.status_code)
        described = operation["responses"].get(str(reply.status_code))
        if described is None:
            assert reply.status_code >= 400, f"not described: {about}"
            described = operation["responses"]["default"]
        self.check_headers(described, reply, about)
        self.check_body(described, query, reply, about, look_inside)

    def check_unknown(self, item, reply):
        """A path or method that the API does not have."""
        if item is not None and reply.status_code == 405:
            assert "Allow" in reply.headers, "a 405 has Allow"
        if reply.content:
            self.validate(self.document["components"]["schemas"]["Error"], parse(reply.content), ("none", reply.status_code))

    @staticmethod
    def check_headers(described, reply, about):
        for name, header in described.get("headers", {}).items():
            if header.get("required"):
                assert name in reply.headers, f"no {name}: {about}"
            if name in reply.headers and header["schema"]["type"] == "integer":
                assert int(reply.headers[name]) >= header["schema"]["minimum"], f"{name}: {about}"

    def check_body(self, described, query, reply, about, look_inside):
        if "content" not in described:
            assert not reply.content, f"a body: {about}"
            return
        if reply.request.method == "HEAD" or len(reply.content) > LONG or not look_inside:
            return
        [(media_type, content)] = described["content"].items()
        assert reply.headers["Content-Type"] == media_type, about
        schema = content["schema"]
        if reply.status_code < 300 and "anyOf" in schema:  # whole customers, and what `fields` leaves of them
            schema = schema["anyOf"]["fields" in query]
        self.validate(schema, parse(reply.content), about)

    def check_notification(self, request):
        """A request that a listener has received."""
        if len(request.body) > LONG:
            return
        event = parse(request.body)
        callback = self.callbacks[event["eventType"]]
        for parameter in callback["parameters"]:
            assert not parameter.get("required") or parameter["name"] in request.headers, f"no {parameter['name']}: {request}"
        [(media_type, content)] = callback["requestBody"]["content"].items()
        assert request.headers["content-type"] == media_type, request
        self.validate(content["schema"], event, (event["eventType"],))
        told = event.get("event", {}).get("customer", {})
        if "title" in event and "@type" in told:  # no `fields` have cut it, and the API has made the customer
            self.validate(self.document["components"]["schemas"]["Customer"], told, ("event",))


DESCRIPTION = Description()
