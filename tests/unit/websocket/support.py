"""What the tests of the websocket layer share: peers over memory with a clock moved by hand, raw ends, loopback."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gdpeer import OK, ManualClock, Signal, TransportError, WebSocketClient, WebSocketPeer, WebSocketServer
from gdpeer.protocol.handshake import accept_key
from gdpeer.transport.memory import MemoryStream, memory_pair
from gdpeer.transport.poller import Poller
from gdpeer.transport.stream import READ, WRITE, Connector, Ready, Stream

PATIENCE = 30.0
"""Seconds that anything on a socket may take on a busy machine."""

OPEN = WebSocketPeer.State.OPEN
CLOSED = WebSocketPeer.State.CLOSED
CLOSING = WebSocketPeer.State.CLOSING
CONNECTING = WebSocketPeer.State.CONNECTING

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

Event = tuple[Any, ...]


def record(owner: object) -> list[Event]:
    """Everything that the owner's public signals tell from now on: (name, arguments...)."""
    events: list[Event] = []

    def slot(name: str) -> Callable[..., None]:
        return lambda *arguments: events.append((name, *arguments))

    for name, value in list(vars(owner).items()):
        if isinstance(value, Signal) and not name.startswith("_"):
            value.connect(slot(name))
    return events


def poll_all(*owners: Any, turns: int = 6) -> None:
    """Let everybody take their turns without waiting."""
    for _ in range(turns):
        for owner in owners:
            owner.poll()


def until(done: Callable[[], Any], *owners: Any) -> Any:
    """Poll everybody over real sockets until `done` gives something true."""
    end = time.monotonic() + PATIENCE
    while not (result := done()):
        assert time.monotonic() < end, "took too long"
        for owner in owners:
            owner.poll(0.002)
        if not owners:
            time.sleep(0.002)
    return result


def state(peer: WebSocketPeer, wanted: WebSocketPeer.State) -> Callable[[], bool]:
    return lambda: peer.get_ready_state() is wanted


# ---------------------------------------------------------------------------------------------- memory


@dataclass
class Pair:
    """A client and a server's peer, joined in memory."""

    client: WebSocketPeer
    server: WebSocketPeer
    clock: ManualClock
    client_stream: MemoryStream
    server_stream: MemoryStream

    def poll(self, turns: int = 6) -> None:
        poll_all(self.client, self.server, turns=turns)

    def states(self) -> tuple[WebSocketPeer.State, WebSocketPeer.State]:
        return self.client.get_ready_state(), self.server.get_ready_state()


def make_pair(prepare: Callable[[WebSocketPeer, WebSocketPeer], Any] | None = None, **network: Any) -> Pair:
    """Both ends CONNECTING; `prepare` sets them up before."""
    clock = ManualClock(100.0)
    theirs, ours = memory_pair(clock=clock, **network)
    pair = Pair(WebSocketPeer(clock=clock), WebSocketPeer(clock=clock), clock, theirs, ours)
    if prepare is not None:
        prepare(pair.client, pair.server)
    assert pair.server.accept_stream(ours) is OK
    assert pair.client.connect_through(theirs) is OK
    return pair


def open_pair(prepare: Callable[[WebSocketPeer, WebSocketPeer], Any] | None = None, **network: Any) -> Pair:
    """Both ends OPEN."""
    pair = make_pair(prepare, **network)
    pair.poll()
    assert pair.states() == (OPEN, OPEN)
    return pair


class Room:
    """A server that clients join in memory."""

    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock(100.0)
        self.server = WebSocketServer(clock=self.clock)
        for name, value in settings.items():
            setattr(self.server, name, value)
        self.events = record(self.server)
        self.clients: list[WebSocketPeer] = []

    def stream(self, **network: Any) -> tuple[int, MemoryStream, MemoryStream]:
        """The id that it will have, the client's end, the server's end."""
        theirs, ours = memory_pair(clock=self.clock, **network)
        return self.server.take_stream(ours), theirs, ours

    def enter(self, client: WebSocketPeer | None = None, **network: Any) -> tuple[int, WebSocketPeer]:
        """Begin to join."""
        peer_id, theirs, _ = self.stream(**network)
        client = client or WebSocketPeer(clock=self.clock)
        assert client.connect_through(theirs) is OK
        self.clients.append(client)
        return peer_id, client

    def join(self, client: WebSocketPeer | None = None, **network: Any) -> tuple[int, WebSocketPeer]:
        """Join, and forget what was told of it."""
        peer_id, client = self.enter(client, **network)
        self.poll()
        assert client.get_ready_state() is OPEN
        assert self.server.has_peer(peer_id)
        self.events.clear()
        return peer_id, client

    def poll(self, turns: int = 6) -> None:
        poll_all(self.server, *self.clients, turns=turns)

    def told(self, name: str) -> list[Event]:
        return [event[1:] for event in self.events if event[0] == name]


def watch_sends(stream: MemoryStream) -> list[list[Any]]:
    """The chunks of each `send` from now on."""
    sends: list[list[Any]] = []
    send = stream.send

    def counted(chunks: Sequence[Any]) -> int:
        sends.append(list(chunks))
        return send(chunks)

    stream.send = counted  # type: ignore[method-assign]
    return sends


