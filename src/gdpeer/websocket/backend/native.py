"""`NativeBackend`: one connection over a stream, from the first packet of TCP to the last.

It joins a stream (`transport`), the upgrade (`opening`) and the open connection (`protocol`), and keeps the deadlines.
It never waits. `states` draws its stages. A turn's poller watches it; without a poller, its peer calls `step`.

Reading, sending and the end call each other at many places: a read may find the end of TCP, and a send may find that
the connection broke. So all three are methods of one class.

Layer: `websocket`; compiled (types in `native.pxd`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache

from gdpeer.clock import Clock
from gdpeer.errors import Cause, CloseCause, Error, GdpeerError, TransportError
from gdpeer.logs import get_logger, report
from gdpeer.platform import process_id
from gdpeer.protocol.connection import Connection, Phase
from gdpeer.protocol.handshake import Opened
from gdpeer.protocol.http_headers import Request
from gdpeer.transport.receive_buffer import SCRATCH_SIZE, scratch
from gdpeer.transport.stream import READ, WOULD_BLOCK, WRITE, Connector, Stream
from gdpeer.websocket.backend.base import SLOW_CAUSE, SLOW_REASON, Backend, RoundTrip, Turn
from gdpeer.websocket.backend.connection_log import limit_of, log_line
from gdpeer.websocket.backend.deadline import NEVER, Deadline
from gdpeer.websocket.backend.http_answer import PAGE_STALL, Page
from gdpeer.websocket.backend.message_log import MessageLog, begin_message_log
from gdpeer.websocket.backend.rate_limit import RateLimit
from gdpeer.websocket.opening.upgrade import ClientUpgrade, Outcome, ServerUpgrade
from gdpeer.websocket.settings import Settings
from gdpeer.websocket.states import Stage

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

__all__ = ["LINGER", "TLS_GRACE", "NativeBackend"]

logger = get_logger("gdpeer.websocket")

LINGER = 1.0
"""Seconds for the other side to end TCP after the close. The engine does it at once; browsers wait for the server."""

TLS_GRACE = 0.2
"""Seconds between the last close frame and close_notify, over TLS. If the end of TLS comes in the same read as the
close frame, the engine drops the frame and reports an unclean end. Some frames of the game later it has handled it."""

TRY_WSS = "; is it a TLS port? try wss://"

# C integers once compiled (native.pxd).
STAGE_CONNECTING = int(Stage.CONNECTING)
STAGE_UPGRADING = int(Stage.UPGRADING)
STAGE_OPEN = int(Stage.OPEN)
STAGE_PARTING = int(Stage.PARTING)
STAGE_LINGERING = int(Stage.LINGERING)
STAGE_DONE = int(Stage.DONE)
PHASE_CLOSING = int(Phase.CLOSING)
PHASE_CLOSED = int(Phase.CLOSED)
_READ = READ
_WRITE = WRITE
_READS_A_TURN = 8  # of one connection; then the others get theirs
_MOST_DROPPED = 1_048_576  # bytes that may still arrive after the end

# Once, for an enumeration finds its members slowly.
_OK, _FAILED, _NO_ROOM = Error.OK, Error.FAILED, Error.ERR_OUT_OF_MEMORY
_NO_END = Cause.NONE

_DONE = ServerUpgrade.done()  # of all open connections: they keep only a request


@cache
def _closed_with(code: int) -> CloseCause:
    return CloseCause(Cause.CLOSED, f"closed with code {code}")


class NativeBackend(Backend):
    """One connection over a stream.

    Args:
        settings: of the peer; most are read when the handshake begins.
        clock: tells the time for deadlines.
        upgrade: the role's part of the handshake, with the same settings.
        turn: the owner's.
        peer_id, port: see `Backend`.

    Attributes:
        stream: carries the bytes; None while a connector is still at work.
        connection: the protocol. Its outbox carries HTTP's bytes as well, before the connection opens.
        outbox: the connection's.
        upgrade: see above. Once the connection is open, only its request is left (`kept_request`).
        kept_request: what an open connection keeps of its upgrade; None: nothing, or the upgrade is not done.
        deadline: of the upgrade, the next heartbeat, the close, or the linger: only one of them is under way.
    """

    __slots__ = (
        "_connector",
        "_dropped",
        "_is_shut",
        "_message_log",
        "_page",
        "_process",
        "_rate_limit",
        "_reads_soon",
        "_waits_to_send",
        "connection",
        "deadline",
        "kept_request",
        "outbox",
        "stream",
        "upgrade",
    )

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        upgrade: ClientUpgrade | ServerUpgrade,
        turn: Turn,
        peer_id: int = 0,
        port: int = 0,
    ) -> None:
        self.connection = connection = Connection(upgrade.is_client, limits=settings.limits())
        super().__init__(settings, clock, turn, connection.inbox, upgrade.is_client, peer_id, port)
        self.outbox = connection.outbox
        self.upgrade = upgrade
        self.kept_request: Request | None = None
        self.stream: Stream | None = None
        self.deadline = Deadline(clock, turn, self)
        self._connector: Connector | None = None
        self._message_log: MessageLog | None = None
        self._rate_limit: RateLimit | None = None
        self._page: Page | None = None
        self._waits_to_send = False
        self._reads_soon = False
        self._is_shut = False
        self._dropped = 0
        self._process = process_id()

    # ------------------------------------------------------------------------------------------ opening

    def start(self, stream: Stream | Connector) -> None:
        """Begins on a stream, or on a connector, which keeps a deadline of its own."""
        if not self.is_client:
            self.deadline.set(self.settings.handshake_timeout)
        if isinstance(stream, Stream):
            self._take_stream(stream)
            return
        self.stage = STAGE_CONNECTING
        self._connector = stream
        self.attach()

    def attach(self) -> None:
        """See `Backend`."""
        pollable = self._connector or self.stream
        if self._turn.poller is None or pollable is None:
            return
        try:
            pollable.attach(self._turn.poller, self)
        except TransportError as problem:
            self._lose(problem)
            return
        self.deadline.arm()
        if self.paused:
            # Packets may have been taken while there was no poller to ask for the next read.
            self._read_soon()

    def _advance(self) -> None:
        assert self._connector is not None
        stream = self._connector.advance()
        if stream is not None:
            self._connector.detach()
            self._connector = None
            self._take_stream(stream)

    def _take_stream(self, stream: Stream) -> None:
        self.stream = stream
        self.stage = STAGE_UPGRADING
        self.attach()
        if self.stage == STAGE_DONE:  # the system does not watch it
            return
        # A client that follows a redirect has a deadline already: one for all hops together.
        if self.deadline.when == NEVER:
            self.deadline.set(self.settings.handshake_timeout)
        self._send_raw(self.upgrade.begin())

    def _upgrade(self, data: bytes) -> None:
        assert self.stream is not None
        outcome = self.upgrade.receive(data, self.stream)
        if outcome is not None:
            self._take_outcome(outcome)

    def _take_outcome(self, outcome: Outcome) -> None:
        if outcome.elsewhere is not None:
            self._follow_redirect(outcome.elsewhere)
        elif outcome.opened is None:
            self._answer(outcome)
        else:
            self._open(outcome.opened, outcome.data, outcome.leftover)

    def _follow_redirect(self, make_connector: Callable[[], Connector]) -> None:
        """Begins again on another stream. Bytes that still wait for the first stream are dropped."""
        assert self.stream is not None
        self.stream.close()
        self.stream = None
        self.connection = connection = Connection(self.is_client, limits=self.settings.limits())
        self.inbox = connection.inbox
        self.outbox = connection.outbox
        self._note_wait(False)
        self.stage = STAGE_CONNECTING
        self.start(make_connector())

    def _answer(self, outcome: Outcome) -> None:
        """Ends with an HTTP response: on a server its own, on a client the server's."""
        limit = limit_of(self._turn.log_limits, self.stream)
        self._end(-1, "", outcome.cause)
        self._send_raw(outcome.data)
        self._page = Page(outcome.sending, self._clock.now()) if outcome.data else None
        is_on_its_way = self.outbox.pending or outcome.sending is not None
        self._part(STAGE_LINGERING, PAGE_STALL if is_on_its_way else LINGER)
        # Last: a handler of the log may use this connection, and must find it ended.
        log_line(limit, "peer %s: %s", self.peer_id, outcome.cause)

    def _open(self, opened: Opened, data: bytes, leftover: bytes) -> None:
        settings = self.settings
        self.opened = opened
        self.stage = STAGE_OPEN
        if data:  # with what the owner sends in this turn
            self.outbox.send_raw(data)
            self._flush_soon()
        if opened.deflate is not None:
            self.connection.compress(opened.deflate, settings.compression_threshold)
        self.restart_heartbeat()
        request = self.kept_request = self.upgrade.request
        self.upgrade = _DONE
        self._message_log = begin_message_log(self.peer_id, "" if request is None else request.target)
        if settings.message_rate or settings.byte_rate:
            self._rate_limit = RateLimit(settings.message_rate, settings.byte_rate, self._clock.now())
        if leftover:
            self._receive(bytearray(leftover), len(leftover))

    def go_on(self) -> None:
        """Asks the upgrade again: it waited for a decision, which has come."""
        if self.stage == STAGE_UPGRADING:
            self._upgrade(b"")
            self._turn.touch(self)

    def _send_raw(self, data: bytes) -> None:
        if data:
            self.outbox.send_raw(data)
            self.flush()

    # ------------------------------------------------------------------------------------------ facts

    def request(self) -> Request | None:
        """See `Backend`."""
        return self.upgrade.request or self.kept_request

    def remote_address(self) -> tuple[str, int]:
        """See `Backend`."""
        return ("", 0) if self.stream is None else self.stream.remote_address

    def is_secure(self) -> bool:
        """See `Backend`."""
        return self.stream is not None and self.stream.is_secure

    def set_no_delay(self, enabled: bool) -> None:
        """See `Backend`."""
        if self.stream is not None:
            self.stream.set_no_delay(enabled)

    # ------------------------------------------------------------------------------------------ receiving

    def step(self) -> None:
        """See `Backend`."""
        if self._clock.now() >= self.deadline.when:
            self.deadline.check()
        if STAGE_CONNECTING <= self.stage < STAGE_DONE:
            self.ready(_READ | _WRITE)

    def __call__(self, events: int) -> None:
        """Handles readiness, for the poller: a bound method would take more memory for each connection."""
        self.ready(events)

    def ready(self, events: int) -> None:
        """Handles readiness of the stream or the connector; called by the poller, or by `step`."""
        try:
            if self.stage == STAGE_CONNECTING:
                self._advance()
            if self.paused:
                self._unpause()
            if events & _READ and not self.paused and self.stage >= STAGE_UPGRADING:
                self._read()
        except TransportError as problem:
            self._lose(problem)
        if self.outbox.pending or self._page is not None:
            self._flush_soon()
        self._turn.touch(self)

    def _read(self) -> None:
        buffer = scratch.buffer
        reads = 0
        while reads < _READS_A_TURN:
            reads += 1
            if self.stream is None:
                return
            # A large message is received into the memory that it will stay in: that saves a copy of each byte.
            room = self.connection.wanted() if cython.compiled and self.stage == STAGE_OPEN else 0
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
            # CONNECTING again: the server sent a redirect, so that the rest of this stream does not matter.
            if self.stage == STAGE_CONNECTING or self.stage == STAGE_DONE or self.paused:
                return
            if count < room and not self.stream.has_pending():
                return
        if self.stream is not None and self.stream.has_pending():
            # TLS holds bytes that it has decrypted already. The system reports no readiness for them.
            self._read_soon()

    def _receive_in_place(self, room: int) -> int:  # compiled only
        """Receives up to `room` bytes into the message that they belong to; returns as `Stream.receive_into`."""
        connection, stream = self.connection, self.stream
        assert stream is not None
        target = connection.place(room)
        if target is cython.NULL:
            self._on_change(connection)
            return WOULD_BLOCK
        count = stream.receive_at(target, room)
        if count > 0:
            self.bytes_received += count
            connection.put(count)
            self._on_change(connection)
        return count

    def _receive(self, buffer: bytearray, count: int) -> None:
        if self.stage == STAGE_OPEN:
            self.connection.receive_data(buffer, count)
            self._on_change(self.connection)
        elif self.stage == STAGE_UPGRADING:
            self._upgrade(bytes(memoryview(buffer)[:count]))
        else:
            self._dropped += count
            if self._dropped > _MOST_DROPPED:
                self._finish()

    def _on_change(self, connection: Connection) -> None:
        """Acts on what the received bytes changed: a pong, packets, the end, a full inbox."""
        trip = self.round_trip
        if trip is not None and trip.is_waiting:
            trip.end(connection.pongs, connection.last_pong, self._clock.now())
        if self._message_log is not None:
            self._message_log.received(connection.inbox)
        if connection.phase == PHASE_CLOSED:
            self._end_of_connection(connection)
        elif self.stream is not None and (connection.inbox.is_full() or self._is_too_fast()):
            self.paused = True
            self._want_read(False)

    def _is_too_fast(self) -> bool:
        """Counts the received bytes and packets against the rate limit; returns whether reading must pause."""
        if self._rate_limit is None:
            return False
        self._rate_limit.charge(self.inbox.received, self.bytes_received, self._clock.now())
        is_in_debt = self._is_in_debt()
        self.throttled += is_in_debt and not self.paused
        return is_in_debt

    def _is_in_debt(self) -> bool:
        limit = self._rate_limit
        return limit is not None and limit.is_in_debt(self._clock.now(), self._turn.poller, self._read_on)

    def make_room(self) -> None:
        """See `Backend`."""
        inbox = self.inbox
        # Half of the room must be free, so that a reader of single packets does not switch reading for each packet.
        if 2 * inbox.queued_bytes <= self.settings.inbound_buffer_size and 2 * inbox.count <= self._most_packets:
            self._read_soon()

    def _unpause(self) -> None:
        connection = self.connection
        if connection.inbox.is_full() or self._is_in_debt():
            return
        connection.resume()
        self._on_change(connection)
        if not connection.inbox.is_full() and self.stream is not None:
            self.paused = False
            self._want_read(True)

    def _want_read(self, wanted: bool) -> None:
        """Switches reading; ends the connection if the system cannot be told."""
        if self.stream is not None:
            try:
                self.stream.want_read(wanted)
            except TransportError as problem:
                self._lose(problem)

    def _read_soon(self) -> None:
        """Has the next turn read on; without a poller `step` does it anyway."""
        if self._turn.poller is not None and not self._reads_soon:
            self._reads_soon = True
            self._turn.poller.soon(self._read_on)

    def _read_on(self) -> None:
        self._reads_soon = False
        if self.stage != STAGE_DONE:
            self.ready(_READ)

    # ------------------------------------------------------------------------------------------ sending

    def is_open(self) -> bool:
        """See `Backend`."""
        return self.stage == STAGE_OPEN and self.outbox.is_open

    def is_closing(self) -> bool:
        """See `Backend`."""
        return self.stage == STAGE_OPEN and self.connection.phase == PHASE_CLOSING

    def send(self, payload: bytes, is_text: bool, frame: bytes | None = None, reserve: int = 0) -> Error:
        """See `Backend`. Source of the codes: reference godot-api section 3."""
        outbox = self.outbox
        if self.stage != STAGE_OPEN or not outbox.is_open:
            return _FAILED
        if not self._has_room(len(payload), reserve, 1):
            if self._count_refused(len(payload), outbox.pending):
                self._end_slow()
            return _NO_ROOM
        self.messages_sent += 1
        if self._message_log is not None:
            self._message_log.sent(len(payload), is_text)
        if frame is not None and outbox.can_share():
            outbox.send_encoded(frame)
        else:
            outbox.send_message(payload, is_text)
        return self._flush_soon()

    def send_block(self, frames: bytes, count: int) -> bool:
        """See `Backend`."""
        outbox = self.outbox
        if self.stage != STAGE_OPEN or not outbox.is_open or self._message_log is not None or not outbox.can_share():
            return False
        if not self._has_room(len(frames), 0, count):
            return False
        self.messages_sent += count
        outbox.send_encoded(frames, count)
        self._flush_soon()
        return True

    def _has_room(self, size: int, reserve: int, count: int) -> bool:
        if self._fits(size, reserve, count):
            return True
        if not self.outbox.pending or not self.is_gathered:
            return False
        # The messages that wait were gathered in this turn: TCP may well take them now.
        self.flush()
        return self._fits(size, reserve, count)

    def _fits(self, size: int, reserve: int, count: int) -> bool:
        outbox = self.outbox
        limit = self._outbound_limit
        has_place = outbox.pending_messages + count <= self._most_packets + reserve
        return has_place and (not limit or outbox.pending + size <= limit + reserve)

    def outbound_bytes(self) -> int:
        """See `Backend`."""
        return self.outbox.pending

    def outbound_packets(self) -> int:
        """See `Backend`."""
        return self.outbox.pending_messages

    def ping(self, payload: bytes) -> Error:
        """See `Backend`."""
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
        return _OK if self.stage == STAGE_OPEN else _FAILED

    def flush(self) -> None:
        """See `Backend`."""
        stream, outbox = self.stream, self.outbox
        if stream is None or self.stage == STAGE_DONE:
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
                    self._note_wait(not self._waits_to_send)
            except TransportError as problem:
                self._lose_sending(problem)
                return
        if self.stage > STAGE_OPEN and not outbox.pending:
            self._end_sending()
        if self.was_refused and self.has_drained():
            self._turn.touch(self)

    def _note_wait(self, waits: bool) -> None:
        """Notes whether bytes wait until the system has room for them."""
        if waits != self._waits_to_send:
            self._waits_to_send = waits
            self._turn.stalled += 1 if waits else -1

    def _lose_sending(self, problem: TransportError) -> None:
        if self.stage == STAGE_OPEN and not self.paused:
            # The last words of the other side, a close frame perhaps, may still be there to read.
            with suppress(TransportError):
                self._read()
        self._lose(problem)

    # ------------------------------------------------------------------------------------------ closing

    def is_held(self) -> bool:
        """See `Backend`."""
        return self.connection.is_held()

    def settle(self) -> None:
        """See `Backend`."""
        if not self._turn.defers:
            self._settle()
        elif self._turn.poller is not None and self.connection.is_held():
            self._turn.poller.soon(self._settle_late)

    def _settle_late(self) -> None:
        self._settle()
        self._turn.touch(self)

    def _settle(self) -> None:
        if self.stage == STAGE_OPEN and self.connection.settle():
            self._on_change(self.connection)

    def close(self, code: int, reason: str) -> None:
        """See `Backend`. In a forked process this only closes the descriptor: the connection is the parent's."""
        if self._process != process_id():
            self.abort("this process was forked: the connection is its parent's")
        elif code >= 0 and self.stage >= STAGE_OPEN:
            if self.is_open():
                self.connection.send_close(code, reason)
                self.deadline.set(self.settings.close_timeout)
                self._flush_soon()
        elif self.stage < STAGE_LINGERING:
            self.abort("closed here without a close frame")

    def _end_slow(self) -> None:
        limit = limit_of(self._turn.log_limits, self.stream)
        self._end(1013, SLOW_REASON, SLOW_CAUSE)
        self.close(1013, SLOW_REASON)
        # Last: a handler of the log may send to this peer, and must find it closing.
        log_line(limit, "peer %s: closed with 1013: %s", self.peer_id, SLOW_CAUSE)

    def say_goodbye(self, code: int, reason: str) -> float:
        """See `Backend`."""
        self.close(code, reason)
        self.flush()
        is_owed = self.is_secure() and (self.stage == STAGE_OPEN or self.stage == STAGE_PARTING)
        return TLS_GRACE if is_owed else 0.0

    def leave(self) -> None:
        """See `Backend`."""
        if self.stream is not None and self.stage != STAGE_DONE:
            with suppress(TransportError):
                self.stream.close_write()
                # Bytes that nobody read would turn the end into a reset, which can overtake the close frame.
                while self.stream.receive_into(scratch.buffer) > 0 and self._dropped < _MOST_DROPPED:
                    self._dropped += SCRATCH_SIZE
        self.abort("this side stopped")

    def abort(self, detail: str, cause: Cause = Cause.DROPPED) -> None:
        """See `Backend`."""
        if self.stage < STAGE_LINGERING:
            self._lose(TransportError(detail, cause))
        else:  # the cause is known already
            self._settle()
            self._finish()

    def let_go(self) -> None:
        """Ends, and leaves the stream open: another connection has taken it."""
        self.stream = None
        self._finish()

    # ------------------------------------------------------------------------------------------ the end

    def _end_of_stream(self) -> None:
        """Handles that the other side will send nothing more."""
        if self.connection.is_held():
            # A close frame came first. It waits until the packets before it were taken.
            self._want_read(False)
        elif self.stage < STAGE_LINGERING:
            what = "without a close frame" if self.stage == STAGE_OPEN else "before the upgrade was done"
            self._lose(TransportError(f"the other side ended the connection {what}"))
        elif self._is_shut or not (self.outbox.pending or (self._page is not None and self._page.has_more())):
            self._finish()
        else:
            # A client of HTTP may end its side once it has asked. The response goes out all the same.
            self._want_read(False)

    def _end_of_connection(self, connection: Connection) -> None:
        """Handles that close frames were exchanged, or that the other side broke the protocol."""
        failure = connection.failure
        if failure is None:
            cause = _closed_with(connection.close_code)
        else:
            cause = CloseCause(Cause.TOO_BIG if failure.code == 1009 else Cause.PROTOCOL_ERROR, failure.detail)
        limit = None if failure is None else limit_of(self._turn.log_limits, self.stream)
        self.closed_by_remote = connection.closed_by_remote
        self._end(connection.close_code, connection.close_reason, cause)
        said_last = connection.closed_by_remote or failure is not None
        if said_last and self.is_secure():
            self._part(STAGE_PARTING, TLS_GRACE)
        else:
            self._part(STAGE_LINGERING, LINGER)
        if failure is not None:
            log_line(limit, "peer %s: %s", self.peer_id, cause)

    def _lose(self, problem: GdpeerError) -> None:
        """Ends at once: the stream broke, or is given up."""
        # A close frame that waits for its packets came before: that is how the connection ended.
        self._settle()
        if self.stage >= STAGE_LINGERING:
            self._finish()
            return
        cause = CloseCause(problem.cause, problem.detail)
        if problem.cause is Cause.TCP and self.stage == STAGE_UPGRADING:
            cause = CloseCause(problem.cause, problem.detail + self._hint())
        limit = limit_of(self._turn.log_limits, self.stream)
        self._end(-1, "", cause)
        self._finish()
        log_line(limit, "peer %s: %s", self.peer_id, cause)

    def _hint(self) -> str:
        """Returns a guess at the mistake if a server ended TCP as soon as it saw HTTP."""
        is_plain = self.is_client and self.stream is not None and not self.stream.is_secure
        return TRY_WSS if is_plain and not self.bytes_received else ""

    def _end(self, code: int, reason: str, cause: CloseCause) -> None:
        if self.cause.cause is _NO_END:  # the first cause counts: the others follow from it
            self.close_code = code
            self.close_reason = reason
            self.cause = cause

    def _part(self, stage: int, seconds: float) -> None:
        """Goes to a stage in which queued bytes go out and received bytes are dropped, for at most `seconds`."""
        self.stage = stage
        self.paused = False
        self._want_read(True)
        if self.stage == stage:  # else the system has ended it
            self.deadline.set(seconds)
            self._flush_soon()

    def _end_sending(self) -> None:
        """Shuts the write side, once lingering, if a page has nothing more to send."""
        if self.stage != STAGE_LINGERING or self._is_shut or self.stream is None:
            return
        if self._page is not None and not self._send_page(self._page):
            return
        self._is_shut = True
        self.deadline.set(LINGER)
        try:
            self.stream.close_write()
        except TransportError:
            self._finish()

    def _send_page(self, page: Page) -> bool:
        """Sends more of a page, of which no byte waits in the outbox; returns whether all of it is out."""
        stream = self.stream
        assert stream is not None
        try:
            self.bytes_sent += page.send_pieces(stream, self.outbox)
            if not page.has_more():
                return True
            if not self._waits_to_send:
                stream.want_write(True)
                self._note_wait(True)
        except TransportError as problem:
            self._lose(problem)
        except Exception:
            # A file that became shorter, or an iterator of the game's. The client sees a response that breaks off.
            report(logger, "peer %s: a page broke off", self.peer_id)
            self._finish()
        return False

    def _finish(self) -> None:
        """Closes the stream, and drops everything that only an open connection needs."""
        self.stage = STAGE_DONE
        self.paused = False
        self._note_wait(False)
        for pollable in (self._connector, self.stream):
            if pollable is not None:
                pollable.close()
        self._connector = None
        if self._page is not None:
            self._page.close()
            self._page = None
        self.deadline.close()
        if self._rate_limit is not None:
            self._rate_limit.stop()
        self._turn.touch(self)

    # ------------------------------------------------------------------------------------------ deadlines

    def on_deadline(self) -> None:
        """Called at or after the moment of `deadline`."""
        self._turn.touch(self)
        if self.stage == STAGE_UPGRADING:
            self._take_outcome(self.upgrade.time_out())
        elif self.is_open():
            self._heartbeat()
        elif self.stage == STAGE_PARTING:
            self._part(STAGE_LINGERING, LINGER)
        elif self.stage == STAGE_LINGERING:
            self._end_lingering()
        else:
            what = "closing" if self.stage == STAGE_OPEN else "connecting"
            self._lose(TransportError(f"{what} took too long", Cause.TIMEOUT))

    def _end_lingering(self) -> None:
        """Ends, unless a page is on its way out and its reader goes on."""
        page = self._page
        if page is not None and page.goes_on(self.bytes_sent, self.outbox.pending, self.stream, self._clock.now()):
            self.deadline.set(LINGER if self._is_shut else PAGE_STALL)
        else:
            self._finish()

    def restart_heartbeat(self) -> None:
        """See `Backend`."""
        if self.is_open():
            self.deadline.set(self.settings.heartbeat_interval or NEVER)

    def _heartbeat(self) -> None:
        trip = self.round_trip
        # While reading is paused, the answer may have come and not been read.
        if trip is not None and trip.is_waiting and not self.paused:
            self._lose(TransportError("a heartbeat was not answered in time", Cause.TIMEOUT))
            return
        self.restart_heartbeat()
        self.ping(b"")
