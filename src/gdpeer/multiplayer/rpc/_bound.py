"""`BoundMethod`: a method of one node that other sides may call; `CallSender`: the API that sends its calls.

Layer: `multiplayer`; compiled (types in `_bound.pxd`).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gdpeer.arguments import check_id
from gdpeer.multiplayer.rpc.arguments import signature_of

if TYPE_CHECKING:
    from gdpeer.errors import Error
    from gdpeer.multiplayer.tree import Node

__all__ = ["BoundMethod", "CallSender", "Declared"]

_PLACE = inspect.Parameter.POSITIONAL_OR_KEYWORD


class CallSender:
    """The compiled base class of an API, so that compiled callers find `rpc` without a search at run time."""

    def rpc(self, peer_id: int, node: Node, method: str, arguments: Sequence[Any] = ()) -> Error:
        """Calls `method` of the same node on other sides; see `MultiplayerAPI.rpc`."""
        raise NotImplementedError


class Declared:
    """The compiled base class of `RpcMethod`.

    Attributes:
        function: the function that `@rpc` decorates.
        name: the method's name in its class.
    """

    def __init__(self, function: Any, name: str) -> None:
        self.function = function
        self.name = name

    def __get__(self, node: Any, owner: type) -> Any:
        """Returns the method of a node; on the class this object itself."""
        return self if node is None else new_bound(node, self)


class BoundMethod:
    """The method of a node: call it here, or on other sides by `rpc` and `rpc_id`."""

    __slots__ = ("_method", "_node")

    def begin(self, node: Node, method: Declared) -> None:
        """Sets the fields, for `new_bound`."""
        self._node = node
        self._method = method

    @property
    def __func__(self) -> Any:
        """The function, as methods of Python have it."""
        return self._method.function

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Calls the method on this side only."""
        return self._method.function(self._node, *arguments, **named)

    def rpc(self, *arguments: Any, **named: Any) -> Error:
        """Calls the method on every other side, and here with `call_local`; returns and raises as `Node.rpc_id`."""
        return self._call(0, self._places(arguments, named) if named else arguments)

    def rpc_id(self, peer_id: int, *arguments: Any, **named: Any) -> Error:
        """Calls the method on one side; returns and raises as `Node.rpc_id`."""
        if type(peer_id) is not int:
            check_id("rpc_id", peer_id)
        return self._call(peer_id, self._places(arguments, named) if named else arguments)

    def _call(self, peer_id: int, arguments: tuple[Any, ...]) -> Error:
        node = self._node
        # Call the API directly if the node has found it, and its class overrides neither `rpc_id` nor `multiplayer`.
        api: Any = node._gdpeer_api if node._gdpeer_calls_api else None
        if isinstance(api, CallSender):
            sender: CallSender = api  # a C type once compiled (_bound.pxd)
            return sender.rpc(peer_id, node, self._method.name, arguments)
        return node.rpc_id(peer_id, self._method.name, *arguments)

    def _places(self, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
        """Returns all arguments by position, because packets have no argument names.

        Defaults fill the positions between. Defaults behind the last given argument are not sent.
        """
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
    """Returns the method of a node; faster than a call of the class."""
    bound = BoundMethod.__new__(BoundMethod)
    bound.begin(node, method)
    return bound
