"""`WebSocketClient`: the client of the tutorial and of Godot 3, with signals.

    client = WebSocketClient()
    client.data_received.connect(lambda: print(client.get_peer(1).get_packet()))
    client.connect_to_url("ws://127.0.0.1:9080")
    while client.get_connection_status() != WebSocketClient.ConnectionStatus.DISCONNECTED:
        client.poll(timeout=0.05)

A client has a `WebSocketPeer`, and emits signals for its changes. In Godot 3's multiplayer mode (`gd_mp_api`) a client
emits the signals of `NetworkedPeer`, and of its own signals only `server_close_request` and `peer_drained`.

Differs from the engine: `connection_closed(was_clean)` is true on both sides when both close frames were exchanged.

Layer: `websocket`. Source: reference godot-api section 10.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from types import TracebackType
from typing import ClassVar, TypeAlias

from gdpeer.arguments import BOOL, INT, LINES, STR, check_id, checked, seconds_of
from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import Cause, CloseCause, Error
from gdpeer.signals import Signal
from gdpeer.websocket._peer import announce_packets, backend_or_none
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.reconnection import Reconnection
from gdpeer.websocket.session.client import ClientSession
from gdpeer.websocket.session.dialects import GODOT3
from gdpeer.websocket.session.faces import NetworkedPeer
from gdpeer.websocket.settings import Settings, kilobytes, lines, names
from gdpeer.websocket.states import ClientStatus, PeerState
from gdpeer.websocket.tls_options import Source, TLSOptions

__all__ = ["ClientStatus", "WebSocketClient"]

# Looked up once here, because looking up a member of an enumeration is slow.
_OK, _CLEAN, _CLOSED = Error.OK, Cause.CLOSED, PeerState.CLOSED
_DISCONNECTED, _CONNECTING, _CONNECTED = ClientStatus


class WebSocketClient(NetworkedPeer):
    """A client with one connection to a server. It emits its signals while `poll` runs.

    Use a client from one thread at a time.

    Attributes:
        connection_established: signal (protocol): the upgrade is done.
        connection_closed: signal (was_clean): an established connection has ended.
        connection_error: signal (): the connection was not established; `get_close_cause()` says why.
        data_received: signal (): a packet came; once for each packet.
        server_close_request: signal (code, reason): the server has begun to close.
        peer_drained: signal (): after a refused send, half of the outbound room is free again.
        reconnecting: signal (delay, cause): the connection ended or did not open, and `poll` connects again after
            `delay` seconds.
        reconnection: a `gdpeer.Reconnection`, which decides whether and when to connect again. Until it gives up, or
            you call `disconnect_from_host`, the status is CONNECTING. Default: None, never.
        refuse_new_connections: without effect on a client.
        verify_ssl: False accepts all certificates. Default: True.
        trusted_ssl_certificate: the certificate authorities to trust. Default: None, the machine's.
        supported_protocols, compression, heartbeat_interval, ...: set them on `get_peer(1)`, before connecting.
    """

    ConnectionStatus: TypeAlias = ClientStatus

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = (
        "connection_closed",
        "connection_error",
        "connection_established",
        "data_received",
        "peer_drained",
        "reconnecting",
        "reconnection",
        "refuse_new_connections",
        "server_close_request",
        "trusted_ssl_certificate",
        "verify_ssl",
    )
    _gdpeer_hint = "settings of the connection are those of get_peer(1)"

    def __init__(self, *, clock: Clock = MONOTONIC) -> None:
        super().__init__()
        self.refuse_new_connections = False
        self._session: ClientSession | None = None
        self._clock = clock
        self.connection_established = Signal("connection_established")
        self.connection_closed = Signal("connection_closed")
        self.connection_error = Signal("connection_error")
        self.data_received = Signal("data_received")
        self.server_close_request = Signal("server_close_request")
        self.peer_drained = Signal("peer_drained")
        self.reconnecting = Signal("reconnecting")
        self.reconnection: Reconnection | None = None
        self._again: Callable[[], Error] | None = None
        self._again_at = math.inf
        self.verify_ssl = True
        self.trusted_ssl_certificate: Source | None = None
        self._status = _DISCONNECTED
        self._peer = WebSocketPeer(clock=clock)
        self._peer.use_settings(Settings.of("client"))
        self._open: dict[int, WebSocketPeer] = {}  # the peer once it is open, by its backend's id
        self._peer.drained.connect(self.peer_drained.emit)
        self._was_asked_to_close = False

    @checked(url=STR, protocols=LINES, gd_mp_api=BOOL, custom_headers=LINES)
    def connect_to_url(
        self, url: str, protocols: Iterable[str] = (), gd_mp_api: bool = False, custom_headers: Iterable[str] = ()
    ) -> Error:
        """Begins to connect; `connection_established` or `connection_error` follows in a later `poll`.

        Args:
            url: `ws://host[:port]/path` or `wss://...`; without a scheme `ws` is used.
            protocols: sub-protocols to offer. The server must choose one of them.
            gd_mp_api: True turns on Godot 3's multiplayer mode, which the server must use too.
            custom_headers: lines of the form `Name: value` for the request.

        Returns:
            `OK`; `ERR_ALREADY_IN_USE` while connected or connecting; `ERR_INVALID_PARAMETER` for a wrong argument;
            another code if connecting failed at once, which also emits `connection_error` (in multiplayer mode
            `connection_failed`).
        """
        if self._status is not _DISCONNECTED:
            return Error.ERR_ALREADY_IN_USE
        try:
            self._peer.supported_protocols = names(protocols)
            self._peer.handshake_headers = lines(custom_headers)
        except ValueError:
            return Error.ERR_INVALID_PARAMETER
        self._again = partial(self._connect, url, gd_mp_api)
        error = self._again()
        self._connection_began.emit()
        return error

    def _connect(self, url: str, gd_mp_api: bool) -> Error:
        self._again_at = math.inf
        self._status = _DISCONNECTED
        session = ClientSession(self, GODOT3, self._news(), self._clock) if gd_mp_api else None
        return self.begin(session, lambda: self._peer.connect_to_url(url, self._tls_options()))

    def begin(self, session: ClientSession | None, connect: Callable[[], Error]) -> Error:
        """Connects, by a function; a session, if given, is told what happens. For gdpeer itself."""
        self._was_asked_to_close = False
        self._open.clear()  # a handler may have connected anew: the former connection's packets are announced no more
        self._session = session
        error = connect()
        if error is _OK:
            self._status = _CONNECTING
        elif error is not Error.ERR_INVALID_PARAMETER:
            self._emit_error()
        return error

    def _tls_options(self) -> TLSOptions:
        make = TLSOptions.client if self.verify_ssl else TLSOptions.client_unsafe
        return make(self.trusted_ssl_certificate)

    def poll(self, timeout: float = 0.0) -> None:
        """Reads, emits signals, and sends everything that handlers have sent.

        Args:
            timeout: the most seconds to wait for an event. 0 does not wait.
        """
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)
        if self._again_at != math.inf:
            timeout = self._try_again(timeout)
        self._peer.poll(timeout)
        turn = self._peer.poll_turn()
        turn.active = True
        try:
            self._emit_established()
            self._announce_packets()
            self._emit_closed()
        finally:
            turn.flush()

    def _try_again(self, timeout: float) -> float:
        """Connects again if it is time; returns how many seconds `poll` may wait."""
        left = self._again_at - self._clock.now()
        if left > 0 or self._again is None:
            return min(timeout, left)
        self._again()
        return 0.0

    def _emit_established(self) -> None:
        backend = backend_or_none(self._peer)
        is_opening = self._status is _CONNECTING and self._again_at == math.inf
        if is_opening and backend is not None and backend.opened is not None:
            self._status = _CONNECTED
            self._open = {backend.number: self._peer}
            backend.session = self._session
            if self.reconnection is not None:
                self.reconnection.connected()
            if self._session is None:
                self.connection_established.emit(self._peer.get_selected_protocol())

    def _announce_packets(self) -> None:
        backend = backend_or_none(self._peer)
        if backend is not None:
            announce_packets(backend, self._open, self._on_packet)
            backend.settle()

    def _on_packet(self, peer_id: int) -> None:
        self.data_received.emit()

    def _emit_closed(self) -> None:
        peer, backend = self._peer, backend_or_none(self._peer)
        if backend is not None and backend.closed_by_remote and not self._was_asked_to_close:
            self._was_asked_to_close = True
            self.server_close_request.emit(peer.get_close_code(), peer.get_close_reason())
        if self._status is _DISCONNECTED or self._again_at != math.inf:
            return
        if peer.get_ready_state() is not _CLOSED:
            return
        was_connected = self._status is _CONNECTED
        self._status = _DISCONNECTED
        if was_connected and self._session is None:
            self.connection_closed.emit(peer.get_close_cause().cause is _CLEAN)
            self._plan()
        else:
            self._emit_error()

    def _emit_error(self) -> None:
        if self._session is None:
            self.connection_error.emit()
        else:
            self._session.end()
        self._plan()

    def _plan(self) -> None:
        """Plans to connect again, if `reconnection` says so and no handler has connected already."""
        if self.reconnection is None or self._again is None or self._status is not _DISCONNECTED:
            return
        cause = self.get_close_cause()
        delay = self.reconnection.delay_after(cause, self._peer.get_close_code())
        if delay is not None:
            self._again_at = self._clock.now() + delay
            self._status = _CONNECTING
            self.reconnecting.emit(delay, cause)

    @checked(code=INT, reason=STR)
    def disconnect_from_host(self, code: int = 1000, reason: str = "") -> None:
        """Begins to close; continue to poll until `connection_closed`.

        While connecting, the connection ends at once, without a signal.

        Args:
            code: the close code: 1000 to 1003, 1007 to 1014, or 3000 to 4999.
            reason: at most 123 bytes of UTF-8.

        Raises:
            ValueError: the code may not be sent, or the reason is too long.
        """
        self._peer.close(code, reason)
        self._give_up()
        if self._status is _CONNECTING:
            self._status = _DISCONNECTED

    def _give_up(self) -> None:
        self._again = None
        self._again_at = math.inf

    def get_peer(self, peer_id: int) -> WebSocketPeer | None:
        """Returns the connection for 1, the server's id; None for all other ids."""
        if type(peer_id) is not int:
            check_id("get_peer", peer_id)
        return self._peer if peer_id == 1 else None

    def get_connection_status(self) -> ClientStatus:
        """Returns CONNECTED from the upgrade (`connection_established`) to the end of the connection."""
        return self._status

    def is_server(self) -> bool:
        """Returns False, as this is a client."""
        return False

    def _max_message_size(self) -> int:
        return self._peer.outbound_buffer_size

    def get_connected_host(self) -> str:
        """Returns the server's address in numbers; "" without a connection."""
        return self._peer.get_connected_host()

    def get_connected_port(self) -> int:
        """Returns the server's port; 0 without a connection."""
        return self._peer.get_connected_port()

    def get_close_cause(self) -> CloseCause:
        """Returns why the connection ended, or did not open."""
        return (self._session or self._peer).get_close_cause()

    @checked(input_buffer_size_kb=INT, input_max_packets=INT, output_buffer_size_kb=INT, output_max_packets=INT)
    def set_buffers(
        self, input_buffer_size_kb: int, input_max_packets: int, output_buffer_size_kb: int, output_max_packets: int
    ) -> Error:
        """Sets the sizes of the queues, before connecting.

        Args:
            input_buffer_size_kb: the most KiB of a message, and of all unread messages. Default: 64.
            input_max_packets: the most queued messages in each direction; the larger of the two numbers counts.
                Default: 1,024.
            output_buffer_size_kb: the most KiB that wait to be sent. Default: 64.
            output_max_packets: see `input_max_packets`. Default: 1,024.

        Returns:
            `FAILED` while connected or connecting; else `OK`.
        """
        if self._status is not _DISCONNECTED:
            return Error.FAILED
        self._peer.inbound_buffer_size = kilobytes(input_buffer_size_kb)
        self._peer.outbound_buffer_size = kilobytes(output_buffer_size_kb)
        self._peer.max_queued_packets = max(input_max_packets, output_max_packets)
        return _OK

    def __enter__(self) -> WebSocketClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Closes with code 1000, or 1011 after an exception, without waiting for the answer."""
        self._give_up()
        self._status = _DISCONNECTED
        if self._session is not None:
            self._session.leave()
        self._peer.__exit__(kind, error, at)
