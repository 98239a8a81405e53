"""Bots that call `echo` on a server as fast as it answers: the load of `bench.engine`.

Each bot is a `WebSocketPeer` that sends packets of the multiplayer protocol which were encoded beforehand. A
`SceneTree` for each bot would cost as much as the server, and one process could not load the server. One loop polls
all bots.

Every answer is compared byte for byte: it must hold the arguments of the oldest call that has no answer yet.
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
"""Bots that join at the same time. The engine's queue holds no more, and others must try again after seconds."""


def make_call(number: int) -> tuple[bytes, bytes]:
    """Returns the packet of a call, and its arguments, with which the answer must end."""
    flags, body = encode_call_body(ECHO, (number, Vector2(number / 4, -number)))
    return call_packet(flags, body, NODE_ID), body[1:]


CALLS = [make_call(0x1_0000 + 977 * index) for index in range(256)]
"""The calls that each bot makes in turn; each bot begins at another call."""


class WrongAnswer(Exception):
    """A server's answer does not fit its call."""


class Bot:
    """One client.

    Args:
        url: of the server.
        index: number of the bot; different bots begin at different calls.
        latencies: the list to which the seconds of each call are added.

    Attributes:
        is_joined: whether the bot has its id.
        is_known: whether the server knows the bot's number for the node.
        is_ready: whether the bot also knows the server's number, so that `turn` can be used.
    """

    def __init__(self, url: str, index: int, latencies: array[float]) -> None:
        self.is_joined = self.is_known = False
        self.peer = WebSocketPeer()
        self._calls = cycle([*CALLS[index % len(CALLS) :], *CALLS[: index % len(CALLS)]])
        self._awaited: deque[tuple[bytes, float]] = deque()
        self._head = b""  # the first bytes of each answer
        self._latencies = latencies
        if self.peer.connect_to_url(url) != OK:
            raise ConnectionError(str(self.peer.get_close_cause()))

    @property
    def is_ready(self) -> bool:
        return bool(self._head)

    def greet(self) -> None:
        """Reads all packets that came, before the calls begin."""
        self.peer.poll()
        if self.peer.get_ready_state() == WebSocketPeer.STATE_CLOSED:
            raise ConnectionError(str(self.peer.get_close_cause()))
        while self.peer.get_available_packet_count():
            packet = self.peer.get_packet()
            if self.is_joined:
                self._read(packet)
            self.is_joined = True  # the first packet holds the bot's id

    def introduce(self) -> None:
        """Tells the server the bot's number for the node."""
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
        """Notes how answers begin. The first answer names the node by its path; all later ones begin alike."""
        arguments, _ = self._awaited.popleft()
        end = b"" if answer.path is None else answer.path.encode() + b"\0"
        if answer.method_id != ANSWER or not packet.endswith(arguments + end):
            raise WrongAnswer(f"{packet!r} does not end in {arguments + end!r}")
        if answer.path is None:
            self._head = packet[: -len(arguments)]
        else:
            self.call()

    def call(self) -> None:
        """Sends one more call."""
        packet, arguments = next(self._calls)
        self._awaited.append((arguments, time.perf_counter()))
        if self.peer.send(packet) is not OK:
            raise ConnectionError(str(self.peer.get_close_cause()))

    def turn(self) -> None:
        """Checks the answers that came, and sends one call for each of them."""
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
    """All bots of one server."""

    def __init__(self, url: str, count: int) -> None:
        self._url, self._count = url, count
        self._latencies = array("d")
        self._bots: list[Bot] = []

    def join(self) -> float:
        """Lets all bots join, `AT_ONCE` at a time; returns the seconds until the last bot has its id."""
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
        """Exchanges the numbers of the nodes, as in any game."""
        for bot in self._bots:
            bot.introduce()
        self._greet_until(lambda bot: bot.is_known)
        for bot in self._bots:
            bot.call()
        self._greet_until(lambda bot: bot.is_ready)

    def begin(self, window: int) -> None:
        """Sends `window` calls of each bot; from then on each answer makes the bot send its next call."""
        for bot in self._bots:
            for _ in range(window):
                bot.call()

    def run(self, seconds: float) -> tuple[float, array[float]]:
        """Runs for some seconds; returns the real duration, and the seconds of each answered call."""
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
