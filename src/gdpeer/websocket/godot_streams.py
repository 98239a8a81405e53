"""The engine's TCP and TLS classes, as far as `WebSocketPeer.accept_stream` needs them.

    listener = TCPServer()
    listener.listen(9080)
    ...
    if listener.is_connection_available():
        peer.accept_stream(listener.take_connection())

Only `put_data` and `get_data` wait, as in the engine.

Layer: `websocket`. Source: reference godot-api section 9.
"""

from __future__ import annotations

import selectors
import time
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from gdpeer.arguments import BYTES, INT, STR, a, checked, optional
from gdpeer.attributes import Guarded
from gdpeer.enums import NamedInt
from gdpeer.errors import Error, TransportError
from gdpeer.platform import IN_PAGE
from gdpeer.transport.stream import Connector, Stream
from gdpeer.websocket.tls_options import TLSOptions

if TYPE_CHECKING:
    from gdpeer.transport.listener import Listener

__all__ = ["StreamPeerTCP", "StreamPeerTLS", "TCPServer", "TCPStatus", "TLSStatus"]

_PIECE = 65_536
_BLOCKING_LIMIT = 30.0  # the most seconds that put_data and get_data wait for the other side


class TCPServer(Guarded):
    """A listening port; `take_connection` returns one connection after another.

    Differs from the engine: a port outside 0 to 65,535 is refused, not cut to 16 bits.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self._listener: Listener | None = None
        self._waiting: deque[Stream] = deque()

    @checked(port=INT, bind_address=STR)
    def listen(self, port: int, bind_address: str = "*") -> Error:
        """Opens the port.

        Args:
            port: 1 to 65,535; 0 opens a free port, which `get_local_port` tells.
            bind_address: one address, or "*" for all.

        Returns:
            OK: the port is open.
            ERR_ALREADY_IN_USE: this server listens already, or another program has the port.
            ERR_INVALID_PARAMETER: the port or address is not valid.
            ERR_UNAVAILABLE: this is a browser.
        """
        if IN_PAGE:
            return Error.ERR_UNAVAILABLE
        from gdpeer.transport.listener import Listener

        if self._listener is not None:
            return Error.ERR_ALREADY_IN_USE
        if not 0 <= port <= 65535:
            return Error.ERR_INVALID_PARAMETER
        try:
            self._listener = Listener(bind_address, port)
        except TransportError as problem:
            return problem.error
        return Error.OK

    def is_listening(self) -> bool:
        """Whether the port is open."""
        return self._listener is not None

    def is_connection_available(self) -> bool:
        """Whether `take_connection` would return a connection."""
        if not self._waiting and self._listener is not None:
            self._waiting.extend(self._listener.accept())
        return bool(self._waiting)

    def take_connection(self) -> StreamPeerTCP | None:
        """Returns the connection that has waited longest; None if none waits."""
        return StreamPeerTCP(self._waiting.popleft()) if self.is_connection_available() else None

    def get_local_port(self) -> int:
        """Returns the number of the open port; 0 if none is open."""
        return 0 if self._listener is None else self._listener.local_address[1]

    def stop(self) -> None:
        """Closes the port, and the connections that were not taken."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        while self._waiting:
            self._waiting.popleft().close()

    def __del__(self) -> None:
        """Closes the port when the server object is freed, as in the engine."""
        self.stop()


class TCPStatus(NamedInt):
    """The state of a TCP stream."""

    NONE = 0
    CONNECTING = 1
    CONNECTED = 2
    ERROR = 3


