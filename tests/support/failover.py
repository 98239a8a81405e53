"""A crowd of players in one thread, who connect again as the documentation's script does. For the ends of workers.

    crowd = Crowd(port)
    crowd.add("/room/K7Q2M3?session=...")       as often as wanted
    crowd.run_until(crowd.all_in, 30.0)
    mark = crowd.now()                          ... kill a worker ...
    crowd.run_until(crowd.all_in, 30.0)
    times = [player.back_at - mark for player in crowd.players if player.back_at > mark]

The players are sockets with just enough of WebSocket and of Godot's protocol, so that their own time counts little.
"""

from __future__ import annotations

import http.client
import json
import math
import random
import selectors
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ["Crowd", "Player", "ask_lobby", "percentile"]

FIRST_WAIT, LONGEST_WAIT = 0.5, 4.0
"""Seconds from a loss to the next attempt; doubled at each attempt that fails."""
PATIENCE = 3.0
"""Seconds that an attempt has, as in the engine."""


class Player:
    """A player.

    Attributes:
        target: path and query of the room, with the key.
        peer_id: of the current or last connection; 0: none yet.
        ids: all that the player ever had.
        is_in: whether the player has an id on the current connection.
        back_at: when the player got the id of the current connection.
        lost_at: when the last connection ended.
        statuses: of the upgrades that were refused; 0: the connection ended before an answer.
        closes: close codes of the server.
        room: the name of the room's object that was heard last, and the process of its worker; "" and 0 at first.
        restored: moments of the states that the player came back to.
        told: the answers to `ask`.
        count: the highest count that the room has told.
        fell_by: by how much the counts have ever fallen.
        fails: attempts that failed since the last time in.
        losses: how often the player was in, and lost the connection.
        played: from when to when each room played, by the name of its object and by its own clock.
        port: of the next connection; a test may change it.
        pace: seconds from a loss to each next attempt; 0: later and later.
        silence: seconds without a word of the room after which the player gives the connection up.
    """

    def __init__(self, crowd: Crowd, target: str) -> None:
        self.crowd = crowd
        self.target = target
        self.peer_id = 0
        self.ids: set[int] = set()
        self.is_in = False
        self.back_at = self.lost_at = 0.0
        self.statuses: Counter[int] = Counter()
        self.closes: Counter[int] = Counter()
        self.room = ("", 0)
        self.restored: list[float] = []
        self.told: list[str] = []
        self.count = self.fell_by = 0
        self.fails = self.losses = 0
        self.played: dict[str, tuple[float, float]] = {}
        self.port = crowd.port
        self.pace = 0.0
        self.silence = math.inf
        self.heard_at = 0.0
        self.socket: socket.socket | None = None
        self.next_at = 0.0  # the next attempt, or the end of the current one
        self._wait = FIRST_WAIT
        self._data = bytearray()
        self._has_head = False

    @property
    def code(self) -> str:
        """The code of the player's room."""
        return self.target.removeprefix("/room/")[:6]

    def connect(self) -> None:
        self._data.clear()
        self._has_head = self.is_in = False
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect_ex(("127.0.0.1", self.port))
        self.next_at = self.crowd.now() + PATIENCE
        self.crowd.selector.register(self.socket, selectors.EVENT_WRITE, self)

    def take(self, events: int) -> None:
        """Handles an event of the socket."""
        assert self.socket is not None
        try:
            if events & selectors.EVENT_WRITE:
                self.socket.send(self._request())
                self.crowd.selector.modify(self.socket, selectors.EVENT_READ, self)
                return
            piece = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self.lose()
            return
        self._data += piece
        self._read()

    def _request(self) -> bytes:
        return (
            f"GET {self.target} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()

    def lose(self) -> None:
        """Takes note that the connection has ended; the next attempt follows after a while."""
        if self.socket is not None:
            self.crowd.selector.unregister(self.socket)
            self.socket.close()
            self.socket = None
        now = self.crowd.now()
        if self.is_in:
            self.is_in, self.lost_at = False, now
            self.losses += 1
        else:
            self.fails += 1
            if not self._has_head:
                self.statuses[0] += 1
        self.next_at = now + (self.pace or self._wait * random.uniform(0.8, 1.2))
        self._wait = min(2 * self._wait, LONGEST_WAIT)
        self.crowd.on_lost(self)

    def _read(self) -> None:
        if not self._has_head:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            status = int(self._data[9:12])
            self._has_head = True
            del self._data[: end + 4]
            if status != 101:
                self.statuses[status] += 1
                self.lose()
                self.crowd.on_refused(self, status)
                return
        while (message := self._next_message()) is not None:
            self._take_message(*message)

    def _next_message(self) -> tuple[int, bytes] | None:
        data = self._data
        if len(data) < 2:
            return None
        size, at = data[1] & 0x7F, 2
        if size == 126:
            size, at = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, at = int.from_bytes(data[2:10], "big"), 10
        if len(data) < at + size:
            return None
        message = data[0] & 15, bytes(data[at : at + size])
        del data[: at + size]
        return message

    def _take_message(self, opcode: int, payload: bytes) -> None:
        if opcode == 8:
            self.closes[int.from_bytes(payload[:2], "big")] += 1
            self._send(8, payload[:2])  # then the server ends the connection
        elif opcode == 9:
            self._send(10, payload)
        elif not self.is_in:
            (self.peer_id,) = struct.unpack("<I", payload)
            self.ids.add(self.peer_id)
            self.is_in = True
            self.back_at = self.heard_at = self.crowd.now()
            self._wait, self.fails = FIRST_WAIT, 0
        elif payload[0] & 7 == 3:
            self._hear(json.loads(payload[1:]))

    def ask(self, player: str) -> None:
        """Has the room tell another player something by way of the cluster; the outcome comes to `told`."""
        self._send(2, b"\x03" + json.dumps({"tell": player}).encode())

    def _send(self, opcode: int, data: bytes) -> None:
        if self.socket is not None:
            with suppress(OSError):  # the end of the connection is seen soon
                self.socket.send(bytes((0x80 | opcode, 0x80 | len(data), 0, 0, 0, 0)) + data)

    def _hear(self, news: dict[str, Any]) -> None:
        self.heard_at = self.crowd.now()
        if "restored" in news:
            self.restored.append(news["restored"])
        elif "told" in news:
            self.told.append(news["told"])
        else:
            self.room = news["room"], news["worker"]
            begin, _ = self.played.get(news["room"], (news["time"], 0.0))
            self.played[news["room"]] = begin, news["time"]
            self.fell_by = max(self.fell_by, self.count - news["count"])
            self.count = max(self.count, news["count"])


class Crowd:
    """Many players.

    Args:
        port: of the server.

    Attributes:
        players: all of them.
        on_refused: called with a player and the status of a refusal; may change the player's target.
        on_lost: called with a player whose connection or attempt has ended; may change the player's port.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.selector = selectors.DefaultSelector()
        self.players: list[Player] = []
        self.on_refused: Callable[[Player, int], object] = lambda player, status: None
        self.on_lost: Callable[[Player], object] = lambda player: None

    now = staticmethod(time.time)

    def add(self, target: str) -> Player:
        player = Player(self, target)
        self.players.append(player)
        return player

    def all_in(self) -> bool:
        return all(player.is_in for player in self.players)

    def run(self, seconds: float) -> None:
        """Lets the players play for some seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.turn()

    def run_until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Lets the players play until a condition holds; fails after some seconds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds:g} s: {self.state()}")
            self.turn()

    def state(self) -> str:
        missing = [player for player in self.players if not player.is_in]
        statuses: Counter[int] = Counter()
        for player in self.players:
            statuses += player.statuses
        return f"{len(missing)} of {len(self.players)} players are not in; refusals {dict(statuses)}"

    def turn(self, most: int = 64) -> None:
        for key, events in self.selector.select(0.005):
            key.data.take(events)
        now, begun = self.now(), 0
        for player in self.players:
            if player.is_in and now - player.heard_at > player.silence:
                player.lose()
            if player.is_in or player.next_at > now or begun >= most:
                continue
            if player.socket is not None:  # it took too long
                player.lose()
            else:
                begun += 1
                player.connect()

    def close(self) -> None:
        for player in self.players:
            if player.socket is not None:
                player.socket.close()
        self.selector.close()


def ask_lobby(port: int, path: str, body: Any = None, player: str = "") -> tuple[int, Any]:
    """Sends a request to the lobby, for a player with a name; returns the status and the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10.0)
    try:
        headers = {"Content-Type": "application/json", "X-Player": player}
        connection.request("POST", path, json.dumps(body or {}), headers)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    return response.status, json.loads(text) if text.startswith(b"{") else text.decode()


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
