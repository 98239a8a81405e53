"""Answers a client's upgrade request only after the server behind the tunnel has answered, and in the same way.

Layer: `inspection`.
"""

from __future__ import annotations

from collections.abc import Callable

from gdpeer.errors import Cause, CloseCause, HandshakeError
from gdpeer.protocol.deflate import NAME
from gdpeer.protocol.handshake import Opened, ServerHandshake
from gdpeer.protocol.http_headers import Request
from gdpeer.websocket.opening.upgrade import Addressed, Outcome, ServerUpgrade
from gdpeer.websocket.settings import Settings

__all__ = ["BAD_GATEWAY", "WaitingUpgrade", "answering", "asking"]

BAD_GATEWAY = 502
GATEWAY_TIMEOUT = 504

OWN = frozenset(("host", "upgrade", "connection", "content-length", "transfer-encoding", "keep-alive", "te", "trailer"))
"""Headers that concern one connection only (RFC 9110 section 7.6.1), so they are not passed on."""

MOST_EARLY = 65_536
"""Bytes that a client may send before its upgrade is answered."""


def asking(settings: Settings, request: Request, timeout: float) -> Settings:
    """Returns the settings of the connection to the server, so that it asks for what the client's request asked for.

    Args:
        settings: sizes and times of the tunnel.
        request: the client's.
        timeout: seconds for each step of the connection.
    """
    offered = request.headers.get("sec-websocket-protocol")
    return settings.replace(
        handshake_headers=tuple(f"{name}: {value}" for name, value in request.headers if is_passed_on(name) and value),
        supported_protocols=tuple(name for one in offered.split(",") if (name := one.strip())),
        connect_timeout=timeout,
        handshake_timeout=timeout,
        compression=NAME in request.headers.get("sec-websocket-extensions"),
    )


def is_passed_on(name: str) -> bool:
    """Returns whether a client's header is passed on to the server."""
    return name not in OWN and not name.startswith(("sec-websocket-", "proxy-"))


def answering(settings: Settings, opened: Opened) -> Settings:
    """Returns the tunnel's settings for the client's connection, so that it grants what the server granted."""
    protocols = (opened.protocol,) if opened.protocol else ()
    return settings.replace(supported_protocols=protocols, compression=opened.deflate is not None)


class WaitingUpgrade(ServerUpgrade):
    """A client's upgrade that waits for `grant` or `refuse`. After either, call `go_on` of the client's backend.

    Args:
        settings: sizes and times of the tunnel.
        arrived: called once, with the request; may raise HandshakeError to refuse it.
    """

    __slots__ = ("_arrived", "_data", "_granted", "_problem", "_reader")

    def __init__(self, settings: Settings, arrived: Callable[[Request], None]) -> None:
        super().__init__(settings, settings.limits())
        self._reader = ServerHandshake(settings.terms(), settings.limits())
        self._arrived = arrived
        self._data = b""
        self._granted: ServerUpgrade | None = None
        self._problem: HandshakeError | None = None

    def grant(self, settings: Settings) -> None:
        """Accepts the upgrade with these settings."""
        self._granted = ServerUpgrade(settings, settings.limits())

    def refuse(self, cause: CloseCause) -> None:
        """Refuses the upgrade because the connection to the server failed.

        Args:
            cause: of the failure. The client gets the server's HTTP status if there is one, else 504 for a timeout
                and 502 for everything else.
        """
        status = cause.status or (GATEWAY_TIMEOUT if cause.cause is Cause.TIMEOUT else BAD_GATEWAY)
        self._problem = HandshakeError(f"the game's server: {cause}", cause.cause, status=status)

    def receive(self, data: bytes, stream: Addressed) -> Outcome | None:
        """Takes bytes of the client; returns the outcome once the upgrade is decided."""
        self._data += data  # all of it: the upgrade that is granted parses the request from its begin
        try:
            return self._decide(data, stream)
        except HandshakeError as problem:
            return self._refuse(problem)

    def _decide(self, data: bytes, stream: Addressed) -> Outcome | None:
        if self._problem is not None:
            raise self._problem
        if self._granted is not None:
            return self._granted.receive(self._data, stream)
        if self.request is None:
            self._look_for_request(data)
        # A client may send messages before the answer, but they must not fill the memory.
        if self.request is not None and len(self._data) > MOST_EARLY:
            raise HandshakeError("the client sent too much data before the answer to the upgrade", status=400)
        return None

    def _look_for_request(self, data: bytes) -> None:
        request = self._reader.receive_data(data)
        if request is None:
            return
        if not self._reader.is_upgrade:
            raise HandshakeError("this port accepts only WebSockets", status=426, headers=(("Upgrade", "websocket"),))
        self.request = request
        self._arrived(request)

    def time_out(self) -> Outcome:
        """Refuses the upgrade because the client, or the server behind, took too long."""
        if self.request is None:
            return super().time_out()
        what = "the game's server did not answer in time"
        return self._refuse(HandshakeError(what, Cause.TIMEOUT, status=GATEWAY_TIMEOUT))
