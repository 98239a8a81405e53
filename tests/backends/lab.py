"""What a case has to work with. It runs natively and in a page, so it needs nothing but Python and gdpeer.

A case is a coroutine function that takes a `Lab`; it polls what it made, and gives way to others by `until` and
`frame`. What it asserts is what must hold on all backends; where they differ, `in_page` tells.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from gdpeer.platform import IN_PAGE

__all__ = ["Lab", "Pollable", "cases_of"]

T = TypeVar("T")

PATIENCE = 30.0


class Pollable(Protocol):
    def poll(self) -> Any: ...


class Lab:
    """Where a case runs.

    Attributes:
        base: the address of the other side: `ws://127.0.0.1:PORT`.
        in_page: whether the browser's WebSocket is below.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        self.in_page = IN_PAGE

    def url(self, path: str = "/echo") -> str:
        return self.base + path

    async def frame(self) -> None:
        """Let others go on. Shorter pauses are none in a page: Pyodide goes on at once, and starves the network."""
        await asyncio.sleep(0.005 if self.in_page else 0.001)

    async def until(self, condition: Callable[[], T], *polled: Pollable, patience: float = PATIENCE) -> T:
        """Poll until something is true; what it is."""
        end = time.monotonic() + patience
        while True:
            for one in polled:
                one.poll()
            found = condition()
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"not within {patience:g} s: {condition.__qualname__}; {polled}")
            await self.frame()

    async def frames(self, seconds: float, *polled: Pollable) -> None:
        """Go on polling for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for one in polled:
                one.poll()
            await self.frame()


def cases_of(module: Any) -> dict[str, Callable[[Lab], Any]]:
    """The cases of a module: its public coroutine functions."""
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.iscoroutinefunction(value) and not name.startswith("_") and value.__module__ == module.__name__
    }
