"""Measures a server of many processes: the door, a rolling restart, and what a second worker brings.

    python -m bench.cluster              all figures, with their goals (two minutes); exits with 1 if a goal is missed
    python -m bench.cluster door deploy  some of them

- `door`: 10,000 connections through the door to 4 workers: its processor time for each. A thousand clients send slow
  heads meanwhile. Then the door is killed, and all open connections must live on.
- `deploy`: SIGHUP replaces 4 workers under 1,000 players in 250 rooms that are saved: how long each player was away,
  and how many connections were refused.
- `workers`: packets that players send and get back, with 1 worker and with 2. The players run on the same cores, so
  this is no figure of what a machine can serve: with two cores, the load takes at least one of them.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.crowd import Crowd
from bench.machine import open_many_files
from bench.rooms import Goal
from gdpeer import COMPILED, SceneMultiplayer
from gdpeer.rooms import Room
from tests.support.ports import free_port

ROOT = Path(__file__).parents[1]
PATIENCE = 60.0
TICKS = os.sysconf("SC_CLK_TCK")


class Arena(Room):
    """A room that can move, and sends each packet back."""

    kind = "arena"
    grace = 60.0
    idle_timeout = 600.0
    max_peers = 0
    server_relay = False  # players do not know each other: who joins is not told to thousands

    def on_create(self, options: Any) -> None:
        self.number = 0
        multiplayer = self.tree.get_multiplayer()
        assert isinstance(multiplayer, SceneMultiplayer)
        multiplayer.peer_packet.connect(lambda peer, data: multiplayer.send_bytes(data, peer))

    def save(self) -> bytes:
        return str(self.number).encode()

    def restore(self, data: bytes) -> None:
        self.number = int(data)


class Server:
    """A `gdpeer serve` with workers.

    Attributes:
        port: of the server.
    """

    def __init__(self, workers: int, *options: str) -> None:
        self.port = free_port()
        paths = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", "gdpeer", "serve", "bench.cluster:Arena", "--port", str(self.port)]
        self._process = subprocess.Popen(
            [*command, "--workers", str(workers), *options],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": paths, "GDPEER_SECRET": "bench" * 8},
            stdout=subprocess.DEVNULL,
        )
        self.wait(lambda: len(self.workers()) == workers)

    def wait(self, done: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > end:
                raise TimeoutError("the server is not ready")
            time.sleep(0.05)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def children(self) -> dict[str, int]:
        """Returns the processes of door and workers, by name."""
        found = {}
        for number in _children_of(self._process.pid):
            named = re.search(r"\0--child\0([^\0]+)", _read(f"/proc/{number}/cmdline"))
            if named is not None:
                found[named[1]] = number
        return found

    def workers(self) -> list[str]:
        """Returns the names of the workers that are up."""
        listed = subprocess.run(
            [sys.executable, "-m", "gdpeer", "drain", "--port", str(self.port)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])},
        )
        return [line.split()[0] for line in listed.stdout.splitlines() if line.split()[1] == "up"]

    def door(self) -> int:
        """Returns the process of the door."""
        return next((pid for name, pid in self.children().items() if name.startswith("door-")), 0)

    def end(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(PATIENCE)


@contextmanager
def running(workers: int, *options: str) -> Iterator[Server]:
    server = Server(workers, *options)
    try:
        yield server
    finally:
        server.end()


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _children_of(pid: int) -> list[int]:
    return [int(number) for number in _read(f"/proc/{pid}/task/{pid}/children").split()]


def cpu_of(pid: int) -> float:
    """Returns the seconds of processor time that a process has used, in nanoseconds' precision."""
    return time.clock_gettime((~pid << 3) | 2)


# ------------------------------------------------------------------------------------------------ the door


def measure_door(count: int = 10_000, slow: int = 1_000, workers: int = 4) -> list[Goal]:
    with running(workers) as server:
        crowd = Crowd(server.port)
        codes = [crowd.make_room() for _ in range(64)]
        slow_ones = [_half_head(server.port) for _ in range(slow)]
        door = server.door()
        before = cpu_of(door)
        for at in range(0, count, 250):
            crowd.join([codes[number % len(codes)] for number in range(at, min(at + 250, count))])
            crowd.run_until(lambda at=at: crowd.here >= min(at + 200, count - 50), PATIENCE)  # type: ignore[misc]
        arrived = crowd.run_until(lambda: crowd.here == count, PATIENCE)
        spent = cpu_of(door) - before
        refused = sum(crowd.refused.values())
        os.kill(door, signal.SIGKILL)
        server.wait(lambda: server.door() not in (0, door))
        crowd.run(1.0)
        alive = crowd.count_answers(seconds=5.0)
        crowd.join([codes[0]])
        is_back = crowd.run_until(lambda: crowd.here == count + 1, PATIENCE)
        crowd.close()
        for one in slow_ones:
            one.close()
    return [
        Goal("door: processor time a connection", spent / count * 1e6, "us", 100.0),
        Goal("door: connections that did not arrive", count - crowd.here + 1 if not arrived else 0.0, "", 0.5),
        Goal("door: refused beside slow heads", refused, "", 0.5),
        Goal("door: open connections after its death", alive / count * 100, "%", 100.0, at_least=True),
        Goal("door: is back", float(is_back), "", 1.0, at_least=True),
    ]


