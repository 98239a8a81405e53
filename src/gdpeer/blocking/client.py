"""`connect`: a client whose calls wait.

Layer: `blocking`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gdpeer import fronts as front
from gdpeer.arguments import STR, checked, optional
from gdpeer.blocking.connection import Connection
from gdpeer.websocket.peer import WebSocketPeer

if TYPE_CHECKING:
    import ssl

    from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["connect"]


@checked(url=STR, server_hostname=optional(STR))
def connect(
    url: str, *, ssl: TLSOptions | ssl.SSLContext | None = None, server_hostname: str = "", **options: Any
) -> Connection:
    """Open a connection to a server, and wait until it is open; used as a context manager, it is closed at the end.

    Args:
        url: `ws://host[:port]/path` or `wss://...`.
        ssl: for `wss`: a `TLSOptions`, or a context of the standard library; None: the machine's authorities.
        server_hostname: the name that the certificate must have; "": the URL's host.
        options: those of `websockets` by its names (`max_size`, `ping_interval` ...), or settings of `WebSocketPeer` by
            their own.

    Raises:
        ValueError, TypeError: the URL or an option is not valid.
        TransportError: name, TCP, TLS, or the time is up; `cause` tells.
        HandshakeError: the server said no; `status` tells.
    """
    peer = WebSocketPeer()
    front.connect(peer, url, ssl, server_hostname, options)
    connection = Connection(peer)
    try:
        connection.wait_open()
    except BaseException:  # an interrupt, too
        peer.close(-1)
        raise
    return connection
