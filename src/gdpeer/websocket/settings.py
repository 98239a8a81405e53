"""What can be set about a WebSocket, in one place for the peer, the client and the server.

A peer of a server shares the server's settings until one of its own properties is set; then it has a copy.

Layer: `websocket`. Source: reference godot-api section 3, 5 and 10 for names and defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar, overload

from gdpeer.protocol.deflate import Agreement
from gdpeer.protocol.handshake import ServerTerms
from gdpeer.protocol.http_headers import parse_header_line
from gdpeer.protocol.limits import Limits

__all__ = [
    "Configurable",
    "Setting",
    "Settings",
    "count",
    "flag",
    "kilobytes",
    "lines",
    "lines_or_none",
    "names",
    "rate",
    "seconds",
]


@dataclass(slots=True)
class Settings:
    """Times in seconds, sizes in bytes. Never changed once in use: whoever sets something makes a copy.

    Attributes:
        handshake_headers: `Name: value` lines added to the request (client) or the response (server).
        supported_protocols: offered (client) or accepted (server), the most wanted first.
        inbound_buffer_size: the largest message that is taken, and how much may wait unread.
        outbound_buffer_size: how much may wait to be sent; 0: no limit.
        max_queued_packets: how many messages may wait, inbound and outbound each.
        heartbeat_interval: a ping so often while open; one unanswered at the next ends the connection. 0: none.
        connect_timeout: for names and TCP. 30, the engine's.
        handshake_timeout: for TLS and the upgrade, from the moment TCP is there. 3 on a server, as the engine's; 10
            on a client, since that may be far away.
        close_timeout: from sending a close frame to its answer. The engine has none; 10.
        compression: whether permessage-deflate is offered or accepted.
        compression_parameters: the four parameters as wished for.
        compression_threshold: messages of fewer bytes go uncompressed: below some hundred bytes there is nothing to
            win.
        close_on_backpressure: end who does not read, at a send that finds the outbound limits reached by what waits.
        message_rate, byte_rate: what is taken a second of each, twice as much at once; over it reading pauses. 0: all.
        max_connections_per_address, connection_rate, max_pending, max_refused: see `ServerSettings`.
        allowed_origins: pages that may connect (`"https://game.example"`); None: all.
        allowed_paths: paths that may be upgraded, others get 404; None: all.
        max_redirects: how many a client follows. The engine follows none.
        proxy: a client's, a URL; True: the environment's; False: none. Not shown, as it may hold a password.
    """

    handshake_headers: tuple[str, ...] = ()
    supported_protocols: tuple[str, ...] = ()
    inbound_buffer_size: int = 65_535
    outbound_buffer_size: int = 65_535
    max_queued_packets: int = 4_096
    heartbeat_interval: float = 0.0
    connect_timeout: float = 30.0
    handshake_timeout: float = 10.0
    close_timeout: float = 10.0
    compression: bool = False
    compression_parameters: Agreement = field(default_factory=Agreement)
    compression_threshold: int = 256
    close_on_backpressure: bool = False
    message_rate: float = 0.0
    byte_rate: float = 0.0
    max_connections_per_address: int = 0
    connection_rate: float = 0.0
    max_pending: int = 0
    max_refused: int = 0
    allowed_origins: Collection[str] | None = None
    allowed_paths: Collection[str] | None = None
    max_redirects: int = 0
    proxy: str | bool = field(default=False, repr=False)
    _limits: Limits | None = field(default=None, init=False, repr=False, compare=False)
    _terms: ServerTerms | None = field(default=None, init=False, repr=False, compare=False)

    def limits(self) -> Limits:
        """The protocol's limits that follow; read when the handshake begins. One object for all connections."""
        if self._limits is None:
            self._limits = Limits(
                max_message_size=self.inbound_buffer_size,
                max_queued_bytes=self.inbound_buffer_size,
                max_queued_packets=self.max_queued_packets,
            )
        return self._limits

    def terms(self) -> ServerTerms:
        """What a server grants that has these settings. One object for all connections.

        Raises:
            ValueError: one of `handshake_headers` is not valid.
        """
        if self._terms is None:
            self._terms = ServerTerms(
                self.supported_protocols,
                allowed_origins=self.allowed_origins,
                compression=self.wished_compression(),
                headers=self.header_fields(),
            )
        return self._terms

    def has_limits_by_address(self) -> bool:
        """Whether a limit is set that newcomers may meet."""
        return bool(self.max_connections_per_address or self.connection_rate or self.max_pending)

    def header_fields(self) -> list[tuple[str, str]]:
        """`handshake_headers` as names and values.

        Raises:
            ValueError: one is not valid.
        """
        return [parse_header_line(line) for line in self.handshake_headers]

    def wished_compression(self) -> Agreement | None:
        """What to offer or accept of permessage-deflate."""
        return self.compression_parameters if self.compression else None


