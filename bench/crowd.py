"""Many players in few lines: sockets in one loop, each with a session key, who come back whenever they lose a room.

    crowd = Crowd(port)
    codes = [crowd.make_room() for _ in range(250)]
    crowd.join([code for code in codes for _ in range(4)])
    crowd.run_until(lambda: crowd.here == 1000)

A player knows its id, and notes how long each return took, and whether the id was another one.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import selectors
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

__all__ = ["Crowd", "Player"]

WAITS = (0.1, 0.5)
"""Seconds that a player waits before it connects again: drawn between these two."""

HEAD = (
    "GET /room/{code}?session={key} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


RAW = b"\x03hello there"
"""A packet of `SceneMultiplayer.send_bytes`."""
PACKET = bytes([0x82, 0x80 | len(RAW), 0, 0, 0, 0]) + RAW


class Player:
    """A player of a room.

    Attributes:
        code: of the room.
        key: the session key.
        peer_id: 0 before the first join.
        is_here: whether the player is in the room now.
        has_answer: whether the packet of `Crowd.count_answers` has come back.
        attempts: connections since the player was last in the room.
        returns: how often the player came back.
    """

    __slots__ = (
        "attempts",
        "code",
        "has_answer",
        "is_here",
        "key",
        "lost_at",
        "peer_id",
        "received",
        "returns",
        "socket",
        "upgraded",
    )

    def __init__(self, code: str) -> None:
        self.code = code
        self.key = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        self.peer_id = 0
        self.is_here = self.upgraded = False
        self.attempts = self.returns = 0
        self.lost_at = 0.0
        self.received = b""
        self.has_answer = False
        self.socket: socket.socket | None = None


class Crowd:
    """Players of one server.

    Args:
        port: of the server, on loopback.
        kind: of the rooms that `make_room` makes.

    Attributes:
        players: all of them.
        here: the players who are in their rooms now.
        returns: the seconds of each return, from the loss to the id.
        refused: connections that failed, by reason.
        changed: returns with another id.
        answers: packets that came back.
        closed: close codes that players got.
    """

    def __init__(self, port: int, kind: str = "arena") -> None:
        self.port = port
        self.kind = kind
        self.players: list[Player] = []
        self.returns: list[float] = []
        self.refused: Counter[str] = Counter()
        self.closed: Counter[int] = Counter()
        self.here = self.changed = 0
        self.answers = 0
        self._is_exchanging = False
        self._selector = selectors.DefaultSelector()
        self._later: list[tuple[float, Player]] = []

    def make_room(self) -> str:
        """Has the lobby make a room, and returns its code."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", f"/lobby/{self.kind}/create", "{}", {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status not in (200, 201):
            raise RuntimeError(f"no room: {answer.status} {body!r}")
        code: str = json.loads(body)["url"].partition("/room/")[2][:6]
        return code

    def join(self, codes: Sequence[str], pause: float = 0.0) -> None:
        """Has a player join for each code."""
        for code in codes:
            player = Player(code)
            self.players.append(player)
            self._connect(player)
            self.run(pause)

    def run(self, seconds: float = 0.0) -> None:
        """Lets everything happen for a while."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            for key, events in self._selector.select(max(0.0, min(left, 0.01))):
                self._ready(key.data, events)
            now = time.monotonic()
            due = [player for when, player in self._later if when <= now]
            self._later = [one for one in self._later if one[0] > now]
            for player in due:
                self._connect(player)
            if left <= 0:
                return

    def run_until(self, done: Callable[[], object], seconds: float = 30.0) -> bool:
        """Lets everything happen until something holds; returns whether it does."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                return False
            self.run(0.01)
        return True

    def _connect(self, player: Player) -> None:
        player.attempts += 1
        player.received = b""
        player.upgraded = False
        player.socket = made = socket.socket()
        made.setblocking(False)
        made.connect_ex(("127.0.0.1", self.port))
        self._selector.register(made, selectors.EVENT_WRITE, player)

    def _ready(self, player: Player, events: int) -> None:
        connected = player.socket
        assert connected is not None
        try:
            if events & selectors.EVENT_WRITE:
                connected.sendall(HEAD.format(code=player.code, key=player.key, port=self.port).encode())
                self._selector.modify(connected, selectors.EVENT_READ, player)
                return
            data = connected.recv(65_536)
        except OSError as problem:
            self._lose(player, type(problem).__name__)
            return
        if not data:
            self._lose(player, "end")
            return
        player.received += data
        self._read(player)

    def _read(self, player: Player) -> None:
        if not player.upgraded:
            head, found, rest = player.received.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                self._lose(player, head.split(b" ", 2)[1].decode())
                return
            player.upgraded, player.received = True, rest
        while len(player.received) >= 2:
            size = player.received[1] & 0x7F
            begin = 2
            if size == 126:
                begin, size = 4, int.from_bytes(player.received[2:4], "big")
            if len(player.received) < begin + size:
                return
            opcode, payload = player.received[0] & 0xF, player.received[begin : begin + size]
            player.received = player.received[begin + size :]
            self._take(player, opcode, payload)

    def _take(self, player: Player, opcode: int, payload: bytes) -> None:
        if opcode == 8:
            self.closed[int.from_bytes(payload[:2], "big")] += 1
        elif opcode == 9 and player.socket is not None:
            with suppress(OSError):  # the loss is noticed by the next read
                player.socket.send(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
        elif opcode == 2 and not player.is_here and len(payload) == 4:
            self._arrive(player, struct.unpack("<I", payload)[0])
        elif opcode == 2 and payload == RAW:
            self.answers += 1
            player.has_answer = True
            if self._is_exchanging:
                self._send_packet(player)

    def count_answers(self, seconds: float) -> int:
        """Sends a packet from each player, and returns how many players got it back."""
        for player in self.players:
            player.has_answer = False
            if player.is_here:
                self._send_packet(player)
        self.run_until(lambda: all(player.has_answer for player in self.players), seconds)
        return sum(player.has_answer for player in self.players)

    def exchange(self, seconds: float) -> int:
        """Has each player send its packet again whenever it has come back; returns how often one came back."""
        before, self._is_exchanging = self.answers, True
        for player in self.players:
            self._send_packet(player)
        self.run(seconds)
        self._is_exchanging = False
        return self.answers - before

    def _send_packet(self, player: Player) -> None:
        assert player.socket is not None
        with suppress(OSError):  # the loss is noticed by the next read
            player.socket.send(PACKET)

    def _arrive(self, player: Player, peer_id: int) -> None:
        player.is_here = True
        self.here += 1
        if player.peer_id:
            self.returns.append(time.monotonic() - player.lost_at)
            player.returns += 1
            self.changed += peer_id != player.peer_id
        player.peer_id = peer_id
        player.attempts = 0

    def _lose(self, player: Player, why: str) -> None:
        assert player.socket is not None
        self._selector.unregister(player.socket)
        player.socket.close()
        now = time.monotonic()
        if player.is_here:
            player.lost_at = now
            self.here -= 1
        else:
            self.refused[why] += 1
        player.is_here = False
        self._later.append((now + random.uniform(*WAITS), player))

    def close(self) -> None:
        """Ends all connections."""
        for player in self.players:
            if player.socket is not None:
                player.socket.close()
        self._selector.close()
