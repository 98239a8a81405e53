"""Many bare connections: upgrades sent by hand over plain sockets, so that a crowd costs a test little."""

from __future__ import annotations

import resource
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

HEAD = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def head_for(port: int) -> bytes:
    return HEAD.format(port=port).encode()


def allow_many_files() -> None:
    """As many descriptors as may be, for this process and its children."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def connections(port: int, count: int) -> Iterator[list[socket.socket]]:
    """So many TCP connections, on which nothing was said yet."""
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10)) for _ in range(count)]


def wait_for_bytes(sockets: list[socket.socket], most: float) -> dict[socket.socket, float]:
    """When each of them had something to read, or ended, on `time.monotonic`; within so many seconds."""
    found: dict[socket.socket, float] = {}
    poller, by_number = select.poll(), {one.fileno(): one for one in sockets}
    for number in by_number:
        poller.register(number, select.POLLIN)
    end = time.monotonic() + most
    while len(found) < len(sockets) and time.monotonic() < end:
        for number, _ in poller.poll(100):
            found[by_number[number]] = time.monotonic()
            poller.unregister(number)
    return found
