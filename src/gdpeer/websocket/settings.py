"""The table of settings: every setting of a WebSocket connection is declared here, once.

`Settings` is the table and, as an object, the values that one peer or server uses. A class shows a setting to the user
by its name alone:

    class WebSocketServer:
        close_timeout = Property(Settings.close_timeout)

The defaults, the checks of assigned values, the reference pages and the options of the asyncio and blocking APIs all
come from this table.

Layer: `websocket`. Source: reference godot-api section 3, 5 and 10 for names and defaults.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar, overload

from gdpeer.protocol.deflate import Agreement
from gdpeer.protocol.handshake import ServerTerms
from gdpeer.protocol.http_headers import parse_header_line
from gdpeer.protocol.limits import Limits
from gdpeer.transport.proxy_header import Proxies

__all__ = ["MOST_REDIRECTS", "SETTINGS", "Option", "Property", "Setting", "Settings", "kilobytes", "lines", "names"]

MOST_REDIRECTS = 20
"""The largest `max_redirects`; the limit of browsers (Fetch section 4.4)."""

_UNLIMITED = sys.maxsize >> 4
"""Bytes or messages that no connection reaches."""

Role: TypeAlias = Literal["peer", "client", "server", "multiplayer"]
"""`WebSocketPeer`, `WebSocketClient`, `WebSocketServer` or `WebSocketMultiplayerPeer`: the default depends on it."""

Value = TypeVar("Value")
Given = TypeVar("Given")


# -- what a setting is ------------------------------------------------------------------------------------------------


class Option(NamedTuple):
    """A setting in the asyncio and blocking APIs, which use the names and defaults of `websockets`.

    Attributes:
        name: of the option. Settings with the same option are set together.
        default: of the option; None: the setting keeps its own default.
        unlimited: the value that the option None stands for.
        convert: turns the option into a value for the setting.
        text: what the option may be, if it differs from the setting; for the documentation.
    """

    name: str
    default: Any = None
    unlimited: Any = None
    convert: Callable[[Any], Any] | None = None
    text: str = ""

    def value_of(self, given: Any) -> Any:
        """Returns what to assign to the setting.

        Raises:
            TypeError, ValueError: the option's value is not valid.
        """
        if self.convert is not None:
            return self.convert(given)
        return self.unlimited if given is None else given


class Setting(Generic[Value, Given]):
    """One row of the table.

    Args:
        convert: turns an assigned value into the stored one; raises TypeError or ValueError for others.
        default: the value of a new object, if `by_role` has none for its class.
        text: what the setting does, with its unit, for the user.
        why: the reason for the default, for the page about limits.
        option: the setting's option in the asyncio and blocking APIs.
        by_role: the defaults of classes that differ.
    """

    name = ""

    def __init__(
        self,
        convert: Callable[[Given], Value],
        default: Any,
        *,
        text: str,
        why: str = "",
        option: Option | None = None,
        **by_role: Any,
    ) -> None:
        self.convert = convert
        self.text = text
        self.why = why
        self.option = option
        self._default = default
        self._by_role = by_role

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def default(self, role: Role) -> Value:
        """Returns the value in a new object of that class."""
        value: Value = self._by_role.get(role, self._default)
        return value

    def assign(self, owner: Configurable, value: Given, convert: Callable[[Given], Value] | None = None) -> None:
        """Gives a peer or a server another value.

        Raises:
            TypeError, ValueError: the converter refuses the value.
        """
        try:
            converted = (convert or self.convert)(value)
        except (TypeError, ValueError) as problem:
            raise type(problem)(f"{self.name}: {problem}") from None
        # A copy: others may share the object, and an open connection keeps the values that it began with.
        owner.use_settings(owner._settings.replace(**{self.name: converted}))

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[Value, Given]: ...
    @overload
    def __get__(self, instance: Settings, owner: type) -> Value: ...
    def __get__(self, instance: Settings | None, owner: type) -> Any:
        # Only reached by `Settings.name`: an object has a value of that name in its dictionary, and Python takes that
        # value first, because this descriptor has no __set__. So reading a value costs no call.
        return self


class Configurable(Protocol):
    """A class with settings as properties."""

    _gdpeer_role: ClassVar[Role]
    _settings: Settings

    def use_settings(self, settings: Settings) -> None:
        """Takes settings over that have changed."""


class Property(Generic[Value, Given]):
    """A setting as a property of a public class.

    Args:
        setting: the row of the table.
        convert: replaces the row's converter, where a class allows fewer values.
        text: replaces the row's text, where the setting does something else in this class.
    """

    def __init__(
        self, setting: Setting[Value, Given], convert: Callable[[Given], Value] | None = None, text: str = ""
    ) -> None:
        self.setting = setting
        self._convert = convert
        self.text = text or setting.text

    def __set_name__(self, owner: type[Configurable], name: str) -> None:
        default = self.setting.default(owner._gdpeer_role)
        shown = f"{default:,}" if type(default) is int else repr(default)
        self.__doc__ = f"{self.text} Default: {shown}."

    @overload
    def __get__(self, instance: None, owner: type) -> Property[Value, Given]: ...
    @overload
    def __get__(self, instance: Configurable, owner: type) -> Value: ...
    def __get__(self, instance: Configurable | None, owner: type) -> Property[Value, Given] | Value:
        if instance is None:
            return self
        value: Value = getattr(instance._settings, self.setting.name)
        return value

    def __set__(self, instance: Configurable, value: Given) -> None:
        self.setting.assign(instance, value, self._convert)


# -- converters: what may be assigned ---------------------------------------------------------------------------------


def _expect(value: object, kind: Any, words: str) -> None:
    # True is an int for Python, but as a number of bytes or seconds it is a mistake.
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{words} is needed, not {type(value).__name__}")


def count(value: int) -> int:
    """Returns a whole number that is not negative."""
    _expect(value, int, "a whole number")
    if value < 0:
        raise ValueError(f"must not be negative: {value}")
    return value


def redirect_count(value: int) -> int:
    """Returns a number of redirects, 0 to `MOST_REDIRECTS`."""
    if count(value) > MOST_REDIRECTS:
        raise ValueError(f"must be at most {MOST_REDIRECTS}: {value}")
    return value


def seconds(value: float) -> float:
    """Returns a time in seconds that is not negative; it may be infinite."""
    _expect(value, int | float, "a number of seconds")
    if not value >= 0:  # so that NaN is refused, too
        raise ValueError(f"must not be negative: {value}")
    return float(value)


def some_seconds(value: float) -> float:
    """Returns a time in seconds that is more than 0."""
    if not seconds(value):
        raise ValueError("must be more than 0")
    return float(value)


def rate(value: float) -> float:
    """Returns a number per second that is neither negative nor infinite."""
    _expect(value, int | float, "a number")
    if not 0 <= value < float("inf"):
        raise ValueError(f"must be 0 or more, not {value}")
    return float(value)


def flag(value: bool) -> bool:
    """Returns True or False; every value is one of the two."""
    return bool(value)


def lines(value: Iterable[str]) -> tuple[str, ...]:
    """Returns the strings of a list or another iterable."""
    if isinstance(value, str):  # which is an iterable of strings as well
        raise TypeError("a list of strings is needed, not one string")
    found = tuple(value)
    for line in found:
        if not isinstance(line, str):
            raise TypeError(f"strings are needed, not {type(line).__name__}")
    return found


def networks(value: Iterable[str]) -> tuple[str, ...]:
    """Returns addresses and networks in numbers; "unix" stands for Unix sockets."""
    found = lines(value)
    Proxies(found)
    return found


def lines_or_none(value: Iterable[str] | None) -> tuple[str, ...] | None:
    """Returns the strings, or None, which stands for every string."""
    return None if value is None else lines(value)


def names(value: Iterable[str]) -> tuple[str, ...]:
    """Returns sub-protocols, which are tokens (RFC 6455 section 4.1), without the blanks around them."""
    found = tuple(name.strip() for name in lines(value))
    for name in found:
        if not name or any(not 33 <= ord(c) <= 126 or c in '()<>@,;:\\"/[]?={}' for c in name):
            raise ValueError(f"not a sub-protocol's name: {name!r}")
    return found


def proxy_choice(value: str | bool | None) -> str | bool:
    """Returns a proxy's URL, True for the proxy of the environment, or False for no proxy."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if not isinstance(value, str):
        raise TypeError(f"a URL, True or None is needed, not {type(value).__name__}")
    from gdpeer.transport.proxy import parse_proxy

    parse_proxy(value)
    return value


