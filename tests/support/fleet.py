"""Servers of a game with many workers, their broker and their players. For the ends of workers and brokers.

fleet = Fleet("saved", "redis", folder, stack)      `gdpeer serve` with four workers
fleet.make_rooms(40)                                each with four players
killed_at, lost = fleet.kill_a_worker()
fleet.crowd.run_until(fleet.crowd.all_in, 30.0)
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import sys
import time
from collections import Counter, defaultdict
from contextlib import ExitStack
from pathlib import Path

from gdpeer.cluster.directory import SETTLING
from tests.support.brokers import NatsServer, RedisServer, Server
from tests.support.failover import Crowd, Player, ask_lobby
from tests.support.ports import free_port
from tests.support.processes import Process

__all__ = ["EACH", "Fleet", "Machine"]

EACH = 4
"""Players of a room."""
SECRET = {"GDPEER_SECRET": "a secret of tests that is long enough"}
BROKERS: dict[str, type[Server]] = {"redis": RedisServer, "nats": NatsServer}


class Machine:
    """One `gdpeer serve --workers`.

    Args:
        game: the class or hall, in tests/support/failover_game.py.
        workers: how many.
        url: of the broker; "": the parent has the directory.
        stack: ends the process.

    Attributes:
        port: of the server.
        process: the parent.
    """

    def __init__(self, game: str, workers: int, url: str, stack: ExitStack) -> None:
        self.port = free_port()
        self._workers = workers
        self._stack = stack
        # As behind a proxy, since all these players have one address: wrong codes are not counted.
        options = ["--public-url", f"ws://127.0.0.1:{self.port}", *(["--broker", url] if url else [])]
        words = ["serve", f"tests.support.failover_game:{game}", "--workers", str(workers), "--port", str(self.port)]
        self._command = [sys.executable, "-m", "gdpeer", *words, *options]
        self.process = self._start()

    def _start(self) -> Process:
        process = self._stack.enter_context(Process(self._command, environment=SECRET))
        self._stack.callback(process.interrupt)  # without a drain
        return process

    def start_again(self, crowd: Crowd) -> None:
        """Stops the whole server by SIGTERM while the players play, and starts it again."""
        self.process.popen.terminate()
        crowd.run_until(lambda: self.process.popen.poll() is not None, 60.0)
        assert self.process.popen.returncode == 0
        self.process = self._start()

    def workers(self) -> dict[int, str]:
        """Returns the names of the workers that came up so far, by their processes."""
        found = (re.match(r"(\S+) is up \(process (\d+)\)", line) for line in self.process.stdout)
        return {int(match[2]): match[1] for match in found if match is not None}

    def wait_until_up(self) -> None:
        """Waits until all workers are up."""
        end = time.monotonic() + 60.0
        while len(self.workers()) < self._workers:
            assert time.monotonic() < end, self.process.stdout
            assert self.process.popen.poll() is None, self.process.stderr
            time.sleep(0.1)


class Fleet:
    """Servers with workers, and their players.

    Args:
        kind: of the rooms, in tests/support/failover_game.py.
        broker: "parent", "redis" or "nats".
        folder: for a broker.
        stack: ends everything.
        workers: how many each machine has.
        game: what the machines serve; "": the class of the kind.

    Attributes:
        broker: the server; None: the parent has the directory.
        machines: the servers; `machine` is the first.
        crowd: the players.
    """

    def __init__(
        self, kind: str, broker: str, folder: Path, stack: ExitStack, workers: int = 4, game: str = ""
    ) -> None:
        self.kind = kind
        self.broker: Server | None = None if broker == "parent" else stack.enter_context(BROKERS[broker](folder))
        self.url = "" if self.broker is None else self.broker.url
        self.machine = Machine(game or kind.title(), workers, self.url, stack)
        self.port = self.machine.port
        self.crowd = Crowd(self.port)
        stack.callback(self.crowd.close)
        self.machine.wait_until_up()
        # All workers need shards, and so make rooms.
        time.sleep(SETTLING + 1.0 if self.url else 1.0)

    def start_again(self) -> None:
        """Stops the whole server by SIGTERM, and starts it again."""
        self.machine.start_again(self.crowd)

    def make_rooms(self, count: int, each: int = EACH) -> None:
        """Makes rooms, each with its players, who have session keys."""
        for _ in range(count):
            code = self.make_room()
            for _ in range(each):
                self.crowd.add(f"/room/{code}?session={secrets.token_urlsafe(16)}")
        self.wait_for_players()

    def wait_for_players(self) -> None:
        """Waits until all players are in their rooms, and have heard of them."""
        self.crowd.run_until(self.crowd.all_in, 60.0)
        self.crowd.run_until(lambda: all(player.room[1] for player in self.crowd.players), 10.0)

    def make_room(self, kind: str = "", port: int = 0) -> str:
        """Makes a room, and returns its code."""
        status, answer = ask_lobby(port or self.port, f"/lobby/{kind or self.kind}/create")
        assert status == 201, answer
        return str(answer["url"].partition("/room/")[2][:6])

    def kill_a_worker(self) -> tuple[float, list[Player]]:
        """Kills the worker with the most players; returns when, and the players."""
        return self.end_a_worker(signal.SIGKILL)

    def end_a_worker(self, number: signal.Signals) -> tuple[float, list[Player]]:
        """Sends the worker with the most players a signal; returns when, and the players."""
        counts = Counter(player.room[1] for player in self.crowd.players)
        victim, _ = counts.most_common(1)[0]
        os.kill(victim, number)
        return self.crowd.now(), [player for player in self.crowd.players if player.room[1] == victim]

    def rooms_twice(self) -> int:
        """Returns how many codes lead to more than one room: its players hear different ones."""
        self.crowd.run(1.5)
        heard: dict[str, set[tuple[str, int]]] = defaultdict(set)
        for player in self.crowd.players:
            heard[player.code].add(player.room)
        return sum(len(rooms) > 1 for rooms in heard.values())
