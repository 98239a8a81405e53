"""`Room`: one game among many on a port. A game subclasses it, or writes a function that fills the room's tree.

    class Arena(Room):
        max_peers = 8
        grace = 30.0

        def on_create(self, options):
            self.tree.root.add_child(World(name="World"))

        def on_join(self, place):
            self.labels = {"players": self.taken}

A room lives in one process and shares nothing with other rooms: no node, no id, no exception. An exception of a hook is
logged with the room's code, and the room goes on.

Layer: `rooms`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from gdpeer.arguments import CALLABLE, NUMBER, STR, checked
from gdpeer.multiplayer.tree import SceneTree
from gdpeer.rooms.labels import Label, check_labels
from gdpeer.rooms.place import LeaveReason, Place

if TYPE_CHECKING:
    from gdpeer.protocol.http_headers import Request
    from gdpeer.rooms.hall import Hall
    from gdpeer.rooms.lifecycle import RoomLifecycle

__all__ = ["Room"]


class Room:
    """A game with its players. `Hall.create` makes it; override `on_create` instead of `__init__`.

    Hooks must not wait: all rooms of a process share one thread. Give slow work to a thread, and come back by `soon`.
    `on_create` and `on_auth` may return a future, which has 5 seconds. In a hall that `gdpeer.aio.serve_hall` runs,
    both may also be async: then their task has 5 seconds, and is cancelled after that. Other hooks cannot be async.

    A subclass sets the attributes from `kind` to `dialect`; the room has the others.

    Attributes:
        kind: the name in paths and in the lobby. "": the class's name in lower case.
        max_peers: the most places; reserved seats and players who are away count. 0: no limit.
        grace: seconds that a place is kept for a player whose connection was lost; 0: none.
        idle_timeout: seconds without any place until the room is closed; `math.inf`: never.
        lifetime: seconds until the room is closed in any case.
        tick_rate: calls of `on_tick` per second; 0: the room runs only when something happens.
        resume: "silent": a return is hidden from the other players. "announce": they see the player leave and come.
        while_away: "queue" keeps what other players send meanwhile, up to 64 KiB; "drop" keeps nothing.
        server_relay: whether players know and reach each other; see `SceneMultiplayer.server_relay`.
        save_interval: seconds between two calls of `save`; 0: only before the room moves to another worker.
        dialect: "godot4" or "godot3", of the players' engine.
        code: the room's code, 6 characters.
        hall: the hall.
        tree: the room's `SceneTree`; its `multiplayer` has the players.
        options: the second argument of `Hall.create`.
        places: the places that are taken, by peer id.
        refused: how many packets and calls of players were refused, by cause.
    """

    kind: str = ""
    max_peers: int = 0
    grace: float = 20.0
    idle_timeout: float = 30.0
    lifetime: float = float("inf")
    tick_rate: float = 0.0
    resume: Literal["silent", "announce"] = "silent"
    while_away: Literal["queue", "drop"] = "queue"
    server_relay: bool = True
    save_interval: float = 0.0
    dialect: ClassVar[str] = "godot4"

    def __init__(self, life: RoomLifecycle) -> None:
        self._gdpeer_life = life
        self._gdpeer_labels: dict[str, Label] = {}
        self.kind = life.kind
        self.code = life.code
        self.hall: Hall = life.hall
        self.tree: SceneTree = life.tree
        self.places: Mapping[int, Place] = life.places
        self.refused: Mapping[str, int] = life.refused
        self.options: Any = None
        self._gdpeer_private = False
        self._gdpeer_locked = False

    # ------------------------------------------------------------------------------------------ hooks

    def on_create(self, options: Any) -> Any:
        """Fills the tree of the new room. Raise `RoomError` to refuse; then there is no room."""

    def on_auth(self, ticket: Any, request: Request) -> Any:
        """Decides about a player once, before the first connection opens. The result becomes `place.auth`.

        Args:
            ticket: the one of `reserve`, or the `SeatClaims` of a seat without a reservation; None for a session key.
            request: the upgrade. Take from it what you need: a connection keeps only the path.

        Raises:
            RoomError, PermissionError: the player is refused with status 403, or the error's own status.
        """

    def on_join(self, place: Place) -> None:
        """A player has joined, and can be called."""

    def on_away(self, place: Place) -> float | None:
        """A player's connection was lost. Return seconds to keep the place for another time than `grace`; 0: not."""

    def on_return(self, place: Place) -> None:
        """A player who was away is back with the same peer id. Send the state of the game: the player has forgotten it.

        Also called if the player's new connection came before the end of the old connection was noticed.
        """

    def on_leave(self, place: Place, why: LeaveReason) -> None:
        """A player has left for good."""

    def on_tick(self, delta: float) -> None:
        """Runs `tick_rate` times per second; `delta` is the seconds since the last call.

        If it raises three times in a row, the room is closed with code 1011.
        """

    def on_message(self, sender: Any, data: Any) -> None:
        """A message from outside of the room.

        Args:
            sender: "operator"; or for `hall.cluster.tell` an object with `name`, and `place` of the player who is told.
            data: JSON from another worker, a text from the monitor.
        """

    def on_drain(self, deadline: float) -> None:
        """The server is about to stop: end the game within `deadline` seconds. Then the room is closed."""

    def save(self) -> bytes | None:
        """Returns the room's state, at most 1 MiB, to restore the room in another worker; None: it cannot be restored.

        Called every `save_interval` seconds, and last before the room moves to another worker. Only in a cluster.
        """
        return None

    def restore(self, data: bytes) -> None:
        """Takes the state that `save` returned. Called once, after `on_create`.

        The players are away, in `places`, and may return with their peer ids; `on_return` is called for each. An id
        that is not in `places` belongs to a player who cannot return. If this raises, there is no room, and what was
        saved is kept.
        """

    def on_dispose(self) -> None:
        """The room is closed: let go of everything that is not in the tree."""

    # ------------------------------------------------------------------------------------------ what a room can do

    @property
    def labels(self) -> dict[str, Label]:
        """At most 16 short values by which the lobby searches. Assign a new dictionary to change them."""
        return self._gdpeer_labels

    @labels.setter
    def labels(self, labels: Mapping[str, Label]) -> None:
        self._gdpeer_labels = check_labels(labels)
        self._gdpeer_changed()

    @property
    def private(self) -> bool:
        """Whether the lobby never lists the room; whoever knows the code may join."""
        return self._gdpeer_private

    @private.setter
    def private(self, private: bool) -> None:
        self._gdpeer_private = bool(private)
        self._gdpeer_changed()

    @property
    def locked(self) -> bool:
        """Whether nobody gets a place; players who have one may come back."""
        return self._gdpeer_locked

    @locked.setter
    def locked(self, locked: bool) -> None:
        self._gdpeer_locked = bool(locked)
        self._gdpeer_changed()

    def _gdpeer_changed(self) -> None:
        self.hall.openings += 1
        self._gdpeer_life.tell_changed()

    @property
    def taken(self) -> int:
        """How many places are taken: reserved, here or away."""
        return len(self.places)

    @property
    def is_closed(self) -> bool:
        """Whether the room was closed."""
        return self._gdpeer_life.is_closed

    @checked(ttl=NUMBER)
    def reserve(self, player: str | None = None, ticket: object = None, ttl: float = 15.0) -> Place:
        """Takes a place for a player who has not connected yet.

        Args:
            player: a name for `place.player`.
            ticket: for `on_auth`.
            ttl: seconds until the place is free again if nobody uses it.

        Raises:
            Full: no place is free, here or in the hall.
            Locked: the room is locked.
            Draining: the server is about to stop.
            NoRoom: the room is closed.
        """
        return self._gdpeer_life.reserve(player, ticket, ttl)

    def lock(self) -> None:
        """Gives nobody a new place. Players who have a place may come back."""
        self.locked = True

    def unlock(self) -> None:
        """Gives new places again, after `lock`."""
        self.locked = False

    def broadcast(self, data: bytes) -> None:
        """Sends a packet to all players; their side emits `SceneMultiplayer.peer_packet`."""
        self.tree.multiplayer.send_bytes(data)

    @checked(reason=STR)
    def kick(self, place: Place, reason: str = "") -> None:
        """Ends a player's place, and the connection with code 1008; `on_leave` follows.

        Raises:
            ValueError: the reason is longer than 123 bytes.
        """
        self._gdpeer_life.kick(place, reason)

    @checked(reason=STR)
    def close(self, reason: str = "") -> None:
        """Closes the room, and all connections with code 1001.

        Raises:
            ValueError: the reason is longer than 123 bytes.
        """
        self._gdpeer_life.close(1001, reason)

    @checked(callback=CALLABLE)
    def soon(self, callback: Callable[[], object]) -> None:
        """Runs `callback` in the next `Hall.poll`, unless the room is closed by then. May be called in any thread."""
        self._gdpeer_life.soon(callback)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.code}, {len(self.places)} places>"
