"""The tasks of a tree: calls of its async `@rpc` methods.

Layer: `aio`.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from gdpeer.logs import describe, get_logger, report
from gdpeer.multiplayer.rpc.async_methods import CALLER
from gdpeer.multiplayer.tree import Node

__all__ = ["MOST_TASKS", "TreeTasks"]

logger = get_logger("gdpeer.aio")

MOST_TASKS = 1_000
"""Calls of one peer that may run at the same time; more are refused, as each takes memory for as long as it runs."""


class TreeTasks:
    """Starts the tasks of one tree, and ends them with it. See `gdpeer.multiplayer.rpc.async_methods`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[object]] = set()
        self._counts: Counter[int] = Counter()

    def start(self, node: Node, name: str, begin: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """See `Tasks`."""
        api: Any = node.multiplayer
        caller = api.get_remote_sender_id()
        if self._counts[caller] >= MOST_TASKS:
            reason = f"{MOST_TASKS} calls of this peer have not ended yet"
            api.refuse(caller, str(node.get_path()), name, "too many calls", reason)
            return
        context = contextvars.copy_context()
        context.run(CALLER.set, caller)
        task = self._loop.create_task(_coroutine(begin()), context=context)
        self._tasks.add(task)
        self._counts[caller] += 1
        task.add_done_callback(lambda task: self._end(task, caller, node, name, api))

    def _end(self, task: asyncio.Task[object], caller: int, node: Node, name: str, api: Any) -> None:
        self._tasks.discard(task)
        self._counts[caller] -= 1
        if not self._counts[caller]:
            del self._counts[caller]
        if task.cancelled():
            return
        try:
            task.result()
        except Exception:
            limit = api._limit_of(caller)
            report(logger, "%s of %s raised, called by peer %s", name, describe(node), caller, limit=limit)

    async def end(self, grace: float) -> None:
        """Cancel all, and wait until they have ended, so many seconds at most."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=grace)
            if left:
                logger.warning("%s calls of async methods still run %s seconds after the end", len(left), grace)


async def _coroutine(awaitable: Coroutine[Any, Any, object]) -> object:
    """A coroutine of any awaitable: a method may be wrapped in something that makes another kind."""
    return await awaitable
