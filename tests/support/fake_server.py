"""Servers for unit tests that speak as much of a protocol as a broker's client needs, in a thread, on loopback.

    with FakeRedis() as server: open_broker(server.url, ...)

The real servers are in `tests/support/brokers.py`; the contract runs with both.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from gdpeer.clock import ManualClock
from tests.support.ports import free_port


class FakeConnection:
    """A connection of a client; `send` is called under the lock of the server."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.reader = sock.makefile("rb")

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.socket.sendall(data)


class FakeServer(ABC):
    """A server whose clock stands still until the test moves it.

    Attributes:
        url: of the server, the same after each start.
        clock: for lifetimes.
        lock: held while a command is served.
    """

    scheme = ""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"{self.scheme}://127.0.0.1:{self.port}"
        self.clock = ManualClock(1_000_000.0)
        self.lock = threading.RLock()
        self.connections: list[FakeConnection] = []
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []

    @abstractmethod
    def serve(self, connection: FakeConnection) -> None:
        """Serves a client until it closes."""

    @abstractmethod
    def clear(self) -> None:
        """Forgets what was stored."""

    @abstractmethod
    def gone(self, connection: FakeConnection) -> None:
        """Forgets the subscriptions of a client."""

    def start(self, empty: bool = False) -> None:
        """Listens; with `empty` without what was stored."""
        if empty:
            self.clear()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._begin(self._accept, self._listener)

    def _begin(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._begin(self._serve, FakeConnection(sock))

    def _serve(self, connection: FakeConnection) -> None:
        with self.lock:
            self.connections.append(connection)
        try:
            with contextlib.suppress(OSError, EOFError):
                self.serve(connection)
        finally:
            with self.lock:
                self.connections.remove(connection)
                self.gone(connection)
            connection.reader.close()
            connection.socket.close()

    def kill(self) -> None:
        """Stops listening, and cuts all connections."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        # A close alone does not end the accept of another thread.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in tuple(self.connections):
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5.0)
        self._threads.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
