"""What `on_create` and `on_auth` may return instead of an answer: a future, or a coroutine that becomes a task.

A coroutine needs an event loop. In a hall that `gdpeer.aio.serve_hall` runs, it becomes a task of that loop; in any
other hall nothing would run it, so it is refused with a RuntimeError that says what to do.

Layer: `rooms`; does not import asyncio.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Protocol

from gdpeer.errors import HandshakeError

if TYPE_CHECKING:
    from gdpeer.rooms.room import Room

__all__ = ["PATIENCE", "HookTasks", "check_hooks", "future_of", "result_of"]

PATIENCE = 5.0
"""Seconds that a future or coroutine of `on_create` or `on_auth` has."""

_NO_LOOP = (
    "{} returned a coroutine, and this hall does not run in asyncio: run the hall with gdpeer.aio.serve_hall(), "
    "or give the work to a thread and return its concurrent.futures.Future"
)

_AT_ONCE = (
    "on_join",
    "on_away",
    "on_return",
    "on_leave",
    "on_tick",
    "on_message",
    "on_drain",
    "save",
    "restore",
    "on_dispose",
)
"""The hooks whose answer, or whose effect, the room needs at once."""


class HookTasks(Protocol):
    """Runs the coroutines of hooks as tasks."""

    def start(self, awaitable: Any) -> Any:
        """Starts a task; returns the task, which is a future."""

    def cancel(self, future: Any) -> None:
        """Cancels a task whose answer nobody needs any more. A future of the game is left alone."""


def check_hooks(kind: type[Room]) -> None:
    """Raises a TypeError if a hook is async that the room does not wait for."""
    for name in _AT_ONCE:
        hook = getattr(kind, name)
        if inspect.iscoroutinefunction(hook) or inspect.isasyncgenfunction(hook):
            raise TypeError(
                f"{kind.__name__}.{name} is async, but only on_create and on_auth may be; in gdpeer.aio a hook starts "
                "async work with self.tree.call_deferred(function)"
            )


def future_of(answer: Any, tasks: HookTasks | None, hook: str) -> Any:
    """Returns the future that a hook has returned, or the task that runs a hook's coroutine.

    Returns:
        None if the answer is neither.

    Raises:
        RuntimeError: the answer is a coroutine, and `tasks` is None.
    """
    if hasattr(answer, "add_done_callback"):
        return answer
    if not inspect.isawaitable(answer):
        return None
    if tasks is not None:
        return tasks.start(answer)
    if hasattr(answer, "close"):  # Python warns of a coroutine that is dropped without close()
        answer.close()
    raise RuntimeError(_NO_LOOP.format(hook))


def result_of(future: Any) -> Any:
    """Returns the result of a future that is done.

    Raises:
        Exception: the future failed.
        HandshakeError: the future was cancelled. The error of asyncio for this is no Exception: it would end a poll.
    """
    if future.cancelled():
        raise HandshakeError("the room's decision was cancelled", status=503)
    return future.result()
