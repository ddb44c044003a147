# SPDX-License-Identifier: Apache-2.0
import json
import re
import socket
from decimal import Decimal

import pytest
import requests

from . import BASE, PATIENCE, PROJECT

SWAGGER = PROJECT.parent / "shared" / "spec" / "TMF629-v4.0.0.swagger.json"
LEAKS = re.compile(r"pg_|SELECT|INSERT|/usr/|/tmp/|libpq|postgres|\.c:\d", re.IGNORECASE)
IS_CUSTOMER = re.compile(r"/customer(/|\?|$)(?!.+/history(\?|$))")
JSON = "application/json"
REPLY = "application/json;charset=utf-8"  # what every reply with a body is
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
JSON_PATCH_QUERY = "application/json-patch-query+json"
ERROR_MEMBERS = {"code", "reason", "message", "status", "@type"}


def exact(text):
    """JSON with every number as it was written."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def customer(**members):
    """A valid customer; members replace or add to it, None removes."""
    made = {"name": "Moon Football Club",
            "engagedParty": {"id": "500", "@referredType": "Organization",
                             "name": "Happy Travellers"}}
    made.update(members)
    return {name: value for name, value in made.items() if value is not None}


def check_error(response, head=False):
    """As src/api/README.md §2 has it, "Errors"."""
    assert response.headers["Content-Type"] == REPLY
    if head:
        return
    error = response.json()
    assert ERROR_MEMBERS <= set(error), error
    assert all(isinstance(value, str) for value in error.values()), error
    assert error["@type"] == "Error" and error["status"] == str(response.status_code)
    assert not LEAKS.search(response.text), f"tells internals: {response.text}"


class Validator:
    """Customers as the official swagger defines them; None when it is not there."""

    def __init__(self):
        self.validator = None
        if SWAGGER.exists():
            import jsonschema
            swagger = json.loads(SWAGGER.read_text())
            self.validator = jsonschema.Draft4Validator(
                {"$ref": "#/definitions/Customer", "definitions": swagger["definitions"]})

    def check(self, resource):
        if self.validator is not None:
            self.validator.validate(resource)


class Api:
    """A client that checks what every reply has to be."""

    validator = Validator()

    def __init__(self, url):
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False

    def request(self, method, path, check=True, **options):
        options.setdefault("timeout", PATIENCE)
        url = path if path.startswith("http") else self.url + path
        response = self.session.request(method, url, **options)
        if check:
            self.check(response, options.get("params") or "fields=" in url)
        return response

    def check(self, response, is_partial):
        if response.content:
            assert response.headers["Content-Type"] == REPLY
        if response.status_code >= 400:
            check_error(response, response.request.method == "HEAD")
        elif response.text and not is_partial and IS_CUSTOMER.search(response.url):
            body = response.json()
            for resource in body if isinstance(body, list) else [body]:
                self.check_customer(resource)

    def check_customer(self, resource):
        assert {"@type", "id", "href", "name", "engagedParty"} <= set(resource), resource
        assert isinstance(resource["engagedParty"], dict)
        self.validator.check(resource)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    def send(self, method, path, body, content_type=JSON, headers=None, **options):
        """Sends text and bytes as they are, anything else as JSON."""
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        headers = dict(headers or {})
        if content_type is not None:
            headers["Content-Type"] = content_type
        return self.request(method, path, data=body, headers=headers, **options)

    def post(self, body, path="/customer", **options):
        return self.send("POST", path, body, **options)

    def put(self, path, body, **options):
        return self.send("PUT", path, body, **options)

    def patch(self, path, body, content_type=MERGE, **options):
        return self.send("PATCH", path, body, content_type, **options)

    def create(self, **members):
        """A new customer, as its reply shows it."""
        response = self.post(customer(**members))
        assert response.status_code == 201, response.text
        return response.json()


def path_of(resource):
    return f"/customer/{resource['id']}"


class Raw:
    """A connection on which every byte is ours."""

    def __init__(self, port, timeout=PATIENCE):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())
        return self

    def read_until(self, marker):
        data = b""
        while marker not in data:
            more = self.socket.recv(65536)
            if not more:
                break
            data += more
        return data

    def read_all(self):
        """Everything until httpd closes the connection."""
        data = b""
        while True:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return data
            if not more:
                return data
            data += more

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def split_reply(data):
    """(status, headers in lower case, body) of a raw reply."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(lines[0].split()[1]), headers, body


def raw_get(server, target):
    """GETs a target that no client library would send as it is: (status, headers, body)."""
    with Raw(server.port) as raw:
        raw.send(f"GET {BASE}{target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return split_reply(raw.read_all())


def needs_swagger():
    if Api.validator.validator is None:
        pytest.skip("../shared/spec is not here: bodies are not checked against the swagger")
