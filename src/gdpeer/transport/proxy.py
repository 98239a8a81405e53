"""Connects through a proxy: HTTP CONNECT or SOCKS5 over TCP.

The proxy resolves the server's name, not this machine. Names and passwords go to the proxy alone: no text here holds
them. SOCKS is written out here, as the I/O-free part of python-socks is private. h11 reads an HTTP proxy's answer.

Layer: `transport`. Source: RFC 9110 section 9.3.6 (CONNECT); RFC 1928 and RFC 1929 (SOCKS5, user and password).
"""

from __future__ import annotations

import base64
from collections.abc import Generator
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import h11

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import Cause, Error, TransportError
from gdpeer.transport.alarm import Alarm
from gdpeer.transport.poller import Poller
from gdpeer.transport.stream import Connector, Ready, Stream

__all__ = ["Proxy", "ProxyConnector", "parse_proxy", "proxy_failure"]

MAX_HEAD = 16_384
"""Most bytes of an HTTP proxy's answer."""

_SCHEMES = {"http": 80, "socks5": 1080, "socks5h": 1080}
_SOCKS_REFUSALS = {
    1: "general failure",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
}

Talk = Generator[tuple[bytes, int], bytes, None]
"""A dialogue with a proxy, as a generator. Yields the bytes to send and the length of the expected answer (0: unknown,
any bytes are passed on); gets the answer."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """The address of a proxy.

    Attributes:
        scheme: `http`, `socks5` or `socks5h`; the last two mean the same here.
        host: a name or an address, without brackets.
        port: 1 to 65535.
        user, password: for the proxy; "" if it needs none. `repr` hides both.
    """

    scheme: str
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def parse_proxy(text: str) -> Proxy:
    """Reads a proxy's URL: `http://user:password@host:port`, `socks5://...` or `socks5h://...`; no scheme: `http`.

    Raises:
        ValueError: the text is no such URL. The error does not repeat it, as it may hold a password.
    """
    try:
        text.encode()  # refuses halves of surrogate pairs
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("not a proxy's URL") from None
    if parts.scheme not in _SCHEMES:
        raise ValueError("a proxy's scheme must be http, socks5 or socks5h")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not host or port == 0 or max(len(user.encode()), len(password.encode())) > 255:
        raise ValueError("a proxy needs a host, a port that is not 0, and a user and password of at most 255 bytes")
    return Proxy(parts.scheme, host, port or _SCHEMES[parts.scheme], user, password)


def proxy_failure(words: str, cause: Cause = Cause.PROXY, error: Error = Error.ERR_CANT_CONNECT) -> TransportError:
    """Returns the error for a proxy that fails or refuses."""
    return TransportError(f"the proxy: {words}", cause, error)


class ProxyConnector(Connector):
    """Opens a tunnel to a host and port, through a proxy that `inner` connects to.

    Args:
        inner: connects to the proxy.
        proxy: its scheme, user and password.
        host: the server's; the proxy resolves a name.
        port: the server's.
        timeout: seconds for all answers of the proxy, from the moment that it is connected.
        clock: tells the time; the same as the poller's.
    """

    def __init__(
        self,
        inner: Connector,
        proxy: Proxy,
        host: str,
        port: int,
        *,
        timeout: float = 10.0,
        clock: Clock = MONOTONIC,
    ) -> None:
        self._inner: Connector | None = inner
        talk = _connect_talk if proxy.scheme == "http" else _socks_talk
        self._talk = talk(proxy, host, port)
        self._timeout = timeout
        self._clock = clock
        self._deadline = 0.0
        self._alarm = Alarm()
        self._stream: Stream | None = None
        self._unsent = b""
        self._needed = 0
        self._received = b""

    def advance(self) -> Stream | None:
        """Continues: connects to the proxy, then asks it for the tunnel. See `Connector.advance`.

        Raises:
            TransportError: `Cause.PROXY`: the proxy refuses, or is no proxy of this scheme; `Cause.TCP`: the proxy
                cannot reach the server, or ends the connection; `Cause.TIMEOUT`.
        """
        try:
            if self._inner is not None:
                self._reach(self._inner)
            return self._go_on() if self._stream is not None else None
        except TransportError:
            self.close()
            raise

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Watches the connection to the proxy, then the tunnel. See `Pollable.attach`."""
        pollable = self._inner or self._stream
        self._alarm.attach(poller, ready)
        if pollable is not None:
            pollable.attach(poller, ready)

    def detach(self) -> None:
        """Stops watching connection and deadline. See `Pollable.detach`."""
        self._alarm.detach()
        for pollable in (self._inner, self._stream):
            if pollable is not None:
                pollable.detach()

    def close(self) -> None:
        """Gives up and closes the connection; a tunnel that was returned stays open. See `Pollable.close`."""
        self.detach()
        for pollable in (self._inner, self._stream):
            if pollable is not None:
                pollable.close()
        self._inner = self._stream = None

    def _reach(self, inner: Connector) -> None:
        stream = inner.advance()
        if stream is None:
            return
        # The timeout of the dialogue begins here; connecting had a timeout of its own.
        inner.detach()
        self._inner, self._stream = None, stream
        self._deadline = self._clock.now() + self._timeout
        if self._alarm.poller is not None and self._alarm.ready is not None:
            stream.attach(self._alarm.poller, self._alarm.ready)
        self._unsent, self._needed = next(self._talk)

    def _go_on(self) -> Stream | None:
        stream = self._stream
        assert stream is not None
        while self._send(stream) and (answer := self._answer(stream)):
            try:
                self._unsent, self._needed = self._talk.send(answer)
            except StopIteration:
                self.detach()
                self._stream = None
                return stream
        if self._clock.now() >= self._deadline:
            raise proxy_failure(f"no answer within {self._timeout:g} s", Cause.TIMEOUT, Error.ERR_TIMEOUT)
        self._alarm.set(self._deadline)
        return None

    def _send(self, stream: Stream) -> bool:
        if self._unsent:
            self._unsent = self._unsent[stream.send([self._unsent]) :]
            stream.want_write(bool(self._unsent))
        return not self._unsent

    def _answer(self, stream: Stream) -> bytes:
        """Returns the proxy's answer once it is complete, else b""."""
        # Where the length is known, read no byte beyond the answer: the bytes after it belong to the server.
        buffer = bytearray(self._needed - len(self._received) if self._needed else MAX_HEAD)
        count = stream.receive_into(buffer)
        if count == 0:
            raise proxy_failure("it ended the connection before its answer", Cause.TCP)
        self._received += bytes(buffer[: max(count, 0)])
        if len(self._received) < self._needed:
            return b""
        answer, self._received = self._received, b""
        return answer


