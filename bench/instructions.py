"""Counts the instructions of a message, a connection and a call. Other programs do not affect the counts.

    python -m bench.instructions                 counts, and compares with the budget: `make instructions`
    python -m bench.instructions --record        writes the counts as the budget of this kind of machine
    python -m bench.instructions echo connect    some paths only

Valgrind's callgrind runs one process for each path. It counts between two marks, which are calls of libc that no other
code makes. Sockets are real, on loopback, and both sides are in one process, so that they always take the same turns.
The kernel's instructions are not counted. A path fails when it takes more than 3 % beyond its budget.

Python looks up attributes in a cache, and the seed of its hashes decides which names share an entry. If two names of a
call share one, the call takes 500 instructions more. A path over its budget is therefore counted again with other
seeds, and the least count is the cost of the code itself.

Counts depend on the Python, the C compiler and the kind of processor. The budget file has a table for each combination
that was recorded; without a table nothing is compared.
"""

from __future__ import annotations

import argparse
import gc
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gdpeer import (
    COMPILED,
    OK,
    Node,
    SceneTree,
    Vector2,
    WebSocketMultiplayerPeer,
    WebSocketPeer,
    WebSocketServer,
    bytes_to_var,
    rpc,
    var_to_bytes,
)

BUDGET = Path(__file__).with_name("instructions.json")
MARGIN = 0.03
ROUNDS = 3
"""How often each path is measured in one process. The least count is used, because the first run may fill caches."""
MOST_TURNS = 100_000
SEEDS = 6
"""The most seeds of Python's hashes with which a path is counted."""

SMALL = b"x" * 32
LARGE = b"x" * 65536
MOST_BYTES = 8 * 1024 * 1024

Mark = Callable[[], object]
begin: Mark = getattr(os, "getppid", lambda: None)
"""Marks the begin: callgrind resets its counters when libc's function of this name is called."""
end: Mark = getattr(os, "getpgrp", lambda: None)
"""Marks the end: callgrind writes its counters to a file when libc's function of this name is called."""


# -- the paths --------------------------------------------------------------------------------------------------------


class Room:
    """A server that echoes or broadcasts, and its clients, on loopback. They are polled in a fixed order."""

    def __init__(self, clients: int, *, everyone: bool = False) -> None:
        self.server = server = WebSocketServer()
        server.bind_ip = "127.0.0.1"
        server.inbound_buffer_size = server.outbound_buffer_size = MOST_BYTES
        server.max_queued_packets = 65_536
        server.data_received.connect(self.spread if everyone else self.echo)
        if server.listen(0) != OK:
            raise SystemExit(server.get_listen_error())
        self.url = f"ws://127.0.0.1:{server.get_local_port()}/"
        self.clients = [self.join() for _ in range(clients)]

    def echo(self, peer_id: int) -> None:
        peer = self.server.get_peer(peer_id)
        assert peer is not None
        for packet in peer:
            peer.send(packet)

    def spread(self, peer_id: int) -> None:
        peer = self.server.get_peer(peer_id)
        assert peer is not None
        for packet in peer:
            self.server.broadcast(packet)

    def join(self) -> WebSocketPeer:
        client = WebSocketPeer()
        client.inbound_buffer_size = client.outbound_buffer_size = MOST_BYTES
        if client.connect_to_url(self.url) != OK:
            raise SystemExit(str(client.get_close_cause()))
        self.turn(lambda: client.get_ready_state() == WebSocketPeer.State.OPEN, client)
        return client

    def turn(self, is_done: Callable[[], bool], *clients: WebSocketPeer) -> None:
        """Polls all sides until `is_done` returns True."""
        for _ in range(MOST_TURNS):
            self.server.poll()
            for client in clients:
                client.poll()
            if is_done():
                return
        raise SystemExit("the peers have not finished")

    def exchange(self, packet: bytes, times: int = 1) -> None:
        """Sends packets of the first client, and polls until each client has all answers."""
        for _ in range(times):
            self.clients[0].send(packet)
        left = times * len(self.clients)
        for _ in range(MOST_TURNS):
            self.server.poll()
            for client in self.clients:
                client.poll()
                for received in client:
                    left -= 1
                    if len(received) != len(packet):
                        raise SystemExit("another packet came back")
            if not left:
                return
        raise SystemExit("the packets have not come back")


class Arena(Node):
    """The node that both sides of a game have."""

    def __init__(self) -> None:
        super().__init__("Arena")
        self.calls = 0

    @rpc("any_peer")
    def move(self, number: int, where: Vector2, name: str) -> None:
        self.calls += 1


