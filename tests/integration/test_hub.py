# SPDX-License-Identifier: Apache-2.0
"""The hub: who is told of changes (src/api/README.md §7)."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import await_condition
from harness.client import REPLY, Api
from harness.listener import has_ipv6
from harness.notify import ALLOW, AWAY, IMPATIENT, QUICK, Subscriber
from harness.postgres import OWNER

CALLBACK = "http://listener.example/customers"
COLLECTION = {"GET", "HEAD", "POST", "OPTIONS"}
ITEM = {"GET", "HEAD", "DELETE", "OPTIONS"}


@pytest.fixture
def hubs(subscribe):
    """The API of the shared server; whatever is created through it goes at the end."""
    api = subscribe.api

    def register(callback=CALLBACK, **members):
        reply = api.post({"callback": callback, **members}, path="/hub")
        if reply.status_code == 201:
            subscribe.made.append(reply.json()["id"])
        return reply
    api.register = register
    return api


def refused(reply, part):
    assert (reply.status_code, reply.json()["code"]) == (400, "invalidBody"), reply.text
    assert part in reply.json()["message"], reply.text


# ---- the resource ----

def test_a_hub_is_created_read_listed_and_deleted(hubs):
    reply = hubs.register()
    assert reply.status_code == 201
    made = reply.json()
    assert made == {"id": made["id"], "callback": CALLBACK, "query": None}
    assert isinstance(made["id"], str) and made["id"]
    assert reply.headers["Location"] == f"{hubs.url}/hub/{made['id']}"
    assert reply.headers["Content-Type"] == REPLY
    for path in (f"/hub/{made['id']}", f"//hub/{made['id']}/", reply.headers["Location"]):
        read = hubs.get(path)
        assert (read.status_code, read.json()) == (200, made)
    listed = hubs.get("/hub")
    assert (listed.status_code, listed.json()) == (200, [made])
    deleted = hubs.delete(f"/hub/{made['id']}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert hubs.delete(f"/hub/{made['id']}").json()["code"] == "notFound"
    assert hubs.get(f"/hub/{made['id']}").status_code == 404
    assert hubs.get("/hub").json() == []


def test_several_listeners_are_listed(hubs):
    made = [hubs.register(f"{CALLBACK}/{i}").json() for i in range(5)]
    by_id = {hub["id"]: hub for hub in hubs.get("/hub").json()}
    assert by_id == {hub["id"]: hub for hub in made} and len(by_id) == 5


@pytest.mark.parametrize("query", [
    "eventType=CustomerCreateEvent", "?eventType=CustomerCreateEvent,CustomerDeleteEvent", "fields=eventType,event.customer.name",
    "event.customer.status=Approved&event.customer.name.ne=x", "filter=$[?(@.eventType=='CustomerDeleteEvent')]",
    "event.customer.name=%C3%A9%26", "event.customer.creditProfile.creditScore>=700", "unknown=1", "fields=none"])
def test_the_query_comes_back_as_it_was_given(hubs, query):
    made = hubs.register(query=query).json()
    assert made["query"] == query
    assert hubs.get(f"/hub/{made['id']}").json() == made


@pytest.mark.parametrize("callback", [
    "http://listener.example", "http://listener.example/", "https://listener.example:8443/a/b?c=d&e=%20%C3%A9",
    "HTTP://Listener.Example/A", "http://93.184.216.34/x", "http://[2606:2800:220:1::1]:8080/x", "http://1.1.1.1:80",
    "http://listener.example/a/../b//c;d?x=y+z&url=http://10.0.0.1/", "https://xn--bcher-kva.example/",
    "http://listener.example/user@host", "http://my_listener-1.internal.example/", "http://listener/"])
def test_a_callback_is_kept_as_it_was_given(hubs, callback):
    reply = hubs.register(callback)
    assert reply.status_code == 201, reply.text
    assert reply.json()["callback"] == callback
    assert hubs.get(reply.headers["Location"]).json()["callback"] == callback


def test_members_that_a_hub_does_not_have_are_ignored(hubs):
    made = hubs.register(id="mine", href="x", status="new", extension={"a": [1]}, query=None).json()
    assert set(made) == {"id", "callback", "query"} and made["id"] != "mine" and made["query"] is None


def test_a_twin_is_refused_and_named(hubs):
    for query in (None, "eventType=CustomerCreateEvent"):
        members = {} if query is None else {"query": query}
        made = hubs.register(**members).json()
        again = hubs.register(**members)
        assert (again.status_code, again.json()["code"]) == (409, "hubExists")
        assert made["id"] in again.json()["message"]
    assert hubs.register(query="eventType=CustomerDeleteEvent").status_code == 201
    assert hubs.register(CALLBACK + "/2").status_code == 201
    assert len(hubs.get("/hub").json()) == 4


def test_a_twin_may_come_again_when_the_first_is_gone(hubs):
    first = hubs.register().json()
    hubs.delete(f"/hub/{first['id']}")
    second = hubs.register()
    assert second.status_code == 201 and second.json()["id"] != first["id"]


def test_of_simultaneous_twins_one_is_made(hubs, notifying):
    for i in range(5):
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(
                lambda _: Api(notifying.url).post({"callback": f"{CALLBACK}/{i}", "query": "a=1"}, path="/hub"), range(8)))
        assert sorted(reply.status_code for reply in replies) == [201] + [409] * 7
        made = next(reply for reply in replies if reply.status_code == 201).json()
        assert all(made["id"] in reply.json()["message"] for reply in replies if reply.status_code == 409)
        assert hubs.delete(f"/hub/{made['id']}").status_code == 204


def test_there_are_only_so_many_hubs(start_httpd):
    api = Api(start_httpd(server="TMFCustomerNotifyMaxHubs 3").url)
    made = [api.post({"callback": f"{CALLBACK}/{i}"}, path="/hub") for i in range(5)]
    assert [reply.status_code for reply in made] == [201] * 3 + [409] * 2
    assert made[3].json()["code"] == "tooManyHubs"
    assert api.delete(f"/hub/{made[0].json()['id']}").status_code == 204
    assert api.post({"callback": CALLBACK}, path="/hub").status_code == 201


def test_there_are_no_more_when_many_register_at_once(start_httpd, new_database):
    """None of them can be written before all of them are under way."""
    postgres, name = new_database()
    servers = [start_httpd((postgres, name), server="TMFCustomerNotifyMaxHubs 3\nTMFCustomerStatementTimeout 1h")
               for _ in range(2)]
    postgres.execute("""CREATE FUNCTION tmf_customer.await_gate() RETURNS trigger LANGUAGE plpgsql AS $$
                        BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;
                        CREATE TRIGGER await_gate BEFORE INSERT ON tmf_customer.hub FOR EACH ROW
                        EXECUTE FUNCTION tmf_customer.await_gate()""", name, user=OWNER)
    gate = postgres.connect(name)
    gate.cursor().execute("SELECT pg_advisory_lock(1)")

    def register(number):
        return Api(servers[number % 2].url).post({"callback": f"{CALLBACK}/{number}"}, path="/hub")

    def waiting():
        return postgres.execute("SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database"
                                " WHERE datname = %s AND NOT granted", parameters=(name,))[0][0]
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(register, number) for number in range(8)]
        await_condition(lambda: waiting() == 8, "all of them are under way", 600)
        gate.close()
        replies = [future.result() for future in futures]
    assert sorted(reply.status_code for reply in replies) == [201] * 3 + [409] * 5
    assert {reply.json()["code"] for reply in replies if reply.status_code == 409} == {"tooManyHubs"}


def test_hubs_survive_restarts(start_httpd, new_database):
    database = new_database()
    server = start_httpd(database)
    api = Api(server.url)
    for i in range(3):
        assert api.post({"callback": f"{CALLBACK}/{i}", "query": f"?event.customer.n={i}"}, path="/hub").status_code == 201
    before = api.get("/hub").json()
    assert len(before) == 3
    server.graceful()
    assert Api(server.url).get("/hub").json() == before
    server.kill()
    server.log.allow("Unclean shutdown")
    server.start()
    assert Api(server.url).get("/hub").json() == before
    assert Api(start_httpd(database).url).get("/hub").json() == before


def test_location_is_made_as_href_is(start_httpd):
    api = Api(start_httpd(location="TMFCustomerBaseURL https://crm.example/api").url)
    href = api.create()["href"]  # before the hub, so that nobody is notified
    reply = api.post({"callback": CALLBACK}, path="/hub")
    assert reply.headers["Location"] == href.split("/customer/")[0] + f"/hub/{reply.json()['id']}"


# ---- what is refused ----

@pytest.mark.parametrize("body,part", [
    ({}, "callback"), ({"callback": None}, "callback"), ({"callback": ""}, "callback"), ({"callback": " "}, "callback"),
    ({"callback": 5}, "callback"), ({"callback": True}, "callback"), ({"callback": [CALLBACK]}, "callback"),
    ({"callback": {"url": CALLBACK}}, "callback"), ({"query": "a=1"}, "callback"), ({"Callback": CALLBACK}, "callback"),
    ({"callback": CALLBACK, "query": 5}, "query"), ({"callback": CALLBACK, "query": {}}, "query"),
    ({"callback": CALLBACK, "query": ["a=1"]}, "query"), ({"callback": CALLBACK, "query": False}, "query")])
def test_bodies_that_are_no_hub(hubs, body, part):
    refused(hubs.post(body, path="/hub"), part)


@pytest.mark.parametrize("body", ["", "x", "[", "[]", '"x"', "null", '{"callback":"http://a.example/\\u0000"}',
                                  b'{"callback":"http://a.example/\xff"}', '{"callback":"http://a.example/\\ud800"}',
                                  '[{"callback":"http://a.example/"}]', '{"callback":"http://a.example/"}{}'])
def test_bodies_that_are_no_object(hubs, body):
    reply = hubs.post(body, path="/hub")
    assert reply.status_code == 400, reply.text
    assert hubs.get("/hub").json() == []


@pytest.mark.parametrize("callback", [
    "listener.example", "/customers", "//listener.example/x", "listener.example:80/x", "http:", "http:/", "http://", "http:///x",
    "http:/listener.example/", "http://:80/", "http://?x", "http://#", "http://listener.example/#part", "http://listener.example#",
    "http://user@listener.example/", "http://user:secret@listener.example/", "http://@listener.example/", "http://:@listener.example/",
    "http://listener.example:80@10.0.0.1/", "http://listener.example:0/", "http://listener.example:65536/", "http://listener.example:x/",
    "http://listener.example:-1/", "http://listener.example:99999999999/", "http://a b.example/", "http://listener.example/a b",
    " http://listener.example/", "http://listener.example/ ", "http://listener.example/\t", "http://listener.example/\r\nX: y",
    "http://listener.example/\n", "http://listener.example\\@10.0.0.1/", "http://listener.example/\u007f", "http://[::1/", "http://[/",
    "http://[]/", "http://[x]/", "http://[::1]x/", "http://[1.2.3.4]/",
    "http://b\u00fccher.example/", "http://listener.example/\u00e9", "http://listener%2eexample/", "http://listener.example%00/",
    "ftp://listener.example/", "file:///etc/passwd", "gopher://listener.example/", "ws://listener.example/", "javascript:alert(1)",
    "data:text/plain,x", "dict://listener.example/", "smtp://listener.example/", "mailto:a@listener.example", "httpx://listener.example/",
    "http+unix://%2Ftmp%2Fs/", "unix:/tmp/s", "ldap://listener.example/", "tftp://listener.example/", "http://<script>/", "http://a|b/",
    "http://93.184.216.34.:x/"])
def test_callbacks_that_are_no_url_to_post_to(hubs, callback):
    refused(hubs.register(callback), "callback")
    assert hubs.get("/hub").json() == []


FORBIDDEN = [
    # this host, private, link-local with the clouds' metadata, shared, multicast, reserved, broadcast
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
    "192.168.0.1", "169.254.0.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255",
    # other spellings of IPv4
    "127.1", "127.0.1", "0", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1", "0177.0.0.1", "017700000001", "0177.1", "00000177.0.0.1",
    "0x0", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "3232235521", "0x0a.1", "127.0.0.1.",
    # IPv6 of the same kinds
    "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[fe80::1]", "[febf::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[ff0e::1]",
    "[fec0::1]", "[fe80::1%25lo]", "[::1%25lo]",
    # IPv4 within IPv6: mapped, compatible, NAT64, 6to4
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:a9fe:a9fe]", "[::ffff:10.0.0.1]", "[::ffff:0.0.0.0]", "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::1]", "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    # names
    "localhost", "LOCALHOST", "LocalHost", "localhost.", "a.localhost", "a.b.LOCALHOST.",
    "\u2460\u2461\u2466.0.0.1", "127\u30020\u30020\u30021", "\uff11\uff12\uff17.0.0.1",
]


@pytest.fixture
def default_api(api):
    """A server that was told nothing about targets."""
    return api


@pytest.mark.parametrize("host", FORBIDDEN)
def test_targets_that_are_forbidden_by_default(default_api, host):
    for callback in (f"http://{host}/", f"https://{host}:8443/x"):
        refused(default_api.post({"callback": callback}, path="/hub"), "callback")
    assert default_api.get("/hub").json() == []


def test_allowed_addresses_are_accepted(start_httpd):
    api = Api(start_httpd(server="TMFCustomerNotifyAllow 127.0.0.2 10.1.0.0/16 fd00:1::/32 ::1\nTMFCustomerNotifyAllow localhost").url)
    for host, is_allowed in [
            ("127.0.0.2", True), ("127.0.0.1", False), ("127.0.0.3", False), ("10.1.255.255", True), ("10.2.0.0", False),
            ("10.0.255.255", False), ("0x7f000002", None), ("[fd00:1:2::3]", True), ("[fd00:2::3]", False), ("[::1]", True),
            ("[::ffff:127.0.0.2]", None), ("[::ffff:127.0.0.1]", False), ("[64:ff9b::7f00:1]", False), ("localhost", True),
            ("listener.example", True), ("1.1.1.1", True)]:
        reply = api.post({"callback": f"http://{host}/"}, path="/hub")
        if is_allowed is None:  # another spelling of what is allowed: either is safe
            assert reply.status_code in (201, 400)
        else:
            assert reply.status_code == (201 if is_allowed else 400), (host, reply.text)


def test_denied_addresses_are_refused(start_httpd):
    api = Api(start_httpd(server="TMFCustomerNotifyAllow 127.0.0.0/8\n"
                                 "TMFCustomerNotifyDeny 127.0.0.1 93.184.216.0/24 127.3.0.0/16").url)
    for host, is_allowed in [
            ("127.0.0.2", True), ("127.0.0.1", False), ("93.184.216.34", False), ("93.184.217.34", True), ("127.3.1.1", False),
            ("[::ffff:93.184.216.34]", False), ("[64:ff9b::5db8:d822]", False)]:
        reply = api.post({"callback": f"http://{host}/"}, path="/hub")
        assert reply.status_code == (201 if is_allowed else 400), (host, reply.text)


def test_with_deny_all_only_what_is_allowed_is_reached(start_httpd):
    api = Api(start_httpd(server="TMFCustomerNotifyDeny all\nTMFCustomerNotifyAllow 127.0.0.0/8 93.184.216.34").url)
    for host, is_allowed in [
            ("127.0.0.1", True), ("93.184.216.34", True), ("93.184.216.35", False), ("10.0.0.1", False), ("[2606:2800:220:1::1]", False)]:
        reply = api.post({"callback": f"http://{host}/"}, path="/hub")
        assert reply.status_code == (201 if is_allowed else 400), (host, reply.text)


@pytest.mark.parametrize("query,part", [
    ("eventType", "eventType"), ("=x", ""), ("a=%", ""), ("a=%00", ""), ("a=%ff", ""), ("filter=$[?(", "filter"), ("filter=a[?(@.b=~'(')]", "b"),
    ("event.customer.name.regex=(", "event.customer.name"), ("event.customer.creditProfile.creditScore=abc", "creditScore"),
    ("event.customer.contactMedium.preferred=yes", "preferred"), ("event.customer.validFor.startDateTime>x", "startDateTime"),
    ("limit=5", "limit"), ("offset=0", "offset"), ("sort=eventTime", "sort"), ("cursor=x", "cursor"), ("eventType=a&limit=1", "limit"),
    ("a=" + "x" * 4097, "4096"), ("a.regex=" + "x" * 513, "512"), ("&".join(["a>1"] * 65), "64"),
    (".".join("abcdefghijklmnopq") + "=1", "16"), ("??a", ""), ("?limit=1", "limit"), ("fields=a;b=c", "fields")])
def test_queries_that_are_refused(hubs, query, part):
    reply = hubs.register(query=query)
    refused(reply, "query")
    assert part in reply.json()["message"]
    assert hubs.get("/hub").json() == []


@pytest.mark.parametrize("query", ["filter=$..a", "filter=a[0]", "filter=length(@.a)"])
def test_what_is_not_supported_in_queries(hubs, query):
    reply = hubs.register(query=query)
    assert (reply.status_code, reply.json()["code"]) == (501, "notImplemented") and "filter" in reply.json()["message"], reply.text
    assert hubs.get("/hub").json() == []


def test_an_empty_query_is_none(hubs):
    for query in ("", "?"):
        reply = hubs.register(f"{CALLBACK}/{len(query)}", query=query)
        assert reply.status_code == 201 and reply.json()["query"] in (None, query)


@pytest.mark.parametrize("parameter", ["fields=id", "limit=1", "offset=0", "callback=x", "sort=id", "filter=$", "cursor=x", "a=b", "x"])
def test_a_hub_has_no_parameters(hubs, parameter):
    made = hubs.register().json()
    for method, path in [("GET", "/hub"), ("GET", f"/hub/{made['id']}"), ("DELETE", f"/hub/{made['id']}"), ("HEAD", "/hub")]:
        reply = hubs.request(method, f"{path}?{parameter}")
        assert reply.status_code == 400 and (method == "HEAD" or reply.json()["code"] == "invalidParameter"), (method, reply.text)
    reply = hubs.post({"callback": CALLBACK + "/2"}, path=f"/hub?{parameter}")
    assert (reply.status_code, reply.json()["code"]) == (400, "invalidParameter")
    assert hubs.get("/hub").json() == [made]


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded",
                                          "application/merge-patch+json", ""])
def test_other_media_types_are_415(hubs, content_type):
    reply = hubs.post({"callback": CALLBACK}, path="/hub", content_type=content_type)
    assert (reply.status_code, reply.json()["code"]) == (415, "unsupportedMediaType")
    assert "application/json" in reply.headers["Accept-Post"]


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", None])
def test_media_types_that_are_json(hubs, content_type, subscribe):
    reply = hubs.post({"callback": CALLBACK}, path="/hub", content_type=content_type)
    assert reply.status_code == 201
    subscribe.made.append(reply.json()["id"])


def test_what_does_not_accept_json_is_406(hubs):
    made = hubs.register().json()
    for path in ("/hub", f"/hub/{made['id']}"):
        assert hubs.get(path, headers={"Accept": "text/html"}).status_code == 406
    reply = hubs.post({"callback": CALLBACK + "/2"}, path="/hub", headers={"Accept": "application/xml"})
    assert reply.status_code == 406 and hubs.get("/hub").json() == [made]


@pytest.mark.parametrize("path,methods", [("/hub", COLLECTION), ("/hub/1", ITEM), ("/hub/", COLLECTION)])
def test_methods(hubs, path, methods):
    reply = hubs.request("OPTIONS", path)
    assert reply.status_code in (200, 204) and {name.strip() for name in reply.headers["Allow"].split(",")} == methods
    for method in {"POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - methods:
        reply = hubs.request(method, path)
        assert (reply.status_code, reply.json()["code"]) == (405, "methodNotAllowed")
        assert {name.strip() for name in reply.headers["Allow"].split(",")} == methods


@pytest.mark.parametrize("path", ["/hub/none", "/hub/00000000-0000-4000-8000-000000000000", "/hub/%27", "/hub/" + "x" * 1000])
def test_hubs_that_are_not_there(hubs, path):
    for method in ("GET", "DELETE", "HEAD"):
        assert hubs.request(method, path).status_code == 404


def test_head_is_get_without_a_body(hubs):
    made = hubs.register().json()
    for path in ("/hub", f"/hub/{made['id']}"):
        get, head = hubs.get(path), hubs.request("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == get.headers["Content-Length"]


def test_the_entry_point_links_to_the_hub(hubs):
    assert hubs.get(hubs.get("").json()["_links"]["hub"]["href"]).json() == []


def test_hubs_while_the_database_is_away(start_httpd, own_postgres):
    server = start_httpd((own_postgres, own_postgres.create_database("away")))
    server.log.allow(AWAY)
    api = Api(server.url)
    made = api.post({"callback": CALLBACK}, path="/hub").json()
    own_postgres.stop()
    for reply in (api.get("/hub"), api.get(f"/hub/{made['id']}"), api.post({"callback": CALLBACK}, path="/hub"),
                  api.delete(f"/hub/{made['id']}")):
        assert (reply.status_code, reply.json()["code"]) == (503, "databaseUnavailable")
        assert int(reply.headers["Retry-After"]) > 0
    assert api.post({"callback": "http://127.0.0.1/"}, path="/hub").status_code == 400
    own_postgres.start()
    await_condition(lambda: api.get("/hub").status_code == 200, "the API is back")
    assert api.get("/hub").json() == [made]


# ---- what is found out only at connect ----

def is_never_reached(server, hub, listener):
    """A change is tried at least twice, and no connection comes."""
    subscriber = Subscriber(Api(server.url), server)
    subscriber.api.create()
    subscriber.await_hub(hub, "failures >= 2 OR state = 'disabled'")
    assert listener.accepted == 0, "a forbidden target was reached"
    assert subscriber.pending(hub) + subscriber.dead(hub) == 1


def resolving(start_httpd, resolver, server=""):
    return start_httpd(server=f"{QUICK.replace(ALLOW, '')}{IMPATIENT}{server}", environment={"LD_PRELOAD": str(resolver.preload)})


def hub_of(server, listener, name):
    hub = Subscriber(Api(server.url), server)(listener.url(host=name))
    server.log.allow(r"TMF\d+")
    return hub


@pytest.mark.parametrize("host", ["127.0.0.%31", "%31%32%37.0.0.1", "localhost.localdomain", "%6c%6f%63%61%6c%68%6f%73%74"])
def test_a_host_in_disguise_is_refused_or_not_connected_to(start_httpd, listen, host):
    server, listener = start_httpd(server=QUICK.replace(ALLOW, "") + IMPATIENT), listen()
    server.log.allow("TMF")
    reply = Api(server.url).post({"callback": listener.url(host=host)}, path="/hub")
    if reply.status_code == 201:
        is_never_reached(server, reply.json(), listener)
    else:
        refused(reply, "callback")


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0"])
def test_a_name_of_a_forbidden_address_is_not_connected_to(start_httpd, resolver, listen, address):
    resolver.set(evil_example=address)
    server = resolving(start_httpd, resolver)
    listener = listen(host="0.0.0.0" if address == "0.0.0.0" else "127.0.0.1")
    is_never_reached(server, hub_of(server, listener, "evil.example"), listener)


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_a_name_of_a_forbidden_ipv6_address_is_not_connected_to(start_httpd, resolver, listen):
    resolver.set(evil_example="::1")
    server = resolving(start_httpd, resolver)
    listener = listen(host="::1")
    is_never_reached(server, hub_of(server, listener, "evil.example"), listener)


def test_a_name_of_an_allowed_network_is_connected_to(start_httpd, resolver, listen):
    resolver.set(good_example="127.0.0.1", other_lan="127.0.0.1")
    server = resolving(start_httpd, resolver, "TMFCustomerNotifyAllow 127.0.0.1/32\n")
    listener = listen()
    hub_of(server, listener, "good.example")
    made = Api(server.url).create()
    assert listener.await_events(1)[0]["event"]["customer"] == made
    assert listener.arrived()[0].headers["host"] == f"good.example:{listener.port}"


@pytest.mark.parametrize("allowed,name,reached", [
    ("good.example", "good.example", True), ("GOOD.example", "good.EXAMPLE", True), ("*.lan", "a.lan", True), ("*.lan", "a.b.lan", True),
    ("*.lan", "lan", False), ("*.lan", "alan", False), ("good.example", "evil.example", False), ("good.example", "a.good.example", False)])
def test_names_can_be_allowed(start_httpd, resolver, listen, allowed, name, reached):
    resolver.set(**{name.replace(".", "_"): "127.0.0.1"})
    server = resolving(start_httpd, resolver, f"TMFCustomerNotifyAllow {allowed}\n")
    listener = listen()
    hub = hub_of(server, listener, name)
    if reached:
        Api(server.url).create()
        listener.await_events(1)
    else:
        is_never_reached(server, hub, listener)


def test_of_several_addresses_only_the_allowed_are_tried(start_httpd, resolver, listen):
    resolver.set(mixed_example="127.0.0.1 127.0.0.2")
    server = resolving(start_httpd, resolver, "TMFCustomerNotifyAllow 127.0.0.2\n")
    forbidden = listen()
    allowed = listen(host="127.0.0.2", port=forbidden.port)
    hub_of(server, allowed, "mixed.example")
    Api(server.url).create()
    allowed.await_events(1)
    assert forbidden.accepted == 0


@pytest.mark.parametrize("denied,name,reached", [
    ("bad.example", "bad.example", False), ("BAD.example", "bad.EXAMPLE", False), ("*.bad.example", "a.b.bad.example", False),
    ("bad.example", "good.example", True), ("bad.example", "a.bad.example", True), ("*.bad.example", "notbad.example", True)])
def test_a_denied_name_wins_over_an_allowed_address(start_httpd, resolver, listen, denied, name, reached):
    resolver.set(**{name.replace(".", "_"): "127.0.0.1"})
    server = resolving(start_httpd, resolver, f"TMFCustomerNotifyAllow 127.0.0.1\nTMFCustomerNotifyDeny {denied}\n")
    listener = listen()
    reply = Api(server.url).post({"callback": listener.url(host=name)}, path="/hub")
    server.log.allow("TMF")
    if reached:
        Api(server.url).create()
        listener.await_events(1)
    elif reply.status_code == 201:
        is_never_reached(server, reply.json(), listener)
    else:
        refused(reply, "callback")


@pytest.mark.parametrize("allowed,reached", [("good.example", True), ("*.example", True), ("other.example", False)])
def test_with_deny_all_only_allowed_names_are_reached(start_httpd, resolver, listen, allowed, reached):
    resolver.set(good_example="127.0.0.1")
    server = resolving(start_httpd, resolver, f"TMFCustomerNotifyDeny all\nTMFCustomerNotifyAllow {allowed}\n")
    listener = listen()
    hub = hub_of(server, listener, "good.example")
    if reached:
        Api(server.url).create()
        listener.await_events(1)
    else:
        is_never_reached(server, hub, listener)


def test_a_name_that_resolves_differently_the_second_time(start_httpd, resolver, listen):
    resolver.set(rebind_example="127.0.0.2")
    server = resolving(start_httpd, resolver, "TMFCustomerNotifyAllow 127.0.0.2\n")
    forbidden = listen()
    allowed = listen(host="127.0.0.2", port=forbidden.port)
    hub = hub_of(server, allowed, "rebind.example")
    subscriber = Subscriber(Api(server.url), server)
    subscriber.api.create()
    allowed.await_events(1)
    allowed.close()
    resolver.set(rebind_example="127.0.0.1")
    subscriber.api.create()
    subscriber.await_hub(hub, "failures >= 3 OR state = 'disabled'")
    assert forbidden.accepted == 0
    resolver.set(rebind_example="127.0.0.2")
    allowed.open()
    subscriber.drained(hub)
    assert forbidden.accepted == 0 and len({event["eventId"] for event in allowed.events()}) == 2
