# SPDX-License-Identifier: Apache-2.0
"""Signatures of notifications, verified by the library that listeners use, and directives that are refused."""
import copy

import pytest

from harness import await_condition
from harness.client import Api, path_of
from harness.listener import answer
from harness.notify import ILL_TAGS, QUICK, Subscriber, check_request
from harness.webhooks import Verifier, new_secret
from test_config import refusal


@pytest.fixture(scope="session")
def verifier(tmp_path_factory):
    return Verifier(tmp_path_factory.mktemp("npm"))


@pytest.fixture
def secrets_file(tmp_path):
    """Writes lines to a file that httpd reads, and returns its path."""
    def write(*lines):
        path = tmp_path / "secrets"
        path.write_text("".join(f"{line}\n" for line in lines))
        return path
    return write


def signing(start_httpd, path):
    server = start_httpd(server=f"{QUICK}TMFCustomerNotifySecrets {path}\n")
    server.log.allow(ILL_TAGS)
    return server, Subscriber(Api(server.url), server)


def signatures(request):
    return request.headers["webhook-signature"].split(" ")


def test_signatures_verify(start_httpd, listen, secrets_file, verifier):
    own, other = new_secret(), new_secret()
    server, place = signing(start_httpd, secrets_file("# a comment", "", f"127.0.0.1 {own}", f"listener.example {other}"))
    listener = listen()
    listener.script.append(answer(503))
    hub = place(listener)
    made = place.api.create(name="Größe ☃ \U0001f600", x="a\\\"/\u2028")
    place.api.patch(path_of(made), {"status": "x", "y": 1})
    place.api.delete(path_of(made))
    place.drained(hub)
    requests = listener.arrived()
    assert len(requests) == 5
    for request in requests:
        check_request(request)
        assert len(signatures(request)) == 1
    assert verifier.faults(requests, own) == [None] * 5
    assert None not in verifier.faults(requests, other)
    requests = copy.deepcopy(requests)  # what arrived is compared with the description later
    requests[0].body = requests[0].body.replace(b"Create", b"create")
    requests[1].headers["webhook-id"] = "x"
    requests[2].headers["webhook-timestamp"] = str(int(requests[2].headers["webhook-timestamp"]) - 1)
    faults = verifier.faults(requests, own)
    assert None not in faults[:3] and faults[3:] == [None] * 2


def test_while_secrets_rotate_both_sign(start_httpd, listen, secrets_file, verifier):
    old, new = new_secret(), new_secret()
    server, place = signing(start_httpd, secrets_file(f"* {old}"))
    listener = listen()
    place(listener)

    def told():
        count = len(listener.arrived())
        place.api.create()
        return listener.await_requests(count + 1)[-1:]
    assert verifier.faults(told(), old) == [None]
    secrets_file(f"* {old}", f"* {new}")
    server.graceful()
    await_condition(lambda: len(signatures(told()[0])) == 2, "both sign")
    both = told()
    assert verifier.faults(both, old) == verifier.faults(both, new) == [None]
    secrets_file(f"* {new}")
    server.graceful()
    await_condition(lambda: len(signatures(told()[0])) == 1, "the old one is gone")
    last = told()
    assert verifier.faults(last, new) == [None] and verifier.faults(last, old) != [None]


def test_a_secret_of_another_host_does_not_sign(start_httpd, listen, secrets_file):
    server, place = signing(start_httpd, secrets_file(f"listener.example {new_secret()}"))
    listener = listen()
    place(listener)
    place.api.create()
    [request] = listener.await_requests(1)
    assert "webhook-signature" not in request.headers
    assert request.headers["webhook-id"] == request.event["eventId"]


@pytest.mark.parametrize("lines", [
    ["127.0.0.1"], ["127.0.0.1 secret"], ["127.0.0.1 whsec_"], ["127.0.0.1 whsec_!!!"], ["* whsec_QUJD"], [f"* {new_secret()} x"],
    [f"* {new_secret()}"] * 3], ids=["no secret", "no prefix", "empty", "no base64", "short", "more", "three"])
def test_a_wrong_file_of_secrets_is_refused_at_start(new_database, secrets_file, lines):
    text = refusal(new_database, server=f"TMFCustomerNotifySecrets {secrets_file(*lines)}")
    assert "TMFCustomerNotifySecrets" in text and "whsec_" not in text, text


def test_a_file_of_secrets_that_is_not_there_is_refused_at_start(new_database):
    assert "/none/there" in refusal(new_database, server="TMFCustomerNotifySecrets /none/there")


@pytest.mark.parametrize("directive", [
    "TMFCustomerNotify x", "TMFCustomerNotifyAllow", "TMFCustomerNotifyAllow 300.0.0.0/8", "TMFCustomerNotifyAllow 10.0.0.0/33",
    "TMFCustomerNotifyAllow 10.0.0.0/x", "TMFCustomerNotifyAllow 10.0.0.1/8/9", "TMFCustomerNotifyAllow fd00::/129",
    "TMFCustomerNotifyAllow http://a.example/", "TMFCustomerNotifyAllow a.*.example", "TMFCustomerNotifyAllow all", "TMFCustomerNotifyDeny",
    "TMFCustomerNotifyDeny 10.0.0.0/", "TMFCustomerNotifyMaxHubs -1", "TMFCustomerNotifyMaxHubs x", "TMFCustomerNotifyTimeout 0",
    "TMFCustomerNotifyTimeout x", "TMFCustomerNotifyConnectTimeout 2h", "TMFCustomerNotifyConcurrency 0", "TMFCustomerNotifyConcurrency 1 0",
    "TMFCustomerNotifyConcurrency 1001", "TMFCustomerNotifyConcurrency 8 10001", "TMFCustomerNotifyConcurrency 1 2 3", "TMFCustomerNotifySchedule", "TMFCustomerNotifySchedule 1s x", "TMFCustomerNotifySchedule 0s",
    "TMFCustomerNotifyRefusedTries 0", "TMFCustomerNotifyDisableAfter 0", "TMFCustomerNotifyRetention x", "TMFCustomerNotifyPoll 1h"])
def test_wrong_directives_are_refused_by_name(new_database, directive):
    assert directive.split(" ")[0] in refusal(new_database, server=directive)
