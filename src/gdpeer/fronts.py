"""The part that the asyncio API and the blocking API share: options, connecting, listening, sending and exceptions.

Both take the options of `websockets` by its names, which stand in the table of settings (`Option` in
`websocket.settings`), and every setting of gdpeer by its own name.

Layer: above `websocket`; below `aio` and `blocking`.
"""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from gdpeer.arguments import wrong_type
from gdpeer.attributes import names_of, nearest, refuse_unknown
from gdpeer.errors import (
    Cause,
    CloseCause,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    Error,
    HandshakeError,
    TransportError,
)
from gdpeer.platform import IN_PAGE
from gdpeer.protocol.outbox import encode_message
from gdpeer.protocol.url import parse_url
from gdpeer.signals import Signal
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.server import WebSocketServer
from gdpeer.websocket.settings import SETTINGS, Option, Settings
from gdpeer.websocket.states import PeerState
from gdpeer.websocket.tls_options import TLSOptions

if TYPE_CHECKING:
    import ssl

    from gdpeer.protocol.http_headers import Headers, Request

__all__ = [
    "Facts",
    "Message",
    "addresses_of",
    "broadcast",
    "cause_of",
    "closed_error",
    "configure",
    "connect",
    "listen",
    "not_open_error",
    "send",
]

Message: TypeAlias = "str | bytes | bytearray | memoryview"

NORMAL_CODES = (1000, 1001, 1005)
"""The codes of a normal close: done, going away, and a close frame without a code."""


def configure(target: WebSocketPeer | WebSocketServer, options: Mapping[str, Any]) -> None:
    """Sets options, by their names in the table of settings or by a setting's own name.

    Raises:
        TypeError, ValueError: an option is unknown, or a value is not valid.
    """
    known = _options_of(target)
    defaults = {option.name: option.default for _, option in known if option.default is not None}
    for name, value in {**defaults, **options}.items():
        found = [(setting, option) for setting, option in known if option.name == name]
        for setting, option in found:
            _set(target, setting, option.value_of(value))
        if not found:
            _set_own(target, name, value)


def _options_of(target: WebSocketPeer | WebSocketServer) -> list[tuple[str, Option]]:
    """Returns the settings that the target has and that are options, by their names."""
    by_method = ("handshake_headers", "supported_protocols") if isinstance(target, WebSocketServer) else ()
    return [
        (name, setting.option)
        for name, setting in SETTINGS.items()
        if setting.option is not None and (name in by_method or hasattr(type(target), name))
    ]


def _set_own(target: WebSocketPeer | WebSocketServer, name: str, value: Any) -> None:
    """Sets a setting or an attribute by its own name."""
    found = getattr(target, name, Signal)
    if name.startswith("_") or callable(found) or isinstance(found, Signal):
        raise _unknown(target, name)
    try:
        setattr(target, name, value)
    except AttributeError:  # a property that can only be read
        raise _unknown(target, name) from None


def _unknown(target: WebSocketPeer | WebSocketServer, name: str) -> TypeError:
    near = nearest(name, names_of(type(target)).union(option.name for _, option in _options_of(target)))
    return TypeError(f"unknown option {name!r}{f'; did you mean {near!r}?' if near else ''}")


def _set(target: WebSocketPeer | WebSocketServer, name: str, value: Any) -> None:
    if name == "handshake_headers" and isinstance(target, WebSocketServer):
        target.set_extra_headers(value)
    elif name == "supported_protocols" and isinstance(target, WebSocketServer):
        Settings.supported_protocols.assign(target, value)
    else:
        setattr(target, name, value)


# -- opening ----------------------------------------------------------------------------------------------------------


class _Given(TLSOptions):
    """A client's TLS options from an `ssl.SSLContext` of the program."""

    __slots__ = ("_context",)

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        super().__init__("client", common_name=name)
        self._context = context

    def make_context(self, chain: Any = None) -> ssl.SSLContext:
        return self._context


def connect(
    peer: WebSocketPeer,
    url: str,
    tls: TLSOptions | ssl.SSLContext | None,
    server_hostname: str,
    options: Mapping[str, Any],
) -> None:
    """Sets the options of a new client (see `configure`), and begins to connect.

    The other arguments are those of `aio.connect`. A user and password in the URL become Basic authentication.

    Raises:
        TypeError, ValueError: the URL or an option is not valid.
        TransportError: connecting failed at once.
    """
    if not isinstance(url, str):
        raise wrong_type("connect", "url", "a string", url)
    if not (tls is None or isinstance(tls, TLSOptions) or _is_context(tls)):
        raise wrong_type("connect", "ssl", "TLSOptions, an ssl.SSLContext or None", tls)
    configure(peer, options)
    _add_credentials(peer, url)
    if tls is None and server_hostname:
        tls = TLSOptions.client(common_name_override=server_hostname)
    given = tls if tls is None or isinstance(tls, TLSOptions) else _Given(tls, server_hostname)
    error = peer.connect_to_url(url, given)
    if error is Error.ERR_INVALID_PARAMETER:
        raise ValueError(peer.get_close_cause().detail)
    if error is not Error.OK:
        raise not_open_error(peer.get_close_cause())


def _is_context(value: object) -> bool:
    """Whether a value is an `ssl.SSLContext`; tells it by a method, as loading `ssl` takes time."""
    return hasattr(type(value), "wrap_bio")


def _add_credentials(peer: WebSocketPeer, url: str) -> None:
    """Adds a URL's user and password as Basic authentication (RFC 7617), unless there is an Authorization header."""
    if IN_PAGE or "@" not in url or any(line.lower().startswith("authorization:") for line in peer.handshake_headers):
        return
    found = parse_url(url)
    if found.user or found.password:
        pair = b64encode(f"{found.user}:{found.password}".encode()).decode()
        peer.handshake_headers = (*peer.handshake_headers, f"Authorization: Basic {pair}")


