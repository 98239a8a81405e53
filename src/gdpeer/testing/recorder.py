"""`recorder_of` copies a node for a player in a test: the copy's `@rpc` methods only record their calls.

Both sides of Godot's multiplayer need nodes of the same names with the same methods; the copy has them.

Layer: `testing`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from gdpeer.multiplayer.replication.spawner import MultiplayerSpawner
from gdpeer.multiplayer.replication.synchronizer import MultiplayerSynchronizer
from gdpeer.multiplayer.rpc.decorator import OWN_ENTRY, RpcMethod, class_table
from gdpeer.multiplayer.rpc.method_table import methods_of
from gdpeer.multiplayer.tree import Node

__all__ = ["Call", "recorder_of"]


class Call(NamedTuple):
    """A call from another side that a player has recorded.

    Attributes:
        path: of the node, as `/root/Main`.
        method: its name.
        arguments: as they arrived.
    """

    path: str
    method: str
    arguments: tuple[Any, ...]


_CLASSES: dict[type[Node], type[Recorder]] = {}


class Recorder(Node):
    """The copy of a node.

    Args:
        name: of the node.
        calls: the list to add calls to.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("recorded",)

    def __init__(self, name: str, calls: list[Call]) -> None:
        super().__init__(name)
        self.recorded = calls


def recorder_of(node: Node, calls: list[Call]) -> Recorder:
    """Returns the copy of a node and all nodes below, except spawners and synchronizers.

    Args:
        node: of the server.
        calls: the list to which the copy's methods add their calls.
    """
    copy = recorder_class(type(node))(node.name, calls)
    for number, method in methods_of(node).by_number.items():
        if number & OWN_ENTRY:
            setattr(copy, method.name, recording(method.name).__get__(copy))
            copy.rpc_config(method.name, method.config)
    copy.set_multiplayer_authority(node.get_multiplayer_authority())
    for child in node.get_children():
        if not isinstance(child, MultiplayerSpawner | MultiplayerSynchronizer):
            copy.add_child(recorder_of(child, calls))
    return copy


def recorder_class(kind: type[Node]) -> type[Recorder]:
    """Returns the class of copies of nodes of a class. Other sides may call its methods as those of the original."""
    if kind not in _CLASSES:
        methods = class_table(kind).by_name.values()
        recorded = {one.name: RpcMethod(recording(one.name), one.config, one.name) for one in methods}
        _CLASSES[kind] = type(kind.__name__, (Recorder,), recorded)
    return _CLASSES[kind]


def recording(name: str) -> Callable[..., None]:
    """Returns a function that records the calls of a method."""

    def record(self: Recorder, *arguments: Any) -> None:
        self.recorded.append(Call(str(self.get_path()), name, arguments))

    return record
