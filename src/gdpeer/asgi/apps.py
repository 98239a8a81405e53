"""`Multiplayer`, `Server` and `Rooms`: ASGI apps that run a tree, a `WebSocketServer` and a hall.

Layer: `asgi`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from gdpeer.aio import hall as halls
from gdpeer.aio import multiplayer
from gdpeer.aio.loop_driver import LoopDriver
from gdpeer.aio.tasks import AnswerTasks
from gdpeer.arguments import LINES, Kind, a, checked
from gdpeer.asgi.carrier import EventCarrier
from gdpeer.asgi.life import GRACE, Life
from gdpeer.asgi.scope import Receive, Scope, Send, body_of, caller_of, request_of
from gdpeer.attributes import Guarded
from gdpeer.errors import HandshakeError
from gdpeer.logs import get_logger, report
from gdpeer.multiplayer.tree import SceneTree
from gdpeer.protocol.http_headers import Request
from gdpeer.websocket.backend.asgi import AsgiBackend, refusal_events
from gdpeer.websocket.server import WebSocketServer

if TYPE_CHECKING:
    from gdpeer.multiplayer.websocket_peer import WebSocketMultiplayerPeer
    from gdpeer.rooms import Hall

__all__ = ["Game", "Multiplayer", "Rooms", "Server"]

logger = get_logger("gdpeer.asgi")

LONGEST = 0.1
"""The most seconds between two polls: a deadline that was set outside of a poll is noticed then."""

_RETRY = (("Retry-After", "5"),)


class Game(Guarded):
    """The base class of the three apps: what each of them does as an ASGI app.

    An app takes WebSockets, answers requests for pages as the game would on a port of its own, and handles lifespan
    events if it is the application of the ASGI server itself. `process_request` and `http_handler` may be async.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self._life = Life(self._answering, self._forget)

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[tuple[WebSocketServer, LoopDriver]]:
        """Runs the game, with async `process_request` and `http_handler`."""
        async with self._running() as (server, driver):
            answers = AnswerTasks(self._life.news)
            server.use_tasks(answers.start, reads_later=False)
            try:
                yield server, driver
            finally:
                answers.cancel()

    def _running(self) -> AbstractAsyncContextManager[tuple[WebSocketServer, LoopDriver]]:
        """Begins the game, and ends it at the end of the block."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Ends the game without its event loop, which is closed."""
        raise NotImplementedError

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:
        """Runs the game while the block runs: the `lifespan` of a Starlette or FastAPI app.

            app = FastAPI(lifespan=game.lifespan)

        At the end of the block, all players are closed with code 1001. They have 2 seconds to answer. An app of yours
        that has a lifespan already says `async with game.lifespan():` in that.

        Without it the game begins at the first connection, and ends with the event loop.

        Args:
            app: ignored; frameworks pass their application.
        """
        await self._life.begin()
        try:
            yield
        finally:
            await self._life.end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection, or the lifespan.

        Raises:
            RuntimeError: the game runs in another event loop.
            ValueError: the type of the scope is unknown.
        """
        kind = scope["type"]
        if kind == "lifespan":
            await self._serve_lifespan(receive, send)
        elif kind in ("websocket", "http"):
            await self._life.begin()
            with self._life.connection():
                await self._serve(scope, receive, send)
        else:
            raise ValueError(f"unknown type of scope: {kind!r}")

    async def _serve_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()  # lifespan.startup
        try:
            await self._life.begin()
        except Exception as problem:
            report(logger, "the game could not begin")
            await send({"type": "lifespan.startup.failed", "message": str(problem)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown
        await self._life.end()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = caller_of(scope)
        carrier = EventCarrier(receive, send, self._life.news)
        try:
            request = await self._request(scope, receive)
            if request is None:
                return
            server = self._life.server
            if server is None:
                raise HandshakeError("the server is about to stop", status=503, headers=_RETRY)
            backend = server.take_request(request, partial(AsgiBackend, caller=caller, carrier=carrier))
        except HandshakeError as problem:
            for event in refusal_events(caller.answer, problem):
                await send(event)
        else:
            await carrier.run(backend)

    async def _request(self, scope: Scope, receive: Receive) -> Request | None:
        """Returns the whole request; None if the client has gone."""
        if scope["type"] == "websocket":
            await receive()  # websocket.connect
            return request_of(scope)
        server = self._life.server
        seconds, most = (GRACE, 0) if server is None else (server.handshake_timeout, server.max_body_size())
        try:
            async with asyncio.timeout(seconds):
                body = await body_of(receive, most)
        except TimeoutError:
            raise HandshakeError("the request did not come in time", status=408) from None
        return None if body is None else request_of(scope, body)


class Multiplayer(Game):
    """A tree as the server of its players, as `gdpeer.aio.multiplayer_server` runs it on a port of its own.

        game = gdpeer.asgi.Multiplayer(tree)
        app.mount("/game", game)                        # players connect to ws://host/game/

    `@rpc` methods of the tree's nodes may be async. Do not poll the tree. Use the tree in `async def` routes, which run
    in the thread of the event loop: in another thread, calls that send raise RuntimeError.

    Args:
        tree: its `multiplayer` gets the peer when the game begins.
        settings: of `WebSocketMultiplayerPeer`, by name, and `dialects`. Pings, compression and TLS are those of the
            ASGI server.

    Attributes:
        peer: the `WebSocketMultiplayerPeer`, with statistics and settings. Do not poll or close it.
        tree: as given.

    Raises:
        TypeError, ValueError: a setting is unknown, or its value is not valid.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("peer", "tree")

    @checked(tree=a("a SceneTree", SceneTree))
    def __init__(self, tree: SceneTree, **settings: Any) -> None:
        super().__init__()
        self.tree = tree
        self.peer: WebSocketMultiplayerPeer = multiplayer.make_peer(settings)

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[tuple[WebSocketServer, LoopDriver]]:
        server = self.peer.be_server()
        async with multiplayer.running(self.tree, self.peer) as driver:
            yield server, driver

    def _forget(self) -> None:
        self.peer.close()


