"""`ClientUpgrade` and `ServerUpgrade`: take the bytes before a WebSocket opens, and return the `Outcome`.

Both have the same methods, so a backend need not know its role.

Layer: `websocket`, over `protocol.handshake`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from inspect import isawaitable
from typing import Any, Protocol, TypeAlias
from urllib.parse import quote

from gdpeer.errors import NO_CAUSE, Cause, CloseCause, HandshakeError
from gdpeer.http.outgoing import Outgoing, Sending, TooMuchHeld
from gdpeer.http.response import LateResponse, Reply, Response
from gdpeer.logs import get_logger, report
from gdpeer.protocol.handshake import ClientHandshake, GivenHandshake, Opened, ServerHandshake, refusal
from gdpeer.protocol.http_headers import Request
from gdpeer.protocol.limits import Limits
from gdpeer.protocol.url import SAFE, Url
from gdpeer.quoting import escape, redact
from gdpeer.transport.stream import Connector
from gdpeer.websocket.opening.redirects import STATUSES, Hop, first_hop, next_hop
from gdpeer.websocket.settings import Settings

logger = get_logger("gdpeer.websocket")

__all__ = ["Addressed", "Answered", "ClientUpgrade", "Outcome", "Processor", "Question", "ServerUpgrade", "wait_for"]

NOT_LOADED = (OSError, ImportError)
"""Errors of loading h11, which is loaded at its first use: a process without free descriptors cannot load it."""

_SMALL = 16_384  # bytes of the largest page that is sent together with its head

_RETRY = (("Retry-After", "5"),)

Admit = Callable[[Request], None]

Processor = Callable[[Request], Reply]
"""`process_request`: returns None to accept the upgrade, a `Response` to refuse it."""

Answered = Callable[["Response | None", "BaseException | None"], None]
"""Called with the response that came later, or the exception that stands for it."""

Later = Callable[["Awaitable[Response | None]", Answered], None]
Wait = Callable[[Any, Answered], None]
Respond: TypeAlias = "Callable[[Request], Response | Question | None]"
Way = Callable[[Hop], Connector]


class Addressed(Protocol):
    """A stream, as far as an upgrade needs it: the address of the other side."""

    @property
    def remote_address(self) -> tuple[str, int]:
        """The host in numbers and the port; "" and 0 without TCP."""


@dataclass(slots=True)
class Outcome:
    """The end of an upgrade.

    Attributes:
        data: bytes to send.
        sending: the rest of a page, to send after `data` piece by piece; None: there is no rest.
        opened: the agreed sub-protocol, compression and headers; None if the WebSocket did not open.
        leftover: bytes of the WebSocket that came together with the upgrade.
        cause: why the WebSocket did not open.
        elsewhere: for a redirect, makes the connector to the new URL; all other attributes are empty then.
    """

    data: bytes = b""
    opened: Opened | None = None
    leftover: bytes = b""
    cause: CloseCause = NO_CAUSE
    elsewhere: Callable[[], Connector] | None = None
    sending: Sending | None = None


def _not_loaded(problem: Exception) -> CloseCause:
    return CloseCause(Cause.UPGRADE, f"what reads such a head cannot be loaded: {problem}")


def _failed(problem: HandshakeError) -> CloseCause:
    return CloseCause(problem.cause, problem.detail, problem.status)


class ClientUpgrade:
    """A client's upgrade. A redirect begins a new handshake, with a new key.

    Args:
        settings: for sub-protocols, headers, compression and `max_redirects`.
        limits: the most bytes of a head.
        url: the server's.
        way: makes the connector of a hop. None: the stream is given, and no redirect is followed.

    Attributes:
        request: None; a server's upgrade has the request here.

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
        """Returns the connector for the next request.

        Raises:
            TransportError: as `connecting.make_connector`.
        """
        assert self._way is not None
        return self._way(self._hop)

    def begin(self) -> bytes:
        """Returns the bytes of the request."""
        assert self._handshake is not None
        return self._handshake.request()

    def receive(self, data: bytes, stream: Addressed) -> Outcome | None:
        """Takes bytes; returns the outcome once, and None before and afterwards."""
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
        """Returns the outcome of a failed handshake: a redirect to follow, or the end."""
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
        """Returns the outcome after `handshake_timeout`."""
        return Outcome(cause=CloseCause(Cause.TIMEOUT, "the server did not answer the upgrade in time"))


def _is_among(path: str, paths: Collection[str]) -> bool:
    """Whether a request's path is one of some paths, which may be written without percent-encoding."""
    return path in paths or any(not one.isascii() and quote(one, safe=SAFE) == path for one in paths)


