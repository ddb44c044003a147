# SPDX-License-Identifier: Apache-2.0
"""What is counted and timed, and how it reads (src/api/README.md §8, conf/README.md "Watch")."""
import json
import os
import re
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from harness import BASE, PATIENCE, PROJECT, await_condition
from harness.client import Api, Raw, customer, path_of
from harness.documents import blocks_of
from harness.httpd import Httpd, free_port
from harness.listener import answer, hang_up
from harness.metrics import OPEN, S, SECTION, Difference, Scrape, scrape, whole_scrape
from harness.notify import AWAY, ILL_TAGS, QUICK, Subscriber
from test_virtual_hosts import SECOND, add_host

EXAMPLES = PROJECT / "conf/examples"
CLOSE = {"Connection": "close"}
STATUS = "<Location /server-status>\nSetHandler server-status\nRequire all granted\n</Location>\n"


@pytest.fixture(scope="module")
def shared_watched(postgres):
    """One that most tests of this file share."""
    server = Httpd((postgres, postgres.create_database("metrics")), server=QUICK + "TMFCustomerCache 16 1h",
                   location="TMFCustomerClientId On", outside=SECTION + STATUS, modules=("status",)).start()
    yield server
    server.remove()


@pytest.fixture
def watched(shared_watched, postgres):
    from conftest import finish
    yield shared_watched
    finish(shared_watched, postgres)


@pytest.fixture
def subscribe(watched):
    watched.log.allow(ILL_TAGS)
    subscriber = Subscriber(Api(watched.url), watched)
    yield subscriber
    subscriber.close()


# ---- requests ----

def test_each_request_is_counted_once_by_operation_and_status(watched):
    api = Api(watched.url)
    difference = Difference(watched)
    made = [api.create(n=n) for n in range(3)]
    for _ in range(2):
        assert api.post({"name": 5}).status_code == 400
    path = path_of(made[0])
    assert api.get(path).status_code == api.request("HEAD", path).status_code == 200
    assert api.get(path, headers={"If-None-Match": api.get(path).headers["ETag"]}).status_code == 304
    assert api.get("/customer/nobody").status_code == 404
    assert api.get("/customer?limit=1&offset=0").status_code == 206
    assert api.patch(path, {"status": "x"}).status_code == 200
    assert api.put(path, {key: value for key, value in made[0].items() if key not in ("id", "href")}).status_code == 200
    assert api.delete(path).status_code == 204
    assert api.get("/customer?a.regex=(").status_code == 400
    assert api.get("").status_code == 200
    assert api.post({"callback": "http://127.0.0.1:9/x", "query": "eventType=x"}, path="/hub").status_code == 201
    [hub] = api.get("/hub").json()
    assert api.get(f"/hub/{hub['id']}").status_code == 200
    assert api.delete(f"/hub/{hub['id']}").status_code == 204
    assert api.get("/nothing").status_code == 404
    assert api.post({}, path=path).status_code == 405
    assert api.request("OPTIONS", "/customer").status_code == 204
    expected = {
        ("createCustomer", "201"): 3, ("createCustomer", "400"): 2, ("retrieveCustomer", "200"): 3,
        ("retrieveCustomer", "304"): 1, ("retrieveCustomer", "404"): 1, ("listCustomer", "206"): 1,
        ("listCustomer", "400"): 1, ("patchCustomer", "200"): 1, ("replaceCustomer", "200"): 1, ("deleteCustomer", "204"): 1,
        ("retrieveEntryPoint", "200"): 1, ("createHub", "201"): 1, ("listHub", "200"): 1,
        ("retrieveHub", "200"): 1, ("deleteHub", "204"): 1, ("other", "404"): 1, ("other", "405"): 1,
        ("other", "204"): 1}
    difference.await_changes("requests_total", expected)
    by_operation = {}
    for (operation, _), count in expected.items():
        by_operation[operation] = by_operation.get(operation, 0) + count
    difference.await_changes("request_duration_seconds_count", by_operation)
    await_condition(lambda: difference.changes("database_errors_total").get(("2201B",)) == 1, "the error is counted")


