"""`WebSocketPeer`: one end of a WebSocket, with the members of the engine's class.

    peer = WebSocketPeer()
    peer.connect_to_url("ws://127.0.0.1:9080")
    while peer.get_ready_state() != WebSocketPeer.State.CLOSED:
        peer.poll(timeout=0.05)
        for packet in peer:
            ...

Members, defaults and return codes are the engine's (reference godot-api section 2 and 3); Godot 3's members of the
same class are here too.

Differs from the engine:
- packets that arrived before a close can still be read afterwards;
- a close without an answer ends after `close_timeout`, an upgrade after `handshake_timeout`;
- `get_close_cause()` returns in one value why a connection ended or did not open;
- `poll(timeout)` can wait; `get_latency()` returns the round trip; the signal `drained` comes when there is room again
  after a refused send;
- `compression` offers permessage-deflate.

Layer: `websocket`.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from gdpeer.arguments import BYTES, INT, STR, a, checked, optional, seconds_of, wrong_type
from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import NO_CAUSE, Cause, CloseCause, Error, TransportError
from gdpeer.logs import get_logger
from gdpeer.packet_peer import PacketPeer
from gdpeer.platform import IN_PAGE, pause
from gdpeer.protocol.connection import check_close
from gdpeer.protocol.http_headers import Headers, Request
from gdpeer.protocol.url import parse_url
from gdpeer.signals import Signal
from gdpeer.transport.stream import Connector, Stream
from gdpeer.websocket._peer import PeerBase
from gdpeer.websocket.backend.base import Backend, Turn, leave
from gdpeer.websocket.backend.native import NativeBackend
from gdpeer.websocket.connecting import connect
from gdpeer.websocket.opening.upgrade import ClientUpgrade, ServerUpgrade
from gdpeer.websocket.settings import Property, Role, Settings
from gdpeer.websocket.states import PeerState, PeerWriteMode, Stage
from gdpeer.websocket.stats import PeerStats, peer_stats
from gdpeer.websocket.tls_options import TLSOptions

if TYPE_CHECKING:
    from gdpeer.transport.poller import Poller

__all__ = ["WebSocketPeer"]

logger = get_logger("gdpeer.websocket")

_STREAM = a("a Stream or a Connector of gdpeer.transport", Stream, Connector)
_TLS = optional(a("TLSOptions", TLSOptions))

# Looked up once here, because looking up a member of an enumeration takes some 850 instructions.
_OK, _FAILED, _IN_USE = Error.OK, Error.FAILED, Error.ERR_ALREADY_IN_USE
_CONNECTING, _OPEN, _CLOSED = PeerState.CONNECTING, PeerState.OPEN, PeerState.CLOSED
STAGE_DONE = int(Stage.DONE)


class WebSocketPeer(PeerBase, PacketPeer):
    """A client, or a server's end of one connection. A new peer is CLOSED.

    Everything happens in `poll`: call it once per frame, or with a timeout in a loop. Use a peer from one thread at a
    time; different peers may be in different threads.

    Set the settings before connecting. Five of them also change an open connection: `outbound_buffer_size`,
    `max_queued_packets` (for what is sent), `close_on_backpressure`, `heartbeat_interval` and `close_timeout`.

    Args:
        clock: a `ManualClock` in tests.

    Attributes:
        drained: signal without arguments: after a send was refused with `ERR_OUT_OF_MEMORY`, half of the outbound
            room is free again.
    """

    __slots__ = ("_cause", "_clock", "_drained", "_is_owner", "_settings", "_turn", "_url")

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()
    _gdpeer_role: ClassVar[Role] = "peer"

    State: TypeAlias = PeerState
    WriteMode: TypeAlias = PeerWriteMode
    STATE_CONNECTING = PeerState.CONNECTING
    STATE_OPEN = PeerState.OPEN
    STATE_CLOSING = PeerState.CLOSING
    STATE_CLOSED = PeerState.CLOSED
    WRITE_MODE_TEXT = PeerWriteMode.TEXT
    WRITE_MODE_BINARY = PeerWriteMode.BINARY

    handshake_headers = Property(Settings.handshake_headers)
    supported_protocols = Property(Settings.supported_protocols)
    inbound_buffer_size = Property(Settings.inbound_buffer_size)
    outbound_buffer_size = Property(Settings.outbound_buffer_size)
    max_queued_packets = Property(Settings.max_queued_packets)
    close_on_backpressure = Property(Settings.close_on_backpressure)
    heartbeat_interval = Property(Settings.heartbeat_interval)
    connect_timeout = Property(Settings.connect_timeout)
    handshake_timeout = Property(Settings.handshake_timeout)
    close_timeout = Property(Settings.close_timeout)
    compression = Property(Settings.compression)
    compression_threshold = Property(Settings.compression_threshold)
    message_rate = Property(Settings.message_rate)
    byte_rate = Property(Settings.byte_rate)
    allowed_origins = Property(Settings.allowed_origins)
    max_redirects = Property(Settings.max_redirects)
    proxy = Property(Settings.proxy)

    def __init__(self, *, clock: Clock = MONOTONIC) -> None:
        super().__init__()
        self._be(Settings.of("peer"), clock, Turn(), is_owner=True)

    def _be(self, settings: Settings, clock: Clock, turn: Turn, *, is_owner: bool) -> None:
        self._is_owner = is_owner  # False: a server watches it
        self._settings = settings
        self._clock = clock
        self._turn = turn
        self._url = ""
        self._cause = NO_CAUSE
        self._drained: Signal | None = None

    @property
    def drained(self) -> Signal:
        """The signal, made at its first use: most peers never need it."""
        if self._drained is None:
            self._drained = Signal("drained")
        return self._drained

    # ------------------------------------------------------------------------------------------ opening

    def connect_to_url(self, url: str, tls_client_options: TLSOptions | None = None) -> Error:
        """Begins to connect as a client; `poll` continues, and the state says whether the connection opened.

        Args:
            url: `ws://host[:port]/path` or `wss://...`; without a scheme `ws` is used.
            tls_client_options: for `wss`. None trusts the machine's certificate authorities.

        Returns:
            `OK`; `ERR_INVALID_PARAMETER` for a URL, option or header that is not valid; `ERR_ALREADY_IN_USE` while
            CONNECTING or OPEN; `ERR_UNAVAILABLE` for headers or TLS options in a browser; another code if connecting
            failed at once (`get_close_cause()` says why).
        """
        # Checked here instead of by @checked, which would cost each connection more time.
        if not isinstance(url, str):
            raise wrong_type("connect_to_url", "url", STR.words, url)
        if tls_client_options is not None and not isinstance(tls_client_options, TLSOptions):
            raise wrong_type("connect_to_url", "tls_client_options", _TLS.words, tls_client_options)
        if self._is_busy():
            return _IN_USE
        try:
            target = parse_url(url)
            if tls_client_options is not None and tls_client_options.is_server():
                raise ValueError("these TLS options are a server's")
            self._reset(url)
            return self._go_on(connect(target, tls_client_options, self._settings, self._clock, self._turn))
        except ValueError as problem:
            return self._not_begun(url, CloseCause(Cause.UPGRADE, str(problem)), Error.ERR_INVALID_PARAMETER)
        except TransportError as problem:
            return self._not_begun(url, CloseCause(problem.cause, problem.detail), problem.error)

    @checked(stream=_STREAM, url=STR)
    def connect_through(self, stream: Stream | Connector, url: str = "ws://localhost/") -> Error:
        """Connects as a client over a given stream of `gdpeer.transport`, as an in-memory pair in tests.

        Args:
            stream: an open stream, or a connector whose stream is still being made.
            url: for the request of the upgrade. Its host is not looked up.

        Returns:
            The codes of `connect_to_url`.
        """
        if self._is_busy():
            return _IN_USE
        try:
            return self._begin(url, ClientUpgrade(self._settings, self._settings.limits(), parse_url(url)), stream)
        except ValueError as problem:
            return self._not_begun(url, CloseCause(Cause.UPGRADE, str(problem)), Error.ERR_INVALID_PARAMETER)

    def accept_stream(self, stream: Any) -> Error:
        """Begins the server's end of a connection; `poll` continues.

        Args:
            stream: a `StreamPeerTCP`, a `StreamPeerTLS`, or a stream of `gdpeer.transport`.

        Returns:
            `OK`; `ERR_INVALID_PARAMETER` for another kind of stream, one that is not connected, or a header that is not
            valid; `ERR_ALREADY_IN_USE` while CONNECTING or OPEN.
        """
        if self._is_busy():
            return _IN_USE
        try:
            upgrade = ServerUpgrade(self._settings, self._settings.limits())
        except ValueError as problem:
            return self._not_begun("", CloseCause(Cause.UPGRADE, str(problem)), Error.ERR_INVALID_PARAMETER)
        take = getattr(stream, "_take_stream", None)
        found = take() if take is not None else stream
        return self._begin("", upgrade, found) if isinstance(found, Stream | Connector) else Error.ERR_INVALID_PARAMETER

    def _is_busy(self) -> bool:
        return self.get_ready_state() in (_CONNECTING, _OPEN)

    def _begin(self, url: str, upgrade: ClientUpgrade | ServerUpgrade, stream: Stream | Connector) -> Error:
        self._reset(url)
        backend = NativeBackend(self._settings, self._clock, upgrade, self._turn)
        backend.start(stream)
        return self._go_on(backend)

    def _go_on(self, backend: Backend) -> Error:
        self._backend = backend
        if backend.is_client:
            backend.step()
        return _OK if self._is_busy() else _FAILED

    def _not_begun(self, url: str, cause: CloseCause, error: Error) -> Error:
        self._reset(url)
        self._cause = cause
        logger.warning("cannot connect: %s", cause)
        return error

    def _reset(self, url: str) -> None:
        if self._backend is not None:
            if self._backend.stage != STAGE_DONE:
                self._backend.abort("replaced by a new connection")
            self._let_go(self._backend)
            self._turn.take_touched()  # a connection in the list of its own turn would wait for the garbage collector
        self._backend = None
        self._url = url
        self._cause = NO_CAUSE
        self._packet_error = _OK

    def __del__(self) -> None:
        """Ends the connection without a close frame when the peer is freed, as in the engine."""
        if self._is_owner:
            self._reset("")
            if self._turn.poller is not None:
                self._turn.poller.close()

    # ------------------------------------------------------------------------------------------ polling

    def poll(self, timeout: float = 0.0) -> None:
        """Sends and receives, and updates the state. On a peer of a server this does nothing: the server polls it.

        Args:
            timeout: the most seconds to wait for an event. 0 does not wait, and a browser never waits. The engine
                cannot wait.
        """
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)
        backend = self._backend
        if backend is None or backend.stage == STAGE_DONE:
            if backend is not None:
                self._let_go(backend)  # the connection may have ended in a send, which keeps the poller
            pause(timeout)
            return
        if backend.peer_id:
            return
        if backend.is_held():
            backend.settle()
            timeout = 0.0
        if timeout > 0 and not IN_PAGE:
            self.watch()
            if backend.stage == STAGE_DONE:  # the system does not watch it
                timeout = 0.0
        if self._turn.poller is not None and not self._turn.active:
            self._turn.poller.turn(max(0.0, timeout))
        else:
            backend.step()
        self._turn.take_touched()
        if backend.is_held() and self._turn.poller is not None:
            self._turn.poller.soon(backend.settle)  # the next turn is due at once
        self._let_go(backend)
        self.emit_drained()

    def _let_go(self, backend: Backend) -> None:
        """Closes the peer's own poller together with the connection."""
        if backend.stage == STAGE_DONE and not backend.peer_id and self._turn.poller is not None:
            self._turn.poller.close()
            self._turn.poller = None

    def get_ready_state(self) -> PeerState:
        """Returns CONNECTING until the upgrade is done, OPEN, CLOSING between `close` and its answer, or CLOSED."""
        backend = self._backend
        return _CLOSED if backend is None else backend.state()

    def is_connected_to_host(self) -> bool:
        """Godot 3: whether the peer is OPEN."""
        return self.get_ready_state() == _OPEN

    # ------------------------------------------------------------------------------------------ round trips

    @checked(payload=BYTES)
    def ping(self, payload: bytes = b"") -> Error:
        """Sends a ping; `get_latency()` changes when the pong comes.

        Args:
            payload: at most 125 bytes; b"" sends random bytes.

        Returns:
            `FAILED` unless OPEN; else `OK`.
        """
        return _FAILED if self._backend is None else self._backend.ping(payload)

    def get_latency(self) -> float:
        """Returns the seconds of the newest round trip, by heartbeat or `ping`; -1.0 before the first."""
        trip = None if self._backend is None else self._backend.round_trip
        return -1.0 if trip is None else trip.latency

    def get_stats(self) -> PeerStats:
        """Returns the counters of the connection; all are 0 before the first connection."""
        return PeerStats() if self._backend is None else peer_stats(self._backend)

    # ------------------------------------------------------------------------------------------ the end

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begins to close; continue to poll until CLOSED.

        Args:
            code: 1000 to 1003, 1007 to 1014, or 3000 to 4999. With a negative code, or while connecting, the connection
                ends at once, without a close frame.
            reason: at most 123 bytes of UTF-8.

        Raises:
            ValueError: the code may not be sent, or the reason is too long.
        """
        if type(code) is not int and not INT.fits(code):
            raise wrong_type("close", "code", INT.words, code)
        if type(reason) is not str and not isinstance(reason, str):
            raise wrong_type("close", "reason", STR.words, reason)
        if code >= 0:
            check_close(code, reason)
        if self._backend is not None:
            self._backend.close(max(code, -1), reason)
            self._let_go(self._backend)

    def get_close_code(self) -> int:
        """Returns the code of the other side's close frame, 1005 if the frame had no code.

        The code is 1002, 1007 or 1009 if the other side broke the protocol, 1013 if it was too slow. It is -1 while
        open, and if there was no close frame.
        """
        return -1 if self._backend is None else self._backend.close_code

    def get_close_reason(self) -> str:
        """Returns the reason that came with the close code; "" without one."""
        return "" if self._backend is None else self._backend.close_reason

    def get_close_cause(self) -> CloseCause:
        """Returns why the connection ended, or did not open."""
        backend = self._backend
        return self._cause if backend is None else backend.cause

    def __enter__(self) -> WebSocketPeer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Closes with code 1000, or 1011 after an exception, without waiting for the answer; 0.2 seconds over TLS."""
        if self._backend is not None:
            leave([self._backend], 1000 if kind is None else 1011, "")
            self._let_go(self._backend)

    # ------------------------------------------------------------------------------------------ facts

    def get_selected_protocol(self) -> str:
        """Returns the agreed sub-protocol; "" without one."""
        backend = self._backend
        return "" if backend is None or backend.opened is None else backend.opened.protocol

    def get_requested_url(self) -> str:
        """Returns the URL of the connection.

        On a client, the URL that was passed in, even after redirects. On a server, `ws://` or `wss://` with the Host
        header and path of the client.
        """
        backend = self._backend
        if backend is None or backend.is_client:
            return self._url
        request = backend.request()
        if request is None:
            return ""
        return f"{'wss' if backend.is_secure() else 'ws'}://{request.headers.get('host')}{request.target}"

    def get_handshake_headers(self) -> Headers:
        """Returns the headers that the other side sent with the upgrade; no headers before the upgrade."""
        backend = self._backend
        return Headers() if backend is None or backend.opened is None else backend.opened.headers

    def get_requested_headers(self) -> Headers:
        """Returns on a server the headers of the client's request; on a client no headers."""
        request = self.get_request()
        return Headers() if request is None else request.headers

    def get_connected_host(self) -> str:
        """Returns the other side's address in numbers; "" without a connection."""
        return self._remote_address()[0]

    def get_connected_port(self) -> int:
        """Returns the other side's port; 0 without a connection."""
        return self._remote_address()[1]

    def _remote_address(self) -> tuple[str, int]:
        backend = self._backend
        return ("", 0) if backend is None else backend.remote_address()

    def set_no_delay(self, enabled: bool) -> None:
        """Sets TCP_NODELAY, which sends small packets at once. Default: on."""
        if self._backend is not None:
            self._backend.set_no_delay(enabled)

    def __repr__(self) -> str:
        return f"<WebSocketPeer {self.get_ready_state().name}>"

    # ------------------------------------------------------------------------------------------ for gdpeer itself
    # The server, the fronts and the tools call these. No program needs them, so the reference leaves them out.

    @classmethod
    def of_server(cls, settings: Settings, clock: Clock, turn: Turn, backend: Backend) -> WebSocketPeer:
        """Returns a peer for a connection that its owner polls: a server, or a tunnel.

        The owner's settings are shared until a setting of the peer is changed. The poller of `turn` watches the
        connection.
        """
        peer = cls.__new__(cls)
        PeerBase.__init__(peer)
        peer._be(settings, clock, turn, is_owner=False)
        peer._backend = backend
        return peer

    def take_over(self, stream: Stream, before: NativeBackend) -> None:
        """Answers an upgrade that the backend of another owner has read, and continues the connection.

        No poller may watch `stream` any longer.
        """
        self.use_settings(before.settings)
        self._begin("", before.upgrade, stream)
        backend = self._backend
        assert isinstance(backend, NativeBackend)  # it has just begun
        backend.bytes_received, backend.port = before.bytes_received, before.port
        backend.go_on()

    def use_settings(self, settings: Settings) -> None:
        """Takes all settings at once; those that also apply to an open connection are applied to it."""
        before, self._settings = self._settings, settings
        if self._backend is not None:
            self._backend.use(settings)
            if settings.heartbeat_interval != before.heartbeat_interval:
                self._backend.restart_heartbeat()

    def poll_turn(self) -> Turn:
        """Returns the turn in which this peer is polled."""
        return self._turn

    def watch(self) -> Poller | None:
        """Returns the poller to wait for before the next `poll()`; None if nothing more will come."""
        backend = self._backend
        if backend is not None and self._turn.poller is None and backend.stage < STAGE_DONE:
            from gdpeer.transport.poller import Poller

            self._turn.poller = Poller(self._clock)
            backend.attach()
        return self._turn.poller

    def emit_drained(self) -> None:
        """Emits `drained` once after a refused send, when half of the outbound room is free again."""
        backend = self._backend
        if backend is not None and backend.was_refused and backend.has_drained():
            backend.was_refused = False
            if self._drained is not None:
                self._drained.emit()

    def make_way(self) -> None:
        """Drops unread packets that stop the reading while closing: the answer to the close frame is behind them."""
        backend = self._backend
        if backend is not None and backend.paused and backend.is_closing():
            while self.take() is not None:
                pass

    def was_open(self) -> bool:
        """Whether the upgrade of this connection was ever done."""
        return self._backend is not None and self._backend.opened is not None

    def is_over(self) -> bool:
        """Whether there is no connection, or TCP has ended too."""
        return self._backend is None or self._backend.stage >= STAGE_DONE

    def is_paused(self) -> bool:
        """Whether reading has stopped, because too many packets wait to be taken."""
        return self._backend is not None and self._backend.paused

    def is_answered(self) -> bool:
        """Whether the newest ping was answered, or none was sent."""
        trip = None if self._backend is None else self._backend.round_trip
        return trip is None or not trip.is_waiting

    def get_request(self) -> Request | None:
        """On a server: the request of the upgrade; None before it came, and on a client."""
        return None if self._backend is None else self._backend.request()
