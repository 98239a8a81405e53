"""`connect`: a client whose calls block.

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
    """Connects to a server, and waits until the connection is open. As a context manager, closes it at the end.

    Args:
        url: `ws://host[:port]/path` or `wss://...`.
        ssl: for `wss`, a `TLSOptions` or an `ssl.SSLContext`. None trusts the machine's certificate authorities.
        server_hostname: the name that the certificate must have. "" is the URL's host.
        options: those of `websockets` (`max_size`, `ping_interval`, ...), or settings of `WebSocketPeer`, by name.

    Raises:
        ValueError, TypeError: the URL or an option is not valid.
        TransportError: the name, TCP or TLS failed, or took too long; `cause` says which.
        HandshakeError: the server refused; `status` is its HTTP status.
    """
    peer = WebSocketPeer()
    front.connect(peer, url, ssl, server_hostname, options)
    connection = Connection(peer)
    try:
        connection.wait_open()
    except BaseException:  # also Ctrl-C: nobody else could close the connection
        peer.close(-1)
        raise
    return connection
