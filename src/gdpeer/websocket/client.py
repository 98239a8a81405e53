"""`WebSocketClient`: the client of the tutorial and of Godot 3, with signals.

    client = WebSocketClient()
    client.data_received.connect(lambda: print(client.get_peer(1).get_packet()))
    client.connect_to_url("ws://127.0.0.1:9080")
    while client.get_connection_status() != WebSocketClient.ConnectionStatus.DISCONNECTED:
        client.poll(timeout=0.05)

It is a `WebSocketPeer` and the signals that tell of its changes; nothing else. In Godot 3's multiplayer mode
(`gd_mp_api`) it is what `NetworkedPeer` says, and emits the signals of that instead: of its own only
`server_close_request` and `peer_drained`.

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
from gdpeer.websocket._peer import backend_or_none, tell_packets
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.reconnection import Reconnection
from gdpeer.websocket.session.client import ClientSession
from gdpeer.websocket.session.dialects import GODOT3
from gdpeer.websocket.session.faces import NetworkedPeer
from gdpeer.websocket.settings import Settings, kilobytes, lines, names
from gdpeer.websocket.states import ClientStatus, PeerState
from gdpeer.websocket.tls_options import Source, TLSOptions

__all__ = ["ClientStatus", "WebSocketClient"]

# Once, for an enumeration finds its members slowly.
_OK, _CLEAN, _CLOSED = Error.OK, Cause.CLOSED, PeerState.CLOSED
_DISCONNECTED, _CONNECTING, _CONNECTED = ClientStatus


class WebSocketClient(NetworkedPeer):
    """One connection to a server, told of by signals while `poll` runs.

    Attributes:
        connection_established: signal (protocol): the upgrade is done.
        connection_closed: signal (was_clean): an established connection ended.
        connection_error: signal (): it never got established; `get_close_cause()` says why.
        data_received: signal (): once for each packet.
        server_close_request: signal (code, reason): the server began to close.
        peer_drained: signal (): after a refused send there is room again.
        reconnecting: signal (delay, cause): it ended, or did not open, and `poll` tries again after so many seconds.
        reconnection: when it does (`gdpeer.Reconnection`); None: never. Until it gives up, or `disconnect_from_host`,
            the status is CONNECTING.
        refuse_new_connections: without effect on a client.
        verify_ssl: check the server's certificate; True.
        trusted_ssl_certificate: authorities to trust instead of the machine's; None.
        supported_protocols, compression, heartbeat_interval, ...: set them on `get_peer(1)`, before connecting.

    Not to be used by two threads at a time.
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
        """Begin to connect; `connection_established` or `connection_error` follows while polling.

        Args:
            url: `ws://` or `wss://`; without a scheme it counts as `ws`.
            protocols: sub-protocols to offer. The server must choose one of them.
            gd_mp_api: Godot 3's multiplayer mode; the server must be in it too.
            custom_headers: `Name: value` lines for the request.

        Returns:
            `ERR_ALREADY_IN_USE` while connected or connecting, `ERR_INVALID_PARAMETER` for something that is not
            valid, another code together with `connection_error` (`connection_failed`) where it failed at once; else
            `OK`.
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
            self._tell_error()
        return error

    def _tls_options(self) -> TLSOptions:
        make = TLSOptions.client if self.verify_ssl else TLSOptions.client_unsafe
        return make(self.trusted_ssl_certificate)

    def poll(self, timeout: float = 0.0) -> None:
        """Move bytes, then emit signals; what slots send goes out together at the end.

        Args:
            timeout: 0: never wait. Positive: wait at most so many seconds for something to happen.
        """
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)
        if self._again_at != math.inf:
            timeout = self._try_again(timeout)
        self._peer.poll(timeout)
        turn = self._peer.poll_turn()
        turn.active = True
        try:
            self._tell_established()
            self._tell_packets()
            self._tell_closed()
        finally:
            turn.flush()

    def _try_again(self, timeout: float) -> float:
        """Connect anew if it is time; how long `poll` may wait."""
        left = self._again_at - self._clock.now()
        if left > 0 or self._again is None:
            return min(timeout, left)
        self._again()
        return 0.0

    def _tell_established(self) -> None:
        backend = backend_or_none(self._peer)
        is_opening = self._status is _CONNECTING and self._again_at == math.inf
        if is_opening and backend is not None and backend.opened is not None:
            self._status = _CONNECTED
            self._open = {backend.peer_id: self._peer}
            if self.reconnection is not None:
                self.reconnection.connected()
            if self._session is None:
                self.connection_established.emit(self._peer.get_selected_protocol())

    def _tell_packets(self) -> None:
        backend = backend_or_none(self._peer)
        if backend is not None:
            tell_packets(backend, self._open, self._on_packet if self._session is None else self._session.receive)
            backend.settle()

    def _on_packet(self, peer_id: int) -> None:
        self.data_received.emit()

    def _tell_closed(self) -> None:
        peer, backend = self._peer, backend_or_none(self._peer)
        if backend is not None and backend.connection.closed_by_remote and not self._was_asked_to_close:
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
            self._tell_error()

    def _tell_error(self) -> None:
        if self._session is None:
            self.connection_error.emit()
        else:
            self._session.end()
        self._plan()

    def _plan(self) -> None:
        """Try again later, where that is wanted and a slot has not connected by then."""
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
        """Begin to close; go on polling until `connection_closed`. Before the upgrade is done it just ends, without a
        signal.

        Raises:
            ValueError: the code may not be sent, or the reason is longer than 123 bytes.
        """
        self._peer.close(code, reason)
        self._give_up()
        if self._status is _CONNECTING:
            self._status = _DISCONNECTED

    def _give_up(self) -> None:
        self._again = None
        self._again_at = math.inf

    def get_peer(self, peer_id: int) -> WebSocketPeer | None:
        """The connection, for 1, the server's id; None for any other."""
        if type(peer_id) is not int:
            check_id("get_peer", peer_id)
        return self._peer if peer_id == 1 else None

    def get_connection_status(self) -> ClientStatus:
        """CONNECTED from the upgrade (`connection_established`) to the end."""
        return self._status

    def is_server(self) -> bool:
        """Always False."""
        return False

    def _max_message_size(self) -> int:
        return self._peer.outbound_buffer_size

    def get_connected_host(self) -> str:
        """The server's address in numbers; "" without TCP."""
        return self._peer.get_connected_host()

    def get_connected_port(self) -> int:
        """The server's port; 0 without TCP."""
        return self._peer.get_connected_port()

    def get_close_cause(self) -> CloseCause:
        """Why the connection ended, or did not open."""
        return (self._session or self._peer).get_close_cause()

    @checked(input_buffer_size_kb=INT, input_max_packets=INT, output_buffer_size_kb=INT, output_max_packets=INT)
    def set_buffers(
        self, input_buffer_size_kb: int, input_max_packets: int, output_buffer_size_kb: int, output_max_packets: int
    ) -> Error:
        """How much may wait. `FAILED` once connecting.

        Args:
            input_buffer_size_kb: the largest message and what may wait unread, in KiB; 64 at first.
            input_max_packets: messages that may wait, each way; the larger of both figures counts; 1,024 at first.
            output_buffer_size_kb: what may wait to be sent, in KiB; 64 at first.
            output_max_packets: see `input_max_packets`.
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
        """As `WebSocketPeer`: close with 1000, or 1011 after an exception, without waiting for the answer."""
        self._give_up()
        self._status = _DISCONNECTED
        if self._session is not None:
            self._session.leave()
        self._peer.__exit__(kind, error, at)
