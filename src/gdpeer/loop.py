"""`run`: the loop of a game, for a process of its own and for a web page.

    def tick(delta: float) -> bool | None:
        tree.poll()
        ...

    gdpeer.run(tick)    # the last line of the program

Layer: with `errors`, `signals` and `clock` the lowest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeAlias

from gdpeer.arguments import CALLABLE, NUMBER, checked
from gdpeer.clock import MONOTONIC, Clock
from gdpeer.coroutines import refuse_async
from gdpeer.platform import IN_PAGE

__all__ = ["Tick", "run"]

Tick: TypeAlias = Callable[[float], Any]
"""Runs one frame. Takes the seconds since the last frame; False ends the loop."""

HIDDEN_PAUSE = 0.25
"""Seconds between frames of a hidden page. Browsers extend them to a second, and after some time to a minute."""


@checked(tick=CALLABLE, fps=NUMBER)
def run(tick: Tick, fps: float = 60.0) -> None:
    """Calls `tick` up to `fps` times per second until it returns False.

    In a process of its own, this returns when the loop has ended. An exception of `tick`, or Ctrl-C, ends the loop and
    is raised to the caller.

    In a web page (Pyodide), this returns at once and the loop goes on beside the page, so call it in the last line of
    the program. Frames come with the screen's, at most `fps`, and seldom while the page is hidden. An exception of
    `tick` ends the loop and is shown in the console.

    Args:
        tick: called with the seconds since the last call; 0.0 at first. Any result except False continues the loop.
        fps: frames per second, more than 0. A frame that takes longer delays the next; missed frames are not made up
            for.

    Raises:
        ValueError: `fps` is not more than 0.
        TypeError: `tick` is async. `gdpeer.aio.multiplayer_server` polls a tree within asyncio.
    """
    refuse_async("run() argument 'tick'", tick, "but nothing awaits a frame: use gdpeer.aio")
    if not fps > 0:
        raise ValueError(f"fps must be more than 0, not {fps}")
    frames = Frames(tick, 1.0 / fps)
    if IN_PAGE:
        _run_in_page(frames)
    else:
        frames.run()


class Frames:
    """Calculates when the next frame of `length` seconds is due, and runs it; tests give `clock` and `sleep`."""

    def __init__(
        self, tick: Tick, length: float, clock: Clock = MONOTONIC, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._tick = tick
        self.length = length
        self._clock = clock
        self._sleep = sleep
        self._last = self._next = clock.now()

    def time_left(self) -> float:
        """Returns the seconds until the next frame is due; at least 0.0."""
        return max(0.0, self._next - self._clock.now())

    def do(self) -> bool:
        """Runs a frame; returns whether another frame follows."""
        now = self._clock.now()
        delta, self._last = now - self._last, now
        # After a long frame, start from now: the missed frames would come all at once.
        is_far_behind = now - self._next >= self.length
        self._next = (now if is_far_behind else self._next) + self.length
        return self._tick(delta) is not False

    def run(self) -> None:
        """Runs frames until one ends the loop."""
        while self.do():
            self._sleep(self.time_left())


def _run_in_page(frames: Frames) -> None:  # pragma: no cover - see tests/backends and tests/browser
    import js  # type: ignore[import-not-found]
    from pyodide.ffi import create_proxy  # type: ignore[import-not-found]

    document = getattr(js, "document", None)
    request_frame = getattr(js, "requestAnimationFrame", None)
    waiting: list[Any] = []  # how to cancel the pending call of `go_on`, and its number

    def is_hidden() -> bool:
        return document is not None and bool(document.hidden)

    def wait() -> None:
        if request_frame is not None and not is_hidden():
            waiting[:] = [js.cancelAnimationFrame, request_frame(proxy)]
        else:
            pause = max(frames.time_left(), HIDDEN_PAUSE if is_hidden() else 0.0)
            waiting[:] = [js.clearTimeout, js.setTimeout(proxy, pause * 1000)]

    def go_on(_now: Any = None) -> None:
        # A screen's frame can come slightly early: accept half a millisecond instead of skipping a frame.
        if frames.time_left() > 0.0005 or frames.do():
            wait()
        elif document is not None:
            document.removeEventListener("visibilitychange", visibility)

    def on_visibility(_event: Any) -> None:
        # A hidden page gets no frames: a pending request would wait until the page is shown again.
        cancel, number = waiting
        cancel(number)
        wait()

    proxy, visibility = create_proxy(go_on), create_proxy(on_visibility)  # for as long as the page: they are small
    if document is not None:
        document.addEventListener("visibilitychange", visibility)
    wait()
