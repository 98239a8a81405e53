"""The engine's error codes, and the exceptions of each layer.

Calls of the engine's API (`connect_to_url`, `send`, `listen`, ...) *return* an `Error`, as the engine does. The layers
below raise one documented exception per layer, and no other, whatever the network sends:

    Exception
    └── GdpeerError
        ├── TransportError    names, TCP, TLS: carries a `Cause`
        ├── HandshakeError    the HTTP upgrade: carries the status to answer with and a `Cause`
        ├── ProtocolError     frames and messages: carries the close code to send and a `Cause`
        ├── ConnectionClosed  asyncio and blocking fronts: the connection is over; carries code and reason
        │   ├── ConnectionClosedOK     with 1000, 1001 or no code
        │   └── ConnectionClosedError  otherwise
        ├── VariantError      engine values and their bytes: carries the offset (also a ValueError)
        ├── PacketError       packets of the high-level multiplayer: carries the offset
        └── SceneError        scenes of a project: carries file and line (also a ValueError)

A wrong type, or a misuse that would crash the engine, raises `TypeError` or `ValueError` at the call.

The end of each connection is kept as one `CloseCause` (`WebSocketPeer.get_close_cause()`), so that a program can tell
a wrong host name from a refused certificate without reading texts.

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
    "SceneError",
    "TransportError",
    "VariantError",
]


DETAIL_MOST = 1_000
"""Most characters of an error's text: some texts list several choices. Text quoted from a peer is cut shorter."""


class Error(NamedInt):
    """The result of a call of the engine's API; the numbers are the engine's, the same in Godot 3 and 4.

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


globals().update(Error.__members__)  # `gdpeer.OK` is a name of this module, as all public names are names of a module


class Cause(Enum):
    """The kind of event that ended a connection, or kept it from opening."""

    NONE = "none"
    """The connection is still open, or was never started."""
    CLOSED = "closed"
    """Both close frames were exchanged: an orderly end."""
    DROPPED = "dropped"
    """This side ended without a close frame: `close(-1)`, `close()` while connecting, a server that stopped."""
    DNS = "dns"
    """The host name did not resolve."""
    TCP = "tcp"
    """TCP was refused, unreachable or reset, or the other side ended it without a close frame."""
    PROXY = "proxy"
    """A proxy refused, or its answer was not a proxy's."""
    TLS = "tls"
    """The certificate was refused, or the TLS handshake failed."""
    HTTP_STATUS = "http status"
    """The server answered the upgrade with a status other than 101; see `CloseCause.status`."""
    UPGRADE = "upgrade"
    """The upgrade's request or response violated RFC 6455 section 4."""
    SUB_PROTOCOL = "sub-protocol"
    """The two sides have no sub-protocol in common, or only one side named any."""
    PROTOCOL_ERROR = "protocol error"
    """The other side sent bytes that RFC 6455 or RFC 7692 forbids, or text that is not UTF-8."""
    TOO_BIG = "too big"
    """A message was larger than the inbound limit."""
    TOO_SLOW = "too slow"
    """The other side did not read fast enough, and `close_on_backpressure` ended the connection."""
    TIMEOUT = "timeout"
    """Connecting, the upgrade, the close or a heartbeat took longer than its limit."""

    def __str__(self) -> str:
        return f"{self.name} ({self.value})"


@dataclass(frozen=True, slots=True)
class CloseCause:
    """The reason why a connection ended.

    Attributes:
        cause: the kind of end.
        detail: one line for a person. Text from the other side is escaped; secrets of a URL are left out.
        status: the HTTP status, for `Cause.HTTP_STATUS`; else 0.
    """

    cause: Cause = Cause.NONE
    detail: str = ""
    status: int = 0

    def __post_init__(self) -> None:
        detail = clean(self.detail, DETAIL_MOST)
        # A frozen dataclass refuses normal assignment; few details need it.
        if detail is not self.detail:
            object.__setattr__(self, "detail", detail)

    def __str__(self) -> str:
        return f"{self.cause.value}: {self.detail}" if self.detail else self.cause.value


