"""The upgrade as a connection goes through it: settings in, and for each piece of data an outcome.

Both roles have the same face, so that the backend need not know which one it is.

Layer: `websocket`, over `protocol.handshake`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from inspect import isawaitable
from typing import Protocol
from urllib.parse import quote

from gdpeer.errors import NO_CAUSE, Cause, CloseCause, HandshakeError
from gdpeer.http.response import Handler, Response
from gdpeer.logs import get_logger, report
from gdpeer.protocol.handshake import ClientHandshake, Opened, ServerHandshake, refusal
from gdpeer.protocol.http1 import Request
from gdpeer.protocol.limits import Limits
from gdpeer.protocol.url import SAFE, Url
from gdpeer.quoting import escape, redact
from gdpeer.transport.stream import Connector
from gdpeer.websocket.redirects import STATUSES, Hop, first_hop, next_hop
from gdpeer.websocket.settings import Settings

logger = get_logger("gdpeer.websocket")

__all__ = ["Answered", "ClientUpgrade", "Outcome", "Processor", "ServerUpgrade"]

NOT_LOADED = (OSError, ImportError)
"""h11 is loaded when it is needed first, and a process without a descriptor left can load nothing."""

Admit = Callable[[Request], None]

Processor = Callable[[Request], "Response | Awaitable[Response | None] | None"]
"""`process_request`: None lets the upgrade go on, a `Response` refuses it."""

Answered = Callable[["Response | None", "BaseException | None"], None]
"""Called with what an asynchronous `process_request` returned, or raised."""

Later = Callable[["Awaitable[Response | None]", Answered], None]
Way = Callable[[Hop], Connector]


class Addressed(Protocol):
    """What the bytes come over: asked where from only for pages."""

    @property
    def remote_address(self) -> tuple[str, int]: ...


@dataclass(slots=True)
class Outcome:
    """How an upgrade ended.

    Attributes:
        data: what to send.
        opened: what was agreed on; None where it did not open.
        leftover: bytes of the WebSocket that came with it.
        cause: why it did not open.
        elsewhere: makes the connector to where it begins anew, for a redirect; then nothing else is told.
    """

    data: bytes = b""
    opened: Opened | None = None
    leftover: bytes = b""
    cause: CloseCause = NO_CAUSE
    elsewhere: Callable[[], Connector] | None = None


def _not_loaded(problem: Exception) -> CloseCause:
    return CloseCause(Cause.UPGRADE, f"what reads such a head cannot be loaded: {problem}")


def _failed(problem: HandshakeError) -> CloseCause:
    return CloseCause(problem.cause, problem.detail, problem.status)


class ClientUpgrade:
    """A client's; where it is sent elsewhere, one after another, each with a key of its own (`redirects`).

    Args:
        settings: sub-protocols, headers, compression, how many redirects to follow.
        limits: of heads.
        url: where to.
        way: makes the connector of a hop; None: there is one stream only, and no redirect is followed.

    Attributes:
        request: None; what a server's has.

    Raises:
        ValueError: a header of the settings is not valid.
    """

    __slots__ = ("_handshake", "_hop", "_limits", "_settings", "_way", "request")

    is_client = True

    def __init__(self, settings: Settings, limits: Limits, url: Url, way: Way | None = None) -> None:
        self.request: Request | None = None
        self._settings = settings
        self._limits = limits
        self._way = way
        self._take(first_hop(url, settings.header_fields()))

    def _take(self, hop: Hop) -> None:
        self._hop = hop
        self._handshake: ClientHandshake | None = ClientHandshake(
            hop.url,
            self._settings.supported_protocols,
            compression=self._settings.wished_compression(),
            headers=hop.fields,
            limits=self._limits,
        )

    def connector(self) -> Connector:
        """To where the next request goes.

        Raises:
            TransportError: as `connecting.make_connector`.
        """
        assert self._way is not None
        return self._way(self._hop)

    def begin(self) -> bytes:
        """What to send first."""
        assert self._handshake is not None
        return self._handshake.request()

    def receive(self, data: bytes, stream: Addressed) -> Outcome | None:
        """Take bytes; the outcome once there is one, and nothing after it."""
        handshake = self._handshake
        if handshake is None:
            return None
        try:
            opened = handshake.receive_data(data)
            if opened is None:
                return None
            outcome = Outcome(opened=opened, leftover=handshake.leftover)
        except HandshakeError as problem:
            outcome = self._go_elsewhere(problem)
        except NOT_LOADED as problem:
            outcome = Outcome(cause=_not_loaded(problem))
        if outcome.elsewhere is None:
            self._handshake = self._way = None
        return outcome

    def _go_elsewhere(self, problem: HandshakeError) -> Outcome:
        """Follow a redirect, where it is one and may be followed."""
        if problem.status not in STATUSES:
            return Outcome(cause=_failed(problem))
        locations = [value for name, value in problem.headers if name == "location"]
        try:
            if self._way is None:
                raise ValueError("this connection has one stream only")
            self._take(next_hop(self._hop, locations, self._settings.max_redirects))
        except ValueError as why:
            target = f" to {escape(redact(locations[0]))}" if locations else ""
            detail = f"{problem.detail}; redirect{target} not followed: {why}"
            return Outcome(cause=CloseCause(problem.cause, detail, problem.status))
        return Outcome(elsewhere=self.connector)

    def time_out(self) -> Outcome:
        """The other side took too long."""
        return Outcome(cause=CloseCause(Cause.TIMEOUT, "the server did not answer the upgrade in time"))


def _is_among(path: str, paths: Collection[str]) -> bool:
    """Whether a request's path is one of those; they may be written without percent-encoding."""
    return path in paths or any(not one.isascii() and quote(one, safe=SAFE) == path for one in paths)


