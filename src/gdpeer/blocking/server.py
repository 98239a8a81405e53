"""`serve`: a server with a thread for each connection.

Layer: `blocking`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, ClassVar, Self

from gdpeer import fronts as front
from gdpeer.arguments import CALLABLE, INT, NUMBER, STR, checked, optional
from gdpeer.attributes import Guarded
from gdpeer.blocking.accepting import Acceptor
from gdpeer.blocking.connection import Connection
from gdpeer.blocking.poll_lock import LONGEST, deadline_in
from gdpeer.clock import MONOTONIC
from gdpeer.coroutines import refuse_async
from gdpeer.errors import ConnectionClosed, GdpeerError
from gdpeer.logs import get_logger, report
from gdpeer.platform import process_id
from gdpeer.websocket.opening.upgrade import Processor
from gdpeer.websocket.peer import WebSocketPeer

if TYPE_CHECKING:
    import ssl

__all__ = ["Server", "serve"]

logger = get_logger("gdpeer.blocking")

Handler = Callable[[Connection], object]


class Server(Guarded):
    """A listening server; made by `serve`.

    Args:
        handler: called in a thread of its own with each connection that opens. When the handler returns, the connection
            is closed with code 1000. When it raises, the exception is logged, and the code is 1011.
        shutdown_timeout: see `serve`.

    Attributes:
        engine: a `WebSocketServer`, with the settings and ports. Do not poll or stop it.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("engine",)

    def __init__(self, handler: Handler, shutdown_timeout: float = 10.0) -> None:
        self.engine = Acceptor(self._take)
        self._handler = handler
        self._shutdown_timeout = shutdown_timeout
        self._threads: dict[Connection, Thread] = {}
        self._is_closing = False
        self._serving = Lock()
        self._process = process_id()

    def _take(self, peer_id: int, peer: WebSocketPeer, begin: Callable[[], object]) -> bool:
        connection = Connection(peer)
        thread = Thread(target=self._serve, args=(peer_id, connection, begin), name="gdpeer.blocking", daemon=True)
        self._threads[connection] = thread
        try:
            thread.start()
        except RuntimeError:  # the system starts no more threads: the client gets 503
            del self._threads[connection]
            return False
        return True

    def _serve(self, peer_id: int, connection: Connection, begin: Callable[[], object]) -> None:
        """Serves one connection, from the upgrade's answer to its end; the target of its thread."""
        code = 1001
        try:
            with suppress(GdpeerError):  # a connection that does not open was logged where it ended
                connection.wait_open(begin)
                if not self._is_closing:
                    code = self._handle(connection)
        finally:
            connection.close(code)
            del self._threads[connection]
            self.engine.give_back(peer_id)

    def _handle(self, connection: Connection) -> int:
        """Calls the handler, and returns the code to close the connection with."""
        try:
            self._handler(connection)
        except ConnectionClosed as problem:
            logger.debug("a handler ended with its connection: %s", problem)
        except Exception:
            limit = self.engine.log_limit_of(connection.remote_address[0])
            report(logger, "the handler of %s failed", connection.remote_address, limit=limit)
            return 1011
        return 1000

    @property
    def connections(self) -> frozenset[Connection]:
        """The connections that have a thread now; some may be opening or closing."""
        return frozenset(list(self._threads))

    @property
    def process_request(self) -> Processor | None:
        """Called with the request of each upgrade, in the thread of `serve_forever`; see `WebSocketServer`."""
        return self.engine.process_request

    @process_request.setter
    def process_request(self, process: Processor | None) -> None:
        self.engine.process_request = process

    @property
    def port(self) -> int:
        """The port's number; 0 if no port is open."""
        return self.engine.get_local_port()

    def serve_forever(self) -> None:
        """Accepts connections until `shutdown` or Ctrl-C; then closes the server, and waits for the handlers."""
        with self._serving:
            try:
                while not self._is_closing:
                    self.engine.poll(LONGEST)
            finally:
                self._end()

    def shutdown(self) -> None:
        """Lets `serve_forever` end, without waiting. May be called in any thread, and in a signal handler."""
        self._is_closing = True
        self.engine.wake()

    def _end(self) -> None:
        """Closes the port and all connections with code 1001; waits at most `shutdown_timeout` for the threads."""
        self._is_closing = True
        self.engine.stop(1001)
        threads = dict(self._threads)
        for connection in threads:
            connection.begin_to_leave(1001)
        deadline = deadline_in(self._shutdown_timeout)
        for thread in threads.values():
            thread.join(max(0.0, deadline - MONOTONIC.now()))
        if self._threads:
            logger.warning("%s handlers still run %s seconds after the end", len(self._threads), self._shutdown_timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Shuts down, and waits for the end. In a forked child process, only closes the inherited descriptors."""
        if self._process != process_id():
            self._is_closing = True
            self.engine.stop()
            return
        self.shutdown()
        with self._serving:
            self._end()


@checked(handler=CALLABLE, host=optional(STR), port=INT, max_connections=INT, shutdown_timeout=NUMBER)
def serve(
    handler: Handler,
    host: str | None = None,
    port: int = 0,
    *,
    ssl: ssl.SSLContext | None = None,
    max_connections: int = 1_000,
    shutdown_timeout: float = 10.0,
    **options: Any,
) -> Server:
    """Opens a port. Call `serve_forever` of the returned server to accept connections.

    `with serve(handler, "localhost", 8765) as server: server.serve_forever()` closes everything at the end.

    Args:
        handler: called with each connection; see `Server`.
        host: a host name, an address, or "unix:/path". "" and None: all addresses of this machine.
        port: 1 to 65,535; 0 opens a free port, which `Server.port` tells.
        ssl: a server's `ssl.SSLContext`. None: TLS only if `private_key` and `ssl_certificate` are set.
        max_connections: the most connections that are open at a time, each with a thread. Later ones get status 503.
            0: no limit but the system's.
        shutdown_timeout: seconds that handlers have to end after `shutdown`. Slower ones end with the program.
        options: those of `websockets` (`max_size`, `ping_interval`, ...), or settings and attributes of
            `WebSocketServer` (`http_handler`, `process_request`, `max_connections_per_address`, ...), by name. The
            thread of `serve_forever` calls `http_handler` and `process_request`, so no client can connect while one of
            them runs.

    Raises:
        TransportError: the port cannot be opened.
        ValueError, TypeError: an option is not valid, or `handler` is async.
    """
    refuse_async("serve() argument 'handler'", handler, "but each connection has a thread: use gdpeer.aio.serve()")
    server = Server(handler, shutdown_timeout)
    front.configure(server.engine, {**options, "max_peers": max_connections})
    front.listen(server.engine, front.addresses_of(host), port, ssl)
    return server
