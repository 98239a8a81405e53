"""One direction of a connection through a tunnel: messages wait here until they are due and there is room for them.

Invariant: what came first goes first; the end goes last.

Layer: `inspection`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, TypeAlias

from gdpeer.errors import Error
from gdpeer.protocol.connection import is_sendable_code
from gdpeer.websocket.backend.native import NativeBackend
from gdpeer.websocket.peer import WebSocketPeer

__all__ = ["NORMAL", "Control", "Direction", "End", "Item", "Message", "Way", "close"]

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


class Control(NamedTuple):
    """A ping or a pong, which goes through as messages do: so a round trip is measured over the whole line."""

    opcode: int
    data: bytes


class End(NamedTuple):
    """How one side ended; a code of -1: without a close frame."""

    code: int
    reason: str


Item: TypeAlias = Message | Control | End


class Way:
    """From one end of a connection to the other.

    Args:
        source: where messages come from.
        sink: where they go.
        due: called with each message and each ping and pong: the time at which it may go on, or None: it is lost.
        wake: called with a time at which `flush` is to be called.
        now: tells the time.
    """

    def __init__(
        self,
        source: WebSocketPeer,
        sink: WebSocketPeer,
        due: Callable[[Item], float | None],
        wake: Callable[[float], object],
        now: Callable[[], float],
    ) -> None:
        self._source = source
        self._sink = sink
        self._due = due
        self._wake = wake
        self._now = now
        self._held: deque[tuple[float, Item]] = deque()
        self._size = 0
        self._is_ended = False
        self._woken_at = 0.0
        _backend_of(source).connection.on_control = self._control

    def _control(self, opcode: int, payload: bytes) -> None:
        """A ping or a pong came. One too many is lost: whoever floods with pings shall not fill the memory."""
        if not self._is_ended and self._has_room():
            self._put(Control(opcode, payload), self._now())
            if self._held:
                self._wake_for(self._held[0][0])

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

    def _put(self, item: Item, now: float) -> None:
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
        if held and held[0][0] > now:
            self._wake_for(held[0][0])
        if was_full and self._has_room():
            self.pump(now)

    def _wake_for(self, when: float) -> None:
        if when != self._woken_at:
            self._woken_at = when
            self._wake(when)

    def _pass_on(self, item: Item) -> bool:
        """Send; False while there is no room."""
        if isinstance(item, End):
            close(self._sink, item)
            return True
        backend = _backend_of(self._sink)
        if isinstance(item, Control):
            backend.connection.pass_control(item.opcode, item.data)
            backend.flush()
            return True
        # Room for as much as the message itself: however long it is, it goes once what is before it has gone.
        return backend.send(item.data, item.is_text, None, len(item.data)) is not Error.ERR_OUT_OF_MEMORY


def _backend_of(peer: WebSocketPeer) -> NativeBackend:
    backend = peer._backend
    assert isinstance(backend, NativeBackend)
    return backend


def size_of(item: Item) -> int:
    """Bytes that count while it waits."""
    return 0 if isinstance(item, End) else len(item.data)


def close(peer: WebSocketPeer, end: End) -> None:
    """End one side as the other one ended."""
    if is_sendable_code(end.code):
        peer.close(end.code, end.reason)
    else:
        peer.close(-1 if end.code < 0 else NORMAL)