NO_CAUSE = CloseCause()
"""The cause of a connection that has not ended; all connections share this object."""


class GdpeerError(Exception):
    """The base of all exceptions that gdpeer raises for events outside of the program.

    The text is one line: text from the other side is escaped, and secrets of a URL are left out.

    Attributes:
        detail: the text.
        cause: the kind of failure.
    """

    def __init__(self, detail: str, cause: Cause = Cause.NONE) -> None:
        detail = clean(detail, DETAIL_MOST)
        super().__init__(detail)
        self.detail = detail
        self.cause = cause


class TransportError(GdpeerError):
    """A stream broke or could not be opened; `cause` is DNS, TCP, PROXY, TLS or TIMEOUT.

    Attributes:
        error: the engine's code for this failure, for calls that return a code.
    """

    def __init__(self, detail: str, cause: Cause = Cause.TCP, error: Error = Error.FAILED) -> None:
        super().__init__(detail, cause)
        self.error = error


class HandshakeError(GdpeerError):
    """The HTTP upgrade failed.

    Attributes:
        status: on a server the status to answer with, on a client the status received; 0 without a status.
        headers: on a server, headers for the answer (`Sec-WebSocket-Version` with 426, `Allow` with 405); on a client,
            the headers that came with the status.
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
    """The other side violated the WebSocket protocol, or this side was asked to.

    Attributes:
        code: the close code for the answer (RFC 6455 section 7.4.1): 1002, 1007 or 1009.
    """

    def __init__(self, detail: str, code: int = 1002, cause: Cause = Cause.PROTOCOL_ERROR) -> None:
        super().__init__(detail, cause)
        self.code = code


class ConnectionClosed(GdpeerError):
    """The connection is over: nothing more can be received or sent.

    Attributes:
        code: of the close frame; 1005 if it had no code, 1006 if there was no close frame.
        reason: the text of the close frame.
        close_cause: the reason for the end.
    """

    def __init__(self, close_cause: CloseCause, code: int = 1006, reason: str = "") -> None:
        super().__init__(str(close_cause) + (f": {reason}" if reason else ""), close_cause.cause)
        self.close_cause = close_cause
        self.code = code
        self.reason = reason


class ConnectionClosedOK(ConnectionClosed):
    """The connection ended as agreed: with code 1000, 1001 or no code."""


class ConnectionClosedError(ConnectionClosed):
    """The connection ended with another code, or without a close frame."""


class VariantError(GdpeerError, ValueError):
    """Bytes or a text that hold no engine value, or a value that the engine cannot hold.

    Attributes:
        offset: the byte (in a text: the character) of the failure; -1 without a place, as in encoding.
    """

    def __init__(self, detail: str, offset: int = -1) -> None:
        super().__init__(f"{detail} (at offset {offset})" if offset >= 0 else detail)
        self.offset = offset


class PacketError(GdpeerError):
    """A packet of the high-level multiplayer with a wrong format, or at a moment when it is not allowed.

    Attributes:
        offset: the byte of the failure; -1 if the whole packet is meant.
        kind: the cause under which the packet is counted (`refused`).
    """

    def __init__(self, detail: str, offset: int = -1, *, kind: str = "bad packet") -> None:
        super().__init__(f"{detail} (at offset {offset})" if offset >= 0 else detail)
        self.offset = offset
        self.kind = kind


class SceneError(GdpeerError, ValueError):
    """A scene that cannot be read, or a class that does not fit its scene. The text begins with the file and the line.

    Attributes:
        file: as `res://player.tscn`; "" if no file is meant.
        line: from 1 on; 0 if no line is meant.
    """

    def __init__(self, detail: str, file: str = "", line: int = 0) -> None:
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where}: {detail}" if where else detail)
        self.file = file
        self.line = line
