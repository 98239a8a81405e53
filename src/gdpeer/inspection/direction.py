"""One direction of a connection through a tunnel: messages wait here until they are due and the sink has room.

Invariant: messages, pings and pongs leave in the order in which they came; the end leaves last.

Layer: `inspection`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, TypeAlias

from gdpeer.errors import Error
from gdpeer.protocol.connection import is_sendable_code
from gdpeer.websocket._peer import backend_of
from gdpeer.websocket.backend.native import NativeBackend
from gdpeer.websocket.peer import WebSocketPeer

__all__ = ["NORMAL", "Control", "Direction", "DirectionQueue", "End", "Item", "Message", "close"]

MOST_HELD = 4_194_304
"""Bytes that may wait in a queue. When it holds this many, reading pauses and TCP slows the sender down."""

MOST_MESSAGES = 16_384
"""Items that may wait in a queue. When it holds this many, reading pauses too."""

NORMAL = 1000


class Direction(Enum):
    """The side to which a message goes. The values stand in recordings and in JSON output."""

    TO_SERVER = "to_server"
    TO_CLIENT = "to_client"


class Message(NamedTuple):
    """A message of either side, whole and uncompressed."""

    data: bytes
    is_text: bool


class Control(NamedTuple):
    """A ping or a pong. It is passed on like a message, so both sides measure the round trip to each other."""

    opcode: int
    data: bytes


class End(NamedTuple):
    """How one side closed the connection; a code of -1 means without a close frame."""

    code: int
    reason: str


Item: TypeAlias = Message | Control | End


class DirectionQueue:
    """Takes messages from one end of a line and sends them to the other when they are due.

    Args:
        source: the peer that messages come from.
        sink: the peer that they go to.
        due: called with each item; returns the time at which it may go on, or None to drop it.
        wake: called with the next time at which the caller must call `flush`.
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
        _native(source).connection.on_control = self._control

    def _control(self, opcode: int, payload: bytes) -> None:
        """Queues a ping or a pong that came."""
        # A full queue drops it: reading cannot pause for pings, and a flood of them must not fill the memory.
        if not self._is_ended and self._has_room():
            self._put(Control(opcode, payload), self._now())
            if self._held:
                self._wake_for(self._held[0][0])

    def pump(self, now: float) -> None:
        """Takes the messages that came, and passes on those that are due."""
        source = self._source
        while source.get_available_packet_count() and self._has_room():
            packet = source.get_packet()
            self._put(Message(packet, source.was_string_packet()), now)
        self.flush(now)

    def end(self, end: End, now: float) -> None:
        """Queues the end of the source; ignores all but the first end."""
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
        """Passes on the items that are due, as far as the sink has room."""
        held = self._held
        was_full = not self._has_room()
        while held and held[0][0] <= now and self._pass_on(held[0][1]):
            self._size -= size_of(held.popleft()[1])
        if held and held[0][0] > now:
            self._wake_for(held[0][0])
        if was_full and self._has_room():
            self.pump(now)  # reading had paused, and the poller will not report the messages that are already here

    def _wake_for(self, when: float) -> None:
        if when != self._woken_at:  # one timer for each time, however often the queue is flushed before it
            self._woken_at = when
            self._wake(when)

    def _pass_on(self, item: Item) -> bool:
        """Sends an item to the sink; returns False if the sink has no room for it now."""
        if isinstance(item, End):
            close(self._sink, item)
            return True
        if isinstance(item, Control):
            backend = _native(self._sink)
            backend.connection.pass_control(item.opcode, item.data)
            backend.flush()  # at once: waiting would count as part of the round trip
            return True
        # Extra room of the message's own size: a message of any length is sent once all before it have left.
        return self._sink.send_past_limit(item.data, item.is_text) is not Error.ERR_OUT_OF_MEMORY


def _native(peer: WebSocketPeer) -> NativeBackend:
    """Returns the backend of a peer, which has the control frames that other backends hide."""
    backend = backend_of(peer)
    assert isinstance(backend, NativeBackend)
    return backend


def size_of(item: Item) -> int:
    """Returns the bytes that an item adds to `MOST_HELD`."""
    return 0 if isinstance(item, End) else len(item.data)


def close(peer: WebSocketPeer, end: End) -> None:
    """Closes one side the way the other side ended."""
    if is_sendable_code(end.code):
        peer.close(end.code, end.reason)
    else:
        peer.close(-1 if end.code < 0 else NORMAL)  # codes such as 1005 may not be sent in a close frame
