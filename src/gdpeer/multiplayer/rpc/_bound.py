"""`BoundMethod`: a method that other sides may call, of one node; and the way that a call of it takes.

That way is `Node.rpc_id`, `Node.multiplayer` and the API's `rpc`. Compiled, it is gone at once where all three are as
gdpeer has them; otherwise, and uncompiled, step by step.

Layer: `multiplayer`; compiled (types in `_bound.pxd`).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gdpeer.arguments import check_id
from gdpeer.multiplayer.godot4._scene import SceneBase
from gdpeer.multiplayer.rpc.arguments import signature_of

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.gdpeer.multiplayer._kernels import is_method

if TYPE_CHECKING:
    from gdpeer.errors import Error
    from gdpeer.multiplayer.tree import Node

__all__ = ["BoundMethod", "Declared", "let_go_past"]

_PLACE = inspect.Parameter.POSITIONAL_OR_KEYWORD

_API_RPC: Any = SceneBase.rpc
_NODE_RPC: Any = None
_NODE_API: Any = None


def let_go_past(node_class: type[Node]) -> None:
    """Say which class is `Node`: what its `rpc_id` and `multiplayer` do is known here."""
    global _NODE_RPC, _NODE_API
    _NODE_RPC = node_class.rpc_id
    _NODE_API = node_class.multiplayer


class Declared:
    """What `RpcMethod` is over, in whatever language.

    Attributes:
        function: the function itself.
        name: by which the class knows it.
    """

    def __init__(self, function: Any, name: str) -> None:
        self.function = function
        self.name = name

    def __get__(self, node: Any, owner: type) -> Any:
        """A node's own method; on the class this one."""
        return self if node is None else new_bound(node, self)


class BoundMethod:
    """A node's method: called here, or elsewhere by `rpc` and `rpc_id`."""

    __slots__ = ("_method", "_node")

    def begin(self, node: Node, method: Declared) -> None:
        """Set up; `new_bound` does so."""
        self._node = node
        self._method = method

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call it here."""
        return self._method.function(self._node, *arguments, **named)

    def rpc(self, *arguments: Any, **named: Any) -> Error:
        """Call it on every other side, and here where it says `call_local`; returns and raises as `Node.rpc_id`."""
        places = self._places(arguments, named) if named else arguments
        if cython.compiled:
            return self._call(0, places)
        return self._node.rpc_id(0, self._method.name, *places)

    def rpc_id(self, peer_id: int, *arguments: Any, **named: Any) -> Error:
        """Call it on one side; returns and raises as `Node.rpc_id`."""
        if type(peer_id) is not int:
            check_id("rpc_id", peer_id)
        places = self._places(arguments, named) if named else arguments
        if cython.compiled:
            return self._call(peer_id, places)
        return self._node.rpc_id(peer_id, self._method.name, *places)

    def _call(self, peer_id: int, arguments: tuple[Any, ...]) -> Error:  # compiled only
        node: Any = self._node
        name = self._method.name
        start = node.rpc_id
        if is_method(start, _NODE_RPC) and type(node).multiplayer is _NODE_API:
            found = node._gdpeer_api
            if isinstance(found, SceneBase) and is_method(found.rpc, _API_RPC):
                api = found  # a C type once compiled (_bound.pxd)
                return api._rpc(peer_id, node, name, arguments)
        error: Error = start(peer_id, name, *arguments)
        return error

    def _places(self, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
        """Names do not travel: what stands between is filled by the defaults, what comes behind is left out."""
        bound = signature_of(self._method.function).bind(self._node, *arguments, **named)
        parameters = bound.signature.parameters
        placeless = [name for name in named if name not in parameters or parameters[name].kind is not _PLACE]
        if placeless:
            raise TypeError(f"keyword-only arguments cannot be sent: {', '.join(placeless)}")
        given = set(bound.arguments)
        bound.apply_defaults()
        while next(reversed(bound.arguments)) not in given:
            bound.arguments.popitem()
        return bound.args[1:]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundMethod) and (self._node, self._method) == (other._node, other._method)

    def __hash__(self) -> int:
        return hash((self._node, self._method))

    def __repr__(self) -> str:
        return f"<rpc {self._method.function.__qualname__} of {self._node!r}>"


def new_bound(node: Node, method: Declared) -> BoundMethod:
    """A method of one node."""
    bound = BoundMethod.__new__(BoundMethod)
    bound.begin(node, method)
    return bound
