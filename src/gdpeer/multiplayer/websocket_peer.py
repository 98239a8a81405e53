"""`WebSocketMultiplayerPeer`: a multiplayer session over WebSocket, as server or client, also with games made in Godot.

    peer = WebSocketMultiplayerPeer()
    peer.create_server(8910)                           # or peer.create_client("ws://127.0.0.1:8910")

Members, defaults and return codes are the engine's (reference godot-api section 5).

The class uses a `WebSocketServer` or a `WebSocketClient`, and a session on it (`websocket.session`), which knows the
ids and the order of packets. This module adds the engine's names. `SessionPeer` has those that need the
session only: in a room, somebody else has the port.

Differs from the engine:
- `close()` sends a close frame: the other side sees a clean end, with code 1001 from a server and 1000 from a client.
  The engine drops the connection. Over TLS `close()` takes 0.2 seconds. `disconnect_peer(id, force=True)` sends a close
  frame, too.
- Packets that arrived before the end of a connection can still be taken afterwards.
- An empty packet that arrives is dropped, with a warning. Packets behind it are read in the same poll.
- A poll accepts all waiting connections. A refused client gets an HTTP response with the reason.
- If nobody takes the packets of a peer, only this peer is held back, by TCP.
- `get_close_cause()` returns why a client's connection ended or did not open. `heartbeat_interval`, `max_peers`,
  `allowed_origins`, `compression`, `http_handler`, `poll(timeout)`, `put_packet_to`, `put_control_to`, `dialects`,
  `stats`, `stop` and `reload_certificate` are additions.

Layer: `multiplayer`; its only module that imports `websocket`. Source: reference godot4-wire section B.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from gdpeer.arguments import BOOL, IDS, INT, NUMBER, STR, a, check_id, checked, optional, seconds_of, to_bytes
from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import CloseCause, Error, TransportError
from gdpeer.logs import get_logger, log_limited
from gdpeer.multiplayer.peer import TARGET_PEER_SERVER, Buffer, ConnectionStatus, MultiplayerPeer, checked_packet
from gdpeer.packet_session import MemberSession, PacketSession
from gdpeer.platform import pause
from gdpeer.protocol.connection import check_close
from gdpeer.refusals import Refusals
from gdpeer.transport.stream import Connector, Stream
from gdpeer.websocket._peer import backend_of
from gdpeer.websocket.backend.base import Turn
from gdpeer.websocket.client import WebSocketClient
from gdpeer.websocket.listening import log_not_listening
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.server import WebSocketServer
from gdpeer.websocket.session.client import ClientSession
from gdpeer.websocket.session.dialects import GODOT3, GODOT4, Dialect
from gdpeer.websocket.session.server import News, ServerSession
from gdpeer.websocket.settings import Property, Role, Settings, some_seconds
from gdpeer.websocket.states import PeerState
from gdpeer.websocket.stats import ServerStats, Tally
from gdpeer.websocket.tls_options import TLSOptions

if TYPE_CHECKING:
    from gdpeer.http.response import Handler
    from gdpeer.multiplayer.peer import NetworkedMultiplayerPeer
    from gdpeer.websocket.opening.upgrade import Processor

__all__ = ["SessionPeer", "WebSocketMultiplayerPeer"]

logger = get_logger("gdpeer.multiplayer")

_STREAM = a("a Stream or a Connector of gdpeer.transport", Stream, Connector)
_TLS = optional(a("TLSOptions", TLSOptions))

_DISCONNECTED, _CONNECTING, _CONNECTED = ConnectionStatus  # once, because looking up members is slow
_OK = Error.OK
_NO_STATS = Tally().stats((), 0)
_DIALECTS = {dialect.name: dialect for dialect in (GODOT4, GODOT3)}


class SessionPeer(MultiplayerPeer):
    """The members of a peer that use its session; without a session the peer is DISCONNECTED."""

    def __init__(self) -> None:
        MultiplayerPeer.__init__(self)
        self._session: ServerSession | ClientSession | None = None

    def poll(self, timeout: float = 0.0) -> None:
        """Moves packets and emits signals.

        Args:
            timeout: the most seconds to wait for an event. 0 does not wait.
        """
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)
        if self._session is not None:
            self._session.poll(timeout)
        else:
            self._idle(timeout)

    def _idle(self, timeout: float) -> None:
        """Waits, as there is no session to poll."""
        pause(timeout)

    def get_connection_status(self) -> ConnectionStatus:
        """Returns CONNECTED on a server from `create_server` on, on a client once it has its id."""
        session = self._session
        if session is None or session.is_over:
            return _DISCONNECTED
        return _CONNECTED if session.is_ready else _CONNECTING

    def put_packet(self, buffer: Buffer) -> Error:
        """Sends one packet to the target; from a client always to the server. An empty buffer is not sent, and returns
        `OK`.

        Returns:
            OK: the packet was sent or queued. For several targets always OK while connected.
            ERR_UNCONFIGURED: this peer is not CONNECTED.
            ERR_INVALID_PARAMETER: the one target is not connected.
            ERR_OUT_OF_MEMORY: the send queue of the one target is full.
            FAILED: the connection to the one target is closing.
        """
        if type(buffer) is not bytes:
            buffer = to_bytes("put_packet", "buffer", buffer)
        if not len(buffer):
            return _OK
        if self._session is None or self.get_connection_status() is not _CONNECTED:
            return Error.ERR_UNCONFIGURED
        return self._session.put(self._target, buffer)

    def put_packet_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Sends one packet to each of some peers; see `MultiplayerPeer.put_packet_to`."""
        packet = checked_packet("put_packet_to", peer_ids, buffer)
        if not packet:
            return _OK
        if self._session is None or self.get_connection_status() is not _CONNECTED:
            return Error.ERR_UNCONFIGURED
        return self._session.put_to(peer_ids, packet)

    def put_control_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Sends a packet that a peer must not miss; see `MultiplayerPeer.put_control_to`.

        On a server the packet may exceed a peer's outbound limits by 64 KiB. A peer without room even then is dropped.

        Returns:
            `ERR_UNCONFIGURED` unless CONNECTED; else `OK`. On a client the codes of `put_packet_to`.
        """
        packet = checked_packet("put_control_to", peer_ids, buffer)
        session = self._session
        if not isinstance(session, ServerSession) or not packet:
            return self.put_packet_to(peer_ids, packet)
        session.put_control_to(peer_ids, packet)
        return _OK

    def put_packet_from(self, source: int, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Passes a client's packet on to other clients, on a server. Clients that speak "godot3" see `source` as its
        sender.

        Returns:
            The codes of `put_packet_to`; on a client `ERR_UNCONFIGURED`.
        """
        packet = checked_packet("put_packet_from", peer_ids, buffer)
        if not isinstance(self._session, ServerSession):
            return Error.ERR_UNCONFIGURED
        return self._session.put_from(source, peer_ids, packet) if packet else _OK

    def get_packet(self) -> bytes:
        """Takes the oldest packet; b"" if no packet is queued.

        Then `get_packet_error()` is `ERR_UNAVAILABLE`, or `ERR_UNCONFIGURED` if this peer is not CONNECTED.
        """
        packet = None if self._session is None else self._session.take_next()
        if packet is None:
            is_connected = self.get_connection_status() is _CONNECTED
            self._packet_error = Error.ERR_UNAVAILABLE if is_connected else Error.ERR_UNCONFIGURED
            return b""
        if self._packet_error is not _OK:
            self._packet_error = _OK
        return packet

    def get_available_packet_count(self) -> int:
        """Returns how many packets can be read, even after the end of a connection."""
        return 0 if self._session is None else self._session.count()

    def get_packet_peer(self) -> int:
        """Returns the sender of the packet that `get_packet` takes next; 1, with a warning, if there is no packet."""
        source = 0 if self._session is None else self._session.source()
        if not source:
            log_limited(logger, logging.WARNING, "get_packet_peer: no packet is there")
        return source or TARGET_PEER_SERVER

    def packets(self) -> PacketSession:
        """Returns the session itself, or an adapter if a member of this peer has been changed.

        Raises:
            ValueError: the peer is neither connected nor connecting.
        """
        session = self._session
        if session is None:
            raise ValueError("the peer is neither connected nor connecting")
        kind, own = type(self), vars(self)
        is_changed = any(name in own or getattr(kind, name) is not member for name, member in _MEMBERS.items())
        return MemberSession(self, session) if is_changed else session

    def refusals_of(self, peer_id: int) -> Refusals:
        """Returns the counter of a peer's refused packets; an empty one if the peer is not connected."""
        return Refusals() if self._session is None else self._session.refusals_of(peer_id)

    def get_unique_id(self) -> int:
        """Returns this end's id; 0 until this end has an id."""
        return 0 if self._session is None else self._session.unique_id

    def get_packet_target(self) -> int:
        """Returns the target of the next packet, if its dialect names one; else this end's id.

        On a server, the packet of a "godot3" client may be for all (0), for all but one (negative), or for one client
        that speaks "godot4". The server has passed it on to the targets that speak "godot3", but not to the others.
        """
        return 0 if self._session is None else self._session.target()

    def _connection_to(self, peer_id: int) -> WebSocketPeer | None:
        """Returns the connection to a peer; None if the peer is not connected."""
        return self._session.peer(peer_id) if isinstance(self._session, ServerSession) else None

    def get_peer(self, peer_id: int) -> WebSocketPeer | None:
        """Returns the connection to a peer, on a client to 1; None, with a warning, for an unknown id.

        Its `close(...)` ends the connection with a code and a reason of your choice. Then `peer_disconnected` follows
        once the other side has answered, and packets that arrived before can still be taken, other than after
        `disconnect_peer`.
        """
        if type(peer_id) is not int:
            check_id("get_peer", peer_id)
        peer = self._connection_to(peer_id)
        if peer is None:
            log_limited(logger, logging.WARNING, "there is no peer %s", peer_id)
        return peer

    @checked(peer_id=INT)
    def get_peer_address(self, peer_id: int) -> str:
        """Returns the peer's address in numbers; "", with a warning, for an unknown id."""
        peer = self.get_peer(peer_id)
        return "" if peer is None else peer.get_connected_host()

    @checked(peer_id=INT)
    def get_peer_port(self, peer_id: int) -> int:
        """Returns the peer's port; 0, with a warning, for an unknown id."""
        peer = self.get_peer(peer_id)
        return 0 if peer is None else peer.get_connected_port()

    @checked(peer_id=INT)
    def get_peer_dialect(self, peer_id: int) -> str:
        """Returns "godot4" or "godot3", on a client its own dialect for all ids; "" on a server for an unknown id."""
        dialect = None if self._session is None else self._session.dialect(peer_id)
        return "" if dialect is None else dialect.name

    def _disconnect(self, session: ServerSession, peer_id: int, force: bool) -> None:
        """Disconnects a client of a server; see `disconnect_peer`."""
        if not session.disconnect(peer_id, force):
            log_limited(logger, logging.WARNING, "disconnect_peer: there is no peer %s", peer_id)
        elif force:
            self._peer_forgotten.emit(peer_id)


