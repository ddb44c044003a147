# SPDX-License-Identifier: Apache-2.0
"""Directives, base paths, virtual hosts (issue "Serve")."""
import pytest

from harness import BASE
from harness.client import Api, Raw, customer, path_of, split_reply
from harness.httpd import Httpd
from harness.postgres import RUNTIME

SPACE = "SetHandler tmf-customer"


def refusal(new_database, **settings):
    """What httpd says when it will not start."""
    server = Httpd(new_database(install=False), **settings)
    try:
        result = server.control("start", check=False)
        text = result.stdout + result.stderr + server.log.text()
        assert result.returncode != 0 and not server.is_running(), text
        return text
    finally:
        server.remove()


@pytest.mark.parametrize("directive", [
    "TMFCustomerBaseURL nonsense", "TMFCustomerBaseURL http://x:99999", "TMFCustomerBaseURL ftp://x", "TMFCustomerBaseURL https://x/?y",
    "TMFCustomerPageSize 0", "TMFCustomerPageSize x", "TMFCustomerPageSize 100001",
    "TMFCustomerMaxPageSize -1", "TMFCustomerPartialContent maybe", "TMFCustomerClientId 1",
    "TMFCustomerCreditProfile some", "TMFCustomerMaxBody 0", "TMFCustomerMaxBody 1M",
    "TMFCustomerIdempotencyTTL 0", "TMFCustomerIdempotencyTTL 999ms", "TMFCustomerIdempotencyTTL 366d",
    "TMFCustomerMaxDocument 0", "TMFCustomerMaxDocument 1M", "TMFCustomerMaxDocument 268435457",
    "TMFCustomerIdempotencyTTL 1 d", "TMFCustomerMaxDepth 3", "TMFCustomerMaxDepth 1001", "TMFCustomerPageSize",
    "TMFCustomerClientId On Off", "TMFCustomerStatementTimeout 5s", "TMFCustomerPoolTimeout 5s"])
def test_a_bad_directive_in_a_location_keeps_httpd_from_starting(new_database, directive):
    assert directive.split()[0] in refusal(new_database, location=directive)


@pytest.mark.parametrize("directive", [
    "TMFCustomerStatementTimeout 0", "TMFCustomerStatementTimeout x", "TMFCustomerStatementTimeout 2h",
    "TMFCustomerPoolTimeout 99ms", "TMFCustomerHistory On 30d", "TMFCustomerHistoryRetention never", "TMFCustomerCache Off 99ms",
    "TMFCustomerNotifyConcurrency 8 0", "TMFCustomerNotifySchedule", "TMFCustomerNotifySchedule 1s 2d"])
def test_a_bad_directive_in_the_server_keeps_httpd_from_starting(new_database, directive):
    assert directive.split()[0] in refusal(new_database, server=directive)


@pytest.mark.parametrize("server,location", [
    ("", "TMFCustomerMaxBody 20000\nTMFCustomerMaxDocument 10000"), ("", "TMFCustomerMaxDocument 1048575"),
    ("TMFCustomerMaxBody 10001", "TMFCustomerMaxDocument 10000"), ("TMFCustomerMaxDocument 10000", "TMFCustomerMaxBody 10001")])
def test_a_customer_may_not_be_smaller_than_the_body_that_makes_it(new_database, server, location):
    text = refusal(new_database, server=server, location=location)
    assert "TMF0150" in text and "TMFCustomerMaxDocument 10" in text


def test_a_handler_that_an_expression_sets_is_an_error_of_ours(start_httpd):
    server = start_httpd(outside='<Location "/dynamic">\nSetHandler "tmf-%{tolower:CUSTOMER}"\n'
                                 "</Location>")
    with Raw(server.port) as raw:
        raw.send("GET /dynamic/customer HTTP/1.0\r\n\r\n")
        assert split_reply(raw.read_all())[0] == 500
    server.log.expect("TMF0041")


def test_a_missing_connect_timeout_is_one_warning(start_httpd, new_database):
    server = start_httpd(connections=4, dbd=dbd_without_timeout(new_database()))
    for _ in range(20):
        assert Api(server.url).get("/customer").status_code == 200
    server.log.expect("TMF0027: DBDParams has no connect_timeout")
    assert server.log.text().count("TMF0027") <= len(server.children())


def dbd_without_timeout(database):
    postgres, name = database
    return f'DBDParams "host={postgres.root} dbname={name} user={RUNTIME}"'


