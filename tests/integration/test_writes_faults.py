# SPDX-License-Identifier: Apache-2.0
"""Writes that share a statement, when the database refuses some of them, makes them wait, or goes away."""
import random
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from harness import await_condition, working
from harness.client import JSON_PATCH, Api, customer, path_of
from harness.postgres import OWNER, RUNTIME
from harness.writes import SILENT, Ledger, at_once, crowded, gate, made_of
from test_faults import expect_outage, hold_lock, is_unavailable

pytestmark = pytest.mark.mpm
CLIENTS = 24

# What the schema's owner does so that documents with a marker are refused.
TRIGGER = ("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} END $$;"
           " CREATE {} TRIGGER refuse {} INSERT OR UPDATE ON tmf_customer.customer {}"
           " FOR EACH ROW WHEN (NEW.doc ->> 'marker' = 'refused') EXECUTE FUNCTION public.refuse()")
CHECK = "ALTER TABLE tmf_customer.{} ADD CONSTRAINT refused CHECK ({} ->> '{}' IS DISTINCT FROM 'refused');"
RAISE = "RAISE EXCEPTION 'refused' USING ERRCODE = '{}';"
REFUSALS = {  # how → what the owner does, and the answers to a create and to a patch
    "constraint": (CHECK.format("customer", "doc", "marker"), "internalError", "internalError"),
    "constraint on events": (CHECK.format("event", "customer", "marker"), "internalError", "internalError"),
    "serialization": (TRIGGER.format(RAISE.format("40001"), "", "BEFORE", ""), "writeConflict", "writeConflict"),
    "deadlock": (TRIGGER.format(RAISE.format("40P01"), "", "AFTER", ""), "writeConflict", "writeConflict"),
    "at commit": (TRIGGER.format(RAISE.format("23514"), "CONSTRAINT", "AFTER", "DEFERRABLE INITIALLY DEFERRED"),
                  "internalError", "internalError"),
    "left out": (TRIGGER.format("RETURN NULL;", "", "BEFORE", ""), "idInUse", "writeConflict"),
}


