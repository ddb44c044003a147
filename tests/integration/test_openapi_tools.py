# SPDX-License-Identifier: Apache-2.0
"""B/openapi.json as tools see it: two linters, and a client whose types are generated from it."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import PATIENCE
from harness.client import Api, customer, path_of

pytestmark = pytest.mark.xdist_group("openapi")  # one worker installs the tools

SOURCE = Path(__file__).parent / "openapi"
# The linters neither look for newer ones of their kind nor tell anybody that they ran.
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "CI": "true"}


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """tools(name, *arguments) runs one of the programs in a directory with the sources."""
    if os.environ.get("TMF_ASAN") or os.environ.get("TMF_VALGRIND"):
        pytest.skip("the document is linted once, without instruments")
    version = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < (20, 19):
        pytest.skip(f"Redocly's linter needs Node.js 20.19, and this is {version}")
    directory = tmp_path_factory.mktemp("openapi") / "tools"
    shutil.copytree(SOURCE, directory)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries", "5"], cwd=directory,
                   check=True, capture_output=True, timeout=PATIENCE)

    def run(name, *arguments):
        command = "node" if name == "node" else directory / "node_modules" / ".bin" / name
        return subprocess.run([command, *arguments], cwd=directory, capture_output=True, text=True, timeout=PATIENCE,
                              env={**os.environ, **QUIET})
    run.directory = directory
    return run


@pytest.fixture
def described(tools, api):
    """Writes the document into the tools' directory, changed if need be."""
    def write(change=lambda document: None):
        document = api.get("/openapi.json").json()
        change(document)
        (tools.directory / "openapi.json").write_text(json.dumps(document))
    return write


def test_linters_find_nothing(tools, described):
    described()
    redocly = tools("redocly", "lint", "openapi.json")
    assert redocly.returncode == 0 and "warning" not in redocly.stdout + redocly.stderr.replace("Deprecation warning: Node.js", ""), \
        redocly.stdout + redocly.stderr
    spectral = tools("spectral", "lint", "openapi.json", "--ruleset", "spectral.yaml", "--fail-severity", "hint")
    assert spectral.returncode == 0 and "No results" in spectral.stdout, spectral.stdout + spectral.stderr


def test_linters_find_a_mistake(tools, described):
    described(lambda document: document["paths"]["/hub"]["get"].pop("operationId"))
    assert tools("redocly", "lint", "openapi.json").returncode != 0
    assert tools("spectral", "lint", "openapi.json", "--ruleset", "spectral.yaml", "--fail-severity", "hint").returncode != 0


def reply_types(api):
    """(operation, status, body) of real replies."""
    made = api.create(status="Approved", contactMedium=[{"mediumType": "email", "characteristic": {}}], shoeSize=42)
    hub = api.post({"callback": "http://127.0.0.1:9/typed", "query": "eventType=none"}, "/hub")
    yield "createCustomer", 201, api.post(customer())
    yield "createCustomer", 400, api.post({})
    yield "createCustomer", 415, api.post({}, content_type="text/plain")
    yield "retrieveCustomer", 200, api.get(path_of(made))
    yield "retrieveCustomer", 200, api.get(path_of(made) + "?fields=name")
    yield "retrieveCustomer", 404, api.get("/customer/none")
    yield "patchCustomer", 200, api.patch(path_of(made), {"status": None})
    yield "patchCustomer", 412, api.patch(path_of(made), {"x": 1}, headers={"If-Match": '"0"'})
    yield "replaceCustomer", 200, api.put(path_of(made), customer(shoeSize=43))
    yield "listCustomer", 206, api.get("/customer?limit=1")
    yield "listCustomer", 200, api.get("/customer?name=none")
    yield "listCustomer", 501, api.get("/customer?filter=$..name")
    yield "createHub", 201, hub
    yield "listHub", 200, api.get("/hub")
    yield "retrieveEntryPoint", 200, api.get("")
    api.delete(f"/hub/{hub.json()['id']}")


def test_a_generated_client_compiles_against_real_replies_and_works(tools, described, notifying):
    api = Api(notifying.url)
    described()
    generated = tools("openapi-typescript", "openapi.json", "-o", "description.d.ts")
    assert generated.returncode == 0, generated.stdout + generated.stderr
    lines = ['import type { Body, Customer } from "./client";']
    for number, (operation, status, reply) in enumerate(reply_types(api)):
        assert reply.status_code == status, reply.text
        lines.append(f'export const reply{number}: Body<"{operation}", {status}> = {reply.text};')
    lines += ["// What would be no reply does not compile.",
              "// @ts-expect-error", 'export const noError: Body<"createCustomer", 400> = {"code": "none", "reason": "", "message": "", "status": "400", "@type": "Error"};',
              "// @ts-expect-error", 'export const noCustomer: Customer = {"id": "1", "href": "x", "@type": "Customer", "name": "x"};',
              "// @ts-expect-error", 'export const noStatus: Body<"createCustomer", 202> = {};', ""]
    (tools.directory / "replies.ts").write_text("\n".join(lines))
    compiled = tools("tsc", "-p", ".")
    assert compiled.returncode == 0, compiled.stdout
    made = json.loads(tools("node", "out/session.js", api.url).stdout)
    assert api.get(f"/customer/{made['id']}").json()["name"] == "Typed Rowing Club"
    assert (made["party"], made["address"], made["boats"]) == ("501", "typed@example.org", 12)
