"""Tables of the methods that other sides may call: by number for packets, by name for the game.

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
        name: the method's name.
        number: the method's number in packets.
        config: how other sides may call the method.
        function: takes the node first. For an async method it starts the task.
        checker: checks the arguments.
        is_open: whether every peer may call the method.
        packs: whether arguments may change before they are sent; see `Checker.pack`.
        call_local: whether a call of all sides also runs here.
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
        by_number: all methods, the node's own entries first.
        by_name: by name. If the node has its own entry for a method of its class, the class's counts, as in Godot 4.
        own_first: by name. If the node has its own entry for a method of its class, the node's counts, as in Godot 3.
        checksum: the MD5 of all names, as the engine computes it.
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
        """Returns a line for each method whose annotations cannot be used; from the second call on an empty list."""
        was_inspected, self._was_inspected = self._was_inspected, True
        return [] if was_inspected else [text for one in self.by_number.values() if (text := one.checker.problem())]

    @property
    def names(self) -> list[str]:
        """The names, in the order of the numbers."""
        return [method.name for method in self.by_number.values()]


def methods_of(node: Node) -> MethodTable:
    """Returns the methods of a node that other sides may call."""
    table = node._gdpeer_table
    return node._gdpeer_methods() if table is None else table
