"""Makes the connection to a URL: in a browser the browser's WebSocket; elsewhere TCP, a proxy's tunnel, and TLS.

Layer: `websocket`. Imports the modules of the transport when they are needed: a program that only serves needs no TLS,
and a page in a browser needs none of them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gdpeer.clock import Clock
from gdpeer.errors import Cause, Error, TransportError
from gdpeer.platform import IN_PAGE
from gdpeer.protocol.url import Url
from gdpeer.transport.stream import Connector
from gdpeer.websocket.backend.base import Backend, Turn
from gdpeer.websocket.backend.native import NativeBackend
from gdpeer.websocket.opening.proxy_choice import choose_proxy
from gdpeer.websocket.opening.redirects import Hop
from gdpeer.websocket.opening.upgrade import ClientUpgrade
from gdpeer.websocket.settings import Settings

if TYPE_CHECKING:
    from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["connect", "connect_in_page", "make_connector"]


def connect(url: Url, options: TLSOptions | None, settings: Settings, clock: Clock, turn: Turn) -> Backend:
    """Begins to connect to `url`, and returns the connection.

    Args:
        url: the server.
        options: a client's, for `wss`. None trusts the machine's certificate authorities.
        settings: the peer's settings.
        clock: tells the time.
        turn: the turn of the connection's owner.

    Raises:
        ValueError: a header of the settings is not valid.
        TransportError: a certificate file cannot be used. In a browser: a setting is not available there, or the
            browser refuses.
    """
    if IN_PAGE:
        return connect_in_page(url, options, settings, clock, turn)
    way = partial(make_connector, options=options, settings=settings, clock=clock)
    upgrade = ClientUpgrade(settings, settings.limits(), url, way)
    connector = upgrade.connector()
    backend = NativeBackend(settings, clock, upgrade, turn)
    backend.start(connector)
    return backend


def connect_in_page(url: Url, options: TLSOptions | None, settings: Settings, clock: Clock, turn: Turn) -> Backend:
    """Begins to connect over the browser's `WebSocket`; the arguments are those of `connect`."""
    from gdpeer.websocket.backend import browser

    browser.check_allowed(settings, options)
    backend = browser.BrowserBackend(settings, clock, turn)
    backend.connect(url, browser.open_socket)
    return backend


def make_connector(hop: Hop, options: TLSOptions | None, settings: Settings, clock: Clock) -> Connector:
    """Returns a connector to the server of `hop`. The proxy is chosen anew for each hop.

    The arguments are those of `connect`. The name in `options` replaces the host only at the origin of the first hop.

    Raises:
        TransportError: a certificate file or the environment's proxy cannot be used, or the system has no free file for
            loading a module.
    """
    url = hop.url
    try:
        tcp = _make_way(url, settings, clock)
        if not url.secure:
            return tcp
        from gdpeer.transport.tls_connector import SecureConnector
        from gdpeer.websocket.tls_options import TLSOptions

        options = options or TLSOptions.client()
        name = (options.get_common_name_override() if hop.is_home() else "") or url.host
        timeout = settings.handshake_timeout
        return SecureConnector(tcp, options.make_context(), server_hostname=name, timeout=timeout, clock=clock)
    except (OSError, ImportError) as error:
        words = f"cannot connect to {url.host} port {url.port}: {error}"
        raise TransportError(words, Cause.TCP, Error.ERR_CANT_CONNECT) from error


def _make_way(url: Url, settings: Settings, clock: Clock) -> Connector:
    """Returns a connector to `url`: TCP, or a tunnel through a proxy."""
    from gdpeer.transport.tcp import TcpConnector

    proxy = choose_proxy(settings.proxy, url)
    if proxy is None:
        return TcpConnector(url.host, url.port, timeout=settings.connect_timeout, clock=clock)
    from gdpeer.transport.proxy import ProxyConnector

    tcp = TcpConnector(proxy.host, proxy.port, timeout=settings.connect_timeout, clock=clock)
    return ProxyConnector(tcp, proxy, url.host, url.port, timeout=settings.handshake_timeout, clock=clock)