class _StreamPeer(Guarded):
    """The part that `StreamPeerTCP` and `StreamPeerTLS` share: bytes in and out over a `Stream`."""

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, stream: Stream | None = None) -> None:
        self._stream = stream
        self._connector: Connector | None = None
        self._received = bytearray()
        self._ended = False
        self._failure: str | None = None  # text only: an exception's traceback would keep this object alive

    def _take_stream(self) -> Stream | None:
        """Hands the stream over to a WebSocketPeer; None if it is not connected, or some of its bytes were read."""
        self._advance()
        if self._failure is not None or self._received:
            return None
        stream, self._stream = self._stream, None
        return stream

    def _advance(self) -> Error:
        if self._connector is not None and self._failure is None:
            try:
                self._stream = self._connector.advance()
                self._connector = None if self._stream is not None else self._connector
            except TransportError as problem:
                self._failure = problem.detail
        return Error.OK if self._failure is None else Error.FAILED

    def _fill(self) -> None:
        """Receives all bytes that have arrived."""
        if self._stream is None or self._ended:
            return
        piece = bytearray(_PIECE)
        try:
            while (count := self._stream.receive_into(piece)) > 0:
                self._received += piece[:count]
            self._ended = count == 0
        except TransportError as problem:
            self._failure = problem.detail
            self._ended = True

    def get_available_bytes(self) -> int:
        """Returns how many bytes can be read without waiting."""
        self._fill()
        return len(self._received)

    @checked(count=INT)
    def get_partial_data(self, count: int) -> tuple[Error, bytes]:
        """Returns an error code and at most `count` bytes, without waiting.

        Returns:
            `ERR_FILE_EOF` if the other side has ended and no bytes are left, `FAILED` without a connection; else `OK`.
        """
        if self._stream is None:
            return Error.FAILED, b""
        self._fill()
        data = bytes(self._received[:count])
        del self._received[:count]
        return (Error.ERR_FILE_EOF if self._ended and not data and count else Error.OK), data

    @checked(count=INT)
    def get_data(self, count: int) -> tuple[Error, bytes]:
        """Returns an error code and exactly `count` bytes; waits at most 30 seconds (`ERR_TIMEOUT`)."""
        limit = time.monotonic() + _BLOCKING_LIMIT
        while self._stream is not None and self.get_available_bytes() < count and not self._ended:
            if not self._wait(limit, write=False):
                return Error.ERR_TIMEOUT, b""
        if self._stream is not None and len(self._received) < count:
            return Error.ERR_FILE_EOF, b""
        return self.get_partial_data(count)

    @checked(data=BYTES)
    def put_partial_data(self, data: bytes) -> tuple[Error, int]:
        """Sends as much as can be sent without waiting; returns an error code and how many bytes were sent."""
        if self._stream is None:
            return Error.FAILED, 0
        try:
            return Error.OK, self._stream.send([data])
        except TransportError as problem:
            self._failure = problem.detail
            return Error.FAILED, 0

    @checked(data=BYTES)
    def put_data(self, data: bytes) -> Error:
        """Sends all bytes; waits at most 30 seconds (`ERR_TIMEOUT`)."""
        limit = time.monotonic() + _BLOCKING_LIMIT
        view = memoryview(data)
        while len(view):
            error, sent = self.put_partial_data(view)  # type: ignore[arg-type]  # any buffer will do
            view = view[sent:]
            if error is not Error.OK:
                return error
            if len(view) and not self._wait(limit, write=True):
                return Error.ERR_TIMEOUT
        return Error.OK

    def _wait(self, limit: float, *, write: bool) -> bool:
        seconds = limit - time.monotonic()
        fileno = getattr(self._stream, "fileno", None)
        if seconds <= 0 or fileno is None:
            return False
        with selectors.DefaultSelector() as selector:  # select() alone takes no descriptor above 1023
            selector.register(fileno(), selectors.EVENT_WRITE if write else selectors.EVENT_READ)
            selector.select(seconds)
        return True

    def _close(self) -> None:
        self.__del__()
        self.__init__()  # type: ignore[misc]  # as new

    def __del__(self) -> None:
        """Closes the stream when this object is freed, as in the engine."""
        for pollable in (self._stream, self._connector):
            if pollable is not None:
                pollable.close()


class StreamPeerTCP(_StreamPeer):
    """The engine's class for a TCP connection."""

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    Status = TCPStatus

    @checked(host=STR, port=INT)
    def connect_to_host(self, host: str, port: int) -> Error:
        """Begins to connect; call `poll` until `get_status` is no longer CONNECTING.

        Returns:
            OK: the connection is being made.
            ERR_ALREADY_IN_USE: there is a connection.
            ERR_INVALID_PARAMETER: the port is not valid.
            ERR_UNAVAILABLE: this is a browser.
            FAILED: connecting failed at once.
        """
        if IN_PAGE:
            return Error.ERR_UNAVAILABLE
        from gdpeer.transport.tcp import TcpConnector

        if self.get_status() in (TCPStatus.CONNECTING, TCPStatus.CONNECTED):
            return Error.ERR_ALREADY_IN_USE
        if not 1 <= port <= 65535:
            return Error.ERR_INVALID_PARAMETER
        self._close()
        self._connector = TcpConnector(host, port)
        return self._advance()

    def poll(self) -> Error:
        """Continues to connect; returns `FAILED` once connecting has failed."""
        return self._advance()

    def get_status(self) -> TCPStatus:
        """Returns NONE, CONNECTING, CONNECTED or ERROR."""
        if self._failure is not None:
            return TCPStatus.ERROR
        if self._connector is not None:
            return TCPStatus.CONNECTING
        return TCPStatus.NONE if self._stream is None or self._ended else TCPStatus.CONNECTED

    def get_connected_host(self) -> str:
        """Returns the other side's address in numbers; "" without a connection."""
        return "" if self._stream is None else self._stream.remote_address[0]

    def get_connected_port(self) -> int:
        """Returns the other side's port; 0 without a connection."""
        return 0 if self._stream is None else self._stream.remote_address[1]

    def get_local_port(self) -> int:
        """Returns this side's port; 0 without a connection."""
        return 0 if self._stream is None else self._stream.local_address[1]

    def set_no_delay(self, enabled: bool) -> None:
        """Sets TCP_NODELAY, which sends small packets at once. Default: on."""
        if self._stream is not None:
            self._stream.set_no_delay(enabled)

    def disconnect_from_host(self) -> None:
        """Closes the connection; the status is NONE afterwards."""
        self._close()


