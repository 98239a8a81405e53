"""`Link`: one end of a Unix socket between two processes of a server. It carries bytes, and sockets that change hands.

    parent <-> child      lines of JSON; sockets: a link between a door and a worker, both ends new
    door    -> worker     two bytes for each socket: the shard of the room that its client asks for
    worker  -> door       lines of JSON; sockets: those that came to the wrong worker

Layer: `cluster`.
"""

from __future__ import annotations

import errno
import json
import socket
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from gdpeer.errors import TransportError
from gdpeer.transport.poller import Poller, Timer, Watch
from gdpeer.transport.quiet_socket import QuietSocket
from gdpeer.transport.stream import READ, WRITE

__all__ = ["CAN_PASS", "MOST_SOCKETS", "Lines", "Link", "Unsent"]

CAN_PASS = hasattr(socket, "AF_UNIX") and hasattr(socket, "send_fds")
"""Whether this system passes sockets from process to process: all but Windows do."""

MOST_SOCKETS = 64
"""Sockets in one message; Linux allows 253."""

MOST_BYTES = 65_536
"""Bytes that one call receives."""

RETRY = 0.01
"""Seconds until the next attempt while the system has too many passed sockets that nobody has received."""

_FULL = frozenset({errno.ENOBUFS, errno.ENOMEM, getattr(errno, "ETOOMANYREFS", errno.ENOBUFS)})
_RIGHTS = socket.CMSG_SPACE(MOST_SOCKETS * array("i").itemsize) if CAN_PASS else 0  # type: ignore[attr-defined, unused-ignore]
_CLOSE_ON_EXEC: int = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_NO_SIGNAL: int = getattr(socket, "MSG_NOSIGNAL", 0)
_PASSED: int = getattr(socket, "SCM_RIGHTS", 0)


class Unsent(NamedTuple):
    """Bytes that wait to be sent, and the sockets that go with their first byte."""

    data: bytes
    sockets: Sequence[socket.socket]


OnData = Callable[[bytes, list[socket.socket]], object]


class Link:
    """One end of a connection between two processes of one server. All calls belong to the thread of the poller.

    Args:
        end: a connected Unix socket, which the link owns from here on.
        poller: reports what comes.
        on_data: called with the bytes that came, and the sockets that came with them. The callee owns the sockets.
        on_end: called once, when the other side has closed, or its process has ended.

    Attributes:
        is_open: whether the link can send.
        unsent: what could not be sent yet.
    """

    def __init__(self, end: socket.socket, poller: Poller, on_data: OnData, on_end: Callable[[], object]) -> None:
        end.setblocking(False)
        self._end = end
        self._poller = poller
        self._on_data = on_data
        self._on_end = on_end
        self._watch = Watch(end.fileno())
        self._retry: Timer | None = None
        self._is_discarded = False
        self.is_open = True
        self.unsent: deque[Unsent] = deque()
        self._watch.attach(poller, self._ready)

    def send(self, data: bytes, sockets: Sequence[socket.socket] = ()) -> None:
        """Sends bytes, and sockets of which this process then has no copy any more.

        Args:
            data: at least one byte.
            sockets: at most `MOST_SOCKETS`. They belong to the link, which closes them once they are sent.
        """
        self.unsent.append(Unsent(data, sockets))
        if self._is_discarded:
            self.discard()
        elif len(self.unsent) == 1 and self.is_open:
            self._flush()

    def send_line(self, message: dict[str, Any], sockets: Sequence[socket.socket] = ()) -> None:
        """Sends a message as one line of JSON; `Lines` reads it."""
        whole = {**message, "sockets": len(sockets)} if sockets else message
        self.send(json.dumps(whole, separators=(",", ":")).encode() + b"\n", sockets)

    def finish_sending(self) -> None:
        """Tells the other side that nothing more comes. What it sends is still received."""
        if self.is_open:
            with suppress(OSError):
                self._end.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Closes the link. What is unsent stays in `unsent`, with its sockets. May be called again."""
        if self.is_open:
            self.is_open = False
            if self._retry is not None:
                self._retry.cancel()
            self._watch.detach()
            self._end.close()

    def discard(self) -> None:
        """Closes the link and all sockets that could not be sent, also those of later calls of `send`."""
        self.close()
        self._is_discarded = True
        while self.unsent:
            for passed in self.unsent.popleft().sockets:
                passed.close()

    def _ready(self, events: int) -> None:
        if events & WRITE and self.unsent:
            self._flush()
        if events & READ and self.is_open:
            self._receive()

    def _receive(self) -> None:
        try:
            # Not socket.recv_fds, which drops its flags: the sockets would stay open in programs that the game starts.
            data, ancillary, _, _ = self._end.recvmsg(MOST_BYTES, _RIGHTS, _CLOSE_ON_EXEC)  # type: ignore[attr-defined, unused-ignore]
        except BlockingIOError:
            return
        except OSError:
            self._finish()
            return
        sockets = _sockets_of(ancillary)
        if data:
            self._on_data(data, sockets)
        else:
            self._finish()

    def _flush(self) -> None:
        while self.unsent:
            data, sockets = self.unsent[0]
            try:
                sent = self._send(data, sockets)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno not in _FULL:
                    self._finish()
                elif self._retry is None:
                    self._retry = self._poller.call_at(self._poller.clock.now() + RETRY, self._try_again)
                return
            for passed in sockets:
                passed.close()
            if sent == len(data):
                self.unsent.popleft()
            else:
                self.unsent[0] = Unsent(data[sent:], ())
        self._want_write(bool(self.unsent))

    def _send(self, data: bytes, sockets: Sequence[socket.socket]) -> int:
        if not sockets:
            return self._end.send(data, _NO_SIGNAL)
        rights = array("i", [passed.fileno() for passed in sockets])
        return self._end.sendmsg([data], [(socket.SOL_SOCKET, _PASSED, rights)], _NO_SIGNAL)  # type: ignore[attr-defined, no-any-return, unused-ignore]

    def _try_again(self) -> None:
        self._retry = None
        self._flush()

    def _want_write(self, wanted: bool) -> None:
        try:
            self._watch.want_write(wanted)
        except TransportError:  # the system is short of memory
            if self._retry is None:
                self._retry = self._poller.call_at(self._poller.clock.now() + RETRY, self._try_again)

    def _finish(self) -> None:
        self.close()
        self._on_end()


def _sockets_of(ancillary: list[tuple[int, int, bytes]]) -> list[socket.socket]:
    """Returns the sockets that came with a message."""
    descriptors = array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _PASSED:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return [QuietSocket(fileno=descriptor) for descriptor in descriptors]


class Lines:
    """Puts lines of JSON together from the bytes of a link, each with the sockets that it announces.

    A line with sockets says their number as `"sockets"`.

    Args:
        on_message: called with each message and its sockets, which the callee owns.
    """

    def __init__(self, on_message: Callable[[dict[str, Any], list[socket.socket]], object]) -> None:
        self._on_message = on_message
        self._rest = b""
        self._sockets: deque[socket.socket] = deque()

    def take(self, data: bytes, sockets: list[socket.socket]) -> None:
        """Takes what came; fits `on_data` of a `Link`."""
        self._sockets += sockets
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            own = [self._sockets.popleft() for _ in range(message.get("sockets", 0))]
            self._on_message(message, own)
