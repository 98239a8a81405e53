"""HAProxy in front of two `gdpeer serve`, with Redis and `gdpeer haproxy`: rooms are reached on both machines."""

from __future__ import annotations

import json
import re
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.support.brokers import RedisServer
from tests.support.front import HaproxyServer
from tests.support.ports import free_port
from tests.support.processes import Process, gdpeer_command

GAME = """\
from gdpeer.rooms import Room

class Arena(Room):
    max_peers = 1
    idle_timeout = 600

    def save(self):
        return b"state"
"""
SECRET = "a secret of tests that is long enough"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, as sockets need."""
    with tempfile.TemporaryDirectory(prefix="gdp") as made:
        (Path(made) / "front_game.py").write_text(GAME)
        yield Path(made)


class Cluster:
    """Redis, two machines, HAProxy and what keeps HAProxy in step."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        redis = stack.enter_context(RedisServer(folder / "redis"))
        self.folder, self.stack = folder, stack
        self.variables = {"GDPEER_SECRET": SECRET, "GDPEER_BROKER": redis.url}
        self.front = HaproxyServer(folder)
        stack.enter_context(self.front.running())
        self.machines = [self.machine() for _ in range(2)]
        words = ("haproxy", "--admin", self.front.admin, "--map", self.front.map)
        self.follower = stack.enter_context(Process(gdpeer_command(*words), environment=self.variables, folder=folder))
        self.follower.wait_for(r"in step: 2 of 2 machines take new players, 1024 shards")

    def machine(self) -> Process:
        port = free_port()
        options = ("--port", str(port), "--address", f"ws://127.0.0.1:{port}", "--trusted-proxy", "127.0.0.1")
        words = ("serve", "front_game:Arena", *options, "--public-url", f"ws://127.0.0.1:{self.front.port}")
        process = Process(gdpeer_command(*words), environment=self.variables, folder=self.folder)
        self.stack.enter_context(process)
        process.wait_for(r"^Worker ")
        return process

    def seat(self) -> str:
        """The URL of a seat in a new room, as each room has one place."""
        url = f"http://127.0.0.1:{self.front.port}/lobby/arena/quick"
        with urllib.request.urlopen(urllib.request.Request(url, b"{}"), timeout=10) as answer:
            found: str = json.loads(answer.read())["url"]
        return found

    def join(self, url: str) -> ClientConnection:
        return connect(url, subprotocols=["gdpeer"], proxy=None)  # type: ignore[list-item]


def until(done: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.05)


def shard_of(url: str) -> str:
    found = re.search(r"/room/(\w\w)", url)
    assert found is not None
    return found[1]


def test_players_reach_their_rooms_on_both_machines_and_follow_a_room_that_moves(folder: Path) -> None:
    with ExitStack() as stack:
        cluster = Cluster(folder, stack)
        owners = set()
        players = []
        for _ in range(12):  # the lobby of either machine makes rooms in shards of its own
            url = cluster.seat()
            player = stack.enter_context(cluster.join(url))
            players.append((url, player, player.recv(timeout=5)))
            owners.add(cluster.front.server_of(shard_of(url)))
        assert owners == {"m1", "m2"}
        first, second = cluster.machines
        first.popen.terminate()
        cluster.follower.wait_for(r"in step: 1 of \d machines take new players")
        assert first.wait(30) == 0
        cluster.follower.wait_for(r"in step: 1 of 1 machines take new players, 1024 shards")
        for url, player, welcome in players:
            if is_closed(player):
                again = stack.enter_context(cluster.join(url))
                assert again.recv(timeout=5) == welcome  # the same peer id
        assert second.popen.poll() is None
        cluster.follower.popen.terminate()
        assert cluster.follower.wait(10) == 0


def is_closed(player: ClientConnection) -> bool:
    try:
        player.recv(timeout=0.05)
    except TimeoutError:
        return False
    except Exception:
        return True
    return is_closed(player)
