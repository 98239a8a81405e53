"""`AsgiBackend`: one connection of a server, whose messages an ASGI server carries (uvicorn, Hypercorn).

The ASGI server does the handshake, the frames, the pings and TLS. It hands over the request and the messages, and takes
events to send. This backend does the rest: the checks of the upgrade, the limits, the deadlines, the close. A request
for a page comes the same way, and its response goes out in events.

What is to be sent waits in a queue here until the ASGI server has taken it: so `outbound_buffer_size` counts as it does
for `NativeBackend`. While the inbox is full, nothing more is asked of the ASGI server, which then holds the client back
by TCP.

The stages are UPGRADING, OPEN, LINGERING (a page or a refusal goes out) and DONE.

Layer: `websocket`; does not import asyncio: `gdpeer.asgi` has the tasks. Source: ASGI 3, HTTP and WebSocket 2.5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from gdpeer.clock import Clock
from gdpeer.errors import NO_CAUSE, Cause, CloseCause, Error, HandshakeError
from gdpeer.http.outgoing import Sending
from gdpeer.logs import get_logger, report
from gdpeer.protocol.handshake import Opened, refusal
from gdpeer.protocol.http_headers import Request
from gdpeer.protocol.inbox import Inbox
from gdpeer.websocket.backend.base import SLOW_CAUSE, SLOW_REASON, Backend, Turn
from gdpeer.websocket.backend.connection_log import limit_of, log_line
from gdpeer.websocket.backend.deadline import NEVER, Deadline
from gdpeer.websocket.backend.http_answer import PAGE_STALL
from gdpeer.websocket.backend.message_log import MessageLog, begin_message_log
from gdpeer.websocket.backend.rate_limit import RateLimit
from gdpeer.websocket.opening.upgrade import Outcome, ServerUpgrade
from gdpeer.websocket.settings import Settings
from gdpeer.websocket.states import Stage

__all__ = ["ABNORMAL", "LAST_WORDS", "AsgiBackend", "Caller", "Carrier", "Event", "refusal_events"]

logger = get_logger("gdpeer.websocket")

ABNORMAL = 1006
"""The code of an ASGI server for an end without a close frame."""

RESTART = 1012
"""The code with which uvicorn closes all connections when it stops, before the application hears of that."""

LAST_WORDS = 1.0
"""Seconds that the ASGI server has to take the last events of a connection that has ended here."""

Event = dict[str, Any]
"""An event for the ASGI server."""

_DONE = ServerUpgrade.done()
_CONTROL = -1  # the size of an event that is no message


@dataclass(frozen=True, slots=True)
class Caller:
    """The other side of a connection.

    Attributes:
        remote_address: the host in numbers and the port; ("", 0) without TCP.
        is_secure: whether the connection uses TLS.
        answer: the beginning of the types of events for an HTTP response; "": only status 403 can be sent.
    """

    remote_address: tuple[str, int]
    is_secure: bool
    answer: str


class Carrier(Protocol):
    """Carries the events of one connection."""

    def wake(self) -> None:
        """Has `next_event` asked soon; raises RuntimeError in another thread than that of the event loop."""

    def read_on(self) -> None:
        """Has the next message received: `paused` is False again."""

    def news(self) -> None:
        """Has the owner polled soon."""

    def end(self, seconds: float) -> None:
        """Ends the connection once all events are sent, or after `seconds`."""


class AsgiBackend(Backend):
    """One connection over the events of ASGI. Nothing is gathered in the turn: all events wait until it is over.

    Args:
        settings, clock, turn, number: see `Backend`.
        upgrade: for the request of the connection, which it was given.
        caller: the other side.
        carrier: carries the events.
    """

    __slots__ = (
        "_caller",
        "_carrier",
        "_held",
        "_message_log",
        "_messages",
        "_pending",
        "_queue",
        "_rate_limit",
        "_said_close",
        "_sending",
        "deadline",
        "kept_request",
        "upgrade",
    )

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        upgrade: ServerUpgrade,
        turn: Turn,
        number: int,
        caller: Caller,
        carrier: Carrier,
    ) -> None:
        super().__init__(settings, clock, turn, Inbox(False, settings.limits()), False, number, 0)
        self.upgrade = upgrade
        self.deadline = Deadline(clock, turn, self)
        self.kept_request: Request | None = None
        self._caller = caller
        self._carrier = carrier
        self._queue: deque[tuple[Event, int]] = deque()
        self._messages = self._pending = 0  # messages in the queue, and their bytes
        self._sending: Sending | None = None
        self._held: tuple[int, str] | None = None  # a close of the other side, until the packets before it were taken
        self._said_close = False
        self._message_log: MessageLog | None = None
        self._rate_limit: RateLimit | None = None

    # ------------------------------------------------------------------------------------------ opening

    def begin(self) -> None:
        """Answers the request, or waits for a decision of the program."""
        self.stage = Stage.UPGRADING
        self.deadline.set(self.settings.handshake_timeout)
        self.go_on()

    def go_on(self) -> None:
        """Asks the upgrade: for the first time, or again because a decision has come."""
        if self.stage == Stage.UPGRADING:
            outcome = self.upgrade.receive(b"", self._caller)
            if outcome is not None:
                self._take_outcome(outcome)
            self._tell()

    def _take_outcome(self, outcome: Outcome) -> None:
        if outcome.opened is None:
            self._answer(outcome)
        else:
            self._open(outcome.opened)

    def _open(self, opened: Opened) -> None:
        settings = self.settings
        self.opened = opened
        self.stage = Stage.OPEN
        self.deadline.set(NEVER)
        request = self.kept_request = self.upgrade.request
        self.upgrade = _DONE
        headers = _encoded(settings.header_fields())
        self._put({"type": "websocket.accept", "subprotocol": opened.protocol or None, "headers": headers})
        self._message_log = begin_message_log(self.peer_id, "" if request is None else request.target)
        if settings.message_rate or settings.byte_rate:
            self._rate_limit = RateLimit(settings.message_rate, settings.byte_rate, self._clock.now())

    def _answer(self, outcome: Outcome) -> None:
        """Ends with an HTTP response."""
        limit = limit_of(self._turn.log_limits, self._caller)
        self._end(-1, "", outcome.cause)
        self.stage = Stage.LINGERING
        if self._caller.answer:
            self._sending = outcome.sending
        elif outcome.sending is not None:
            outcome.sending.close()
        for event in _answer_events(self._caller.answer, outcome.data, outcome.sending is not None):
            self._put(event)
        self.deadline.set(PAGE_STALL)
        log_line(limit, "peer %s: %s", self.peer_id, outcome.cause)

    # ------------------------------------------------------------------------------------------ facts

    def request(self) -> Request | None:
        """Returns the request of the upgrade; an open connection may keep a part of it."""
        return self.upgrade.request or self.kept_request

    def remote_address(self) -> tuple[str, int]:
        """Returns the address that the ASGI server tells; "" and 0 if it knows none."""
        return self._caller.remote_address

    def is_secure(self) -> bool:
        """Whether the ASGI server, or a proxy that it trusts, says `wss` or `https`."""
        return self._caller.is_secure

    # ------------------------------------------------------------------------------------------ receiving

    def on_message(self, payload: bytes, is_text: bool) -> None:
        """Called for each message; not while `paused`."""
        if self.stage != Stage.OPEN or self._held is not None:
            return
        self.bytes_received += len(payload)
        if len(payload) > self.settings.inbound_buffer_size:
            self._give_up(f"a message of {len(payload)} bytes, where {self.settings.inbound_buffer_size} are taken")
            return
        self.inbox.add(payload, is_text)
        if self._message_log is not None:
            self._message_log.received(self.inbox)
        if self.inbox.is_full() or self._is_too_fast():
            self.paused = True
        self._tell()

    def _give_up(self, detail: str) -> None:
        """Ends the connection because the other side sent a message over the limit."""
        self._put({"type": "websocket.close", "code": 1009, "reason": "Message too big"})
        self._end(1009, "Message too big", CloseCause(Cause.TOO_BIG, detail))
        self._finish(LAST_WORDS)

    def _is_too_fast(self) -> bool:
        limit = self._rate_limit
        if limit is None:
            return False
        limit.charge(self.inbox.received, self.bytes_received, self._clock.now())
        is_in_debt = self._is_in_debt()
        self.throttled += is_in_debt
        return is_in_debt

    def _is_in_debt(self) -> bool:
        limit = self._rate_limit
        return limit is not None and limit.is_in_debt(self._clock.now(), self._turn.poller, self._read_on)

    def make_room(self) -> None:
        """Asks the ASGI server for the next message, once half of the inbox is free."""
        inbox = self.inbox
        if 2 * inbox.queued_bytes <= self.settings.inbound_buffer_size and 2 * inbox.count <= self._most_packets:
            self._read_on()

    def _read_on(self) -> None:
        if self.paused and not self.inbox.is_full() and not self._is_in_debt():
            self.paused = False
            self._carrier.read_on()

    def step(self) -> None:
        """Looks at the deadline: everything else comes in events."""
        self.deadline.check()

    def on_disconnect(self, code: int, reason: str) -> None:
        """Called when the other side has closed or is gone; and when the ASGI server ends the connection."""
        if self.stage == Stage.OPEN:
            if self._held is None:
                self._held = code, reason
                self._tell()
        elif self.stage == Stage.UPGRADING:
            self._lose(CloseCause(Cause.TCP, "the other side ended the connection before the upgrade was done"))
        else:
            self._finish(0.0)

    # ------------------------------------------------------------------------------------------ sending

    def is_open(self) -> bool:
        """Whether neither side has begun to close."""
        return self.stage == Stage.OPEN and not self._said_close and self._held is None

    def is_closing(self) -> bool:
        """Whether the ASGI server was given a close, and no end has come."""
        return self.stage == Stage.OPEN and self._said_close

    def send(self, payload: bytes, is_text: bool, frame: bytes | None = None, reserve: int = 0) -> Error:
        """See `Backend`. The ASGI server makes the frame."""
        if not self.is_open():
            return Error.FAILED
        size, limit = len(payload), self._outbound_limit
        has_place = self._messages + 1 <= self._most_packets + reserve
        if not has_place or (limit and self._pending + size > limit + reserve):
            if self._count_refused(size, self._pending):
                self._end_slow()
            return Error.ERR_OUT_OF_MEMORY
        content = {"text": payload.decode()} if is_text else {"bytes": payload}
        self._put({"type": "websocket.send", **content}, size)
        self.messages_sent += 1
        if self._message_log is not None:
            self._message_log.sent(size, is_text)
        return Error.OK

    def _put(self, event: Event, size: int = _CONTROL) -> None:
        self._carrier.wake()  # first: in another thread it raises, and nothing may be queued there
        self._queue.append((event, size))
        if size != _CONTROL:
            if not self._messages:
                self._turn.stalled += 1
            self._messages += 1
            self._pending += size

    def next_event(self) -> Event | None:
        """Returns the event to send next; None: nothing waits. Call `sent` when the ASGI server has taken the event."""
        if self._queue:
            return self._queue[0][0]
        return None if self._sending is None else self._next_piece(self._sending)

    def _next_piece(self, sending: Sending) -> Event | None:
        """Returns the next piece of a page."""
        try:
            piece = sending.next_piece()
        except Exception:  # a file that became shorter, or an iterator of the game's
            report(logger, "peer %s: a page broke off", self.peer_id)
            self._finish(0.0)
            return None
        event = {"type": f"{self._caller.answer}.body", "body": bytes(piece), "more_body": bool(piece)}
        self._queue.append((event, _CONTROL))
        if not piece:
            self._sending = None
        self.deadline.set(PAGE_STALL)
        return event

    def sent(self) -> None:
        """Called when the ASGI server has taken the event of `next_event`."""
        if not self._queue:  # the connection has ended meanwhile
            return
        _, size = self._queue.popleft()
        if size != _CONTROL:
            self.bytes_sent += size
            self._messages -= 1
            self._pending -= size
            if not self._messages and self.stage != Stage.DONE:
                self._turn.stalled -= 1
            if self.was_refused and self.has_drained():
                self._tell()
        elif self.stage == Stage.LINGERING and not self._queue and self._sending is None:
            self._finish(0.0)

    def outbound_bytes(self) -> int:
        """Returns how many bytes of messages the ASGI server has not taken."""
        return self._pending

    def outbound_packets(self) -> int:
        """Returns how many messages the ASGI server has not taken."""
        return self._messages

    # ------------------------------------------------------------------------------------------ the end

    def is_held(self) -> bool:
        """Whether the other side has closed, and packets before its close may wait."""
        return self._held is not None and self.stage == Stage.OPEN

    def settle(self) -> None:
        """Shows a close of the other side; one turn later if packets are read between two turns."""
        if not self._turn.defers:
            self._settle()
        elif self._turn.poller is not None and self.is_held():
            self._turn.poller.soon(self._settle_late)

    def _settle_late(self) -> None:
        self._settle()
        self._turn.touch(self)

    def _settle(self) -> None:
        if self._held is None or self.stage != Stage.OPEN:
            return
        code, reason = self._held
        if code == ABNORMAL:
            self._lose(CloseCause(Cause.TCP, "the connection ended without a close frame"))
            return
        self.closed_by_remote = not self._said_close and code != RESTART
        self._end(code, reason, CloseCause(Cause.CLOSED, f"closed with code {code}"))
        self._finish(0.0)

    def close(self, code: int, reason: str) -> None:
        """Gives the ASGI server a close event, behind all messages that wait."""
        if code < 0 or self.stage < Stage.OPEN:
            self.abort("closed here without a close frame")
        elif self.is_open():
            self._put({"type": "websocket.close", "code": code, "reason": reason})
            self._said_close = True
            self.deadline.set(self.settings.close_timeout)
            self._tell()

    def _end_slow(self) -> None:
        limit = limit_of(self._turn.log_limits, self._caller)
        self._end(1013, SLOW_REASON, SLOW_CAUSE)
        self.close(1013, SLOW_REASON)
        # Last: a handler of the log may send to this peer, and must find it closing.
        log_line(limit, "peer %s: closed with 1013: %s", self.peer_id, SLOW_CAUSE)

    def abort(self, detail: str, cause: Cause = Cause.DROPPED) -> None:
        """Ends the connection at once, and drops all events that wait."""
        if self.stage < Stage.LINGERING:
            self._settle()
            self._lose(CloseCause(cause, detail))
        else:
            self._finish(0.0)

    def leave(self) -> None:
        """See `Backend`. The events that wait still go out, within `LAST_WORDS` seconds."""
        self._settle()
        self._end(-1, "", CloseCause(Cause.DROPPED, "this side stopped"))
        self._finish(LAST_WORDS)

    def on_deadline(self) -> None:
        """Called when the upgrade, a page or the close took too long."""
        if self.stage == Stage.UPGRADING:
            self._take_outcome(self.upgrade.time_out())
            self._tell()
        elif self.stage == Stage.OPEN:
            self._lose(CloseCause(Cause.TIMEOUT, "closing took too long"))
        else:
            self._finish(0.0)

    def _lose(self, cause: CloseCause) -> None:
        """Ends at once, unless the connection has ended already."""
        if self.stage == Stage.DONE:
            return
        limit = limit_of(self._turn.log_limits, self._caller)
        self._end(-1, "", cause)
        self._finish(0.0)
        log_line(limit, "peer %s: %s", self.peer_id, cause)

    def _end(self, code: int, reason: str, cause: CloseCause) -> None:
        if self.cause is NO_CAUSE:  # the first cause counts: the others follow from it
            self.close_code, self.close_reason, self.cause = code, reason, cause

    def _finish(self, seconds: float) -> None:
        """Ends for the owner. The events that wait still go out, within some seconds."""
        if self.stage == Stage.DONE:
            return
        self.stage = Stage.DONE
        self.paused = False
        if self._messages:
            self._turn.stalled -= 1
        if not seconds:
            self._queue.clear()
            self._messages = self._pending = 0
        if self._sending is not None:
            self._sending.close()
            self._sending = None
        self.deadline.close()
        if self._rate_limit is not None:
            self._rate_limit.stop()
        self._carrier.end(seconds)
        self._tell()

    def _tell(self) -> None:
        self._turn.touch(self)
        self._carrier.news()


# ---------------------------------------------------------------------------------------------------- HTTP


def refusal_events(answer: str, problem: HandshakeError) -> Iterable[Event]:
    """Returns the events that refuse a request, for which there is no backend; `answer` as in `Caller`."""
    return _answer_events(answer, refusal(problem), False)


def _answer_events(answer: str, data: bytes, has_more: bool) -> Iterable[Event]:
    """Returns the events for a response that was made for the wire; without `answer` the close that means 403."""
    if not answer:
        return [{"type": "websocket.close", "code": 1000, "reason": ""}]
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    fields = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    headers = [field for field in fields if field[0] != b"connection"]  # of the ASGI server
    start = {"type": f"{answer}.start", "status": int(status.split(b" ")[1]), "headers": headers}
    return [start, {"type": f"{answer}.body", "body": body, "more_body": has_more}]


def _encoded(fields: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in fields]
