"""`LobbyNode`: the lobby by RPC, in a room that players enter first, at the path `/`.

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
from typing import Any, NamedTuple

from gdpeer.clock import Clock
from gdpeer.errors import HandshakeError
from gdpeer.multiplayer.rpc.decorator import rpc
from gdpeer.multiplayer.tree import Node
from gdpeer.rooms.errors import NoRoom, RoomError
from gdpeer.rooms.guessing import Attempts, Guessing
from gdpeer.rooms.labels import BadLabels, check_labels
from gdpeer.rooms.lobby import Lobby, Seat, seen_base, word_of

__all__ = ["LobbyNode"]

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
        lobby: gives the seats.
        guessing: counts wrong codes, together with those of upgrade requests.
        clock: tells the time.
        player_of: returns the name of the player with a peer id, or None.
        is_secure: whether the server itself speaks TLS: seats then have `wss://` URLs.
    """

    def __init__(
        self,
        lobby: Lobby,
        guessing: Guessing,
        clock: Clock,
        player_of: Callable[[int], str | None] = lambda peer_id: None,
        *,
        is_secure: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(name="Lobby")
        self._lobby = lobby
        self._guessing = guessing
        self._requests = Attempts(clock, REQUESTS_AT_ONCE, REQUESTS_PER_SECOND)
        self._player_of = player_of
        self._is_secure = is_secure

    # ------------------------------------------------------------------------------------------ requests

    @rpc("any_peer")
    def quick(self, kind: str, labels: dict[Any, Any]) -> None:
        """Answers with a seat in a room of a kind with these labels, or in a new room."""
        self._give(lambda lobby, who: lobby.quick(kind, check_labels(labels), who.player, base=who.base))

    @rpc("any_peer")
    def join(self, code: str) -> None:
        """Answers with a seat in the room with a code."""

        def give(lobby: Lobby, who: _Asker) -> Seat:
            self._guessing.check_code(who.address)
            try:
                return lobby.join(code, who.player, base=who.base)
            except NoRoom:
                self._guessing.miss_code(who.address)
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
        # Peers without a network have no connections.
        connection_of = getattr(self.multiplayer.multiplayer_peer, "get_peer", None)
        connection = None if connection_of is None else connection_of(peer_id)
        request = None if connection is None else connection.get_request()
        return _Asker(
            peer_id,
            self._player_of(peer_id),
            "" if connection is None else connection.get_connected_host(),
            "" if request is None or self._lobby.has_url() else seen_base(request, is_secure=self._is_secure()),
        )
