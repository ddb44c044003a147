# SPDX-License-Identifier: Apache-2.0
"""What is remembered of an outage of the database: pauses, log lines, and whose clock they follow."""
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import await_condition
from harness.client import Api

pytestmark = pytest.mark.mpm
AWAY = r"TMF00(20|22|25)|AH00629|AH00639|AH02655|AH00632|AH00633|AH00636"


def statuses(server, count=32):
    """Of so many requests over connections of their own, which all children answer."""
    with ThreadPoolExecutor(8) as pool:
        return {reply.status_code for reply in pool.map(
            lambda _: Api(server.url).get("/customer?limit=0", headers={"Connection": "close"}), range(count))}


def serves(server):
    return statuses(server) == {200}


@pytest.mark.parametrize("seconds", [-60, 60])
def test_a_clock_that_is_set_after_an_outage_changes_nothing(start_httpd, own_postgres, clock, seconds):
    server = start_httpd((own_postgres, own_postgres.create_database("clock")),
                         environment={"LD_PRELOAD": str(clock.preload)})
    server.log.expect(AWAY)
    assert serves(server)
    own_postgres.stop()
    assert statuses(server) == {503}
    own_postgres.start()
    await_condition(lambda: serves(server), "the API is back", 600)
    clock.set(seconds)
    for _ in range(3):
        assert serves(server)
    api = Api(server.url)
    made = api.create()
    assert api.patch(f"/customer/{made['id']}", {"status": "x"}).status_code == 200


def test_a_clock_that_is_set_during_an_outage_changes_nothing(start_httpd, own_postgres, clock):
    server = start_httpd((own_postgres, own_postgres.create_database("clock")),
                         environment={"LD_PRELOAD": str(clock.preload)})
    server.log.expect(AWAY)
    own_postgres.stop()
    assert statuses(server) == {503}
    clock.set(-3600)
    assert statuses(server) == {503}
    own_postgres.start()
    await_condition(lambda: serves(server), "the API is back, within an hour", 600)


def test_requests_during_an_outage_are_refused_at_once_and_cost_few_log_lines(start_httpd, own_postgres):
    name = own_postgres.create_database("away")
    own_postgres.stop()
    server = start_httpd((own_postgres, name))
    server.log.expect(AWAY)
    waits, began = [], time.monotonic()
    for _ in range(300):
        reply = Api(server.url).get("/customer?limit=0")
        assert reply.status_code == 503 and reply.json()["code"] == "databaseUnavailable"
        waits.append(int(reply.headers["Retry-After"]))
    assert set(waits) <= {1, 2, 3, 4, 5}
    text = server.log.text()
    seconds = time.monotonic() - began
    children = len(server.children())
    assert 1 <= text.count("[dbd:error]") < 2 * children * (5 + seconds / 5), "every request has asked mod_dbd"
    assert text.count("TMF0025") <= children * (1 + seconds / 60)
    own_postgres.start()
    await_condition(lambda: serves(server), "the API is back", 600)
    backs = re.findall(r"TMF0120: the database can be used again, after (\d+) s", server.log.text())
    assert 1 <= len(backs) <= len(server.children()) and all(int(seconds) >= 1 for seconds in backs)
