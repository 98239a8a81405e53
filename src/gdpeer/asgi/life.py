"""`Life`: when a game of an ASGI app begins and ends.

A game begins at `lifespan`, or at the first connection: frameworks do not tell a mounted app when they begin. The game
runs in a task of its own, in the event loop in which it began. It ends at `lifespan`, or with its event loop.

Layer: `asgi`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import Context

from gdpeer.aio.loop_driver import LoopDriver
from gdpeer.websocket.server import WebSocketServer

__all__ = ["GRACE", "Life", "Running"]

GRACE = 2.0
"""Seconds that connections have to end after the game has ended."""

_OTHER_LOOP = (
    "the game runs in another event loop: run one game in one event loop, and in one process (one worker of the ASGI "
    "server); for more there is gdpeer.cluster"
)

Running = Callable[[], AbstractAsyncContextManager["tuple[WebSocketServer, LoopDriver]"]]
"""Begins a game, and ends it at the end of the block."""


class Life:
    """The run of one game.

    Args:
        running: begins the game.
        forget: ends the game when its event loop is closed already.

    Attributes:
        server: takes the connections; None while the game does not run.
    """

    def __init__(self, running: Running, forget: Callable[[], None]) -> None:
        self.server: WebSocketServer | None = None
        self._running = running
        self._forget = forget
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._began: asyncio.Future[None] | None = None
        self._end: asyncio.Future[None] | None = None
        self._driver: LoopDriver | None = None
        # The game must not see the context variables of the connection at which it happens to begin.
        self._context = Context()
        self._is_due = False
        self._open: set[asyncio.Future[None]] = set()

    async def begin(self) -> None:
        """Begins the game, unless it runs.

        Raises:
            RuntimeError: the game runs in another event loop.
            Exception: the game could not begin.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop is not loop:
            if not self._loop.is_closed():
                raise RuntimeError(_OTHER_LOOP)
            self._be_new()  # a test has run the game before, in a loop of its own
        if self._task is None:
            self._loop = loop
            self._began, self._end = loop.create_future(), loop.create_future()
            self._context = Context()
            self._task = loop.create_task(self._run(self._began, self._end), context=self._context)
        assert self._began is not None
        await asyncio.shield(self._began)

    def _be_new(self) -> None:
        self._forget()
        self.server = self._loop = self._task = self._driver = None
        self._open.clear()
        self._is_due = False

    async def _run(self, began: asyncio.Future[None], end: asyncio.Future[None]) -> None:
        try:
            async with self._running() as (server, driver):
                self.server, self._driver = server, driver
                began.set_result(None)
                await end
        except Exception as problem:
            if began.done():
                raise
            began.set_exception(problem)
        finally:
            self.server = None

    async def end(self) -> None:
        """Ends the game with code 1001 for all players, and waits until all connections have ended, for a while."""
        task = self._task
        if task is None or self._end is None:
            return
        if not self._end.done():
            self._end.set_result(None)
        await asyncio.wait((task,))
        if self._open:
            await asyncio.wait(self._open, timeout=GRACE)
        if self._task is task:
            self._be_new()
        task.result()

    def news(self) -> None:
        """Has the game polled soon."""
        if not self._is_due and self._loop is not None and not self._loop.is_closed():
            self._is_due = True
            self._loop.call_soon(self._poll, context=self._context)

    def _poll(self) -> None:
        self._is_due = False
        if self._driver is not None and self.server is not None:
            self._driver.run()

    @contextmanager
    def connection(self) -> Iterator[None]:
        """Counts a connection while the block runs."""
        assert self._loop is not None
        done: asyncio.Future[None] = self._loop.create_future()
        self._open.add(done)
        try:
            yield
        finally:
            self._open.discard(done)
            done.set_result(None)
