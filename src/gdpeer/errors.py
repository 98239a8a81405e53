"""The engine's error codes, and the exceptions of each layer.

Engine-shaped calls (`connect_to_url`, `send`, `listen`, ...) *return* an `Error`, as the engine does. The layers
below them raise, one documented type a layer; nothing else leaves them, whatever the network sends:

    Exception
    └── GdpeerError
        ├── TransportError    names, TCP, TLS: carries a `Cause`
        ├── HandshakeError    the HTTP upgrade: carries the status to answer with and a `Cause`
        ├── ProtocolError     frames and messages: carries the close code to send and a `Cause`
        ├── ConnectionClosed  the connection is over, say the asyncio and blocking fronts: carries code and reason
        │   ├── ConnectionClosedOK     with 1000, 1001 or no code
        │   └── ConnectionClosedError  otherwise
        ├── VariantError      engine values and their bytes: carries the offset (also a ValueError)
        └── PacketError       packets of the high-level multiplayer: carries the offset

A wrong type, or a misuse that would crash the engine, raises `TypeError` or `ValueError` at the call.

Whatever ended a connection is kept as one `CloseCause` (`WebSocketPeer.get_close_cause()`), so that a program need
not read texts to tell a wrong name from a refused certificate.

Layer: the lowest, with `enums` and `quoting`. Source of the numbers: the engine's `@GlobalScope.Error`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gdpeer.enums import NamedInt
from gdpeer.quoting import clean

__all__ = [
    "Cause",
    "CloseCause",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "Error",
    "GdpeerError",
    "HandshakeError",
    "PacketError",
    "ProtocolError",
    "TransportError",
    "VariantError",
]


DETAIL_MOST = 1_000
"""Characters of the text of an error: some name several choices. What they quote of a stranger is shorter."""


class Error(NamedInt):
    """What an engine-shaped call returns; the numbers are the engine's, the same in Godot 3 and 4.

    An int that prints with its name: `ERR_UNCONFIGURED (3)`.
    """

    OK = 0
    FAILED = 1
    ERR_UNAVAILABLE = 2
    ERR_UNCONFIGURED = 3
    ERR_UNAUTHORIZED = 4
    ERR_PARAMETER_RANGE_ERROR = 5
    ERR_OUT_OF_MEMORY = 6
    ERR_FILE_NOT_FOUND = 7
    ERR_FILE_BAD_DRIVE = 8
    ERR_FILE_BAD_PATH = 9
    ERR_FILE_NO_PERMISSION = 10
    ERR_FILE_ALREADY_IN_USE = 11
    ERR_FILE_CANT_OPEN = 12
    ERR_FILE_CANT_WRITE = 13
    ERR_FILE_CANT_READ = 14
    ERR_FILE_UNRECOGNIZED = 15
    ERR_FILE_CORRUPT = 16
    ERR_FILE_MISSING_DEPENDENCIES = 17
    ERR_FILE_EOF = 18
    ERR_CANT_OPEN = 19
    ERR_CANT_CREATE = 20
    ERR_QUERY_FAILED = 21
    ERR_ALREADY_IN_USE = 22
    ERR_LOCKED = 23
    ERR_TIMEOUT = 24
    ERR_CANT_CONNECT = 25
    ERR_CANT_RESOLVE = 26
    ERR_CONNECTION_ERROR = 27
    ERR_CANT_ACQUIRE_RESOURCE = 28
    ERR_CANT_FORK = 29
    ERR_INVALID_DATA = 30
    ERR_INVALID_PARAMETER = 31
    ERR_ALREADY_EXISTS = 32
    ERR_DOES_NOT_EXIST = 33
    ERR_DATABASE_CANT_READ = 34
    ERR_DATABASE_CANT_WRITE = 35
    ERR_COMPILATION_FAILED = 36
    ERR_METHOD_NOT_FOUND = 37
    ERR_LINK_FAILED = 38
    ERR_SCRIPT_FAILED = 39
    ERR_CYCLIC_LINK = 40
    ERR_INVALID_DECLARATION = 41
    ERR_DUPLICATE_SYMBOL = 42
    ERR_PARSE_ERROR = 43
    ERR_BUSY = 44
    ERR_SKIP = 45
    ERR_HELP = 46
    ERR_BUG = 47
    ERR_PRINTER_ON_FIRE = 48


class Cause(Enum):
    """What ended a connection, or kept it from opening."""

    NONE = "none"
    """Still open, or never started."""
    CLOSED = "closed"
    """Both close frames were exchanged: an orderly end."""
    DROPPED = "dropped"
    """This side let go without a close frame: `close(-1)`, `close()` while connecting, a server that stopped."""
    DNS = "dns"
    """The host name did not resolve."""
    TCP = "tcp"
    """Refused, unreachable, reset, or the other side ended TCP without a close frame."""
    PROXY = "proxy"
    """A proxy refused, or answered what no proxy does."""
    TLS = "tls"
    """Certificate or TLS handshake."""
    HTTP_STATUS = "http status"
    """The server answered the upgrade with another status than 101; see `CloseCause.status`."""
    UPGRADE = "upgrade"
    """The upgrade's request or response broke the rules of RFC 6455 section 4."""
    SUB_PROTOCOL = "sub-protocol"
    """No sub-protocol in common, or one on one side only."""
    PROTOCOL_ERROR = "protocol error"
    """Bytes that RFC 6455 or RFC 7692 forbids; text that is not UTF-8."""
    TOO_BIG = "too big"
    """A message over the inbound limit."""
    TOO_SLOW = "too slow"
    """The other side did not read what waits for it, where `close_on_backpressure` ends that."""
    TIMEOUT = "timeout"
    """Connecting, the upgrade, the close or a heartbeat took longer than its limit."""

    def __str__(self) -> str:
        return f"{self.name} ({self.value})"


