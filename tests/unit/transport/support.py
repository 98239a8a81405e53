"""What the tests of the transport layer share: loopback sockets, and loops that end."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from gdpeer.transport.poller import Poller
from gdpeer.transport.stream import WOULD_BLOCK, Connector, Stream
from gdpeer.transport.tcp import TcpStream

PATIENCE = 30.0
"""Seconds that anything here may take on a busy machine."""

Result = TypeVar("Result")


def until(done: Callable[[], Result], *, step: Callable[[], Any] = lambda: time.sleep(0.001)) -> Result:
    """Repeat a step until `done` gives something true."""
    end = time.monotonic() + PATIENCE
    while not (result := done()):
        assert time.monotonic() < end, "took too long"
        step()
    return result


def poll(connector: Connector) -> Stream:
    """Advance a connector without a poller."""
    return until(connector.advance)


def poll_attached(connector: Connector, poller: Poller) -> Stream:
    """Advance a connector from a poller's calls only."""
    found: list[Stream] = []

    def ready(_: int) -> None:
        if (stream := connector.advance()) is not None:
            found.append(stream)

    connector.attach(poller, ready)
    until(lambda: found, step=lambda: poller.turn(PATIENCE))
    return found[0]


def unix_stream(path: str | os.PathLike[str]) -> TcpStream:
    """A stream to a Unix socket."""
    ours = socket.socket(socket.AF_UNIX)
    ours.connect(os.fspath(path))
    return TcpStream(ours)


def receive(stream: Stream, size: int) -> bytes:
    """So many bytes, or fewer when the end comes first."""
    data = bytearray()
    buffer = bytearray(65536)

    def more() -> bool:
        count = stream.receive_into(memoryview(buffer)[: size - len(data)])
        data.extend(buffer[: max(count, 0)])
        return count == 0 or len(data) == size

    until(more)
    return bytes(data)


def receive_end(stream: Stream) -> None:
    """The end, and nothing before it."""
    buffer = bytearray(16)
    until(lambda: (count := stream.receive_into(buffer)) != WOULD_BLOCK and [count])
    assert stream.receive_into(buffer) == 0


def send(stream: Stream, data: bytes) -> None:
    """All of it; the other side has to have room."""
    assert stream.send([data]) == len(data)


@contextmanager
def tcp_sockets(family: int = socket.AF_INET) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connected pair over loopback, closed in the end."""
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.create_server((host, 0), family=family) as server:
        ours = socket.create_connection(server.getsockname()[:2])
        theirs = server.accept()[0]
    with ours, theirs:
        yield ours, theirs


@contextmanager
def tcp_streams() -> Iterator[tuple[TcpStream, TcpStream]]:
    """Two streams joined over loopback, closed in the end."""
    with tcp_sockets() as (ours, theirs):
        pair = TcpStream(ours), TcpStream(theirs)
        yield pair
        for stream in pair:
            stream.close()


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that neither takes nor refuses connections: its backlog is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port: int = server.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        time.sleep(0.05)
        yield port
        for filler in fillers:
            filler.close()


def refused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
