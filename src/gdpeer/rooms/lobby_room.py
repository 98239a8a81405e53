"""`LobbyRoom`: the lobby by RPC, a room that players enter first, at the path `/`.

The games have a node `/root/Lobby` with the same methods:

    @rpc("any_peer") func quick(kind: String, labels: Dictionary): pass
    @rpc("any_peer") func join(code: String): pass
    @rpc("any_peer") func create(kind: String, options: Variant, labels: Dictionary, is_private: bool): pass
    @rpc("any_peer") func find(kind: String, labels: Dictionary): pass
    @rpc func seat(url: String, peer_id: int, expires: float): ...     # close the connection, then connect to url
    @rpc func rooms(kind: String, found: Array): ...                   # the answer to find
    @rpc func refused(error: String, message: String): ...

Each request gets one answer: `seat`, `rooms` or `refused`, in the order of the requests. The words of `error` are those
of the lobby by HTTP (`gdpeer.rooms.lobby_http`).

Layer: `rooms`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from gdpeer.errors import HandshakeError
from gdpeer.multiplayer.rpc.decorator import rpc
from gdpeer.multiplayer.tree import Node
from gdpeer.multiplayer.websocket_peer import SessionPeer
from gdpeer.protocol.http_headers import Request
from gdpeer.rooms.errors import NoRoom, RoomError
from gdpeer.rooms.labels import BadLabels, check_labels
from gdpeer.rooms.lobby import Lobby, Seat, word_of
from gdpeer.rooms.room import Room

if TYPE_CHECKING:
    from gdpeer.rooms.hall import Hall
    from gdpeer.websocket.peer import WebSocketPeer

__all__ = ["LobbyNode", "LobbyRoom"]

MOST_LISTED = 100
"""Rooms in an answer to `find`: the fullest."""

REQUESTS_AT_ONCE = 20
REQUESTS_PER_SECOND = 2.0
"""Requests of one address."""


class _Asker(NamedTuple):
    """The player that asks: peer id, name, address, and the beginning of this server's URLs as the player sees them."""

    peer_id: int
    player: str | None
    address: str
    base: str


class LobbyNode(Node):
    """Answers the players in the lobby room.

    Args:
        hall: has the limits.
        lobby: gives the seats.
        player_of: returns the name of the player with a peer id, or None.
    """

    def __init__(self, hall: Hall, lobby: Lobby, player_of: Callable[[int], str | None]) -> None:
        super().__init__(name="Lobby")
        self._hall = hall
        self._lobby = lobby
        self._player_of = player_of
        self._requests = hall.guessing.attempts(REQUESTS_AT_ONCE, REQUESTS_PER_SECOND)

    # ------------------------------------------------------------------------------------------ requests

    @rpc("any_peer")
    def quick(self, kind: str, labels: dict[Any, Any]) -> None:
        """Answers with a seat in a room of a kind with these labels, or in a new room."""
        self._give(lambda lobby, who: lobby.quick(kind, check_labels(labels), who.player, base=who.base))

    @rpc("any_peer")
    def join(self, code: str) -> None:
        """Answers with a seat in the room with a code."""

        def give(lobby: Lobby, who: _Asker) -> Seat:
            self._hall.guessing.check_code(who.address)
            try:
                return lobby.join(code, who.player, base=who.base)
            except NoRoom:
                self._hall.guessing.miss_code(who.address)
                raise

        self._give(give)

    @rpc("any_peer")
    def create(self, kind: str, options: Any, labels: dict[Any, Any], is_private: bool) -> None:
        """Answers with a seat in a new room."""

        def give(lobby: Lobby, who: _Asker) -> Seat:
            checked = check_labels(labels)
            return lobby.create(kind, options, who.player, labels=checked, private=is_private, base=who.base)

        self._give(give)

    @rpc("any_peer")
    def find(self, kind: str, labels: dict[Any, Any]) -> None:
        """Answers with the public rooms of a kind that have these labels."""

        def tell(who: _Asker) -> None:
            found = self._lobby.find(kind, check_labels(labels))[:MOST_LISTED]
            self.rooms.rpc_id(who.peer_id, kind, [asdict(room) for room in found])

        self._answer(tell)

    # ------------------------------------------------------------------------------------------ answers

    @rpc
    def seat(self, url: str, peer_id: int, expires: float) -> None:
        """Runs in the game: a place is kept for the player until `expires`."""

    @rpc
    def rooms(self, kind: str, found: list[Any]) -> None:
        """Runs in the game: the answer to `find`."""

    @rpc
    def refused(self, error: str, message: str) -> None:
        """Runs in the game: there is no seat. `error` is a word for the program, `message` a text for a person."""

    def _give(self, give: Callable[[Lobby, _Asker], Seat]) -> None:
        def tell(who: _Asker) -> None:
            seat = give(self._lobby, who)
            self.seat.rpc_id(who.peer_id, seat.url, seat.peer_id, float(seat.expires))

        self._answer(tell)

    def _answer(self, tell: Callable[[_Asker], None]) -> None:
        who = self._asker()
        try:
            if self._requests.wait(who.address) > 0:
                raise HandshakeError("too many requests from this address", status=429)
            self._requests.count(who.address)
            tell(who)
        except RoomError as problem:
            self.refused.rpc_id(who.peer_id, word_of(problem), problem.detail)
        except HandshakeError as problem:
            self.refused.rpc_id(who.peer_id, "too_many", problem.detail)
        except BadLabels as problem:
            self.refused.rpc_id(who.peer_id, "bad_request", str(problem))

    def _asker(self) -> _Asker:
        """Returns the player whose call runs now."""
        peer_id = self.multiplayer.get_remote_sender_id()
        connection = self._connection_of(peer_id)
        request = None if connection is None else connection.get_request()
        address = "" if connection is None else connection.get_connected_host()
        return _Asker(peer_id, self._player_of(peer_id), address, self._lobby.base_for(request))

    def _connection_of(self, peer_id: int) -> WebSocketPeer | None:
        network = self.multiplayer.multiplayer_peer
        return network.get_peer(peer_id) if isinstance(network, SessionPeer) else None


class LobbyRoom(Room):
    """The room at the path `/`: players ask for a seat there, and go."""

    kind = "lobby"
    grace = 0.0
    idle_timeout = float("inf")
    server_relay = False  # strangers must not reach each other

    def on_create(self, options: Any) -> None:
        """Adds the node. `options` is the lobby."""
        self.tree.root.add_child(LobbyNode(self.hall, options, self._player_of))

    def on_auth(self, ticket: Any, request: Request) -> str | None:
        """Asks the program for the player's name."""
        lobby: Lobby = self.options
        return lobby.player_of(request)

    def _player_of(self, peer_id: int) -> str | None:
        place = self.places.get(peer_id)
        return None if place is None else place.auth