@pytest.mark.mpm
def test_what_httpd_refuses_for_us_is_counted_and_nothing_else(start_httpd):
    server = start_httpd(location="<RequireAll>\nRequire all granted\nRequire method GET POST\n</RequireAll>\nLimitRequestBody 100",
                         outside=SECTION)
    server.log.expect("AH01630|AH10244")
    difference = Difference(server)
    for method, below in (("DELETE", "/customer/x"), ("PATCH", "/customer/x"), ("PUT", "/nothing")):
        assert requests.request(method, server.url + below, timeout=PATIENCE).status_code == 403
    assert requests.post(f"{server.url}/customer", data=b" " * 1000, timeout=PATIENCE,
                         headers={"Content-Type": "application/json"}).status_code == 413
    for target in (f"{BASE}/customer/%zz", f"{BASE}/%"):
        with Raw(server.port) as raw:
            raw.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert b" 400 " in raw.read_all()[:20]
    for elsewhere in ("/", "/elsewhere", f"{S}/live", f"{S}/nothing", S):
        requests.get(f"http://127.0.0.1:{server.port}{elsewhere}", timeout=PATIENCE)
    expected = {("deleteCustomer", "403"): 1, ("patchCustomer", "403"): 1, ("other", "403"): 1,
                ("createCustomer", "413"): 1, ("retrieveCustomer", "400"): 1, ("other", "400"): 1}
    difference.await_changes("requests_total", expected)


def test_a_histogram_is_whole_in_every_scrape(watched):
    """While requests come."""
    path = path_of(Api(watched.url).create())
    stop = threading.Event()

    def read():
        session = Api(watched.url)
        while not stop.is_set():
            assert session.get(path).status_code == 200
    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for number in range(20):
                check_histograms(scrape(watched, OPEN if number % 2 else None))
        finally:
            stop.set()
        for reader in readers:
            reader.result()


def check_histograms(scraped):
    counts = {key[1:]: value for key, value in scraped.values.items() if key[0] == "request_duration_seconds_count"}
    assert counts
    for labels, count in counts.items():
        buckets = [value for key, value in scraped.values.items()
                   if key[0] == "request_duration_seconds_bucket" and key[1:-1] == labels]
        assert buckets == sorted(buckets) and buckets[-1] == count > 0
        assert scraped["request_duration_seconds_bucket", *labels, "+Inf"] == count
        assert scraped["request_duration_seconds_sum", *labels] > 0


# ---- what is done for requests ----

def test_changes_batches_and_lookups(watched):
    api = Api(watched.url)
    difference = Difference(watched)
    made = [api.create(n=n) for n in range(3)]
    assert api.post({**made[0], "href": None}, headers=CLOSE).status_code == 409  # the id is taken
    assert api.patch(path_of(made[0]), {"status": "x", "n": 9}).status_code == 200
    assert api.patch(path_of(made[1]), {"n": 9}).status_code == 200
    assert api.patch(path_of(made[1]), {"n": 9}).status_code == 200  # changes nothing
    assert api.delete(path_of(made[2])).status_code == 204
    assert api.delete(path_of(made[2])).status_code == 404
    difference.await_changes("changes_total", {"CustomerCreateEvent": 3, "CustomerStateChangeEvent": 1,
                                               "CustomerAttributeValueChangeEvent": 2, "CustomerDeleteEvent": 1})
    # Also a create whose id is taken; neither what changes nothing nor a delete of what is not there.
    assert difference.changes("batch_size_sum")["write",] == 3 + 1 + 2 + 1
    difference = Difference(watched)
    for _ in range(50):
        assert api.get(path_of(made[1]), headers=CLOSE).status_code == 200
    lookups = difference.changes("cache_lookups_total")
    assert sum(lookups.values()) == 50 and lookups["hit",] > 0
    # What was not in the cache was read, and nothing else.
    assert difference.changes("batch_size_sum").get(("read",), 0) == lookups.get(("miss",), 0)


def test_a_status_handler_within_the_api_is_no_request_to_it(start_httpd):
    inside = f'<Location "{BASE}/status">\nSetHandler tmf-customer-status\nRequire all granted\n</Location>\n'
    server = start_httpd(outside=SECTION + inside)
    server.log.allow("TMF0164")
    difference = Difference(server)
    api = Api(server.url)
    for path in ("", "/live", "/nowhere"):
        api.get("/status" + path, check=False)
    assert api.get("/customer").status_code == 200
    difference.await_changes("requests_total", {("listCustomer", "200"): 1})


def test_a_create_under_a_key_is_one_change_however_often_it_is_asked_for(watched):
    api = Api(watched.url)
    difference = Difference(watched)
    headers = {"Idempotency-Key": "metrics"}
    first = api.post(customer(), headers=headers)
    assert api.post(customer(), headers=headers).json() == first.json()
    assert api.post(customer(n=1), headers=headers).status_code == 409
    difference.await_changes("changes_total", {"CustomerCreateEvent": 1})


