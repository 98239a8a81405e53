"""A live server of both dialects over loopback, honest peers that count what they hear, and offenders beside them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from gdpeer import (
    OK,
    ManualClock,
    Node,
    SceneMultiplayer,
    SceneTree,
    WebSocketMultiplayerPeer,
    WebSocketPeer,
    godot3,
    rpc,
)
from gdpeer.websocket.session.godot3_header import HEADER_SIZE, unpack

GOLDEN = Path(__file__).parents[1] / "golden"
PATIENCE = 60.0
ROUND = 0.05
"""Seconds of the API's clock that a round takes."""

Numbers = dict[int, list[int]]


def recorded(version: int, skip: int) -> list[bytes]:
    """Every packet of multiplayer that a real engine sent, without the transport's header."""
    lines = (GOLDEN / f"rpc_godot{version}.jsonl").read_text("utf-8").splitlines()
    messages = [json.loads(line) for line in lines]
    return [bytes.fromhex(one["hex"])[skip:] for one in messages if one["op"] == 2 and len(one["hex"]) > 2 * skip]


def damage(dice: random.Random, packet: bytes) -> bytes:
    """It, changed in one to four places; never empty."""
    data = bytearray(packet)
    for _ in range(dice.randrange(1, 5)):
        at = dice.randrange(len(data) + 1)
        kind = dice.randrange(4)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            data[at : at + 4] = dice.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\1\0\0\0"))
        elif kind == 2:
            data[at:at] = dice.randbytes(dice.randrange(1, 6))
        else:
            del data[at : at + dice.randrange(1, 6)]
    return bytes(data) or b"\xff"


