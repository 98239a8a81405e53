"""`@rpc`: which methods of a node other sides may call, and by which numbers.

    class Main(Node):
        @rpc("any_peer", "call_local")
        def say(self, text: str) -> None: ...

    node.say("hi")                # here
    node.say.rpc("hi")            # everywhere else, and here because of call_local
    node.say.rpc_id(peer_id, "hi")

Calls travel by number: both sides sort the names of all their `@rpc` methods, inherited ones included, and count. So
both need the same names; a checksum over them tells when they differ.

Layer: `multiplayer`. Source: reference godot4-wire sections D.2, D.3 and D.4.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from gdpeer.errors import Error
from gdpeer.multiplayer.api import RPCMode
from gdpeer.multiplayer.checking import Checker
from gdpeer.multiplayer.peer import TransferMode

if TYPE_CHECKING:
    from gdpeer.multiplayer.tree import Node

__all__ = ["Method", "MethodTable", "RpcConfig", "RpcMethod", "class_table", "collect_methods", "node_table", "rpc"]

P = ParamSpec("P")
R = TypeVar("R")

OWN_ENTRY = 0x8000
"""Set in the number of a method that was configured for one node (`Node.rpc_config`)."""


@dataclass(frozen=True, slots=True)
class RpcConfig:
    """How a method can be called from elsewhere.

    Attributes:
        rpc_mode: who may.
        call_local: whether calling everybody calls this side too.
        transfer_mode: without effect over WebSocket, which is reliable.
        channel: likewise.
    """

    rpc_mode: RPCMode = RPCMode.AUTHORITY
    call_local: bool = False
    transfer_mode: TransferMode = TransferMode.UNRELIABLE
    channel: int = 0

    @classmethod
    def of(cls, entries: Mapping[str, Any]) -> RpcConfig:
        """From a dictionary as the engine's `rpc_config` takes it.

        Raises:
            ValueError: an unknown key, or a value that is none of the engine's.
        """
        known = dict(entries)
        mode = RPCMode(known.pop("rpc_mode", RPCMode.AUTHORITY))
        transfer = TransferMode(known.pop("transfer_mode", TransferMode.UNRELIABLE))
        config = cls(mode, bool(known.pop("call_local", False)), transfer, int(known.pop("channel", 0)))
        if known:
            raise ValueError(f"unknown in an rpc configuration: {', '.join(map(repr, known))}")
        return config

    @classmethod
    def of_words(cls, words: Iterable[str | int]) -> RpcConfig:
        """From the words of `@rpc(...)`.

        Raises:
            ValueError: a word that is not known, or two of a kind.
        """
        entries: dict[str, Any] = {}
        for word in words:
            if isinstance(word, int) and not isinstance(word, bool):
                key, value = "channel", word
            elif word in _WORDS:
                key, value = _WORDS[word]
            else:
                raise ValueError(f"@rpc does not know {word!r}; it knows {', '.join(_WORDS)} and a channel's number")
            if key in entries:
                raise ValueError(f"@rpc says {key} twice: {word!r}")
            entries[key] = value
        return cls.of(entries)


_WORDS: dict[Any, tuple[str, Any]] = {
    "any_peer": ("rpc_mode", RPCMode.ANY_PEER),
    "authority": ("rpc_mode", RPCMode.AUTHORITY),
    "call_local": ("call_local", True),
    "call_remote": ("call_local", False),
    "reliable": ("transfer_mode", TransferMode.RELIABLE),
    "unreliable": ("transfer_mode", TransferMode.UNRELIABLE),
    "unreliable_ordered": ("transfer_mode", TransferMode.UNRELIABLE_ORDERED),
}


class RpcMethod(Generic[P, R]):
    """A method that other sides may call; what `@rpc` makes of a function.

    Attributes:
        function: the function itself.
        config: how it can be called.
        checker: of the arguments of a call from elsewhere.
    """

    def __init__(self, function: Callable[Concatenate[Any, P], R], config: RpcConfig) -> None:
        if not inspect.isfunction(function):
            raise TypeError(f"@rpc belongs on a method, not on {function!r}")
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"a method that others call cannot be async: {function.__qualname__}")
        self.function: Callable[..., R] = function
        self.config = config
        self.checker = Checker(function)
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__wrapped__ = function

    @overload
    def __get__(self, node: None, owner: type) -> RpcMethod[P, R]: ...
    @overload
    def __get__(self, node: object, owner: type) -> BoundRpc[P, R]: ...
    def __get__(self, node: Any, owner: type) -> RpcMethod[P, R] | BoundRpc[P, R]:
        return self if node is None else BoundRpc(node, self)

    def __call__(self, *arguments: Any, **named: Any) -> R:
        """Call the function: `Base.say(self, "hi")`."""
        return self.function(*arguments, **named)


class BoundRpc(Generic[P, R]):
    """A node's method: called here, or elsewhere by `rpc` and `rpc_id`."""

    __slots__ = ("_method", "_node")

    def __init__(self, node: Node, method: RpcMethod[P, R]) -> None:
        self._node = node
        self._method = method

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        """Call it here."""
        return self._method.function(self._node, *arguments, **named)

    def rpc(self, *arguments: P.args, **named: P.kwargs) -> Error:
        """Call it on every other side, and here where it says `call_local`; returns and raises as `Node.rpc_id`."""
        return self._node.rpc_id(0, self._method.__name__, *self._positional(arguments, named))

    def rpc_id(self, peer_id: int, *arguments: P.args, **named: P.kwargs) -> Error:
        """Call it on one side; returns and raises as `Node.rpc_id`."""
        return self._node.rpc_id(peer_id, self._method.__name__, *self._positional(arguments, named))

    def _positional(self, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
        """Names do not travel."""
        if not named:
            return arguments
        bound = inspect.signature(self._method.function).bind(self._node, *arguments, **named)
        bound.apply_defaults()
        if bound.kwargs:
            raise TypeError(f"keyword-only arguments cannot be sent: {', '.join(bound.kwargs)}")
        return bound.args[1:]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundRpc) and (self._node, self._method) == (other._node, other._method)

    def __hash__(self) -> int:
        return hash((self._node, self._method))

    def __repr__(self) -> str:
        return f"<rpc {self._method.function.__qualname__} of {self._node!r}>"