def kilobytes(value: int) -> int:
    """Returns the bytes of a size in KiB as Godot 3's `set_buffers` takes it, rounded up to a power of two."""
    wanted = count(value) * 1024
    return 1 << max(0, wanted - 1).bit_length() if wanted else 0


def _deflate_choice(value: object) -> bool:
    if value not in (None, "deflate", True, False):
        raise ValueError(f"compression is 'deflate' or None, not {value!r}")
    return bool(value)


def _header_lines(value: Any) -> list[str]:
    pairs = () if value is None else value.items() if isinstance(value, Mapping) else value
    return [f"{name}: {text}" for name, text in pairs]


# -- the table --------------------------------------------------------------------------------------------------------


class Settings:
    """The table, and the values that a peer or a server uses: times in seconds, sizes in bytes.

    Objects are shared and never change; `replace` makes a changed copy.

    Args:
        values: by the settings' names; the others have the default of a `WebSocketPeer`.

    Raises:
        TypeError: there is no setting of that name.
    """

    # Each row is a line of data, then its words. The formatter would give each argument a line.
    # fmt: off
    handshake_headers = Setting(
        lines, (), option=Option("additional_headers", convert=_header_lines, text="a mapping, or pairs"),
        text="`Name: value` lines to add to the request (client) or to the response (server).",
    )
    supported_protocols = Setting(
        names, (), option=Option("subprotocols", unlimited=()),
        text="Sub-protocols to offer (client) or to accept (server), the most wanted first.",
    )
    godot3_protocols = Setting(
        names, (),
        text='Sub-protocols whose clients speak "godot3", on a server that speaks both dialects. The server accepts '
        "them in addition to `supported_protocols`.",
    )
    inbound_buffer_size = Setting(
        count, 65_535, client=65_536, server=65_536, option=Option("max_size", 1_048_576, _UNLIMITED),
        text="Bytes of the largest message, and of the messages that may wait unread. A larger message closes the "
        "connection with 1009.",
        why="The engine's default; Godot 3's for a client and a server.",
    )
    outbound_buffer_size = Setting(
        count, 65_535, client=65_536, server=65_536, option=Option("write_limit", 65_536, 0),
        text="Bytes that may wait to be sent to one peer; 0: no limit. A send over the limit is refused with "
        "`ERR_OUT_OF_MEMORY`.",
        why="The engine's default; Godot 3's for a client and a server.",
    )
    max_queued_packets = Setting(
        count, 4_096, client=1_024, server=1_024, option=Option("max_queue", 1_024, _UNLIMITED),
        text="Messages that may wait in each direction, unread or unsent.",
        why="The engine's default; Godot 3's for a client and a server.",
    )
    close_on_backpressure = Setting(
        flag, False,
        text="If a send is refused because of the messages that wait already, also close the connection with 1013 "
        "(in a page with 4013). False: only refuse the send.",
        why="The game decides about slow peers. A peer that does not read the close frame either is disconnected "
        "after `close_timeout`.",
    )
    heartbeat_interval = Setting(
        seconds, 0.0, option=Option("ping_interval", 20.0, 0.0),
        text="Seconds between pings while the connection is open; 0.0: no pings. A ping that is not answered before "
        "the next one ends the connection uncleanly.",
        why="As in the engine.",
    )
    connect_timeout = Setting(
        seconds, 30.0, option=Option("open_timeout", 10.0, float("inf")),
        text="Seconds for looking up the name, and for TCP.",
        why="As in the engine.",
    )
    handshake_timeout = Setting(
        seconds, 10.0, server=3.0, multiplayer=3.0, option=Option("open_timeout", 10.0, float("inf")),
        text="Seconds for TLS and the upgrade: for both together on a server, for each of them on a client.",
        why="The engine's default for a server. A client waits longer, because a server may be far away. For "
        "`WebSocketMultiplayerPeer` as in the engine: a client counts from `create_client` until it has its id.",
    )
    close_timeout = Setting(
        seconds, 10.0, option=Option("close_timeout", 10.0, float("inf")),
        text="Seconds from sending a close frame to its answer.",
        why="The engine has no limit, and waits until TCP fails.",
    )
    compression = Setting(
        flag, False, option=Option("compression", convert=_deflate_choice, text='`"deflate"` or None'),
        text="Offer (client) or accept (server) permessage-deflate.",
        why="Compression costs time and memory for each connection, and the engine does not support it.",
    )
    compression_threshold = Setting(
        count, 256,
        text="Messages of fewer bytes are sent uncompressed.",
        why="Below a few hundred bytes compression saves nothing.",
    )
    message_rate = Setting(
        rate, 0.0,
        text="Messages per second that are taken from a peer, twice as many at once; 0.0: no limit. Over the limit "
        "reading pauses, and TCP holds the sender back.",
        why="No message is lost, and other peers are not delayed.",
    )
    byte_rate = Setting(
        rate, 0.0,
        text="Bytes per second that are taken from a peer, twice as many at once; 0.0: no limit. Over the limit "
        "reading pauses.",
    )
    max_connections_per_address = Setting(
        count, 0,
        text="Connections that a server takes from one address (IPv6: from one /64), open or opening; 0: no limit.",
        why="A household, a school or a proxy has one address, so a small limit keeps people out.",
    )
    connection_rate = Setting(
        rate, 0.0,
        text="New connections per second that a server takes from one address, twice as many at once; 0.0: no limit.",
    )
    max_pending = Setting(
        count, 0,
        text="Connections that a server takes before they are open, from all addresses together; 0: no limit.",
        why="Each of them ends after `handshake_timeout`.",
    )
    trusted_proxies = Setting(
        networks, (),
        text='Proxies in front of a server, by address or network: `["10.0.0.0/8", "unix"]`. Each of their connections '
        "begins with a header of PROXY protocol version 2, which tells the client's address.",
        why="Whoever is trusted can claim any address. See [Many machines](howto/many-machines.md).",
    )
    max_refused = Setting(
        count, 0,
        text="Packets and calls of one peer that a server in multiplayer mode may refuse at once, and in each minute "
        "after that; 0: no limit. One more disconnects the peer with 1008.",
    )
    allowed_origins = Setting(
        lines_or_none, None, option=Option("origins"),
        text='Values of `Origin` that a server accepts, such as `"https://game.example"`; None: all. Programs send '
        "no `Origin` and are accepted.",
        why="See [Origin and Host checks](origins.md).",
    )
    allowed_paths = Setting(
        lines_or_none, None,
        text="Paths at which a server accepts upgrades; others get 404. None: all paths.",
    )
    max_redirects = Setting(
        redirect_count, 0, option=Option("max_redirects", 10),
        text="Redirects that a client follows, 0 to 20, all within one `handshake_timeout`. Secrets in "
        "`handshake_headers` go to no other origin. In a page no redirect is followed.",
        why="The engine follows none, and browsers at most 20. See [Follow redirects](howto/redirects.md).",
    )
    proxy = Setting(
        proxy_choice, False, option=Option("proxy", True),
        text="The proxy of a client: `http://user:password@host:port` or `socks5://...`; True: the environment's, "
        "except to loopback; None: no proxy, as in the engine. In a page the browser's own counts.",
        why="See [Connect through a proxy](howto/client-proxy.md).",
    )
    # fmt: on

    def __init__(self, **values: Any) -> None:
        self._fill({name: setting.default("peer") for name, setting in SETTINGS.items()} | values)

    def _fill(self, values: dict[str, Any]) -> None:
        if len(values) != len(SETTINGS):
            raise TypeError(f"there are no settings {', '.join(sorted(values.keys() - SETTINGS.keys()))}")
        # One by one and always in this order, so that Python shares the keys of all these objects' dictionaries.
        for name in SETTINGS:
            setattr(self, name, values[name])
        self._limits: Limits | None = None
        self._terms: ServerTerms | None = None
        self._proxies: Proxies | None = None

    @staticmethod
    @cache
    def of(role: Role) -> Settings:
        """Returns the defaults of a class, one object for all."""
        return Settings(**{name: setting.default(role) for name, setting in SETTINGS.items()})

    def replace(self, **changes: Any) -> Settings:
        """Returns a copy with some values changed."""
        copy = Settings.__new__(Settings)  # without __init__, which would ask each setting for its default
        copy._fill({name: getattr(self, name) for name in SETTINGS} | changes)
        return copy

    def limits(self) -> Limits:
        """Returns the limits of what is received; read when a handshake begins. One object for all connections."""
        if self._limits is None:
            self._limits = Limits(
                max_message_size=self.inbound_buffer_size,
                max_queued_bytes=self.inbound_buffer_size,
                max_queued_packets=self.max_queued_packets,
            )
        return self._limits

    def terms(self) -> ServerTerms:
        """Returns what a server grants to clients. One object for all connections.

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
        """Whether a limit is set that new connections may meet."""
        return bool(self.max_connections_per_address or self.connection_rate or self.max_pending)

    def proxies(self) -> Proxies | None:
        """Returns the proxies that a server trusts; None: none. One object for all connections."""
        if self._proxies is None and self.trusted_proxies:
            self._proxies = Proxies(self.trusted_proxies)
        return self._proxies

    def header_fields(self) -> list[tuple[str, str]]:
        """Returns `handshake_headers` as names and values.

        Raises:
            ValueError: one of them is not valid.
        """
        return [parse_header_line(line) for line in self.handshake_headers]

    def wished_compression(self) -> Agreement | None:
        """Returns what to offer or accept of permessage-deflate; None: nothing."""
        return Agreement() if self.compression else None


SETTINGS: dict[str, Setting[Any, Any]] = {
    name: setting for name, setting in vars(Settings).items() if isinstance(setting, Setting)
}
"""All rows of the table by name."""
