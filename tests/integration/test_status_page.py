# SPDX-License-Identifier: Apache-2.0
"""The page of the handler tmf-customer-status, and the same as JSON (src/api/README.md §8)."""
import json
import os
import re

import pytest

from conftest import finish
from harness import PROJECT, await_condition
from harness.browser import DESKTOP, PHONE
from harness.client import Api, check_error, path_of
from harness.httpd import Httpd
from harness.listener import answer
from harness.notify import AWAY, ILL_TAGS, QUICK, Subscriber
from harness.page import Page

S = "/tmf-customer-status"
SECTION = f'<Location "{S}">\nSetHandler tmf-customer-status\nRequire all granted\n</Location>\n'
HTML, JSON = "text/html;charset=utf-8", "application/json;charset=utf-8"
SCRIPT = "<script>alert('1')</script>&amp;\"\N{RIGHT-TO-LEFT OVERRIDE}"
DELIVERED, DEAD = "http://127.0.0.1:{}/takes/all?token=hunter2", "http://127.0.0.1:{}/takes/nothing?token=hunter2"


def status_of(server):
    return Api(f"http://127.0.0.1:{server.port}{S}")


def get(server, accept=None, **options):
    return status_of(server).get("", check=False, headers={"Accept": accept} if accept else {}, **options)


# What a page says when the database was too slow for it; a busy machine can do that to it.
TOO_SLOW = re.compile("[Tt]he database (took too long|did not say so in time|has not answered in time|cannot be reached)")


def page_now(server):
    reply = get(server, "text/html,application/xhtml+xml,*/*;q=0.8")
    assert reply.status_code == 200 and reply.headers["Content-Type"] == HTML
    page = Page(reply.text)
    page.html = reply.text
    return page


def overview_now(server):
    reply = get(server, "application/json")
    assert reply.status_code == 200 and reply.headers["Content-Type"] == JSON
    return reply.json()


def await_whole(server, look, is_cut):
    """What a look shows when the database has told all of it in time."""
    def whole():
        seen = look(server)
        if is_cut(seen):
            server.log.allow("TMF002[02]: (status|probe): .*(57014|no answer in time)")
            return None
        return seen
    return await_condition(whole, "the database answers in time")


def page_of(server):
    return await_whole(server, page_now, lambda page: TOO_SLOW.search(page.text))


def overview_of(server):
    return await_whole(server, overview_now, lambda overview: any(TOO_SLOW.search(each["output"]) for each in overview["problems"]))


def number(text):
    """What a reader takes it for."""
    return int(text.replace(",", ""))


@pytest.fixture(scope="module")
def busy_server(postgres):
    """One with customers, errors, a listener that takes everything and one that refuses everything."""
    server = Httpd((postgres, postgres.create_database("page")), server=QUICK + "TMFCustomerNotifyRefusedTries 1\n",
                   outside=SECTION).start()
    yield server
    server.remove()


@pytest.fixture
def busy(busy_server, postgres):
    busy_server.log.allow(ILL_TAGS)
    yield busy_server
    finish(busy_server, postgres)


@pytest.fixture(scope="module")
def traffic(busy_server):
    """What happened to it: once for all tests."""
    from harness.listener import Listener
    listeners = Listener(), Listener()
    listeners[1].default = answer(422)
    subscribe = Subscriber(Api(busy_server.url), busy_server)
    hubs = subscribe(listeners[0].url("/takes/all?token=hunter2")), subscribe(listeners[1].url("/takes/nothing?token=hunter2"))
    api = Api(busy_server.url)
    made = [api.create(status=status) for status in ("Approved", "Approved", "Approved", SCRIPT, "Closed", "Closed", None)]
    assert api.get("/customer/none").status_code == 404
    for _ in range(3):
        assert api.get(path_of(made[0])).status_code == 200
    assert api.get("/customer?limit=x").status_code == 400
    subscribe.await_dead(len(made), hubs[1])
    subscribe.drained()
    yield {"hubs": hubs, "listeners": listeners, "customers": made}
    subscribe.close()
    for listener in listeners:
        listener.close()


def test_the_page_says_what_happened(busy, traffic):
    page = page_of(busy)
    operations = {row[0]: row[1:] for row in page.tables["Operations"]}
    assert operations["createCustomer"][:3] == ["7", "0", "0"]
    assert operations["retrieveCustomer"][:3] == ["4", "1", "0"]
    assert operations["listCustomer"][:3] == ["1", "1", "0"]
    assert all(re.fullmatch(r"[\d.]+ m?s", text) for text in operations["createCustomer"][3:])
    statuses = {row[0]: (row[2], row[3]) for row in page.tables["Customers by status"]}
    assert statuses["Approved"] == ("3", "42.9 %") and statuses["Closed"][0] == "2"
    assert statuses["none"][0] == statuses[SCRIPT][0] == "1"
    listeners = page.tables["Listeners"][1:]
    taking, refusing = (next(row for row in listeners if hub["id"] in row[0]) for hub in traffic["hubs"])
    assert taking[1:] == ["● active", "0", "–", "0", "none"]
    assert refusing[2:5] == ["0", "–", "7"] and "422" in refusing[5]
    assert listeners[0] == refusing, "first what needs attention"
    assert taking[0].split("\n")[0] == f"http://127.0.0.1:{traffic['listeners'][0].port}"
    assert "7 notifications were given up" in page.text and "Needs attention" in page.title