def _half_head(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port))
    made.sendall(b"GET /room/")
    return made


# ------------------------------------------------------------------------------------------------ a rolling restart


def _reasons(crowd: Crowd) -> str:
    """Returns why connections failed."""
    return ", ".join(f"{number} x {why}" for why, number in crowd.refused.items())


class Visitor:
    """A thread that asks for a page, again and again, each time over a new connection.

    Attributes:
        asked: requests so far.
        failed: those that were refused, or got another status than 200.
    """

    def __init__(self, port: int) -> None:
        self.asked = self.failed = 0
        self._port = port
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._is_over.wait(0.01):
            self.asked += 1
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
            try:
                connection.request("GET", "/health")
                self.failed += connection.getresponse().status != 200
            except (OSError, http.client.HTTPException):
                self.failed += 1
            finally:
                connection.close()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()


def measure_deploy(players: int = 1_000, rooms: int = 250, workers: int = 4) -> list[Goal]:
    with running(workers) as server:
        crowd = Crowd(server.port)
        codes = [crowd.make_room() for _ in range(rooms)]
        for at in range(0, players, 100):
            crowd.join([codes[number % rooms] for number in range(at, min(at + 100, players))])
            crowd.run(0.05)
        if not crowd.run_until(lambda: crowd.here == players, PATIENCE):
            raise TimeoutError("the players do not arrive")
        crowd.refused.clear()
        old, began = set(server.children().values()), time.monotonic()
        visitor = Visitor(server.port)
        server.signal(signal.SIGHUP)
        crowd.run_until(lambda: not old & set(server.children().values()), 3 * PATIENCE)
        took = time.monotonic() - began
        crowd.run_until(lambda: crowd.here == players, PATIENCE)
        crowd.close()
        visitor.stop()
        cut = quantiles(crowd.returns, n=100)
        most = max(player.returns for player in crowd.players)
    return [
        Goal("deploy: players who came back", 100 * crowd.here / players, "%", 100.0, at_least=True),
        Goal("deploy: connections that failed", sum(crowd.refused.values()), _reasons(crowd), 0.5),
        Goal("deploy: pages that failed", visitor.failed, f"of {visitor.asked}", 0.5),
        Goal("deploy: players with another id", crowd.changed, "", 0.5),
        Goal("deploy: reconnects a player", len(crowd.returns) / players, ""),
        Goal("deploy: most reconnects of a player", most, "", 1.0),
        Goal("deploy: away, half of the returns", cut[49], "s", 1.0),
        Goal("deploy: away, 99 % of the returns", cut[98], "s", 3.0),
        Goal("deploy: all workers and the door", took, "s"),
    ]


# ------------------------------------------------------------------------------------------------ workers


def measure_workers(players: int = 200, seconds: float = 5.0) -> list[Goal]:
    goals = []
    for workers in (1, 2):
        with running(workers) as server:
            crowd = Crowd(server.port)
            codes = [crowd.make_room() for _ in range(players // 4)]
            crowd.join([code for code in codes for _ in range(4)])
            crowd.run_until(lambda crowd=crowd: crowd.here == players, PATIENCE)  # type: ignore[misc]
            before = {name: cpu_of(pid) for name, pid in server.children().items() if not name.startswith("door")}
            rates = []
            for _ in range(5):
                began = time.monotonic()
                rates.append(crowd.exchange(seconds / 5) / (time.monotonic() - began))
            spent = [cpu_of(pid) - before[name] for name, pid in server.children().items() if name in before]
            crowd.close()
        goals += [
            Goal(f"workers: packets there and back, {workers} workers", median(rates), "a second"),
            Goal(f"workers: their processors, {workers} workers", sum(spent) / seconds, "cores"),
        ]
    return goals


MEASURES: dict[str, Callable[[], Sequence[Goal]]] = {
    "door": measure_door,
    "deploy": measure_deploy,
    "workers": measure_workers,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures a server of many processes.")
    parser.add_argument("what", nargs="*", choices=[*MEASURES, []], help="some of the measurements")
    wanted = parser.parse_args().what or list(MEASURES)
    open_many_files()
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    print(f"gdpeer {'compiled' if COMPILED else 'uncompiled'}, {os.cpu_count()} processors, {soft} descriptors")
    missed = 0
    for name in wanted:
        for goal in MEASURES[name]():
            print(goal, flush=True)
            missed += not goal.is_met()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
