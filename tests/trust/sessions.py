"""A whole session of a server and a client in one thread, for tests that hurt it at some step and look what is left.

It connects, sends messages both ways (small, large, compressed), and closes. Time is moved by hand, so that no deadline
is waited for. However it ends, `check` says whether both sides ended as promised.
"""

from __future__ import annotations

import gc
import os
import random
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gdpeer import OK, ManualClock, WebSocketClient, WebSocketPeer, WebSocketServer
from tests.unit.websocket.support import CLOSED, Event, record

MESSAGES = (b"small", bytes(40_000), random.Random(1).randbytes(70_000))
MOST_TURNS = 1000
TICK = 0.1
"""Seconds that pass in each turn after something went wrong; with `MOST_TURNS` more than all timeouts together."""


class Session:
    """Both sides. The client begins when the test says how: `client.connect_to_url` or `through`.

    Attributes:
        echoes: what came back to the client.
        turns: how many there were.
        held: weak references to what has to go with the session.
    """

    def __init__(self, wait: float = 0.0, **settings: Any) -> None:
        self.clock = ManualClock(100.0)
        self.server, self.client = WebSocketServer(clock=self.clock), WebSocketClient(clock=self.clock)
        self.client.set_buffers(1024, 64, 1024, 64)
        self.server.set_buffers(1024, 64, 1024, 64)
        for owner in (self.server, self.client.get_peer(1)):
            owner.compression = True  # type: ignore[union-attr]
            for name, value in settings.items():
                setattr(owner, name, value)
        self.told: list[Event] = record(self.server)
        self.heard: list[Event] = record(self.client)
        self.echoes: list[bytes] = []
        self.turns = 0
        self.held: list[weakref.ref[Any]] = []
        self._wait = wait
        self._play()

    def _play(self) -> None:
        server, client, held = self.server, self.client, self.held

        def welcome(peer_id: int, protocol: str) -> None:
            held.append(weakref.ref(server.peers[peer_id]))

        def answer(peer_id: int) -> None:
            server.peers[peer_id].send(server.peers[peer_id].get_packet())

        def begin(protocol: str) -> None:
            for message in MESSAGES:
                client.get_peer(1).send(message)  # type: ignore[union-attr]

        def take() -> None:
            self.echoes.append(client.get_peer(1).get_packet())  # type: ignore[union-attr]
            if len(self.echoes) == len(MESSAGES):
                client.disconnect_from_host(1000, "done")

        server.client_connected.connect(welcome)
        server.data_received.connect(answer)
        client.connection_established.connect(begin)
        client.data_received.connect(take)

    def through(self, theirs: Any, ours: Any) -> None:
        """Join over these two streams."""
        self.held += (weakref.ref(theirs), weakref.ref(ours))
        self.server.take_stream(ours)
        peer: WebSocketPeer = self.client.get_peer(1)  # type: ignore[assignment]
        self.client.begin(None, lambda: peer.connect_through(theirs))

    def turn(self, seconds: float = 0.0) -> None:
        self.turns += 1
        self.server.poll(self._wait)
        self.client.poll(self._wait)
        self.clock.advance(seconds)

    def is_over(self) -> bool:
        """Whether both sides have ended, and told of it."""
        told = any(name in ("connection_closed", "connection_error") for name, *_ in self.heard)
        is_closed = self.client.get_peer(1).get_ready_state() is CLOSED  # type: ignore[union-attr]
        return told and is_closed and not self.server.peers and not self.server._opening

    def is_complete(self) -> bool:
        return self.echoes == list(MESSAGES) and ("connection_closed", True) in self.heard

    def play(self, tick: Callable[[], float] = lambda: TICK, more: Callable[[], object] = lambda: None) -> None:
        """Turn until it is over, in bounded turns."""
        while not self.is_over():
            assert self.turns < MOST_TURNS, (self.told[-3:], self.heard[-3:], self.client.get_close_cause())
            self.turn(tick())
            more()

    def check(self) -> None:
        """Each signal once; what was echoed is what was sent, in order."""
        heard, told = [event[0] for event in self.heard], [event[0] for event in self.told]
        opened = heard.count("connection_established")
        assert opened <= 1
        assert heard.count("connection_closed") == opened, (heard, told, self.client.get_close_cause())
        assert heard.count("connection_error") == 1 - opened
        assert told.count("client_connected") <= 1, (heard, told)
        assert told.count("client_disconnected") == told.count("client_connected"), (heard, told)
        assert told.count("client_close_request") <= 1
        assert heard.count("server_close_request") <= 1
        assert self.echoes == list(MESSAGES[: len(self.echoes)])
        assert heard.count("data_received") == len(self.echoes)
        assert self.client.get_close_cause().detail

    def end(self) -> list[weakref.ref[Any]]:
        """Let go of both; what must not live on."""
        held = [*self.held, weakref.ref(self.server), weakref.ref(self.client)]
        with self.server, self.client:
            return held


def descriptors() -> int:
    """How many this process has open."""
    folder = Path("/proc/self/fd")
    return len(os.listdir(folder if folder.exists() else "/dev/fd"))


@contextmanager
def nothing_left() -> Iterator[list[weakref.ref[Any]]]:
    """What is put into the list has to be dead in the end, and no descriptor may be open that was not before."""
    gc.collect()
    before = descriptors()
    held: list[weakref.ref[Any]] = []
    yield held
    gc.collect()
    alive = [one() for one in held if one() is not None]
    assert not alive, alive[:3]
    assert descriptors() == before
    held.clear()


def joined_at(session: Session, port: int, scheme: str) -> None:
    """Have the client connect to that port of this machine."""
    session.client.verify_ssl = False
    assert session.client.connect_to_url(f"{scheme}://127.0.0.1:{port}/") is OK