def not_open_error(cause: CloseCause) -> HandshakeError | TransportError:
    """Returns the exception for a connection that did not open."""
    if cause.cause in (Cause.HTTP_STATUS, Cause.UPGRADE, Cause.SUB_PROTOCOL):
        return HandshakeError(cause.detail, cause.cause, cause.status)
    return TransportError(cause.detail, cause.cause)


def cause_of(problem: HandshakeError | TransportError) -> CloseCause:
    """Returns the cause from which `not_open_error` made an exception."""
    return CloseCause(problem.cause, problem.detail, getattr(problem, "status", 0))


def addresses_of(host: str | None) -> list[str]:
    """Returns the addresses to listen at. Looking up a name may take seconds.

    Args:
        host: a name, an address, or "unix:/path". None, "" and "*": all addresses of this machine.

    Raises:
        TransportError: the name was not found.
    """
    if not host or host == "*" or host.startswith("unix:"):
        return [host or "*"]
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "not a host name"
        raise TransportError(f"cannot listen on {host!r}: {reason}", Cause.DNS) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def listen(server: WebSocketServer, addresses: Iterable[str], port: int, context: ssl.SSLContext | None = None) -> None:
    """Opens a port at each of some addresses.

    Raises:
        TypeError: `context` is not an `ssl.SSLContext`.
        TransportError: the port cannot be opened at one of them, and is open at none.
    """
    if not (context is None or _is_context(context)):
        raise wrong_type("serve", "ssl", "an ssl.SSLContext or None", context)
    server.listen_at(addresses, port, context)


# -- going on ---------------------------------------------------------------------------------------------------------


def send(peer: WebSocketPeer, message: Message) -> Error:
    """Sends a message of any size, if no more than `write_limit` bytes are queued.

    Returns:
        OK: the message was sent or queued.
        FAILED: the connection is not open.
        ERR_OUT_OF_MEMORY: too much is queued; send again after `drained`.

    Raises:
        TypeError: the message is neither text nor bytes.
        UnicodeEncodeError: the text holds half of a surrogate pair.
    """
    return peer.send_past_limit(_to_bytes(message), isinstance(message, str))


def _to_bytes(message: Any) -> bytes:
    if type(message) is bytes:
        return message
    if isinstance(message, str):
        return message.encode()
    if not isinstance(message, bytes | bytearray | memoryview):
        raise TypeError(f"a message is a str or bytes, not {type(message).__name__}")
    return bytes(message)


def broadcast(peers: Iterable[WebSocketPeer], message: Message) -> int:
    """Sends one message to many peers, framed once.

    Returns:
        How many did not get the message: they are not open, or too much is queued for them.
    """
    is_text = isinstance(message, str)
    payload = _to_bytes(message)
    frame = encode_message(payload, is_text)
    return sum(peer.send_past_limit(payload, is_text, frame) is not Error.OK for peer in peers)


def closed_error(peer: WebSocketPeer) -> ConnectionClosed:
    """Returns the exception for a closed connection."""
    cause, code = peer.get_close_cause(), peer.get_close_code()
    is_normal = cause.cause is Cause.CLOSED and code in NORMAL_CODES
    kind = ConnectionClosedOK if is_normal else ConnectionClosedError
    return kind(cause, code if code > 0 else 1006, peer.get_close_reason())


class Facts:
    """The properties that the connections of both APIs share.

    Attributes:
        peer: the `WebSocketPeer` below, with more settings, statistics and facts. Do not poll or close it.
    """

    __slots__ = ("peer",)

    _gdpeer_hint = "give options to connect() or serve(), or set what can change later on .peer"

    def __init__(self, peer: WebSocketPeer) -> None:
        self.peer = peer

    if not TYPE_CHECKING:  # else type checkers would allow all names

        def __setattr__(self, name: str, value: Any) -> None:
            try:
                object.__setattr__(self, name, value)
            except AttributeError:
                refuse_unknown(self, name)
                raise  # a property that can only be read

    @property
    def state(self) -> PeerState:
        """The state: CONNECTING, OPEN, CLOSING or CLOSED."""
        return self.peer.get_ready_state()

    @property
    def subprotocol(self) -> str | None:
        """The agreed sub-protocol; None without one."""
        return self.peer.get_selected_protocol() or None

    @property
    def request(self) -> Request | None:
        """On a server: the request that opened the connection, with `path` and `headers`; None on a client."""
        return self.peer.get_request()

    @property
    def headers(self) -> Headers:
        """The headers that the other side sent with the upgrade."""
        return self.peer.get_handshake_headers()

    @property
    def remote_address(self) -> tuple[str, int]:
        """The other side's address and port."""
        return self.peer.get_connected_host(), self.peer.get_connected_port()

    @property
    def latency(self) -> float:
        """The seconds of the newest round trip, measured by `ping` or the heartbeat; 0 before the first."""
        return max(0.0, self.peer.get_latency())

    @property
    def close_code(self) -> int | None:
        """The close code, 1006 if no close frame came; None until the connection is closed."""
        return closed_error(self.peer).code if self.state is PeerState.CLOSED else None

    @property
    def close_reason(self) -> str | None:
        """The reason that came with the code; None until the connection is closed."""
        return self.peer.get_close_reason() if self.state is PeerState.CLOSED else None

    def __repr__(self) -> str:
        return f"<{type(self).__module__.rpartition('.')[0]}.Connection {self.state.name}>"
