"""Tables of the methods that other sides may call: by number as they travel, by name as the game says them.

Layer: `multiplayer`; compiled (types in `method_table.pxd`). Source: reference godot4-wire sections D.2 and D.3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gdpeer.multiplayer.rpc.arguments import Checker
from gdpeer.multiplayer.rpc.async_methods import as_called

if TYPE_CHECKING:
    from gdpeer.multiplayer.rpc.decorator import RpcConfig
    from gdpeer.multiplayer.tree import Node

__all__ = ["Method", "MethodTable", "methods_of"]


class Method:
    """One entry of a table.

    Attributes:
        name: of the method.
        number: what stands for it in a packet.
        config: how it can be called.
        function: takes the node first; of an async method it starts the task.
        checker: of the arguments.
        is_open: whether everybody may call it.
        packs: whether arguments change before they are sent; see `Checker.pack`.
        call_local: of the configuration.
    """

    __slots__ = ("call_local", "checker", "config", "function", "is_open", "name", "number", "packs")

    def __init__(self, name: str, number: int, config: RpcConfig, function: Any, checker: Checker) -> None:
        self.name = name
        self.number = number
        self.config = config
        self.function = as_called(function, name)
        self.checker = checker
        self.is_open = config.is_open()
        self.call_local = config.call_local
        self.packs = checker.packs()


class MethodTable:
    """The methods of a node, by number and by name.

    Attributes:
        by_number: the node's own entries first.
        by_name: what its class says counts where the node has an entry of its own too, as in Godot 4.
        own_first: by name; there the node's own counts, as in Godot 3.
        checksum: MD5 of all names, as both sides compute it.
    """

    __slots__ = ("_was_inspected", "by_name", "by_number", "checksum", "own_first")

    def __init__(self, methods: Iterable[Method]) -> None:
        self._was_inspected = False
        self.by_number = {method.number: method for method in methods}
        self.by_name = {method.name: method for method in self.by_number.values()}
        self.own_first = {method.name: method for method in reversed(self.by_number.values())}
        names = "".join(method.name for method in self.by_number.values())
        self.checksum = hashlib.md5(names.encode(), usedforsecurity=False).hexdigest()

    def inspect(self) -> list[str]:
        """What is wrong with the annotations of the methods, a line for each; told once."""
        was_inspected, self._was_inspected = self._was_inspected, True
        return [] if was_inspected else [text for one in self.by_number.values() if (text := one.checker.problem())]

    @property
    def names(self) -> list[str]:
        """In the order of the numbers."""
        return [method.name for method in self.by_number.values()]


def methods_of(node: Node) -> MethodTable:
    """What can be called at a node from elsewhere."""
    table = node._gdpeer_table
    return node._gdpeer_methods() if table is None else table
