"""`RawScene`: a received node of a scene that is not registered. It shows its values as they came.

Layer: `multiplayer`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from gdpeer.errors import PacketError
from gdpeer.multiplayer.tree import Node
from gdpeer.multiplayer.wire.replication import decode_values

__all__ = ["RawScene"]


class RawScene(Node):
    """A node that another side has spawned, of a scene that has no class here (`Scenes.register`).

    `spawn()` on the other side makes a RawScene, too, if the spawner has no `spawn_function` here.

    Nothing tells the names of its properties here, so values come in the order of the scene's configuration.

    Attributes:
        spawn_data: the argument of `spawn()`; None for a scene of the spawner's list.
        spawned_values: the values of the SPAWN, of all synchronizers in a row.
        always_values: the last values of the properties with the mode ALWAYS, one list for each synchronizer.
        watched_values: the last values of the properties with the mode ON_CHANGE, by their number, one dictionary for
            each synchronizer.
        synchronized: signal (): values were received.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("always_values", "spawn_data", "spawned_values", "watched_values")

    def __init__(self, name: str, path: str, count: int) -> None:
        super().__init__(name)
        self.scene_file_path = path
        self.spawn_data: Any = None
        self.spawned_values: list[Any] = []
        self.always_values: list[list[Any]] = [[] for _ in range(count)]
        self.watched_values: list[dict[int, Any]] = [{} for _ in range(count)]

    def receive(self, index: int, mask: int | None, data: bytes) -> None:
        """Takes the values of a SYNC (mask None) or a delta.

        Raises:
            PacketError: a value is damaged.
        """
        values, _ = decode_values(data, None)
        if mask is None:
            self.always_values[index] = values
        else:
            numbers = [number for number in range(64) if mask >> number & 1]
            if len(numbers) != len(values):
                raise PacketError(f"a delta with {len(values)} values for {len(numbers)} properties")
            self.watched_values[index].update(zip(numbers, values, strict=True))
        self.emit_signal("synchronized")
