"""`MemoryHall`: a hall without a port, for tests.

Layer: `testing`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from gdpeer.clock import ManualClock
from gdpeer.multiplayer.tree import Node
from gdpeer.rooms import Hall, Room
from gdpeer.testing.in_memory import InMemory
from gdpeer.testing.player import Player

if TYPE_CHECKING:
    from gdpeer.multiplayer.replication.scenes import Scenes
    from gdpeer.rooms.lobby import Seat

__all__ = ["MemoryHall"]

SECRET = b"a secret of tests, and only of tests"


class MemoryHall(InMemory):
    """A hall in memory with a clock that stands still. Use it as a context manager, or call `close` at the end.

    Args:
        kinds: classes of rooms, as for `Hall`; or a hall that was made with a `ManualClock`.
        settings: further arguments of `Hall`.

    Attributes:
        hall: the `Hall`.
        clock: of the hall.
        players: that joined.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("hall",)

    def __init__(self, kinds: Hall | Iterable[Any], **settings: Any) -> None:
        if isinstance(kinds, Hall):
            self.hall = kinds
        else:
            self.hall = Hall(list(kinds), **{"secret": SECRET, "lobby": True, "clock": ManualClock(), **settings})
        if not isinstance(self.hall.clock, ManualClock):
            raise ValueError("make the hall with clock=ManualClock(): a test moves the time")
        super().__init__(self.hall.clock)

    def create(self, kind: str, options: Any = None, **settings: Any) -> Room:
        """Makes a room; see `Hall.create`."""
        return self.hall.create(kind, options, **settings)

    def join(
        self,
        where: Room | Seat | str,
        *nodes: Node,
        scenes: Scenes | None = None,
        delay: float = 0.0,
        wait: bool = True,
    ) -> Player:
        """Lets a player join a room.

        Args:
            where: a room, its code, a seat of the lobby, or a path such as `/`.
            nodes: for the root of the player's tree. They must be there before the connection.
            scenes: the classes of scenes that a MultiplayerSpawner makes.
            delay: seconds that each byte is on its way.
            wait: False returns before the connection is open.

        Returns:
            The player, whose connection is open.

        Raises:
            HandshakeError: the hall refused; `status` and `detail` say why.
            TransportError: the connection ended before it was open.
        """
        return self._join(Player(self._serve, self.clock, url_of(where), nodes, scenes, delay), wait)

    def move(self, room: Room) -> Room:
        """Moves a room as a cluster does: saves it, ends it here, and restores it under the same code.

        The connections of all players end. `Player.connect` brings a player back.

        Returns:
            The restored room, another object.

        Raises:
            ValueError: the room's `save` returns None, or something that is no bytes.
            RoomError: `on_create` or `restore` failed.
        """
        data = room.save()
        life = self.hall.life_of(room.code)
        if not isinstance(data, bytes | bytearray) or life is None:
            raise ValueError(f"{room!r} cannot be moved: save() returned {type(data).__name__}")
        saved = life.saved(bytes(data))
        for connection in life.move():
            connection.close(1012, "the room has moved")
        self.run_until(lambda: all(player.is_over for player in self.players if room.code in player.url))
        return self.hall.restore(saved)

    def _serve(self, stream: Any) -> None:
        self.hall.server.take_stream(stream)

    def _poll_server(self) -> None:
        self.hall.poll()

    def close(self) -> None:
        """Ends the hall; all players are disconnected."""
        self.hall.close()


def url_of(where: Room | Seat | str) -> str:
    """Returns the URL that leads to a room, a seat or a path."""
    path = where if isinstance(where, str) else f"/room/{where.code}" if isinstance(where, Room) else where.url
    if "://" in path:  # a seat: a hall without a port has no host
        path = "/" + path.split("/", 3)[3]
    return f"ws://localhost{path if path.startswith('/') else f'/room/{path}'}"
