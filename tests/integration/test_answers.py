# SPDX-License-Identifier: Apache-2.0
"""The shapes that a listener's answer can have on the wire (RFC 9110, RFC 9112): its final status decides, and nothing else."""
import pytest

from conftest import finish
from harness import await_condition
from harness.client import Api
from harness.httpd import Httpd
from harness.listener import raw
from harness.notify import NOTIFY, Subscriber

CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
SHAPES = {
    "length": b"HTTP/1.1 %d X\r\nContent-Length: 3\r\n\r\nabc",
    "no body": b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n",
    "close": b"HTTP/1.1 %d X\r\nConnection: close\r\n\r\n",
    "until the end": b"HTTP/1.1 %d X\r\n\r\nuntil the end",
    "HTTP/1.0": b"HTTP/1.0 %d X\r\n\r\nuntil the end",
    "HTTP/1.0, keep-alive": b"HTTP/1.0 %d X\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc",
    "no reason": b"HTTP/1.1 %d\r\nContent-Length: 0\r\n\r\n",
    "LF alone": b"HTTP/1.1 %d X\nContent-Length: 0\n\n",
    "a body shorter than it says": b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\nabc",
    "a body longer than it says": b"HTTP/1.1 %d X\r\nContent-Length: 1\r\n\r\nabc",
    "chunked": b"HTTP/1.1 %d X\r\n" + CHUNKED + b"\r\n",
    "chunks that are none": b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    "a trailer": b"HTTP/1.1 %d X\r\n" + CHUNKED + b"X-T: 1\r\n\r\n",
    "trailers": b"HTTP/1.1 %d X\r\n" + CHUNKED + b"Status: 299\r\nRetry-After: 1800\r\nX-T: 1\r\n\r\n",
    "trailers that were announced": b"HTTP/1.1 %d X\r\nTrailer: X-T\r\n" + CHUNKED + b"X-T: 1\r\n\r\n",
    "trailers that are too long": b"HTTP/1.1 %d X\r\n" + CHUNKED + (b"X-T: " + b"x" * 2000 + b"\r\n") * 50 + b"\r\n",
    "half of a trailer": b"HTTP/1.1 %d X\r\n" + CHUNKED + b"X-T",
    "100 before": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n",
    "several 1xx before": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
                           b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n"),
    "1xx before, trailers": b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 %d X\r\n" + CHUNKED + b"X-T: 1\r\n\r\n",
}
NO_ANSWER = {
    "1xx alone": b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
    "half a head after 1xx": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n",
    "HTTP/2 alone": b"\0\0\0\4\0\0\0\0\0" + b"\0\0\x08\7\0\0\0\0\0" + b"\0\0\0\0\0\0\0\1",
    "HTTP/0.9": b"<html>ok</html>",
    "nothing": b"",
}


@pytest.fixture(scope="module")
def shared_patient(postgres):
    """A notifier that sends nothing a second time."""
    server = Httpd((postgres, postgres.create_database("answers")), server=(
        f"{NOTIFY}TMFCustomerNotifySchedule 1h\nTMFCustomerNotifyRefusedTries 1\n")).start()
    yield server
    server.remove()


@pytest.fixture
def patient(shared_patient, postgres):
    """One listener's hub at a time."""
    subscriber = Subscriber(Api(shared_patient.url), shared_patient)
    yield subscriber
    subscriber.close()
    finish(shared_patient, postgres)


@pytest.fixture
def outcome_of(patient, listen):
    """What becomes of the event that a listener answers with these bytes: its state, and the error."""
    def tell(data):
        patient.server.log.allow("TMF")
        listener = listen(default=raw(data))
        hub = patient(listener)
        patient.api.create()

        def outcome():
            state, failures, error, left, refusal = patient.sql(
                "SELECT hub.state, failures, hub.error, delivery.state, delivery.error FROM tmf_customer.hub"
                " LEFT JOIN tmf_customer.delivery ON hub_id = hub.id WHERE hub.id = %s", hub["id"])[0]
            if state == "disabled" or failures > 0:
                return state if state == "disabled" else "paused", error
            return {"dead": ("dead", refusal), None: ("delivered", None)}.get(left)
        told = await_condition(outcome, "the answer counts")
        assert len(listener.arrived()) == 1
        return told
    return tell


@pytest.mark.parametrize("status,outcome", [(200, "delivered"), (202, "delivered"), (307, "dead"), (404, "dead"), (410, "disabled"),
                                            (429, "paused"), (503, "paused"), (505, "paused")])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_final_status_decides(outcome_of, shape, status, outcome):
    error = None if outcome == "delivered" else f"the listener answered {status}"
    assert outcome_of(shape.replace(b"%d", b"%d" % status)) == (outcome, error)


@pytest.mark.parametrize("status", [204, 205])
@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_success_that_has_no_body(outcome_of, interim, status):
    assert outcome_of(interim + b"HTTP/1.1 %d X\r\n\r\n" % status) == ("delivered", None)


@pytest.mark.parametrize("data,outcome,error", [
    (b"HTTP/1.1 304 X\r\n\r\n", "dead", 304), (b"HTTP/1.1 426 X\r\nUpgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n", "dead", 426),
    (b"HTTP/1.1 505 X\r\nContent-Length: 0\r\n\r\n", "paused", 505), (b"HTTP/1.1 799 X\r\nContent-Length: 0\r\n\r\n", "paused", 799)])
def test_other_failures(outcome_of, data, outcome, error):
    assert outcome_of(data) == (outcome, f"the listener answered {error}")


@pytest.mark.parametrize("data", NO_ANSWER.values(), ids=NO_ANSWER)
def test_without_a_final_status_there_is_no_answer(outcome_of, data):
    outcome, error = outcome_of(data)
    assert outcome == "paused" and error and "No error" not in error and "the listener answered" not in error


@pytest.mark.parametrize("data,least", [
    (b"HTTP/1.1 103 X\r\nRetry-After: 100\r\n\r\nHTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", 2000),
    (b"HTTP/1.1 503 X\r\n" + CHUNKED + b"Retry-After: 100\r\n\r\n", 2000),
    (b"HTTP/1.1 503 X\r\nRetry-After: 1000\r\n" + CHUNKED + b"Retry-After: 100\r\n\r\n", 800)],
    ids=["1xx", "trailer", "trailer beside the head's"])
def test_only_the_final_head_asks_for_a_pause(outcome_of, patient, data, least):
    """Without Retry-After the pause is an hour, or up to a fifth less."""
    assert outcome_of(data) == ("paused", "the listener answered 503")
    [[pause]] = patient.sql("SELECT extract(epoch FROM paused_until - changed_at) FROM tmf_customer.hub WHERE state = 'active'")
    assert pause > least
