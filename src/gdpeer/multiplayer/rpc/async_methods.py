"""Runs async `@rpc` methods: each call from another side is a task, if the tree runs in asyncio.

The trees of `gdpeer.aio.multiplayer_server` and `multiplayer_client` have `Tasks`, which starts the tasks, and ends
them together with the tree. In another tree nothing would run the coroutine, so the call raises RuntimeError and says
what to do.

Layer: `multiplayer`; does not import asyncio.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from gdpeer.multiplayer.tree import Node, SceneTree

__all__ = ["CALLER", "Tasks", "as_called", "run_result", "use_tasks"]

CALLER: ContextVar[int] = ContextVar("gdpeer_caller", default=0)
"""The id of the caller, within the task of its call."""

_NO_LOOP = (
    "{} is an async method, and this tree does not run in asyncio: use gdpeer.aio.multiplayer_server(), "
    "multiplayer_client() or, for rooms, serve_hall(); or write the method without async"
)


class Tasks(Protocol):
    """Starts the coroutines of a tree as tasks."""

    def start(self, node: Node, name: str, begin: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Runs the coroutine that `begin` returns, unless too many tasks of the same caller run already."""

    def run(self, name: str, awaitable: Awaitable[object]) -> None:
        """Runs what a method of the game has returned; see `run_result`."""


_TASKS: WeakKeyDictionary[SceneTree, Tasks] = WeakKeyDictionary()
"""The task starters of the trees that run in asyncio."""


def use_tasks(tree: SceneTree, tasks: Tasks | None) -> Tasks | None:
    """Sets the task starter of a tree, which runs calls of its async methods; None removes it.

    Returns:
        The former task starter.
    """
    before = _TASKS.pop(tree, None)
    if tasks is not None:
        _TASKS[tree] = tasks
    return before


def as_called(function: Callable[..., Any], name: str, is_async: bool | None = None) -> Callable[..., Any]:
    """Returns what a call from another side runs: the function, or for an async function a starter of its task."""
    if not (inspect.iscoroutinefunction(function) if is_async is None else is_async):
        return function

    def start(node: Node, *arguments: Any) -> None:
        tasks = _TASKS.get(node.get_tree())
        if tasks is None:
            raise RuntimeError(_NO_LOOP.format(name))
        tasks.start(node, name, lambda: function(node, *arguments))

    return start


def run_result(tree: SceneTree | None, name: str, result: object) -> None:
    """Runs what a method of the game has returned as a task, if it is awaitable.

    Raises:
        RuntimeError: it is awaitable, and the tree does not run in asyncio.
    """
    if not inspect.isawaitable(result):
        return
    tasks = None if tree is None else _TASKS.get(tree)
    if tasks is None:
        if hasattr(result, "close"):  # Python warns of a coroutine that is dropped without close()
            result.close()
        raise RuntimeError(_NO_LOOP.format(name))
    tasks.run(name, result)
