"""A stream with the protocol on it: reading, pausing, sending, all within their limits.

What moves bytes for `NativeBackend`, which adds how a connection begins and ends, and what the connections of one owner
share while it polls. Everything on the hot path is here.

Layer: `websocket`; compiled (types in `base.pxd`).
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gdpeer.clock import Clock
from gdpeer.errors import Error, GdpeerError, TransportError
from gdpeer.protocol.connection import Connection
from gdpeer.transport.receive_buffer import SCRATCH_SIZE, scratch
from gdpeer.transport.stream import READ, WOULD_BLOCK, Stream
from gdpeer.websocket.backend.message_log import MessageLog
from gdpeer.websocket.backend.rate_limit import RateLimit
from gdpeer.websocket.settings import Settings

if TYPE_CHECKING:
    from gdpeer.logs import LogLimits
    from gdpeer.refusals import Refusals
    from gdpeer.transport.poller import Poller

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

__all__ = ["BackendBase", "RoundTrip", "Turn"]
_READS_A_TURN = 8  # then the others get theirs

# The stages and phases (`states.Stage`, `connection.Phase`); C integers once compiled (base.pxd).
_READ = READ
_IDLE = 0
_CONNECTING = 1
_OPEN = 3
_DONE = 6
_CLOSING_PHASE = 2

_UNLIMITED = sys.maxsize >> 3
"""Larger numbers would not fit into a C integer; nothing ever gets that large."""

_OK = Error.OK
_FAILED = Error.FAILED
_NO_ROOM = Error.ERR_OUT_OF_MEMORY


class RoundTrip:
    """The newest ping that was sent, and how long its answer took.

    Attributes:
        latency: seconds of the newest round trip; -1 before the first.
        is_waiting: whether the newest ping was not answered yet.
    """

    __slots__ = ("_pongs", "_sent", "_token", "is_waiting", "latency")

    def __init__(self) -> None:
        self.latency = -1.0
        self.is_waiting = False
        self._token = b""
        self._sent = 0.0
        self._pongs = 0

    def begin(self, token: bytes, now: float) -> None:
        """A ping with this payload goes out."""
        self._token = token
        self._sent = now
        self.is_waiting = True

    def end(self, pongs: int, payload: bytes, now: float) -> None:
        """So many pongs have come in all, the newest with this payload."""
        if pongs != self._pongs:
            self._pongs = pongs
            if self.is_waiting and payload == self._token:
                self.is_waiting = False
                self.latency = now - self._sent


class Turn:
    """One owner's turn: bytes come in, the owner's slots run, and what they sent goes out, one write for each
    connection.

    Args:
        poller: watches the streams and the deadlines; None where the owner steps its connection itself.

    Attributes:
        defers: what ends behind packets ends a turn later, as those who deal with them do so between turns.
        log_limits: of what is logged at INFO about connections, by address; None: their owner made them all.
        active: while true, what is sent is gathered, and goes out in `flush`. Outside a turn it goes out at once.
        touched: connections where something happened that the owner should look at.
    """

    __slots__ = ("_unsent", "active", "defers", "log_limits", "poller", "touched")

    def __init__(self, poller: Poller | None = None, log_limits: LogLimits | None = None) -> None:
        self.poller = poller
        self.log_limits = log_limits
        self.active = False
        self.defers = False
        self.touched: list[BackendBase] = []
        self._unsent: list[BackendBase] = []

    def touch(self, backend: BackendBase) -> None:
        """Have the owner look at `backend`; once a turn is enough."""
        if not backend.is_touched:
            backend.is_touched = True
            self.touched.append(backend)

    def take_touched(self) -> list[Any]:
        """The connections to look at since this was called last."""
        touched, self.touched = self.touched, []
        for backend in touched:
            backend.is_touched = False
        return touched

    def gather(self, backend: BackendBase) -> None:
        """Have `backend` flushed at the end of the turn."""
        if not backend.is_gathered:
            backend.is_gathered = True
            self._unsent.append(backend)

    def flush(self) -> None:
        """End the turn. Where a stream raises what it should not, the others are flushed at the end of the next one."""
        self.active = False
        unsent, self._unsent = self._unsent, []
        done = 0
        try:
            for backend in unsent:
                done += 1
                backend.is_gathered = False
                backend.flush()
        except BaseException:
            self._unsent += unsent[done:]
            raise


class BackendBase:
    """The moving of bytes.

    Args:
        settings: of the peer; `use` changes them. The limits of what is received are read here, once.
        clock: tells the time of round trips.
        turn: the owner's.
        is_client: the role.

    Attributes:
        stage: a `Stage` as int.
        stream: once it is there.
        connection: the protocol; carries HTTP's bytes as well, before it opens.
        outbox: the connection's; sending needs nothing else of it.
        round_trip: of pings, once there was one.
        paused: reading stopped, since too many packets wait to be taken.
        rate_limit: of what is received, where it has rates; None: none.
        refusals: what the layers above refused of it; None: nothing yet.
        message_log: logs each message; None: none is to be.
        bytes_received, bytes_sent, messages_sent, refused_sends: counters (`stats.PeerStats`).
        was_refused: a send was refused for want of room; its owner resets it when it tells that there is room again.
        is_touched, is_gathered: marks of the turn.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_most_packets",
        "_outbound_limit",
        "_reads_soon",
        "_told_limit",
        "_turn",
        "_waits_to_send",
        "bytes_received",
        "bytes_sent",
        "connection",
        "is_gathered",
        "is_touched",
        "message_log",
        "messages_sent",
        "outbox",
        "paused",
        "rate_limit",
        "refusals",
        "refused_sends",
        "round_trip",
        "settings",
        "stage",
        "stream",
        "was_refused",
    )

    def __init__(self, settings: Settings, clock: Clock, turn: Turn, *, is_client: bool) -> None:
        self.use(settings)
        self._clock = clock
        self._turn = turn
        self.stage = _IDLE
        self.stream: Stream | None = None
        self.connection = Connection(is_client, limits=settings.limits())
        self.outbox = self.connection.outbox
        self.round_trip: RoundTrip | None = None
        self.rate_limit: RateLimit | None = None
        self.refusals: Refusals | None = None
        self.message_log: MessageLog | None = None
        self.bytes_received = self.bytes_sent = self.messages_sent = self.refused_sends = 0
        self.paused = False
        self._waits_to_send = False
        self._reads_soon = False
        self._told_limit = False
        self.was_refused = False
        self.is_touched = False
        self.is_gathered = False

    def use(self, settings: Settings) -> None:
        """Go on with these."""
        self.settings = settings
        self._outbound_limit = min(settings.outbound_buffer_size, _UNLIMITED)
        self._most_packets = min(settings.max_queued_packets, _UNLIMITED)

    def ready(self, events: int) -> None:
        """Deal with readiness."""
        raise NotImplementedError

    def _receive(self, buffer: bytearray, count: int) -> None:
        """So many bytes arrived."""
        raise NotImplementedError

    def _look_at(self, connection: Connection) -> None:
        """What the data that just came changed."""
        raise NotImplementedError

    def _end_of_stream(self) -> None:
        """The other side's bytes ended."""
        raise NotImplementedError

    def _drained(self) -> None:
        """Everything queued is out."""
        raise NotImplementedError

    def _lose(self, problem: GdpeerError) -> None:
        """The stream broke."""
        raise NotImplementedError

    def _end_slow(self) -> None:
        """The other side reads too slowly to be kept."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------ receiving

    def _read(self) -> None:
        buffer = scratch.buffer
        reads = 0
        while reads < _READS_A_TURN:
            reads += 1
            if self.stream is None:
                return
            room = self.connection.wanted() if cython.compiled and self.stage == _OPEN else 0
            if room:
                count = self._receive_in_place(room)
            else:
                room = SCRATCH_SIZE
                count = self.stream.receive_into(buffer)
                if count > 0:
                    self.bytes_received += count
                    self._receive(buffer, count)
            if count <= 0:
                if count == 0:
                    self._end_of_stream()
                return
            if self.stage == _CONNECTING or self.stage == _DONE or self.paused:  # the first: anew, for a redirect
                return
            if count < room and not self.stream.has_pending():
                return
        if self.stream is not None and self.stream.has_pending():
            self._read_soon()

    def _receive_in_place(self, room: int) -> int:  # compiled only
        """Receive as many bytes straight into the message that they belong to."""
        connection, stream = self.connection, self.stream
        assert stream is not None
        target = connection.place(room)
        if target is cython.NULL:
            self._look_at(connection)
            return WOULD_BLOCK
        count = stream.receive_at(target, room)
        if count > 0:
            self.bytes_received += count
            connection.put(count)
            self._look_at(connection)
        return count

    def _read_soon(self) -> None:
        """Have the next turn go on reading, once."""
        if self._turn.poller is not None and not self._reads_soon:
            self._reads_soon = True
            self._turn.poller.soon(self._read_on)

    def _read_on(self) -> None:
        self._reads_soon = False
        if self.stage != _DONE:
            self.ready(_READ)

    def make_room(self) -> None:
        """Packets were taken: if reading had stopped and half of the room is free again, the next turn goes on."""
        inbox = self.connection.inbox
        is_roomy = 2 * inbox.queued_bytes <= self.settings.inbound_buffer_size and 2 * inbox.count <= self._most_packets
        if is_roomy:
            self._read_soon()

    def _unpause(self) -> None:
        connection = self.connection
        if connection.inbox.is_full() or (self.rate_limit is not None and self._is_in_debt(self.rate_limit)):
            return
        connection.resume()
        self._look_at(connection)
        if not connection.inbox.is_full() and self.stream is not None:
            self.paused = False
            self._want_read(True)

    def _want_read(self, wanted: bool) -> None:
        """Whether to read on; the end where the system cannot be told."""
        if self.stream is not None:
            try:
                self.stream.want_read(wanted)
            except TransportError as problem:
                self._lose(problem)

    def _is_in_debt(self, rate_limit: RateLimit) -> bool:
        """Whether more came than may; then reading goes on when that is made up for."""
        now = self._clock.now()
        wait = rate_limit.debt(now)
        if wait > 0 and rate_limit.timer is None and self._turn.poller is not None:
            rate_limit.timer = self._turn.poller.call_at(now + wait, self._end_of_debt)
        return wait > 0

    def _end_of_debt(self) -> None:
        if self.rate_limit is not None:
            self.rate_limit.timer = None
        self._read_on()

    # ------------------------------------------------------------------------------------------ sending

    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self.stage == _OPEN and self.outbox.is_open

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
        outbox = self.outbox
        if self.stage != _OPEN or not outbox.is_open:
            return _FAILED
        if not self._has_room(len(payload), reserve):
            return self._refuse(len(payload))
        self.messages_sent += 1
        if self.message_log is not None:
            self.message_log.sent(len(payload), is_text)
        if frame is not None and outbox.can_share():
            outbox.send_encoded(frame)
        else:
            outbox.send_message(payload, is_text)
        return self._flush_soon()

    def _has_room(self, size: int, reserve: int) -> bool:
        outbox = self.outbox
        if self._fits(size, reserve):
            return True
        if outbox.pending and self.is_gathered:
            self.flush()  # gathered in this turn: TCP may well take it
            if self._fits(size, reserve):
                return True
        self.was_refused = outbox.pending > 0
        return False

    def _refuse(self, size: int) -> Error:
        """A message finds no room; the end of a peer that is to blame for that, where it is to be."""
        self.refused_sends += 1
        limit = self._outbound_limit
        if limit and size > limit and not self._told_limit:
            self._told_limit = True
            self._tell_limit(size)
        is_slow = self.was_refused and (not limit or size <= limit)  # else nothing waits, or it would never fit
        if is_slow and self.settings.close_on_backpressure:
            self.was_refused = False
            self._end_slow()
        return _NO_ROOM

    def _tell_limit(self, size: int) -> None:
        """Say why a message will never go out; called once."""
        raise NotImplementedError

    def _fits(self, size: int, reserve: int) -> bool:
        outbox = self.outbox
        limit = self._outbound_limit
        has_place = outbox.pending_messages < self._most_packets + reserve
        return has_place and (not limit or outbox.pending + size <= limit + reserve)

    def ping(self, payload: bytes) -> Error:
        """Send a ping; its answer sets `latency`. Raises ValueError when `payload` is longer than 125 bytes."""
        if not self.is_open():
            return _FAILED
        token = payload or os.urandom(4)
        self.connection.send_ping(token)
        if self.round_trip is None:
            self.round_trip = RoundTrip()
        self.round_trip.begin(token, self._clock.now())
        return self._flush_soon()

    def _flush_soon(self) -> Error:
        if self._turn.active:
            self._turn.gather(self)
            return _OK
        self.flush()
        return _OK if self.stage == _OPEN else _FAILED

    def flush(self) -> None:
        """Hand to the stream what it takes now; the rest follows later."""
        stream, outbox = self.stream, self.outbox
        if stream is None or self.stage == _DONE:
            return
        if outbox.pending:
            try:
                taken = stream.send(outbox.data_to_send())
                self.bytes_sent += taken
                if taken and outbox.pending_control:
                    self.connection.data_sent(taken)
                elif taken:
                    outbox.data_sent(taken)
                if self._waits_to_send != (outbox.pending > 0):
                    stream.want_write(not self._waits_to_send)
                    self._waits_to_send = not self._waits_to_send
            except TransportError as problem:
                self._lose_sending(problem)
                return
        if self.stage > _OPEN and not outbox.pending:
            self._drained()
        if self.was_refused and self.has_drained():
            self._turn.touch(self)

    def has_drained(self) -> bool:
        """Whether half of the outbound room is free, in bytes and in messages."""
        outbox = self.outbox
        has_places = 2 * outbox.pending_messages <= self._most_packets
        return has_places and 2 * outbox.pending <= self._outbound_limit

    def _lose_sending(self, problem: TransportError) -> None:
        """What the other side said before it went, a close frame say, may still be there to read."""
        if self.stage == _OPEN and not self.paused:
            with suppress(TransportError):
                self._read()
        self._lose(problem)
