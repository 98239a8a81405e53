"""A TCP proxy on loopback whose network can be cut, and come back. It stands between a worker and its broker.

with CutProxy(broker.port) as proxy:
    proxy.cut()                 packets get stuck in both directions; new connections are open, and get no answer
    proxy.cut("answers")        only the packets from the broker get stuck
    proxy.cut("reset")          connections are reset, and new ones refused
    proxy.join()                what got stuck arrives, also if its sender has given the connection up meanwhile
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

RESET = struct.pack("ii", 1, 0)
PIECE = 65_536


class _End:
    """One end of a connection, that of the worker or that of the broker, and what waits to be sent there."""

    def __init__(self, end: socket.socket, is_near: bool) -> None:
        end.setblocking(False)
        self.is_near = is_near
        self.socket = end
        self.waiting = bytearray()
        self.has_ended = False
        self.other: _End


class CutProxy:
    """The proxy. It runs in a thread of its own.

    Args:
        upstream: the port of the broker.

    Attributes:
        port: for the worker.
        late: the bytes that arrived after `join`.
    """

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.late = 0
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._ends: set[_End] = set()
        self._lock = threading.Lock()
        self._how = ""
        self._is_over = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def cut(self, how: str = "stuck") -> None:
        """Cuts the network: "stuck", "answers" or "reset"."""
        with self._lock:
            self._how = how
            if how == "reset":
                self._selector.unregister(self._listening)
                self._listening.close()
                for end in tuple(self._ends):
                    self._discard(end, reset=True)

    def join(self) -> None:
        """Ends `cut`."""
        with self._lock:
            self._how = ""
            if self._listening.fileno() < 0:
                self._listening = socket.create_server(("127.0.0.1", self.port))
                self._selector.register(self._listening, selectors.EVENT_READ)
            self.late += sum(len(end.waiting) for end in self._ends)
            for end in tuple(self._ends):
                self._flush(end)

    def _run(self) -> None:
        while not self._is_over:
            events = self._selector.select(0.05)
            with self._lock:
                for key, _ in events:
                    if key.fileobj is self._listening:
                        self._accept()
                    elif key.data in self._ends:
                        self._read(key.data)
                for end in tuple(self._ends):
                    self._flush(end)

    def _accept(self) -> None:
        near, _ = self._listening.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self._upstream), timeout=1.0)
        except OSError:
            near.close()
            return
        one, two = _End(near, is_near=True), _End(far, is_near=False)
        one.other, two.other = two, one
        for end in (one, two):
            self._ends.add(end)
            self._selector.register(end.socket, selectors.EVENT_READ, end)

    def _read(self, end: _End) -> None:
        try:
            piece = end.socket.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if piece:
            end.other.waiting += piece
        else:
            end.has_ended = True
            self._selector.unregister(end.socket)
        self._flush(end.other)

    def _flush(self, end: _End) -> None:
        """Sends what waits for an end; once all was sent that its other end has said, both end."""
        if end not in self._ends or self._how == "stuck" or (self._how == "answers" and end.is_near):
            return
        try:
            while end.waiting:
                del end.waiting[: end.socket.send(end.waiting)]
        except BlockingIOError:
            return
        except OSError:
            end.waiting.clear()
        if end.other.has_ended:
            self._discard(end)

    def _discard(self, end: _End, reset: bool = False) -> None:
        for one in (end, end.other):
            if one in self._ends:
                self._ends.discard(one)
                with suppress(KeyError, ValueError):
                    self._selector.unregister(one.socket)
                if reset:
                    one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                one.socket.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self._thread.join(5.0)
        for end in tuple(self._ends):
            self._discard(end)
        self._listening.close()
        self._selector.close()
