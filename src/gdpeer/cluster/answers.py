"""`Answer`: a result that comes later, in the thread of the game. Code can await answers without any event loop.

    async def renew():
        entry = await broker.get("w:a")     # an Answer
        ...

    run(renew())                            # goes on each time an answer comes; returns an Answer itself

The game's thread never waits: whoever sets an answer runs what waits for it, in the same call.

Layer: `cluster`; no I/O, no clock, no thread.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar, cast

__all__ = ["Answer", "run"]

T = TypeVar("T")


class Answer(Generic[T]):
    """A result that is not there yet. Set it once, by `give` or `fail`; later calls do nothing."""

    __slots__ = ("_callbacks", "_problem", "_value", "is_done")

    def __init__(self) -> None:
        self.is_done = False
        self._value: T | None = None
        self._problem: BaseException | None = None
        self._callbacks: list[Callable[[Answer[T]], object]] = []

    def give(self, value: T) -> None:
        """Sets the result, and tells who waits for it."""
        self._settle(value, None)

    def fail(self, problem: BaseException) -> None:
        """Sets an exception as the result."""
        self._settle(None, problem)

    def _settle(self, value: T | None, problem: BaseException | None) -> None:
        if self.is_done:
            return
        self.is_done = True
        self._value, self._problem = value, problem
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def then(self, callback: Callable[[Answer[T]], object]) -> None:
        """Calls `callback` with this answer once the result is there; at once if it is there already."""
        if self.is_done:
            callback(self)
        else:
            self._callbacks.append(callback)

    def result(self) -> T:
        """Returns the result, or raises the exception that stands for it.

        Raises:
            RuntimeError: the result is not there yet.
        """
        if not self.is_done:
            raise RuntimeError("the answer is not there yet")
        if self._problem is not None:
            raise self._problem
        return cast("T", self._value)

    def __await__(self) -> Generator[Any, Any, T]:
        if not self.is_done:
            yield self
        return self.result()


def run(steps: Coroutine[Answer[Any], None, T]) -> Answer[T]:
    """Runs a coroutine that awaits answers, and returns the answer for its result.

    The coroutine runs at once, until its first answer that is not there yet. An exception of the coroutine is the
    result of the returned answer: look at it, or the exception is lost.
    """
    whole: Answer[T] = Answer()

    def go_on(_: Answer[Any] | None) -> None:
        try:
            waits_for = steps.send(None)
        except StopIteration as end:
            whole.give(end.value)
        except Exception as problem:
            whole.fail(problem)
        else:
            waits_for.then(go_on)

    go_on(None)
    return whole
