"""Compares replication with the engine: the same world on a server in Python and on a headless Godot 4.

    python -m bench.replication            three rounds (some minutes); writes bench/results/replication.md and .json
    python -m bench.replication --quick    one short round; writes no result
    python -m bench.replication --frames   the costs within this process alone, as JSON

The servers are bench/world.py and bench/engine_project/world.gd. They run on core 0 with 20 frames a second. The peers
are sockets that read and drop everything, in this process on core 1. The figure is the server's processor time without
that of the same world before the peers have joined: the game's own work is not replication.

- `moving`: 200 nodes with a Vector2 and a float, 100 peers that see all of them.
- `near`: 1,000 nodes, 100 peers that see 50 each.
- `join`: 500 nodes that stand still; the processor time of one peer that joins, which gets all of them.

`sends` is a C program that sends as many bytes to each peer in each frame and does nothing else (for `moving` and
`near`). Its time is the system's; the figures of all other servers include that time.

`--frames` measures a network frame with 5,000 idle nodes beside a frame with none, and the time to encode and queue
one synchronizer.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeAlias

from bench.engine import ENGINE, PROJECT, times_of
from bench.machine import (
    LOAD_CORE,
    SERVER_CORE,
    Data,
    about,
    cpu_seconds,
    forms,
    headline,
    hold,
    middle,
    number,
    ratios,
    running,
    table,
    wait_for,
    write,
)
from bench.world import World
from bench.wsbench.peers import build
from gdpeer import LoopbackMultiplayerPeer, ManualClock, SceneMultiplayer
from tests.support.ports import free_port
from tools import godot

WARM_UP = 1.0
SENDS = "sends"
GOAL = 5.0
"""How many times the engine's processor time is to be that of gdpeer, in a world that moves."""
IDLE = 5_000
REQUEST = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Scenario(NamedTuple):
    """One world.

    Attributes:
        units: how many nodes there are.
        seen: how many of them a peer sees; 0: all.
        moves: whether they move.
        peers: how many peers there are. For a world without movement each of them joins alone.
        size: the bytes that each peer gets in a frame.
    """

    units: int
    seen: int
    moves: bool
    peers: int
    size: int


SCENARIOS = {
    "moving": Scenario(200, 0, True, 100, 5_633),
    "near": Scenario(1_000, 50, True, 100, 1_412),
    "join": Scenario(500, 0, False, 20, 0),
}
Command: TypeAlias = Sequence[str]


def command_of(name: str, python: str | None, port: int, scenario: Scenario) -> Command:
    """Returns the command line of a server; without `python` that of the engine or of `sends`."""
    if name == SENDS:
        return [str(build(SENDS)), str(port), str(scenario.size)]
    values = (scenario.units, scenario.seen, int(scenario.moves))
    if python is not None:
        return [python, "-m", "bench.world", str(port), *map(str, values)]
    launch = [sys.executable, "-m", "tools.godot", "4", "--path", str(PROJECT), "world.tscn", "--", f"--port={port}"]
    return [*launch, *(f"--{key}={value}" for key, value in zip(("units", "seen", "moves"), values, strict=True))]


