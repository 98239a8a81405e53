"""The upgrade as a connection goes through it: settings in, and for each piece of data an outcome.

Both roles have the same face, so that the backend need not know which one it is.

Layer: `websocket`, over `protocol.handshake`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from gdpeer.errors import Cause, CloseCause, HandshakeError
from gdpeer.protocol.handshake import ClientHandshake, Opened, ServerHandshake
from gdpeer.protocol.http1 import Request, parse_header_line
from gdpeer.protocol.limits import Limits
from gdpeer.protocol.url import Url
from gdpeer.websocket.http import Handler, Response
from gdpeer.websocket.settings import Settings

logger = logging.getLogger("gdpeer.websocket")

__all__ = ["ClientUpgrade", "Outcome", "ServerUpgrade"]

Admit = Callable[[Request], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an upgrade ended.

    Attributes:
        data: what to send.
        opened: what was agreed on; None where it did not open.
        leftover: bytes of the WebSocket that came with it.
        cause: why it did not open.
    """

    data: bytes = b""
    opened: Opened | None = None
    leftover: bytes = b""
    cause: CloseCause = field(default_factory=CloseCause)


def _failed(problem: HandshakeError) -> CloseCause:
    return CloseCause(problem.cause, problem.detail, problem.status)


class ClientUpgrade:
    """A client's.

    Raises:
        ValueError: a header of the settings is not valid.
    """

    is_client = True

    def __init__(self, settings: Settings, limits: Limits, url: Url) -> None:
        self.request: Request | None = None
        self._handshake = ClientHandshake(
            url,
            settings.supported_protocols,
            compression=settings.wished_compression(),
            headers=[parse_header_line(line) for line in settings.handshake_headers],
            limits=limits,
        )

    def begin(self) -> bytes:
        """What to send first."""
        return self._handshake.request()

    def receive(self, data: bytes, remote_address: tuple[str, int]) -> Outcome | None:
        """Take bytes; the outcome once there is one."""
        try:
            opened = self._handshake.receive_data(data)
        except HandshakeError as problem:
            return Outcome(cause=_failed(problem))
        return None if opened is None else Outcome(opened=opened, leftover=self._handshake.leftover)

    def time_out(self) -> Outcome:
        """The other side took too long."""
        return Outcome(cause=CloseCause(Cause.TIMEOUT, "the server did not answer the upgrade in time"))


class ServerUpgrade:
    """A server's.

    Args:
        settings: sub-protocols, origins, paths, headers.
        limits: of heads and bodies.
        admit: called with each upgrade before it is accepted; may raise HandshakeError to refuse it.
        respond: answers requests that are no upgrade. Without one they are told that this is a WebSocket server.

    Raises:
        ValueError: a header of the settings is not valid.
    """

    is_client = False

    def __init__(
        self, settings: Settings, limits: Limits, admit: Admit | None = None, respond: Handler | None = None
    ) -> None:
        self.request: Request | None = None
        self._allowed_paths = settings.allowed_paths
        self._admit = admit
        self._respond = respond
        self._handshake = ServerHandshake(
            settings.supported_protocols,
            allowed_origins=None if settings.allowed_origins is None else tuple(settings.allowed_origins),
            compression=settings.wished_compression(),
            headers=[parse_header_line(line) for line in settings.handshake_headers],
            limits=limits,
        )

    def begin(self) -> bytes:
        """What to send first: nothing."""
        return b""

    def receive(self, data: bytes, remote_address: tuple[str, int]) -> Outcome | None:
        """Take bytes; the outcome once there is one."""
        try:
            request = self._handshake.receive_data(data)
            if request is None:
                return None
            self.request = Request(request.method, request.target, request.headers, request.body, remote_address)
            if not request.is_upgrade and self._respond is not None:
                return self._page(self.request, self._respond)
            return self._accept(self.request)
        except HandshakeError as problem:
            return self._refuse(problem)

    def time_out(self) -> Outcome:
        """The other side took too long."""
        return self._refuse(HandshakeError("the request did not come in time", Cause.TIMEOUT, status=408))

    def _accept(self, request: Request) -> Outcome:
        if self._allowed_paths is not None and request.path not in self._allowed_paths:
            raise HandshakeError(f"nothing at {request.path[:200]}", status=404)
        if self._admit is not None:
            self._admit(request)
        data, opened = self._handshake.accept(request)
        return Outcome(data, opened, self._handshake.leftover)

    def _refuse(self, problem: HandshakeError) -> Outcome:
        return Outcome(self._handshake.refuse(problem), cause=_failed(problem))

    def _page(self, request: Request, respond: Handler) -> Outcome:
        what = f"{request.method} {request.path[:200]}"
        is_head = request.method == "HEAD"
        try:
            response = respond(request) or Response(404, f"nothing at {request.path[:200]}\n")
            data = response.to_bytes(head_only=is_head)
        except HandshakeError:
            raise
        except Exception:  # game code; what it returned may be as wrong as what it did
            logger.exception("the HTTP handler failed for %s", what)
            response = Response(500, "the server failed to answer\n")
            data = response.to_bytes(head_only=is_head)
        return Outcome(data, cause=CloseCause(Cause.UPGRADE, f"a page was asked for: {what}", response.status))
