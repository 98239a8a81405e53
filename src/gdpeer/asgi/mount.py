"""`Mount`: a game beside any other ASGI app, such as Django's.

Layer: `asgi`.
"""

from __future__ import annotations

from typing import ClassVar

from gdpeer.arguments import CALLABLE, STR, a, checked
from gdpeer.asgi.apps import Game
from gdpeer.asgi.scope import App, Event, Receive, Scope, Send
from gdpeer.attributes import Guarded

__all__ = ["Mount"]


class Mount(Guarded):
    """An ASGI app that gives all connections below a path to a game, and all others to another app.

        application = gdpeer.asgi.Mount("/game", game, get_asgi_application())

    The game begins and ends with the server. Lifespan events go to the other app as well; Django's has none.

    Args:
        path: begins with "/".
        game: a `Multiplayer`, a `Server` or a `Rooms`.
        app: gets all other connections.

    Raises:
        ValueError: the path does not begin with "/", or is "/".
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    @checked(path=STR, game=a("an app of gdpeer.asgi", Game), app=CALLABLE)
    def __init__(self, path: str, game: Game, app: App) -> None:
        self._path = path.rstrip("/")
        if not self._path.startswith("/"):
            raise ValueError(f'a path such as "/game" is needed, not {path!r}')
        self._game = game
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._serve_lifespan(scope, receive, send)
            return
        root = (scope.get("root_path") or "").rstrip("/")
        path = scope.get("path", "")
        full = f"{root}{self._path}"
        # `path` contains `root_path`, except with ASGI servers from before 2024.
        for place in (full, self._path):
            if path == place or path.startswith(f"{place}/"):
                await self._game({**scope, "root_path": place}, receive, send)
                return
        await self._app(scope, receive, send)

    async def _serve_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the game around the other app: it begins before the app, and ends after the app."""
        relay = _Lifespan(receive, send)
        async with self._game.lifespan():
            try:
                await self._app(scope, relay.receive, relay.send)
            except Exception:
                if relay.has_answered:
                    raise
                # As the specification says: an app that raises here has no lifespan.
            await relay.go_on()
        await relay.finish()


class _Lifespan:
    """The lifespan events of an app, whose end is passed on later.

    Attributes:
        has_answered: whether the app has sent an event.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._received = 0
        self._last: Event | None = None
        self.has_answered = False

    async def receive(self) -> Event:
        self._received += 1
        return await self._receive()

    async def send(self, event: Event) -> None:
        self.has_answered = True
        if event["type"].startswith("lifespan.shutdown."):
            self._last = event  # the server may stop at this event, and the game has not ended yet
        else:
            await self._send(event)
            if event["type"] == "lifespan.startup.failed":
                self._last = event

    async def go_on(self) -> None:
        """Does what an app has left undone: waits for the shutdown."""
        if self._last is not None:
            return
        if not self._received:
            await self.receive()
        if not self.has_answered:
            await self._send({"type": "lifespan.startup.complete"})
        if self._received < 2:
            await self.receive()

    async def finish(self) -> None:
        """Tells the server that all have ended."""
        if self._last is None:
            await self._send({"type": "lifespan.shutdown.complete"})
        elif self._last["type"].startswith("lifespan.shutdown."):
            await self._send(self._last)