class Readers:
    """Peers that read and drop everything.

    Args:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self.received = 0

    def join(self) -> None:
        """Adds a peer, and waits for the server's answer."""
        peer = socket.create_connection(("127.0.0.1", self._port), 10)
        peer.sendall(REQUEST.format(port=self._port).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += peer.recv(1)
        if b" 101 " not in head:
            raise RuntimeError(f"refused: {head!r}")
        peer.setblocking(False)
        self._sockets.append(peer)
        self._selector.register(peer, selectors.EVENT_READ)

    def read(self, seconds: float) -> None:
        """Reads for some time."""
        end = time.monotonic() + seconds
        buffer = bytearray(1 << 18)
        while (left := end - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                assert isinstance(key.fileobj, socket.socket)
                count = key.fileobj.recv_into(buffer)
                if not count:
                    raise RuntimeError("the server has closed a connection")
                self.received += count

    def close(self) -> None:
        """Closes all sockets."""
        self._selector.close()
        for peer in self._sockets:
            peer.close()


def pid_of(process: subprocess.Popen[str]) -> int:
    """Returns the process that uses the processor: the started one, or its only child."""
    with contextlib.suppress(OSError, ValueError):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if len(children) == 1:
            return int(children[0])
    return process.pid


@contextlib.contextmanager
def server(name: str, python: str | None, scenario: Scenario) -> Iterator[tuple[int, Readers]]:
    """Runs a server during the block; gives its process and its peers."""
    port = free_port()
    with running(command_of(name, python, port, scenario), SERVER_CORE) as process:
        wait_for(process, "listening")
        readers = Readers(port)
        try:
            yield pid_of(process), readers
        finally:
            readers.close()


def sample(name: str, python: str | None, scenario: Scenario, seconds: float) -> dict[str, float]:
    """Measures one server in one world."""
    with server(name, python, scenario) as (pid, readers):
        return (
            measure_moving(pid, readers, scenario, seconds) if scenario.moves else measure_joins(pid, readers, scenario)
        )


def measure_moving(pid: int, readers: Readers, scenario: Scenario, seconds: float) -> dict[str, float]:
    """Returns the processor time for a second of the world, with the peers."""
    readers.read(WARM_UP)
    alone, _ = used_by(pid, readers, seconds)
    for _ in range(scenario.peers):
        readers.join()
        readers.read(0.01)
    readers.read(WARM_UP)
    used, received = used_by(pid, readers, seconds)
    return {"ms": max(1.0, used - alone), "alone_ms": alone, "bytes": received / scenario.peers}


def used_by(pid: int, readers: Readers, seconds: float) -> tuple[float, float]:
    """Returns the milliseconds of processor time, and the bytes received, for each second."""
    before, got, begin = cpu_seconds(pid), readers.received, time.monotonic()
    readers.read(seconds)
    took = time.monotonic() - begin
    return (cpu_seconds(pid) - before) / took * 1e3, (readers.received - got) / took


def measure_joins(pid: int, readers: Readers, scenario: Scenario) -> dict[str, float]:
    """Returns the processor time of one join."""
    readers.read(WARM_UP)
    alone, _ = used_by(pid, readers, WARM_UP)
    before, got, begin = cpu_seconds(pid), readers.received, time.monotonic()
    for _ in range(scenario.peers):
        readers.join()
        readers.read(0.1)
    took = time.monotonic() - begin
    joined = (cpu_seconds(pid) - before) * 1e3 - alone * took
    return {
        "ms": max(0.1, joined / scenario.peers),
        "alone_ms": alone,
        "bytes": (readers.received - got) / scenario.peers,
    }


# -- within a process -------------------------------------------------------------------------------------------------


def frame_costs() -> dict[str, float]:
    """Returns the microseconds of a frame with idle nodes and without, and those of one moving synchronizer."""
    return {
        "frame_us": frame_cost(1, False),
        "idle_frame_us": frame_cost(IDLE, False),
        "synchronizer_us": (frame_cost(1_000, True) - frame_cost(1, False)) / 1_000,
    }


def frame_cost(units: int, moves: bool) -> float:
    """Returns the microseconds of a poll with a network frame, for ten peers in memory."""
    clock = ManualClock()
    world = World(units, 0, SceneMultiplayer(clock=clock))
    server = LoopbackMultiplayerPeer()
    world.tree.multiplayer.multiplayer_peer = server
    peers = [server.join() for _ in range(10)]
    best = float("inf")
    for _ in range(60):
        if moves:
            world.move()
        clock.advance(1.0)
        for peer in peers:
            peer.poll()
            while peer.get_available_packet_count():
                peer.get_packet()
        begin = time.perf_counter()
        world.tree.poll()
        best = min(best, time.perf_counter() - begin)
    return best * 1e6


def costs_table(results: Mapping[str, Data]) -> str:
    """Returns the table of the costs within a process."""
    rows = [
        [name, number(one["frame_us"]), number(one["idle_frame_us"]), number(one["synchronizer_us"])]
        for name, one in results.items()
    ]
    head = ("ten peers", "a frame, us", f"with {IDLE:,} idle nodes, us", "one moving synchronizer, us")
    return table(head, rows)


def measured_frames() -> dict[str, Any]:
    """Returns the costs within a process for each form of gdpeer."""
    found = {}
    for name, python in forms().items():
        done = subprocess.run(
            [python, "-m", "bench.replication", "--frames"], capture_output=True, text=True, check=True
        )
        found[name] = json.loads(done.stdout)
    return found


# -- the result -------------------------------------------------------------------------------------------------------


def markdown(data: Data) -> str:
    """Returns the tables."""
    results: Mapping[str, Mapping[str, Sequence[Data]]] = data["results"]
    parts = []
    for title, found in results.items():
        unit = "a join" if not SCENARIOS[title].moves else "a second"
        rows = [
            [
                name,
                number(middle(samples, "ms")),
                times_of(ratios(samples, found[ENGINE], "ms", higher=False)),
                number(middle(samples, "alone_ms")),
                number(middle(samples, "bytes")),
            ]
            for name, samples in found.items()
        ]
        head = (title, f"server CPU, ms {unit}", f"x {ENGINE}", "without peers, ms a second", f"bytes to a peer {unit}")
        parts += [table(head, rows), *verdict(title, found)]
    return "\n\n".join([*parts, costs_table(data["frames"])])


def verdict(title: str, found: Mapping[str, Sequence[Data]]) -> list[str]:
    """Returns whether a moving world reaches its goal, and the system's part of the time."""
    own, engine, sends = (middle(found.get(name, ()), "ms") for name in ("gdpeer", ENGINE, SENDS))
    if own is None or engine is None or sends is None:
        return []
    faster = median(ratios(found["gdpeer"], found[ENGINE], "ms", higher=False))
    less = (engine - sends) / (own - sends)
    return [
        f"Goal of gdpeer in `{title}`, a fifth of the engine's time: {'met' if faster >= GOAL else 'not met'}, "
        f"1/{number(faster)}. `{SENDS}` is a C program that only sends the same bytes to the same peers: these sends "
        f"take {number(sends)} ms of gdpeer's {number(own)} ms and of the engine's {number(engine)} ms. Without them "
        f"gdpeer takes 1/{number(less)} of the engine's time; the goal allows {number(engine / GOAL - sends)} ms for "
        f"all the rest, which takes {number(own - sends)} ms."
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="replication", help="name of the result files (default replication)")
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    parser.add_argument("--time", type=float, default=5.0, help="seconds measured for each sample; default 5")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), help="default: all")
    parser.add_argument("--only-ours", action="store_true", help="without the engine")
    parser.add_argument("--quick", action="store_true", help="one round of two seconds; writes no result")
    parser.add_argument("--frames", action="store_true", help="the costs within this process alone, as JSON")
    options = parser.parse_args()
    if options.frames:
        print(json.dumps(frame_costs()))
        return 0
    rounds, seconds = (1, 2.0) if options.quick else (options.rounds, options.time)
    servers: dict[str, str | None] = dict(forms())
    try:
        if not options.only_ours:
            godot.command("4")
            servers[ENGINE] = servers[SENDS] = None
    except godot.Failed as error:
        print(f"not run: {error}")
        return 1
    hold(LOAD_CORE)
    results: dict[str, dict[str, list[Any]]] = {}
    for title in options.scenarios.split(","):
        names = [name for name in servers if name != SENDS or SCENARIOS[title].moves]
        results[title] = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                results[title][name].append(sample(name, servers[name], SCENARIOS[title], seconds))
                print(title, name, results[title][name][-1], file=sys.stderr, flush=True)
    if options.only_ours:
        return 0
    data = {"about": about(rounds=rounds, seconds=seconds), "results": results, "frames": measured_frames()}
    text = markdown(data)
    print(text)
    if not options.quick:
        write(options.name, data, f"# Replication beside the engine\n\n{headline(data['about'])}.\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
