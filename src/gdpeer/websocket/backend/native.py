"""The native backend of `WebSocketPeer`: one connection from the first packet of TCP to the last.

It joins a stream (`transport`), the upgrade and the open connection (`protocol`) and keeps the deadlines. It never
waits. Its stages are drawn in `states`.

Watched by an owner's poller through a `Turn`, or stepped by its peer's `poll()`.

Layer: `websocket`; compiled (types in `native.pxd`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache

from gdpeer.clock import Clock
from gdpeer.errors import NO_CAUSE, Cause, CloseCause, GdpeerError, TransportError
from gdpeer.logs import get_logger, log_limited, report
from gdpeer.platform import process_id
from gdpeer.protocol.connection import Connection, check_close
from gdpeer.protocol.handshake import Opened
from gdpeer.transport.receive_buffer import SCRATCH_SIZE, scratch
from gdpeer.transport.stream import READ, WRITE, Connector, Stream
from gdpeer.websocket.backend.base import BackendBase, Turn
from gdpeer.websocket.backend.connection_log import limit_of, tell
from gdpeer.websocket.backend.deadline import NEVER, Deadline
from gdpeer.websocket.backend.http_answer import PAGE_STALL, Page
from gdpeer.websocket.backend.message_log import begin_message_log
from gdpeer.websocket.backend.rate_limit import RateLimit
from gdpeer.websocket.opening.upgrade import ClientUpgrade, Outcome, ServerUpgrade
from gdpeer.websocket.settings import Settings

__all__ = ["LINGER", "SLOW_CAUSE", "SLOW_REASON", "TLS_GRACE", "NativeBackend", "leave"]

logger = get_logger("gdpeer.websocket")

LINGER = 1.0
"""Seconds for the other side to end TCP after the close. The engine does it at once; browsers wait for the server."""

TLS_GRACE = 0.2
"""Seconds between our last close frame and close_notify, over TLS. The engine drops the close frame that it has just
read when the end of TLS comes with it, and then reports an unclean end; some frames later it has dealt with it."""

SLOW_REASON = "Reads too slowly"
"""The reason that goes with 1013."""

SLOW_CAUSE = CloseCause(Cause.TOO_SLOW, "it does not read what waits for it")

TRY_WSS = "; is it a TLS port? try wss://"

_LINGER_BYTES = 1_048_576  # of what arrives after the end
_PIECES_A_TURN = 2  # of a page, and one that waits for the next turn; then the others get theirs

# The stages and phases (`states.Stage`, `connection.Phase`); C integers once compiled (native.pxd).
_READ = READ
_WRITE = WRITE
_CONNECTING = 1
_UPGRADING = 2
_OPEN = 3
_PARTING = 4
_LINGERING = 5
_DONE = 6
_CLOSED_PHASE = 3
_NO_END = Cause.NONE  # once, for an enumeration finds its members slowly


def leave(backends: Iterable[NativeBackend], code: int, reason: str) -> None:
    """End connections with a close frame and without their answers; over TLS this waits for `TLS_GRACE`, once for all.

    Raises:
        ValueError: the code may not be sent, or the reason is too long.
    """
    check_close(code, reason)
    leaving = list(backends)
    grace = max((backend.say_goodbye(code, reason) for backend in leaving), default=0.0)
    if grace:
        time.sleep(grace)
    for backend in leaving:
        backend.leave()


@cache
def _closed_with(code: int) -> CloseCause:
    return CloseCause(Cause.CLOSED, f"closed with code {code}")


class NativeBackend(BackendBase):
    """One connection.

    Args:
        settings: of the peer; most are read when the handshake begins.
        clock: tells the time for deadlines.
        upgrade: the role's; its settings are the same.
        turn: the owner's.
        peer_id: the owner's name for it, shown in logs.
        port: see below.

    Attributes:
        is_client: the role.
        opened: what the handshake agreed on; None before.
        cause, close_code, close_reason: how it ended.
        deadline: of what is under way: the upgrade, the close, the heartbeat, the linger.
        announced: how many packets the owner has told of; its own count.
        port: this side's, where a listener of the owner's accepted the connection; else 0.
    """

    __slots__ = (
        "_connector",
        "_linger_bytes",
        "_page",
        "_process",
        "_shut",
        "announced",
        "cause",
        "close_code",
        "close_reason",
        "deadline",
        "is_client",
        "opened",
        "peer_id",
        "port",
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
        super().__init__(settings, clock, turn, is_client=upgrade.is_client)
        self.peer_id = peer_id
        self.port = port
        self.upgrade = upgrade
        self.is_client = upgrade.is_client
        self.opened: Opened | None = None
        self._connector: Connector | None = None
        self.cause = NO_CAUSE
        self.close_code = -1
        self.close_reason = ""
        self.deadline = Deadline(clock, turn, self)
        self._shut = False
        self._linger_bytes = 0
        self._page: Page | None = None
        self.announced = 0
        self._process = process_id()

    # ------------------------------------------------------------------------------------------ opening

    def start(self, stream: Stream | Connector) -> None:
        """Begin on a stream, or one that is still coming to be and keeps its own deadline."""
        if not self.is_client:
            self.deadline.set(self.settings.handshake_timeout)
        if isinstance(stream, Stream):
            self._take_stream(stream)
            return
        self.stage = _CONNECTING
        self._connector = stream
        self.attach()

    def attach(self) -> None:
        """Have the turn's poller watch, if it has one."""
        pollable = self._connector or self.stream
        if self._turn.poller is not None and pollable is not None:
            try:
                pollable.attach(self._turn.poller, self.ready)
            except TransportError as problem:
                self._lose(problem)
                return
            self.deadline.arm()
            if self.paused:
                self._read_soon()  # room may have been made while there was no poller to tell

    def _advance(self) -> None:
        assert self._connector is not None
        stream = self._connector.advance()
        if stream is not None:
            self._connector.detach()
            self._connector = None
            self._take_stream(stream)

    def _take_stream(self, stream: Stream) -> None:
        self.stream = stream
        self.stage = _UPGRADING
        self.attach()
        if self.stage == _DONE:  # the system does not watch it
            return
        if self.deadline.when == NEVER:  # else a client that was sent elsewhere: one deadline for all of its way
            self.deadline.set(self.settings.handshake_timeout)
        self._send_raw(self.upgrade.begin())

    def _upgrade(self, data: bytes) -> None:
        assert self.stream is not None
        outcome = self.upgrade.receive(data, self.stream)
        if outcome is not None:
            self._take_outcome(outcome)

    def _take_outcome(self, outcome: Outcome) -> None:
        if outcome.elsewhere is not None:
            self._go_elsewhere(outcome.elsewhere)
            return
        if outcome.opened is None:
            limit = limit_of(self._turn.log_limits, self.stream)
            self._end(-1, "", outcome.cause)
            self._send_raw(outcome.data)
            self._page = Page(outcome.sending, self._clock.now()) if outcome.data else None
            is_on_its_way = self.connection.outbox.pending or outcome.sending is not None
            self._part(_LINGERING, PAGE_STALL if is_on_its_way else LINGER)
            tell(limit, "peer %s: %s", self.peer_id, outcome.cause)
            return
        self.opened = outcome.opened
        self.stage = _OPEN
        self._send_raw(outcome.data)
        if outcome.opened.deflate is not None:
            self.connection.compress(outcome.opened.deflate, self.settings.compression_threshold)
        self.restart_heartbeat()
        self.message_log = begin_message_log(
            self.peer_id, "" if self.upgrade.request is None else self.upgrade.request.target
        )
        if self.settings.message_rate or self.settings.byte_rate:
            self.rate_limit = RateLimit(self.settings.message_rate, self.settings.byte_rate, self._clock.now())
        if outcome.leftover:
            self._receive(bytearray(outcome.leftover), len(outcome.leftover))

    def _go_elsewhere(self, make_connector: Callable[[], Connector]) -> None:
        """Where a redirect leads, over another stream, which gets nothing of what was to go out on this one."""
        assert self.stream is not None
        self.stream.close()
        self.stream = None
        self.connection = Connection(self.is_client, limits=self.settings.limits())
        self.outbox = self.connection.outbox
        self._waits_to_send = False
        self.stage = _CONNECTING
        self.start(make_connector())

    def go_on(self) -> None:
        """Ask the upgrade anew: what it waited for before it could answer is there."""
        if self.stage == _UPGRADING:
            self._upgrade(b"")
            self._turn.touch(self)

    def _send_raw(self, data: bytes) -> None:
        if data:
            self.connection.outbox.send_raw(data)
            self.flush()

    # ------------------------------------------------------------------------------------------ going on

    def step(self) -> None:
        """Go on as far as can be done without waiting: for a connection that no poller watches."""
        if self._clock.now() >= self.deadline.when:
            self.deadline.check()
        if _CONNECTING <= self.stage < _DONE:
            self.ready(_READ | _WRITE)

    def ready(self, events: int) -> None:
        """Deal with readiness; called by the poller, or by `step`."""
        try:
            if self.stage == _CONNECTING:
                self._advance()
            if self.paused:
                self._unpause()
            if events & _READ and not self.paused and self.stage >= _UPGRADING:
                self._read()
        except TransportError as problem:
            self._lose(problem)
        if self.connection.outbox.pending or self._page is not None:
            self._flush_soon()
        self._turn.touch(self)

    def _receive(self, buffer: bytearray, count: int) -> None:
        if self.stage == _OPEN:
            self.connection.receive_data(buffer, count)
            self._look_at(self.connection)
        elif self.stage == _UPGRADING:
            self._upgrade(bytes(memoryview(buffer)[:count]))
        else:
            self._linger_bytes += count
            if self._linger_bytes > _LINGER_BYTES:
                self._finish()

    def _look_at(self, connection: Connection) -> None:
        """What the data that just came changed."""
        trip = self.round_trip
        if trip is not None and trip.is_waiting:
            trip.end(connection.pongs, connection.last_pong, self._clock.now())
        if self.message_log is not None:
            self.message_log.received(connection.inbox)
        if connection.phase == _CLOSED_PHASE:
            self._end_of_connection(connection)
        elif self.stream is not None and (connection.inbox.is_full() or self._is_too_fast()):
            self.paused = True
            self._want_read(False)

    def _is_too_fast(self) -> bool:
        """Charge the rate_limit, where there is one, with what came; whether reading is to pause."""
        rate_limit = self.rate_limit
        if rate_limit is None:
            return False
        rate_limit.charge(self.connection.inbox.received, self.bytes_received, self._clock.now())
        is_too_fast = self._is_in_debt(rate_limit)
        rate_limit.throttled += is_too_fast and not self.paused
        return is_too_fast

    def newest(self) -> bytes | None:
        """The packet that the owner is telling of now, still in its place; None where it was taken already."""
        at = self._newest_at()
        return self.connection.inbox.peek(at) if at >= 0 else None

    def discard_newest(self) -> None:
        """Take out what `newest` gave, whatever waits before it."""
        self.connection.inbox.discard(self._newest_at())
        if self.paused:
            self.make_room()

    def _newest_at(self) -> int:
        inbox = self.connection.inbox
        return inbox.count - 1 - (inbox.received - self.announced)

    def has_news(self) -> bool:
        """Whether more than packets is to be told: the end, or room after a refused send."""
        return self.stage >= _LINGERING or self.was_refused or self.connection.is_held()

    def settle(self) -> None:
        """The owner has dealt with the packets that came so far, or will before its next turn: end what ended behind
        them.
        """
        if not self._turn.defers:
            self._settle()
        elif self._turn.poller is not None and self.connection.is_held():
            self._turn.poller.soon(self._settle_late)

    def _settle_late(self) -> None:
        self._settle()
        self._turn.touch(self)

    def _settle(self) -> None:
        if self.stage == _OPEN and self.connection.settle():
            self._look_at(self.connection)

    # ------------------------------------------------------------------------------------------ the end

    def _tell_limit(self, size: int) -> None:
        """The other side waits in vain for a message that is larger than all that may wait."""
        text = "peer %s: a message of %s bytes was not sent: outbound_buffer_size is %s (here; on the other side"
        text += " inbound_buffer_size must be as large)"
        log_limited(logger, logging.WARNING, text, self.peer_id or 1, size, self.settings.outbound_buffer_size)

    def close(self, code: int, reason: str) -> None:
        """Begin the close, or end at once where nothing is open or `code` is negative.

        In a child process this only lets go of the descriptor: the parent goes on with the connection.

        Raises:
            ValueError: the code may not be sent, or the reason is too long.
        """
        if self._process != process_id():
            self.abort("this process was forked: the connection is its parent's")
        elif code >= 0 and self.stage >= _OPEN:
            if self.is_open():
                self.connection.send_close(code, reason)
                self.deadline.set(self.settings.close_timeout)
                self._flush_soon()
        elif self.stage < _LINGERING:
            self.abort("closed here without a close frame")

    def _end_slow(self) -> None:
        limit = limit_of(self._turn.log_limits, self.stream)
        self._end(1013, SLOW_REASON, SLOW_CAUSE)
        self.close(1013, SLOW_REASON)
        # Last: a handler of the log may send to this peer, and must find it closing.
        tell(limit, "peer %s: closed with 1013: %s", self.peer_id, SLOW_CAUSE)

    def say_goodbye(self, code: int, reason: str) -> float:
        """The first half of leaving: a close frame where one can be sent. Errors as `close`.

        Returns:
            Seconds that the other side should have before `leave`.
        """
        self.close(code, reason)
        self.flush()
        is_owed = self.stream is not None and self.stream.is_secure and self.stage in (_OPEN, _PARTING)
        return TLS_GRACE if is_owed else 0.0

    def leave(self) -> None:
        """The second half: end without waiting for anything."""
        if self.stream is not None and self.stage != _DONE:
            with suppress(TransportError):
                self.stream.close_write()
                # Bytes that nobody read would turn the end into a reset, which can overtake the close frame.
                while self.stream.receive_into(scratch.buffer) > 0 and self._linger_bytes < _LINGER_BYTES:
                    self._linger_bytes += SCRATCH_SIZE
        self.abort("this side stopped")

    def abort(self, detail: str, cause: Cause = Cause.DROPPED) -> None:
        """End at once, without a close frame."""
        if self.stage < _LINGERING:
            self._lose(TransportError(detail, cause))
        else:  # it has its cause already
            self._settle()
            self._finish()

    def _end_of_stream(self) -> None:
        if self.stage == _OPEN and self.connection.is_held() and self.stream is not None:
            self._want_read(False)  # the close frame came first, and waits for the packets before it
        elif self.stage < _LINGERING:
            what = "without a close frame" if self.stage == _OPEN else "before the upgrade was done"
            self._lose(TransportError(f"the other side ended the connection {what}"))
        elif self._shut or not (self.connection.outbox.pending or self._has_more_page()):
            self._finish()
        else:
            self._want_read(False)

    def _hint(self) -> str:
        """What may be wrong where a server ends TCP as soon as it sees HTTP."""
        is_plain = self.is_client and self.stream is not None and not self.stream.is_secure
        return TRY_WSS if self.stage == _UPGRADING and is_plain and not self.bytes_received else ""

    def _end_of_connection(self, connection: Connection) -> None:
        """Close frames were exchanged, or the other side broke the protocol."""
        failure = connection.failure
        if failure is None:
            cause = _closed_with(connection.close_code)
        else:
            cause = CloseCause(Cause.TOO_BIG if failure.code == 1009 else Cause.PROTOCOL_ERROR, failure.detail)
        limit = None if failure is None else limit_of(self._turn.log_limits, self.stream)
        self._end(connection.close_code, connection.close_reason, cause)
        said_last = connection.closed_by_remote or failure is not None
        if said_last and self.stream is not None and self.stream.is_secure:
            self._part(_PARTING, TLS_GRACE)
        else:
            self._linger()
        if failure is not None:
            tell(limit, "peer %s: %s", self.peer_id, cause)

    def _lose(self, problem: GdpeerError) -> None:
        self._settle()
        if self.stage >= _LINGERING:
            self._finish()
            return
        cause = CloseCause(problem.cause, problem.detail)
        if problem.cause is Cause.TCP and self.stage == _UPGRADING:
            cause = CloseCause(problem.cause, problem.detail + self._hint())
        limit = limit_of(self._turn.log_limits, self.stream)
        self._end(-1, "", cause)
        self._finish()
        tell(limit, "peer %s: %s", self.peer_id, cause)

    def _end(self, code: int, reason: str, cause: CloseCause) -> None:
        if self.cause.cause is _NO_END:
            self.close_code = code
            self.close_reason = reason
            self.cause = cause

    def _linger(self) -> None:
        self._part(_LINGERING, LINGER)

    def _part(self, stage: int, seconds: float) -> None:
        """Nothing more is said after what is queued; what still comes is dropped."""
        self.stage = stage
        self.paused = False
        self._want_read(True)
        if self.stage == stage:  # else the system has ended it
            self.deadline.set(seconds)
            self._flush_soon()

    def _drained(self) -> None:
        """Everything queued is out: once lingering, say that no more follows."""
        if self.stage != _LINGERING or self._shut or self.stream is None:
            return
        if self._page is not None and not self._send_page(self._page):
            return
        self._shut = True
        self.deadline.set(LINGER)
        try:
            self.stream.close_write()
        except TransportError:
            self._finish()

    def _has_more_page(self) -> bool:
        return self._page is not None and self._page.has_more()

    def _send_page(self, page: Page) -> bool:
        """Go on with a page, of which nothing waits to be sent; whether all of it is out.

        Pieces that the stream does not take at once wait in the outbox, one at most.
        """
        stream, sending = self.stream, page.sending
        if stream is None or sending is None:
            return True
        try:
            for left in range(_PIECES_A_TURN, -1, -1):
                piece = sending.next_piece()
                if not piece:
                    return True
                taken = stream.send([piece]) if left else 0
                self.bytes_sent += taken
                if taken < len(piece):
                    self.connection.outbox.send_raw(bytes(piece[taken:]))
                    break
            if not self._waits_to_send:
                stream.want_write(True)
                self._waits_to_send = True
        except TransportError as problem:
            self._lose(problem)
            return False
        except Exception:  # a file that became shorter, or an iterator of the game's: the client sees a broken answer
            report(logger, "peer %s: a page broke off", self.peer_id)
            self._finish()
        return False

    def _finish(self) -> None:
        """Let go of the stream, and of everything that only an open connection needs."""
        self.stage = _DONE
        self.paused = False
        for pollable in (self._connector, self.stream):
            if pollable is not None:
                pollable.close()
        self._connector = None
        if self._page is not None:
            self._page.close()
            self._page = None
        self.deadline.close()
        if self.rate_limit is not None:
            self.rate_limit.stop()
        self._turn.touch(self)

    def let_go(self) -> None:
        """End, and leave the stream as it is: another connection has it now."""
        self.stream = None
        self._finish()

    # ------------------------------------------------------------------------------------------ deadlines

    def on_deadline(self) -> None:
        """The moment of `deadline` has come."""
        self._turn.touch(self)
        if self.stage == _UPGRADING:
            self._take_outcome(self.upgrade.time_out())
        elif self.is_open():
            self._heartbeat()
        elif self.stage == _PARTING:
            self._linger()
        elif self.stage == _LINGERING:
            self._end_lingering()
        else:
            what = "closing" if self.stage == _OPEN else "connecting"
            self._lose(TransportError(f"{what} took too long", Cause.TIMEOUT))

    def _end_lingering(self) -> None:
        """End, unless a page is on its way out and its reader goes on."""
        page, pending = self._page, self.connection.outbox.pending
        if page is not None and page.goes_on(self.bytes_sent, pending, self.stream, self._clock.now()):
            self.deadline.set(LINGER if self._shut else PAGE_STALL)
        else:
            self._finish()

    def restart_heartbeat(self) -> None:
        """The connection opened, or the interval was changed."""
        if self.is_open():
            self.deadline.set(self.settings.heartbeat_interval or NEVER)

    def _heartbeat(self) -> None:
        trip = self.round_trip
        if trip is not None and trip.is_waiting and not self.paused:  # while paused, an answer would not have been read
            self._lose(TransportError("a heartbeat was not answered in time", Cause.TIMEOUT))
            return
        self.restart_heartbeat()
        self.ping(b"")
