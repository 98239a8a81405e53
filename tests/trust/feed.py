"""A stream that gives out prepared bytes and holds none of its own: what an attacker sends, measured to the byte."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gdpeer import OK, ManualClock, WebSocketPeer
from gdpeer.transport.poller import Poller
from gdpeer.transport.stream import WOULD_BLOCK, Address, Ready, Stream
from tests.unit.websocket.support import OPEN, request, response_to

EXTENSION = "Sec-WebSocket-Extensions: permessage-deflate"
ROLES = ("server", "client")


class Feed(Stream):
    """One end.

    Args:
        step: the most bytes of one receive.

    Attributes:
        takes: whether what is sent is taken; else the other side never reads.
        sent: what was taken.
        given: how many bytes were read.
    """

    def __init__(self, step: int = 65_536) -> None:
        self._data = memoryview(b"")
        self._step = step
        self.takes = True
        self.sent = bytearray()
        self.given = 0

    def put(self, data: bytes) -> None:
        """What comes next; what came before has to be read by then."""
        assert not self._data
        self._data = memoryview(data)

    @property
    def left(self) -> int:
        return len(self._data)

    def receive_into(self, buffer: Any) -> int:
        if not self._data:
            return WOULD_BLOCK
        count = min(len(buffer), len(self._data), self._step)
        buffer[:count] = self._data[:count]
        self._data = self._data[count:]
        self.given += count
        return count

    def send(self, chunks: Sequence[Any]) -> int:
        if not self.takes:
            return 0
        before = len(self.sent)
        for chunk in chunks:
            self.sent += chunk
        return len(self.sent) - before

    def has_pending(self) -> bool:
        return bool(self._data)

    def attach(self, poller: Poller, ready: Ready) -> None: ...
    def detach(self) -> None: ...
    def close(self) -> None: ...
    def close_write(self) -> None: ...
    def want_read(self, wanted: bool) -> None: ...
    def want_write(self, wanted: bool) -> None: ...
    def set_no_delay(self, enabled: bool) -> None: ...

    @property
    def is_secure(self) -> bool:
        return False

    @property
    def remote_address(self) -> Address:
        return "", 0

    local_address = remote_address


def attacked(role: str, **settings: Any) -> tuple[WebSocketPeer, Feed]:
    """A peer of that role, OPEN, and what it hears."""
    peer, feed = WebSocketPeer(clock=ManualClock(100.0)), Feed()
    for name, value in settings.items():
        setattr(peer, name, value)
    headers = [EXTENSION] if peer.compression else []
    if role == "server":
        assert peer.accept_stream(feed) is OK
        feed.put(request("/", *headers))
    else:
        assert peer.connect_through(feed) is OK
        feed.put(response_to(bytes(feed.sent), *headers))
    peer.poll()
    assert peer.get_ready_state() is OPEN
    assert bool(peer.get_handshake_headers().get("sec-websocket-extensions")) == peer.compression
    feed.sent.clear()
    feed.given = 0
    return peer, feed


def hear_all(peer: WebSocketPeer, feed: Feed) -> int:
    """Poll until everything was read, or the peer reads no more; the most bytes that a turn read."""
    most = 0
    while feed.left:
        before = feed.given
        peer.poll()
        most = max(most, feed.given - before)
        if feed.given == before:
            break
    return most


def frame_of(role: str, first: int, payload: bytes = b"") -> bytes:
    """A frame of any length for a peer of that role; the mask is zeros, so that the payload shows as it is."""
    bit, size = (0x80, len(payload)) if role == "server" else (0, len(payload))
    if size < 126:
        head = bytes([first, bit | size])
    elif size < 65_536:
        head = bytes([first, bit | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, bit | 127]) + size.to_bytes(8, "big")
    return head + (b"\0\0\0\0" if bit else b"") + payload
