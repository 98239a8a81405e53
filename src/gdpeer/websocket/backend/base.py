"""`Backend`: one connection as its `WebSocketPeer` sees it, at the level of messages; and `Turn`, one poll of an owner.

`NativeBackend` carries messages over a stream with this package's protocol, `BrowserBackend` over the browser's own
`WebSocket`. Both stand under `Backend`, and know nothing of each other. A peer, a server and a session use only the
members of `Backend`, so that another way to carry messages needs one more class and changes none of these.

Layer: `websocket`; compiled (types in `base.pxd`).
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gdpeer.clock import Clock
from gdpeer.errors import NO_CAUSE, Cause, CloseCause, Error
from gdpeer.logs import get_logger, log_limited
from gdpeer.protocol.connection import check_close
from gdpeer.protocol.handshake import Opened
from gdpeer.protocol.http_headers import Request
from gdpeer.protocol.inbox import Inbox
from gdpeer.websocket.settings import Settings
from gdpeer.websocket.states import STATES, PeerState, Stage

if TYPE_CHECKING:
    from gdpeer.logs import LogLimits
    from gdpeer.packet_session import PacketSession
    from gdpeer.refusals import Refusals
    from gdpeer.transport.poller import Poller

__all__ = ["SLOW_CAUSE", "SLOW_REASON", "Backend", "RoundTrip", "Turn", "leave"]

logger = get_logger("gdpeer.websocket")

SLOW_REASON = "Reads too slowly"
"""The reason of the close frame with code 1013."""

SLOW_CAUSE = CloseCause(Cause.TOO_SLOW, "it does not read what waits for it")

# C integers once compiled (base.pxd).
STAGE_IDLE = int(Stage.IDLE)
STAGE_LINGERING = int(Stage.LINGERING)
_UNLIMITED = sys.maxsize >> 3  # larger numbers would not fit into a C integer; nothing ever gets that large

_CLOSING = PeerState.CLOSING  # once, for an enumeration finds its members slowly


class RoundTrip:
    """Measures how long the answer to a ping takes. `now` is the clock's time in seconds.

    Attributes:
        latency: seconds of the newest round trip; -1.0 before the first.
        is_waiting: whether the newest ping has no answer yet.
    """

    __slots__ = ("_pongs", "_sent", "_token", "is_waiting", "latency")

    def __init__(self) -> None:
        self.latency = -1.0
        self.is_waiting = False
        self._token = b""
        self._sent = 0.0
        self._pongs = 0

    def begin(self, token: bytes, now: float) -> None:
        """Notes that a ping with the payload `token` goes out."""
        self._token = token
        self._sent = now
        self.is_waiting = True

    def end(self, pongs: int, payload: bytes, now: float) -> None:
        """Notes that `pongs` came since the connection opened, the newest with `payload`.

        Only the answer to the newest ping counts.
        """
        if pongs != self._pongs:
            self._pongs = pongs
            if self.is_waiting and payload == self._token:
                self.is_waiting = False
                self.latency = now - self._sent


class Turn:
    """One poll of an owner: bytes come in, the owner emits its signals, and everything that handlers sent goes out, in
    one write for each connection.

    Args:
        poller: watches streams and deadlines; None if the owner calls `step` of its one connection instead.
        log_limits: limits the log at INFO by address; None: no limit, as the owner itself began all connections.

    Attributes:
        defers: a connection whose end waits for its packets ends one turn later. For owners whose packets are read
            between two turns.
        active: while True, messages are gathered until `flush`; otherwise each is sent at once.
        touched: the connections that changed since `take_touched`.
        stalled: of how many connections bytes wait until the system has room for them.
    """

    __slots__ = ("_unsent", "active", "defers", "log_limits", "poller", "stalled", "touched")

    def __init__(self, poller: Poller | None = None, log_limits: LogLimits | None = None) -> None:
        self.poller = poller
        self.log_limits = log_limits
        self.active = False
        self.defers = False
        self.touched: list[Backend] = []
        self.stalled = 0
        self._unsent: list[Backend] = []

    def touch(self, backend: Backend) -> None:
        """Notes that `backend` changed. Counts once in a turn."""
        if not backend.is_touched:
            backend.is_touched = True
            self.touched.append(backend)

    def take_touched(self) -> list[Any]:
        """Returns the connections that changed since the last call."""
        touched, self.touched = self.touched, []
        for backend in touched:
            backend.is_touched = False
        return touched

    def is_all_sent(self) -> bool:
        """Whether no connection has bytes that wait to be sent."""
        return not self.stalled and not self._unsent

    def gather(self, backend: Backend) -> None:
        """Has `backend` flushed at the end of the turn. Counts once in a turn."""
        if not backend.is_gathered:
            backend.is_gathered = True
            self._unsent.append(backend)

    def flush(self) -> None:
        """Ends the turn: sends the gathered messages of all connections."""
        self.active = False
        unsent, self._unsent = self._unsent, []
        done = 0
        try:
            for backend in unsent:
                done += 1
                backend.is_gathered = False
                backend.flush()
        except BaseException:
            # A stream of the user's may raise anything. The other connections are flushed at the end of the next turn.
            self._unsent += unsent[done:]
            raise


def leave(backends: Iterable[Backend], code: int, reason: str) -> None:
    """Ends connections with a close frame, without waiting for the answers; over TLS this takes 0.2 seconds in all.

    Raises:
        ValueError: the code may not be sent, or the reason is longer than 123 bytes.
    """
    check_close(code, reason)
    leaving = list(backends)
    grace = max((backend.say_goodbye(code, reason) for backend in leaving), default=0.0)
    if grace:
        time.sleep(grace)
    for backend in leaving:
        backend.leave()


class Backend:
    """One connection, and the counters of its messages.

    A subclass must have all methods of the first group below. It may lack the abilities of the second group, whose
    defaults fit a connection that only `step` serves.

    Args:
        settings: of the peer; `use` changes them.
        clock: tells the time.
        turn: the owner's.
        inbox: the packets that came. A subclass may replace it until the connection is open.
        is_client: the role.
        number: the owner's number for the connection. At first also its `peer_id`.
        port: this side's, if a listener of the owner accepted the connection; else 0.

    Attributes:
        number: as given; it never changes.
        peer_id: the peer's id in its session, shown in logs; unique in the session only.
        session: the session that handles the packets; None: the owner emits its own signals.
        stage: a `Stage` as int.
        opened: the result of the handshake; None before.
        cause, close_code, close_reason: how the connection ended; `NO_CAUSE`, -1 and "" before.
        closed_by_remote: whether the other side began to close.
        paused: reading has stopped, as too many packets wait or came too fast.
        was_refused: a send found no room; the owner resets it when it emits that there is room again.
        announced: how many packets the owner has emitted a signal for; kept by the owner.
        round_trip: of pings; None before the first ping.
        refusals: packets that the layers above refused; None before the first.
        bytes_received, bytes_sent, messages_sent, refused_sends, throttled: counters, see `PeerStats`.
        is_touched, is_gathered: marks of the turn.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_is_limit_logged",
        "_most_packets",
        "_outbound_limit",
        "_turn",
        "announced",
        "bytes_received",
        "bytes_sent",
        "cause",
        "close_code",
        "close_reason",
        "closed_by_remote",
        "inbox",
        "is_client",
        "is_gathered",
        "is_touched",
        "messages_sent",
        "number",
        "opened",
        "paused",
        "peer_id",
        "port",
        "refusals",
        "refused_sends",
        "round_trip",
        "session",
        "settings",
        "stage",
        "throttled",
        "was_refused",
    )

    def __init__(
        self, settings: Settings, clock: Clock, turn: Turn, inbox: Inbox, is_client: bool, number: int, port: int
    ) -> None:
        self.use(settings)
        self._clock = clock
        self._turn = turn
        self.inbox = inbox
        self.is_client = is_client
        self.number = self.peer_id = number
        self.session: PacketSession | None = None
        self.port = port
        self.stage = STAGE_IDLE
        self.opened: Opened | None = None
        self.cause = NO_CAUSE
        self.close_code = -1
        self.close_reason = ""
        self.closed_by_remote = False
        self.round_trip: RoundTrip | None = None
        self.refusals: Refusals | None = None
        self.announced = 0
        self.bytes_received = self.bytes_sent = self.messages_sent = self.refused_sends = self.throttled = 0
        self.paused = False
        self.was_refused = False
        self.is_touched = False
        self.is_gathered = False
        self._is_limit_logged = False

    def use(self, settings: Settings) -> None:
        """Takes other settings; those of what is received have effect from the next connection on."""
        self.settings = settings
        self._outbound_limit = min(settings.outbound_buffer_size, _UNLIMITED)
        self._most_packets = min(settings.max_queued_packets, _UNLIMITED)

    # ------------------------------------------------------------------------------------------ each backend has these

    def is_open(self) -> bool:
        """Whether messages can be sent."""
        raise NotImplementedError

    def is_closing(self) -> bool:
        """Whether this side began to close, and waits for the answer."""
        raise NotImplementedError

    def step(self) -> None:
        """Does what can be done without waiting. For a connection that no poller watches."""
        raise NotImplementedError

    def send(self, payload: bytes, is_text: bool, frame: bytes | None = None, reserve: int = 0) -> Error:
        """Sends a message now, or at the end of the owner's turn.

        Args:
            payload: the message.
            is_text: whether it is sent as text, which must be UTF-8.
            frame: the same message from `encode_message`, framed once for many peers; used if this peer can share it.
            reserve: how many bytes, and how many messages, may wait beyond the limits.

        Returns:
            OK: the message was sent or queued.
            FAILED: the connection is not open.
            ERR_OUT_OF_MEMORY: the outbound limits are reached, and nothing was sent.
        """
        raise NotImplementedError

    def outbound_bytes(self) -> int:
        """How many bytes wait to be sent."""
        raise NotImplementedError

    def close(self, code: int, reason: str) -> None:
        """Begins to close; if nothing is open, or `code` is negative, ends the connection at once.

        Raises:
            ValueError: the code may not be sent, or the reason is longer than 123 bytes.
        """
        raise NotImplementedError

    def abort(self, detail: str, cause: Cause = Cause.DROPPED) -> None:
        """Ends the connection at once, without a close frame. `get_close_cause()` returns `detail` and `cause`."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------ abilities

    def attach(self) -> None:
        """Has the turn's poller watch the connection, if the turn has a poller."""

    def make_room(self) -> None:
        """Called when packets were taken while `paused`: reads on if enough room is free."""

    def is_held(self) -> bool:
        """Whether the connection has ended, but shows its end only after `settle`."""
        return False

    def settle(self) -> None:
        """Called when the owner has dealt with the packets that came: shows an end that waited for that."""

    def flush(self) -> None:
        """Sends as many of the queued bytes as can be sent now; the rest follows later."""

    def send_block(self, frames: bytes, count: int) -> bool:
        """Sends `count` messages, encoded as by `encode_messages`, now or at the end of the owner's turn.

        Returns:
            False, and nothing was sent: there is no room for all, or each message must be sent by itself.
        """
        return False

    def say_goodbye(self, code: int, reason: str) -> float:
        """Sends a close frame, if one can be sent: the first half of the function `leave`. Raises as `close`.

        Returns:
            Seconds to wait before the second half.
        """
        self.close(code, reason)
        return 0.0

    def leave(self) -> None:
        """Ends the connection after `say_goodbye`, without waiting for anything."""
        self.abort("this side stopped")

    def outbound_packets(self) -> int:
        """How many messages wait to be sent; 0 if that is unknown."""
        return 0

    def ping(self, payload: bytes) -> Error:
        """Sends a ping; `round_trip` changes when the answer comes.

        Args:
            payload: at most 125 bytes; empty: random bytes.

        Returns:
            OK: sent or queued.
            FAILED: the connection is not open.
            ERR_UNAVAILABLE: this backend cannot send pings.

        Raises:
            ValueError: the payload is longer.
        """
        return Error.ERR_UNAVAILABLE

    def restart_heartbeat(self) -> None:
        """Called when `heartbeat_interval` was changed: the next ping is one interval away."""

    def request(self) -> Request | None:
        """Returns the request that a server's connection began with; None on a client, and until it has come."""
        return None

    def remote_address(self) -> tuple[str, int]:
        """Returns the other side's address in numbers, and its port; "" and 0 without TCP."""
        return "", 0

    def is_secure(self) -> bool:
        """Whether the connection uses TLS."""
        return False

    def set_no_delay(self, enabled: bool) -> None:
        """Switches TCP_NODELAY, which sends small messages at once."""

    # ------------------------------------------------------------------------------------------ what all backends share

    def state(self) -> PeerState:
        """Returns the state that the user of the peer sees."""
        return _CLOSING if self.is_closing() else STATES[self.stage]

    def has_changed(self) -> bool:
        """Whether the owner must look at more than new packets: at an end, or at room after a refused send."""
        return self.stage >= STAGE_LINGERING or self.was_refused or self.is_held()

    def has_drained(self) -> bool:
        """Whether half of the outbound room is free, in bytes and in messages."""
        has_places = 2 * self.outbound_packets() <= self._most_packets
        return has_places and 2 * self.outbound_bytes() <= self._outbound_limit

    def newest(self) -> bytes | None:
        """Returns the packet that the owner is announcing, and leaves it in the inbox; None if it was taken already."""
        at = self._newest_at()
        return self.inbox.peek(at) if at >= 0 else None

    def discard_newest(self) -> None:
        """Takes the packet of `newest` out of the inbox, whatever waits before it."""
        self.inbox.discard(self._newest_at())
        if self.paused:
            self.make_room()

    def _newest_at(self) -> int:
        inbox = self.inbox
        return inbox.count - 1 - (inbox.received - self.announced)

    def _count_refused(self, size: int, waiting: int) -> bool:
        """Counts a message of `size` bytes that found no room, while `waiting` bytes wait to be sent.

        Returns:
            Whether the connection is to be closed with 1013, as the other side reads too slowly.
        """
        self.refused_sends += 1
        # If nothing waits, no room will become free either: there is nothing to wait for.
        self.was_refused = waiting > 0
        limit = self._outbound_limit
        if limit and size > limit:
            self._log_limit(size)
            return False  # the message never fits, however fast the other side reads
        if not self.was_refused or not self.settings.close_on_backpressure:
            return False
        self.was_refused = False
        return True

    def _log_limit(self, size: int) -> None:
        """Warns, once, about a message that is larger than everything that may wait: the other side gets nothing."""
        if not self._is_limit_logged:
            self._is_limit_logged = True
            text = "peer %s: a message of %s bytes was not sent: outbound_buffer_size is %s (here; on the other side"
            text += " inbound_buffer_size must be as large)"
            log_limited(logger, logging.WARNING, text, self.peer_id or 1, size, self.settings.outbound_buffer_size)
