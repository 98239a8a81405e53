"""`Listeners`: the ports of a server, their TLS, and the limits by address.

Layer: `websocket`. The transport's modules are imported when they are needed: a server that only uses `take_stream`
needs none of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from gdpeer.clock import Clock
from gdpeer.errors import Cause, Error, TransportError
from gdpeer.logs import get_logger, log_limited
from gdpeer.transport.os_errors import check_for_sockets
from gdpeer.transport.stream import Connector, Stream
from gdpeer.websocket.admission import Admission
from gdpeer.websocket.settings import Settings
from gdpeer.websocket.tls_options import Source, TLSOptions

if TYPE_CHECKING:
    import ssl

    from gdpeer.transport.listener import Listener
    from gdpeer.transport.poller import Poller

__all__ = ["Listeners", "Place", "log_not_listening", "make_context"]

logger = get_logger("gdpeer.websocket")


class Place(NamedTuple):
    """The arguments of one port; `WebSocketServer` describes them."""

    bind_ip: str
    port: int
    backlog: int
    reuse_port: bool


def make_context(key: Source | None, certificate: Source | None, chain: Source | None) -> ssl.SSLContext | None:
    """Returns the context for a server's TLS; None without key and certificate.

    Raises:
        ValueError: only one of key and certificate is given.
        TransportError: the key or a certificate cannot be used.
    """
    if key is None and certificate is None:
        return None
    if key is None or certificate is None:
        raise ValueError("TLS needs both private_key and ssl_certificate")
    return TLSOptions.server(key, certificate).make_context(chain)


def log_not_listening(reason: str) -> None:
    """Logs why a server does not listen. Most reasons begin with "cannot listen" already."""
    logger.warning("%s", reason if reason.startswith("cannot listen") else f"cannot listen: {reason}")


class Listeners:
    """All ports of one server.

    Attributes:
        listeners: the open ports.
        tls: for connections that come from now on; None: no TLS.
        admission: the limits by address.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.listeners: list[Listener] = []
        self.tls: ssl.SSLContext | None = None
        self.admission = Admission(clock)

    def open(self, place: Place, poller: Callable[[], Poller], come_in: Callable[[Stream, int], object]) -> int:
        """Opens one port, and returns its number; `come_in` is called with each connection and the port.

        Raises:
            TransportError: the port cannot be opened, no descriptor is left, or this is a browser.
        """
        check_for_sockets()
        try:
            from gdpeer.transport.listener import Listener
        except (OSError, ImportError) as error:
            words = f"cannot listen, as no file can be read to load what it takes: {error}"
            raise TransportError(words, Cause.TCP, Error.ERR_CANT_CREATE) from error

        if place.bind_ip.startswith("unix:"):
            listener = Listener.unix(place.bind_ip.removeprefix("unix:"), backlog=place.backlog)
        else:
            listener = Listener(place.bind_ip, place.port, backlog=place.backlog, reuse_port=place.reuse_port)

        def accept(events: int) -> None:
            for stream in listener.accept():
                try:
                    come_in(stream, listener.local_address[1])
                except OSError as error:  # no memory or descriptor for this connection; others may still fit
                    stream.close()
                    log_limited(logger, logging.WARNING, "a connection was refused: %s", error)

        try:
            listener.attach(poller(), accept)
        except TransportError:
            listener.close()
            raise
        self.listeners.append(listener)
        return listener.local_address[1]

    def secure(self, stream: Any, settings: Settings) -> Stream | Connector:
        """Returns the connection itself, or a connector that does its TLS handshake if `tls` is set."""
        if self.tls is None:
            return stream  # type: ignore[no-any-return]
        from gdpeer.transport.tls import TlsConnector

        return TlsConnector(stream, self.tls, server_side=True, timeout=settings.handshake_timeout, clock=self._clock)

    def is_of_proxy(self, stream: Any, settings: Settings) -> bool:
        """Whether a connection comes from a trusted proxy."""
        proxies = settings.proxies()
        return proxies is not None and proxies.trust(stream.remote_address)

    def read_header(self, stream: Any) -> Any:
        """Returns a connector that reads the header of a proxy; see `ProxiedConnector`."""
        from gdpeer.transport.proxied import ProxiedConnector

        return ProxiedConnector(stream)

    def close(self) -> None:
        """Closes all ports, and forgets the connections that `admission` counts."""
        while self.listeners:
            self.listeners.pop().close()
        self.admission.clear()
