"""`serve`: a server in asyncio, a task for each connection.

Layer: `aio`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from gdpeer import fronts as front
from gdpeer.aio.connection import Connection
from gdpeer.aio.loop_driver import LoopDriver
from gdpeer.aio.tasks import AnswerTasks
from gdpeer.arguments import CALLABLE, INT, STR, checked, optional
from gdpeer.attributes import Guarded
from gdpeer.errors import ConnectionClosed
from gdpeer.fronts import Message
from gdpeer.logs import get_logger, report
from gdpeer.websocket.opening.upgrade import Processor
from gdpeer.websocket.server import WebSocketServer

if TYPE_CHECKING:
    import ssl

__all__ = ["Server", "broadcast", "serve"]

logger = get_logger("gdpeer.aio")

Handler = Callable[[Connection], Awaitable[object]]


class Server(Guarded):
    """A running server; made by `serve`.

    Args:
        handler: called in a task of its own with each connection that opens. When the handler returns, the connection
            is closed with code 1000. When it raises, the exception is logged, and the code is 1011.
        engine: a server that listens.

    Attributes:
        engine: the `WebSocketServer`, with signals, settings and statistics. Do not poll or stop it.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("engine",)

    def __init__(self, handler: Handler, engine: WebSocketServer) -> None:
        self.engine = engine
        self._handler = handler
        self._connections: dict[int, Connection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._asking = AnswerTasks(self._poll_soon)
        engine.use_tasks(self._asking.start)
        self._driver = LoopDriver(engine.poll, engine.poll_turn, lambda: None)
        engine.client_connected.connect(self._begin)
        engine.data_received.connect(self._tell)
        engine.client_disconnected.connect(self._end)
        self._driver.arm()

    def _begin(self, peer_id: int, protocol: str) -> None:
        peer = self.engine.get_peer(peer_id)
        assert peer is not None
        connection = self._connections[peer_id] = Connection(peer, self._driver)
        task = asyncio.get_running_loop().create_task(self._handle(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _handle(self, connection: Connection) -> None:
        code = 1011
        try:
            await self._handler(connection)
            code = 1000
        except ConnectionClosed as problem:
            logger.debug("a handler ended with its connection: %s", problem)
        except Exception:
            limit = self.engine.log_limit_of(connection.remote_address[0])
            report(logger, "the handler of %s failed", connection.remote_address, limit=limit)
        finally:
            connection.begin_to_leave(code)
            self._driver.arm()

    def _poll_soon(self) -> None:
        if self.engine.is_listening():
            self._driver.soon()

    def _tell(self, peer_id: int) -> None:
        self._connections[peer_id].on_packet()

    def _end(self, peer_id: int, was_clean: bool) -> None:
        self._connections.pop(peer_id).on_end()

    @property
    def connections(self) -> frozenset[Connection]:
        """The connections that are open now."""
        return frozenset(self._connections.values())

    @property
    def port(self) -> int:
        """The number of the port that the server listens on."""
        return self.engine.get_local_port()

    @property
    def process_request(self) -> Processor | None:
        """Called with the request of each upgrade, and may be async; see `WebSocketServer`. None accepts all."""
        return self.engine.process_request

    @process_request.setter
    def process_request(self, process: Processor | None) -> None:
        self.engine.process_request = process

    def is_serving(self) -> bool:
        """Whether the server accepts connections."""
        return not self._is_closing

    async def serve_forever(self) -> None:
        """Runs until the task is cancelled, then closes the server."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.close()
            await self.wait_closed()

    def close(self, code: int = 1001, reason: str = "") -> None:
        """Refuses new connections, and begins to close all others; `wait_closed` waits for their end."""
        self._is_closing = True
        self.engine.refuse_new_connections = True
        self._asking.cancel()
        self.engine.close_all(code, reason)
        self._driver.soon()  # without a connection nothing else would end the wait of `wait_closed`

    async def wait_closed(self) -> None:
        """Waits until `close` was called, all connections are closed and all handlers have ended; then frees the port.

        If this call is cancelled, it ends the connections at once, cancels the handlers and waits for them.
        """
        try:
            await self._driver.when(lambda: self._is_closing and not self._connections)
            while self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            self._stop()
            left = self._tasks | self._asking.tasks
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left)

    def _stop(self) -> None:
        self._is_closing = True
        self._driver.stop()
        self.engine.stop(1001)
        for connection in self._connections.values():
            connection.on_end()
        self._connections.clear()
        self._driver.tell_waiting()

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(self, *error: object) -> None:
        """Closes the server, and waits for the connections and handlers."""
        self.close()
        await self.wait_closed()


class serve:
    """Starts a server: `async with serve(handler, "localhost", 8765) as server`, or `server = await serve(...)`.

    Args:
        handler: called with each connection; see `Server`.
        host: a host name, an address, or "unix:/path". "" and None: all addresses of this machine.
        port: 1 to 65,535; 0 opens a free port, which `Server.port` tells.
        ssl: a server's `ssl.SSLContext`. None: TLS only if `private_key` and `ssl_certificate` are set.
        options: those of `websockets` (`max_size`, `ping_interval`, ...), or settings and attributes of
            `WebSocketServer` (`max_peers`, ...; `http_handler` and `process_request` may be async here), by name.

    Raises:
        TransportError: the port cannot be opened.
        ValueError, TypeError: an option is not valid.
    """

    @checked(handler=CALLABLE, host=optional(STR), port=INT)
    def __init__(
        self,
        handler: Handler,
        host: str | None = None,
        port: int = 0,
        *,
        ssl: ssl.SSLContext | None = None,
        **options: Any,
    ) -> None:
        self._handler = handler
        self._host = host
        self._port = port
        self._tls = ssl
        self._options = options
        self._server: Server | None = None

    async def _serve(self) -> Server:
        engine = WebSocketServer()
        front.configure(engine, self._options)
        addresses = await asyncio.to_thread(front.addresses_of, self._host)  # looking up a name may take seconds
        front.listen(engine, addresses, self._port, self._tls)
        return Server(self._handler, engine)

    def __await__(self) -> Generator[Any, None, Server]:
        return self._serve().__await__()

    async def __aenter__(self) -> Server:
        self._server = await self._serve()
        return self._server

    async def __aexit__(self, *error: object) -> None:
        """Closes the server, and waits for the connections and handlers."""
        if self._server is not None:
            await self._server.__aexit__(*error)


def broadcast(connections: Iterable[Connection], message: Message) -> int:
    """Sends one message to many connections, framed once, without waiting.

    Returns:
        How many did not get the message: they are not open, or more than `write_limit` bytes are queued for them.
    """
    return front.broadcast((connection.peer for connection in connections), message)