@pytest.mark.parametrize("url,expected", [
    ("https://api.example.com", f"https://api.example.com{BASE}"),
    ("https://api.example.com/", f"https://api.example.com{BASE}"),
    ("http://[::1]:8080", f"http://[::1]:8080{BASE}"),
    ("https://api.example.com/crm/v4", "https://api.example.com/crm/v4")])
def test_base_url(start_httpd, url, expected):
    api = Api(start_httpd(location=f"TMFCustomerBaseURL {url}").url)
    reply = api.post(customer())
    assert reply.headers["Location"] == reply.json()["href"] == f"{expected}/customer/{reply.json()['id']}"
    assert api.get("").json()["_links"]["self"]["href"] == expected
    assert api.patch(path_of(reply.json()), {"href": reply.json()["href"]}).status_code == 200


def test_without_base_url_the_host_of_the_request_counts(api):
    made = api.create()
    href = api.get(path_of(made), headers={"Host": "other.example:99"}).json()["href"]
    assert href == f"http://other.example:99{BASE}/customer/{made['id']}"


def test_use_canonical_name(start_httpd):
    api = Api(start_httpd(server="UseCanonicalName On\nServerName https://real.example:8443").url)
    href = api.get("", headers={"Host": "evil.example"}).json()["_links"]["self"]["href"]
    assert href == f"https://real.example:8443{BASE}"


def test_several_locations_and_virtual_hosts_with_databases_of_their_own(start_httpd, new_database):
    second = new_database()
    probe = Httpd(second)
    server = start_httpd(
        server="TMFCustomerPageSize 3",
        outside=f'<Location "/a">\n{SPACE}\nTMFCustomerPageSize 1\n</Location>\n'
                f'<Location "/a/b/">\n{SPACE}\n</Location>\n'
                f'<VirtualHost *>\nServerName one\n</VirtualHost>\n'
                f'<VirtualHost *>\nServerName two\n{probe.database_directives(second)}\n'
                f'TMFCustomerPoolTimeout 1s\n<Location "/only/two">\n{SPACE}\n</Location>\n'
                f'</VirtualHost>')
    probe.remove()
    server.log.expect("TMF0164")  # /a/b lies in /a
    root = f"http://127.0.0.1:{server.port}"
    one, two = {"Host": "one"}, {"Host": "two"}
    api = Api(root)
    made = api.post(customer(name="of one"), path="/a/customer", headers=one).json()
    assert made["href"] == f"http://one/a/customer/{made['id']}"
    api.post(customer(name="of two"), path="/only/two/customer", headers=two)
    api.post(customer(name="of two as well"), path="/a/b/customer", headers=two)

    def names(path, headers):
        return [entry["name"] for entry in api.get(path, headers=headers).json()]
    assert names("/a/customer", one) == names("/a/b/customer", one) == ["of one"]
    assert names(f"{BASE}/customer", two) == ["of two", "of two as well"]
    assert names("/a/customer", two) == ["of two"]
    assert api.get("/a/x", headers=one).status_code == 404
    assert api.get("/a/b", headers=one).json()["_links"]["self"]["href"] == "http://one/a/b"
    assert api.get("/only/two/customer", headers=one, check=False).status_code == 404


def test_the_root_as_base_path(start_httpd):
    server = start_httpd(outside=f'<VirtualHost *>\nServerName root\n<Location "/">\n{SPACE}\n'
                                 "</Location>\n</VirtualHost>")
    server.log.expect("TMF0164")  # all others lie in it
    api = Api(f"http://127.0.0.1:{server.port}")
    made = api.post(customer(), headers={"Host": "root"}).json()
    assert made["href"] == f"http://root/customer/{made['id']}"
    assert api.get(f"/customer/{made['id']}/", headers={"Host": "root"}).json() == made
    assert api.get("/", headers={"Host": "root"}).status_code == 200


def test_rewrite_rules_come_first(start_httpd):
    server = start_httpd(modules=["rewrite"], server="RewriteEngine On\n"
                         f"RewriteRule ^/short/(.*)$ {BASE}/customer/$1 [PT]\n"
                         f"RewriteRule ^{BASE}/customer/gone$ - [G]")
    api = Api(server.url)
    made = api.create()
    reply = api.get(f"http://127.0.0.1:{server.port}/short/{made['id']}")
    assert reply.json() == made
    assert api.get("/customer/gone").status_code == 410
