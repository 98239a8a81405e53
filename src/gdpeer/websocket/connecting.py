"""The way to a URL: TCP, and TLS on top for `wss`.

Layer: `websocket`. The transport's modules are imported when they are needed: a program that only serves needs no
    TLS, and a page needs none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gdpeer.clock import Clock
from gdpeer.protocol.url import Url
from gdpeer.transport.stream import Connector
from gdpeer.websocket.settings import Settings

if TYPE_CHECKING:
    from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["make_connector"]


def make_connector(url: Url, options: TLSOptions | None, settings: Settings, clock: Clock) -> Connector:
    """A connector to `url`.

    Args:
        url: where to.
        options: a client's, for `wss`; None: the machine's authorities.
        settings: for the times.
        clock: tells the time.

    Raises:
        TransportError: a certificate file cannot be used.
    """
    from gdpeer.transport.tcp import TcpConnector

    tcp = TcpConnector(url.host, url.port, timeout=settings.connect_timeout, clock=clock)
    if not url.secure:
        return tcp
    from gdpeer.transport.secure import SecureConnector
    from gdpeer.websocket.tls_options import TLSOptions

    options = options or TLSOptions.client()
    name = options.get_common_name_override() or url.host
    timeout = settings.handshake_timeout
    return SecureConnector(tcp, options.make_context(), server_hostname=name, timeout=timeout, clock=clock)
