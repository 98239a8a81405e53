"""`@rpc`: declares methods of a node that other sides may call, and numbers them.

    class Main(Node):
        @rpc("any_peer", "call_local")
        def say(self, text: str) -> None: ...

    node.say("hi")                # here
    node.say.rpc("hi")            # on all other sides, and here because of call_local
    node.say.rpc_id(peer_id, "hi")

Calls travel by number: both sides sort the names of all their `@rpc` methods, inherited ones included, and number them
in that order. So both sides need the same names; a checksum over the names tells when they differ.

Layer: `multiplayer`. Source: reference godot4-wire sections D.2, D.3 and D.4.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from types import MethodType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from gdpeer.arguments import BOOL, INT, check_fields, wrong_type
from gdpeer.errors import Error
from gdpeer.multiplayer.api import RPCMode
from gdpeer.multiplayer.peer import TransferMode
from gdpeer.multiplayer.rpc._bound import BoundMethod, Declared
from gdpeer.multiplayer.rpc.arguments import Checker
from gdpeer.multiplayer.rpc.async_methods import as_called
from gdpeer.multiplayer.rpc.method_table import Method, MethodTable

if TYPE_CHECKING:
    from gdpeer.multiplayer.tree import Node

__all__ = [
    "RpcConfig",
    "RpcMethod",
    "check_callable",
    "check_name",
    "class_table",
    "collect_methods",
    "node_table",
    "rpc",
]

P = ParamSpec("P")
R = TypeVar("R")

OWN_ENTRY = 0x8000
"""This bit is set in the numbers of methods that were configured for one node (`Node.rpc_config`)."""


@dataclass(frozen=True, slots=True)
class RpcConfig:
    """How other sides may call a method.

    Attributes:
        rpc_mode: which peers may call the method. Default: AUTHORITY.
        call_local: True also calls the method here when it is called on all sides. Default: False.
        transfer_mode: has no effect over WebSocket, which is always reliable.
        channel: has no effect over WebSocket.
    """

    rpc_mode: RPCMode = RPCMode.AUTHORITY
    call_local: bool = False
    transfer_mode: TransferMode = TransferMode.RELIABLE
    channel: int = 0

    def __post_init__(self) -> None:
        check_fields(self, rpc_mode=INT, call_local=BOOL, transfer_mode=INT, channel=INT)

    def is_open(self) -> bool:
        """Whether every peer may call the method, on every side."""
        return self.rpc_mode == RPCMode.ANY_PEER

    @classmethod
    def of(cls, entries: Mapping[str, Any]) -> RpcConfig:
        """Returns the configuration from a dictionary of the engine's `rpc_config`.

        Raises:
            ValueError: a key is unknown, or a value is not one of the engine's.
        """
        known = dict(entries)
        mode = RPCMode(known.pop("rpc_mode", RPCMode.AUTHORITY))
        transfer = TransferMode(known.pop("transfer_mode", TransferMode.RELIABLE))
        config = cls(mode, bool(known.pop("call_local", False)), transfer, int(known.pop("channel", 0)))
        if known:
            raise ValueError(f"unknown in an rpc configuration: {', '.join(map(repr, known))}")
        return config

    @classmethod
    def of_words(cls, words: Iterable[str | int]) -> RpcConfig:
        """Returns the configuration from the words of `@rpc(...)`.

        Raises:
            ValueError: a word is unknown, or two words set the same option.
        """
        entries: dict[str, Any] = {}
        for word in words:
            if isinstance(word, int) and not isinstance(word, bool):
                key, value = "channel", word
            elif not isinstance(word, str | int):
                raise wrong_type("rpc", "words", "words and a channel's number", word)
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


def check_callable(function: Callable[..., Any]) -> None:
    """Raises TypeError for a generator, because a call would not run its body."""
    is_async = inspect.isasyncgenfunction(function)
    if is_async or inspect.isgeneratorfunction(function):
        name = getattr(function, "__qualname__", repr(function))
        kind = "an async generator" if is_async else "a generator"
        raise TypeError(f"{name} is {kind}, and nobody would take what it yields: write it without yield")


def is_mangled(name: str) -> bool:
    """Whether Python changes this name inside a class: `__x` becomes `_Main__x`."""
    return name.startswith("__") and not name.endswith("__")


def check_name(name: str) -> None:
    """Raises ValueError for a name that Python changes inside a class, since no other side knows the changed name."""
    if is_mangled(name):
        raise ValueError(
            f"Python renames {name!r} within a class, and the other side would not know it; write a method "
            f"{name[1:]!r} and, below it in the class, locals()[{name!r}] = rpc(...)({name[1:]})"
        )


class RpcMethod(Declared, Generic[P, R]):
    """A method that other sides may call: the result of `@rpc`.

    Args:
        function: the decorated function.
        config: how other sides may call the method.
        name: the method's name in its class. "" takes the function's name.

    Attributes:
        checker: checks the arguments of calls from other sides.

    Raises:
        TypeError: `function` is not a function, or is a generator.
        ValueError: Python changes the name inside a class (`__x`).
    """

    def __init__(self, function: Callable[Concatenate[Any, P], R], config: RpcConfig, name: str = "") -> None:
        if not inspect.isfunction(function):
            raise TypeError(f"@rpc belongs on a method, not on {function!r}")
        check_callable(function)
        if not name:
            check_name(function.__name__)
        Declared.__init__(self, function, name or function.__name__)
        self.config = config
        self.checker = Checker(function)
        self.__isabstractmethod__ = getattr(function, "__isabstractmethod__", False)
        self.__doc__ = function.__doc__
        self.__name__ = self.name
        self.__wrapped__ = function

    if TYPE_CHECKING:

        @overload
        def __get__(self, node: None, owner: type) -> RpcMethod[P, R]: ...
        @overload
        def __get__(self, node: object, owner: type) -> BoundRpc[P, R]: ...
        def __get__(self, node: Any, owner: type) -> RpcMethod[P, R] | BoundRpc[P, R]: ...

    def __call__(self, *arguments: Any, **named: Any) -> R:
        """Calls the function, as in `Base.say(self, "hi")`."""
        result: R = self.function(*arguments, **named)
        return result


if TYPE_CHECKING:

    class BoundRpc(BoundMethod, Generic[P, R]):
        """A `BoundMethod` with the parameters of its function, for type checkers."""

        def __call__(self, *arguments: P.args, **named: P.kwargs) -> R: ...
        def rpc(self, *arguments: P.args, **named: P.kwargs) -> Error: ...
        def rpc_id(self, peer_id: int, *arguments: P.args, **named: P.kwargs) -> Error: ...


@overload
def rpc(function: Callable[Concatenate[Any, P], R], /) -> RpcMethod[P, R]: ...
@overload
def rpc(*words: str | int) -> Callable[[Callable[Concatenate[Any, P], R]], RpcMethod[P, R]]: ...
def rpc(*words: Any) -> Any:
    """Lets other sides call a method of a node.

    Before a call from another side runs the method, its arguments are checked against the annotations, and converted if
    nothing is lost. A method that overrides another one in a subclass keeps the words, even without `@rpc`. Type
    checkers do not know that: repeat `@rpc` for them.

    The method may be async if its tree runs in `gdpeer.aio`: a call from another side is a task, which ends with the
    tree. In any other tree such a call raises RuntimeError, which is logged.

    Args:
        words: `"any_peer"` or `"authority"` (the default): which peers may call. `"call_local"` or `"call_remote"` (the
            default): whether a call of all sides also runs here. `"reliable"` (the default), `"unreliable"` or
            `"unreliable_ordered"`, and the number of a channel: no effect over WebSocket.

    Raises:
        ValueError: a word is unknown, two words set the same option, or Python changes the name inside a class (`__x`).
        TypeError: the decorated object is not a function, or is a generator.
    """
    if len(words) == 1 and callable(words[0]):
        return RpcMethod(words[0], RpcConfig())
    config = RpcConfig.of_words(words)
    return lambda function: RpcMethod(function, config)


# ---------------------------------------------------------------------------------------------------- tables


_TABLES: dict[type, MethodTable] = {}


def class_table(node_class: type[Node]) -> MethodTable:
    """Returns the table of a class's `@rpc` methods, which is made once."""
    table = _TABLES.get(node_class)
    if table is None:
        found = sorted(collect_methods(node_class).items())
        table = _TABLES[node_class] = MethodTable(
            Method(name, number, method.config, method.function, method.checker)
            for number, (name, method) in enumerate(found)
        )
    return table


