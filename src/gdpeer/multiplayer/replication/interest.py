"""`InterestGrid`: shows each peer the nodes that are near it.

Space is divided into square cells. Only a node or a peer that enters another cell is looked at again, so that the cost
grows with what moves and not with what exists.

Layer: `multiplayer`.
"""

from __future__ import annotations

import math
from typing import ClassVar, Generic, TypeAlias, TypeVar

from gdpeer.arguments import NUMBER, checked, wrong_type
from gdpeer.attributes import Guarded
from gdpeer.multiplayer.replication.synchronizer import MultiplayerSynchronizer
from gdpeer.variant.math.real_vectors import Vector2, Vector3

__all__ = ["InterestGrid"]

Cell: TypeAlias = tuple[int, int]
One = TypeVar("One")
Other = TypeVar("Other")

MOST_CELLS = 32
"""The most cells that a radius may have: a node or peer that enters a cell looks at the square of twice this number."""


class _Places(Generic[One, Other]):
    """Where the nodes or the peers are, and with which of the others each makes a visible pair."""

    def __init__(self) -> None:
        self.cells: dict[One, Cell] = {}
        self.members: dict[Cell, dict[One, None]] = {}
        self.pairs: dict[One, dict[Other, None]] = {}

    def put(self, one: One, cell: Cell) -> None:
        """Moves one to a cell."""
        self._leave(one)
        self.cells[one] = cell
        self.members.setdefault(cell, {})[one] = None
        self.pairs.setdefault(one, {})

    def drop(self, one: One) -> list[Other]:
        """Forgets one; returns those that it made a visible pair with."""
        self._leave(one)
        self.cells.pop(one, None)
        return list(self.pairs.pop(one, ()))

    def _leave(self, one: One) -> None:
        cell = self.cells.get(one)
        if cell is not None:
            members = self.members[cell]
            del members[one]
            if not members:
                del self.members[cell]

    def around(self, cell: Cell, offsets: list[Cell]) -> list[One]:
        """Returns those in the cells at some offsets from a cell."""
        x, y = cell
        members = self.members
        return [one for right, down in offsets for one in members.get((x + right, y + down), ())]


def _offsets(cell_size: float, reach: float) -> list[Cell]:
    """Returns the offsets between two cells, some point of which are within reach of each other."""
    most = math.floor(reach / cell_size) + 1
    span = range(-most, most + 1)
    gap = [max(abs(steps) - 1, 0) * cell_size for steps in span]
    return [
        (span[i], span[j]) for i in range(len(span)) for j in range(len(span)) if math.hypot(gap[i], gap[j]) <= reach
    ]


