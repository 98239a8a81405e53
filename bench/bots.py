"""Bots that call `echo` of a server as fast as it answers: the load of `bench.engine`.

Each is a `WebSocketPeer` that speaks the multiplayer protocol by packets that were made beforehand, so that one process
is fast enough to load a server: a `SceneTree` for each would cost as much as the server. All are polled in one loop.

Every answer is compared, byte for byte: it is to bring back the arguments of the oldest call that is under way.
"""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable
from itertools import cycle

from bench.arena import Arena
from gdpeer import OK, Vector2, WebSocketPeer
from gdpeer.multiplayer.rpc.decorator import class_table
from gdpeer.multiplayer.wire.godot4 import (
    ConfirmPath,
    RemoteCall,
    SimplifyPath,
    call_packet,
    encode_call_body,
    parse,
)

PATH, NODE_ID = "Arena", 1
METHODS = class_table(Arena)
ECHO, ANSWER = METHODS.by_name["echo"].number, METHODS.by_name["answer"].number
PATIENCE = 30.0
AT_ONCE = 8
"""Bots that join at a time: the engine lets no more wait, and who comes then has to try again after seconds."""


def make_call(number: int) -> tuple[bytes, bytes]:
    """The packet of a call, and the arguments in it, with which the answer has to end."""
    flags, body = encode_call_body(ECHO, (number, Vector2(number / 4, -number)))
    return call_packet(flags, body, NODE_ID), body[1:]


CALLS = [make_call(0x1_0000 + 977 * index) for index in range(256)]
"""What the bots say in turn; each begins at another place."""


class WrongAnswer(Exception):
    """A server did not answer what it was asked."""


class Bot:
    """One client.

    Args:
        url: the server's.
        index: bots of different numbers say different things at a time.
        latencies: to which the seconds of each call go.

    Attributes:
        is_joined: it has its id.
        is_known: the server knows by which number this bot calls the node.
        is_ready: and the other way round: from now on `turn` can be used.
    """

    def __init__(self, url: str, index: int, latencies: array[float]) -> None:
        self.is_joined = self.is_known = False
        self.peer = WebSocketPeer()
        self._calls = cycle([*CALLS[index % len(CALLS) :], *CALLS[: index % len(CALLS)]])
        self._awaited: deque[tuple[bytes, float]] = deque()
        self._head = b""  # how an answer begins
        self._latencies = latencies
        if self.peer.connect_to_url(url) != OK:
            raise ConnectionError(str(self.peer.get_close_cause()))

    @property
    def is_ready(self) -> bool:
        return bool(self._head)

    def greet(self) -> None:
        """A turn before the calls: whatever comes is read."""
        self.peer.poll()
        if self.peer.get_ready_state() == WebSocketPeer.STATE_CLOSED:
            raise ConnectionError(str(self.peer.get_close_cause()))
        while self.peer.get_available_packet_count():
            packet = self.peer.get_packet()
            if self.is_joined:
                self._read(packet)
            self.is_joined = True  # the first packet is its id

    def introduce(self) -> None:
        """Tell the server by which number this bot calls the node."""
        self.peer.send(SimplifyPath(METHODS.checksum, NODE_ID, PATH).encode())

    def _read(self, packet: bytes) -> None:
        found = parse(packet)
        if isinstance(found, ConfirmPath):
            self.is_known = found.matches
        elif isinstance(found, SimplifyPath):
            self.peer.send(ConfirmPath(found.checksum == METHODS.checksum, found.cache_id).encode())
        elif isinstance(found, RemoteCall):
            self._learn(packet, found)

    def _learn(self, packet: bytes, answer: RemoteCall) -> None:
        """A first answer names the node by its path, those that follow begin all alike."""
        arguments, _ = self._awaited.popleft()
        end = b"" if answer.path is None else answer.path.encode() + b"\0"
        if answer.method_id != ANSWER or not packet.endswith(arguments + end):
            raise WrongAnswer(f"{packet!r} does not end in {arguments + end!r}")
        if answer.path is None:
            self._head = packet[: -len(arguments)]
        else:
            self.call()

    def call(self) -> None:
        """One call more."""
        packet, arguments = next(self._calls)
        self._awaited.append((arguments, time.perf_counter()))
        if self.peer.send(packet) is not OK:
            raise ConnectionError(str(self.peer.get_close_cause()))

    def turn(self) -> None:
        """Take the answers that have come, and call once more for each."""
        peer, awaited = self.peer, self._awaited
        peer.poll()
        while peer.get_available_packet_count():
            packet = peer.get_packet()
            arguments, sent_at = awaited.popleft()
            if packet != self._head + arguments:
                raise WrongAnswer(f"{packet!r} is not {self._head + arguments!r}")
            self._latencies.append(time.perf_counter() - sent_at)
            self.call()


class Crowd:
    """Many bots of one server."""

    def __init__(self, url: str, count: int) -> None:
        self._url, self._count = url, count
        self._latencies = array("d")
        self._bots: list[Bot] = []

    def join(self) -> float:
        """All join, `AT_ONCE` at a time; the seconds until the last one has its id."""
        begin = time.perf_counter()
        waiting: list[Bot] = []
        while len(self._bots) < self._count or waiting:
            while len(waiting) < AT_ONCE and len(self._bots) < self._count:
                self._bots.append(Bot(self._url, len(self._bots), self._latencies))
                waiting.append(self._bots[-1])
            for bot in waiting:
                bot.greet()
            waiting = [bot for bot in waiting if not bot.is_joined]
        return time.perf_counter() - begin

    def get_ready(self) -> None:
        """Both sides learn by which numbers the other calls, as in any game."""
        for bot in self._bots:
            bot.introduce()
        self._greet_until(lambda bot: bot.is_known)
        for bot in self._bots:
            bot.call()
        self._greet_until(lambda bot: bot.is_ready)

    def begin(self, window: int) -> None:
        """Bring `window` calls of each bot under way; from then on each answer brings the next call."""
        for bot in self._bots:
            for _ in range(window):
                bot.call()

    def run(self, seconds: float) -> tuple[float, array[float]]:
        """Go on for so long; the seconds it took, and those of each call that was answered."""
        del self._latencies[:]
        begin = time.perf_counter()
        while (now := time.perf_counter()) < begin + seconds:
            for bot in self._bots:
                bot.turn()
        return now - begin, self._latencies

    def _greet_until(self, done: Callable[[Bot], bool]) -> None:
        end = time.monotonic() + PATIENCE
        waiting = self._bots
        while waiting := [bot for bot in waiting if not done(bot)]:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(waiting)} of {self._count} bots still wait")
            for bot in waiting:
                bot.greet()