@pytest.mark.parametrize("how", REFUSALS)
def test_what_the_database_refuses_is_refused_alone(start_httpd, how):
    refuse, of_create, of_change = REFUSALS[how]
    ledger = Ledger(crowded(start_httpd))
    if how != "left out":
        ledger.server.log.expect("TMF00")
    made = made_of(ledger, CLIENTS // 2)
    ledger.postgres.execute(refuse, ledger.database)
    bad = {5, 11, 17, 23}

    def marked(number, document):
        return {**document, "marker": "refused"} if number in bad else document

    def create(number):
        return ledger.post(customer(**marked(number, {"number": -1 - number})))

    def change(number):  # of two changes of one customer, one may be refused
        return ledger.patch(made[number // 2][0], marked(number, {f"x{number}": number, "status": f"{number}"}))

    wrong = {}
    for work, right, code in ((create, 201, of_create), (change, 200, of_change)):
        replies = at_once(ledger.server, [partial(work, number) for number in range(CLIENTS)])
        for number, reply in enumerate(replies):
            expected = (False, code) if number in bad else (True, None)
            if (reply.status_code == right, reply.json().get("code")) != expected:
                wrong[work.__name__, number] = f"{reply.status_code} {reply.json().get('code')}"
    assert not wrong, f"{len(wrong)} replies, beside {bad}: {wrong}"
    stored = [doc for _, doc in ledger.stored().values()]
    assert not any("marker" in doc for doc in stored)
    numbers = sorted(doc["number"] for doc in stored)
    assert numbers == sorted([*range(len(made)), *(-1 - number for number in range(CLIENTS) if number not in bad)])
    names = {name for doc in stored for name in doc if name[0] == "x"}
    assert names == {f"x{number}" for number in range(CLIENTS) if number not in bad}
    ledger.check()


# ---- locks of others ----

PAST_COUNTERS = "SET LOCAL session_replication_role = replica"  # or whoever writes the same slot of them would wait, too


def locked(holder, path, how):
    holder.run(f"SELECT FROM tmf_customer.customer WHERE id = %s {how}", path.rsplit("/", 1)[1])


@pytest.mark.parametrize("how", ["FOR UPDATE", "FOR SHARE"])
def test_a_customer_that_is_locked_delays_no_other(start_httpd, how):
    ledger = Ledger(crowded(start_httpd))
    made = made_of(ledger, 10)
    path = made[0][0]

    def other(turn, number):
        if number % 5 == 0:
            return ledger.post(customer(number=number))
        other = made[1 + number % 9][0]
        if number % 5 == 1:
            return ledger.patch(other, [{"op": "add", "path": f"/x{number}", "value": turn}], JSON_PATCH)
        return ledger.patch(other, {f"x{number}": turn, "status": f"{turn} {number}"})

    with gate(ledger.server) as holder, ThreadPoolExecutor(32) as pool:
        locked(holder, path, how)
        late = [partial(ledger.patch, path, {f"x{number}": 1}) for number in range(3)]
        futures = holder.pass_at_once(pool, [*late, *(partial(other, 0, number) for number in range(21))])
        for turn in range(1, 5):
            assert {future.result().status_code for future in futures[3:]} == {200, 201}
            futures[3:] = [pool.submit(other, turn, number) for number in range(21)]
        assert {future.result().status_code for future in futures[3:]} == {200, 201}
        assert not any(future.done() for future in futures[:3]), "a lock was not waited for"
        holder.end("commit")
        assert [future.result().status_code for future in futures[:3]] == [200] * 3
    body = ledger.api().get(path).json()
    assert {name for name in body if name[0] == "x"} == {"x0", "x1", "x2"}
    ledger.check()


@pytest.mark.parametrize("error,code", [("53100", "databaseUnavailable"), ("57014", "statementTimeout")])
def test_what_the_database_cannot_do_for_anybody_is_not_tried_again(start_httpd, error, code):
    """Others may be in the same statement: whoever gets the error has written nothing."""
    ledger = Ledger(crowded(start_httpd))
    ledger.server.log.expect("TMF00")
    ledger.postgres.execute(TRIGGER.format(RAISE.format(error), "", "BEFORE", ""), ledger.database)
    bodies = [customer(number=number, marker="refused" if number % 6 == 5 else "no") for number in range(CLIENTS)]
    replies = at_once(ledger.server, [partial(ledger.post, body) for body in bodies])
    for number, reply in enumerate(replies):
        assert reply.status_code == 201 if number % 6 != 5 and reply.ok else reply.json()["code"] == code
    numbers = sorted(doc["number"] for _, doc in ledger.stored().values())
    assert numbers == [number for number, reply in enumerate(replies) if reply.ok]
    ledger.check()


@pytest.mark.parametrize("customers", [CLIENTS, 3])
def test_a_lock_that_keeps_only_the_key_delays_nobody(start_httpd, customers):
    """As a foreign key of somebody else's table takes it; also of two changes of one customer at the same time."""
    ledger = Ledger(crowded(start_httpd))
    made = made_of(ledger, customers) * (CLIENTS // customers)
    with gate(ledger.server) as holder, ThreadPoolExecutor(CLIENTS) as pool:
        for path in sorted({path for path, _ in made})[::2]:
            locked(holder, path, "FOR KEY SHARE")
        futures = holder.pass_at_once(pool, [partial(ledger.patch, path, {f"x{i}": i}) for i, (path, _) in enumerate(made)])
        assert {future.result().status_code for future in futures} == {200}
    ledger.check()


@pytest.mark.parametrize("change,statuses", [
    ("UPDATE tmf_customer.customer SET doc = doc || '{\"theirs\": 1}', revision = nextval('tmf_customer.customer_revision')"
     " WHERE id = %s", [200, 412, 200]),
    ("UPDATE tmf_customer.customer SET doc = doc || '{\"number\": 7}', revision = nextval('tmf_customer.customer_revision')"
     " WHERE id = %s", [200, 412, 409]),
    ("DELETE FROM tmf_customer.customer WHERE id = %s", [404, 404, 404])], ids=["beside", "before", "delete"])
def test_who_is_overtaken_in_company_starts_again(start_httpd, change, statuses):
    """Another writer has changed one of the customers, and commits when the changes of all others are done."""
    ledger = Ledger(crowded(start_httpd))
    made = made_of(ledger, 10)
    path, first = made[0]
    with gate(ledger.server) as holder, ThreadPoolExecutor(CLIENTS) as pool:
        holder.run(PAST_COUNTERS)
        holder.run(change, path.rsplit("/", 1)[1])
        test = [{"op": "test", "path": "/number", "value": 0}, {"op": "add", "path": "/tested", "value": 1}]
        futures = holder.pass_at_once(pool, [
            partial(ledger.patch, path, {"merged": 1}),
            partial(ledger.patch, path, {"never": 1}, headers={"If-Match": first.headers["ETag"]}),
            partial(ledger.patch, path, test, JSON_PATCH),
            *(partial(ledger.patch, made[1 + number % 9][0], {f"x{number}": 1}) for number in range(CLIENTS - 3))])
        assert {future.result().status_code for future in futures[3:]} == {200}
        assert not any(future.done() for future in futures[:3]), "a lock was not waited for"
        holder.end("commit")
        replies = [future.result() for future in futures[:3]]
    if statuses[0] == 404:
        assert {reply.status_code for reply in replies} <= {404, 412}
        assert ledger.api().get(path).status_code == 404
    else:
        assert [reply.status_code for reply in replies] == statuses
        body = ledger.api().get(path).json()
        assert ("theirs" in body, body["number"]) == ((True, 0) if statuses[2] == 200 else (False, 7))
        assert (body.get("merged"), body.get("never"), body.get("tested")) == (1, None, 1 if statuses[2] == 200 else None)


def test_a_lock_that_is_kept_too_long_is_503_for_its_customer_alone(start_httpd):
    ledger = Ledger(start_httpd(server=SILENT + "TMFCustomerStatementTimeout 5s\n"))
    ledger.server.log.expect("TMF0020.*57014")
    made = made_of(ledger, 10)
    path = made[0][0]

    def work(stop):
        while not stop.is_set():
            number = random.randrange(1000)
            reply = ledger.patch(random.choice(made[1:])[0], {f"x{number % 10}": number, "status": f"{number % 7}"})
            others.append(reply.status_code)
    others = []
    with gate(ledger.server) as holder, ThreadPoolExecutor(3) as pool, working(16, work):
        locked(holder, path, "FOR UPDATE")
        futures = [pool.submit(ledger.patch, path, {f"x{number}": 1}) for number in range(3)]
        assert {is_unavailable(future.result()) for future in futures} == {"statementTimeout"}
        holder.end("commit")
        await_condition(lambda: len(others) > 200, "others are written")
    assert set(others) == {200}
    assert ledger.patch(path, {"x": 1}).status_code == 200
    assert not {"x0", "x1", "x2"} & set(ledger.api().get(path).json())
    ledger.check()


@pytest.mark.parametrize("end,statuses", [("commit", [409, 409]), ("rollback", [201, 409])])
def test_an_id_that_somebody_else_is_taking_delays_no_other(start_httpd, end, statuses):
    ledger = Ledger(crowded(start_httpd, location="TMFCustomerClientId On"))
    with gate(ledger.server) as holder, ThreadPoolExecutor(CLIENTS) as pool:
        holder.run(PAST_COUNTERS)
        holder.run("INSERT INTO tmf_customer.customer (id, doc) VALUES ('taken', '{\"name\": \"theirs\"}')")
        futures = holder.pass_at_once(pool, [
            *(partial(ledger.post, customer(id="taken", name="ours")) for _ in range(2)),
            *(partial(ledger.post, customer(number=number)) for number in range(CLIENTS - 2))])
        assert {future.result().status_code for future in futures[2:]} == {201}
        assert not any(future.done() for future in futures[:2]), "the other transaction was not waited for"
        holder.end(end)
        assert sorted(future.result().status_code for future in futures[:2]) == statuses
    assert ledger.api().get("/customer/taken", check=False).json()["name"] == ("theirs" if end == "commit" else "ours")
    assert len(ledger.stored()) == CLIENTS - 1


def test_writers_of_one_counter_on_two_servers_lock_each_other_out_of_nothing(start_httpd, new_database):
    """Whatever the order of the rows in their statements: all sessions keep the same slot of each counter."""
    database = new_database()
    postgres, name = database
    [[function]] = postgres.execute("SELECT pg_get_functiondef('tmf_customer.count_customers'::regproc)", name)
    assert "pg_backend_pid() % 32" in function
    postgres.execute(function.replace("pg_backend_pid() % 32", "0"), name, user=OWNER)
    servers = [crowded(start_httpd, database) for _ in range(2)]
    ledger = Ledger(servers[0])
    made = made_of(ledger, 6, status="0")

    def work(client):
        mine = random.Random(client)
        for turn in range(15):
            url = servers[(client + turn) % 2].url
            if turn % 3 == 0:
                path = path_of(ledger.post(customer(status=f"{mine.randrange(5)}"), path=url + "/customer").json())
            elif turn % 3 == 1:
                path = mine.choice(made)[0]
            reply = ledger.patch(url + path, {"status": f"{mine.randrange(5)}", f"x{client}": turn})
            assert reply.status_code == 200, reply.text
            if turn % 6 == 5:
                own = path_of(ledger.post(customer(status=f"{mine.randrange(5)}"), path=url + "/customer").json())
                assert ledger.delete(url + own).status_code == 204
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    ledger.check()


def test_customers_of_two_databases_share_nothing(start_httpd, new_database):
    here, there = new_database(), new_database()
    server = crowded(start_httpd, here, location="TMFCustomerClientId On", outside=f"""
<VirtualHost *>
    ServerName localhost
</VirtualHost>
<VirtualHost *>
    ServerName other.example
    DBDriver pgsql
    DBDParams "host={there[0].root} dbname={there[1]} user={RUNTIME} connect_timeout=2"
    DBDMin 0
    DBDKeep 40
    DBDMax 40
</VirtualHost>""")
    names = ["localhost", "other.example"]

    def work(client):
        api, host = Api(server.url), names[client % 2]
        for turn in range(12):
            identity = f"c{turn // 3}"
            reply = api.post(customer(id=identity, at=host), headers={"Host": host}, check=False)
            assert reply.status_code == 409 or reply.json()["at"] == host
            reply = api.patch(f"/customer/{identity}", {f"x{client}": turn}, headers={"Host": host}, check=False)
            assert reply.status_code == 200
            body = reply.json()
            assert (body["at"], body[f"x{client}"], body["href"].split("/")[2]) == (host, turn, host)
            if turn % 3 == 2:
                reply = api.post(customer(owner=host), headers={"Host": host}, check=False)
                assert reply.status_code == 201
                assert api.get(path_of(reply.json()), headers={"Host": host}, check=False).json() == reply.json()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    for which, (postgres, name) in enumerate([here, there]):
        documents = [row[0] for row in postgres.execute("SELECT doc FROM tmf_customer.customer", name)]
        assert len(documents) == 4 + 4 * CLIENTS // 2
        assert {doc.get("at", doc.get("owner")) for doc in documents} == {names[which]}
        written = {member for doc in documents for member in doc if member[0] == "x"}
        assert written == {f"x{client}" for client in range(which, CLIENTS, 2)}


# ---- the end of the database, and of httpd ----

class Story:
    """Clients that create customers, and append to one of their own; what was confirmed has to be there."""

    def __init__(self, server):
        self.ledger, self.wrong = Ledger(server), []
        self.appended = {}  # path → what was appended, and confirmed

    def expect(self, reply, statuses):
        if reply is not None and reply.status_code not in statuses:
            self.wrong.append(f"{reply.status_code} {reply.text[:300]}")

    def work(self, may_fail, stop):
        statuses = [503] if may_fail else []
        mine, number = None, 0
        while not stop.is_set():
            number += 1
            if mine is None or number % 2:
                reply = self.ledger.post(customer(unique=random.getrandbits(60), log=[]))
                self.expect(reply, [201, *statuses])
                if mine is None and reply is not None and reply.status_code == 201:
                    mine = path_of(reply.json())
                    self.appended[mine] = []
            else:
                change = [{"op": "add", "path": "/log/-", "value": number}]
                reply = self.ledger.patch(mine, change, JSON_PATCH)
                self.expect(reply, [200, *statuses])
                if reply is not None and reply.status_code == 200:
                    self.appended[mine].append(number)
            if reply is None:
                stop.wait(0.01)

    def more_writes(self, count=100):
        self.ledger.more_writes(count, ended=lambda: self.wrong)

    def check(self):
        assert not self.wrong, self.wrong[:3]
        stored = self.ledger.stored()
        numbers = [doc["unique"] for _, doc in stored.values()]
        assert len(numbers) == len(set(numbers)), "a create was carried out twice"
        for path, appended in self.appended.items():
            log = list(map(int, stored[path.rsplit("/", 1)[1]][1]["log"]))
            assert log == sorted(set(log)) and set(appended) <= set(log)
        self.ledger.check()


def test_writers_survive_the_end_of_their_database(start_httpd, own_postgres):
    server = start_httpd((own_postgres, own_postgres.create_database("writes")), server=SILENT)
    expect_outage(server)
    children = set(server.children())
    story = Story(server)
    with working(16, partial(story.work, True)):
        for _ in range(3):
            story.more_writes()
            own_postgres.terminate_backends("writes")
        story.more_writes()
        own_postgres.restart("immediate")
        story.more_writes()
    story.check()
    assert server.mpm == "prefork" or children <= set(server.children())


def test_httpd_restarts_and_stops_among_writes(start_httpd):
    server = start_httpd(server=SILENT)
    story = Story(server)
    with working(16, partial(story.work, False)):
        for _ in range(2):
            story.more_writes()
            server.graceful()
        story.more_writes()
        server.stop("graceful-stop")  # and no plain restart: mpm_event closes sockets that its threads still use
    assert {reply.status_code for reply in story.ledger.replies() if reply is not None} == {200, 201}
    story.check()


def test_a_child_that_is_killed_among_writes_takes_nothing_along(start_httpd):
    server = start_httpd(server=SILENT)
    server.log.allow("AH1039[23]")  # "children are killed successively!"
    story = Story(server)
    with working(16, partial(story.work, False)):
        for _ in range(3):
            story.more_writes()
            server.kill_a_child()
        story.more_writes()
    story.check()


def test_writes_of_an_exhausted_pool_are_503_in_bounded_time(start_httpd, new_database):
    postgres, name = new_database()
    server = start_httpd((postgres, name), connections=1,
                         server=SILENT + "TMFCustomerPoolTimeout 300ms\nTMFCustomerStatementTimeout 1s")
    if server.mpm == "prefork":
        pytest.skip("prefork: a child serves one request at a time, so its pool cannot be exhausted")
    ledger = Ledger(server)
    [(path, _)] = made_of(ledger, 1)
    lock = hold_lock(postgres, name)
    server.log.expect("TMF0026|TMF0020")
    # Lists are not combined, so they keep every connection in use.
    calls = [partial(ledger.api().get, "/customer"), partial(ledger.post, customer()), partial(ledger.patch, path, {"x": 1})]
    with ThreadPoolExecutor(CLIENTS) as pool:
        codes = {is_unavailable(reply) for reply in pool.map(lambda number: calls[number % 3](), range(CLIENTS))}
    lock.close()
    assert "databaseBusy" in codes and codes <= {"databaseBusy", "statementTimeout"}
    await_condition(lambda: ledger.patch(path, {"y": 1}).status_code == 200, "the API is back")
    ledger.check()


def test_writes_of_a_frozen_database_are_503_and_httpd_goes_on(start_httpd, own_postgres):
    server = start_httpd((own_postgres, own_postgres.create_database("frozen")), connections=4,
                         server=SILENT + "TMFCustomerStatementTimeout 1s\nTMFCustomerPoolTimeout 1s")
    expect_outage(server)
    server.log.expect("TMF002")
    ledger = Ledger(server)
    [(path, _)] = made_of(ledger, 1)
    own_postgres.freeze()
    try:
        with ThreadPoolExecutor(12) as pool:
            replies = list(pool.map(lambda number: ledger.patch(path, {f"x{number}": 1}) if number % 2 else
                                    ledger.post(customer(number=number)), range(24)))
        assert {is_unavailable(reply) for reply in replies} <= {"databaseUnavailable", "databaseBusy"}
    finally:
        own_postgres.thaw()
    await_condition(lambda: ledger.patch(path, {"y": 1}).status_code == 200, "the API is back")
    ledger.check()