class ServerUpgrade:
    """A server's.

    Of what it took to decide, only the request is kept: it lives as long as the connection.

    Args:
        settings: sub-protocols, origins, paths, headers.
        limits: of heads and bodies.
        admit: called with each upgrade before it is accepted; may raise HandshakeError to refuse it.
        respond: answers requests that are no upgrade. Without one they are told that this is a WebSocket server.

    Attributes:
        request: who asked for what; None before it is whole.
        process: asked about each upgrade that would be accepted; None: nobody.
        later: awaits what `process` returned, and calls its second argument then; None: `process` may not be async.

    Raises:
        ValueError: a header of the settings is not valid.
    """

    __slots__ = (
        "_admit",
        "_answer",
        "_handshake",
        "_held",
        "_limits",
        "_paths",
        "_respond",
        "later",
        "process",
        "request",
    )

    is_client = False

    def __init__(
        self, settings: Settings, limits: Limits, admit: Admit | None = None, respond: Handler | None = None
    ) -> None:
        self.request: Request | None = None
        self.process: Processor | None = None
        self.later: Later | None = None
        self._held: Outcome | None = None  # an upgrade that is accepted as soon as `process` lets it go on
        self._answer: tuple[object, BaseException | None] | None = None
        self._limits = limits
        self._paths = settings.allowed_paths
        self._admit = admit
        self._respond = respond
        self._handshake: ServerHandshake | None = ServerHandshake(settings.terms(), limits)

    def begin(self) -> bytes:
        """What to send first: nothing."""
        return b""

    def receive(self, data: bytes, stream: Addressed) -> Outcome | None:
        """Take bytes; the outcome once there is one, and nothing after it."""
        handshake = self._handshake
        if handshake is None:
            return None
        try:
            outcome = self._go_on(handshake, data, stream) if self._held is None else self._wait(self._held, data)
        except HandshakeError as problem:
            outcome = self._refuse(problem)
        except NOT_LOADED as problem:
            outcome = Outcome(cause=_not_loaded(problem))
        if outcome is not None:
            self._handshake = self._admit = self._respond = self._held = self._answer = self.process = self.later = None
        return outcome

    def _go_on(self, handshake: ServerHandshake, data: bytes, stream: Addressed) -> Outcome | None:
        request = handshake.receive_data(data)
        if request is None:
            return None
        self.request = request
        if self._respond is not None and not handshake.is_upgrade:
            self.request = request = replace(request, remote_address=stream.remote_address)
            return self._page(request, self._respond)
        outcome = self._accept(request, handshake)
        if self.process is None:
            return outcome
        self.request = request = replace(request, remote_address=stream.remote_address)
        return self._ask(self.process, request, outcome)

    def time_out(self) -> Outcome:
        """The other side took too long, or the game's `process_request` did."""
        if self._held is not None:
            self._held, self._handshake = None, None
            return self._refuse(HandshakeError("process_request took too long", Cause.TIMEOUT, status=503))
        return self._refuse(HandshakeError("the request did not come in time", Cause.TIMEOUT, status=408))

    def _ask(self, process: Processor, request: Request, outcome: Outcome) -> Outcome | None:
        """Let the game decide about an upgrade that could be accepted."""
        try:
            answer = process(request)
            if isawaitable(answer):
                self._ask_later(answer, outcome)
                return None
        except Exception as problem:  # game code
            return self._conclude(None, problem, outcome)
        return self._conclude(answer, None, outcome)

    def _ask_later(self, answer: Awaitable[Response | None], outcome: Outcome) -> None:
        if self.later is None:
            if hasattr(answer, "close"):  # a coroutine that nobody awaits would warn
                answer.close()
            raise TypeError("process_request must not be async here: only the servers of gdpeer.aio can wait for it")
        self._held = outcome
        self.later(answer, self._take_answer)

    def _take_answer(self, answer: Response | None, problem: BaseException | None) -> None:
        self._answer = answer, problem

    def _wait(self, held: Outcome, data: bytes) -> Outcome | None:
        """`process_request` is being awaited; what a client sends before it has its answer is kept, within limits."""
        held.leftover += data
        if len(held.leftover) > self._limits.max_head_size:
            raise HandshakeError("too much was sent before the answer", status=400)
        return None if self._answer is None else self._conclude(*self._answer, held)

    def _conclude(self, answer: object, problem: BaseException | None, outcome: Outcome) -> Outcome:
        try:
            if problem is not None:
                raise problem
            if answer is None:
                return outcome
            if not isinstance(answer, Response):
                raise TypeError(f"process_request returns None or a Response, not {type(answer).__name__}")
            data = answer.to_bytes()
        except Exception:
            report(logger, "process_request failed")
            return self._refuse(HandshakeError("the server failed to decide", status=500))
        return Outcome(data, cause=CloseCause(Cause.UPGRADE, "refused by process_request", answer.status))

    def _accept(self, request: Request, handshake: ServerHandshake) -> Outcome:
        if self._paths is not None and not _is_among(request.path, self._paths):
            raise HandshakeError(f"nothing at {request.path[:200]}", status=404)
        if self._admit is not None:
            self._admit(request)
        data, opened = handshake.accept(request)
        return Outcome(data, opened, handshake.leftover)

    def _refuse(self, problem: HandshakeError) -> Outcome:
        try:
            data = refusal(problem)
        except NOT_LOADED:  # then the end is the answer
            data = b""
        return Outcome(data, cause=_failed(problem))

    def _page(self, request: Request, respond: Handler) -> Outcome:
        what = f"{request.method} {request.path[:200]}"
        is_head = request.method == "HEAD"
        try:
            response = respond(request) or Response(404, f"nothing at {request.path[:200]}\n")
            data = response.to_bytes(head_only=is_head)
        except HandshakeError:
            raise
        except Exception:  # game code; what it returned may be as wrong as what it did
            report(logger, "the HTTP handler failed for %s", what)
            response = Response(500, "the server failed to answer\n")
            data = response.to_bytes(head_only=is_head)
        return Outcome(data, cause=CloseCause(Cause.UPGRADE, f"a page was asked for: {what}", response.status))
