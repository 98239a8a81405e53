"""Workers with real halls on a broker in memory, with a clock that stands still."""

from __future__ import annotations

from typing import Any

from gdpeer.clock import ManualClock
from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.base import Value
from gdpeer.cluster.broker.memory import MemoryBroker, MemoryStore
from gdpeer.cluster.cluster import Cluster
from gdpeer.rooms import Hall, Room

WALL = 1_800_000_000.0
STEP = 0.05


class Den(Room):
    """A room that can be restored elsewhere."""

    kind = "den"
    idle_timeout = float("inf")

    def save(self) -> bytes:
        return b""


class Pub(Room):
    """A room that cannot be restored."""

    kind = "pub"
    idle_timeout = float("inf")


class Workers:
    """Some workers. `run` lets time pass for those which are not in `hung`."""

    def __init__(self) -> None:
        self.clock = ManualClock(1000.0)
        self.store = MemoryStore(self.clock)
        self.clusters: dict[str, Cluster] = {}
        self.hung: set[str] = set()
        self.healthy: dict[str, bool | None] = {}
        self.asked: list[str] = []
        self._probe = MemoryBroker(self.store)

    def add(self, name: str, **settings: Any) -> Cluster:
        hall = self.make_hall()
        broker = MemoryBroker(self.store)
        given = {"url": f"http://{name}:8910", "ask_health": self.ask, **settings}
        cluster = self.clusters[name] = Cluster(hall, broker, name=name, **given)
        cluster.start()
        return cluster

    def make_hall(self) -> Hall:
        return Hall([Den, Pub], clock=self.clock, wall=self.wall)

    def wall(self) -> float:
        return WALL + self.clock.now()

    def ask(self, url: str) -> Answer[bool]:
        name = url.removeprefix("http://").split(":")[0]
        self.asked.append(name)
        answer: Answer[bool] = Answer()
        if name in self.clusters and name not in self.hung:
            answer.give(self.clusters[name].member.is_renewing())
        return answer

    def kill(self, name: str) -> None:
        """Ends a worker without a word."""
        cluster = self.clusters.pop(name)
        cluster.member.close()
        self.broker(cluster).cut()

    def broker(self, cluster: Cluster) -> MemoryBroker:
        assert isinstance(cluster.broker, MemoryBroker)
        return cluster.broker

    def poll(self) -> None:
        for _ in range(8):
            self.store.run()
            for name, cluster in list(self.clusters.items()):
                if name not in self.hung:
                    cluster.hall.poll()

    def run(self, seconds: float = 1.0) -> None:
        for _ in range(max(1, round(seconds / STEP))):
            self.clock.advance(STEP)
            self.poll()

    def entries(self, prefix: str) -> dict[str, Value]:
        """Returns what the broker holds."""
        answer = self._probe.scan(prefix)
        self.store.run()
        return {entry.key: entry.value for entry in answer.result()}

    def held(self) -> dict[str, int]:
        """Returns how many shards each worker has."""
        return {name: len(cluster.shards.held) for name, cluster in self.clusters.items()}
