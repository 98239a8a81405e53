"""`Placer`: decides which session each connection of a server joins, and under which id.

A `WebSocketServer` has one session for all its connections, or none. With a placer, many sessions share the port: each
upgrade names its session by path, query, headers or sub-protocols.

Layer: `websocket`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from gdpeer.http.response import LateResponse, Response
from gdpeer.protocol.http_headers import Request
from gdpeer.websocket.session.server import ServerSession

if TYPE_CHECKING:
    from gdpeer.websocket.peer import WebSocketPeer

__all__ = ["Placement", "Placer"]


class Placement(NamedTuple):
    """Where a connection belongs.

    Attributes:
        session: handles the connection's packets.
        peer_id: the peer's id in this session; free there.
    """

    session: ServerSession
    peer_id: int


class Placer(Protocol):
    """Places the connections of a `WebSocketServer`. Connections are known by their numbers.

    For each upgrade the server calls `admit`, then `place` if the connection opens, else `forget`.
    """

    def admit(self, number: int, request: Request) -> Response | LateResponse | None:
        """Decides about an upgrade: None accepts it, a `Response` refuses it."""

    def place(self, number: int, peer: WebSocketPeer) -> Placement | None:
        """Returns the place of an admitted connection, which is open now. None closes it with code 1001."""

    def forget(self, number: int) -> None:
        """Takes note that a connection has ended before it opened."""