class Question:
    """One call of the program's `process_request` or HTTP handler, and its answer, which may come later.

    Args:
        process: the program's function.
        most: the most bytes that may come before the answer.
        wait: waits for an answer that comes later, then calls its second argument; see `wait_for`.

    Attributes:
        held: the outcome if `process` accepts the upgrade; without `opened` for a page; None: `process` was not called
            yet.
        answer: the returned value and the raised exception; None: `process` has not answered yet.
    """

    __slots__ = ("_left", "_process", "_wait", "answer", "held")

    def __init__(self, process: Processor, most: int, wait: Wait | None) -> None:
        self._process = process
        self._wait = wait or _refuse_to_wait
        self._left = most
        self.held: Outcome | None = None
        self.answer: tuple[object, BaseException | None] | None = None

    def ask(self, request: Request, outcome: Outcome) -> None:
        """Calls `process`, with the outcome to use if it accepts the upgrade."""
        self.held = outcome
        self._left -= len(outcome.leftover)
        try:
            answer = self._process(request)
            if answer is not None and (hasattr(answer, "then") or isawaitable(answer)):
                self._wait(answer, self._take)
            else:
                self.answer = answer, None
        except Exception as problem:  # of the program's own code: the client gets status 500
            self.answer = None, problem

    def _take(self, answer: Response | None, problem: BaseException | None) -> None:
        self.answer = answer, problem

    def keep(self, held: Outcome, data: bytes) -> None:
        """Keeps bytes of the WebSocket that come before the answer; raises HandshakeError beyond the limit."""
        self._left -= len(data)
        if self._left < 0:
            raise HandshakeError("too much was sent before the answer", status=400)
        if held.opened is not None:
            held.leftover += data

    def response(self) -> Response | None:
        """Returns the answer of `process`.

        Raises:
            Exception: `process` raised it.
            TypeError: `process` returned neither None nor a `Response`.
        """
        assert self.answer is not None
        answer, problem = self.answer
        if problem is not None:
            raise problem
        if answer is not None and not isinstance(answer, Response):
            raise TypeError(f"expected None or a Response, not {type(answer).__name__}")
        return answer


def wait_for(answer: Any, answered: Answered, later: Later | None) -> None:
    """Has `answered` called with the result of an answer that comes later.

    Args:
        answer: a `LateResponse`, or any awaitable.
        answered: called once, perhaps at once.
        later: awaits awaitables; None: there is no event loop.

    Raises:
        TypeError: the answer is no `LateResponse`, and nothing can await it.
    """
    if hasattr(answer, "then"):
        answer.then(lambda done: _pass_on(done, answered))
    elif later is not None:
        later(answer, answered)
    else:
        _refuse_to_wait(answer, answered)


def _pass_on(done: LateResponse, answered: Answered) -> None:
    try:
        response = done.result()
    except Exception as problem:
        answered(None, problem)
    else:
        answered(response, None)


def _refuse_to_wait(answer: Any, answered: Answered) -> None:
    if hasattr(answer, "close"):  # Python warns of a coroutine that is dropped without close()
        answer.close()
    raise TypeError(
        "this must not be async here: only servers of gdpeer.aio and gdpeer.asgi can wait for a coroutine; elsewhere "
        "return a gdpeer.http.LateResponse"
    )


