"""`EventCarrier`: carries the events of one connection between an ASGI server and its backend.

One task receives, one sends. The ASGI server's own task waits for the end of both.

Layer: `asgi`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from gdpeer.asgi.scope import Receive, Send
from gdpeer.logs import get_logger
from gdpeer.websocket.backend.asgi import ABNORMAL, AsgiBackend
from gdpeer.websocket.backend.base import leave

__all__ = ["EventCarrier"]

logger = get_logger("gdpeer.asgi")

NO_CODE = 1005
"""The code of a close frame without a code."""

GOING_AWAY = 1001

_OTHER_THREAD = (
    "the game belongs to the thread of its event loop, and this is another thread: write the route or callback "
    "with `async def`, or call loop.call_soon_threadsafe()"
)


class EventCarrier:
    """Carries events in the event loop that runs; see `Carrier`.

    Args:
        receive, send: of the ASGI server.
        news: has the game polled soon.
    """

    def __init__(self, receive: Receive, send: Send, news: Callable[[], None]) -> None:
        self.news = news
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._receive = receive
        self._send = send
        self._work: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._over: asyncio.Future[float] = self._loop.create_future()

    def wake(self) -> None:
        """Has the task that sends look for an event; raises RuntimeError in another thread."""
        if threading.get_ident() != self._thread:
            raise RuntimeError(_OTHER_THREAD)
        _finish(self._work)

    def read_on(self) -> None:
        """Has the task that receives go on."""
        _finish(self._room)

    def end(self, seconds: float) -> None:
        """Ends `run` once all events are sent, or after `seconds`."""
        if not self._over.done() and not self._loop.is_closed():
            self._over.set_result(seconds)
            _finish(self._work)

    async def run(self, backend: AsgiBackend) -> None:
        """Carries the events of a connection until its end."""
        tasks = [self._loop.create_task(self._read(backend)), self._loop.create_task(self._write(backend))]
        try:
            backend.begin()
            await self._wait(tasks[1])
        except asyncio.CancelledError:
            # The ASGI server stops: Hypercorn does so before it tells the application.
            leave([backend], GOING_AWAY, "")
            await self._wait(tasks[1])
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _wait(self, writer: asyncio.Task[None]) -> None:
        """Waits for the end of the connection, and then as long as its last events may take."""
        seconds = await asyncio.shield(self._over)
        if seconds:
            await asyncio.wait((writer,), timeout=seconds)

    async def _read(self, backend: AsgiBackend) -> None:
        try:
            while True:
                if backend.paused:
                    self._room = self._loop.create_future()
                    await self._room
                event = await self._receive()
                kind = event["type"]
                if kind == "websocket.receive":
                    text = event.get("text")
                    if text is None:
                        backend.on_message(event["bytes"], False)
                    else:
                        backend.on_message(text.encode("utf-8", "replace"), True)
                elif kind.endswith(".disconnect"):
                    code = event.get("code", ABNORMAL)
                    backend.on_disconnect(NO_CODE if code is None else code, event.get("reason") or "")
                    return
        except Exception as problem:
            self._break(backend, problem)

    async def _write(self, backend: AsgiBackend) -> None:
        try:
            while True:
                event = backend.next_event()
                if event is not None:
                    await self._send(event)
                    backend.sent()
                elif self._over.done():
                    return
                else:
                    self._work = self._loop.create_future()
                    await self._work
        except Exception as problem:
            self._break(backend, problem)

    def _break(self, backend: AsgiBackend, problem: Exception) -> None:
        """Ends a connection of which the ASGI server wants no more."""
        logger.debug("the ASGI server takes no more of a connection: %r", problem)
        backend.on_disconnect(ABNORMAL, "")


def _finish(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