class TLSStatus(NamedInt):
    """The state of a TLS stream."""

    DISCONNECTED = 0
    HANDSHAKING = 1
    CONNECTED = 2
    ERROR = 3
    ERROR_HOSTNAME_MISMATCH = 4


_TCP = a("a StreamPeerTCP", StreamPeerTCP)
_OPTIONS = a("TLSOptions", TLSOptions)


class StreamPeerTLS(_StreamPeer):
    """TLS over a `StreamPeerTCP`. Do not use that stream by itself afterwards."""

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    Status = TLSStatus

    def __init__(self, stream: Stream | None = None) -> None:
        super().__init__(stream)
        self._tcp: StreamPeerTCP | None = None

    @checked(stream=_TCP, server_options=_OPTIONS)
    def accept_stream(self, stream: StreamPeerTCP, server_options: TLSOptions) -> Error:
        """Begins a server's handshake; call `poll` until `get_status` is no longer HANDSHAKING.

        Returns:
            `OK`; `ERR_INVALID_PARAMETER` for a client's options or a stream that is not connected; another code for a
            certificate that cannot be used.
        """
        return self._start(stream, server_options, "", is_server=True)

    @checked(stream=_TCP, common_name=STR, client_options=optional(_OPTIONS))
    def connect_to_stream(
        self, stream: StreamPeerTCP, common_name: str, client_options: TLSOptions | None = None
    ) -> Error:
        """Begins a client's handshake; call `poll` until `get_status` is no longer HANDSHAKING.

        Args:
            stream: a connected one.
            common_name: the name that the server's certificate must have.
            client_options: None trusts the machine's certificate authorities.

        Returns:
            The codes of `accept_stream`.
        """
        options = client_options or TLSOptions.client()
        return self._start(stream, options, options.get_common_name_override() or common_name, is_server=False)

    def _start(self, stream: StreamPeerTCP, options: TLSOptions, name: str, *, is_server: bool) -> Error:
        from gdpeer.transport.tls import TlsConnector

        if options.is_server() != is_server or not isinstance(stream, StreamPeerTCP):
            return Error.ERR_INVALID_PARAMETER
        try:
            context = options.make_context()
        except TransportError as problem:
            return problem.error
        tcp: Any = stream._take_stream()
        if tcp is None:
            return Error.ERR_INVALID_PARAMETER
        self._close()
        self._tcp = stream
        self._connector = TlsConnector(tcp, context, server_side=is_server, server_hostname=name or None)
        return self._advance()

    def poll(self) -> None:
        """Continues the handshake as far as bytes have arrived."""
        self._advance()

    def get_status(self) -> TLSStatus:
        """Returns DISCONNECTED, HANDSHAKING, CONNECTED, ERROR or ERROR_HOSTNAME_MISMATCH."""
        if self._failure is not None:
            wrong_name = "for another host" in self._failure
            return TLSStatus.ERROR_HOSTNAME_MISMATCH if wrong_name else TLSStatus.ERROR
        if self._connector is not None:
            return TLSStatus.HANDSHAKING
        return TLSStatus.DISCONNECTED if self._stream is None or self._ended else TLSStatus.CONNECTED

    def get_stream(self) -> StreamPeerTCP | None:
        """Returns the `StreamPeerTCP` below; None before the handshake began."""
        return self._tcp

    def disconnect_from_stream(self) -> None:
        """Closes the connection; the status is DISCONNECTED afterwards."""
        self._close()
