"""`WebSocketMultiplayerPeer`: a multiplayer session over WebSocket, as server or client, with Godot's own games.

    peer = WebSocketMultiplayerPeer()
    peer.create_server(8910)                           # or peer.create_client("ws://127.0.0.1:8910")

Members, defaults and return codes are the engine's (reference godot-api section 5).

It is a `WebSocketServer` or a `WebSocketClient`, and a session on it (`websocket.session`) that knows ids and whose
packet is next; here are only the engine's names for that.

Differs from the engine:
- `close()` says goodbye: the other side sees a clean end, 1001 from a server and 1000 from a client, where the engine
  just drops the connection. Over TLS it takes 0.2 seconds. `disconnect_peer(id, force=True)` sends a close, too.
- Packets that came before the end of a connection can still be taken after it.
- An empty packet that arrives is dropped, with a warning, and does not keep back those behind it in the same turn.
- All who wait are accepted in a turn; who is refused gets an HTTP answer that says why.
- The packets of one peer that nobody takes hold back that peer only, by TCP.
- `get_close_cause()` tells why a client's connection ended or did not open; `heartbeat_interval`, `max_peers`,
  `allowed_origins`, `compression`, `http_handler`, `poll(timeout)`, `put_packet_to`, `put_control_to`, `dialects`,
  `stats`, `stop` and `reload_certificate` are additions.

Layer: `multiplayer`, the one module of it that imports `websocket`. Source: reference godot4-wire section B.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from gdpeer.arguments import (
    BOOL,
    IDS,
    INT,
    NUMBER,
    STR,
    a,
    check_id,
    checked,
    optional,
    seconds_of,
    to_bytes,
    wrong_type,
)
from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import CloseCause, Error, TransportError
from gdpeer.logs import get_logger, log_limited
from gdpeer.multiplayer.peer import TARGET_PEER_SERVER, Buffer, ConnectionStatus, MultiplayerPeer
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

__all__ = ["WebSocketMultiplayerPeer"]

logger = get_logger("gdpeer.multiplayer")

_STREAM = a("a Stream or a Connector of gdpeer.transport", Stream, Connector)
_TLS = optional(a("TLSOptions", TLSOptions))

_DISCONNECTED, _CONNECTING, _CONNECTED = ConnectionStatus  # once, for an enumeration finds its members slowly
_OK = Error.OK
_NO_STATS = Tally().stats((), 0)
_DIALECTS = {dialect.name: dialect for dialect in (GODOT4, GODOT3)}


class WebSocketMultiplayerPeer(MultiplayerPeer):
    """A server, or a client of one; DISCONNECTED at first, and again after `close` or the end of the connection.

    Settings count for connections that come after they are set.

    Args:
        dialects: what is spoken: "godot4", "godot3" or both. A client speaks the first. A server that speaks both
            tells its clients apart by `godot3_port` or `godot3_protocols`; packets are delivered as they came, and
            what they mean in the other dialect is for the layer above (`get_peer_dialect`, `get_packet_target`).
        clock: for tests.

    Attributes:
        max_peers: a server refuses upgrades beyond so many with 503; 0: no limit. Read by `create_server`.
        http_handler: answers requests that are no upgrade (`gdpeer.http`). Read by `create_server`.
        backlog: connections that may wait in the kernel. Read by `create_server`.
        reuse_port: share the port with other processes, each with peers of its own. Read by `create_server`.

    Raises:
        ValueError: an unknown dialect, or none.
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
        some_seconds,  # create_client waits for an id, which a server of another kind never sends
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
    max_refused = Property(Settings.max_refused)
    allowed_origins = Property(Settings.allowed_origins)
    godot3_protocols = Property(Settings.godot3_protocols)

    def __init__(self, dialects: Sequence[str] = ("godot4",), *, clock: Clock = MONOTONIC) -> None:
        MultiplayerPeer.__init__(self)
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
        self._session: ServerSession | ClientSession | None = None
        self._server: WebSocketServer | None = None
        self._godot3_port = 0
        self._client: WebSocketClient | None = None

    def use_settings(self, settings: Settings) -> None:
        """Takes changed settings over, for connections that come from now on. For gdpeer itself; see `Property`."""
        self._settings = settings
        if self._server is not None:
            self._server.use_settings(self._server_settings())

    @property
    def refuse_new_connections(self) -> bool:
        """Whether a server answers upgrades with 503; False."""
        return self._refuses

    @refuse_new_connections.setter
    def refuse_new_connections(self, refuses: bool) -> None:
        self._refuses = bool(refuses)
        if self._server is not None:
            self._server.refuse_new_connections = self._refuses

    @property
    def process_request(self) -> Processor | None:
        """Asked about each upgrade on a server; None: nobody. See `WebSocketServer.process_request`."""
        return self._process_request

    @process_request.setter
    def process_request(self, process: Processor | None) -> None:
        self._process_request = process
        if self._server is not None:
            self._server.process_request = process

    # ------------------------------------------------------------------------------------------ beginning

    @checked(url=STR, tls_client_options=_TLS)
    def create_client(self, url: str, tls_client_options: TLSOptions | None = None) -> Error:
        """Begin to connect; CONNECTED, and `peer_connected(1)`, when the server has told this peer's id.

        Args:
            url: `ws://` or `wss://`; without a scheme it counts as `ws`.
            tls_client_options: for `wss`; None: the machine's authorities.

        Returns:
            `ERR_ALREADY_IN_USE` unless DISCONNECTED, `ERR_INVALID_PARAMETER` for a URL, option or header that is not
            valid, another code where it failed at once (`get_close_cause()` says why); else `OK`.
        """
        return self._create_client(lambda peer: peer.connect_to_url(url, tls_client_options))

    @checked(stream=_STREAM, url=STR)
    def connect_through(self, stream: Stream | Connector, url: str = "ws://localhost/") -> Error:
        """Be a client over a stream of one's own (`gdpeer.transport`): an in-memory pair in tests, a Unix socket.

        Returns as `create_client`.
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
        """Open the port, and be CONNECTED, with id 1, at once.

        Args:
            port: 1-65535, or 0 for a free one (`get_local_port`).
            bind_address: "*" for all addresses, or one.
            tls_server_options: for `wss`; None: no TLS.
            godot3_port: on a server that speaks both dialects, one more port, for Godot 3; 0 for a free one
                (`get_godot3_port`).

        Returns:
            `ERR_ALREADY_IN_USE` unless DISCONNECTED, or where a port is taken; `ERR_INVALID_PARAMETER` for a port,
            address or option that is not valid; else `OK`.

        Raises:
            ValueError: `godot3_port` on a server that does not speak both dialects.
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
        """What was wrong with the last `create_server` or `reload_certificate`, in a line; "" where nothing was.

        A program that never asks finds it in the log once it polls.
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
        """A sub-protocol tells a server of both dialects which one a client speaks, so it must belong to one of them.

        Raises:
            ValueError: it belongs to both.
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
        """Serve a stream that came another way than through a port: an in-memory pair in tests.

        A peer that is DISCONNECTED becomes a server without a port.

        Returns:
            The id that the client will have.

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
        return self._server.take_stream(stream)

    def reload_certificate(self) -> Error:
        """On a server with TLS: have newcomers see what the files, or objects, of its `TLSOptions` hold now.

        Returns:
            As `WebSocketServer.reload_certificate`; on a client `ERR_UNCONFIGURED`. `get_listen_error()` says why.
        """
        if self._server is None:
            return Error.ERR_UNCONFIGURED
        error = self._server.reload_certificate()
        self._listen_error = self._server.get_listen_error()
        return error

    def stats(self) -> ServerStats:
        """What has passed, and what is there, on a server; all 0 where this is none. Costs a look at each peer.

        Of a client's connection `get_peer(1).get_stats()` tells.
        """
        return _NO_STATS if self._server is None else self._server.stats()

    def get_local_port(self) -> int:
        """A server's port; 0 where there is none."""
        return 0 if self._server is None else self._server.get_local_port()

    def get_godot3_port(self) -> int:
        """A server's port for Godot 3; 0 where there is none."""
        return 0 if self._server is None else self._godot3_port

    # ------------------------------------------------------------------------------------------ polling

    def poll(self, timeout: float = 0.0) -> None:
        """Move packets and emit signals.

        Args:
            timeout: 0: never wait. Positive: wait at most so many seconds for something to happen.
        """
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)
        if self._session is not None:
            self._session.poll(timeout)
        else:
            if self._untold:
                log_not_listening(self._untold)
                self._untold = ""
            pause(timeout)

    def get_connection_status(self) -> ConnectionStatus:
        """A client is CONNECTED once it has its id, a server from `create_server` on."""
        session = self._session
        if session is None or session.is_over:
            return _DISCONNECTED
        return _CONNECTED if session.is_ready else _CONNECTING

    def get_close_cause(self) -> CloseCause:
        """On a client: why its last connection ended or did not open. On a server there is nothing to tell."""
        return self._session.get_close_cause() if isinstance(self._session, ClientSession) else CloseCause()

    # ------------------------------------------------------------------------------------------ packets

    def put_packet(self, buffer: Buffer) -> Error:
        """Send one packet to the target, from a client always to the server; an empty buffer is `OK` and sends nothing.

        Returns:
            `ERR_UNCONFIGURED` unless CONNECTED. For one target: `ERR_INVALID_PARAMETER` where it is not there,
            `ERR_OUT_OF_MEMORY` where it has no room, `FAILED` where it is closing. For many of them: `OK`.
        """
        if type(buffer) is not bytes:
            buffer = to_bytes("put_packet", "buffer", buffer)
        if not len(buffer):
            return _OK
        if self._session is None or self.get_connection_status() is not _CONNECTED:
            return Error.ERR_UNCONFIGURED
        return self._session.put(self._target, buffer)

    def put_packet_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """See `MultiplayerPeer`. An empty buffer is `OK` and sends nothing."""
        if not IDS.fits(peer_ids):
            raise wrong_type("put_packet_to", "peer_ids", IDS.words, peer_ids)
        if type(buffer) is not bytes:
            buffer = to_bytes("put_packet_to", "buffer", buffer)
        if not len(buffer):
            return _OK
        if self._session is None or self.get_connection_status() is not _CONNECTED:
            return Error.ERR_UNCONFIGURED
        return self._session.put_to(peer_ids, buffer)

    def put_control_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """See `MultiplayerPeer`. On a server it may wait beyond a peer's limits by 64 KiB; who has no room for it even
        then is dropped.

        Returns:
            `ERR_UNCONFIGURED` unless CONNECTED; else `OK`. On a client as `put_packet_to`.
        """
        if not IDS.fits(peer_ids):
            raise wrong_type("put_control_to", "peer_ids", IDS.words, peer_ids)
        if type(buffer) is not bytes:
            buffer = to_bytes("put_control_to", "buffer", buffer)
        if not isinstance(self._session, ServerSession) or not len(buffer):
            return self.put_packet_to(peer_ids, buffer)
        self._session.put_control_to(peer_ids, buffer)
        return _OK

    def put_packet_from(self, source: int, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """On a server: pass a client's packet on to others. Those that speak "godot3" read `source` as its sender.

        Returns as `put_packet_to`; on a client `ERR_UNCONFIGURED`.
        """
        if not IDS.fits(peer_ids):
            raise wrong_type("put_packet_from", "peer_ids", IDS.words, peer_ids)
        if type(buffer) is not bytes:
            buffer = to_bytes("put_packet_from", "buffer", buffer)
        if not isinstance(self._session, ServerSession):
            return Error.ERR_UNCONFIGURED
        return self._session.put_from(source, peer_ids, buffer) if len(buffer) else _OK

    def get_packet(self) -> bytes:
        """The oldest packet; empty, with `get_packet_error()`, where there is none.

        The error is `ERR_UNAVAILABLE`, or `ERR_UNCONFIGURED` unless CONNECTED.
        """
        packet = None if self._session is None else self._session.take()
        if packet is None:
            is_connected = self.get_connection_status() is _CONNECTED
            self._packet_error = Error.ERR_UNAVAILABLE if is_connected else Error.ERR_UNCONFIGURED
            return b""
        if self._packet_error is not _OK:
            self._packet_error = _OK
        return packet

    def get_available_packet_count(self) -> int:
        """How many packets can be read, also after the end of a connection."""
        return 0 if self._session is None else self._session.count()

    def get_packet_peer(self) -> int:
        """Who sent the packet that `get_packet` takes next; 1, with a warning, where there is none."""
        source = 0 if self._session is None else self._session.source()
        if not source:
            log_limited(logger, logging.WARNING, "get_packet_peer: no packet is there")
        return source or TARGET_PEER_SERVER

    def packets(self) -> PacketSession:
        """Returns the session itself, or an adapter if a member of this peer has been changed."""
        session = self._session
        if session is None:
            raise ValueError("the peer is neither connected nor connecting")
        kind, own = type(self), vars(self)
        is_changed = any(name in own or getattr(kind, name) is not member for name, member in _MEMBERS.items())
        return MemberSession(self, session) if is_changed else session

    def refusals_of(self, peer_id: int) -> Refusals:
        """See `MultiplayerPeer`; of a peer that is not there, nothing yet."""
        return Refusals() if self._session is None else self._session.refusals_of(peer_id)

    def get_unique_id(self) -> int:
        """This end's id; 0 as long as there is none."""
        return 0 if self._session is None else self._session.unique_id

    def get_packet_target(self) -> int:
        """Whom the next packet was sent to, as far as its dialect says so; this end's id where there is none.

        On a server a "godot3" client's packet may be for all (0), for all but one (negative) or for one client that
        speaks "godot4", whom it does not reach by itself. To others that speak "godot3" it has been passed on.
        """
        return 0 if self._session is None else self._session.target()

    # ------------------------------------------------------------------------------------------ peers

    def get_peer(self, peer_id: int) -> WebSocketPeer | None:
        """The connection to a peer, on a client to 1; None, with a warning, for an id that is not there.

        Its `close(...)` is an end with a code and a reason of one's own: `peer_disconnected` follows when the other
        side has answered, and what had come before can still be taken, unlike after `disconnect_peer`.
        """
        if type(peer_id) is not int:
            check_id("get_peer", peer_id)
        peer: WebSocketPeer | None = None
        if self._server is not None:
            peer = self._server.get_peer(peer_id)
        elif self._client is not None and self.get_connection_status() is not _DISCONNECTED:
            peer = self._client.get_peer(peer_id)
        if peer is None:
            log_limited(logger, logging.WARNING, "there is no peer %s", peer_id)
        return peer

    @checked(peer_id=INT)
    def get_peer_address(self, peer_id: int) -> str:
        """The peer's address in numbers; "", with a warning, for an id that is not there."""
        peer = self.get_peer(peer_id)
        return "" if peer is None else peer.get_connected_host()

    @checked(peer_id=INT)
    def get_peer_port(self, peer_id: int) -> int:
        """The peer's port; 0, with a warning, for an id that is not there."""
        peer = self.get_peer(peer_id)
        return 0 if peer is None else peer.get_connected_port()

    @checked(peer_id=INT)
    def get_peer_dialect(self, peer_id: int) -> str:
        """What a peer speaks: "godot4" or "godot3"; "" for an id that is not there. On a client all speak alike."""
        if isinstance(self._session, ServerSession):
            dialect = self._session.dialect(peer_id)
            return "" if dialect is None else dialect.name
        return "" if self._session is None else self._dialects[0].name

    # ------------------------------------------------------------------------------------------ the end

    @checked(peer_id=INT, force=BOOL)
    def disconnect_peer(self, peer_id: int, force: bool = False) -> None:
        """Close the connection to a peer, with 1000; what it sent and still sends is dropped.

        On a server `peer_disconnected` comes with the next `poll`, on a client when the server has answered. With
        `force` the peer is gone at once and without a signal, and on a client everything is.
        """
        session = self._session
        if isinstance(session, ServerSession):
            if not session.disconnect(peer_id, force):
                log_limited(logger, logging.WARNING, "disconnect_peer: there is no peer %s", peer_id)
            elif force:
                self._peer_forgotten.emit(peer_id)
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
        """As `close`, on a server with a code, a reason and time for the clients; see `WebSocketServer.stop`.

        Args:
            code: what the close frames say; on a client without effect, as are the others.
            reason: likewise.
            grace: seconds that the clients have to take what waits for them and to answer; `peer_disconnected` is
                emitted for each that does. What they still send is not handled.

        Raises:
            ValueError: the code may not be sent, or the reason is longer than 123 bytes.
        """
        check_close(code, reason)
        if grace > 0:
            self.poll()  # tells of those who were disconnected since the last one
        if self._server is not None:
            self._server.stop(code, reason, grace)
        self.close()

    def close(self) -> None:
        """Leave, without signals; packets not taken are gone.

        The others see a close frame: 1001 from a server, 1000 from a client. Over TLS this takes 0.2 seconds.
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
        """Closes, as `close()`, whatever happened in the block."""
        self.close()

    def __repr__(self) -> str:
        role = "server" if self._server is not None else "client"
        return f"<WebSocketMultiplayerPeer {role} {self.get_connection_status().name}>"

    # ------------------------------------------------------------------------------------------ for gdpeer.aio
    # No program needs these, so the reference leaves them out.

    def watch(self) -> None:
        """Has a poller watch a client's connection; a server's poller is there from the start."""
        if self._client is not None:
            self._connection().watch()

    def poll_turn(self) -> Turn:
        """The turn in which the server or client below is polled; an empty one if there is neither."""
        if self._server is not None:
            return self._server.poll_turn()
        return Turn() if self._client is None else self._connection().poll_turn()

    def begin_to_leave(self) -> Callable[[], bool]:
        """Sends close frames, without signals.

        Returns:
            A function that tells whether all have answered.
        """
        server = self._server
        if server is not None:
            server.refuse_new_connections = True
            server.serve_session(None)  # those that are about to hear of the end need not hear of each other
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
    name: getattr(WebSocketMultiplayerPeer, name)
    for name in (
        *("get_available_packet_count", "get_connection_status", "get_packet", "get_packet_peer", "get_packet_target"),
        *("get_unique_id", "poll", "put_packet_to"),
    )
}
"""The members that an API needs for packets. Where one of them has been changed, the API goes by all of them."""


if TYPE_CHECKING:  # one interface for Godot 3's MultiplayerAPI, without an adapter

    def _as_networked(peer: WebSocketServer | WebSocketClient | MultiplayerPeer) -> NetworkedMultiplayerPeer:
        return peer