def mutated(packets: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """So many of them, each damaged."""
    dice = random.Random(seed)
    return (damage(dice, dice.choice(packets)) for _ in range(count))


class Main(Node):
    """`/root/Main` of the server and of clients of Godot 4: notes every number by who sent it."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.heard: Numbers = {}

    def note(self, number: int) -> None:
        self.heard.setdefault(self.multiplayer.get_remote_sender_id(), []).append(number)

    @rpc("any_peer")
    def across(self, number: int) -> None:
        self.note(number)

    @rpc("authority")
    def down(self, number: int) -> None:
        self.note(number)

    @rpc("any_peer")
    def up(self, number: int) -> None:
        self.note(number)


class Main3(godot3.Node):
    """The same for Godot 3."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.heard: Numbers = {}

    def note(self, number: int) -> None:
        self.heard.setdefault(self.multiplayer.get_rpc_sender_id(), []).append(number)

    @godot3.remote
    def across(self, number: int) -> None:
        self.note(number)

    @godot3.puppet
    def down(self, number: int) -> None:
        self.note(number)


class Honest:
    """A client that calls the server and its neighbour, and is called by both."""

    def __init__(self, dialect: str, url: str) -> None:
        self.peer = WebSocketMultiplayerPeer((dialect,))
        self.tree = SceneTree() if dialect == "godot4" else godot3.SceneTree()
        self.main: Any = Main() if dialect == "godot4" else Main3()
        self.tree.root.add_child(self.main)
        assert self.peer.create_client(url) is OK
        self.tree.multiplayer.multiplayer_peer = self.peer

    @property
    def id(self) -> int:
        return self.peer.get_unique_id()

    def call(self, peer_id: int, method: str, number: int) -> None:
        assert self.main.rpc_id(peer_id, method, number) is OK


Offence = Callable[[int, "Arena"], Iterable[bytes]]
"""What an offender sends: the messages, given its id."""


class Offender:
    """A bare connection that has joined, and sends what an offence says, so many messages a round.

    Attributes:
        sent: how many it has.
        heard: how many came while it sent.
    """

    def __init__(self, dialect: str, url: str, offence: Offence, step: int) -> None:
        self.dialect, self.name = dialect, offence.__name__
        self.client = WebSocketPeer()
        self.client.outbound_buffer_size = 0
        self.client.inbound_buffer_size = 1 << 24
        self.id = self.sent = self.heard = 0
        self._offence, self._step = offence, step
        self._messages: Iterator[bytes] | None = None
        self.is_done = False
        assert self.client.connect_to_url(url) is OK

    def join(self) -> None:
        """Read its id."""
        self.client.poll()
        if not self.id and self.client.get_available_packet_count():
            first = self.client.get_packet()
            self.id = int.from_bytes(first, "little") if self.dialect == "godot4" else unpack(first).peer_id

    def go_on(self, arena: Arena) -> None:
        """One round: send, and count what is said."""
        if self._messages is None:
            self._messages = iter(self._offence(self.id, arena))
        for _ in range(self._step):
            message = next(self._messages, None)
            if message is None or self.client.get_ready_state() is not WebSocketPeer.State.OPEN:
                self.is_done = True
                break
            self.client.send(message)
            self.sent += 1
        self.client.poll()
        while self.client.get_available_packet_count():
            self.client.get_packet()
            self.heard += 1


class Arena:
    """The server with those who are there; close it.

    Args:
        honest: of which dialects.
        rpc_rate: of the API.
        settings: of the server.

    Attributes:
        hidden: the id of somebody who has not authenticated.
        rounds: how many there were: the number of calls of each honest peer to each that it calls.
    """

    def __init__(self, honest: Iterable[str], rpc_rate: float = 0.0, **settings: Any) -> None:
        self.clock = ManualClock(1.0)
        self.peer = WebSocketMultiplayerPeer(("godot4", "godot3"))
        for name, value in settings.items():
            setattr(self.peer, name, value)
        assert self.peer.create_server(0, "127.0.0.1", godot3_port=0) is OK
        self.api = SceneMultiplayer(clock=self.clock)
        self.api.rpc_rate = rpc_rate
        self.tree = SceneTree(self.api)
        self.main = Main()
        self.tree.root.add_child(self.main)
        self.api.multiplayer_peer = self.peer
        self.offenders: list[Offender] = []
        self.hidden = 0
        self.rounds = 0
        self.honest = [Honest(dialect, self.url(dialect)) for dialect in honest]
        self.until(lambda: all(len(one.tree.multiplayer.get_peers()) == len(self.honest) for one in self.honest))
        self.ids = [one.id for one in self.honest]

    def url(self, dialect: str) -> str:
        port = self.peer.get_local_port() if dialect == "godot4" else self.peer.get_godot3_port()
        return f"ws://127.0.0.1:{port}/"

    def poll(self) -> None:
        self.tree.poll()
        for one in self.honest:
            one.tree.poll()

    def until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < end, "took too long"
            self.poll()
            for offender in self.offenders:
                offender.join()
            time.sleep(0.001)

    def offend(self, dialect: str, offence: Offence, step: int = 50) -> Offender:
        """Let one more offender in."""
        self.offenders.append(Offender(dialect, self.url(dialect), offence, step))
        return self.offenders[-1]

    def run(self) -> None:
        """Until all offenders are done: each round everybody honest is called, and calls the server and a neighbour."""
        self.until(lambda: all(one.id for one in self.offenders))
        while not all(one.is_done for one in self.offenders):
            self.call_all()
            for offender in self.offenders:
                if not offender.is_done:
                    offender.go_on(self)
            self.clock.advance(ROUND)
            self.poll()
        self.until(self.has_all)

    def call_all(self) -> None:
        number, self.rounds = self.rounds, self.rounds + 1
        for place, one in enumerate(self.honest):
            one.call(1, "up", number)
            one.call(self.ids[place - 1], "across", number)
            assert self.main.down.rpc_id(self.ids[place], number) is OK

    def has_all(self) -> bool:
        """Whether the last number has come wherever it should."""
        last = self.rounds - 1
        ups = all(self.main.heard.get(one, [-1])[-1] == last for one in self.ids)
        return ups and all(
            one.main.heard.get(source, [-1])[-1] == last
            for place, one in enumerate(self.honest)
            for source in (1, self.ids[(place + 1) % len(self.ids)])
        )

    def check(self) -> None:
        """Every number once and in order, from and to everybody honest, who are all still there."""
        everything = list(range(self.rounds))
        for place, one in enumerate(self.honest):
            assert self.main.heard[self.ids[place]] == everything
            assert one.main.heard[1] == everything
            assert one.main.heard[self.ids[(place + 1) % len(self.ids)]] == everything
            assert one.id == self.ids[place]
        assert set(self.ids) <= set(self.api.get_peers())

    def refused(self, offender: Offender) -> dict[str, int]:
        return self.api.get_refused(offender.id)

    def close(self) -> None:
        for one in self.honest:
            one.peer.close()
        for offender in self.offenders:
            offender.client.close(-1)
        self.peer.close()


THREE, FOUR = recorded(3, HEADER_SIZE), recorded(4, 0)
