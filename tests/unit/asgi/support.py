"""`Visit`: one connection of an ASGI server to an app, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

Event = dict[str, Any]

PATIENCE = 5.0


class Visit:
    """Calls an app with a scope, as uvicorn does: `say` is what the client sends, `hear` what the app sends.

    Attributes:
        is_stuck: while True, the ASGI server takes no event.
        task: the call of the app.
    """

    def __init__(self, app: Any, kind: str = "websocket", path: str = "/", **scope: Any) -> None:
        self._said: asyncio.Queue[Event] = asyncio.Queue()
        self._heard: asyncio.Queue[Event] = asyncio.Queue()
        self._moves = asyncio.Event()
        self._moves.set()
        self.received = 0
        headers = [(name.encode(), value.encode()) for name, value in scope.pop("headers", {}).items()]
        given = {"type": kind, "method": "GET", "path": path, "query_string": b"", "headers": headers, "scheme": "ws"}
        self.scope = {**given, "client": ("10.0.0.1", 5000), "extensions": {"websocket.http.response": {}}, **scope}
        if kind == "websocket":
            self.say("websocket.connect")
        self.task = asyncio.get_running_loop().create_task(app(self.scope, self._receive, self._send))

    async def _receive(self) -> Event:
        event = await self._said.get()
        self.received += 1
        return event

    async def _send(self, event: Event) -> None:
        await self._moves.wait()
        self._heard.put_nowait(event)

    def hold(self, is_stuck: bool = True) -> None:
        """Takes no more events, or goes on."""
        if is_stuck:
            self._moves.clear()
        else:
            self._moves.set()

    def say(self, kind: str, **fields: Any) -> None:
        """Has the app receive an event."""
        self._said.put_nowait({"type": kind, **fields})

    def send(self, message: bytes | str) -> None:
        """Sends a message as the client."""
        self.say("websocket.receive", **{"text" if isinstance(message, str) else "bytes": message})

    async def hear(self, kind: str) -> Event:
        """Waits for the next event of the app, which must have this type."""
        event = await asyncio.wait_for(self._heard.get(), PATIENCE)
        assert event["type"] == kind, event
        return event

    def is_silent(self) -> bool:
        """Whether no event of the app waits to be heard."""
        return self._heard.empty()

    async def message(self) -> bytes | str:
        """Waits for the next message to the client."""
        event = await self.hear("websocket.send")
        found: bytes | str = event["text"] if event.get("bytes") is None else event["bytes"]
        return found

    async def end(self, code: int = 1000) -> None:
        """Goes away as the client, and waits until the app has returned."""
        self.say("websocket.disconnect", code=code, reason="bye")
        await asyncio.wait_for(self.task, PATIENCE)

    async def page(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """Waits for a whole HTTP response: its status, headers and body."""
        kind = "http.response" if self.scope["type"] == "http" else "websocket.http.response"
        start, body, is_more = await self.hear(f"{kind}.start"), b"", True
        while is_more:
            event = await self.hear(f"{kind}.body")
            body, is_more = body + event["body"], event["more_body"]
        await asyncio.wait_for(self.task, PATIENCE)
        return start["status"], dict(start["headers"]), body


async def get(app: Any, path: str, body: bytes = b"", **scope: Any) -> tuple[int, dict[bytes, bytes], bytes]:
    """Asks an app for a page."""
    visit = Visit(app, "http", path, **scope)
    visit.say("http.request", body=body, more_body=False)
    return await visit.page()


async def until(condition: Callable[[], object]) -> None:
    """Waits until a condition is true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


class Lifespan:
    """The lifespan of an app, as an ASGI server runs it."""

    def __init__(self, app: Any) -> None:
        self._visit = Visit(app, "lifespan")

    async def begin(self) -> None:
        self._visit.say("lifespan.startup")
        await self._visit.hear("lifespan.startup.complete")

    async def fail(self) -> str:
        """Begins, and returns the message of the failure."""
        self._visit.say("lifespan.startup")
        message: str = (await self._visit.hear("lifespan.startup.failed"))["message"]
        return message

    def begin_to_end(self) -> None:
        self._visit.say("lifespan.shutdown")

    def has_told(self) -> bool:
        """Whether the app has told of anything since."""
        return not self._visit.is_silent()

    async def end(self) -> None:
        self.begin_to_end()
        await self.ended()

    async def ended(self) -> None:
        await self._visit.hear("lifespan.shutdown.complete")
        await asyncio.wait_for(self._visit.task, PATIENCE)


@asynccontextmanager
async def life(app: Any) -> AsyncIterator[None]:
    """Runs the lifespan of an app around the block."""
    lifespan = Lifespan(app)
    await lifespan.begin()
    yield
    await lifespan.end()
