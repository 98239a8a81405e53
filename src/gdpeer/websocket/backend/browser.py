"""`BrowserBackend`: one connection over the browser's own `WebSocket`.

The browser does the handshake, the frames, the pings and the closing, and reports the results in events. Events come
between two frames of the page. They wait here for `step`, so that nothing changes except in `poll`, as everywhere.

Messages go to the inbox as long as its limits allow; the others wait behind it, in order. A browser cannot be told to
stop reading. So there is a limit to the messages behind the inbox, too, beyond which the connection is closed.

The stages are CONNECTING, OPEN and DONE. Runs wherever a `WebSocket` object has the members of the HTML standard: in a
page, in a worker, in Node.

Layer: `websocket`; needs nothing of `transport`. Source: WHATWG WebSockets, section 3; reference godot-api section 3.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from gdpeer.clock import Clock
from gdpeer.errors import Cause, CloseCause, Error, TransportError
from gdpeer.logs import get_logger
from gdpeer.protocol.handshake import Opened
from gdpeer.protocol.http_headers import Headers
from gdpeer.protocol.inbox import Inbox
from gdpeer.protocol.url import Url
from gdpeer.websocket.backend.base import SLOW_CAUSE, SLOW_REASON, Backend, Turn
from gdpeer.websocket.backend.deadline import NEVER, Deadline
from gdpeer.websocket.settings import Settings
from gdpeer.websocket.states import Stage
from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["ABNORMAL", "BrowserBackend", "PageSocket", "check_allowed", "open_socket"]

logger = get_logger("gdpeer.websocket")

ABNORMAL = 1006
"""The code that a browser reports if no close frame came."""

TOO_BIG = 4009
"""The code that answers a message over the limit: a page may not send 1009, which `NativeBackend` sends."""

TOO_SLOW = 4013
"""The code for a server that does not read: a page may not send 1013."""

MOST_BEHIND = 16 << 20
"""Bytes that may wait behind a full inbox. A page that polls too seldom for so much has other troubles."""

_UNKNOWN = "the browser could not connect. It tells no page why; its console may: nobody there, a refused upgrade, TLS"

Event = Callable[[], bool]
"""Handles an event; returns False if the event has to wait."""


class PageSocket(Protocol):
    """The members of the browser's `WebSocket` that are used, with Python's values."""

    @property
    def buffered(self) -> int:
        """Bytes that wait to be sent (`bufferedAmount`)."""

    def send(self, payload: bytes, is_text: bool) -> None:
        """Sends a message."""

    def close(self, code: int, reason: str) -> None:
        """Begins to close, without a code if `code` is 0."""

    def release(self) -> None:
        """Stops listening to events."""


class Listener(Protocol):
    """Receives the events of a `PageSocket`."""

    def on_open(self, protocol: str) -> None: ...
    def on_message(self, payload: bytes, is_text: bool) -> None: ...
    def on_close(self, code: int, reason: str, was_clean: bool) -> None: ...


OpenSocket = Callable[[str, Sequence[str], Listener], PageSocket]
"""Opens a socket; raises TransportError if the browser refuses at once."""


def check_allowed(settings: Settings, options: TLSOptions | None) -> None:
    """Refuses settings and options that have no effect in a page.

    Raises:
        TransportError: ERR_UNAVAILABLE; the text names the setting.
    """
    if settings.handshake_headers:
        raise _forbidden("a page cannot add headers to the upgrade: put what they say into the URL or the first packet")
    if options is not None and not options.is_default():
        raise _forbidden("a page cannot choose how certificates are checked: the browser does")


def _forbidden(detail: str) -> TransportError:
    return TransportError(detail, Cause.UPGRADE, Error.ERR_UNAVAILABLE)


class BrowserBackend(Backend):
    """One connection over a `PageSocket`. Nothing is gathered in the turn: the browser gathers what is sent."""

    __slots__ = ("_behind", "_deadline", "_events", "_is_over", "_said_close", "_socket")

    def __init__(self, settings: Settings, clock: Clock, turn: Turn) -> None:
        super().__init__(settings, clock, turn, Inbox(True, settings.limits()), True, 0, 0)
        self._deadline = Deadline(clock, turn, self)
        self._events: deque[Event] = deque()
        self._behind = 0
        self._said_close = False
        self._is_over = False  # for the browser; the peer sees the end when the events before it were handled
        self._socket: PageSocket | None = None

    def connect(self, url: Url, open_socket: OpenSocket) -> None:
        """Begins to connect.

        Raises:
            TransportError: the browser refuses at once.
        """
        address = f"{'wss' if url.secure else 'ws'}://{url.authority}{url.target}"
        self._socket = open_socket(address, self.settings.supported_protocols, self)
        self.stage = Stage.CONNECTING
        self._deadline.set(self.settings.connect_timeout + self.settings.handshake_timeout)

    # ------------------------------------------------------------------------------------------ events

    def on_open(self, protocol: str) -> None:
        """Called when the upgrade is done."""
        self._events.append(lambda: self._open(protocol))

    def on_message(self, payload: bytes, is_text: bool) -> None:
        """Called for each message."""
        self.bytes_received += len(payload)
        self._behind += len(payload)
        self._events.append(lambda: self._take(payload, is_text))

    def on_close(self, code: int, reason: str, was_clean: bool) -> None:
        """Called when the connection has ended, or could not be opened."""
        self._is_over = True
        self._events.append(lambda: self._close(code, reason, was_clean))

    def step(self) -> None:
        """Handles the events that came."""
        self._deadline.check()
        while self._events and self.stage != Stage.DONE:
            event = self._events.popleft()
            if not event():
                self._events.appendleft(event)
                break
        if self._behind > max(MOST_BEHIND, self.settings.inbound_buffer_size):
            self._give_up(f"more than {MOST_BEHIND >> 20} MiB came that nobody took")

    def _open(self, protocol: str) -> bool:
        self.opened = Opened(protocol, None, Headers())
        self.stage = Stage.OPEN
        self._deadline.set(NEVER)
        return True

    def _take(self, payload: bytes, is_text: bool) -> bool:
        if self.inbox.is_full():
            return False
        self._behind -= len(payload)
        if len(payload) > self.settings.inbound_buffer_size:
            self._give_up(f"a message of {len(payload)} bytes, where {self.settings.inbound_buffer_size} are taken")
        else:
            self.inbox.add(payload, is_text)
        return True

    def _close(self, code: int, reason: str, was_clean: bool) -> bool:
        self.closed_by_remote = was_clean and not self._said_close
        detail = _UNKNOWN if self.opened is None else "the connection ended without a close frame"
        cause = CloseCause(Cause.CLOSED, f"closed with code {code}") if was_clean else CloseCause(Cause.TCP, detail)
        self._finish(code, reason, cause)
        return True

    def _give_up(self, detail: str) -> None:
        """Ends the connection because the other side sent more than the limits allow."""
        if self._socket is not None:
            self._socket.close(TOO_BIG, "Message too big")
        self._finish(1009, "Message too big", CloseCause(Cause.TOO_BIG, detail))

    def _finish(self, code: int, reason: str, cause: CloseCause) -> None:
        if self.stage == Stage.DONE:
            return
        self.close_code, self.close_reason, self.cause = code, reason, cause
        self.stage = Stage.DONE
        self._deadline.close()
        self._events.clear()
        self._behind = 0
        if self._socket is not None:
            # The browser may still report events of this socket: a peer that has connected anew must not get them.
            self._socket.release()
            self._socket = None
        logger.info("%s", cause)

    # ------------------------------------------------------------------------------------------ sending

    def is_open(self) -> bool:
        """See `Backend`."""
        return self.stage == Stage.OPEN and not self._said_close and not self._is_over

    def is_closing(self) -> bool:
        """See `Backend`."""
        return self.stage == Stage.OPEN and self._said_close

    def send(self, payload: bytes, is_text: bool, frame: bytes | None = None, reserve: int = 0) -> Error:
        """See `Backend`. The limit of messages has no effect: the browser does not say how many wait."""
        if not self.is_open() or self._socket is None:
            return Error.FAILED
        waiting, limit = self._socket.buffered, self.settings.outbound_buffer_size
        if limit and waiting + len(payload) > limit + reserve:
            if self._count_refused(len(payload), waiting):
                self._socket.close(TOO_SLOW, SLOW_REASON)
                self._finish(1013, SLOW_REASON, SLOW_CAUSE)
            return Error.ERR_OUT_OF_MEMORY
        self._socket.send(payload, is_text)
        self.messages_sent += 1
        self.bytes_sent += len(payload)
        return Error.OK

    def outbound_bytes(self) -> int:
        """See `Backend`."""
        return 0 if self._socket is None else self._socket.buffered

    # ------------------------------------------------------------------------------------------ the end

    def close(self, code: int, reason: str) -> None:
        """See `Backend`. A code that pages may not send is left out, and the reason with it."""
        if code < 0 or self.stage != Stage.OPEN:
            if self.stage != Stage.DONE:
                self.abort("closed here without a close frame")
        elif self.is_open() and self._socket is not None:
            self._said_close = True
            self._deadline.set(self.settings.close_timeout)
            if code != 1000 and code < 3000:
                logger.warning("a page can close with 1000 and 3000-4999, not with %s: closed without a code", code)
                code, reason = 0, ""
            self._socket.close(code, reason)

    def abort(self, detail: str, cause: Cause = Cause.DROPPED) -> None:
        """See `Backend`. The browser may still hold the connection for a while."""
        if self._socket is not None and not self._said_close:
            self._socket.close(0, "")
        self._finish(-1, "", CloseCause(cause, detail))

    def on_deadline(self) -> None:
        """Called when connecting, or the close, took too long."""
        what = "connecting" if self.opened is None else "closing"
        self.abort(f"{what} took too long", Cause.TIMEOUT)


# ---------------------------------------------------------------------------------------------------- JavaScript


class _JavaScriptSocket:  # pragma: no cover - runs in pages and in Node only, where tests/backends shows it
    """The browser's own `WebSocket`."""

    def __init__(self, url: str, protocols: Sequence[str], listener: Listener) -> None:
        from js import WebSocket  # type: ignore[import-not-found]
        from pyodide.ffi import JsException, create_once_callable, create_proxy, to_js  # type: ignore[import-not-found]

        self._listener: Listener | None = listener
        self._to_js = to_js
        try:
            self._socket = WebSocket.new(url, to_js(list(protocols)))
        except JsException as problem:
            raise TransportError(f"the browser refuses: {problem}", Cause.UPGRADE, Error.ERR_CANT_CONNECT) from None
        self._socket.binaryType = "arraybuffer"
        self._proxies = [create_proxy(one) for one in (self._on_open, self._on_message, self._on_error)]
        self._socket.onopen, self._socket.onmessage, self._socket.onerror = self._proxies
        self._socket.onclose = create_once_callable(self._on_close)

    def _on_open(self, _event: Any) -> None:
        if self._listener is not None:
            self._listener.on_open(self._socket.protocol)

    def _on_message(self, event: Any) -> None:
        if self._listener is not None:
            data = event.data
            is_text = isinstance(data, str)
            self._listener.on_message(data.encode("utf-8", "replace") if is_text else data.to_bytes(), is_text)

    def _on_error(self, _event: Any) -> None:
        """Does nothing, as a close event follows. But if nothing listens to errors, Node ends the program."""

    def _on_close(self, event: Any) -> None:
        if self._listener is not None:
            self._listener.on_close(event.code, event.reason, event.wasClean)
        for proxy in self._proxies:
            proxy.destroy()

    @property
    def buffered(self) -> int:
        return int(self._socket.bufferedAmount)

    def send(self, payload: bytes, is_text: bool) -> None:
        self._socket.send(payload.decode() if is_text else self._to_js(payload))

    def close(self, code: int, reason: str) -> None:
        if code:
            self._socket.close(code, reason)
        else:
            self._socket.close()

    def release(self) -> None:
        self._listener = None


open_socket: OpenSocket = _JavaScriptSocket
