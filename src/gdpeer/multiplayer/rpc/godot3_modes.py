"""Godot 3's modes: which peers may call a method or set a property, and whether a call also runs here.

    class Main(Node):
        health = remote.var(100)

        @puppet
        def move_to(self, where: Vector2) -> None: ...

Layer: `multiplayer`. Source: reference godot3-wire section 3, "Modes".
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

from gdpeer.enums import NamedInt
from gdpeer.multiplayer.api import RPCMode
from gdpeer.multiplayer.peer import TransferMode
from gdpeer.multiplayer.rpc.decorator import RpcConfig, RpcMethod

if TYPE_CHECKING:
    from gdpeer.multiplayer.tree import Node

__all__ = [
    "Godot3Config",
    "Keyword",
    "Mode",
    "RemoteVar",
    "calls_here",
    "is_allowed",
    "master",
    "mastersync",
    "mode_of",
    "puppet",
    "puppetsync",
    "remote",
    "remotesync",
    "var_mode",
]

P = ParamSpec("P")
R = TypeVar("R")


class Mode(NamedInt):
    """MultiplayerAPI.RPCMode of Godot 3. `set_network_master` sets which side is the master of a node."""

    DISABLED = 0
    REMOTE = 1
    MASTER = 2
    PUPPET = 3
    SLAVE = 3
    REMOTESYNC = 4
    SYNC = 4
    MASTERSYNC = 5
    PUPPETSYNC = 6


def is_allowed(mode: Mode, is_master: bool, sender_is_master: bool) -> bool:
    """Whether a call or a set from another side is allowed.

    Args:
        mode: the mode of the method or property.
        is_master: whether this side is the node's master.
        sender_is_master: whether the sender is the node's master.
    """
    if mode in (Mode.REMOTE, Mode.REMOTESYNC):
        return True
    if mode in (Mode.MASTER, Mode.MASTERSYNC):
        return is_master
    return mode in (Mode.PUPPET, Mode.PUPPETSYNC) and not is_master and sender_is_master


def calls_here(mode: Mode, is_master: bool) -> tuple[bool, bool]:
    """Returns whether a call or a set also takes effect here, and whether it is sent to other sides."""
    if mode in (Mode.MASTER, Mode.MASTERSYNC) and is_master:
        return True, False
    return mode in (Mode.REMOTESYNC, Mode.MASTERSYNC, Mode.PUPPETSYNC) or (mode == Mode.PUPPET and not is_master), True


@dataclass(frozen=True, slots=True)
class Godot3Config(RpcConfig):
    """An `RpcConfig` that holds a mode of Godot 3."""

    mode: Mode = Mode.DISABLED

    def is_open(self) -> bool:
        """Whether every peer may call the method, on every side."""
        return self.mode in (Mode.REMOTE, Mode.REMOTESYNC)

    @classmethod
    def of_mode(cls, mode: Mode) -> Godot3Config:
        """Returns the configuration for a mode, with the nearest of Godot 4: the node's master is its authority."""
        nearest = RPCMode.AUTHORITY if mode in (Mode.PUPPET, Mode.PUPPETSYNC) else RPCMode.ANY_PEER
        everywhere = mode in (Mode.REMOTESYNC, Mode.MASTERSYNC, Mode.PUPPETSYNC)
        return cls(RPCMode.DISABLED if not mode else nearest, everywhere, TransferMode.RELIABLE, 0, mode)


def mode_of(config: RpcConfig) -> Mode:
    """Returns the mode of Godot 3 that is equal to a configuration."""
    if isinstance(config, Godot3Config):
        return config.mode
    if config.rpc_mode == RPCMode.DISABLED:
        return Mode.DISABLED
    if config.rpc_mode == RPCMode.ANY_PEER:
        return Mode.REMOTESYNC if config.call_local else Mode.REMOTE
    return Mode.PUPPETSYNC if config.call_local else Mode.PUPPET


class RemoteVar:
    """A property of a node that other sides may set; made by `remote.var(value)` and the other keywords.

    Args:
        mode: which peers may set the property.
        default: the initial value.
        accessor: a Python property that holds the value instead.

    Attributes:
        mode: which peers may set the property.
    """

    def __init__(self, mode: Mode, default: Any = None, accessor: property | None = None) -> None:
        self.mode = mode
        self._default = default
        self._accessor = accessor
        self._key = ""

    def __set_name__(self, owner: type, name: str) -> None:
        prefix = f"_{owner.__name__.lstrip('_')}__"
        if name.startswith(prefix):
            given = name[len(prefix) - 2 :]
            raise ValueError(
                f"Python renames {given!r} within a class, and the other side would not know it; "
                f"write locals()[{given!r}] = ...var(...)"
            )
        self._key = f"remote var {name}"

    def setter(self, function: Callable[[Any, Any], None]) -> RemoteVar:
        """Adds a setter function, as `property.setter` does."""
        if self._accessor is None:
            raise TypeError("only a property has a setter")
        return RemoteVar(self.mode, None, self._accessor.setter(function))

    def __get__(self, node: Any, owner: type) -> Any:
        if node is None:
            return self
        if self._accessor is not None:
            return self._accessor.__get__(node, owner)
        return vars(node).get(self._key, self._default)

    def __set__(self, node: Any, value: Any) -> None:
        if self._accessor is not None:
            self._accessor.__set__(node, value)
        else:
            vars(node)[self._key] = value


def var_mode(node: Node, name: str) -> Mode:
    """Returns the mode of a property of the node's class; DISABLED if other sides may not set it."""
    declared = inspect.getattr_static(type(node), name, None)
    return declared.mode if isinstance(declared, RemoteVar) else Mode.DISABLED


class Keyword:
    """One of Godot 3's keywords: decorates a method or a property, or declares a variable.

    Attributes:
        mode: which peers may call the method, or set the variable.
    """

    def __init__(self, name: str, mode: Mode) -> None:
        self._name = name
        self.mode = mode

    @overload
    def __call__(self, function: Callable[Concatenate[Any, P], R], /) -> RpcMethod[P, R]: ...
    @overload
    def __call__(self, function: property, /) -> Any: ...
    def __call__(self, function: Any, /) -> Any:
        """Lets other sides call the method, or set the property."""
        if isinstance(function, property):
            return RemoteVar(self.mode, None, function)
        return RpcMethod(function, Godot3Config.of_mode(self.mode))

    def var(self, default: Any = None) -> Any:
        """Declares a variable that other sides may set by `rset`.

        Args:
            default: the initial value. All nodes share it, so do not change it in place.
        """
        return RemoteVar(self.mode, default)

    def __repr__(self) -> str:
        return f"gdpeer.godot3.{self._name}"


remote = Keyword("remote", Mode.REMOTE)
"""The keyword `remote`: `Mode.REMOTE`."""
master = Keyword("master", Mode.MASTER)
"""The keyword `master`: `Mode.MASTER`."""
puppet = Keyword("puppet", Mode.PUPPET)
"""The keyword `puppet`: `Mode.PUPPET`."""
remotesync = Keyword("remotesync", Mode.REMOTESYNC)
"""The keyword `remotesync`: `Mode.REMOTESYNC`."""
mastersync = Keyword("mastersync", Mode.MASTERSYNC)
"""The keyword `mastersync`: `Mode.MASTERSYNC`."""
puppetsync = Keyword("puppetsync", Mode.PUPPETSYNC)
"""The keyword `puppetsync`: `Mode.PUPPETSYNC`."""
