"""A stream with the protocol on it: reading, pausing, sending, all within their limits.

What moves bytes for `NativeBackend`, which adds how a connection begins and ends. Everything on the hot path is here.

Layer: `websocket`.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from contextlib import suppress

from gdpeer.clock import Clock
from gdpeer.errors import Error, GdpeerError, TransportError
from gdpeer.protocol.connection import Connection, Phase
from gdpeer.transport.scratch import SCRATCH_SIZE, scratch
from gdpeer.transport.stream import READ, Stream
from gdpeer.websocket.deadline import RoundTrip
from gdpeer.websocket.settings import Settings
from gdpeer.websocket.states import Stage
from gdpeer.websocket.turn import Turn

__all__ = ["Link"]

_READS_A_TURN = 8  # then the others get theirs

# As plain integers, for the hot path.
_OPEN, _DONE = int(Stage.OPEN), int(Stage.DONE)
_OPEN_PHASE, _CLOSING_PHASE = int(Phase.OPEN), int(Phase.CLOSING)


class Link(ABC):
    """The moving of bytes.

    Args:
        settings: of the peer; the limits of what is received are read here, the others when they matter.
        clock: tells the time of round trips.
        turn: the owner's.
        is_client: the role.

    Attributes:
        stage: a `Stage` as int.
        stream: once it is there.
        connection: the protocol; carries HTTP's bytes as well, before it opens.
        round_trip: of pings.
        paused: reading stopped, since too many packets wait to be taken.
        was_refused: a send was refused for want of room; its owner resets it when it tells that there is room again.
        is_touched, is_gathered: marks of the turn.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_turn",
        "connection",
        "is_gathered",
        "is_touched",
        "paused",
        "round_trip",
        "settings",
        "stage",
        "stream",
        "was_refused",
    )

    def __init__(self, settings: Settings, clock: Clock, turn: Turn, *, is_client: bool) -> None:
        self.settings = settings
        self._clock = clock
        self._turn = turn
        self.stage = int(Stage.IDLE)
        self.stream: Stream | None = None
        self.connection = Connection(is_client, limits=settings.limits())
        self.round_trip = RoundTrip()
        self.paused = False
        self.was_refused = False
        self.is_touched = False
        self.is_gathered = False

    @abstractmethod
    def ready(self, events: int) -> None:
        """Deal with readiness."""

    @abstractmethod
    def _receive(self, buffer: bytearray, count: int) -> None:
        """So many bytes arrived."""

    @abstractmethod
    def _look_at(self, connection: Connection) -> None:
        """What the data that just came changed."""

    @abstractmethod
    def _end_of_stream(self) -> None:
        """The other side's bytes ended."""

    @abstractmethod
    def _drained(self) -> None:
        """Everything queued is out."""

    @abstractmethod
    def _lose(self, problem: GdpeerError) -> None:
        """The stream broke."""

    # ------------------------------------------------------------------------------------------ receiving

    def _read(self) -> None:
        buffer = scratch.buffer
        for _ in range(_READS_A_TURN):
            if self.stream is None:
                return
            count = self.stream.receive_into(buffer)
            if count <= 0:
                if count == 0:
                    self._end_of_stream()
                return
            self._receive(buffer, count)
            if self.stage == _DONE or self.paused or (count < SCRATCH_SIZE and not self.stream.has_pending()):
                return
        if self._turn.poller is not None and self.stream is not None and self.stream.has_pending():
            self._turn.poller.soon(self._read_on)

    def _read_on(self) -> None:
        if self.stage != _DONE:
            self.ready(READ)

    def make_room(self) -> None:
        """Packets were taken: if reading had stopped and half of the room is free again, the next turn goes on."""
        inbox, settings = self.connection.inbox, self.settings
        if (
            2 * inbox.queued_bytes > settings.inbound_buffer_size
            or 2 * len(inbox.packets) > settings.max_queued_packets
        ):
            return
        if self._turn.poller is not None:
            self._turn.poller.soon(self._read_on)

    def _unpause(self) -> None:
        connection = self.connection
        if connection.inbox.is_full():
            return
        connection.resume()
        self._look_at(connection)
        if not connection.inbox.is_full() and self.stream is not None:
            self.paused = False
            self.stream.want_read(True)

    # ------------------------------------------------------------------------------------------ sending

    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self.stage == _OPEN and self.connection.phase == _OPEN_PHASE

    def is_closing(self) -> bool:
        """Whether this side's close waits for its answer."""
        return self.stage == _OPEN and self.connection.phase == _CLOSING_PHASE

    def send(self, payload: bytes, is_text: bool, frame: bytes | None = None, reserve: int = 0) -> Error:
        """Send a message now, or at the end of the owner's turn. Source of the codes: reference godot-api section 3.

        Args:
            payload: the message.
            is_text: what it is sent as.
            frame: the same, framed once for many peers (`encode_message`); used where this peer can share it.
            reserve: bytes, and messages, that may wait beyond the limits.
        """
        if not self.is_open():
            return Error.FAILED
        if not self._has_room(len(payload), reserve):
            return Error.ERR_OUT_OF_MEMORY
        outbox = self.connection.outbox
        if frame is not None and outbox.can_share():
            outbox.send_encoded(frame)
        else:
            outbox.send_message(payload, is_text)
        return self._flush_soon()

    def _has_room(self, size: int, reserve: int) -> bool:
        outbox = self.connection.outbox
        if self._fits(size, reserve):
            return True
        if outbox.pending and self.is_gathered:
            self.flush()  # gathered in this turn: TCP may well take it
            if self._fits(size, reserve):
                return True
        self.was_refused = outbox.pending > 0
        return False

    def _fits(self, size: int, reserve: int) -> bool:
        outbox, settings = self.connection.outbox, self.settings
        limit = settings.outbound_buffer_size
        has_place = outbox.pending_messages < settings.max_queued_packets + reserve
        return has_place and (not limit or outbox.pending + size <= limit + reserve)

    def ping(self, payload: bytes) -> Error:
        """Send a ping; its answer sets `latency`. Raises ValueError when `payload` is longer than 125 bytes."""
        if not self.is_open():
            return Error.FAILED
        token = payload or os.urandom(4)
        self.connection.send_ping(token)
        self.round_trip.begin(token, self._clock.now())
        return self._flush_soon()

    def _flush_soon(self) -> Error:
        if self._turn.active:
            self._turn.gather(self)
            return Error.OK
        self.flush()
        return Error.OK if self.stage == _OPEN else Error.FAILED

    def flush(self) -> None:
        """Hand to the stream what it takes now; the rest follows later."""
        stream, outbox = self.stream, self.connection.outbox
        if stream is None or self.stage == _DONE:
            return
        if outbox.pending:
            try:
                taken = stream.send(outbox.data_to_send())
            except TransportError as problem:
                self._lose_sending(problem)
                return
            if taken:
                self.connection.data_sent(taken)
            stream.want_write(outbox.pending > 0)
        if self.stage > _OPEN and not outbox.pending:
            self._drained()
        if self.was_refused and self.has_drained():
            self._turn.touch(self)

    def has_drained(self) -> bool:
        """Whether half of the outbound room is free, in bytes and in messages."""
        outbox, settings = self.connection.outbox, self.settings
        has_places = 2 * outbox.pending_messages <= settings.max_queued_packets
        return has_places and 2 * outbox.pending <= settings.outbound_buffer_size

    def _lose_sending(self, problem: TransportError) -> None:
        """What the other side said before it went, a close frame say, may still be there to read."""
        if self.stage == _OPEN and not self.paused:
            with suppress(TransportError):
                self._read()
        self._lose(problem)