# ---------------------------------------------------------------------------------------------- raw bytes


def request(path: str = "/", *headers: str, method: str = "GET") -> bytes:
    """An upgrade's request."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def plain_request(path: str = "/", method: str = "GET") -> bytes:
    """A page's request."""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def response_to(asked: bytes, *headers: str) -> bytes:
    """The 101 that answers a client's request."""
    key = asked.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0].decode()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_key(key)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def frame(opcode: int, payload: bytes = b"", *, masked: bool = True, first: int = 0x80) -> bytes:
    """A frame with a key of zeros; up to 65,535 bytes."""
    bit = 128 if masked else 0
    head = bytes([first | opcode, bit | len(payload)])
    if len(payload) > 125:
        head = bytes([first | opcode, bit | 126]) + len(payload).to_bytes(2, "big")
    return head + (b"\0\0\0\0" if masked else b"") + payload


def read_all(stream: MemoryStream) -> bytes:
    """What has arrived."""
    data, buffer = bytearray(), bytearray(65536)
    while (count := stream.receive_into(buffer)) > 0:
        data += buffer[:count]
    return bytes(data)


def raw_client(**settings: Any) -> tuple[WebSocketPeer, MemoryStream, ManualClock]:
    """A server's peer that is OPEN, and the other end as raw bytes."""
    clock = ManualClock(100.0)
    theirs, ours = memory_pair(clock=clock, capacity=1 << 22)
    peer = WebSocketPeer(clock=clock)
    for name, value in settings.items():
        setattr(peer, name, value)
    assert peer.accept_stream(ours) is OK
    theirs.send([request()])
    peer.poll()
    assert peer.get_ready_state() is OPEN
    assert read_all(theirs).startswith(b"HTTP/1.1 101 ")
    return peer, theirs, clock


def raw_server(**settings: Any) -> tuple[WebSocketPeer, MemoryStream, ManualClock]:
    """A client that waits for the answer to its request, and the other end as raw bytes."""
    clock = ManualClock(100.0)
    ours, theirs = memory_pair(clock=clock, capacity=1 << 22)
    peer = WebSocketPeer(clock=clock)
    for name, value in settings.items():
        setattr(peer, name, value)
    assert peer.connect_through(ours) is OK
    return peer, theirs, clock


# ---------------------------------------------------------------------------------------------- loopback


@contextmanager
def listening(**settings: Any) -> Iterator[tuple[WebSocketServer, list[Event]]]:
    """A server on a free port of 127.0.0.1."""
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    for name, value in settings.items():
        setattr(server, name, value)
    events = record(server)
    assert server.listen(0) is OK, server.get_listen_error()
    with server:
        yield server, events


def url_of(server: WebSocketServer, scheme: str = "ws", host: str = "127.0.0.1") -> str:
    return f"{scheme}://{host}:{server.get_local_port()}/"


@contextmanager
def connected(**settings: Any) -> Iterator[tuple[WebSocketServer, list[Event], WebSocketClient, list[Event]]]:
    """A server and one client of it over loopback."""
    with listening(**settings) as (server, events), WebSocketClient() as client:
        told = record(client)
        assert client.connect_to_url(url_of(server)) is OK
        until(lambda: server.peers and told, server, client)
        yield server, events, client, told


def fetch(server: WebSocketServer, data: bytes) -> bytes:
    """Send raw bytes to the port; everything up to the end that comes back."""
    with socket.create_connection(("127.0.0.1", server.get_local_port()), timeout=PATIENCE) as plain:
        plain.setblocking(False)
        plain.sendall(data)
        found = bytearray()

        def ended() -> bool:
            try:
                piece = plain.recv(65536)
            except BlockingIOError:
                return False
            found.extend(piece)
            return not piece

        until(ended, server)
        return bytes(found)


def is_closed(stream: MemoryStream) -> bool:
    """Whether its owner let go of it."""
    try:
        stream.receive_into(bytearray(1))
    except TransportError as problem:
        return "closed by this side" in problem.detail
    return False


def has_ended(stream: MemoryStream) -> bool:
    """Whether the other side ended, after everything that it sent."""
    buffer = bytearray(65536)
    while (count := stream.receive_into(buffer)) > 0:
        pass
    return count == 0


class LateConnector(Connector):
    """A connector that is there, or fails, when the test says so."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.is_there = False
        self.failure: TransportError | None = None
        self.calls: list[str] = []
        self._attached: tuple[Poller, Ready] | None = None

    def arrive(self, failure: TransportError | None = None) -> None:
        self.is_there, self.failure = True, failure
        self._call()

    def advance(self) -> Stream | None:
        if self.failure is not None:
            raise self.failure
        return self.stream if self.is_there else None

    def attach(self, poller: Poller, ready: Ready) -> None:
        self.calls.append("attach")
        self._attached = poller, ready
        self._call()

    def detach(self) -> None:
        self.calls.append("detach")
        self._attached = None

    def close(self) -> None:
        self.calls.append("close")
        self._attached = None

    def _call(self) -> None:
        if self._attached is not None:
            poller, ready = self._attached
            poller.soon(lambda: ready(READ | WRITE))


class SecureMemoryStream(MemoryStream):
    """An end that says that it is encrypted."""

    @property
    def is_secure(self) -> bool:
        return True
