"""What spawners and synchronizers have made of the nodes of one client, in two sessions, to compare them.

How often a SYNC comes, and when, differs from run to run. So only the last value of each property counts, and the order
of the SPAWNs and that of the DESPAWNs. Numbers of nodes are replaced by paths.

Layer: `inspection`; pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from gdpeer.errors import PacketError, VariantError
from gdpeer.inspection.decoded import Decoded, State, clipped, value_text
from gdpeer.inspection.replay_ids import Ids
from gdpeer.multiplayer.wire.godot4 import parse
from gdpeer.multiplayer.wire.replication import Despawn, Spawn, decode_values
from gdpeer.variant.text.text import var_to_str

__all__ = ["NODES", "Nodes", "SpawnOrDespawn", "StateDifference"]

NODES = ("spawn", "despawn")
"""The commands whose packets are compared one by one."""

NOTHING = "nothing"


class SpawnOrDespawn(NamedTuple):
    """A node that has come or gone.

    Attributes:
        source: the peer that has sent the packet.
        place: the node.
        scene: the number of the scene in the spawner's list; None for a DESPAWN.
        argument: of `spawn()`; empty without.
    """

    source: int | None
    place: str
    scene: int | None
    argument: tuple[Any, ...]

    def comparable(self, ids: Ids) -> tuple[object, ...]:
        """Returns what is compared, with the recorded peer ids."""
        argument = [written(ids.value_then(one)) for one in self.argument]
        return ids.then(self.source), ids.path_then(self.place), self.scene, *argument

    def summary(self) -> str:
        """Returns the node in words."""
        if not self.place:
            return "a node that was not spawned"
        if self.argument:
            return f"{clipped(self.place)}, spawn({value_text(self.argument[0], 4)})"
        return clipped(self.place) + ("" if self.scene is None else f", scene {self.scene}")


class StateDifference(NamedTuple):
    """A property whose last value differs. `label` is `NODE:PROPERTY`."""

    label: str
    expected: str
    got: str


class Nodes:
    """What a client has heard of nodes.

    Attributes:
        spawns, despawns: in their order.
        values: the last value of each property, by node or synchronizer and by the property's name.
        version: rises with each change of the values.
    """

    def __init__(self) -> None:
        self.spawns: list[SpawnOrDespawn] = []
        self.despawns: list[SpawnOrDespawn] = []
        self.values: dict[str, dict[str, Any]] = {}
        self.version = 0

    @property
    def count(self) -> int:
        """How many nodes have come and gone."""
        return len(self.spawns) + len(self.despawns)

    def note_node(self, decoded: Decoded, payload: bytes) -> None:
        """Takes note of a SPAWN or DESPAWN; `payload` is the packet."""
        packet = parse(payload)
        if isinstance(packet, Spawn):
            argument = () if packet.argument is None else (argument_of(packet.argument),)
            self.spawns.append(SpawnOrDespawn(decoded.source, decoded.place, packet.scene, argument))
        elif isinstance(packet, Despawn):
            self.despawns.append(SpawnOrDespawn(decoded.source, decoded.place, None, ()))

    def note_values(self, decoded: Decoded) -> None:
        """Takes note of the values of a SPAWN, a SYNC or a delta."""
        self.version += 1
        for state in decoded.states:
            if decoded.command == "spawn":
                for place in [place for place in self.values if f"{place}/".startswith(f"{state.place}/")]:
                    del self.values[place]
                self.values[state.place] = {}
            for name, value in named_values(decoded.command, state):
                self._place_of(state.place, name)[name] = value

    def _place_of(self, place: str, name: str) -> dict[str, Any]:
        """Returns where a value belongs: to the spawned node if its SPAWN had the property, else to a synchronizer."""
        above = place
        while above:
            values = self.values.get(above)
            if values is not None and name in values:
                return values
            above = above.rpartition("/")[0]
        return self.values.setdefault(place, {})

    # ------------------------------------------------------------------------------------------ comparing

    def differences(self, now: Nodes, ids: Ids, ignored: Sequence[str]) -> list[StateDifference]:
        """Returns the properties whose last value differs in another session.

        Args:
            now: the other session.
            ids: the recorded and the new peer ids.
            ignored: globs for a property or `NODE:PROPERTY`.
        """
        others = {ids.path_then(place): values for place, values in now.values.items()}
        unequal = {one.place for one in self.spawns} ^ {ids.path_then(one.place) for one in now.spawns}
        found = []
        for place in dict.fromkeys((*self.values, *others)):
            if any(f"{place}/".startswith(f"{above}/") for above in unequal):
                continue  # the missing SPAWN is a difference already
            ours, theirs = self.values.get(place, {}), others.get(place, {})
            for name in dict.fromkeys((*ours, *theirs)):
                expected, got = shown(ours, name, None), shown(theirs, name, ids)
                if expected[0] != got[0] and not is_ignored(place, name, ignored):
                    found.append(StateDifference(f"{clipped(place)}:{clipped(name)}", expected[1], got[1]))
        return found


def argument_of(data: bytes) -> Any:
    """Returns the argument of `spawn()`; the bytes if they are damaged."""
    try:
        return decode_values(data, 1)[0][0]
    except PacketError:
        return data


def named_values(command: str, state: State) -> Iterator[tuple[str, Any]]:
    """Yields the values of a state with the names of their properties, or with their places: `SYNC #0`."""
    if state.values is None:
        yield f"{command.upper()}", f"{state.size} bytes, not decoded"
        return
    for index, value in enumerate(state.values):
        name = state.properties[index] if state.properties else f"#{index}"
        yield f"{command.upper()} {name}" if name.startswith("#") else name, value


def shown(values: dict[str, Any], name: str, ids: Ids | None) -> tuple[str, str]:
    """Returns a value as text to compare and as text to show; `ids` replaces new peer ids in the first."""
    if name not in values:
        return "", NOTHING
    value = values[name]
    return written(value if ids is None else ids.value_then(value)), value_text(value, 4)


def written(value: Any) -> str:
    """Returns the whole text of a value."""
    try:
        return var_to_str(value)
    except VariantError:
        return repr(value)


def is_ignored(place: str, name: str, globs: Sequence[str]) -> bool:
    """Returns whether a glob matches a property: by its name, by the last part of its name, or with its node."""
    called = (name, name.rpartition(":")[2], f"{place}:{name}")
    return any(fnmatchcase(one, glob) for glob in globs for one in called)