@overload
def rpc(function: Callable[Concatenate[Any, P], R], /) -> RpcMethod[P, R]: ...
@overload
def rpc(*words: str | int) -> Callable[[Callable[Concatenate[Any, P], R]], RpcMethod[P, R]]: ...
def rpc(*words: Any) -> Any:
    """Let other sides call a method of a node.

    Args:
        words: `"any_peer"` or `"authority"` (the default): who may; `"call_local"` or `"call_remote"` (the default):
            whether a call to all counts here too; `"reliable"`, `"unreliable"` (the default) or
            `"unreliable_ordered"`, and a channel's number, which mean nothing over WebSocket.

    Annotations of the method are checked, and values converted without loss, before a call from elsewhere reaches it.

    Raises:
        ValueError: a word that is not known, or two of a kind.
        TypeError: not a method, or an async one.
    """
    if len(words) == 1 and callable(words[0]):
        return RpcMethod(words[0], RpcConfig())
    config = RpcConfig.of_words(words)
    return lambda function: RpcMethod(function, config)


# ---------------------------------------------------------------------------------------------------- tables


class Method:
    """One entry of a table.

    Attributes:
        name: of the method.
        number: what stands for it in a packet.
        config: how it can be called.
        function: takes the node first.
        checker: of the arguments.
    """

    __slots__ = ("checker", "config", "function", "name", "number")

    def __init__(self, name: str, number: int, config: RpcConfig, function: Any, checker: Checker) -> None:
        self.name = name
        self.number = number
        self.config = config
        self.function = function
        self.checker = checker


class MethodTable:
    """The methods of a node, by number and by name.

    Attributes:
        by_number: the node's own entries first.
        by_name: what its class says counts where the node has an entry of its own too, as in Godot 4.
        own_first: by name; there the node's own counts, as in Godot 3.
        checksum: MD5 of all names, as both sides compute it.
    """

    __slots__ = ("by_name", "by_number", "checksum", "own_first")

    def __init__(self, methods: Iterable[Method]) -> None:
        self.by_number = {method.number: method for method in methods}
        self.by_name = {method.name: method for method in self.by_number.values()}
        self.own_first = {method.name: method for method in reversed(self.by_number.values())}
        names = "".join(method.name for method in self.by_number.values())
        self.checksum = hashlib.md5(names.encode(), usedforsecurity=False).hexdigest()

    @property
    def names(self) -> list[str]:
        """In the order of the numbers."""
        return [method.name for method in self.by_number.values()]


_TABLES: dict[type, MethodTable] = {}


def class_table(node_class: type[Node]) -> MethodTable:
    """The table of a class's `@rpc` methods, made once."""
    table = _TABLES.get(node_class)
    if table is None:
        found = sorted(node_class._rpc_methods.items())
        table = _TABLES[node_class] = MethodTable(
            Method(name, number, method.config, method.function, method.checker)
            for number, (name, method) in enumerate(found)
        )
    return table


def node_table(node: Node, own: Mapping[str, RpcConfig], shared: MethodTable) -> MethodTable:
    """The table of a node with entries of its own: those first, then the class's."""
    entries = [_own_method(node, name, OWN_ENTRY | number, own[name]) for number, name in enumerate(sorted(own))]
    return MethodTable([*entries, *shared.by_number.values()])


def _own_method(node: Node, name: str, number: int, config: RpcConfig) -> Method:
    method = getattr(node, name)
    function = method._method.function if isinstance(method, BoundRpc) else getattr(method, "__func__", None)
    if function is None:  # a callable that was put on the node
        return Method(name, number, config, lambda _node, *arguments: method(*arguments), Checker(method, bound=True))
    return Method(name, number, config, function, Checker(function))


def collect_methods(node_class: type) -> dict[str, RpcMethod[Any, Any]]:
    """All `@rpc` methods of a class.

    A method that overrides one without a decorator of its own keeps the configuration of what it overrides.
    """
    found: dict[str, RpcMethod[Any, Any]] = {}
    for base in reversed(node_class.__mro__[1:]):
        found.update({name: one for name, one in vars(base).items() if isinstance(one, RpcMethod)})
    for name, one in list(vars(node_class).items()):
        if name in found and inspect.isfunction(one):
            one = RpcMethod(one, found[name].config)
            setattr(node_class, name, one)
        if isinstance(one, RpcMethod):
            found[name] = one
    return found
