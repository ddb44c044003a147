# SPDX-License-Identifier: Apache-2.0
"""A listener for notifications that does what a test tells it to.

What it does with a request is a behaviour: a function of (request, connection) that returns whether the
connection may be used again. `script` holds the behaviours of the next requests, `default` the one after."""
import collections
import contextlib
import itertools
import json
import socket
import struct
import threading
import time

from . import PATIENCE
from .openapi import DESCRIPTION

MAX_REQUEST = 64 << 20


class Disconnected(Exception):
    pass


class Request:
    """One request as it arrived; `number` counts all of the listener's, `status` is what was answered."""

    def __init__(self, number, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.number = number
        self.method, self.target, self.version = lines[0].split(" ")
        self.header_lines = lines[1:]
        self.headers = {name.strip().lower(): value.strip()
                        for name, _, value in (line.partition(":") for line in lines[1:])}
        self.body = body
        self.status = None

    @property
    def event(self):
        return json.loads(self.body)

    @property
    def event_type(self):
        return self.event["eventType"]

    @property
    def customer(self):
        return self.event["event"]["customer"]

    def __repr__(self):
        return f"<{self.number} {self.method} {self.target} {self.body[:200]!r} -> {self.status}>"


class Connection:
    def __init__(self, accepted, closing):
        self.socket = accepted
        self.closing = closing
        self.buffer = b""

    def fill(self):
        more = self.socket.recv(65536)
        if not more:
            raise Disconnected
        self.buffer += more
        assert len(self.buffer) < MAX_REQUEST

    def read_until(self, marker):
        while marker not in self.buffer:
            self.fill()
        data, _, self.buffer = self.buffer.partition(marker)
        return data

    def read(self, size):
        while len(self.buffer) < size:
            self.fill()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def send(self, data):
        self.socket.sendall(data)

    def reset(self):
        """Closes so that the peer sees RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


# ---- behaviours ----

def answer(status, headers=(), body=b"", version="HTTP/1.1", close=False):
    def behave(request, connection):
        request.status = status
        lines = [f"{version} {status} Scripted", *(f"{name}: {value}" for name, value in dict(headers).items())]
        if status not in (204, 304):
            lines.append(f"Content-Length: {len(body)}")
        if close:
            lines.append("Connection: close")
        connection.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        return not close
    return behave


def raw(data):
    """Sends these bytes, whatever they are, and closes."""
    def behave(request, connection):
        connection.send(data)
        return False
    return behave


def reset(request, connection):
    connection.reset()
    return False


def hang_up(request, connection):
    return False


def never(request, connection):
    """No answer, until the peer or the listener gives up."""
    with contextlib.suppress(Disconnected):
        while True:
            connection.fill()
    return False


def endless(start=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", piece=b"1000\r\n" + b"x" * 4096 + b"\r\n"):
    """Sends for ever, as fast as the peer reads."""
    def behave(request, connection):
        connection.send(start)
        while not connection.closing.is_set():
            connection.send(piece)
        return False
    return behave


def drip(pause=0.05):
    """A header that never ends, byte by byte."""
    def behave(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nX: ")
        while not connection.closing.wait(pause):
            connection.send(b"x")
        return False
    return behave


def when(event, behaviour):
    """Behaves once the threading.Event is set; the deadline frees the thread of a test that failed."""
    def behave(request, connection):
        event.wait(PATIENCE)
        return behaviour(request, connection)
    return behave


def after(seconds, behaviour):
    def behave(request, connection):
        connection.closing.wait(seconds)
        return behaviour(request, connection)
    return behave


def depending(choose):
    """choose(request) returns the behaviour."""
    return lambda request, connection: choose(request)(request, connection)


OK = answer(200)


class Listener:
    """Listens until it is closed, on a port that it keeps when it is opened again."""

    def __init__(self, host="127.0.0.1", default=OK, port=0, keep=True):
        """keep: whether the requests are remembered, other than by their number."""
        self.host, self.port = host, port
        self.default = default
        self.keep = keep
        self.script = collections.deque()
        self.accepting = None  # what happens at accept, before anything is read; a function of the connection
        self.requests = []
        self.accepted = 0
        self.changed = threading.Condition()
        self.numbers = itertools.count(1)
        self.connections = set()
        self.socket = None
        self.open()

    # -- life --

    def open(self):
        self.closing = threading.Event()
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((self.host, self.port))
        self.socket.listen(512)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.socket, self.closing), daemon=True).start()
        return self

    def close(self):
        """Refuses connections from now on, and drops the ones there are."""
        self.closing.set()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.drop()

    def drop(self):
        """Closes the connections that are open."""
        with self.changed:
            connections = list(self.connections)
        for connection in connections:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        self.check()

    def check(self):
        """What has arrived is what the API's description says; the first ones stand for the rest."""
        for request in self.arrived()[:200]:
            DESCRIPTION.check_notification(request)

    def url(self, path="/listener", host=None):
        host = host or self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}{path}"

    # -- serving --

    def accept(self, listening, closing):
        while not closing.is_set():
            try:
                accepted, _ = listening.accept()
            except OSError:
                return
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(accepted, closing)
            with self.changed:
                self.accepted += 1
                self.connections.add(connection)
                self.changed.notify_all()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(Disconnected, OSError):
            if self.accepting is None or self.accepting(connection):
                while self.behave(connection):
                    pass
        connection.close()
        with self.changed:
            self.connections.discard(connection)
            self.changed.notify_all()

    def behave(self, connection):
        request = self.receive(connection)
        with self.changed:
            request.number = next(self.numbers)
            if self.keep:
                self.requests.append(request)
            behaviour = self.script.popleft() if self.script else self.default
            self.changed.notify_all()
        keep = behaviour(request, connection)
        with self.changed:
            self.changed.notify_all()
        return keep

    def receive(self, connection):
        request = Request(0, connection.read_until(b"\r\n\r\n"), b"")
        if "100-continue" in request.headers.get("expect", ""):
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in request.headers.get("transfer-encoding", ""):
            request.body = self.receive_chunks(connection)
        else:
            request.body = connection.read(int(request.headers.get("content-length", 0)))
        return request

    def receive_chunks(self, connection):
        pieces = []
        while True:
            size = int(connection.read_until(b"\r\n").split(b";")[0], 16)
            pieces.append(connection.read(size))
            connection.read_until(b"\r\n")
            if size == 0:
                return b"".join(pieces)

    # -- what arrived --

    def arrived(self, path=None):
        """The requests so far, in order of arrival; path: those to this target."""
        with self.changed:
            return [request for request in self.requests if path in (None, request.target)]

    def events(self, path=None):
        return [request.event for request in self.arrived(path)]

    def await_requests(self, wanted, what="", seconds=PATIENCE, path=None):
        """Waits for a number of requests, or until wanted(requests) is true; returns all that arrived."""
        holds = wanted if callable(wanted) else lambda requests: len(requests) >= wanted
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                requests = [request for request in self.requests if path in (None, request.target)]
                if holds(requests):
                    return requests
                left = deadline - time.monotonic()
                assert left > 0, f"waited {seconds} s in vain for {what or wanted}; arrived: {requests[-20:]}"
                self.changed.wait(min(left, 1))

    def await_events(self, wanted, what="", seconds=PATIENCE, path=None):
        """As await_requests, of the documents: wanted is a number, or a function of the list of them."""
        holds = (lambda requests: wanted([request.event for request in requests])) if callable(wanted) else wanted
        return [request.event for request in self.await_requests(holds, what, seconds, path)]

    def await_connection(self, count=1, seconds=PATIENCE):
        with self.changed:
            assert self.changed.wait_for(lambda: self.accepted >= count, seconds), "nobody connected"


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False