@dataclass(frozen=True, slots=True)
class CloseCause:
    """One structured reason for the end of a connection.

    Attributes:
        cause: which kind of end it was.
        detail: one line for a person. What came from the other side is escaped, and no secret of a URL is in it.
        status: the HTTP status, for `Cause.HTTP_STATUS`; else 0.
    """

    cause: Cause = Cause.NONE
    detail: str = ""
    status: int = 0

    def __post_init__(self) -> None:
        detail = clean(self.detail, DETAIL_MOST)
        if detail is not self.detail:
            object.__setattr__(self, "detail", detail)

    def __str__(self) -> str:
        return f"{self.cause.value}: {self.detail}" if self.detail else self.cause.value


NO_CAUSE = CloseCause()
"""Of what has not ended; one for all, as there are many."""


class GdpeerError(Exception):
    """The root of every exception that gdpeer raises about the outside world.

    Its text is one line: what came from the other side is escaped, and no secret of a URL is in it.

    Attributes:
        detail: the text.
        cause: what kind of failure it was.
    """

    def __init__(self, detail: str, cause: Cause = Cause.NONE) -> None:
        detail = clean(detail, DETAIL_MOST)
        super().__init__(detail)
        self.detail = detail
        self.cause = cause


class TransportError(GdpeerError):
    """A stream broke or never came to be; `cause` is DNS, TCP, PROXY, TLS or TIMEOUT.

    Attributes:
        error: the engine's code for it, for the calls that return one.
    """

    def __init__(self, detail: str, cause: Cause = Cause.TCP, error: Error = Error.FAILED) -> None:
        super().__init__(detail, cause)
        self.error = error


class HandshakeError(GdpeerError):
    """The HTTP upgrade failed.

    Attributes:
        status: on a server the status to answer with; on a client the one received; 0 where there is none.
        headers: on a server, headers that belong into the answer (`Sec-WebSocket-Version` with 426, `Allow` with 405);
            on a client those that came with the status.
    """

    def __init__(
        self,
        detail: str,
        cause: Cause = Cause.UPGRADE,
        status: int = 0,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(detail, cause)
        self.status = status
        self.headers = headers


class ProtocolError(GdpeerError):
    """The other side broke the WebSocket protocol, or this side was asked to.

    Attributes:
        code: the close code that answers it (RFC 6455 section 7.4.1): 1002, 1007 or 1009.
    """

    def __init__(self, detail: str, code: int = 1002, cause: Cause = Cause.PROTOCOL_ERROR) -> None:
        super().__init__(detail, cause)
        self.code = code


class ConnectionClosed(GdpeerError):
    """The connection is over: nothing more comes, and nothing can be sent.

    Attributes:
        code: of the close; 1005 where it had none, 1006 where there was no close.
        reason: that came with it.
        close_cause: why it ended.
    """

    def __init__(self, close_cause: CloseCause, code: int = 1006, reason: str = "") -> None:
        super().__init__(str(close_cause) + (f": {reason}" if reason else ""), close_cause.cause)
        self.close_cause = close_cause
        self.code = code
        self.reason = reason


class ConnectionClosedOK(ConnectionClosed):
    """It ended as agreed: with 1000, 1001 or no code at all."""


class ConnectionClosedError(ConnectionClosed):
    """It ended otherwise: with another code, or without a close."""


class VariantError(GdpeerError, ValueError):
    """Bytes or a text that hold no engine value, or a value that the engine cannot hold.

    Attributes:
        offset: the byte (in a text: the character) where it was noticed; -1 where there is none, as in encoding.
    """

    def __init__(self, detail: str, offset: int = -1) -> None:
        super().__init__(f"{detail} (at offset {offset})" if offset >= 0 else detail)
        self.offset = offset


class PacketError(GdpeerError):
    """A packet of the high-level multiplayer that breaks its format, or comes where it may not.

    Attributes:
        offset: the byte of the packet where it was noticed; -1 where it is the whole of it.
        kind: what it is counted as (`refused`).
    """

    def __init__(self, detail: str, offset: int = -1, *, kind: str = "bad packet") -> None:
        super().__init__(f"{detail} (at offset {offset})" if offset >= 0 else detail)
        self.offset = offset
        self.kind = kind