class Game:
    """A game's server and one client, over the network."""

    CALLS = 50

    def __init__(self) -> None:
        host, guest = WebSocketMultiplayerPeer(), WebSocketMultiplayerPeer()
        if host.create_server(0, "127.0.0.1") != OK:
            raise SystemExit(host.get_listen_error())
        guest.create_client(f"ws://127.0.0.1:{host.get_local_port()}/")
        self.sides = [self.side(peer) for peer in (host, guest)]
        self.turn(lambda: bool(self.sides[0][0].multiplayer.get_peers()) and guest.get_connection_status().value == 2)
        for _ in range(3):  # the first calls exchange and confirm the node's path
            self.send()
            self.receive()

    def side(self, peer: WebSocketMultiplayerPeer) -> tuple[SceneTree, Arena]:
        tree, arena = SceneTree(), Arena()
        tree.root.add_child(arena)
        tree.multiplayer.multiplayer_peer = peer
        return tree, arena

    def turn(self, is_done: Callable[[], bool]) -> None:
        for _ in range(MOST_TURNS):
            for tree, _ in self.sides:
                tree.poll()
            if is_done():
                return
        raise SystemExit("the game has not finished")

    def send(self) -> None:
        """Calls the server's method at the client, and sends the calls at once."""
        where = Vector2(1.5, 2.5)
        for number in range(self.CALLS):
            self.sides[1][1].move.rpc_id(1, number, where, "Ann")

    def receive(self) -> None:
        """Lets the server receive all calls in one poll."""
        tree, arena = self.sides[0]
        wanted = arena.calls + self.CALLS
        for _ in range(MOST_TURNS):
            tree.poll()
            if arena.calls >= wanted:
                return self.turn(lambda: True)
        raise SystemExit("the calls have not arrived")


VALUE = {
    "name": "Ann",
    "number": 7,
    "share": 0.25,
    "where": Vector2(1.5, 2.5),
    "list": [1, 2, 3, True, None, "text of some length, as in a chat"],
    "nested": {index: [index / 4, str(index)] for index in range(20)},
}


@dataclass(frozen=True)
class HotPath:
    """One hot path.

    Attributes:
        make: prepares everything, and returns the function to count, which does the path's work `times` times.
        times: how often the function does the path's work.
    """

    make: Callable[[], Callable[[], object]]
    times: int


def exchanging(clients: int, packet: bytes, times: int, rounds: int = 1, **options: bool) -> Callable[[], object]:
    room = Room(clients, **options)

    def work() -> None:
        for _ in range(rounds):
            room.exchange(packet, times)

    return work


def connecting() -> Callable[[], object]:
    room = Room(0)

    def work() -> None:
        for _ in range(10):
            client = room.join()
            client.close()
            room.turn(lambda: client.get_ready_state() == WebSocketPeer.State.CLOSED, client)  # noqa: B023

    return work


def calling_in() -> Callable[[], object]:
    game = Game()

    def work() -> None:
        game.send()
        begin()  # from here
        game.receive()

    return work


def calling_out() -> Callable[[], object]:
    game = Game()

    def work() -> None:
        game.receive()
        begin()  # from here
        game.send()

    game.send()
    return work


def repeating(work: Callable[[], object], times: int) -> Callable[[], object]:
    def repeat() -> None:
        for _ in range(times):
            work()

    return repeat


def encoding() -> Callable[[], object]:
    return repeating(lambda: var_to_bytes(VALUE), 50)


def decoding() -> Callable[[], object]:
    data = var_to_bytes(VALUE)
    return repeating(lambda: bytes_to_var(data), 50)


PATHS = {
    "echo": HotPath(lambda: exchanging(1, SMALL, 1, 100), 100),
    "echo 64 KiB": HotPath(lambda: exchanging(1, LARGE, 1, 20), 20),
    "pipelined": HotPath(lambda: exchanging(1, SMALL, 200), 200),
    "fan-out": HotPath(lambda: exchanging(20, SMALL, 1, 10, everyone=True), 10),
    "connect": HotPath(connecting, 10),
    "RPC in": HotPath(calling_in, Game.CALLS),
    "RPC out": HotPath(calling_out, Game.CALLS),
    "encode": HotPath(encoding, 50),
    "decode": HotPath(decoding, 50),
}
"""The hot paths. A count is of both sides of a message or connection, 20 receivers of a fan-out, one side of a call."""


def walk(name: str) -> None:
    """Runs one path with marks around the code to count; runs inside callgrind."""
    work = PATHS[name].make()
    work()
    begin_to_look()
    work()
    gc.collect()
    gc.disable()
    for _ in range(ROUNDS):
        begin()
        work()
        end()