class Server(Game):
    """A `WebSocketServer` with its signals: for games that send messages, without RPC.

        game = gdpeer.asgi.Server(server, protocols=["demo-chat"])

    Args:
        server: with its signals and settings. Do not poll or stop it, and do not let it listen.
        protocols: the supported sub-protocols. Clients must offer one of them, or none if the list is empty.

    Attributes:
        server: as given.

    Raises:
        ValueError: a sub-protocol is not valid.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("server",)

    @checked(server=a("a WebSocketServer", WebSocketServer), protocols=LINES)
    def __init__(self, server: WebSocketServer, protocols: Iterable[str] = ()) -> None:
        super().__init__()
        self.server = server
        server.use_protocols(tuple(protocols))

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[tuple[WebSocketServer, LoopDriver]]:
        server = self.server
        server.poller()
        driver = LoopDriver(server.poll, server.poll_turn, lambda: None, LONGEST)
        driver.run()
        refused = server.refuse_new_connections
        try:
            yield server, driver
            server.refuse_new_connections = True
            server.close_all(1001)
            driver.soon()
            await asyncio.wait((driver.when(lambda: not server.peers),), timeout=GRACE)
        finally:
            driver.stop()
            server.stop(1001)
            server.refuse_new_connections = refused

    def _forget(self) -> None:
        self.server.stop(1001)


class Rooms(Game):
    """A hall with its rooms, as `gdpeer.aio.serve_hall` runs it on a port of its own; the lobby's pages too.

        rooms = gdpeer.asgi.Rooms(hall)
        app.mount("/play", rooms)                       # players connect to ws://host/play/room/CODE

    Hooks and `@rpc` methods may be async. Do not poll the hall. A hall ends with the app: then make a new one.

    Args:
        hall: with its kinds of rooms. Set its `public_url` if it has a lobby and is mounted below "/".

    Attributes:
        hall: as given.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("hall",)

    @checked(hall=Kind("a Hall", halls.is_hall))
    def __init__(self, hall: Hall) -> None:
        super().__init__()
        self.hall = hall

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[tuple[WebSocketServer, LoopDriver]]:
        self.hall.server.poller()
        async with halls.running(self.hall) as driver:
            yield self.hall.server, driver

    def _forget(self) -> None:
        self.hall.close()