def _connect_talk(proxy: Proxy, host: str, port: int) -> Talk:
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    headers = [("Host", authority)]
    if proxy.user or proxy.password:
        token = base64.b64encode(f"{proxy.user}:{proxy.password}".encode()).decode()
        headers.append(("Proxy-Authorization", f"Basic {token}"))
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
    request = http.send(h11.Request(method="CONNECT", target=authority, headers=headers)) or b""
    request += http.send(h11.EndOfMessage()) or b""
    size = 0
    while True:
        data = yield request, 0
        request, size = b"", size + len(data)
        if size > MAX_HEAD:
            raise proxy_failure(f"its answer is longer than {MAX_HEAD} bytes")
        http.receive_data(data)
        status = _status_of(http)
        if status:
            break
    if not 200 <= status < 300:
        # 5xx: the proxy works, but cannot reach the server.
        raise proxy_failure(f"it answered {status}", Cause.TCP if status >= 500 else Cause.PROXY)
    # A server of TLS or HTTP sends nothing before the client does, so bytes behind the answer are not the server's.
    if http.trailing_data[0]:
        raise proxy_failure("it sent more than its answer")


def _status_of(http: h11.Connection) -> int:
    """Returns the status of the final answer; 0 while it has not come."""
    try:
        event = http.next_event()
        while isinstance(event, h11.InformationalResponse):
            event = http.next_event()
    except h11.RemoteProtocolError as problem:
        raise proxy_failure("its answer is not HTTP's") from problem
    return event.status_code if isinstance(event, h11.Response) else 0


def _socks_talk(proxy: Proxy, host: str, port: int) -> Talk:
    # 0: no authentication; 2: user and password (RFC 1928 section 3).
    methods = b"\x00\x02" if proxy.user or proxy.password else b"\x00"
    chosen = yield bytes([5, len(methods)]) + methods, 2
    if chosen[0] != 5:
        raise proxy_failure("it does not speak SOCKS5")
    if chosen[1] == 0xFF:
        raise proxy_failure("it wants another user and password, or some")
    if chosen[1] not in methods:
        raise proxy_failure("it chose a method that was not offered")
    if chosen[1] == 2:
        user, password = proxy.user.encode(), proxy.password.encode()
        granted = yield bytes([1, len(user)]) + user + bytes([len(password)]) + password, 2
        if granted[0] != 1 or granted[1] != 0:
            raise proxy_failure("it refuses the user and password")
    head = yield b"\x05\x01\x00" + _socks_address(host) + port.to_bytes(2, "big"), 5
    if head[0] != 5 or head[3] not in (1, 3, 4):
        raise proxy_failure("its answer is not SOCKS5's")
    if head[1]:
        cause = Cause.TCP if head[1] in _SOCKS_REFUSALS else Cause.PROXY
        words = _SOCKS_REFUSALS.get(head[1], "it does not allow that" if head[1] == 2 else f"error {head[1]}")
        raise proxy_failure(words, cause)
    # Skip the rest of the proxy's own address (4, 16, or a counted name) and port; its first byte came with the head.
    yield b"", {1: 4, 3: head[4] + 1, 4: 16}[head[3]] + 1


def _socks_address(host: str) -> bytes:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        name = host.encode()
        if len(name) > 255:
            raise proxy_failure("a name of more than 255 bytes cannot be asked for") from None
        return bytes([3, len(name)]) + name
    return bytes([1 if address.version == 4 else 4]) + address.packed
