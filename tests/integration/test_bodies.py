# SPDX-License-Identifier: Apache-2.0
"""Request bodies: limits, transfer, cut off (issue "Serve", Hold)."""
import json
import re
import socket

import pytest

from harness import BASE
from harness.client import REPLY, Api, Raw, customer, split_reply

HEAD = f"POST {BASE}/customer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BODY = json.dumps(customer()).encode()


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def ask(server, *data):
    """Sends the pieces and reads the reply until httpd closes: (status, headers, body)."""
    with Raw(server.port) as raw:
        for piece in data:
            raw.send(piece)
        return split_reply(raw.read_all())


def code(reply):
    assert reply[1]["content-type"] == REPLY, reply
    return reply[0], json.loads(reply[2])["code"]


@pytest.fixture
def small(start_httpd):
    """A server that takes 1000 bytes and 5 levels."""
    return start_httpd(location="TMFCustomerMaxBody 1000\nTMFCustomerMaxDepth 5")


def test_the_limit_is_exact(small):
    api = Api(small.url)
    empty = len(json.dumps(customer(x="")))
    assert api.post(customer(x="a" * (1000 - empty))).status_code == 201
    reply = api.post(customer(x="a" * (1001 - empty)))
    assert (reply.status_code, reply.json()["code"]) == (413, "bodyTooLarge")
    assert "1000" in reply.json()["message"]


def test_nesting_is_limited(small):
    api = Api(small.url)
    assert api.post(customer(x=[[[[]]]])).status_code == 201
    reply = api.post(customer(x=[[[[[]]]]]))
    assert (reply.status_code, reply.json()["code"]) == (400, "malformedJson")
    assert "5 levels" in reply.json()["message"]


def test_chunked_bodies(server):
    head = HEAD + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert ask(server, head, chunked(BODY[:10], BODY[10:]))[0] == 201
    assert ask(server, head, *[chunked(*[BODY[i:i + 1] for i in range(len(BODY))])])[0] == 201


def test_chunked_bodies_have_the_limit_too(small):
    head = HEAD + "Transfer-Encoding: chunked\r\n\r\n"
    assert code(ask(small, head, chunked(*[b" " * 500] * 10))) == (413, "bodyTooLarge")
    with Raw(small.port) as raw:
        raw.send(head).send(b"7d0\r\n" + b" " * 2000)
        assert code(split_reply(raw.read_all())) == (413, "bodyTooLarge")


def test_an_announced_body_that_is_too_large_is_refused_unsent(small):
    for extra in ["", "Expect: 100-continue\r\n"]:
        with Raw(small.port) as raw:
            raw.send(HEAD + f"Content-Length: 1001\r\n{extra}\r\n")
            assert code(split_reply(raw.read_all())) == (413, "bodyTooLarge")


def test_expect_100_continue(server):
    with Raw(server.port) as raw:
        raw.send(HEAD + f"Content-Length: {len(BODY)}\r\nExpect: 100-continue\r\n"
                        "Connection: close\r\n\r\n")
        assert b"100 Continue" in raw.read_until(b"\r\n\r\n")
        assert split_reply(raw.send(BODY).read_all())[0] == 201


def test_a_wrong_media_type_is_refused_unsent(server):
    with Raw(server.port) as raw:
        raw.send(HEAD.replace("application/json", "text/plain") +
                 "Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n")
        assert code(split_reply(raw.read_all())) == (415, "unsupportedMediaType")


def test_an_error_before_a_large_body_is_no_html_413(start_httpd):
    server = start_httpd(location="LimitRequestBody 1000")
    for target in ["/customer", "/nothing"]:
        with Raw(server.port) as raw:
            raw.send(f"DELETE {BASE}{target} HTTP/1.1\r\nHost: localhost\r\n"
                     "Content-Length: 5000\r\n\r\n")
            raw.send(b"x" * 5000)
            status, headers, body = split_reply(raw.read_all())
            assert status in (404, 405, 413) and headers["content-type"] == REPLY
            assert json.loads(body.split(b"\r\n")[0])["@type"] == "Error"


def test_the_limit_of_httpd_is_a_json_413(start_httpd):
    server = start_httpd(location="LimitRequestBody 100")
    reply = Api(server.url).post(customer())
    assert (reply.status_code, reply.json()["code"]) == (413, "bodyTooLarge")
    head = HEAD + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert code(ask(server, head, chunked(BODY))) == (413, "bodyTooLarge")


@pytest.mark.parametrize("cut", [0, 1, 50])
def test_a_body_that_is_cut_off_makes_no_customer(api, server, cut):
    before = api.get("/customer?limit=0").headers["X-Total-Count"]
    with Raw(server.port) as raw:
        raw.send(HEAD + f"Content-Length: {len(BODY) + 1}\r\n\r\n").send(BODY[:cut])
    with Raw(server.port) as raw:
        raw.send(HEAD + f"Content-Length: {len(BODY) + 1}\r\n\r\n").send(BODY[:cut])
        raw.socket.shutdown(socket.SHUT_WR)
        assert code(split_reply(raw.read_all())) == (400, "badRequest")
    assert api.get("/customer?limit=0").headers["X-Total-Count"] == before


@pytest.mark.parametrize("body", [b"zz\r\n", b"5\r\nab\r\n0\r\n\r\n", b"-1\r\n", b"\r\n\r\n"])
def test_malformed_chunks_are_400(server, body):
    reply = ask(server, HEAD + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n", body,
                b"0\r\n\r\n")
    assert reply[0] == 400


def test_a_slow_body_ends_with_408(start_httpd):
    server = start_httpd(modules=["reqtimeout"], server="RequestReadTimeout body=1")
    with Raw(server.port) as raw:
        raw.send(HEAD + "Content-Length: 100\r\n\r\n{")
        assert code(split_reply(raw.read_all())) == (408, "requestTimeout")


def test_a_connection_goes_on_after_an_error_that_left_its_body_unread(server):
    """httpd itself closes after a 400, 413, 500, 501 and 503."""
    with Raw(server.port) as raw:
        for media, status in [("text/plain", b"415"), ("application/json", b"201"),
                              ("text/html", b"415")]:
            raw.send(HEAD.replace("application/json", media) + f"Content-Length: {len(BODY)}\r\n\r\n")
            raw.send(BODY)
            reply = raw.read_until(b'"}')
            assert reply.split()[1] == status


def test_pipelined_requests_are_answered_in_order(server):
    one = (HEAD + f"Content-Length: {len(BODY)}\r\n\r\n").encode() + BODY
    last = one.replace(b"Host:", b"Connection: close\r\nHost:")
    with Raw(server.port) as raw:
        raw.send(one + one.replace(b"application/json", b"text/plain      ") + one + last)
        data = raw.read_all()
    assert re.findall(rb"HTTP/1\.1 (\d+)", data) == [b"201", b"415", b"201", b"201"]