def test_what_clients_chose_is_text_and_what_may_be_secret_is_not_there(busy, traffic):
    page = page_of(busy)
    assert "<script" not in page.html and SCRIPT in page.text
    for reply in (page.html, get(busy, "application/json").text):
        assert "hunter2" not in reply and "/takes" not in reply


def test_it_needs_nothing_from_elsewhere_and_may_do_nothing(busy, traffic):
    reply = get(busy)
    page = Page(reply.text)
    assert all(reference == "" or reference.startswith(S + "/") for reference in page.references), page.references
    assert "script" not in page.tags and re.findall(r"url\(([^)]*)\)", reply.text) == ["#hatch"]
    assert "@import" not in reply.text
    policy = dict(part.strip().split(" ", 1) for part in reply.headers["Content-Security-Policy"].split(";"))
    assert policy == {"default-src": "'none'", "style-src": "'unsafe-inline'", "base-uri": "'none'", "form-action": "'none'",
                      "frame-ancestors": "'none'"}
    assert reply.headers["X-Content-Type-Options"] == "nosniff" and reply.headers["Referrer-Policy"] == "no-referrer"
    assert reply.headers["Cache-Control"] == "no-store" and reply.headers["Vary"] == "Accept"


def test_json_says_the_same(busy, traffic):
    page, overview = page_of(busy), overview_of(busy)
    rows = {row[0]: [number(cell) for cell in row[1:4]] for row in page.tables["Operations"][1:]}
    told = {each["operation"]: [each["requests"], each["clientErrors"], each["serverErrors"]]
            for each in overview["operations"]}
    assert {name: row for name, row in rows.items() if name != "All"} == told
    total = overview["total"]
    assert rows["All"] == [total["requests"], total["clientErrors"], total["serverErrors"]]
    assert [number(row[2]) for row in page.tables["Customers by status"][1:]] == [
        each["customers"] for each in overview["customersByStatus"]]
    assert {each["status"] for each in overview["customersByStatus"]} == {"Approved", "Closed", SCRIPT, None}
    assert [(row[0].split("\n")[0], number(row[2]), number(row[4])) for row in page.tables["Listeners"][1:]] == [
        (each["origin"], each["pending"], each["dead"]) for each in overview["listeners"]]
    assert overview["status"] == "warn" and all(problem["output"] in page.text for problem in overview["problems"])
    assert overview["stored"]["customers"] == 7 and overview["events"] == 7
    assert overview["deliveries"]["delivered"] == 7 and overview["deliveries"]["dead"] == 7
    assert sum(minute["requests"] for minute in overview["minutes"]) == total["requests"]
    assert sum(minute["delivered"] for minute in overview["minutes"]) == 7


def test_the_members_are_those_of_the_document(busy, traffic):
    [section] = re.findall(r"^### The page as JSON$(.*?)(?:^##|\Z)", (PROJECT / "src/api/README.md").read_text(), re.M | re.S)
    documented = [name for row in re.findall(r"^\| (`.*?) \|", section, re.M) for name in re.findall(r"`(\w+)`", row)]
    assert sorted(documented) == sorted(overview_of(busy))


def test_who_looks_is_not_counted(busy, traffic):
    before = overview_of(busy)["total"]["requests"]
    page_of(busy)
    assert overview_of(busy)["total"]["requests"] == before


def test_accept_decides(busy):
    assert get(busy).headers["Content-Type"] == HTML
    assert get(busy, "application/json, text/html;q=0.9").headers["Content-Type"] == JSON
    assert get(busy, "text/*").headers["Content-Type"] == HTML
    check_error(get(busy, "image/png"))
    assert get(busy, "image/png").status_code == 406
    head = status_of(busy).request("HEAD", "", check=False)
    assert head.status_code == 200 and head.content == b"" and head.headers["Content-Type"] == HTML


def test_bad_requests_are_told_what_would_be_right(busy):
    reply = get(busy, params={"refresh": "1"})
    assert reply.status_code == 400
    check_error(reply)
    for method in ("POST", "PUT", "DELETE"):
        reply = status_of(busy).request(method, "", check=False, data=b"")
        assert reply.status_code == 405 and reply.headers["Allow"] == "GET, HEAD, OPTIONS"
        check_error(reply)