def test_each_read_is_in_one_batch(start_httpd):
    server = start_httpd(outside=SECTION, connections=4)
    path = path_of(Api(server.url).create())
    difference = Difference(server)
    with ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(lambda _: requests.get(server.url + path, timeout=PATIENCE).status_code, range(640)))
    assert replies == [200] * 640
    difference.await_changes("batch_size_sum", {"read": 640})
    assert 0 < difference.changes("batch_size_count")["read",] <= 640
    assert scrape(server)["database_connections", "idle"] > 0


def test_deliveries_and_listeners(watched, subscribe, listen):
    listener = listen()
    hub = subscribe(listener)
    difference = Difference(watched)
    subscribe.api.create()
    listener.await_requests(1)
    difference.await_changes("deliveries_total", {"delivered": 1})
    difference.await_changes("delivery_delay_seconds_count", {(): 1})
    assert 0 < difference.changes("delivery_delay_seconds_sum")[()] < PATIENCE
    subscribe.drained()
    listener.default = answer(400)
    difference = Difference(watched)
    subscribe.api.create()
    subscribe.await_dead(1)
    tries = len([request for request in listener.arrived() if request.status == 400])
    difference.await_changes("deliveries_total", {"refused": tries, "dead": 1})
    difference.await_changes("deliveries_dead", {(): 1})
    listener.default = hang_up
    difference = Difference(watched)
    subscribe.api.create()
    await_condition(lambda: difference.changes("deliveries_total").get(("failed",), 0) > 0, "a delivery fails")
    await_condition(lambda: difference.changes("deliveries_pending") == {(): 1}, "it is pending")
    await_condition(lambda: scrape(watched)["oldest_pending_seconds"] > 0, "it waits")
    subscribe.sql("UPDATE tmf_customer.hub SET paused_until = now() + interval '1 h' WHERE id = %s", hub["id"])
    await_condition(lambda: scrape(watched)["listeners", "paused"] == 1, "the listener pauses")
    assert whole_scrape(watched)["listeners", "active"] == 0
    subscribe.sql("UPDATE tmf_customer.hub SET state = 'disabled', changed_at = now() WHERE id = %s", hub["id"])
    scraped = whole_scrape(watched)
    assert (scraped["listeners", "disabled"], scraped["listeners", "paused"], scraped["oldest_pending_seconds"]) == (1, 0, 0)


def test_what_the_database_knows(watched):
    api = Api(watched.url)
    before = whole_scrape(watched)
    made = [api.create(status=f"s{n}") for n in range(3)]
    after = whole_scrape(watched)
    assert after["customers"] == before["customers"] + 3 and after["database_up"] == 1
    assert not any("s1" in key for key in after.values), "a label holds what a client chose"
    [build] = [key[1:] for key in after.values if key[0] == "build_info"]
    postgres, database = watched.database
    assert build == (build[0], str(postgres.execute("SELECT max(version) FROM tmf_customer.schema_version", database)[0][0]))
    assert re.fullmatch(r"\d+\.\d+\.\d+", build[0])
    for resource in made:
        api.delete(path_of(resource))
    difference = Difference(watched)
    difference.await_changes("customers", {})


# ---- children, restarts, hosts ----

@pytest.mark.mpm
def test_nothing_is_lost_over_restarts_and_dead_children(start_httpd):
    server = start_httpd(outside=SECTION)
    server.log.allow("exit signal|AH00052|AH00051|TMF|AH00163")
    answered, broken = [0], [0]
    lock, stop = threading.Lock(), threading.Event()
    path = path_of(Api(server.url).create())

    def read():
        while not stop.is_set():
            try:
                code = requests.get(server.url + path, headers=CLOSE, timeout=PATIENCE).status_code
                assert code == 200
                with lock:
                    answered[0] += 1
            except requests.ConnectionError:
                with lock:
                    broken[0] += 1
    last = 0

    def total():
        nonlocal last
        try:
            now = scrape(server)["requests_total", "retrieveCustomer", "200"]
        except requests.ConnectionError:
            return last
        assert now >= last, "a counter went back"
        last = now
        return now
    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for turn in range(4):
                before = answered[0]
                if turn % 2:
                    server.graceful()
                else:
                    server.kill_a_child()
                await_condition(lambda: answered[0] > before + 50, "requests are answered")  # noqa: B023
                total()
        finally:
            stop.set()
        for reader in readers:
            reader.result()
    # A child may die when it has sent a reply, and not yet counted it; of a broken request it may have counted any.
    await_condition(lambda: answered[0] - 8 <= total() <= answered[0] + broken[0], "all are counted")
    await_condition(lambda: scrape(server)["database_connections", "in_use"] == 0, "nobody has a connection")
    assert scrape(server)["database_connections", "waiting"] == 0


