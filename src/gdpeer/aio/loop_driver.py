"""`LoopDriver`: polls within an event loop, whenever something is ready or due.

The loop watches one descriptor, the poller's, however many connections there are. Some loops cannot watch descriptors
(Windows' proactor), and some systems have no such descriptor, or have run out of them: there the driver polls `TICKS`
times a second.

A turn may wake tasks that send. Their messages are gathered, and leave after all of these tasks have run: one write for
each connection.

Layer: `aio`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any

from gdpeer.clock import MONOTONIC

if TYPE_CHECKING:
    from gdpeer.transport.poller import Poller
    from gdpeer.websocket.backend.base import Turn

__all__ = ["LoopDriver"]

TICKS = 200


class LoopDriver:
    """Calls `poll` whenever the turn's poller has something to do.

    Args:
        poll: polls once, without waiting.
        turn: returns the `Turn` of `poll`; called each time, as a server may replace it.
        look: called after each poll.
        longest: the most seconds between two polls.

    Attributes:
        loop: the event loop.
        longest: as given; a poll may change the time until the next one.
        has_woken: a task was woken in this turn, so what it sends is to be gathered.
    """

    def __init__(
        self, poll: Callable[[], object], turn: Callable[[], Turn], look: Callable[[], object], longest: float = inf
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self._poll = poll
        self._turn = turn
        self._look = look
        self.longest = longest
        self._poller: Poller | None = None
        self._descriptor = -1
        self._timer: asyncio.Handle | None = None
        self._when = inf
        self._ran = 0.0
        self.has_woken = False
        self._gathering: Turn | None = None
        self._waiting: list[tuple[asyncio.Future[Any], Callable[[], bool]]] = []

    def run(self) -> None:
        """Polls once, wakes the tasks that can go on, and waits for the next event."""
        if self._gathering is not None:
            self._release()
        self._ran = MONOTONIC.now()
        self._poll()
        self._look()
        if self._waiting:
            self.tell_waiting()
        if self.has_woken:
            self.has_woken = False
            turn = self._gathering = self._turn()
            turn.active = True
            self.loop.call_soon(self._end_gathering)
        self.arm()

    def soon(self) -> None:
        """Polls in the loop's next round."""
        if self._when != -inf:
            self._set_timer(-inf)

    def check(self) -> None:
        """Checks the running event loop.

        Raises:
            RuntimeError: it is another loop than that of the connection, as in another thread.
        """
        if asyncio.get_running_loop() is not self.loop:
            raise RuntimeError("a connection belongs to the event loop that it was opened in")

    def wake(self, future: asyncio.Future[None]) -> None:
        """Ends the wait for a future."""
        if not future.done():
            future.set_result(None)
            self.has_woken = True

    def when(self, condition: Callable[[], bool]) -> asyncio.Future[Any]:
        """Returns a future that is done after the first turn in which the condition is true."""
        future = self.loop.create_future()
        if condition():
            future.set_result(None)
        else:
            self._waiting.append((future, condition))
        return future

    def tell_waiting(self) -> None:
        """Ends the waits of `when` whose condition is true."""
        waiting, self._waiting = self._waiting, []
        for future, condition in waiting:
            if condition():
                self.wake(future)
            elif not future.done():
                self._waiting.append((future, condition))

    def _end_gathering(self) -> None:
        turn = self._gathering
        if turn is not None:
            self._release()
            if turn.touched:
                self.arm()

    def _release(self) -> None:
        turn, self._gathering = self._gathering, None
        if turn is not None:
            turn.flush()

    # ------------------------------------------------------------------------------------------ when

    def arm(self) -> None:
        """Has the loop wait for the poller's descriptor and its next deadline; call it when either may have changed."""
        turn = self._turn()
        poller = turn.poller
        if poller is not self._poller:
            self._watch(poller)
        if poller is None:
            self._set_timer(inf)
            return
        due = -inf if turn.touched and not turn.active else poller.due_at()
        if self._descriptor < 0 or self.longest != inf:
            due = min(due, self._ran + (1 / TICKS if self._descriptor < 0 else self.longest))
        if due < self._when:  # a later one keeps its timer: a poll that comes too early does no harm
            self._set_timer(due)

    def _watch(self, poller: Poller | None) -> None:
        if self._poller is not None:
            self._poller.on_close = None
        if self._descriptor >= 0:
            self.loop.remove_reader(self._descriptor)
        self._poller = poller
        self._descriptor = -1 if poller is None else poller.descriptor
        if poller is not None and self._descriptor >= 0:
            try:
                self.loop.add_reader(self._descriptor, self.run)
                poller.on_close = self._let_go
            except (NotImplementedError, OSError):  # OSError: the system watches no more descriptors
                self._descriptor = -1

    def _let_go(self) -> None:
        """Stops watching the poller's descriptor, as the poller is about to close it."""
        if not self.loop.is_closed():
            self._watch(None)
            self.soon()

    def _set_timer(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._when = due
        if due == -inf:
            self._timer = self.loop.call_soon(self._be_due)
        elif due != inf:
            self._timer = self.loop.call_later(max(0.0, due - MONOTONIC.now()), self._be_due)

    def _be_due(self) -> None:
        self._timer = None
        self._when = inf
        self.run()

    def stop(self) -> None:
        """Sends what was gathered, and stops polling."""
        self._release()
        self._watch(None)
        self._set_timer(inf)