def test_nothing_and_much(start_httpd):
    """What is not there is said; what is more than a page can show is counted."""
    server = start_httpd(outside=SECTION, server="TMFCustomerNotify Off\n")
    page, overview = page_of(server), overview_of(server)
    assert "All is well" in page.title and overview["status"] == "pass" and overview["problems"] == []
    for sentence in ("There is no customer yet.", "No listener is registered.", "Nothing has been asked for yet.",
                     "no request in the last hour"):
        assert sentence in page.text
    assert overview["restarts"] == 0 and "httpd was started" in page.text
    assert "nan" not in page.text and overview["listeners"] == overview["customersByStatus"] == []
    Api(server.url).create()
    server.graceful()
    postgres, name = server.database
    postgres.execute(
        "INSERT INTO tmf_customer.hub (id, twin, types, callback, state) SELECT 'h' || i, 'h' || i, '{}',"
        " 'http://listener' || i || '.example/x', CASE WHEN i = 777 THEN 'disabled' ELSE 'active' END"
        " FROM generate_series(1, 1000) AS i;"
        "INSERT INTO tmf_customer.customer (id, doc) SELECT 'c' || i, jsonb_build_object('name', 'x', 'status',"
        " repeat('s', 300) || (i % 50)) FROM generate_series(1, 500) AS i", name)
    page, overview = page_of(server), overview_of(server)
    listeners = page.tables["Listeners"][1:]
    assert len(listeners) == len(overview["listeners"]) == 25 and "975 more" in page.text
    assert "h777" in listeners[0][0] and listeners[0][1].startswith("■ disabled") and overview["otherListeners"] == 975
    values = page.tables["Customers by status"][1:]
    assert len(values) == 13 and values[-1][0] == "and 39 more" and values[-1][2] == "381"
    assert all(len(row[0]) < 50 for row in values) and overview["customersOfOtherStatuses"] == 381
    assert len(get(server).content) < 100000
    assert overview["restarts"] == 1 and "httpd was restarted" in page.text and overview["total"]["requests"] == 1


def test_without_the_database_it_says_so(start_httpd, own_postgres):
    """Refused, and never answered: both times there is a page."""
    server = start_httpd((own_postgres, own_postgres.create_database("away")), outside=SECTION)
    Api(server.url).create()
    server.log.allow(AWAY)
    for leave, come_back in ((own_postgres.freeze, own_postgres.thaw), (own_postgres.stop, own_postgres.start)):
        await_condition(lambda: overview_now(server)["status"] == "pass", "all is well")
        leave()
        try:
            page, overview = page_now(server), overview_now(server)
        finally:
            come_back()
        assert overview["status"] == "fail"
        assert overview["stored"] is overview["listeners"] is overview["customersByStatus"] is None
        assert "Trouble" in page.title and "■ The database" in " ".join(page.text.split())
        assert overview["problems"][0]["output"].startswith("The database")
        assert page.text.count("Unknown: the database did not say so in time.") == 2
        assert {row[0]: row[1] for row in page.tables["Operations"]}["createCustomer"] == "1"


def color_of(browser, selector, name):
    return browser.run("return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]", selector, name)


@pytest.mark.skipif(any(map(os.environ.get, ("TMF_ASAN", "TMF_VALGRIND"))), reason="Chromium sees the same page")
def test_people_can_look_at_it(busy, traffic, browser, tmp_path):
    """Desktop and phone, light and dark; TMF_SHOTS=DIRECTORY keeps what was seen."""
    shots = os.environ.get("TMF_SHOTS", tmp_path)
    browser.open(f"http://127.0.0.1:{busy.port}{S}")
    grounds = set()
    for scheme in ("light", "dark"):
        browser.prefer(scheme)
        for size, name in ((DESKTOP, "desktop"), (PHONE, "phone")):
            browser.resize(*size)
            assert browser.run("return document.documentElement.scrollWidth") == size[0], f"it scrolls sideways: {name}"
            cut = browser.run("return [...document.querySelectorAll('td,th,dd,p,figcaption,svg')].filter("
                              "e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth).length")
            assert cut == 0
            browser.screenshot(f"{shots}/{name}-{scheme}.png")
        grounds.add(color_of(browser, "body", "backgroundColor"))
        assert color_of(browser, "body", "color") not in grounds
    assert len(grounds) == 2, "light and dark"
    assert browser.complaints() == []
    hub = traffic["hubs"][0]["id"]
    browser.resize(*DESKTOP)
    browser.click("a", hub)
    assert browser.driver.current_url.endswith(f"{S}/listeners/{hub}")
    assert json.loads(browser.text())["id"] == hub
