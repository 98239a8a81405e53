"""Async functions where gdpeer calls functions of the game: run as tasks, or refused with an error that says why.

A function that is called like any other, and whose coroutine nobody awaits, would do nothing at all.

Layer: with `errors` and `logs` the lowest; imports asyncio only where its loop runs.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from gdpeer.logs import describe, get_logger, report

__all__ = ["AsyncSlot", "is_async", "refuse_async"]

logger = get_logger("gdpeer.signals")

MOST_TASKS = 1_000
"""Calls of one async slot that may run at the same time. More are refused, as each takes memory until it ends."""


def is_async(function: object) -> bool:
    """Whether a function, a method or a callable object is async. A function that returns a coroutine is not."""
    plain = getattr(function, "__func__", function)
    return iscoroutinefunction(plain) or iscoroutinefunction(getattr(type(plain), "__call__", None))  # noqa: B004


def refuse_async(what: str, function: object, way: str = "but its answer is needed at once") -> None:
    """Raises a TypeError for an async function.

    Args:
        what: the argument or attribute that holds the function, as in other errors: `run() argument 'tick'`.
        function: anything.
        way: the end of the sentence: why it cannot be async, or what to use.
    """
    if is_async(function):
        raise TypeError(f"{what}: {describe(function)} is async, {way}")


class AsyncSlot:
    """An async slot of a signal: each emit within asyncio starts a task, which belongs to the loop.

    Args:
        slot: the async function.
        signal: the signal's name, for the log.
    """

    __slots__ = ("_signal", "_slot", "_tasks")

    def __init__(self, slot: Callable[..., Any], signal: str) -> None:
        self._slot = slot
        self._signal = signal
        self._tasks: set[Any] = set()  # asyncio itself keeps no task alive

    def __call__(self, *arguments: Any) -> None:
        """Starts the task.

        Raises:
            RuntimeError: no asyncio loop runs, or too many tasks of this slot have not ended.
        """
        import asyncio

        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            text = "is async, and no asyncio loop runs here: use gdpeer.aio, or write the handler without async"
            raise RuntimeError(f"{describe(self)} {text}") from None
        if len(self._tasks) >= MOST_TASKS:
            raise RuntimeError(f"{MOST_TASKS} calls of {describe(self)} have not ended yet")
        task = loop.create_task(self._slot(*arguments))
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: Any) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        try:
            task.result()
        except Exception:
            report(logger, "a handler of signal '%s' raised: %s", self._signal, describe(self))

    def __eq__(self, other: object) -> bool:
        return bool(self._slot == (other._slot if isinstance(other, AsyncSlot) else other))

    def __hash__(self) -> int:
        return hash(self._slot)

    def __repr__(self) -> str:
        return repr(self._slot)
