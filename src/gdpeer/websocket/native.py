"""The native backend of `WebSocketPeer`: one connection from the first packet of TCP to the last.

It joins a stream (`transport`), the upgrade and the open connection (`protocol`) and keeps the deadlines. It never
waits. Its stages are drawn in `states`.

Watched by an owner's poller through a `Turn`, or stepped by its peer's `poll()`.

Layer: `websocket`.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress

from gdpeer.clock import Clock
from gdpeer.errors import Cause, CloseCause, Error, GdpeerError, TransportError
from gdpeer.protocol.connection import Connection, Phase
from gdpeer.protocol.handshake import Opened
from gdpeer.transport.scratch import SCRATCH_SIZE, scratch
from gdpeer.transport.stream import READ, WRITE, Connector, Stream
from gdpeer.websocket.deadline import NEVER, Deadline, RoundTrip
from gdpeer.websocket.settings import Settings
from gdpeer.websocket.states import Stage
from gdpeer.websocket.turn import Turn
from gdpeer.websocket.upgrade import ClientUpgrade, Outcome, ServerUpgrade

__all__ = ["NativeBackend"]

logger = logging.getLogger("gdpeer.websocket")

LINGER = 1.0
"""Seconds for the other side to end TCP after the close. The engine does it at once; browsers wait for the server."""

TLS_GRACE = 0.2
"""Seconds between our close frame and close_notify, over TLS. The engine drops the close frame that it has just read
when the end of TLS comes with it, and then reports an unclean end; some frames later it has dealt with it."""

_READS_A_TURN = 8  # then the others get theirs
_LINGER_BYTES = 1_048_576  # of what arrives after the end

# As plain integers, for the hot path.
_CONNECTING, _UPGRADING, _OPEN, _LINGERING, _DONE = (int(stage) for stage in list(Stage)[1:])
_OPEN_PHASE, _CLOSED_PHASE = int(Phase.OPEN), int(Phase.CLOSED)


class NativeBackend:
    """One connection.

    Args:
        settings: of the peer; most are read when the handshake begins.
        clock: tells the time for deadlines.
        upgrade: the role's; its settings are the same.
        turn: the owner's.
        peer_id: the owner's name for it, shown in logs.

    Attributes:
        stage: a `Stage` as int. connection: the protocol; carries HTTP's bytes as well, before it opens.
        opened: what the handshake agreed on.
        cause, close_code, close_reason: how it ended. round_trip: of pings.
        deadline: of what is under way: the upgrade, the close, the heartbeat, the linger.
        paused: reading stopped, since too many packets wait to be taken.
        was_refused: a send was refused for want of room; its owner resets it when it tells that there is room again.
        announced, is_touched, is_gathered: marks of the owner (packets told of) and of the turn.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_connector",
        "_linger_bytes",
        "_shut",
        "_turn",
        "announced",
        "cause",
        "close_code",
        "close_reason",
        "connection",
        "deadline",
        "is_client",
        "is_gathered",
        "is_touched",
        "opened",
        "paused",
        "peer_id",
        "round_trip",
        "settings",
        "stage",
        "stream",
        "upgrade",
        "was_refused",
    )

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        upgrade: ClientUpgrade | ServerUpgrade,
        turn: Turn,
        peer_id: int = 0,
    ) -> None:
        self.settings = settings
        self.peer_id = peer_id
        self.upgrade = upgrade
        self.is_client = upgrade.is_client
        self.stage = int(Stage.IDLE)
        self.stream: Stream | None = None
        self.connection = Connection(upgrade.is_client, limits=settings.limits())
        self.opened: Opened | None = None
        self._clock = clock
        self._turn = turn
        self._connector: Connector | None = None
        self.cause = CloseCause()
        self.close_code = -1
        self.close_reason = ""
        self.deadline = Deadline(self._clock, self._turn, self._on_deadline)
        self._shut = False
        self._linger_bytes = 0
        self.paused = False
        self.was_refused = False
        self.announced = 0
        self.is_touched = False
        self.is_gathered = False
        self.round_trip = RoundTrip()

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
            pollable.attach(self._turn.poller, self.ready)
            self.deadline.arm()

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
        if self.is_client:
            self.deadline.set(self.settings.handshake_timeout)
        self._send_raw(self.upgrade.begin())

    def _upgrade(self, data: bytes) -> None:
        assert self.stream is not None
        outcome = self.upgrade.receive(data, self.stream.remote_address)
        if outcome is not None:
            self._take_outcome(outcome)

    def _take_outcome(self, outcome: Outcome) -> None:
        if outcome.opened is None:
            logger.info("peer %s: %s", self.peer_id, outcome.cause)
            self._end(-1, "", outcome.cause)
            self._send_raw(outcome.data)
            self._linger()
            return
        self.opened = outcome.opened
        self.stage = _OPEN
        self._send_raw(outcome.data)
        if outcome.opened.deflate is not None:
            self.connection.compress(outcome.opened.deflate, self.settings.compression_threshold)
        self.restart_heartbeat()
        if outcome.leftover:
            self._receive(bytearray(outcome.leftover), len(outcome.leftover))

    def _send_raw(self, data: bytes) -> None:
        if data:
            self.connection.outbox.send_raw(data)
            self.flush()

    # ------------------------------------------------------------------------------------------ going on

    def step(self) -> None:
        """Go on as far as can be done without waiting: for a connection that no poller watches."""
        if self._clock.now() >= self.deadline.when:
            self.deadline.check()
        if Stage.IDLE < self.stage < _DONE:
            self.ready(READ | WRITE)

    def ready(self, events: int) -> None:
        """Deal with readiness; called by the poller, or by `step`."""
        try:
            if self.stage == _CONNECTING:
                self._advance()
            if self.paused:
                self._unpause()
            if events & READ and not self.paused and self.stage >= _UPGRADING:
                self._read()
        except TransportError as problem:
            self._lose(problem)
        if self.connection.outbox.pending:
            self._flush_soon()
        self._turn.touch(self)

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
        if self.round_trip.is_waiting:
            self.round_trip.end(connection.pongs, connection.last_pong, self._clock.now())
        if connection.phase == _CLOSED_PHASE:
            self._end_of_connection(connection)
        elif connection.inbox.is_full() and self.stream is not None:
            self.paused = True
            self.stream.want_read(False)

    def settle(self) -> None:
        """The owner has dealt with the packets that came so far: end what ended behind them."""
        if self.stage == _OPEN and self.connection.settle():
            self._look_at(self.connection)

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

    def send(self, payload: bytes, is_text: bool, frame: bytes | None = None) -> Error:
        """Send a message now, or at the end of the owner's turn. Source of the codes: reference godot-api section 3.

        Args:
            payload: the message.
            is_text: what it is sent as.
            frame: the same, framed once for many peers (`encode_message`); used where this peer can share it.
        """
        if not self.is_open():
            return Error.FAILED
        if not self._has_room(len(payload)):
            return Error.ERR_OUT_OF_MEMORY
        outbox = self.connection.outbox
        if frame is not None and outbox.can_share():
            outbox.send_encoded(frame)
        else:
            outbox.send_message(payload, is_text)
        return self._flush_soon()

    def _has_room(self, size: int) -> bool:
        outbox = self.connection.outbox
        if self._fits(size):
            return True
        if outbox.pending and self.is_gathered:
            self.flush()  # gathered in this turn: TCP may well take it
            if self._fits(size):
                return True
        self.was_refused = outbox.pending > 0
        return False

    def _fits(self, size: int) -> bool:
        outbox, settings = self.connection.outbox, self.settings
        limit = settings.outbound_buffer_size
        return (not limit or outbox.pending + size <= limit) and outbox.pending_messages < settings.max_queued_packets

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
        if self.stage == _LINGERING:
            self._shut_write()
        elif self.was_refused and self.has_drained():
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

    # ------------------------------------------------------------------------------------------ the end

    def close(self, code: int, reason: str) -> None:
        """Begin the close, or end at once where nothing is open or `code` is negative.

        Raises:
            ValueError: the code may not be sent, or the reason is too long.
        """
        if code >= 0 and self.stage == _OPEN:
            if self.connection.phase == _OPEN_PHASE:
                self.connection.send_close(code, reason)
                self.deadline.set(self.settings.close_timeout)
                self._flush_soon()
        elif self.stage < _LINGERING:
            self.abort("closed here without a close frame")

    def leave(self, code: int, reason: str) -> None:
        """End without waiting for anything, but with a close frame where one can be sent. Errors as `close`."""
        self.close(code, reason)
        if self.stream is not None and self.stage != _DONE:
            self.flush()
            with suppress(TransportError):
                self.stream.close_write()
                # Bytes that nobody read would turn the end into a reset, which can overtake the close frame.
                while self.stream.receive_into(scratch.buffer) > 0 and self._linger_bytes < _LINGER_BYTES:
                    self._linger_bytes += SCRATCH_SIZE
        self.abort("this side stopped")

    def abort(self, detail: str) -> None:
        """End at once, without a close frame."""
        self._lose(TransportError(detail, Cause.DROPPED))

    def _end_of_stream(self) -> None:
        if self.stage == _OPEN and self.connection.is_held() and self.stream is not None:
            self.stream.want_read(False)  # the close frame came first, and waits for the packets before it
        elif self.stage < _LINGERING:
            what = "without a close frame" if self.stage == _OPEN else "before the upgrade was done"
            self._lose(TransportError(f"the other side ended the connection {what}"))
        elif self._shut or not self.connection.outbox.pending:
            self._finish()
        elif self.stream is not None:
            self.stream.want_read(False)

    def _end_of_connection(self, connection: Connection) -> None:
        """Close frames were exchanged, or the other side broke the protocol."""
        failure = connection.failure
        if failure is None:
            cause = CloseCause(Cause.CLOSED, f"closed with code {connection.close_code}")
        else:
            cause = CloseCause(Cause.TOO_BIG if failure.code == 1009 else Cause.PROTOCOL_ERROR, failure.detail)
            logger.info("peer %s: %s", self.peer_id, cause)
        self._end(connection.close_code, connection.close_reason, cause)
        self._linger()

    def _lose(self, problem: GdpeerError) -> None:
        self.settle()
        if self.stage < _LINGERING:
            cause = CloseCause(problem.cause, problem.detail)
            logger.info("peer %s: %s", self.peer_id, cause)
            self._end(-1, "", cause)
        self._finish()

    def _end(self, code: int, reason: str, cause: CloseCause) -> None:
        if self.cause.cause is Cause.NONE:
            self.close_code = code
            self.close_reason = reason
            self.cause = cause

    def _linger(self) -> None:
        self.stage = _LINGERING
        self.paused = False
        if self.stream is not None:
            self.stream.want_read(True)
        self.deadline.set(TLS_GRACE if self._is_grace_due() else LINGER)
        self._flush_soon()

    def _is_grace_due(self) -> bool:
        we_closed_last = self.connection.closed_by_remote or self.connection.failure is not None
        return we_closed_last and self.stream is not None and self.stream.is_secure

    def _shut_write(self, *, grace_is_over: bool = False) -> bool:
        """No more bytes follow, once all are out; whether that could be said now."""
        if self._shut or self.stream is None or self.connection.outbox.pending:
            return False
        if self._is_grace_due() and not grace_is_over:
            return False
        self._shut = True
        self.deadline.set(LINGER)
        try:
            self.stream.close_write()
        except TransportError:
            self._finish()
        return True

    def _finish(self) -> None:
        """Let go of the stream, and of everything that only an open connection needs."""
        self.stage = _DONE
        self.paused = False
        for pollable in (self._connector, self.stream):
            if pollable is not None:
                pollable.close()
        self._connector = None
        self.deadline.close()
        self._turn.touch(self)

    # ------------------------------------------------------------------------------------------ deadlines

    def _on_deadline(self) -> None:
        self._turn.touch(self)
        if self.stage == _UPGRADING:
            self._take_outcome(self.upgrade.time_out())
        elif self.is_open():
            self._heartbeat()
        elif self.stage == _LINGERING:
            if self._shut or not self._shut_write(grace_is_over=True):
                self._finish()
        else:
            what = "closing" if self.stage == _OPEN else "connecting"
            self._lose(TransportError(f"{what} took too long", Cause.TIMEOUT))

    def restart_heartbeat(self) -> None:
        """The connection opened, or the interval was changed."""
        if self.is_open():
            self.deadline.set(self.settings.heartbeat_interval or NEVER)

    def _heartbeat(self) -> None:
        if self.round_trip.is_waiting and not self.paused:  # while paused, an answer would not have been read
            self._lose(TransportError("a heartbeat was not answered in time", Cause.TIMEOUT))
            return
        self.restart_heartbeat()
        self.ping(b"")
