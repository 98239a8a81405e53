"""F6: a whole server over streams in memory, against malformed openings and frames: nothing gets out, nothing stays."""

from __future__ import annotations

import gc
import logging
import os
import random
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gdpeer import ManualClock, SceneMultiplayer, SceneTree, WebSocketMultiplayerPeer
from gdpeer.errors import TransportError
from gdpeer.transport.memory import MemoryStream, memory_pair
from gdpeer.websocket.session.godot3_header import pack_data
from tests.support.figures import record
from tests.support.long import amount
from tests.trust.arena import FOUR, THREE, Main, damage
from tests.trust.feed import frame_of
from tests.unit.websocket.support import request

pytestmark = pytest.mark.timeout(amount(600, 7200))

CASES = amount(6_000, 1_000_000)
WARM_UP = 3_000
MOST_LEFT = 65_536
"""Bytes: three for each case of the short form. Caches of types and heads, which are bounded, take some."""
TOGETHER = 10
"""Connections that are there at a time."""

HEADS = [request("/", f"Sec-WebSocket-Protocol: {name}") for name in ("g4", "g3", "g4, g3")]
HEADS += [request("/chat?x=1", "Sec-WebSocket-Protocol: g4", "Origin: https://a.example", "X-More: " + "y" * 200)]
HEADS += [
    request("/", "Sec-WebSocket-Protocol: g4", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
]
HEADS += [b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"]
FRAMES = [frame_of("server", 0x82, data) for data in FOUR]
FRAMES += [frame_of("server", 0x82, pack_data(2, target, data)) for data in THREE for target in (0, 1, -3)]
OTHERS = {0x89: b"ping", 0x8A: b"pong", 0x88: b"\x03\xe8bye", 0x01: b"a", 0x80: b"b", 0x81: b"c"}
FRAMES += [frame_of("server", first, data) for first, data in OTHERS.items()]
GOODBYE = frame_of("server", 0x88, b"\x03\xe8bye")
DEFLATED = frame_of("server", 0xC2, b"\xcaH\xcd\xc9\xc9\x07\x00")


class Errors(logging.Handler):
    """Counts what is logged, and keeps what is an error; nothing else hears of it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.levels: Counter[str] = Counter()
        self.errors: list[str] = []

    def emit(self, line: logging.LogRecord) -> None:
        self.levels[line.levelname] += 1
        if line.exc_info or line.levelno > logging.ERROR:
            self.errors.append(self.format(line))


@contextmanager
def listening_to_the_log() -> Iterator[Errors]:
    log, errors = logging.getLogger("gdpeer"), Errors()
    log.addHandler(errors)
    log.propagate = False  # else the test's own log would keep every line
    try:
        yield errors
    finally:
        log.propagate = True
        log.removeHandler(errors)


class Hall:
    """The server, with the API and a node above it."""

    def __init__(self) -> None:
        self.clock = ManualClock(1.0)
        self.server = WebSocketMultiplayerPeer(("godot4", "godot3"), clock=self.clock)
        self.server.supported_protocols, self.server.godot3_protocols = ["g4"], ["g3"]
        self.server.compression = True
        self.tree = SceneTree(SceneMultiplayer(clock=self.clock))
        self.tree.root.add_child(Main())
        self.server.take_stream(memory_pair(clock=self.clock)[1])
        self.tree.multiplayer.multiplayer_peer = self.server
        self.dice = random.Random(6)
        self.opened = 0

    def message(self) -> list[bytes]:
        """What one connection sends: a damaged opening, or a good one and damaged frames."""
        dice = self.dice
        head = dice.choice(HEADS)
        if dice.random() < 0.5:
            return [damage(dice, head)]
        frames = [dice.choice(FRAMES) if dice.random() < 0.97 else DEFLATED for _ in range(dice.randrange(1, 4))]
        return [head, *(damage(dice, frame) if dice.random() < 0.8 else frame for frame in frames)]

    def attack(self, cases: int) -> None:
        """So many connections, each of which says something malformed and then goes, breaks, or says more."""
        for begin in range(0, cases, TOGETHER):
            streams = [self.begin() for _ in range(begin, min(cases, begin + TOGETHER))]
            self.tree.poll()
            self.tree.poll()
            for stream in streams:
                self.leave(stream)
            self.tree.poll()
            for stream in streams:
                stream.close()
            for _ in range(3):
                self.tree.poll()
                self.clock.advance(20.0)  # beyond every deadline

    def begin(self) -> MemoryStream:
        theirs, ours = memory_pair(clock=self.clock)
        self.server.take_stream(ours)
        theirs.send(self.message())
        return theirs

    def leave(self, stream: MemoryStream) -> None:
        way = self.dice.randrange(4)
        if way == 3:
            self.say(stream, GOODBYE)
        elif way == 0:
            stream.close()
        elif way == 1:
            stream.break_connection()
        else:
            self.say(stream, damage(self.dice, self.dice.choice(FRAMES)))

    def say(self, stream: MemoryStream, data: bytes) -> None:
        try:
            stream.send([data])
        except TransportError:
            stream.close()

    def here(self) -> tuple[int, int, int, int]:
        """Who is there: peers, those on the way in and out, and those that the API knows."""
        stats, server = self.server.stats(), self.server._server
        assert server is not None
        return stats.peers, stats.pending, len(server._lingering), len(self.tree.multiplayer.get_peers())


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_f6_malformed_openings_and_frames_leave_nothing_behind() -> None:
    hall = Hall()
    with listening_to_the_log() as log, hall.server:
        hall.attack(WARM_UP)
        gc.collect()
        files, size = descriptors(), resident()
        tracemalloc.start()
        try:
            hall.attack(CASES)
            gc.collect()
            left = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert log.errors == []
        assert hall.here() == (0, 0, 0, 0)
        assert descriptors() == files
        stats, api = hall.server.stats(), hall.tree.multiplayer
        assert (api._refusals, api._guests.members) == ({}, set())
    lines = log.levels.total()
    record("F6", cases=CASES, opened=stats.opened, bytes_left=left, percent=100 * left / size, lines_logged=lines)
    assert stats.accepted == CASES + WARM_UP + 1
    assert 0.2 < stats.opened / stats.accepted < 0.8
    assert stats.refused["http 400"] > 0
    assert stats.ended["protocol error"] > 0
    assert stats.ended["closed"] > CASES * 0.02
    assert sum(stats.refused_packets.values()) > 0
    assert left <= min(MOST_LEFT, size * 0.02)