Value = TypeVar("Value")


class Configurable:
    """A class whose properties are settings."""

    __slots__ = ()

    _settings: Settings

    def _change(self, name: str, value: Any) -> None:
        # A copy: others may share the object, and a connection under way keeps what it began with.
        self._settings = replace(self._settings, **{name: value})  # type: ignore[misc]  # every subclass has a place


class Setting(Generic[Value]):
    """A property that is one of the settings.

    Args:
        convert: makes a value of what was assigned, or raises TypeError or ValueError.
        doc: what it means to the caller.
    """

    def __init__(self, convert: Callable[[Any], Value], doc: str) -> None:
        self._convert = convert
        self._name = ""
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[Value]: ...
    @overload
    def __get__(self, instance: Configurable, owner: type) -> Value: ...
    def __get__(self, instance: Configurable | None, owner: type) -> Setting[Value] | Value:
        if instance is None:
            return self
        value: Value = getattr(instance._settings, self._name)
        return value

    def __set__(self, instance: Configurable, value: Any) -> None:
        try:
            converted = self._convert(value)
        except (TypeError, ValueError) as problem:
            raise type(problem)(f"{self._name}: {problem}") from None
        instance._change(self._name, converted)


def count(value: Any) -> int:
    """A whole number, not negative."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"a whole number is needed, not {type(value).__name__}")
    if value < 0:
        raise ValueError(f"must not be negative: {value}")
    return value


def seconds(value: Any) -> float:
    """A time, not negative."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"a number of seconds is needed, not {type(value).__name__}")
    if not value >= 0:
        raise ValueError(f"must not be negative: {value}")
    return float(value)


def rate(value: Any) -> float:
    """Something a second, not negative and not infinite."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"a number is needed, not {type(value).__name__}")
    if not 0 <= value < float("inf"):
        raise ValueError(f"must be 0 or more, not {value}")
    return float(value)


def flag(value: Any) -> bool:
    """True or False."""
    return bool(value)


def names(value: Iterable[str]) -> tuple[str, ...]:
    """Sub-protocols: tokens (RFC 6455 section 4.1), blanks around them cut off."""
    found = tuple(name.strip() for name in lines(value))
    for name in found:
        if not name or any(not 33 <= ord(c) <= 126 or c in '()<>@,;:\\"/[]?={}' for c in name):
            raise ValueError(f"not a sub-protocol's name: {name!r}")
    return found


def lines(value: Iterable[str]) -> tuple[str, ...]:
    """Several strings."""
    if isinstance(value, str):
        raise TypeError("a list of strings is needed, not one string")
    found = tuple(value)
    for line in found:
        if not isinstance(line, str):
            raise TypeError(f"strings are needed, not {type(line).__name__}")
    return found


def lines_or_none(value: Iterable[str] | None) -> tuple[str, ...] | None:
    """Several strings, or None for all that there are."""
    return None if value is None else lines(value)


def kilobytes(value: Any) -> int:
    """KiB as Godot 3's `set_buffers` takes them: bytes, rounded up to a power of two."""
    wanted = count(value) * 1024
    return 1 << max(0, wanted - 1).bit_length() if wanted else 0
