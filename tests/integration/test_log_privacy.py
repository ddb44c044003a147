# SPDX-License-Identifier: Apache-2.0
"""No line of ours in the error log has anything personal or secret, at LogLevel debug, whatever was asked for and went wrong.

What httpd says itself (an access log, mod_dbd's attempts to connect) is its own; here only our lines count."""
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from harness import BASE, await_condition
from harness.client import JSON, JSON_PATCH, JSON_PATCH_QUERY, MERGE, Api, customer, path_of
from harness.httpd import Httpd, free_port
from harness.listener import answer, hang_up, never, raw, reset
from harness.notify import ALLOW, AWAY, IMPATIENT, Subscriber
from harness.postgres import OWNER

TABLE = "tmf_customer.customer"
NAME, MAIL, PHONE, TOKEN = "Zelda Quimby", "zelda@quimby.example", "+44 20 7946 0815x", "t0psecret"
# How they would look in whatever form: the words alone, for they may arrive encoded.
PRIVATE = re.compile("zelda|quimby|0815x|t0psecret", re.IGNORECASE)
PERSON = customer(name=NAME, status="Approved", contactMedium=[
    {"mediumType": "email", "characteristic": {"emailAddress": MAIL}},
    {"mediumType": "phone", "characteristic": {"phoneNumber": PHONE}}], remark=NAME)
DEBUG = "LogLevel tmf_customer:debug\n"


def our_lines(server):
    return [line for line in server.log.text().splitlines() if "TMF" in line or "[tmf_customer:" in line]


def check_privacy(server):
    for line in our_lines(server):
        assert not PRIVATE.search(line), line


@pytest.fixture
def place(start_httpd):
    """Whatever it logs is allowed, and must be private."""
    server = start_httpd(server=f"{ALLOW}{DEBUG}", location="TMFCustomerClientId On")
    postgres, name = server.database
    server.run = lambda sql: postgres.execute(sql, name, user=OWNER)
    server.log.allow("TMF")
    yield server
    check_privacy(server)


BODIES = [
    json.dumps(PERSON)[:-1], "{" + f'"{MAIL}": 1, "{MAIL}": 2' + "}", f'["{NAME}"]', f'"{NAME}"', NAME, f'{{"name": "{NAME}\\u0000"}}',
    f'{{"name": "{NAME}\udc80"}}', json.dumps({**PERSON, "status": {NAME: PHONE}}), json.dumps({**PERSON, "contactMedium": NAME}),
    json.dumps({**PERSON, "validFor": {"startDateTime": NAME}}), json.dumps({**PERSON, "@schemaLocation": f"not a uri {MAIL}"}),
    f'{{"name": "{NAME}", "phone": 1e999999999}}', json.dumps({"name": NAME}), "[" * 100 + f'"{NAME}"' + "]" * 100,
    json.dumps({**PERSON, "id": f"{MAIL}/x"}), json.dumps({**PERSON, "remark": NAME * 200000})]
QUERIES = [
    f"name={NAME}", f"contactMedium.characteristic.emailAddress={MAIL}", f"{MAIL}={NAME}", f"name.regex=({NAME}", f"name.regex={NAME}[",
    f"filter=$[?(@.name=='{NAME}'", f"filter=$..[?(@.name=='{NAME}')]", f"filter=contactMedium[?(@.x=~'({NAME}')]", f"cursor={TOKEN}", f"limit={PHONE}",
    f"offset={NAME}", f"sort={'a.' * 20}{NAME}", f"fields={'a.' * 20}{NAME}", f"name=%zz{NAME}", f"name={NAME * 1000}", f"validFor.startDateTime={NAME}",
    f"limit=1&limit={NAME}", f";{NAME}", f"name>{NAME}&sort=-{MAIL}"]
PATCHES = [
    (JSON_PATCH, [{"op": "test", "path": "/name", "value": MAIL}]), (JSON_PATCH, [{"op": "remove", "path": f"/{NAME}"}]),
    (JSON_PATCH, [{"op": NAME, "path": "/name"}]), (JSON_PATCH, {"op": NAME}), (JSON_PATCH, [{"op": "add", "path": "/name", "value": {NAME: 1}}]),
    (JSON_PATCH_QUERY, [{"op": "replace", "path": f"/contactMedium/preferred?mediumType={MAIL}", "value": True}]),
    (JSON_PATCH_QUERY, [{"op": "replace", "path": f"$.contactMedium[?(@.x=='{NAME}')", "value": NAME}]),
    (JSON_PATCH_QUERY, [{"op": "remove", "path": f"$.contactMedium[?(@.mediumType=~'({NAME}')]"}]),
    (MERGE, {"name": None, "remark": MAIL}), (MERGE, [NAME]), (MERGE, {"id": MAIL}), (JSON, {"status": [NAME]}), (f"text/{TOKEN}", {"name": NAME})]
