"""A real server of `websockets` that sends clients elsewhere, and keeps what they asked with."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from tests.support.certificates import Certificates


@dataclass
class Redirecting:
    """Where it is, and what it was asked.

    Attributes:
        port: its own, of loopback.
        routes: status and `Location` of each path that is answered so; any other is a WebSocket that echoes.
        asked: path and headers, names in lower case, of each request.
    """

    port: int = 0
    routes: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str, scheme: str = "ws", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """Of all requests, in their order."""
        return [path for path, _ in self.asked]

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.asked.append((request.path, {name.lower(): value for name, value in request.headers.raw_items()}))
        if request.path not in self.routes:
            return None
        status, location = self.routes[request.path]
        response = connection.respond(status, "elsewhere\n")
        response.headers["Location"] = location
        return response


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


@contextmanager
def redirecting(certificates: Certificates | None = None) -> Iterator[Redirecting]:
    """It serves until the block ends; with certificates over TLS."""
    context = None
    if certificates is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
    place = Redirecting()
    server = serve(echo, "127.0.0.1", 0, ssl=context, process_request=place.answer, close_timeout=1.0)
    place.port = server.socket.getsockname()[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield place
    finally:
        server.shutdown()
        thread.join(30.0)
