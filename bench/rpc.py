"""Measures calls per second from one side to another in memory, and the cost of a call to 1,000 peers.

    python -m bench.rpc [--rounds 9] [--json FILE]

`LoopbackMultiplayerPeer`s connect a client and a server, so that the figures contain no network. They contain all work
of gdpeer from `node.move.rpc_id(1, ...)` to the first line of `move` on the other side. The receiver counts the calls
and adds up their arguments, to check that none is lost.

All parts take turns in each round. Compare ratios rather than figures, which depend on the machine and the day.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.run import processor
from gdpeer import LoopbackMultiplayerPeer, Node, SceneTree, Vector2, rpc
from gdpeer.protocol.frames import COMPILED

CALLS = 20_000
"""Calls in a round, a quarter of them with each kind of arguments."""
PEERS = 1_000
BROADCASTS = 20


class Arena(Node):
    """The node that both sides have; its methods count calls."""

    def __init__(self) -> None:
        super().__init__("Arena")
        self.calls = 0
        self.sum = 0.0

    @rpc("any_peer")
    def move(self, x: int, y: int) -> None:
        self.calls += 1
        self.sum += x + y

    @rpc("any_peer")
    def say(self, text: str) -> None:
        self.calls += 1
        self.sum += len(text)

    @rpc("any_peer")
    def turn(self, angle: float) -> None:
        self.calls += 1
        self.sum += angle

    @rpc("any_peer")
    def place(self, at: Vector2) -> None:
        self.calls += 1
        self.sum += at.x

    def check(self, calls: int, total: float) -> None:
        """Checks that all calls have arrived with their arguments, and resets the count."""
        if (self.calls, self.sum) != (calls, total):
            raise SystemExit(f"{self.calls} of {calls} calls arrived, with {self.sum} of {total}")
        self.calls, self.sum = 0, 0.0


class Side:
    """One side of the session: a tree with an `Arena`."""

    def __init__(self, peer: LoopbackMultiplayerPeer) -> None:
        self.peer = peer
        self.tree = SceneTree()
        self.tree.multiplayer.server_relay = False  # no client calls another client
        self.arena = Arena()
        self.tree.root.add_child(self.arena)
        self.tree.multiplayer.multiplayer_peer = peer


def session(clients: int) -> tuple[Side, list[Side]]:
    """Returns a server and its clients, after they have exchanged the numbers of their nodes."""
    server = Side(LoopbackMultiplayerPeer())
    sides = [Side(server.peer.join()) for _ in range(clients)]
    poll(server, *sides)
    for side in (server, *sides):
        side.arena.move.rpc(1, 2)
    for _ in range(3):
        poll(server, *sides)
    server.arena.check(clients, 3.0 * clients)
    for side in sides:
        side.arena.check(1, 3.0)
    return server, sides


def poll(*sides: Side) -> None:
    for side in sides:
        side.tree.poll()


def seconds(work: Callable[[], object]) -> float:
    """Returns the seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# ---------------------------------------------------------------------------------------------------- what is measured


@dataclass
class Samples:
    """The seconds of each round."""

    sent: list[float] = field(default_factory=list)
    received: list[float] = field(default_factory=list)
    called: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)


def send(side: Side) -> None:
    """Makes `CALLS` calls to the server, with four kinds of arguments in turn."""
    arena, where = side.arena, Vector2(1.5, 2.5)
    for number in range(CALLS // 4):
        arena.move.rpc_id(1, number, 300)
        arena.say.rpc_id(1, "hello")
        arena.turn.rpc_id(1, 0.5)
        arena.place.rpc_id(1, where)


def measure_pair(server: Side, client: Side, samples: Samples) -> None:
    samples.sent.append(seconds(lambda: send(client)))
    samples.received.append(seconds(server.tree.poll))
    quarter = CALLS // 4
    server.arena.check(CALLS, quarter * (quarter - 1) / 2 + quarter * (300 + 5 + 0.5 + 1.5))


def packet_of_call(server: Side, crowd: list[Side]) -> bytes:
    """Returns the packet of one call to all clients."""
    server.arena.move.rpc(3, 300)
    first, *others = crowd
    first.peer.poll()
    packet = first.peer.get_packet()
    poll(*others)
    for side in others:
        side.arena.check(1, 303.0)
    return packet


def measure_crowd(server: Side, crowd: list[Side], packet: bytes, samples: Samples) -> None:
    """Measures one call to all clients, and the same bytes sent by the transport alone."""
    for number in range(BROADCASTS):
        turns = [
            (samples.called, lambda: server.arena.move.rpc(3, 300)),
            (samples.raw, lambda: server.peer.put_packet(packet)),
        ]
        for kept, work in turns if number % 2 else reversed(turns):
            kept.append(seconds(work))
    poll(*crowd)
    for side in crowd:
        side.arena.check(2 * BROADCASTS, 2.0 * BROADCASTS * 303)


def measure(rounds: int) -> Samples:
    samples = Samples()
    server, [client] = session(1)
    caller, crowd = session(PEERS)
    packet = packet_of_call(caller, crowd)
    for number in range(rounds + 1):
        found = samples if number else Samples()  # the first round only warms up
        measure_pair(server, client, found)
        measure_crowd(caller, crowd, packet, found)
    return samples


# ---------------------------------------------------------------------------------------------------- the report


def summary(samples: Samples) -> dict[str, float]:
    """Returns the figures: calls per second, microseconds, and the ratio."""
    return {
        "sent": CALLS / median(samples.sent),
        "received": CALLS / median(samples.received),
        "rpc_1000_us": 1e6 * median(samples.called),
        "raw_1000_us": 1e6 * median(samples.raw),
        "ratio": median(one / other for one, other in zip(samples.called, samples.raw, strict=True)),
    }


def table(found: dict[str, float], form: str, rounds: int) -> str:
    return "\n".join(
        [
            f"{form}, Python {platform.python_version()}, {processor()}, medians of {rounds} rounds",
            "",
            "| small calls in memory, one core | |",
            "|---|---:|",
            f"| sent a second | {found['sent']:,.0f} |",
            f"| received, checked and dispatched a second | {found['received']:,.0f} |",
            f"| one call of {PEERS:,} peers | {found['rpc_1000_us']:,.1f} us |",
            f"| the same bytes to {PEERS:,} peers by the transport alone | {found['raw_1000_us']:,.1f} us |",
            f"| the call beside the bytes | {found['ratio']:.2f} |",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    form = "compiled" if COMPILED else "uncompiled"
    samples = measure(options.rounds)
    found = summary(samples)
    print(table(found, form, options.rounds))
    if options.json is not None:
        about = {"form": form, "python": platform.python_version(), "processor": processor(), "rounds": options.rounds}
        options.json.write_text(json.dumps(about | found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