class InterestGrid(Guarded):
    """Decides by distance which peers see which nodes, and calls `set_visibility_for` for the pairs that change.

        grid = InterestGrid(cell_size=100, radius=600)
        grid.add(coin.get_node("Sync"), coin.position)    # before add_child, so that distant peers get no SPAWN
        grid.watch(peer_id, player.position)              # again, whenever the player moves

    A peer sees each synchronizer within `radius`, and none that is farther away than `radius + margin` and three cells.
    Between the two the visibility stays as it was, so that a node that moves back and forth at the border does not
    appear and disappear each time.

    Of a Vector3 the grid reads x and z: height does not count.

    Args:
        cell_size: side of a cell, in the units of the world. A tenth to a quarter of `radius` is a good size: small
            cells are more exact, large ones are left less often.
        radius: how far a peer sees, in the same units.
        margin: how much farther a node stays visible that was visible. None: two cells.

    Raises:
        ValueError: `cell_size` is not more than 0, `radius` or `margin` is negative, one of them is not finite, or
            `radius` is more than 32 cells.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    @checked(cell_size=NUMBER, radius=NUMBER)
    def __init__(self, cell_size: float, radius: float, margin: float | None = None) -> None:
        margin = 2.0 * cell_size if margin is None else margin
        if not (0 < cell_size < math.inf and 0 <= radius < math.inf and 0 <= margin < math.inf):
            raise ValueError("cell_size must be more than 0, radius and margin not negative, and all three finite")
        if radius > MOST_CELLS * cell_size:
            raise ValueError(f"radius must be at most {MOST_CELLS} cells: take larger cells")
        self._cell_size = cell_size
        self._near = _offsets(cell_size, radius)
        self._kept = frozenset(_offsets(cell_size, radius + margin))
        self._seen: _Places[MultiplayerSynchronizer, int] = _Places()
        self._watching: _Places[int, MultiplayerSynchronizer] = _Places()

    def add(self, synchronizer: MultiplayerSynchronizer, position: Vector2 | Vector3) -> None:
        """Begins to decide who sees a synchronizer: sets `public_visibility` to False, and shows it to near peers.

        A spawned node is visible where any of its synchronizers is. Add the synchronizers that this side owns.
        """
        if not isinstance(synchronizer, MultiplayerSynchronizer):
            raise wrong_type("add", "synchronizer", "a MultiplayerSynchronizer", synchronizer)
        if synchronizer in self._seen.cells:
            self.move(synchronizer, position)
            return
        cell = self._cell(position)
        self._seen.put(synchronizer, cell)
        synchronizer.public_visibility = False
        self._show_near(synchronizer, cell)

    def move(self, synchronizer: MultiplayerSynchronizer, position: Vector2 | Vector3) -> None:
        """Takes note of a synchronizer's new position. Nothing else happens until it enters another cell.

        Raises:
            ValueError: the synchronizer was not added, or the position is not finite.
        """
        before = self._seen.cells.get(synchronizer)
        if before is None:
            raise ValueError(f"move() is for a synchronizer that was added: {synchronizer!r}")
        cell = self._cell(position)
        if cell == before:
            return
        self._seen.put(synchronizer, cell)
        self._show_near(synchronizer, cell)
        for peer_id in list(self._seen.pairs[synchronizer]):
            if not self._keeps(cell, self._watching.cells[peer_id]):
                self._hide(synchronizer, peer_id)

    def remove(self, synchronizer: MultiplayerSynchronizer) -> None:
        """Forgets a synchronizer, for instance when its node is freed. Its visibility stays as it is."""
        for peer_id in self._seen.drop(synchronizer):
            del self._watching.pairs[peer_id][synchronizer]

    def watch(self, peer_id: int, position: Vector2 | Vector3) -> None:
        """Sets the position from which a peer looks. Call this again whenever that position changes.

        Raises:
            ValueError: the position is not finite.
        """
        cell = self._cell(position)
        if cell == self._watching.cells.get(peer_id):
            return
        self._watching.put(peer_id, cell)
        for synchronizer in self._seen.around(cell, self._near):
            self._show(synchronizer, peer_id)
        for synchronizer in list(self._watching.pairs[peer_id]):
            if not self._keeps(cell, self._seen.cells[synchronizer]):
                self._hide(synchronizer, peer_id)

    def unwatch(self, peer_id: int) -> None:
        """Hides all synchronizers from a peer, for instance when the peer has left."""
        for synchronizer in self._watching.drop(peer_id):
            del self._seen.pairs[synchronizer][peer_id]
            synchronizer.set_visibility_for(peer_id, False)

    # ------------------------------------------------------------------------------------------ pairs

    def _cell(self, position: Vector2 | Vector3) -> Cell:
        across = position.z if isinstance(position, Vector3) else position.y
        try:
            return math.floor(position.x / self._cell_size), math.floor(across / self._cell_size)
        except (ValueError, OverflowError):
            raise ValueError(f"the position is not finite: {position}") from None

    def _keeps(self, one: Cell, other: Cell) -> bool:
        return (one[0] - other[0], one[1] - other[1]) in self._kept

    def _show_near(self, synchronizer: MultiplayerSynchronizer, cell: Cell) -> None:
        for peer_id in self._watching.around(cell, self._near):
            self._show(synchronizer, peer_id)

    def _show(self, synchronizer: MultiplayerSynchronizer, peer_id: int) -> None:
        pairs = self._seen.pairs[synchronizer]
        if peer_id not in pairs:
            pairs[peer_id] = None
            self._watching.pairs[peer_id][synchronizer] = None
            synchronizer.set_visibility_for(peer_id, True)

    def _hide(self, synchronizer: MultiplayerSynchronizer, peer_id: int) -> None:
        del self._seen.pairs[synchronizer][peer_id]
        del self._watching.pairs[peer_id][synchronizer]
        synchronizer.set_visibility_for(peer_id, False)