def begin_to_look() -> None:
    """Switches callgrind on, which was off so far because it makes the imports ten times as slow."""
    with subprocess.Popen(
        ["vgdb", f"--pid={os.getpid()}", "instrumentation", "on"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as told:
        while told.poll() is None:  # valgrind handles the command only while this process runs, not while it waits
            pass
    if told.returncode:
        raise SystemExit(f"vgdb failed (status {told.returncode})")


# -- counting ---------------------------------------------------------------------------------------------------------


def least(name: str, enough: float) -> int:
    """Returns the least count of a path with several seeds; a count of at most `enough` ends the search."""
    found = sys.maxsize
    for seed in range(SEEDS):
        found = min(found, count(name, seed))
        if found <= enough:
            break
    return found


def count(name: str, seed: int) -> int:
    """Returns the instructions of a path for one message, connection or call, with a seed of Python's hashes."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out"]
        command += ["--zero-before=getppid", "--dump-before=getpgrp", "--dump-instr=no"]
        command += [sys.executable, "-m", "bench.instructions", "--walk", name]
        fixed = {"PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, env=os.environ | fixed, capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise SystemExit(f"gdpeer: {name}: callgrind failed (status {done.returncode}):\n{done.stderr[-3000:]}")
        totals = [total_of(Path(file)) for file in glob.glob(f"{folder}/out.*")]
    if len(totals) < ROUNDS:
        raise SystemExit(f"gdpeer: {name}: callgrind saw {len(totals)} of {ROUNDS} marks")
    return round(min(totals) / PATHS[name].times)


def total_of(file: Path) -> int:
    """Returns the sum in one of callgrind's files. The file of the process's end does not end at a mark."""
    text = file.read_text(errors="replace")
    if "Trigger: Program termination" in text:
        return sys.maxsize
    [found] = re.findall(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)[:1]
    return int(found)


def kind_of_machine() -> str:
    """Returns the name of a table in the budget file: `cpython-3.11 x86_64 GCC 12`."""
    compiler = re.sub(r"(\w+) (\d+)\..*", r"\1 \2", built_by())
    return f"{sys.implementation.name}-{sys.version_info[0]}.{sys.version_info[1]} {platform.machine()} {compiler}"


def built_by() -> str:
    """Returns the name and version of this machine's C compiler."""
    compiler = shutil.which(os.environ.get("CC", "cc").split()[-1])
    if compiler is None:
        return platform.python_compiler()
    version = subprocess.run([compiler, "-dumpversion"], capture_output=True, text=True, timeout=20).stdout.strip()
    return f"{platform.python_compiler().split()[0]} {version}.0"


# -- the budget -----------------------------------------------------------------------------------------------------


def budgets() -> dict[str, dict[str, int]]:
    loaded: dict[str, dict[str, int]] = json.loads(BUDGET.read_text()) if BUDGET.exists() else {}
    return loaded


def record(counts: dict[str, int]) -> None:
    table = budgets()
    kind = kind_of_machine()
    table[kind] = table.get(kind, {}) | counts
    BUDGET.write_text(json.dumps(table, indent=2, sort_keys=False) + "\n")
    print(f"recorded for {kind}")


def compare(counts: dict[str, int], budget: dict[str, int]) -> list[str]:
    """Returns the lines to print; the line of a path over its budget says so at its end."""
    lines = [f"{'path':<14}{'instructions':>14}{'budget':>14}{'change':>9}"]
    for name, found in counts.items():
        allowed = budget.get(name)
        if allowed is None:
            lines.append(f"{name:<14}{found:>14,}{'none':>14}")
            continue
        verdict = "  OVER" if found > allowed * (1 + MARGIN) else ""
        lines.append(f"{name:<14}{found:>14,}{allowed:>14,}{found / allowed - 1:>+9.1%}{verdict}")
    return lines


def missing_piece() -> str:
    """Returns the name of a program that counting needs and the machine lacks; "" if it has all."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed (Debian: apt-get install valgrind)"
    return "" if COMPILED else "gdpeer is not compiled here, and the budget is for the compiled form"


def check(names: Collection[str], recording: bool) -> int:
    if why := missing_piece():
        print(f"not run: instructions: {why}")
        return 1 if os.environ.get("CI") else 0
    kind = kind_of_machine()
    budget = {} if recording else budgets().get(kind, {})
    enough = [budget.get(name, 0 if recording else sys.maxsize) * (1 + MARGIN) for name in names]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(names, pool.map(least, names, enough), strict=True))
    if recording:
        record(counts)
        budget = counts
    lines = compare(counts, budget)
    print("\n".join(lines))
    if not budget:
        print(f"not run: instructions: {BUDGET.name} has no budget for {kind}; --record writes one")
    return int(any(line.endswith("OVER") for line in lines))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", choices=[*PATHS, []], help="default: all")
    parser.add_argument("--record", action="store_true", help="write the counts as the budget")
    parser.add_argument("--walk", choices=PATHS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.walk:
        walk(options.walk)
        return 0
    return check(options.paths or list(PATHS), options.record)


if __name__ == "__main__":
    raise SystemExit(main())
