"""One direction of a connection through a tunnel: messages wait here until they are due and there is room for them.

Invariant: what came first goes first; the end goes last.

Layer: `tools`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from gdpeer.errors import Error
from gdpeer.protocol.connection import is_sendable_code
from gdpeer.websocket.native import NativeBackend
from gdpeer.websocket.peer import WebSocketPeer

__all__ = ["NORMAL", "Direction", "End", "Message", "Way", "close"]

MOST_HELD = 4_194_304
"""Bytes that may wait; beyond it reading pauses, and TCP holds the sender back."""

MOST_MESSAGES = 16_384
"""The same in messages."""

NORMAL = 1000


class Direction(Enum):
    """Where a message goes."""

    TO_SERVER = "to_server"
    TO_CLIENT = "to_client"


class Message(NamedTuple):
    """What goes through."""

    data: bytes
    is_text: bool


class End(NamedTuple):
    """How one side ended; a code of -1: without a close frame."""

    code: int
    reason: str


class Way:
    """From one end of a connection to the other.

    Args:
        source: where messages come from.
        sink: where they go.
        due: called with each message: the time at which it may go on, or None: it is lost.
        wake: called with a time at which `flush` is to be called.
    """

    def __init__(
        self,
        source: WebSocketPeer,
        sink: WebSocketPeer,
        due: Callable[[Message | End], float | None],
        wake: Callable[[float], object],
    ) -> None:
        self._source = source
        self._sink = sink
        self._due = due
        self._wake = wake
        self._held: deque[tuple[float, Message | End]] = deque()
        self._size = 0
        self._is_ended = False
        self._woken_at = 0.0

    def pump(self, now: float) -> None:
        """Take what came, and pass on what is due."""
        source = self._source
        while source.get_available_packet_count() and self._has_room():
            packet = source.get_packet()
            self._put(Message(packet, source.was_string_packet()), now)
        self.flush(now)

    def end(self, end: End, now: float) -> None:
        """Nothing more comes."""
        if not self._is_ended:
            self._is_ended = True
            self._put(end, now)
            self.flush(now)

    def _has_room(self) -> bool:
        return self._size < MOST_HELD and len(self._held) < MOST_MESSAGES

    def _put(self, item: Message | End, now: float) -> None:
        when = self._due(item)
        if when is None:
            return
        if when <= now and not self._held and self._pass_on(item):
            return
        self._held.append((when, item))
        self._size += size_of(item)

    def flush(self, now: float) -> None:
        """Pass on what is due, as far as there is room for it."""
        held = self._held
        was_full = not self._has_room()
        while held and held[0][0] <= now and self._pass_on(held[0][1]):
            self._size -= size_of(held.popleft()[1])
        if held and held[0][0] > now and held[0][0] != self._woken_at:
            self._woken_at = held[0][0]
            self._wake(self._woken_at)
        if was_full and self._has_room():
            self.pump(now)

    def _pass_on(self, item: Message | End) -> bool:
        """Send; False while there is no room."""
        if isinstance(item, End):
            close(self._sink, item)
            return True
        backend = self._sink._backend
        assert isinstance(backend, NativeBackend)
        # Room for as much as the message itself: however long it is, it goes once what is before it has gone.
        return backend.send(item.data, item.is_text, None, len(item.data)) is not Error.ERR_OUT_OF_MEMORY


def size_of(item: Message | End) -> int:
    """Bytes that count while it waits."""
    return len(item.data) if isinstance(item, Message) else 0


def close(peer: WebSocketPeer, end: End) -> None:
    """End one side as the other one ended."""
    if is_sendable_code(end.code):
        peer.close(end.code, end.reason)
    else:
        peer.close(-1 if end.code < 0 else NORMAL)