def node_table(node: Node, own: Mapping[str, RpcConfig | None], shared: MethodTable) -> MethodTable:
    """Returns the table of a node with its own entries: those first, then the methods of its class.

    An entry without a configuration takes a number, but can never be called, as in the engine.
    """
    entries = [
        _own_method(node, name, OWN_ENTRY | number, config)
        for number, (name, config) in enumerate(sorted(own.items(), key=itemgetter(0)))
        if config is not None
    ]
    return MethodTable([*entries, *shared.by_number.values()])


def _own_method(node: Node, name: str, number: int, config: RpcConfig) -> Method:
    method = getattr(node, name)
    if isinstance(method, BoundMethod):
        method = MethodType(method._method.function, method._node)
    if isinstance(method, MethodType) and method.__self__ is node:
        return Method(name, number, config, method.__func__, Checker(method.__func__))
    # A callable that was set on the node; it may be the method of another object.
    function = as_called(lambda _node, *arguments: method(*arguments), name, inspect.iscoroutinefunction(method))
    return Method(name, number, config, function, Checker(method, bound=True))


def collect_methods(node_class: type) -> dict[str, RpcMethod[Any, Any]]:
    """Returns all `@rpc` methods of a class, by their names in the class.

    A method without `@rpc` that overrides an `@rpc` method, also one of a mixin, keeps its configuration.

    Raises:
        TypeError: the overriding object is not a function, or is a generator.
        ValueError: Python changes the name of the overriding method (`__x`).
    """
    spaces = [vars(base) for base in node_class.__mro__]
    names = dict.fromkeys(name for space in spaces for name, one in space.items() if isinstance(one, RpcMethod))
    for name in filter(is_mangled, names):
        if f"_{node_class.__name__.lstrip('_')}{name}" in vars(node_class):
            check_name(name)
    return {name: _resolve(node_class, name, [space[name] for space in spaces if name in space]) for name in names}


def _resolve(node_class: type, name: str, found: list[Any]) -> RpcMethod[Any, Any]:
    """Returns the method of a class by its name; `found` holds the attributes with this name, nearest base first."""
    nearest = found[0]
    if isinstance(nearest, RpcMethod) and nearest.__name__ == name:
        return nearest
    config = next(one.config for one in found if isinstance(one, RpcMethod))
    function = nearest.function if isinstance(nearest, RpcMethod) else nearest
    method: RpcMethod[Any, Any] = RpcMethod(function, config, name)
    setattr(node_class, name, method)
    return method