HEADERS = [
    {"If-Match": f'"{TOKEN}"'}, {"If-None-Match": MAIL}, {"Idempotency-Key": TOKEN}, {"Idempotency-Key": f"{TOKEN}\u00e9".encode()},
    {"X-Correlation-ID": MAIL}, {"Authorization": f"Bearer {TOKEN}"}, {"Accept": f"text/{TOKEN}"}, {"Content-Type": f"text/{TOKEN}"},
    {"Content-Encoding": TOKEN}, {"Cookie": f"session={TOKEN}"}, {"Range": f"bytes={TOKEN}"}]


def ask_everything(api):
    """Requests of every kind that have something personal in them; what they are answered does not matter here."""
    made = api.post(PERSON).json().get("id", "none")
    with ThreadPoolExecutor(8) as clients:
        list(clients.map(lambda _: api.post(PERSON), range(16)))
    for body in BODIES:
        for method, path in [("POST", "/customer"), ("PUT", f"/customer/{made}"), ("PATCH", f"/customer/{made}"), ("POST", "/hub")]:
            api.request(method, path, data=body.encode("utf-8", "surrogateescape"), headers={"Content-Type": JSON})
    for query in QUERIES:
        for path in ["/customer", f"/customer/{made}"]:
            api.get(f"{path}?{query}")
        api.post({"callback": f"http://127.0.0.1:1/{TOKEN}", "query": query}, path="/hub")
    for content_type, patch in PATCHES:
        api.patch(f"/customer/{made}", patch, content_type=content_type)
    for headers in HEADERS:
        api.request("POST", "/customer", data=json.dumps(PERSON), headers=headers)
        api.request("PUT", f"/customer/{made}", data=json.dumps(PERSON), headers=headers)
        api.get(f"/customer/{made}", headers=headers)
    for method in ["GET", "PUT", "PATCH", "DELETE"]:
        api.request(method, f"/customer/{MAIL}", json=PERSON)
        api.request(method, f"/hub/{TOKEN}", json=PERSON)
        api.request(method, f"/{NAME}/{MAIL}", json=PERSON)


def test_requests_of_all_kinds(place):
    ask_everything(Api(place.url))
    check_privacy(place)


# What the database says no to, in the words of PostgreSQL or of the operator's own functions.
RULES = {
    "a check": f"ALTER TABLE {TABLE} ADD CONSTRAINT house_rule CHECK (doc->>'remark' IS NULL) NOT VALID",
    "an index": f"CREATE UNIQUE INDEX one_of_a_name ON {TABLE} ((doc->>'remark'))",
    "a cast": f"CREATE INDEX ages ON {TABLE} (((doc->>'name')::int))",
    "a function": f"""CREATE FUNCTION tmf_customer.complain() RETURNS trigger LANGUAGE plpgsql AS $$
                      BEGIN RAISE EXCEPTION 'not %', NEW.doc->>'name' USING ERRCODE = 'check_violation'; END $$;
                      CREATE TRIGGER complain BEFORE INSERT OR UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION tmf_customer.complain()""",
    "a path": f"""CREATE FUNCTION tmf_customer.walk() RETURNS trigger LANGUAGE plpgsql AS $$
                  BEGIN PERFORM jsonb_path_exists(NEW.doc, (NEW.doc->>'name')::jsonpath); RETURN NEW; END $$;
                  CREATE TRIGGER walk BEFORE INSERT OR UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION tmf_customer.walk()""",
}


@pytest.mark.parametrize("rule", RULES)
def test_what_the_database_refuses(place, rule):
    api = Api(place.url)
    for person in [{**PERSON, "name": "4711"}, {**PERSON, "name": NAME, "remark": "x"}]:
        if rule in ("a check", "an index"):
            api.create(**{**person, "remark": None})
    place.run(RULES[rule])
    statuses = [api.post(PERSON, headers=headers).status_code for headers in [{}, {}, {"Idempotency-Key": "k"}]]
    statuses += [api.post({**PERSON, "id": MAIL}).status_code]
    with ThreadPoolExecutor(8) as clients:
        statuses += list(clients.map(lambda _: api.post(PERSON).status_code, range(16)))
    assert 500 in statuses
    place.log.expect("TMF0021: POST .*: PostgreSQL: [0-9A-Z]{5}")
    check_privacy(place)


def test_paths_that_were_asked_for_when_something_went_wrong(place):
    """An id may be chosen by clients, and anything may stand in a path."""
    api = Api(place.url)
    assert api.post({**PERSON, "id": MAIL}).status_code == 201
    place.run(f"ALTER TABLE {TABLE} ADD CONSTRAINT house_rule CHECK (doc->>'status' <> 'Closed') NOT VALID")
    assert api.patch(f"/customer/{MAIL}", {"status": "Closed"}).status_code == 500
    place.log.expect("TMF0021: PATCH /tmf-api/customerManagement/v4/customer/")
    check_privacy(place)


def test_a_database_that_goes_away(start_httpd, own_postgres):
    server = start_httpd((own_postgres, own_postgres.create_database("going")), server=f"{ALLOW}{DEBUG}")
    server.log.allow(AWAY)
    api = Api(server.url)
    made = api.create(**PERSON)
    own_postgres.stop("immediate")
    for method in ["GET", "PUT", "PATCH", "DELETE"]:
        api.request(method, f"/customer/{MAIL}", json=PERSON)
        api.request(method, path_of(made), json=PERSON)
    api.get(f"/customer?name={NAME}")
    assert api.post(PERSON).status_code == 503
    server.log.expect("TMF0025|TMF0022")
    check_privacy(server)


