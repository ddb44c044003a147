# SPDX-License-Identifier: Apache-2.0
"""Mistakes in the configuration: configtest finds them, a start is refused, and a server that runs goes on."""
import os
import re
import signal

import pytest
import requests

from harness import BASE, PATIENCE, await_condition
from harness.client import Api, check_error
from harness.httpd import Httpd
from harness.postgres import RUNTIME

SPACE = "SetHandler tmf-customer"
OTHER_SITE = '<Location "/other">\nSetHandler server-status\n</Location>\n'
DATABASE = f'DBDriver pgsql\nDBDParams "host=/nowhere dbname=x user={RUNTIME}"'
VHOST = '<VirtualHost *>\nServerName second\n%s\n</VirtualHost>\n'
LOCATION = '<Location "%s">\n%s\n</Location>\n'

# name: (what the message says, settings of the server with the mistake, does its API answer all the same?)
MISTAKES = {
    "LocationMatch": ("TMF0001", {"outside": f"<LocationMatch ^/x>\n{SPACE}\n</LocationMatch>"}, True),
    "Location with ~": ("TMF0001", {"outside": f'<Location ~ "^/x">\n{SPACE}\n</Location>'}, True),
    "wildcard": ("TMF0001", {"outside": LOCATION % ("/x*", SPACE)}, True),
    "handler in the server": ("TMF0003", {"server": SPACE}, True),
    "handler in a Directory": ("TMF0003", {"outside": f"<Directory /srv>\n{SPACE}\n</Directory>"}, True),
    "handler in an If": ("TMF0003", {"outside": LOCATION % ("/x", f'<If "true">\n{SPACE}\n</If>')}, True),
    "AddHandler": ("TMF0003", {"modules": ["mime"], "outside": "TypesConfig /dev/null\nAddHandler tmf-customer .tmf"}, True),
    "page size above its maximum": (
        "TMF0002", {"location": "TMFCustomerPageSize 20\nTMFCustomerMaxPageSize 10"}, True),
    "page size above the default maximum": ("TMF0002.*1000 by default", {"location": "TMFCustomerPageSize 1001"}, True),
    "page size of the server above the Location's maximum": (
        "TMF0002", {"server": "TMFCustomerPageSize 20", "location": "TMFCustomerMaxPageSize 10"}, True),
    "page size above the maximum of another section": (
        "TMF0002", {"location": "TMFCustomerPageSize 20",
                    "outside": f'<LocationMatch "/v4$">\nTMFCustomerMaxPageSize 10\n</LocationMatch>'}, True),
    "secrets that are not there": ("TMF0007.*cannot be read", {"server": "TMFCustomerNotifySecrets /none/there"}, True),
    "secrets in a directory": ("TMF0007.*cannot be read", {"server": "TMFCustomerNotifySecrets /etc"}, True),
    "no secrets in the file": ("TMF0007.*line 1", {"server": "TMFCustomerNotifySecrets /etc/passwd"}, True),
    "second API where the first has a path": (
        "TMF0163", {"outside": LOCATION % (f"{BASE}/customer", SPACE)}, True),
    "status where the API has a path": (
        "TMF0163.*choose another path", {"outside": LOCATION % (f"{BASE}/hub", f"{SPACE}-status")}, True),
    "API where status has a path": (
        "TMF0163", {"outside": LOCATION % ("/s", f"{SPACE}-status") + LOCATION % ("/s/listeners", SPACE)}, True),
    "status in a LocationMatch": (
        "TMF0001: SetHandler tmf-customer-status", {"outside": f"<LocationMatch ^/x>\n{SPACE}-status\n</LocationMatch>"}, True),
    "status in the server": ("TMF0003: .*the status page", {"server": f"{SPACE}-status"}, True),
    "no DBDParams": ("TMF0165: no DBDParams", {"without": ["DBDParams"]}, False),
    "DBDParams in another virtual host only": (
        "TMF0165: .* only in another one", {
            "without": ["DBDParams", "DBDriver"], "outside": VHOST % (LOCATION % ("/second", SPACE)) + VHOST % DATABASE}, False),
    "another driver": ("TMF0161: .*sqlite3", {"dbd": "DBDriver sqlite3"}, False),
    "DBDKeep above DBDMax": ("TMF0162", {"dbd": "DBDKeep 8\nDBDMax 4"}, False),
    "DBDMax 0": ("TMF0162", {"dbd": "DBDMin 0\nDBDKeep 0\nDBDMax 0"}, False),
    "no mod_dbd": ("TMF0005", {"without": ["DBD", "LoadModule dbd_"]}, False),
}


def configure(server, settings):
    """Another configuration of the same server. `without`: what begins like this is left out, in the main server."""
    settings = dict(settings)
    without = tuple(settings.pop("without", ["nothing"]))
    server.settings.update(settings, modules=["status", *settings.get("modules", [])],
                           outside=OTHER_SITE + settings.get("outside", ""))
    server.write_configuration()
    conf = server.root / "httpd.conf"
    main, section, rest = conf.read_text().partition("<Location")
    conf.write_text("\n".join(line for line in main.splitlines() if not line.startswith(without)) + "\n" + section + rest)