class ServerUpgrade:
    """A server's upgrade. After the outcome it keeps only the request.

    Args:
        settings: for sub-protocols, origins, paths and headers.
        limits: the most bytes of a head and a body.
        admit: called with each upgrade before it is accepted; raises HandshakeError to refuse it.
        respond: answers requests for pages, or returns a `Question` that was not asked yet. None: they get status 426.
        outgoing: counts the memory of all pages that the server sends; None: this page's alone.
        given: the request, if another HTTP server has parsed it. Then `receive` needs no bytes.

    Attributes:
        request: the whole request; None until it has come.
        question: of the program's `process_request`, or of a page; None: there is none.

    Raises:
        ValueError: a header of the settings is not valid.
    """

    __slots__ = ("_admit", "_handshake", "_outgoing", "_paths", "_respond", "question", "request")

    is_client = False

    def __init__(
        self,
        settings: Settings,
        limits: Limits,
        admit: Admit | None = None,
        respond: Respond | None = None,
        outgoing: Outgoing | None = None,
        given: Request | None = None,
    ) -> None:
        self.request: Request | None = None
        self.question: Question | None = None
        self._paths = settings.allowed_paths
        self._admit = admit
        self._respond = respond
        self._outgoing = outgoing
        terms = settings.terms()
        self._handshake: ServerHandshake | None = (
            ServerHandshake(terms, limits) if given is None else GivenHandshake(terms, limits, given)
        )

    @classmethod
    def done(cls) -> ServerUpgrade:
        """Returns an upgrade that is done. It has nothing, so all open connections may share it."""
        upgrade = cls.__new__(cls)
        upgrade.request = upgrade.question = None
        upgrade._handshake = upgrade._admit = upgrade._respond = upgrade._outgoing = upgrade._paths = None
        return upgrade

    def begin(self) -> bytes:
        """Returns no bytes: the client sends first."""
        return b""

    def receive(self, data: bytes, stream: Addressed) -> Outcome | None:
        """Takes bytes; returns the outcome once, and None before and afterwards."""
        handshake = self._handshake
        if handshake is None:
            return None
        try:
            outcome = self._go_on(handshake, data, stream)
        except HandshakeError as problem:
            outcome = self._refuse(problem)
        except NOT_LOADED as problem:
            outcome = Outcome(cause=_not_loaded(problem))
        if outcome is not None:
            self._handshake = self._admit = self._respond = self._outgoing = self.question = None
        return outcome

    def _go_on(self, handshake: ServerHandshake, data: bytes, stream: Addressed) -> Outcome | None:
        question = self.question
        if question is not None and question.held is not None:
            question.keep(question.held, data)
            return self._conclude(question)
        request = handshake.receive_data(data)
        if request is None:
            return None
        self.request = request
        if self._respond is not None and not handshake.is_upgrade:
            self.request = request = replace(request, remote_address=stream.remote_address)
            return self._page(request, self._respond)
        outcome = self._accept(request, handshake)
        if question is None:
            return outcome
        self.request = request = replace(request, remote_address=stream.remote_address)
        question.ask(request, outcome)
        return self._conclude(question)

    def time_out(self) -> Outcome:
        """Returns the outcome after `handshake_timeout`: the client was too slow, or `process_request` was."""
        what = HandshakeError("the request did not come in time", Cause.TIMEOUT, status=408)
        if self.question is not None and self.question.held is not None:
            what = HandshakeError("the server took too long to decide", Cause.TIMEOUT, status=503, headers=_RETRY)
        self._handshake = self.question = None
        return self._refuse(what)

    def _conclude(self, question: Question) -> Outcome | None:
        """Returns the outcome by the program's answer; None while there is no answer."""
        if question.answer is None:
            return None
        if question.held is not None and question.held.opened is None:
            assert self.request is not None
            return self._page(self.request, lambda request: question.response())
        try:
            refusal = question.response()
            return question.held if refusal is None else self._send(refusal, "refused by process_request")
        except TooMuchHeld as problem:
            return self._refuse(problem)
        except Exception:
            report(logger, "process_request failed")
            return self._refuse(HandshakeError("the server failed to decide", status=500))

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
        except NOT_LOADED:  # without h11 the connection ends without an answer
            data = b""
        return Outcome(data, cause=_failed(problem))

    def _page(self, request: Request, respond: Respond) -> Outcome | None:
        what = f"{request.method} {request.path[:200]}"
        told = f"a page was asked for: {what}"
        try:
            response = respond(request)
            if isinstance(response, Question):
                self.question = response
                response.ask(request, Outcome())
                return self._conclude(response)
            return self._send(response or Response(404, f"nothing at {request.path[:200]}\n"), told)
        except HandshakeError:
            raise
        except Exception:  # of the program's own code, or because it returned a wrong response
            report(logger, "the HTTP handler failed for %s", what)
            return self._send(Response(500, "the server failed to answer\n"), told)

    def _send(self, response: Response, told: str) -> Outcome:
        """Returns the outcome that sends a response.

        Raises:
            HandshakeError: the pages that are being sent hold too much memory already.
            Exception: the response is not valid, or its file cannot be read.
        """
        request = self.request
        assert request is not None
        data, source = response.begin(request.version, head_only=request.method == "HEAD")
        cause = CloseCause(Cause.UPGRADE, told, response.status)
        if source is not None and source.length is not None and source.length <= _SMALL:
            data += source.next_piece(_SMALL)
            source.close()
            source = None
        if source is None:
            return Outcome(data, cause=cause)
        try:
            sending = Sending(self._outgoing or Outgoing(), response.body, source)
        except HandshakeError:
            source.close()
            raise
        return Outcome(data, cause=cause, sending=sending)
