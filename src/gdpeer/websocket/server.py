"""`WebSocketServer`: the server of the tutorial and of Godot 3, with signals, and web pages on the same port.

    server = WebSocketServer()

    @server.data_received.connect
    def relay(peer_id):
        server.broadcast(server.get_peer(peer_id).get_packet(), exclude=[peer_id])

    server.listen(9080)
    while True:
        server.poll(timeout=0.05)

In Godot 3's multiplayer mode (`gd_mp_api`) the server is a `NetworkedPeer`, and emits the signals of that class. Of its
own signals it emits only `client_close_request` and `peer_drained`.

`poll` accepts all waiting connections, reads, emits signals, and then sends what the handlers have sent, in one write
for each peer. Idle peers cost nothing.

Differs from the engine: accepts all waiting connections at once, answers refused upgrades with a status and a reason,
and reports `was_clean` as true whenever both close frames were exchanged.

Layer: `websocket`. Source: reference godot-api section 10.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache, partial
from inspect import isawaitable
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, cast

from gdpeer.arguments import (
    BOOL,
    CALLABLE,
    IDS,
    INT,
    LINES,
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
from gdpeer.errors import Cause, Error, HandshakeError, TransportError
from gdpeer.http.outgoing import Outgoing
from gdpeer.http.response import Handler, Response
from gdpeer.ids import generate_unique_id
from gdpeer.logs import LogLimit, LogLimits, get_logger, log_limited
from gdpeer.protocol.connection import check_close
from gdpeer.protocol.frames import is_utf8
from gdpeer.protocol.handshake import Opened
from gdpeer.protocol.http_headers import Headers, Request, parse_header_line
from gdpeer.refusals import Refusals
from gdpeer.signals import Signal
from gdpeer.transport.stream import Connector, Stream
from gdpeer.websocket._peer import announce_packets, backend_of, backends_of, spread, take_turn
from gdpeer.websocket.admission import household
from gdpeer.websocket.backend.base import Backend, Turn, leave
from gdpeer.websocket.backend.connection_log import limit_of, log_line
from gdpeer.websocket.backend.native import NativeBackend
from gdpeer.websocket.listening import Listeners, Place, log_not_listening, make_context
from gdpeer.websocket.opening.upgrade import Answered, Processor, Question, ServerUpgrade, wait_for
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.session.dialects import GODOT3
from gdpeer.websocket.session.faces import NetworkedPeer
from gdpeer.websocket.session.server import ServerSession
from gdpeer.websocket.settings import Property, Role, Settings, kilobytes, lines, names
from gdpeer.websocket.states import ClientStatus, PeerWriteMode, Stage
from gdpeer.websocket.stats import ServerStats, Tally
from gdpeer.websocket.tls_options import Source

if TYPE_CHECKING:
    import socket
    import ssl

    from gdpeer.transport.poller import Poller
    from gdpeer.websocket.backend.asgi import AsgiBackend
    from gdpeer.websocket.session.placement import Placer

__all__ = ["WebSocketServer"]

logger = get_logger("gdpeer.websocket")

_ATTRIBUTES = (
    ("backlog", INT),
    ("bind_ip", STR),
    ("http_handler", optional(CALLABLE)),
    ("max_peers", INT),
    ("process_request", optional(CALLABLE)),
)
"""The kinds of the plain attributes, which `listen` checks."""
_STREAM = a("a Stream or a Connector of gdpeer.transport", Stream, Connector)

HEALTH = "/health"

PAGE_PATIENCE = 5.0
"""Seconds that an HTTP handler has for a response that comes later."""

MOST_LATE = 1_024
"""The most requests that wait for a response at the same time."""

MOST_EARLY = 1_048_576
"""Bytes that a client may send while it waits for a page; they are dropped."""

TOO_MANY_REFUSED = "too much of what it sent was refused"

DRAIN_TURN = 0.2
"""Seconds of one turn while draining. A system signal that came just before the wait is noticed after it."""

STAGE_LINGERING, STAGE_DONE = int(Stage.LINGERING), int(Stage.DONE)  # compared once for each peer in a turn
_CLEAN = Cause.CLOSED  # once, because looking up members of an enumeration is slow


class WebSocketServer(NetworkedPeer):
    """A server with many connections on one port. It emits its signals while `poll` runs.

    A changed setting applies to connections that come afterwards. Use a server from one thread at a time.

    Attributes:
        client_connected: signal (peer_id, protocol): the upgrade of a client is done, and its peer is open.
        client_disconnected: signal (peer_id, was_clean): the connection to a client has ended. While the signal is
            emitted, `get_peer(peer_id)` still has the close code, reason and cause, and unread packets.
        client_close_request: signal (peer_id, code, reason): a client has begun to close.
        data_received: signal (peer_id): a packet came; once for each packet.
        peer_drained: signal (peer_id): after a refused send, half of the peer's outbound room is free again.
        bind_ip: one address, "*" for all, or "unix:/path". Default: "*".
        private_key: a `CryptoKey`, or the path of a PEM file. With `ssl_certificate` it turns TLS on. Default: None.
        ssl_certificate: an `X509Certificate`, or the path of a PEM file: the whole chain, the server's own certificate
            first. Default: None.
        ca_chain: the certificates between `ssl_certificate` and its root. Default: None.
        http_handler: answers HTTP requests that are no upgrade (`gdpeer.http`). Without one they get status 426, except
            for `/health`. A response that comes later has 5 seconds; then the client gets 503. Default: None.
        process_request: called with the `Request` of each upgrade that could be accepted. It returns None to accept the
            upgrade, or a `Response` (`gdpeer.http`) to refuse it. An exception is logged, and the client gets status
            500. Default: None.
        refuse_new_connections: True answers upgrades with status 503. Default: False.
        max_peers: the most open connections; later upgrades get status 503. Default: 0, no limit.
        backlog: the most connections that wait in the system to be accepted. Default: 4,096.
        reuse_port: True shares the port with other processes. Default: False.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = (
        "backlog",
        "bind_ip",
        "ca_chain",
        "client_close_request",
        "client_connected",
        "client_disconnected",
        "data_received",
        "http_handler",
        "max_peers",
        "peer_drained",
        "private_key",
        "process_request",
        "refuse_new_connections",
        "reuse_port",
        "ssl_certificate",
    )
    _gdpeer_role: ClassVar[Role] = "server"

    handshake_timeout = Property(Settings.handshake_timeout)
    heartbeat_interval = Property(Settings.heartbeat_interval)
    close_timeout = Property(Settings.close_timeout)
    inbound_buffer_size = Property(Settings.inbound_buffer_size)
    outbound_buffer_size = Property(Settings.outbound_buffer_size)
    max_queued_packets = Property(Settings.max_queued_packets)
    close_on_backpressure = Property(Settings.close_on_backpressure)
    compression = Property(Settings.compression)
    compression_threshold = Property(Settings.compression_threshold)
    allowed_origins = Property(Settings.allowed_origins)
    allowed_paths = Property(Settings.allowed_paths)
    message_rate = Property(Settings.message_rate)
    byte_rate = Property(Settings.byte_rate)
    max_connections_per_address = Property(Settings.max_connections_per_address)
    connection_rate = Property(Settings.connection_rate)
    max_pending = Property(Settings.max_pending)
    trusted_proxies = Property(Settings.trusted_proxies)
    max_refused = Property(Settings.max_refused)

    _UPGRADE: ClassVar[type[ServerUpgrade]] = ServerUpgrade

    def __init__(self, *, clock: Clock = MONOTONIC) -> None:
        super().__init__()
        self.client_connected = Signal("client_connected", self._limit_of)
        self.client_disconnected = Signal("client_disconnected", self._limit_of)
        self.client_close_request = Signal("client_close_request", self._limit_of)
        self.data_received = Signal("data_received", self._limit_of)
        self.peer_drained = Signal("peer_drained", self._limit_of)
        self.bind_ip = "*"
        self.private_key: Source | None = None
        self.ssl_certificate: Source | None = None
        self.ca_chain: Source | None = None
        self.http_handler: Handler | None = None
        self.process_request: Processor | None = None
        self.refuse_new_connections = False
        self.max_peers = 0
        self.backlog = 4096
        self.reuse_port = False
        self._settings = Settings.of("server")
        self._clock = clock
        self._turn = Turn(log_limits=LogLimits(clock, total=True))
        self._session: ServerSession | None = None  # of multiplayer mode
        self._placer: Placer | None = None  # of a server with many sessions
        self._listeners = Listeners(clock)
        self._log_limits = LogLimits(clock, total=True)
        self._tally = Tally()
        self._listen_error = ""
        self._untold = ""
        self._later: Callable[[Awaitable[Response | None], Answered], None] | None = None  # for async answers
        self._peers: dict[int, WebSocketPeer] = {}  # open, by number: without a placer, that is the id
        self._opening: dict[int, NativeBackend | AsgiBackend] = {}  # connections before their upgrade is done
        self._admitted: set[int] = set()  # the opening ones that have a place of max_peers
        self._late: set[int] = set()  # the opening ones that wait for a page
        self._answered: dict[int, Backend] = {}  # connections that get a page or a refusal
        self._lingering: dict[int, Backend] = {}  # announced as gone, while TCP still ends
        self._outgoing = Outgoing()

    @checked(input_buffer_size_kb=INT, input_max_packets=INT, output_buffer_size_kb=INT, output_max_packets=INT)
    def set_buffers(
        self, input_buffer_size_kb: int, input_max_packets: int, output_buffer_size_kb: int, output_max_packets: int
    ) -> Error:
        """Sets the buffers of each peer, with the arguments of `WebSocketClient.set_buffers`.

        Returns:
            `FAILED` while listening; else `OK`.
        """
        if self._listeners.listeners:
            return Error.FAILED
        self.inbound_buffer_size = kilobytes(input_buffer_size_kb)
        self.outbound_buffer_size = kilobytes(output_buffer_size_kb)
        self.max_queued_packets = max(input_max_packets, output_max_packets)
        return Error.OK

    @checked(headers=LINES)
    def set_extra_headers(self, headers: Iterable[str] = ()) -> None:
        """Sets headers for the response to each upgrade.

        Args:
            headers: lines of the form `Name: value`.

        Raises:
            ValueError: a line has another form.
        """
        found = lines(headers)
        for line in found:
            parse_header_line(line)
        self.use_settings(self._settings.replace(handshake_headers=found))

    # ------------------------------------------------------------------------------------------ listening

    @checked(port=INT, protocols=LINES, gd_mp_api=BOOL)
    def listen(self, port: int, protocols: Iterable[str] = (), gd_mp_api: bool = False) -> Error:
        """Opens the port. After an error `get_listen_error()` says in words what was wrong.

        Args:
            port: 1 to 65,535; 0 opens a free port, which `get_local_port` tells.
            protocols: the supported sub-protocols. Clients must offer one of them, or none if the list is empty.
            gd_mp_api: True turns on Godot 3's multiplayer mode, which clients must use too.

        Returns:
            OK: the port is open.
            ERR_ALREADY_IN_USE: this server listens already, or another program has the port.
            ERR_INVALID_PARAMETER: the port, address, a protocol, the key or the certificate is not valid.
            ERR_UNAVAILABLE: this is a browser.

        Raises:
            TypeError: an attribute, as `max_peers`, has a wrong type.
        """
        for name, kind in _ATTRIBUTES:
            if not kind.fits(getattr(self, name)):
                raise TypeError(f"{name}: expected {kind.words}, got {type(getattr(self, name)).__name__}")
        if self._listeners.listeners:
            return self._not_listening(Error.ERR_ALREADY_IN_USE, "already listening")
        try:
            self.use_settings(self._settings.replace(supported_protocols=names(protocols)))
            if not 0 <= port <= 65535:
                raise ValueError(f"the port must be 0 to 65535, not {port}")
            self._listeners.tls = self._make_tls()
            self.open_port(port)
        except TransportError as problem:
            return self._not_listening(problem.error, problem.detail)
        except ValueError as problem:
            return self._not_listening(Error.ERR_INVALID_PARAMETER, str(problem))
        self._listen_error = self._untold = ""
        if gd_mp_api:
            self._session = ServerSession(self, lambda peer: GODOT3, self._news())
        self._connection_began.emit()
        return Error.OK

    def _not_listening(self, error: Error, detail: str) -> Error:
        self._listen_error = self._untold = detail
        return error

    def reload_certificate(self) -> Error:
        """Reads `private_key` and `ssl_certificate` again, for connections that come from now on.

        Open connections keep their certificate. If the files cannot be used, the former ones stay in use.

        Returns:
            `OK`; `ERR_UNCONFIGURED` if the server does not listen with TLS; another code if the files cannot be used
            (`get_listen_error()` says why).
        """
        if self._listeners.tls is None:
            return Error.ERR_UNCONFIGURED
        try:
            self._listeners.tls = self._make_tls()
        except (TransportError, ValueError) as problem:
            error = problem.error if isinstance(problem, TransportError) else Error.ERR_INVALID_PARAMETER
            self._listen_error = str(problem)
            logger.warning("the certificate was not reloaded: %s", problem)
            return error
        self._listen_error = ""
        return Error.OK

    def _make_tls(self) -> ssl.SSLContext | None:
        return make_context(self.private_key, self.ssl_certificate, self.ca_chain)

    def is_listening(self) -> bool:
        """Whether the port is open."""
        return bool(self._listeners.listeners)

    def is_server(self) -> bool:
        """Returns True, even before the server listens."""
        return True

    def get_connection_status(self) -> ClientStatus:
        """Returns CONNECTED while listening, else DISCONNECTED."""
        return ClientStatus.CONNECTED if self._listeners.listeners else ClientStatus.DISCONNECTED

    def _max_message_size(self) -> int:
        return self.outbound_buffer_size

    def _limit_of(self, peer_id: int) -> LogLimit | None:
        """Returns the counter of log lines for a peer's address, which survives the connection; None: no such peer."""
        peer = self._peers.get(peer_id)
        return None if peer is None else self.log_limit_of(peer.get_connected_host())

    def get_listen_error(self) -> str:
        """Returns in a line what was wrong with the last `listen`; "" if it succeeded.

        If the program does not call this, the next `poll` logs the line.
        """
        self._untold = ""
        return self._listen_error

    def get_local_port(self) -> int:
        """Returns the number of the open port; 0 if none is open."""
        return self._listeners.listeners[0].local_address[1] if self._listeners.listeners else 0

    def _come_in(self, stream: Any, port: int) -> int:
        """Serves an accepted connection and returns its id, or closes it if a limit is reached and returns 0."""
        self._tally.accepted += 1
        admission, settings = self._listeners.admission, self._settings
        if settings.trusted_proxies and self._listeners.is_of_proxy(stream, settings):
            if self._is_turned_away(stream, ""):
                return 0
            return self._serve(self._listeners.read_header(stream), port, self._admit_client)
        if not settings.has_limits_by_address():  # asking for the address takes time and memory
            return self._serve(self._listeners.secure(stream, settings), port)
        address = stream.remote_address[0]
        if self._is_turned_away(stream, address):
            return 0
        number = self._serve(self._listeners.secure(stream, settings), port)
        admission.enter(settings, address, number)
        return number

    def _is_turned_away(self, stream: Any, address: str) -> bool:
        """Closes a new connection if a limit is reached. `address` is "" while only a proxy is known."""
        obstacle = self._listeners.admission.obstacle(self._settings, address, len(self._opening) - len(self._late))
        if obstacle:
            self._tally.refused[obstacle] += 1
            limit = limit_of(self._turn.log_limits, stream)
            log_line(limit, "a connection from %s was turned away: %s", address or "a proxy", obstacle)
            stream.close()
        return bool(obstacle)

    def take_socket(self, socket: socket.socket) -> int:
        """Serves a connection that another process has accepted and passed on, as if it had come through the port.

        No byte of the connection may have been read. All limits of this server count, those by address too, and its
        TLS. The server need not listen.

        Args:
            socket: a connected TCP or Unix socket, which the server owns from here on.

        Returns:
            The id that the peer will have; 0 if a limit was reached and the socket is closed.

        Raises:
            OSError: the socket is closed already, or its connection is gone.
        """
        from socket import socket as any_socket

        from gdpeer.transport.sockets import TcpStream

        if not isinstance(socket, any_socket):
            raise wrong_type("take_socket", "socket", "a socket.socket", socket)
        stream = TcpStream(socket)
        return self._come_in(stream, stream.local_address[1])

    @checked(stream=_STREAM)
    def take_stream(self, stream: Stream | Connector) -> int:
        """Serves a stream that did not come through the port, as an in-memory pair in tests.

        Args:
            stream: a stream of `gdpeer.transport`, or a connector whose stream is still being made.

        Returns:
            The id that the peer will have.
        """
        self._tally.accepted += 1
        return self._serve(stream, 0)

    def _admit_client(self, number: int, stream: Any) -> Stream | Connector:
        """Goes on with a connection whose client a proxy has named, unless a limit by address is reached."""
        admission, settings = self._listeners.admission, self._settings
        address = stream.remote_address[0]
        obstacle = admission.obstacle(settings, address, 0)
        if obstacle:
            self._tally.refused[obstacle] += 1
            raise TransportError(f"a connection from {address} was turned away: {obstacle}", Cause.TCP)
        admission.enter(settings, address, number)
        return self._listeners.secure(stream, settings)

    def _serve(
        self,
        stream: Stream | Connector,
        port: int,
        let_in: Callable[[int, Any], Stream | Connector] | None = None,
    ) -> int:
        """Begins a connection; `let_in` is called with its number and stream once a proxy's header is read."""
        self.poller()
        number = self._free_number()
        upgrade = self._make_upgrade(number)
        backend = NativeBackend(self._settings, self._clock, upgrade, self._turn, number, port)
        self._opening[number] = backend
        if let_in is not None:
            stream.admit = partial(let_in, number)  # type: ignore[union-attr]
        backend.start(stream)
        return number

    def _free_number(self) -> int:
        number = generate_unique_id()
        while number in self._peers or number in self._opening or self._is_in_use(number):
            number = generate_unique_id()
        return number

    def _make_upgrade(self, number: int, given: Request | None = None) -> ServerUpgrade:
        admit = partial(self._admit, number)
        respond = partial(self._respond, number)
        upgrade = self._UPGRADE(self._settings, self._settings.limits(), admit, respond, self._outgoing, given)
        upgrade.question = self._question(number)
        return upgrade

    def _question(self, number: int) -> Question | None:
        """Returns the question to ask before the upgrade of a connection is accepted; None: nobody is asked."""
        process = self.process_request if self._placer is None else partial(self._placer.admit, number)
        if process is None:
            return None
        return Question(process, self._settings.limits().max_head_size, partial(self._wait, number))

    def _is_in_use(self, number: int) -> bool:
        """Whether a number belongs to a connection that is ending, or gets a page."""
        return number in self._answered or number in self._lingering

    def _taken(self) -> int:
        """Returns how many places of `max_peers` are taken."""
        return len(self._peers) + len(self._admitted)

    def _wait(self, number: int, answer: Any, answered: Answered) -> None:
        """Lets a connection wait for an answer of the program that comes later."""
        is_late = False

        def go_on(response: Response | None, problem: BaseException | None) -> None:
            answered(response, problem)
            backend = self._opening.get(number)
            if backend is not None and is_late:
                backend.go_on()

        wait_for(answer, go_on, self._later)
        is_late = True

    def _admit(self, peer_id: int, request: Request) -> None:
        if self.refuse_new_connections or (self.max_peers and self._taken() >= self.max_peers):
            raise HandshakeError("the server takes no more connections now", status=503)
        self._admitted.add(peer_id)

    def _respond(self, number: int, request: Request) -> Response | Question | None:
        if self._settings.has_limits_by_address():
            admission, address = self._listeners.admission, request.remote_address[0]
            obstacle = admission.page_obstacle(self._settings, address, len(self._answered) + len(self._late))
            if obstacle:
                raise HandshakeError(f"too many requests for pages ({obstacle})", status=429)
        response = None if self.http_handler is None else self.http_handler(request)
        if response is None and request.path == HEALTH and request.method in ("GET", "HEAD"):
            return Response.json({"status": "ok", "peers": len(self.peers)})
        if response is None and self.http_handler is None:
            raise HandshakeError("this is a WebSocket server", status=426, headers=(("Upgrade", "websocket"),))
        return response if response is None or isinstance(response, Response) else self._late_page(number, response)

    def _late_page(self, number: int, answer: Any) -> Question:
        """Lets a request wait for a page, which has a deadline of its own."""
        if not (hasattr(answer, "then") or isawaitable(answer)):
            raise TypeError(f"the HTTP handler returns None or a Response, not {type(answer).__name__}")
        if len(self._late) >= MOST_LATE:
            raise HandshakeError("too many requests wait for an answer", status=503, headers=(("Retry-After", "5"),))
        self._late.add(number)
        self._opening[number].deadline.set(PAGE_PATIENCE)
        return Question(lambda request: answer, MOST_EARLY, partial(self._wait, number))

    # ------------------------------------------------------------------------------------------ polling

    def poll(self, timeout: float = 0.0) -> None:
        """Accepts connections, reads, emits signals, and sends.

        Args:
            timeout: the most seconds to wait for an event. 0 does not wait.
        """
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)
        if self._untold:
            log_not_listening(self._untold)
            self._untold = ""
        take_turn(self._turn, max(0.0, timeout), self._peers, self.data_received, self._on_change)

    def _on_change(self, backend: Backend) -> None:
        """Emits the signals for everything that changed at a connection, except for packets of an open peer."""
        number = backend.number
        peer = self._peers.get(number)
        if peer is None:
            peer = self._take_opened(backend)
            if peer is None:
                return
            announce_packets(backend, self._peers, self.data_received)
        backend.settle()
        if backend.stage >= STAGE_LINGERING:
            self._emit_end(number, peer, backend)
        elif backend.was_refused and backend.has_drained():
            peer.emit_drained()
            self.peer_drained.emit(number)

    def _take_opened(self, backend: Backend) -> WebSocketPeer | None:
        """Announces a peer whose upgrade is done; None if the connection is not open yet, or has ended."""
        number = backend.number
        if number in self._opening and backend.opened is not None:
            del self._opening[number]
            self._admitted.discard(number)
            self._tally.opened += 1
            peer = self._peers[number] = WebSocketPeer.of_server(self._settings, self._clock, self._turn, backend)
            self._begin(number, peer, backend)
            return peer
        if backend.stage >= STAGE_LINGERING:
            self._admitted.discard(number)
            if self._opening.pop(number, None) is not None:
                self._note_answered(number, backend)
        if backend.stage == STAGE_DONE:
            for group in (self._answered, self._lingering):
                if group.pop(number, None) is not None:
                    self._listeners.admission.leave(number)
        return None

    def _begin(self, number: int, peer: WebSocketPeer, backend: Backend) -> None:
        """Announces an open connection, to its session if it has one."""
        session = self._session
        if self._placer is not None:
            placement = self._placer.place(number, peer)
            if placement is None:
                peer.close(1001)
                return
            session, backend.peer_id = placement
        if session is None:
            self.client_connected.emit(number, peer.get_selected_protocol())
        else:
            backend.session = session
            session.begin(backend.peer_id, peer)

    def _note_answered(self, number: int, backend: Backend) -> None:
        """Counts a connection that will never open: it got an HTTP answer, or has ended."""
        if self._placer is not None:
            self._placer.forget(number)
        self._late.discard(number)
        self._answered[number] = backend
        self._tally.note_refused(backend.cause)
        request = backend.request()
        if request is not None and not request.is_upgrade:
            self._tally.pages += 1
            self._listeners.admission.turn_to_page(self._settings, number, request.remote_address[0])

    def _emit_end(self, number: int, peer: WebSocketPeer, backend: Backend) -> None:
        if backend.closed_by_remote and number in self._peers:
            self.client_close_request.emit(number, peer.get_close_code(), peer.get_close_reason())
        if number not in self._peers:  # a handler stopped the server, which announces nothing more
            return
        if backend.session is None:
            self.client_disconnected.emit(number, peer.get_close_cause().cause is _CLEAN)
        else:
            cast("ServerSession", backend.session).end(backend.peer_id, peer)
        self._peers.pop(number, None)
        self._tally.note_ended(backend)
        if backend.stage != STAGE_DONE:
            self._lingering[number] = backend
        else:
            self._listeners.admission.leave(number)

    # ------------------------------------------------------------------------------------------ peers

    @property
    def peers(self) -> Mapping[int, WebSocketPeer]:
        """The open peers, by id: a read-only view, which changes with the connections."""
        return MappingProxyType(self._peers)

    @checked(peer_id=INT)
    def has_peer(self, peer_id: int) -> bool:
        """Whether there is an open peer with this id."""
        return peer_id in self._peers

    def get_peer(self, peer_id: int) -> WebSocketPeer | None:
        """Returns the peer with this id; None for an unknown id."""
        if type(peer_id) is not int:
            check_id("get_peer", peer_id)
        return self._peers.get(peer_id)

    @checked(peer_id=INT)
    def get_peer_address(self, peer_id: int) -> str:
        """Returns the peer's address in numbers; "" for an unknown id."""
        peer = self._peers.get(peer_id)
        return "" if peer is None else peer.get_connected_host()

    @checked(peer_id=INT)
    def get_peer_port(self, peer_id: int) -> int:
        """Returns the peer's port; 0 for an unknown id."""
        peer = self._peers.get(peer_id)
        return 0 if peer is None else peer.get_connected_port()

    @checked(peer_id=INT, code=INT, reason=STR)
    def disconnect_peer(self, peer_id: int, code: int = 1000, reason: str = "") -> None:
        """Begins to close the connection to a peer; `client_disconnected` follows in a later `poll`.

        In multiplayer mode this also drops the peer's unread packets. An unknown id is ignored, with a warning.

        Args:
            peer_id: of the peer.
            code: the close code: 1000 to 1003, 1007 to 1014, or 3000 to 4999.
            reason: at most 123 bytes of UTF-8.

        Raises:
            ValueError: the code may not be sent, or the reason is too long.
        """
        peer = self._peers.get(peer_id)
        if peer is None:
            log_limited(logger, logging.WARNING, "disconnect_peer: there is no peer %s", peer_id)
            return
        peer.close(code, reason)
        session = backend_of(peer).session
        if session is not None:
            cast("ServerSession", session).drop_packets(peer)

    def broadcast(self, data: bytes | str, exclude: Iterable[int] = ()) -> Error:
        """Sends one message to all peers, framed once.

        Args:
            data: bytes are sent as binary, a string as text.
            exclude: ids of peers that do not get the message.

        Returns:
            `ERR_OUT_OF_MEMORY` if the send queue of a peer was full (all others got the message); else `OK`.
        """
        if exclude and not IDS.fits(exclude):
            raise wrong_type("broadcast", "exclude", IDS.words, exclude)
        left_out = frozenset(exclude)
        return self.broadcast_to([peer_id for peer_id in self._peers if peer_id not in left_out], data)

    def broadcast_to(
        self, peer_ids: Iterable[int], data: bytes | str, write_mode: PeerWriteMode | None = None
    ) -> Error:
        """Sends one message to some peers, framed once.

        Args:
            peer_ids: ids of the receivers; unknown ids are ignored.
            data: the message.
            write_mode: BINARY or TEXT. None sends bytes as binary, a string as text.

        Returns:
            `ERR_OUT_OF_MEMORY` if the send queue of a peer was full (all others got the message), `ERR_INVALID_DATA`
            for bytes that are to be sent as text and are not UTF-8; else `OK`.
        """
        if not IDS.fits(peer_ids):
            raise wrong_type("broadcast_to", "peer_ids", IDS.words, peer_ids)
        if write_mode is not None and not isinstance(write_mode, int):
            raise wrong_type("broadcast_to", "write_mode", "TEXT, BINARY or None", write_mode)
        is_text = isinstance(data, str) if write_mode is None else write_mode == PeerWriteMode.TEXT
        if isinstance(data, str):
            payload = data.encode("utf-8", "replace")
        else:
            payload = data if type(data) is bytes else to_bytes("broadcast", "data", data)
        if is_text and not isinstance(data, str) and not is_utf8(payload):
            return Error.ERR_INVALID_DATA
        return spread(self._peers, peer_ids, payload, is_text)

    def stats(self) -> ServerStats:
        """Returns the server's counters. The time that it takes grows with the number of peers."""
        outgoing = sum(backend.outbound_bytes() for backend in self._answered.values()) + self._outgoing.held
        pending, answering = len(self._opening) - len(self._late), len(self._answered) + len(self._late)
        return self._tally.stats(backends_of(self.peers.values()), pending, answering, outgoing)

    # ------------------------------------------------------------------------------------------ the end

    @checked(code=INT, reason=STR)
    def close_all(self, code: int = 1000, reason: str = "") -> None:
        """Begins to close all peers. Continue to poll until `peers` is empty.

        Args:
            code: the close code; see `disconnect_peer`.
            reason: at most 123 bytes of UTF-8.

        Raises:
            ValueError: the code may not be sent, or the reason is too long.
        """
        check_close(code, reason)
        for peer in list(self._peers.values()):
            peer.close(code, reason)

    @checked(code=INT, reason=STR, grace=NUMBER)
    def stop(self, code: int = 1000, reason: str = "", grace: float = 0.0) -> None:
        """Closes the port, and all peers with a close frame.

        Args:
            code: the close code; see `disconnect_peer`. 1001 says that the server goes down.
            reason: at most 123 bytes of UTF-8.
            grace: seconds that the peers have to receive all queued messages and to answer. During that time signals
                are emitted, and upgrades get status 503. 0 waits for no answer and emits no signal; over TLS it takes
                0.2 seconds, so that clients read the close frame before TLS ends. Within `poll` the server does not
                wait.

        Raises:
            ValueError: the code may not be sent, or the reason is too long.
        """
        if grace > 0:
            self._drain(code, reason, grace)
        check_close(code, reason)
        self._listeners.close()
        self._turn.active = False
        self._session = None
        groups = (self._opening, self._answered, self._lingering)
        backends = [*backends_of(self._peers.values()), *(backend for group in groups for backend in group.values())]
        for backend in backends:
            backend.session = None
        for group in (self._peers, self._admitted, self._late, *groups):
            group.clear()
        leave(backends, code, reason)
        self._turn.take_touched()
        if self._turn.poller is not None:
            self._turn.poller.close()
        self._turn = Turn(log_limits=self._turn.log_limits)

    def _drain(self, code: int, reason: str, grace: float) -> None:
        deadline = self._clock.now() + grace
        before, self.refuse_new_connections = self.refuse_new_connections, True
        try:
            self.close_all(code, reason)
            while self._peers and not self._turn.active and (left := deadline - self._clock.now()) > 0:
                self.poll(min(left, DRAIN_TURN))
        finally:
            self.refuse_new_connections = before

    def __enter__(self) -> WebSocketServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stops with code 1001, or 1011 after an exception."""
        self.stop(1001 if kind is None else 1011)

    def __repr__(self) -> str:
        return f"<WebSocketServer port {self.get_local_port()}, {len(self._peers)} peers>"

    # ------------------------------------------------------------------------------------------ for gdpeer itself
    # Sessions, the fronts and `WebSocketMultiplayerPeer` call these. No program needs them, so the reference leaves
    # them out.

    def listen_at(self, addresses: Iterable[str], port: int, context: ssl.SSLContext | None) -> None:
        """Opens one port at several addresses, each as `bind_ip`. The port 0 opens the same free port at all of them.

        Without a TLS context, `private_key` and `ssl_certificate` count.

        Raises:
            TransportError: the port cannot be opened at one of the addresses. Then no address stays open.
        """
        first, *others = addresses
        self.bind_ip = first
        error = self.listen(port, self._settings.supported_protocols)
        if error is not Error.OK:
            raise TransportError(self.get_listen_error(), error=error)
        if context is not None:
            self._listeners.tls = context
        try:
            for address in others:
                self.bind_ip = address
                self.open_port(self.get_local_port())
        except TransportError:
            self.stop()
            raise

    def take_request(
        self, request: Request, make: Callable[[Settings, Clock, ServerUpgrade, Turn, int], AsgiBackend]
    ) -> AsgiBackend:
        """Serves a connection that another server has accepted, and whose request that server has parsed.

        Args:
            request: the whole request, with the client's address.
            make: returns the connection's backend, which is to `begin` then.

        Raises:
            HandshakeError: a limit is reached; its `status` is 429.
        """
        self._tally.accepted += 1
        admission, settings, address = self._listeners.admission, self._settings, request.remote_address[0]
        obstacle = admission.obstacle(settings, address, len(self._opening) - len(self._late))
        if obstacle:
            self._tally.refused[obstacle] += 1
            raise HandshakeError(f"too many connections ({obstacle})", status=429)
        self.poller()
        number = self._free_number()
        backend = make(settings, self._clock, self._make_upgrade(number, request), self._turn, number)
        self._opening[number] = backend
        admission.enter(settings, address, number)
        return backend

    def max_body_size(self) -> int:
        """Returns the most bytes in the body of a request for a page."""
        return self._settings.limits().max_body_size

    def open_port(self, port: int) -> int:
        """Opens an additional port at `bind_ip`, and returns its number.

        Raises:
            TransportError: the port cannot be opened.
        """
        place = Place(self.bind_ip, port, self.backlog, self.reuse_port)
        return self._listeners.open(place, self.poller, self._come_in)

    def poller(self) -> Poller:
        """Returns the poller of `poll`; `stop` replaces it."""
        if self._turn.poller is None:
            from gdpeer.transport.poller import Poller

            self._turn.poller = Poller(self._clock)
        return self._turn.poller

    def use_settings(self, settings: Settings) -> None:
        """Takes all settings at once, for connections that come from now on."""
        self._settings = settings

    def use_tasks(
        self, later: Callable[[Awaitable[Response | None], Answered], None], *, reads_later: bool = True
    ) -> None:
        """Allows async `process_request` and `http_handler`.

        Args:
            later: awaits an answer of these two, and then calls its second argument with the outcome.
            reads_later: whether handlers read their packets between two polls.
        """
        self._later = later
        self._turn.defers = reads_later

    def poll_turn(self) -> Turn:
        """Returns the turn of `poll`; `stop` replaces it."""
        return self._turn

    def serve_session(self, session: ServerSession | None) -> None:
        """Hands all events to a session from now on. None: no event is announced any more, not even by signals."""
        self._session = session
        for backend in backends_of(self._peers.values()):
            backend.session = session

    def use_protocols(self, protocols: tuple[str, ...]) -> None:
        """Supports sub-protocols. "" among them accepts clients that offer none, which `listen` cannot express."""
        self.use_settings(self._settings.replace(supported_protocols=protocols))

    def use_placer(self, placer: Placer | None) -> None:
        """Has a placer decide about all upgrades from now on, instead of `process_request`."""
        self._placer = placer

    def detach(self, peer: WebSocketPeer, code: int, reason: str) -> None:
        """Ends the part of a connection in its session, as if the connection had ended; then closes it.

        Packets that came before are announced first.
        """
        backend = backend_of(peer)
        backend.step()  # reads what TCP has
        announce_packets(backend, self._peers, self.data_received)
        if backend.session is not None:
            cast("ServerSession", backend.session).end(backend.peer_id, peer)
        self.release(peer)
        peer.close(code, reason)

    def keep_request(self, peer: WebSocketPeer, kept: Request) -> None:
        """Replaces the request of an open connection by what is to be kept of it; connections may share that."""
        backend = backend_of(peer)
        if backend.opened is not None and not backend.is_client:
            cast("NativeBackend", backend).kept_request = kept
            opened, headers = backend.opened, kept.headers
            is_bare = opened.deflate is None and not headers
            backend.opened = (
                _opened_with(opened.protocol) if is_bare else Opened(opened.protocol, opened.deflate, headers)
            )

    def release(self, peer: WebSocketPeer) -> None:
        """Takes a connection out of its session, without announcing it."""
        backend_of(peer).session = None

    def serves(self, session: ServerSession) -> bool:
        """Whether a session still gets the events; `stop` ends that."""
        return self._session is session

    def log_limit_of(self, address: str) -> LogLimit:
        """Returns the counter of log lines for an address. For "" it returns a new counter, which nobody shares."""
        return self._log_limits.of(household(address)) if address else self._log_limits.alone()

    def refusals_of(self, peer_id: int) -> Refusals:
        """Returns the counter of a peer's refused packets. More than `max_refused` refusals disconnect the peer."""
        return self.refusals_at(self._peers.get(peer_id), self._tally.refused_packets)

    def refusals_at(self, peer: WebSocketPeer | None, total: Counter[str]) -> Refusals:
        """Returns the counter of a connection's refused packets, which also counts in `total`. None: it is gone."""
        if peer is None:
            return Refusals(self._clock, total, log=self._log_limits.of("gone"))
        backend = backend_of(peer)
        if backend.refusals is None:
            most, expel = backend.settings.max_refused, partial(self._expel, backend.number)
            limit = self.log_limit_of(peer.get_connected_host())
            backend.refusals = Refusals(self._clock, total, most, expel, limit)
        return backend.refusals

    def _expel(self, number: int) -> None:
        self.disconnect_peer(number, 1008, TOO_MANY_REFUSED)
        # The refusals before this have used up the log limit of the peer's address.
        self._log_limits.of("expelled").warning("peer %s: disconnected: %s", number, TOO_MANY_REFUSED)


@cache
def _opened_with(protocol: str) -> Opened:
    """Returns what is known of all open connections with a sub-protocol of the server, and nothing else to keep."""
    return Opened(protocol, None, Headers())
