"""A proxy on loopback that hurts a connection after so many bytes: resets it, ends a direction, or damages a byte."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

RESET = struct.pack("ii", 1, 0)
UP, DOWN = 0, 1
"""Directions: from the client to the server, and back."""


class Proxy:
    """One connection; `pump` moves what there is, without waiting.

    Args:
        upstream: the server's port.
        how: "reset", "half-close", "damage".
        direction: whose bytes are counted.
        at: after so many of them; negative: never.

    Attributes:
        port: for the client.
        passed: bytes so far, in both directions.
        has_struck: whether it was done.
    """

    def __init__(self, upstream: int, how: str = "reset", direction: int = UP, at: int = -1) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)
        self.port: int = self._listening.getsockname()[1]
        self._upstream = upstream
        self._how = how
        self._direction = direction
        self._at = at
        self._ends: list[socket.socket] = []
        self._waiting = [bytearray(), bytearray()]
        self._ended = [False, False]
        self.passed = [0, 0]
        self.has_struck = False

    def pump(self) -> None:
        if not self._ends and not self.has_struck:
            self._accept()
        for direction in (UP, DOWN):
            if self._ends:
                self._move(direction)

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            client, _ = self._listening.accept()
            server = socket.create_connection(("127.0.0.1", self._upstream))
            self._ends = [client, server]
            for end in self._ends:
                end.setblocking(False)
            self._strike_if_due(self._direction)

    def _strike_if_due(self, direction: int) -> None:
        if direction == self._direction and not self.has_struck and self.passed[direction] == self._at:
            self.has_struck = True
            if self._how == "reset":
                self.close(reset=True)
            elif self._how == "half-close":
                self._end(direction)

    def _move(self, direction: int) -> None:
        source, target = self._ends[direction], self._ends[1 - direction]
        waiting = self._waiting[direction]
        try:
            while not self._ended[direction] and (piece := source.recv(65_536)):
                waiting += piece
            self._send(direction, waiting, target)
            if not self._ended[direction] and not waiting:
                self._end(direction)
        except BlockingIOError:
            with suppress(BlockingIOError):
                self._send(direction, waiting, target)
        except OSError:  # one of them is gone, and so the other is told
            self.close(reset=True)

    def _send(self, direction: int, waiting: bytearray, target: socket.socket) -> None:
        while waiting and self._ends and not self._ended[direction]:
            most = len(waiting)
            if direction == self._direction and self.passed[direction] < self._at:
                most = min(most, self._at - self.passed[direction])
            if (
                self._how == "damage"
                and not self.has_struck
                and direction == self._direction
                and self.passed[direction] == self._at
            ):
                waiting[0] ^= 0xFF
                self.has_struck = True
            sent = target.send(waiting[:most])
            del waiting[:sent]
            self.passed[direction] += sent
            self._strike_if_due(direction)

    def _end(self, direction: int) -> None:
        self._ended[direction] = True
        self._waiting[direction].clear()
        with suppress(OSError):
            self._ends[1 - direction].shutdown(socket.SHUT_WR)

    def close(self, reset: bool = False) -> None:
        """End both connections."""
        for end in self._ends:
            if reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.close()
        self._ends = []
        self._ended = [True, True]
        self._listening.close()


@contextmanager
def proxy(upstream: int, how: str = "reset", direction: int = UP, at: int = -1) -> Iterator[Proxy]:
    """A proxy, closed in the end."""
    made = Proxy(upstream, how, direction, at)
    try:
        yield made
    finally:
        made.close()
