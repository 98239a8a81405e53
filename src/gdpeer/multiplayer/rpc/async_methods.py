"""Async `@rpc` methods: each call from elsewhere is a task, where the tree runs in asyncio.

The tree of `gdpeer.aio.multiplayer_server` and `multiplayer_client` has a `Tasks`, which starts them and ends them with
the tree. Elsewhere nothing would ever run such a method, so that the call raises, and says what to do.

Layer: `multiplayer`; knows nothing of asyncio.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from gdpeer.multiplayer.tree import Node, SceneTree

__all__ = ["CALLER", "Tasks", "as_called", "use_tasks"]

CALLER: ContextVar[int] = ContextVar("gdpeer_caller", default=0)
"""Within such a task: who called."""

_NO_LOOP = (
    "{} is an async method, and this tree does not run in asyncio: use gdpeer.aio.multiplayer_server() or "
    "gdpeer.aio.multiplayer_client(), or write the method without async"
)


class Tasks(Protocol):
    """Starts the coroutines of a tree."""

    def start(self, node: Node, name: str, begin: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Run what `begin` makes; it is not called where too many of the caller's run already."""


_TASKS: WeakKeyDictionary[SceneTree, Tasks] = WeakKeyDictionary()
"""Of the trees that run in asyncio."""


def use_tasks(tree: SceneTree, tasks: Tasks | None) -> Tasks | None:
    """Sets what starts the calls of a tree's async methods; None: nothing does.

    Returns:
        What has started them so far.
    """
    before = _TASKS.pop(tree, None)
    if tasks is not None:
        _TASKS[tree] = tasks
    return before


def as_called(function: Callable[..., Any], name: str, is_async: bool | None = None) -> Callable[..., Any]:
    """What a call from elsewhere calls: the function itself, or for an async one what starts its task."""
    if not (inspect.iscoroutinefunction(function) if is_async is None else is_async):
        return function

    def start(node: Node, *arguments: Any) -> None:
        tasks = _TASKS.get(node.get_tree())
        if tasks is None:
            raise RuntimeError(_NO_LOOP.format(name))
        tasks.start(node, name, lambda: function(node, *arguments))

    return start