def test_virtual_hosts_are_counted_apart_and_one_may_come(start_httpd):
    server = start_httpd(outside=SECTION)
    second = SECOND["Host"]
    Api(server.url).create()
    await_condition(lambda: scrape(server)["requests_total", "createCustomer", "201"] == 1, "it is counted")
    add_host(server, "")
    server.settings["outside"] += "\n" + SECTION
    server.write_configuration()
    server.graceful()
    first_host, second_host = Difference(server, "localhost"), Difference(server, second)
    for _ in range(3):
        requests.get(f"{server.url}/customer", headers=SECOND, timeout=PATIENCE)
    second_host.await_changes("requests_total", {("listCustomer", "200"): 3})
    first_host.await_changes("requests_total", {})
    requests.get(f"{server.url}/customer", headers={"Host": "localhost"}, timeout=PATIENCE)
    first_host.await_changes("requests_total", {("listCustomer", "200"): 1})
    server.graceful()
    second_host.await_changes("requests_total", {("listCustomer", "200"): 3})
    first_host.await_changes("requests_total", {("listCustomer", "200"): 1})


# ---- scrapes ----

def test_a_scrape_is_answered_while_the_database_is_away(start_httpd, own_postgres):
    server = start_httpd((own_postgres, own_postgres.create_database("away")), outside=SECTION)
    server.log.expect(AWAY)
    assert requests.get(f"{server.url}/customer", timeout=PATIENCE).status_code == 200
    own_postgres.stop()
    scraped = scrape(server)
    assert scraped["database_up"] == 0
    assert not any(name in scraped for name in ("customers", "deliveries_pending", "deliveries_dead", "oldest_pending_seconds"))
    assert scraped["requests_total", "listCustomer", "200"] == 1
    assert scraped.total("database_errors_total") >= 1
    own_postgres.start()
    await_condition(lambda: scrape(server)["database_up"] == 1, "the database is back")


def test_a_database_that_counts_too_slowly_is_up_all_the_same(watched):
    watched.log.expect("TMF0020: metrics: .*57014")
    postgres, database = watched.database
    lock = postgres.connect(database)
    lock.autocommit = False
    with lock.cursor() as cursor:
        cursor.execute("LOCK TABLE tmf_customer.customer_count")
    try:
        scraped = scrape(watched)
    finally:
        lock.close()
    assert scraped["database_up"] == 1 and "customers" not in scraped


@pytest.mark.parametrize("accept, is_open", [
    (None, False), ("*/*", False), ("text/plain", False), (OPEN, True), ("application/openmetrics-text", True),
    ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True)])
def test_the_format_is_the_one_that_accept_asks_for(watched, accept, is_open):
    headers = {"Accept": accept} if accept else {}
    url = f"http://127.0.0.1:{watched.port}{S}/metrics"
    reply = requests.get(url, headers=headers, timeout=PATIENCE)
    assert reply.headers["Content-Type"] == (f"{OPEN}; charset=utf-8" if is_open else "text/plain; version=0.0.4; charset=utf-8")
    assert reply.text.endswith("\n# EOF\n") == is_open and Scrape(reply.text, is_open)
    assert requests.head(url, headers=headers, timeout=PATIENCE).headers["Content-Type"] == reply.headers["Content-Type"]


def fill(watched):
    """Makes every metric have a sample."""
    api = Api(watched.url)
    api.create()
    api.get("/customer?a.regex=(")
    await_condition(lambda: scrape(watched)["database_errors_total", "2201B"] > 0, "all have samples")
    return whole_scrape(watched)


def test_promtool_finds_nothing_wrong(watched):
    text = fill(watched).text
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=PATIENCE)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def names_in(expression):
    return set(re.findall(r"\btmf_customer_\w+", expression))


def exported(scraped):
    """The names of all samples."""
    return {sample.name for family in scraped.families for sample in family.samples}


