# SPDX-License-Identifier: Apache-2.0
"""The console: Swagger UI beside the API, in the lines that conf/README.md has for an Apache that is there already."""
import json
import os
import shutil
import subprocess

import pytest

from harness import PATIENCE, PROJECT, await_condition
from harness.browser import Browser
from harness.client import Api
from harness.documents import block_of

pytestmark = pytest.mark.xdist_group("openapi")

INSTALLED = "/usr/local/share/mod_tmf_customer/console"
CREATE = "#operations-customer-createCustomer"


@pytest.fixture(scope="module")
def browser():
    if os.environ.get("TMF_ASAN") or os.environ.get("TMF_VALGRIND"):
        pytest.skip("what runs in the browser is no C")
    made = Browser()
    yield made
    made.close()


@pytest.fixture
def console(browser, start_httpd, tmp_path):
    """The server and the URL of its console."""
    for path in [tmp_path, *tmp_path.parents[:2]]:
        path.chmod(0o755)
    directory = tmp_path / "console"
    shutil.copytree(PROJECT / "conf" / "console", directory)
    install = block_of("the console", "npm ci").replace(INSTALLED, str(directory)).replace("conf/", f"{PROJECT}/conf/")
    subprocess.run(["bash", "-euc", install], check=True, capture_output=True, timeout=PATIENCE)
    lines = block_of("the console", "Alias").replace(INSTALLED, str(directory))
    server = start_httpd(modules=["alias", "dir", "mime"], outside=f"TypesConfig /etc/mime.types\n{lines}")
    return server, f"http://127.0.0.1:{server.port}/tmf-customer-console"


def test_a_customer_is_created_in_the_console(browser, console):
    server, url = console
    browser.open(url)
    for summary in ["Lists customers", "Creates a customer", "Registers a listener", "This document"]:
        browser.find(".opblock-summary", summary)
    browser.click(f"{CREATE} .opblock-summary-control")
    browser.click(f"{CREATE} .try-out__btn", "Try it out")
    browser.click(f"{CREATE} .execute", "Execute")
    browser.find(f"{CREATE} .live-responses-table .response-col_status", "201")
    shown = json.loads(browser.text(f"{CREATE} .live-responses-table .microlight"))
    made = Api(server.url).get(f"/customer/{shown['id']}").json()
    assert made == shown and made["name"] == "Moon Football Club"
    assert "etag: " in browser.text(f"{CREATE} .live-responses-table")
    assert browser.complaints() == []
    if "TMF_SHOTS" in os.environ:
        browser.resize(1280, 1800)
        browser.run("document.querySelector(arguments[0]).scrollIntoView()", CREATE)
        browser.screenshot(f"{os.environ['TMF_SHOTS']}/console.png", whole=False)
        browser.run("scrollTo(0, 0)")
        browser.screenshot(f"{os.environ['TMF_SHOTS']}/console-top.png", whole=False)


def test_a_list_is_asked_for_with_conditions(browser, console):
    server, url = console
    api = Api(server.url)
    api.create(name="Comet Sailing Club", status="Approved")
    api.create(name="Sun Rowing Club", status="Closed")
    browser.open(f"{url}/#/customer/listCustomer")
    browser.click("#operations-customer-listCustomer .try-out__btn", "Try it out")
    browser.run("""
        const field = document.querySelector("#operations-customer-listCustomer tr[data-param-name=attributes] textarea");
        Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(field, arguments[0]);
        field.dispatchEvent(new Event("input", {bubbles: true}));""", '{"status": "Closed"}')
    browser.click("#operations-customer-listCustomer .execute", "Execute")
    browser.find("#operations-customer-listCustomer .live-responses-table .response-col_status", "200")
    assert "/customer?limit=100&status=Closed" in browser.text("#operations-customer-listCustomer .request-url")
    shown = json.loads(browser.text("#operations-customer-listCustomer .live-responses-table .microlight"))
    assert [customer["name"] for customer in shown] == ["Sun Rowing Club"]
    assert browser.complaints() == []


def test_its_files_are_of_its_own_and_the_package_alone(browser, console):
    """Nothing is loaded from elsewhere, and what is fetched is the version of the lock file."""
    server, url = console
    browser.open(url)
    browser.find(".opblock-summary", "Lists customers")
    loaded = browser.run("return performance.getEntriesByType('resource').map(entry => entry.name)")
    origin = f"http://127.0.0.1:{server.port}/"
    assert loaded and all(name.startswith((origin, "data:")) for name in loaded), loaded
    lock = json.loads((PROJECT / "conf" / "console" / "package-lock.json").read_text())
    package = lock["packages"]["node_modules/swagger-ui-dist"]
    assert package["integrity"].startswith("sha512-") and package["license"] == "Apache-2.0"
    assert package["version"] == json.loads((PROJECT / "conf" / "console" / "package.json").read_text())["dependencies"]["swagger-ui-dist"]
    policy = browser.run("return document.querySelector('meta[http-equiv=Content-Security-Policy]').content")
    assert "default-src 'none'" in policy and "unsafe" not in policy
