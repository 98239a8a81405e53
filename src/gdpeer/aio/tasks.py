"""`TreeTasks`: runs the calls of a tree's async `@rpc` methods as tasks.

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
"""Calls of one peer that may run at the same time. More are refused, as each takes memory until it ends."""


class TreeTasks:
    """Starts a task for each call of a tree's async methods, and ends all of them with the tree."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[object]] = set()
        self._counts: Counter[int] = Counter()

    def start(self, node: Node, name: str, begin: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Starts the task of one call; see `Tasks`."""
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
            limit = api.log_limit_of(caller)
            report(logger, "%s of %s raised, called by peer %s", name, describe(node), caller, limit=limit)

    async def end(self, grace: float) -> None:
        """Cancels all tasks, and waits at most `grace` seconds until they have ended."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=grace)
            if left:
                logger.warning("%s calls of async methods still run %s seconds after the end", len(left), grace)


async def _coroutine(awaitable: Coroutine[Any, Any, object]) -> object:
    """Awaits any awaitable: a decorator of the method may return an awaitable that asyncio makes no task of."""
    return await awaitable
