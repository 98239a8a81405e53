"""`LobbyRoom`: the lobby by RPC, a room that players enter first, at the path `/`.

The games have a node `/root/Lobby` with the same methods:

    @rpc("any_peer") func quick(kind: String, labels: Dictionary): pass
    @rpc("any_peer") func join(code: String): pass
    @rpc("any_peer") func create(kind: String, options: Variant, labels: Dictionary, is_private: bool): pass
    @rpc("any_peer") func find(kind: String, labels: Dictionary): pass
    @rpc func seat(url: String, peer_id: int, expires: float): ...     # close the connection, then connect to url
    @rpc func rooms(kind: String, found: Array): ...                   # the answer to find
    @rpc func refused(error: String, message: String): ...

Each request gets one answer: `seat`, `rooms` or `refused`, in the order of the requests, also in a cluster. The words
of `error` are those of the lobby by HTTP (`gdpeer.rooms.lobby_http`).

Layer: `rooms`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from gdpeer.errors import HandshakeError
from gdpeer.logs import get_logger, report
from gdpeer.multiplayer.rpc.decorator import rpc
from gdpeer.multiplayer.tree import Node
from gdpeer.multiplayer.websocket_peer import SessionPeer
from gdpeer.protocol.http_headers import Request
from gdpeer.rooms.errors import NoRoom, RoomError
from gdpeer.rooms.labels import BadLabels, check_labels
from gdpeer.rooms.lobby import Listed, Lobby, Seat, word_of
from gdpeer.rooms.room import Room

if TYPE_CHECKING:
    from gdpeer.rooms.hall import Hall
    from gdpeer.websocket.peer import WebSocketPeer

__all__ = ["LobbyNode", "LobbyRoom"]

logger = get_logger("gdpeer.rooms")

MOST_LISTED = 100
"""Rooms in an answer to `find`: the fullest."""

REQUESTS_AT_ONCE = 20
REQUESTS_PER_SECOND = 2.0
"""Requests of one address."""


class _Asker(NamedTuple):
    """The player that asks: peer id, name, address, the beginning of this server's URLs as the player sees them, and
    the connection.
    """

    peer_id: int
    player: str | None
    address: str
    base: str
    connection: WebSocketPeer | None


class _Request:
    """A request and its result, which waits for those before it."""

    __slots__ = ("is_done", "miss", "problem", "result", "tell", "who")

    def __init__(
        self, who: _Asker, tell: Callable[[_Asker, Any], None], miss: Callable[[str], object] | None = None
    ) -> None:
        self.who = who
        self.tell = tell
        self.miss = miss
        self.is_done = False
        self.result: Any = None
        self.problem: Exception | None = None


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
        self._queues: dict[int, deque[_Request]] = {}  # requests that have no answer yet, by peer id
        self._requests = hall.guessing.attempts(REQUESTS_AT_ONCE, REQUESTS_PER_SECOND)

    # ------------------------------------------------------------------------------------------ requests

    @rpc("any_peer")
    def quick(self, kind: str, labels: dict[Any, Any]) -> None:
        """Answers with a seat in a room of a kind with these labels, or in a new room."""
        self._give(lambda lobby, who: lobby.quick(kind, check_labels(labels), who.player, base=who.base))

    @rpc("any_peer")
    def join(self, code: str) -> None:
        """Answers with a seat in the room with a code."""

        def give(lobby: Any, who: _Asker) -> Any:
            self._hall.guessing.check_code(who.address)
            return lobby.join(code, who.player, base=who.base)

        self._give(give, miss=self._hall.guessing.miss_code)

    @rpc("any_peer")
    def create(self, kind: str, options: Any, labels: dict[Any, Any], is_private: bool) -> None:
        """Answers with a seat in a new room."""

        def give(lobby: Any, who: _Asker) -> Any:
            checked = check_labels(labels)
            return lobby.create(kind, options, who.player, labels=checked, private=is_private, base=who.base)

        self._give(give)

    @rpc("any_peer")
    def find(self, kind: str, labels: dict[Any, Any]) -> None:
        """Answers with the public rooms of a kind that have these labels."""

        def find(lobby: Any, who: _Asker) -> list[Listed]:
            return cast("list[Listed]", lobby.find(kind, check_labels(labels))[:MOST_LISTED])

        def tell(who: _Asker, found: list[Listed]) -> None:
            self.rooms.rpc_id(who.peer_id, kind, [asdict(room) for room in found])

        self._answer(find, tell)

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

    def _give(self, give: Callable[[Any, _Asker], Any], miss: Callable[[str], object] | None = None) -> None:
        """Answers with a seat. `give` gets the lobby, of this process or of the cluster; a missed code is counted."""

        def tell(who: _Asker, seat: Seat) -> None:
            self.seat.rpc_id(who.peer_id, seat.url, seat.peer_id, float(seat.expires))

        self._answer(give, tell, miss)

    def _answer(
        self,
        ask: Callable[[Any, _Asker], Any],
        tell: Callable[[_Asker, Any], None],
        miss: Callable[[str], object] | None = None,
    ) -> None:
        who, cluster = self._asker(), self._hall.cluster
        request = _Request(who, tell, miss)
        self._queues.setdefault(who.peer_id, deque()).append(request)
        try:
            if self._requests.wait(who.address) > 0:
                raise HandshakeError("too many requests from this address", status=429)
            self._requests.count(who.address)
            found = ask(self._lobby if cluster is None else cluster.lobby, who)
        except Exception as problem:
            request.problem = problem
        else:
            if hasattr(found, "then"):
                found.then(lambda done: self._settle(request, done.result))
                return
            request.result = found
        request.is_done = True
        self._tell_all(who.peer_id)

    def _settle(self, request: _Request, result: Callable[[], Any]) -> None:
        try:
            request.result = result()
        except Exception as problem:
            request.problem = problem
        request.is_done = True
        try:
            self._tell_all(request.who.peer_id)
        except Exception:  # a mistake of the program, as a name that no player can have
            report(logger, "the lobby failed to answer a request")

    def _tell_all(self, peer_id: int) -> None:
        """Answers the requests of a player that can be answered, in the order in which they came."""
        queue = self._queues[peer_id]
        while queue and queue[0].is_done:
            self._tell(queue.popleft())
        if not queue:
            del self._queues[peer_id]

    def _tell(self, request: _Request) -> None:
        who, problem = request.who, request.problem
        if isinstance(problem, NoRoom) and request.miss is not None:
            request.miss(who.address)
        if self._has_left(who):
            return
        if problem is None:
            request.tell(who, request.result)
        elif isinstance(problem, RoomError):
            self.refused.rpc_id(who.peer_id, word_of(problem), problem.detail)
        elif isinstance(problem, HandshakeError):
            self.refused.rpc_id(who.peer_id, "too_many", problem.detail)
        elif isinstance(problem, BadLabels):
            self.refused.rpc_id(who.peer_id, "bad_request", str(problem))
        else:
            raise problem

    def _asker(self) -> _Asker:
        """Returns the player whose call runs now."""
        peer_id = self.multiplayer.get_remote_sender_id()
        connection = self._connection_of(peer_id)
        request = None if connection is None else connection.get_request()
        address = "" if connection is None else connection.get_connected_host()
        base = self._lobby.base_for(request)
        return _Asker(peer_id, self._player_of(peer_id), address, base, connection)

    def _has_left(self, who: _Asker) -> bool:
        """Whether the player has gone meanwhile. `get_peer` would log that there is no such peer."""
        if who.connection is None:
            return False
        is_known = who.peer_id in self.multiplayer.get_peers()
        return not is_known or self._connection_of(who.peer_id) is not who.connection

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
