"""Runs a real server of `websockets` that redirects clients, and records their requests."""

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
    """The port of the server, its redirects, and the requests that it got.

    Attributes:
        port: on loopback.
        routes: status and `Location` for each redirected path; on all other paths the server echoes.
        asked: path and headers of each request, with the headers' names in lower case.
    """

    port: int = 0
    routes: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str, scheme: str = "ws", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """The paths of all requests, in order."""
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
    """Runs the server during the block; certificates make it use TLS."""
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