class WebSocketMultiplayerPeer(SessionPeer):
    """A server, or a client of one. DISCONNECTED at first, and again after `close` or the end of the connection.

    A changed setting applies to connections that come afterwards.

    Args:
        dialects: the dialects to speak: "godot4", "godot3" or both. A client speaks the first. A server with both tells
            its clients apart by `godot3_port` or `godot3_protocols`. Packets are delivered untranslated; the layer
            above translates them (`get_peer_dialect`, `get_packet_target`).
        clock: a `ManualClock` in tests.

    Attributes:
        max_peers: the most open connections of a server; later upgrades get status 503. 0: no limit. Read by
            `create_server`.
        http_handler: answers HTTP requests that are no upgrade (`gdpeer.http`). Read by `create_server`.
        backlog: the most connections that wait in the system to be accepted. Default: 4,096. Read by `create_server`.
        reuse_port: True shares the port with other processes, which have their own peers. Read by `create_server`.

    Raises:
        ValueError: a dialect is unknown, or `dialects` is empty.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = (
        *MultiplayerPeer._gdpeer_attributes,
        "backlog",
        "http_handler",
        "max_peers",
        "reuse_port",
    )
    _gdpeer_role: ClassVar[Role] = "multiplayer"

    handshake_headers = Property(Settings.handshake_headers)
    supported_protocols = Property(Settings.supported_protocols)
    inbound_buffer_size = Property(Settings.inbound_buffer_size)
    outbound_buffer_size = Property(Settings.outbound_buffer_size)
    max_queued_packets = Property(Settings.max_queued_packets)
    close_on_backpressure = Property(Settings.close_on_backpressure)
    handshake_timeout = Property(
        Settings.handshake_timeout,
        some_seconds,  # 0 would wait forever for an id if the server is of another kind
        "Seconds, more than 0: on a client from `create_client` to its id, on a server for TLS and each upgrade.",
    )
    close_timeout = Property(Settings.close_timeout)
    heartbeat_interval = Property(Settings.heartbeat_interval)
    compression = Property(Settings.compression)
    compression_threshold = Property(Settings.compression_threshold)
    max_redirects = Property(Settings.max_redirects)
    message_rate = Property(Settings.message_rate)
    byte_rate = Property(Settings.byte_rate)
    max_connections_per_address = Property(Settings.max_connections_per_address)
    connection_rate = Property(Settings.connection_rate)
    max_pending = Property(Settings.max_pending)
    trusted_proxies = Property(Settings.trusted_proxies)
    max_refused = Property(Settings.max_refused)
    allowed_origins = Property(Settings.allowed_origins)
    godot3_protocols = Property(Settings.godot3_protocols)

    def __init__(self, dialects: Sequence[str] = ("godot4",), *, clock: Clock = MONOTONIC) -> None:
        SessionPeer.__init__(self)
        if not IDS.fits(dialects):
            raise TypeError(f"dialects: expected several strings, got {type(dialects).__name__}")
        unknown = [name for name in dialects if name not in _DIALECTS]
        if unknown or not dialects or isinstance(dialects, str):
            raise ValueError(f"dialects are a list of {', '.join(_DIALECTS)}; not {dialects!r}")
        self.max_peers = 0
        self.http_handler: Handler | None = None
        self._process_request: Processor | None = None
        self.backlog = 4096
        self.reuse_port = False
        self._dialects = tuple(_DIALECTS[name] for name in dialects)
        self._settings = Settings.of("multiplayer")
        self._clock = clock
        self._listen_error = ""
        self._untold = ""
        self._server: WebSocketServer | None = None
        self._godot3_port = 0
        self._client: WebSocketClient | None = None

    def use_settings(self, settings: Settings) -> None:
        """Takes changed settings, for connections that come from now on. For gdpeer itself; see `Property`."""
        self._settings = settings
        if self._server is not None:
            self._server.use_settings(self._server_settings())

    @property
    def refuse_new_connections(self) -> bool:
        """Whether a server answers upgrades with status 503. Default: False."""
        return self._refuses

    @refuse_new_connections.setter
    def refuse_new_connections(self, refuses: bool) -> None:
        self._refuses = bool(refuses)
        if self._server is not None:
            self._server.refuse_new_connections = self._refuses

    @property
    def process_request(self) -> Processor | None:
        """Decides about each upgrade on a server; see `WebSocketServer.process_request`. Default: None."""
        return self._process_request

    @process_request.setter
    def process_request(self, process: Processor | None) -> None:
        self._process_request = process
        if self._server is not None:
            self._server.process_request = process

    # ------------------------------------------------------------------------------------------ beginning

    @checked(url=STR, tls_client_options=_TLS)
    def create_client(self, url: str, tls_client_options: TLSOptions | None = None) -> Error:
        """Begins to connect. Once the server has sent this peer's id, the status is CONNECTED and `peer_connected(1)`
        is emitted.

        Args:
            url: `ws://` or `wss://`; without a scheme `ws` is used.
            tls_client_options: for `wss`. None trusts the machine's certificate authorities.

        Returns:
            OK: the connection is being made.
            ERR_ALREADY_IN_USE: this peer is not DISCONNECTED.
            ERR_INVALID_PARAMETER: the URL, an option or a header is not valid.
            Another code: connecting failed at once; `get_close_cause()` says why.
        """
        return self._create_client(lambda peer: peer.connect_to_url(url, tls_client_options))

    @checked(stream=_STREAM, url=STR)
    def connect_through(self, stream: Stream | Connector, url: str = "ws://localhost/") -> Error:
        """Connects as a client over a given stream of `gdpeer.transport`: an in-memory pair in tests, or a Unix socket.

        Args:
            stream: an open stream, or a connector whose stream is still being made.
            url: for the request of the upgrade. Its host is not looked up.

        Returns:
            The codes of `create_client`.
        """
        return self._create_client(lambda peer: peer.connect_through(stream, url))

    def _create_client(self, connect: Any) -> Error:
        if self.get_connection_status() is not _DISCONNECTED:
            return Error.ERR_ALREADY_IN_USE
        client = WebSocketClient(clock=self._clock)
        connection = client.get_peer(1)
        assert connection is not None
        connection.use_settings(self._settings)
        timeout = self._settings.handshake_timeout
        session = ClientSession(client, self._dialects[0], self._news(), self._clock, timeout)
        error = client.begin(session, lambda: connect(connection))
        session.is_over = error is not _OK
        self._client, self._session = client, session
        self._connection_began.emit()
        return error

    def _news(self) -> News:
        return News(self.peer_connected, self.peer_disconnected)

    @checked(port=INT, bind_address=STR, tls_server_options=_TLS, godot3_port=optional(INT))
    def create_server(
        self,
        port: int,
        bind_address: str = "*",
        tls_server_options: TLSOptions | None = None,
        *,
        godot3_port: int | None = None,
    ) -> Error:
        """Opens the port. The status is CONNECTED, with the id 1, at once.

        Args:
            port: 1 to 65,535; 0 opens a free port, which `get_local_port` tells.
            bind_address: one address, or "*" for all.
            tls_server_options: for `wss`. None: no TLS.
            godot3_port: an additional port for Godot 3, on a server with both dialects; 0 opens a free port, which
                `get_godot3_port` tells.

        Returns:
            OK: the port is open.
            ERR_ALREADY_IN_USE: this peer is not DISCONNECTED, or another program has a port.
            ERR_INVALID_PARAMETER: a port, the address or an option is not valid.

        Raises:
            ValueError: there is a `godot3_port`, but the server does not speak both dialects.
        """
        if godot3_port is not None and len(self._dialects) < 2:
            raise ValueError('godot3_port needs dialects=("godot4", "godot3")')
        if self.get_connection_status() is not _DISCONNECTED:
            return Error.ERR_ALREADY_IN_USE
        if tls_server_options is not None and not tls_server_options.is_server():
            return Error.ERR_INVALID_PARAMETER
        server = self._make_server()
        server.bind_ip = bind_address
        if tls_server_options is not None:
            server.private_key = tls_server_options.get_private_key()
            server.ssl_certificate = tls_server_options.get_own_certificate()
        self._listen_error = self._untold = ""
        error = self._listen(server, port, godot3_port)
        if error is _OK:
            self._serve(server)
        else:
            self._listen_error = self._untold = self._listen_error or server.get_listen_error()
        return error

    def get_listen_error(self) -> str:
        """Returns in a line what was wrong with the last `create_server` or `reload_certificate`; "" if it succeeded.

        If the program does not call this, the next `poll` logs the line.
        """
        self._untold = ""
        return self._listen_error

    def _make_server(self) -> WebSocketServer:
        self._godot3_port = 0
        server = WebSocketServer(clock=self._clock)
        server.max_peers = self.max_peers
        server.http_handler = self.http_handler
        server.process_request = self._process_request
        server.backlog = self.backlog
        server.reuse_port = self.reuse_port
        server.refuse_new_connections = self._refuses
        return server

    def _check_protocols(self) -> None:
        """Checks that each sub-protocol belongs to one dialect: a server with both dialects tells clients apart by it.

        Raises:
            ValueError: a sub-protocol belongs to both dialects.
        """
        both = set(self.supported_protocols) & set(self.godot3_protocols) if len(self._dialects) > 1 else ()
        if both:
            found = ", ".join(sorted(both))
            raise ValueError(f"supported_protocols and godot3_protocols both name {found}: which dialect is it?")

    def _server_settings(self) -> Settings:
        protocols = dict.fromkeys((*self.supported_protocols, *self.godot3_protocols))
        return self._settings.replace(supported_protocols=tuple(protocols))

    def _listen(self, server: WebSocketServer, port: int, godot3_port: int | None) -> Error:
        try:
            self._check_protocols()
        except ValueError as problem:
            self._listen_error = str(problem)
            return Error.ERR_INVALID_PARAMETER
        settings = self._server_settings()
        server.use_settings(settings)
        error = server.listen(port, settings.supported_protocols)
        if error is not _OK or godot3_port is None:
            return error
        try:
            self._godot3_port = server.open_port(godot3_port)
        except TransportError as problem:
            self._listen_error = problem.detail
            server.stop()
            return problem.error
        return _OK

    def _serve(self, server: WebSocketServer) -> None:
        session = ServerSession(server, self._dialect_of, self._news())
        server.serve_session(session)
        self._server, self._session, self._client = server, session, None
        self._connection_began.emit()

    def _dialect_of(self, peer: WebSocketPeer) -> Dialect:
        if len(self._dialects) < 2:
            return self._dialects[0]
        by_protocol = peer.get_selected_protocol() in self.godot3_protocols
        by_port = 0 < self.get_godot3_port() == backend_of(peer).port
        return GODOT3 if by_protocol or by_port else GODOT4

    @checked(stream=_STREAM)
    def take_stream(self, stream: Stream | Connector) -> int:
        """Serves a stream that did not come through a port, as an in-memory pair in tests.

        A peer that is DISCONNECTED becomes a server without a port.

        Returns:
            The id that the client will have.

        Raises:
            ValueError: this peer is a client, or `godot3_protocols` has one of `supported_protocols`.
        """
        return self.be_server().take_stream(stream)

    def reload_certificate(self) -> Error:
        """Reads the files or objects of the server's `TLSOptions` again, for connections that come from now on.

        Returns:
            The codes of `WebSocketServer.reload_certificate`; on a client `ERR_UNCONFIGURED`. `get_listen_error()` says
            why.
        """
        if self._server is None:
            return Error.ERR_UNCONFIGURED
        error = self._server.reload_certificate()
        self._listen_error = self._server.get_listen_error()
        return error

    def stats(self) -> ServerStats:
        """Returns a server's counters; all are 0 if this is no server. The time that it takes grows with the number of
        peers.

        On a client call `get_peer(1).get_stats()`.
        """
        return _NO_STATS if self._server is None else self._server.stats()

    def get_local_port(self) -> int:
        """Returns the number of a server's port; 0 if none is open."""
        return 0 if self._server is None else self._server.get_local_port()

    def get_godot3_port(self) -> int:
        """Returns the number of a server's port for Godot 3; 0 if none is open."""
        return 0 if self._server is None else self._godot3_port

    # ------------------------------------------------------------------------------------------ polling

    def _idle(self, timeout: float) -> None:
        if self._untold:
            log_not_listening(self._untold)
            self._untold = ""
        pause(timeout)

    def get_close_cause(self) -> CloseCause:
        """Returns why a client's last connection ended or did not open; on a server an empty cause."""
        return self._session.get_close_cause() if isinstance(self._session, ClientSession) else CloseCause()

    # ------------------------------------------------------------------------------------------ peers

    def _connection_to(self, peer_id: int) -> WebSocketPeer | None:
        if self._server is not None:
            return self._server.get_peer(peer_id)
        is_there = self._client is not None and self.get_connection_status() is not _DISCONNECTED
        return self._client.get_peer(peer_id) if self._client is not None and is_there else None

    # ------------------------------------------------------------------------------------------ the end

    @checked(peer_id=INT, force=BOOL)
    def disconnect_peer(self, peer_id: int, force: bool = False) -> None:
        """Closes the connection to a peer with code 1000, and drops its unread and later packets.

        Args:
            peer_id: the peer. An unknown id is ignored, with a warning.
            force: False emits `peer_disconnected`: on a server in the next `poll`, on a client when the server has
                answered. True removes the peer at once, without a signal; on a client this is `close`.
        """
        session = self._session
        if isinstance(session, ServerSession):
            self._disconnect(session, peer_id, force)
            return
        peer = self.get_peer(peer_id)
        if session is None or peer is None:
            return
        if force:
            self.close()
        else:
            peer.close(1000)
            session.drop_packets(peer)

    @checked(code=INT, reason=STR, grace=NUMBER)
    def stop(self, code: int = 1001, reason: str = "", grace: float = 0.0) -> None:
        """Closes as `close` does, on a server with a code, a reason and time for the clients; see
        `WebSocketServer.stop`.

        The arguments have no effect on a client.

        Args:
            code: the code of the close frames.
            reason: the reason in the close frames, at most 123 bytes of UTF-8.
            grace: seconds that the clients have to receive all queued messages and to answer. `peer_disconnected` is
                emitted for each client that answers. Packets that arrive meanwhile are not handled.

        Raises:
            ValueError: the code may not be sent, or the reason is too long.
        """
        check_close(code, reason)
        if grace > 0:
            self.poll()  # announces the peers that were disconnected since the last poll
        if self._server is not None:
            self._server.stop(code, reason, grace)
        self.close()

    def close(self) -> None:
        """Leaves the session without signals, and drops all unread packets.

        The other sides get a close frame with code 1001 from a server, 1000 from a client. Over TLS this takes 0.2
        seconds.
        """
        server, client, session = self._server, self._client, self._session
        self._server = self._client = self._session = None
        if server is not None:
            server.stop(1001)
        if client is not None:
            client.__exit__(None, None, None)
        if session is not None:
            session.close()

    def __enter__(self) -> WebSocketMultiplayerPeer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Calls `close()`, also after an exception."""
        self.close()

    def __repr__(self) -> str:
        role = "server" if self._server is not None else "client"
        return f"<WebSocketMultiplayerPeer {role} {self.get_connection_status().name}>"

    # ------------------------------------------------------------------------------------------ for gdpeer.aio
    # No program needs these, so the reference leaves them out.

    def be_server(self) -> WebSocketServer:
        """Becomes a server without a port, if this peer is DISCONNECTED; returns the server below.

        Raises:
            ValueError: this peer is a client, or `godot3_protocols` has one of `supported_protocols`.
        """
        if self.get_connection_status() is _DISCONNECTED:
            self._check_protocols()
            server = self._make_server()
            server.use_settings(self._server_settings())
            self._serve(server)
        if self._server is None:
            raise ValueError("a client takes no streams")
        return self._server

    def watch(self) -> None:
        """Makes a poller watch a client's connection; a server has its poller from the start."""
        if self._client is not None:
            self._connection().watch()

    def poll_turn(self) -> Turn:
        """Returns the turn in which the server or client below is polled; an empty turn if there is neither."""
        if self._server is not None:
            return self._server.poll_turn()
        return Turn() if self._client is None else self._connection().poll_turn()

    def begin_to_leave(self) -> Callable[[], bool]:
        """Sends close frames, without signals.

        Returns:
            A function that tells whether all other sides have answered.
        """
        server = self._server
        if server is not None:
            server.refuse_new_connections = True
            server.serve_session(None)  # all are about to leave, so do not announce them to each other
            server.close_all(1001)
            return lambda: not server.peers
        if self._client is None:
            return lambda: True
        connection = self._connection()
        connection.close(1000)
        return lambda: connection.get_ready_state() is PeerState.CLOSED

    def _connection(self) -> WebSocketPeer:
        """Returns the connection of a client to its server."""
        assert self._client is not None
        peer = self._client.get_peer(1)
        assert peer is not None
        return peer


_MEMBERS = {
    name: getattr(SessionPeer, name)
    for name in (
        *("get_available_packet_count", "get_connection_status", "get_packet", "get_packet_peer", "get_packet_target"),
        *("get_unique_id", "poll", "put_packet_to"),
    )
}
"""The members that an API needs for packets. If one of them has been changed, the API calls all of them."""


if TYPE_CHECKING:  # one interface for Godot 3's MultiplayerAPI, without an adapter

    def _as_networked(peer: WebSocketServer | WebSocketClient | MultiplayerPeer) -> NetworkedMultiplayerPeer:
        return peer