def output(result):
    return result.stdout + result.stderr


@pytest.mark.parametrize("name", MISTAKES)
def test_configtest_and_start_name_the_mistake(new_database, name):
    server = Httpd(new_database(install=False))
    try:
        configure(server, MISTAKES[name][1])
        test = server.configtest()
        assert test.returncode != 0 and re.search(MISTAKES[name][0], output(test)), output(test)
        assert "Syntax OK" not in output(test)
        start = server.control("start", check=False)
        assert start.returncode != 0 and re.search(MISTAKES[name][0], output(start)), output(start)
        assert not server.is_running()
    finally:
        server.remove()


def other_site_answers(server):
    return requests.get(f"http://127.0.0.1:{server.port}/other?auto", timeout=PATIENCE).status_code == 200


@pytest.mark.parametrize("name", MISTAKES)
def test_a_server_that_runs_survives_the_mistake(start_httpd, name):
    message, _, serves = MISTAKES[name]
    server = start_httpd(modules=["status"], outside=OTHER_SITE)
    before = await_condition(server.generations, "httpd says that it serves")
    configure(server, MISTAKES[name][1])
    asked = server.control("graceful", check=False)
    assert asked.returncode != 0 and server.generations() == before, output(asked)
    assert other_site_answers(server) and Api(server.url).get("/customer").status_code == 200

    os.kill(server.pid(), signal.SIGUSR1)  # past all that looks before
    await_condition(lambda: server.generations() > before and server.accepts(), "the new generation serves")
    server.log.expect(message)
    server.log.expect("TMF0168")
    server.log.allow("AH0063[36]")  # mod_dbd's own words about DBDMax
    server.log.allow("AH00629|AH02655|TMF0025")  # the other virtual host's database is nowhere
    assert other_site_answers(server)
    reply = Api(server.url).get("/customer", check=False)
    assert reply.status_code == (200 if serves else 503)
    if not serves:
        check_error(reply)


UNUSED = "TMF0167"
WARNINGS = {
    "misspelt": ("TMF0160: .* \"tmf-custmer\"", {"outside": LOCATION % ("/x", "SetHandler tmf-custmer")}),
    "underscore": ("TMF0160: .* \"tmf_customer\"", {"outside": LOCATION % ("/x", "SetHandler tmf_customer")}),
    "misspelt status": (
        "TMF0160: .* \"tmf-customer-state\".*\"tmf-customer-status\" meant", {"outside": LOCATION % ("/x", f"{SPACE}-state")}),
    "upper case": ("TMF0160: .* \"TMF-Customer\"", {"outside": "<Files x>\nSetHandler TMF-Customer\n</Files>"}),
    "nested": ("TMF0164: .*/a/b.*/a\"", {"outside": LOCATION % ("/a", SPACE) + LOCATION % ("/a/b", SPACE)}),
    "few connections": ("TMF0166: .*DBDMax 3", {"connections": 3}),
    "few connections in a virtual host": (
        "TMF0166: the virtual host at .*DBDMax 2",
        {"outside": VHOST % (LOCATION % ("/second", SPACE) + "DBDKeep 1\nDBDMax 2")}),
    "a virtual host alone has a database": (
        "TMF0165: no DBDriver is in force in the main server, only",
        {"without": ["DBDParams", "DBDriver"], "outside": VHOST % DATABASE}),
    "used nowhere": (UNUSED, {"without": ["nothing"], "location": "SetHandler none"}),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_configtest_warns(new_database, name):
    server = Httpd(new_database(install=False))
    try:
        configure(server, WARNINGS[name][1])
        test = server.configtest()
        assert test.returncode == 0 and "Syntax OK" in output(test), output(test)
        assert len(re.findall(WARNINGS[name][0], output(test))) == 1, output(test)
    finally:
        server.remove()


@pytest.mark.parametrize("settings", [
    {}, {"outside": LOCATION % ("/x", "SetHandler tmf-product")},
    {"outside": LOCATION % ("/x", "SetHandler tmf-customer-status")},
    {"server": "TMFCustomerNotify Off", "connections": 2},
    {"location": "TMFCustomerMaxPageSize 50"},
    {"location": "TMFCustomerPageSize 2000", "outside": "<LocationMatch ^/tmf>\nTMFCustomerMaxPageSize 2000\n</LocationMatch>"},
    {"outside": VHOST % "" + VHOST % (LOCATION % ("/tmf-api/productCatalog", SPACE))}])
def test_configtest_has_nothing_to_say_about_what_is_right(new_database, settings):
    server = Httpd(new_database(install=False))
    try:
        configure(server, settings)
        test = server.configtest()
        assert test.returncode == 0 and output(test).strip() == "Syntax OK", output(test)
    finally:
        server.remove()


def test_a_module_that_is_used_nowhere_says_so_once(start_httpd):
    server = start_httpd(location="SetHandler none")
    await_condition(lambda: server.log.contains(UNUSED), "the notice")
    assert server.log.text().count(UNUSED) == 1