@pytest.mark.parametrize("parameters", [
    "host=127.0.0.1 port={port} user=crm password={token} dbname=crm connect_timeout=2", "host=127.0.0.1 port={port} user=crm password={token} words",
    "host=127.0.0.1 port={port} {token}=1", "postgresql://crm:{token}@127.0.0.1:{port}/crm?connect_timeout=2"])
def test_a_password_for_a_database_that_is_not_there(start_httpd, parameters):
    parameters = parameters.format(port=free_port(), token=TOKEN)
    server = start_httpd(server=DEBUG, dbd=f'DBDParams "{parameters}"')
    server.log.allow(AWAY)
    assert Api(server.url).post(PERSON).status_code == 503
    server.log.expect("TMF0025")
    check_privacy(server)


# ---- listeners ----

ECHO = f"HTTP/1.1 400 {NAME}\r\nX-{TOKEN}: {MAIL}\r\nContent-Length: 4\r\n\r\n{PHONE[-4:]}".encode()
BEHAVIOURS = {
    "refusing": answer(404, {"X-Reason": MAIL}, NAME.encode()), "failing": answer(503, {}, MAIL.encode()), "gone": answer(410, {}, NAME.encode()),
    "redirecting": answer(302, {"Location": f"http://127.0.0.1/{TOKEN}"}), "hanging up": hang_up, "resetting": reset, "silent": never, "echoing": raw(ECHO),
    "no HTTP": raw(f"{NAME} {MAIL}\r\n\r\n".encode()), "a bad head": raw(f"HTTP/1.1 {NAME}\r\n\r\n".encode()),
    "a bad header": raw(f"HTTP/1.1 400 No\r\n{NAME}\r\nContent-Length: {MAIL}\r\n\r\n".encode()),
    "a bad encoding": raw(f"HTTP/1.1 400 No\r\nTransfer-Encoding: {TOKEN}\r\n\r\n".encode()),
}


def test_listeners_that_fail(start_httpd, listen):
    server = start_httpd(server=f"{ALLOW}{IMPATIENT}{DEBUG}TMFCustomerNotifySchedule 100ms\nTMFCustomerNotifyPoll 100ms\n"
                                "TMFCustomerNotifyRefusedTries 2\n")
    server.log.allow("TMF")
    subscriber = Subscriber(Api(server.url), server)
    hubs = [subscriber(listen(default=behaviour).url(f"/{TOKEN}?key={TOKEN}"), f"event.customer.name={NAME}") for behaviour in BEHAVIOURS.values()]
    hubs.append(subscriber(f"https://127.0.0.1:{free_port()}/{TOKEN}"))
    hubs.append(subscriber(listen().url(f"/{TOKEN}").replace("http:", "https:")))
    hubs.append(subscriber(f"http://no-such-host.invalid/{TOKEN}?{TOKEN}"))
    for callback in [f"http://user:{TOKEN}@127.0.0.1/", f"http://127.0.0.1:1/#{TOKEN}", f"ftp://{TOKEN}/", TOKEN, f"http://{TOKEN}%/x"]:
        hub = subscriber(f"http://127.0.0.1:1/{len(hubs)}")  # as another release, or SQL, may have written it
        subscriber.sql("UPDATE tmf_customer.hub SET callback = %s WHERE id = %s", callback, hub["id"])
        hubs.append(hub)
    subscriber.api.create(**PERSON)
    for hub in hubs:
        await_condition(lambda hub=hub: subscriber.view("listeners", hub)[0]["error"] is not None, f"{hub} has failed")
    reported = "|".join(hub["id"] for hub in hubs)
    await_condition(lambda: len(set(re.findall(reported, "\n".join(our_lines(server))))) == len(hubs), "each is in the log")
    check_privacy(server)


@pytest.mark.parametrize("line", [f"listener.example {TOKEN}", f"{TOKEN}", f"* whsec_{TOKEN}", f"* whsec_{TOKEN * 100}", f"a b {TOKEN}"])
def test_a_file_of_secrets_with_a_mistake(new_database, tmp_path, line):
    secrets = tmp_path / "secrets"
    secrets.write_text(f"# {TOKEN}\n{line}\n")
    server = Httpd(new_database(), server=f'{DEBUG}TMFCustomerNotifySecrets "{secrets}"')
    try:
        for result in [server.configtest(), server.control("start", check=False)]:
            assert result.returncode != 0 and "TMF0007" in result.stderr
            assert TOKEN not in result.stderr + result.stdout + server.log.text()
    finally:
        server.remove()


def test_the_log_of_refusals_by_httpd_has_no_line_of_ours(place, server):
    """Such as a head that is too long: whatever is in it."""
    for headers in [{"X": TOKEN * 2000}, {"Content-Length": TOKEN}]:
        requests.get(f"{place.url}/customer?{MAIL}", headers=headers)
    requests.get(f"http://127.0.0.1:{place.port}{BASE}/customer?{NAME * 2000}")
    assert our_lines(place) == []
