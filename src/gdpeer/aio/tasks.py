"""`TreeTasks` runs the calls of a tree's async `@rpc` methods as tasks, `RoomTasks` the async hooks of rooms, and
`AnswerTasks` the async `process_request` and `http_handler` of a server.

Layer: `aio`.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from gdpeer.http.response import Response
from gdpeer.logs import describe, get_logger, report
from gdpeer.multiplayer.rpc.async_methods import CALLER
from gdpeer.multiplayer.tree import Node
from gdpeer.websocket.opening.upgrade import Answered

__all__ = ["MOST_TASKS", "AnswerTasks", "RoomTasks", "TreeTasks"]

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
        task = self._loop.create_task(_coroutine_of(begin()), context=context)
        self._counts[caller] += 1
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._end(task, caller, node, name, api))

    def run(self, name: str, awaitable: Awaitable[object]) -> None:
        """Starts the task of a method that the game itself has called: a hook, or a deferred call."""
        task = self._loop.create_task(_coroutine_of(awaitable))
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._take(task, lambda: report(logger, "%s raised", name)))

    def _end(self, task: asyncio.Task[object], caller: int, node: Node, name: str, api: Any) -> None:
        self._counts[caller] -= 1
        if not self._counts[caller]:
            del self._counts[caller]
        text, limit = "%s of %s raised, called by peer %s", api.log_limit_of(caller)
        self._take(task, lambda: report(logger, text, name, describe(node), caller, limit=limit))

    def _take(self, task: asyncio.Task[object], report_error: Callable[[], None]) -> None:
        """Forgets a task that has ended, and logs its exception."""
        self._tasks.discard(task)
        if task.cancelled():
            return
        try:
            task.result()
        except Exception:
            report_error()

    async def end(self, grace: float) -> None:
        """Cancels all tasks, and waits at most `grace` seconds until they have ended."""
        left = await _end_all(self._tasks, grace)
        if left:
            logger.warning("%s calls of async methods still run %s seconds after the end", left, grace)


class RoomTasks:
    """Runs the coroutines that `on_create` and `on_auth` of rooms return; see `HookTasks` in `gdpeer.rooms.waiting`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Future[object]] = set()

    def start(self, awaitable: Awaitable[object]) -> asyncio.Task[object]:
        """Starts the task of one hook."""
        task = self._loop.create_task(_coroutine_of(awaitable))
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    def _end(self, task: asyncio.Future[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the room logs an exception, but ignores what comes too late; asyncio would log that

    def cancel(self, future: Any) -> None:
        """Cancels a task of `start`, unless this task itself asks for it by closing its room."""
        if future in self._tasks and future is not asyncio.current_task(self._loop):
            future.cancel()

    async def end(self, grace: float) -> None:
        """Cancels all tasks, and waits at most `grace` seconds until they have ended."""
        left = await _end_all(self._tasks, grace)
        if left:
            logger.warning("%s async hooks of rooms still run %s seconds after the end", left, grace)


class AnswerTasks:
    """Awaits the answers of a server's async `process_request` and `http_handler`; see `WebSocketServer.use_tasks`.

    Args:
        news: called after each answer.

    Attributes:
        tasks: the answers that are awaited.
    """

    def __init__(self, news: Callable[[], object]) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self._news = news

    def start(self, answer: Awaitable[Response | None], answered: Answered) -> None:
        """Starts a task that awaits an answer, and then calls `answered`."""
        task = asyncio.get_running_loop().create_task(self._await(answer, answered))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _await(self, answer: Awaitable[Response | None], answered: Answered) -> None:
        response: Response | None = Response(503, "the server takes no more connections now\n")
        problem: Exception | None = None
        try:
            response = await answer
        except Exception as error:  # of the program's own code: the client gets status 500
            problem = error
        finally:  # a server that closes cancels this task, and still owes the client an answer
            answered(response, problem)
            self._news()

    def cancel(self) -> None:
        """Cancels all tasks: their clients get status 503."""
        for task in list(self.tasks):
            task.cancel()


async def _end_all(tasks: Iterable[asyncio.Future[object]], grace: float) -> int:
    """Cancels tasks, and waits at most `grace` seconds; returns how many have not ended."""
    ending = set(tasks)
    for task in ending:
        task.cancel()
    return len((await asyncio.wait(ending, timeout=grace))[1]) if ending else 0


def _coroutine_of(awaitable: Awaitable[object]) -> Coroutine[Any, Any, object]:
    """Returns a coroutine for a task: a decorator may return an awaitable that asyncio makes no task of."""

    async def waiting() -> object:
        return await awaitable

    # Not around a coroutine: a task that is cancelled before it began would drop the inner one without a word.
    return awaitable if inspect.iscoroutine(awaitable) else waiting()