def test_alerts_and_dashboard_name_what_there_is(watched):
    there = exported(fill(watched))
    dashboard = json.loads((EXAMPLES / "grafana/dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [variable["definition"] for variable in dashboard["templating"]["list"] if "definition" in variable]
    asked.append((EXAMPLES / "prometheus/alerts.yml").read_text())
    names = set().union(*map(names_in, asked)) - {"tmf_customer"}
    assert len(names) > 15 and names <= there, names - there


def test_alerts_pass_their_tests():
    [block] = blocks_of("the files for Prometheus")
    for line in [*block.text.splitlines(), "promtool check rules conf/examples/prometheus/alerts.yml"]:
        checked = subprocess.run(line.split(), cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE)
        assert checked.returncode == 0 and "SUCCESS" in checked.stdout, checked.stdout + checked.stderr


def test_the_table_of_metrics_is_what_is_exported(watched):
    families = {family.name + ("_total" if family.type == "counter" else ""): family for family in fill(watched).families}
    table = re.findall(r"^\| `(tmf_customer_\w+)` \| (\w+) \|([^|]*)\|", (PROJECT / "conf/README.md").read_text(), re.MULTILINE)
    assert {name: kind for name, kind, _ in table} == {name: family.type for name, family in families.items()}
    for name, _, labels in table:
        there = {label for sample in families[name].samples for label in sample.labels} - {"le"}
        told = re.match(r"(`\w+`(?:, `\w+`)*)?", labels.strip()).group()  # behind a colon: values
        assert set(re.findall(r"\w+", told)) == there, name
        values = {value for sample in families[name].samples for label, value in sample.labels.items() if label in there}
        if ":" in labels:
            assert set(re.findall(r"\w+", labels.split(":")[1])) == values, name


@pytest.mark.skipif("TMF_ASAN" in os.environ or "TMF_VALGRIND" in os.environ, reason="it says nothing new there")
def test_a_prometheus_scrapes_it(watched, tmp_path):
    port = free_port()
    settings = (EXAMPLES / "prometheus/prometheus.yml").read_text()
    assert "127.0.0.1:80" in settings and "15s" in settings
    (tmp_path / "alerts.yml").write_text((EXAMPLES / "prometheus/alerts.yml").read_text())
    (tmp_path / "prometheus.yml").write_text(settings.replace("127.0.0.1:80", f"127.0.0.1:{watched.port}").replace("15s", "1s"))
    with open(tmp_path / "log", "w") as log:
        prometheus = subprocess.Popen(
            ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
             f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        api = Api(watched.url)
        made = [api.create() for _ in range(3)]

        def answer_of(query):
            try:
                reply = requests.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": query}, timeout=PATIENCE)
            except requests.ConnectionError:
                return None
            return reply.json()["data"]["result"] if reply.ok else None
        expected = scrape(watched)
        query = 'tmf_customer_requests_total{operation="createCustomer",code="201"}'
        await_condition(lambda: [float(row["value"][1]) for row in answer_of(query) or []] ==
                        [expected["requests_total", "createCustomer", "201"]], "Prometheus has the count")
        for query, least in (("tmf_customer_customers", len(made)), ("tmf_customer_database_up", 1), ("up", 1),
                             ("histogram_quantile(0.99, sum by (le) (tmf_customer_request_duration_seconds_bucket)) * 1000000", 1)):
            await_condition(lambda: [row for row in answer_of(query) or [] if float(row["value"][1]) >= least], query)  # noqa: B023
    finally:
        prometheus.terminate()
        prometheus.wait(timeout=PATIENCE)
    assert "level=error" not in (tmp_path / "log").read_text()


# ---- mod_status ----

def test_mod_status_has_a_section(watched):
    before = server_status(watched)
    Api(watched.url).create()
    Api(watched.url).get("/customer/nobody")
    await_condition(lambda: server_status(watched)["Requests"] == before["Requests"] + 2, "both are counted")
    after = server_status(watched)
    assert after["ClientErrors"] == before["ClientErrors"] + 1 and after["Events"] == before["Events"] + 1
    assert {"ServerErrors", "DatabaseErrors", "ConnectionsInUse", "ConnectionsIdle", "ConnectionsWaiting", "CacheHits",
            "CacheMisses", "Delivered", "DeliveryFailures", "DeadLetters"} <= set(after)
    page = requests.get(f"http://127.0.0.1:{watched.port}/server-status", timeout=PATIENCE)
    assert page.headers["Content-Type"].startswith("text/html")
    section = page.text.split("<h2>Customer Management API</h2>")[1]
    columns = re.findall(r"<th>(\w+)</th>", section)
    [row] = re.findall(r"^<tr><td>localhost</td>((?:<td>\d+</td>)+)</tr>$", section, re.MULTILINE)
    shown = dict(zip(columns[1:], map(int, re.findall(r"\d+", row)), strict=True))
    assert shown.keys() == after.keys()
    assert all(shown[name] == after[name] for name in ("Requests", "ClientErrors", "Events"))


def server_status(server):
    text = requests.get(f"http://127.0.0.1:{server.port}/server-status?auto", timeout=PATIENCE).text
    return {name: int(value) for name, value in re.findall(r"^TMFCustomer(\w+): (\d+)$", text, re.MULTILINE)}
