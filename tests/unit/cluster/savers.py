"""Workers in one process that share a store and a clock, and save their rooms. The tests decide about shards."""

from __future__ import annotations

from typing import Any

from gdpeer import Node, rpc
from gdpeer.clock import ManualClock
from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.memory import MemoryBroker, MemoryStore
from gdpeer.cluster.saving import Saving
from gdpeer.rooms import Room
from gdpeer.rooms.codes import draw_code
from gdpeer.rooms.lifecycle import RoomLifecycle
from tests.unit.rooms.worlds import Player, World


class Score(Node):
    """Counts the calls of all players, and tells each caller the number."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.count = 0
        self.seen = 0

    @rpc("any_peer")
    def add(self) -> None:
        if self.multiplayer.is_server():
            self.count += 1
            self.told.rpc(self.count)

    @rpc
    def told(self, count: int) -> None:
        self.seen = max(self.seen, count)


class Game(Room):
    """A room that saves its score each second."""

    kind = "game"
    save_interval = 1.0

    def on_create(self, options: Any) -> Any:
        self.log: list[tuple[Any, ...]] = []
        self.score = Score()
        self.tree.root.add_child(self.score)

    def save(self) -> bytes | None:
        return str(self.score.count).encode()

    def restore(self, data: bytes) -> None:
        self.score.count = int(data)
        self.log.append(("restore", self.score.count))

    def on_return(self, place: Any) -> None:
        self.log.append(("return", place.peer_id))

    def on_leave(self, place: Any, why: Any) -> None:
        self.log.append(("leave", place.peer_id, why.name))


class Worker(World):
    """A worker that has all shards, as long as its term is not 0."""

    def __init__(self, cluster: Workers, name: str, term: int, kind: Any) -> None:
        super().__init__(kind, clock=cluster.clock)
        self.name = name
        self.term = term
        self.gone: list[str] = []
        self.broker = MemoryBroker(cluster.store)
        self.epoch = term
        self.saving = Saving(self.hall, self.broker, self)
        self.hall.neighbours = self
        self.cluster = cluster

    # for the saving
    def term_of(self, code: str) -> int:
        return self.term

    def moved(self, code: str) -> Answer[None]:
        self.gone.append(code)
        answer: Answer[None] = Answer()
        answer.give(None)
        return answer

    # for the hall
    def draw_code(self) -> str:
        return draw_code()

    def check_code(self, code: str) -> None: ...

    def note_made(self, life: RoomLifecycle) -> None:
        self.saving.note_made(life)

    def note_changed(self, life: RoomLifecycle) -> None: ...

    def note_closed(self, life: RoomLifecycle) -> None:
        self.saving.note_closed(life)

    def moves(self, life: RoomLifecycle) -> bool:
        return self.saving.moves(life)

    def find_room(self, code: str) -> Any:
        return self.saving.find_room(code)

    # for tests
    def run(self, rounds: int = 12) -> None:
        for _ in range(rounds):
            self.cluster.store.run()
            super().run(1)

    def enter(self, room: Room, key: str) -> Player:
        """Has a player connect whose tree has a Score."""
        player = Player(self, f"/room/{room.code}?session={key}")
        player.tree.root.remove_child(player.main)
        player.score = Score()  # type: ignore[attr-defined]
        player.tree.root.add_child(player.score)  # type: ignore[attr-defined]
        self.run()
        return player


class Workers:
    """Workers with a store and a clock."""

    def __init__(self, kind: Any = Game) -> None:
        self.clock = ManualClock(100.0)
        self.store = MemoryStore(self.clock)
        self.kind = kind
        self.workers: list[Worker] = []

    def start(self, name: str, term: int) -> Worker:
        worker = Worker(self, name, term, self.kind)
        self.workers.append(worker)
        return worker

    def kill(self, worker: Worker) -> None:
        """Ends a worker as kill -9 does: it is never polled again."""
        worker.broker.cut()
        self.workers.remove(worker)

    def wait(self, seconds: float, step: float = 0.05) -> None:
        left = seconds
        while left > 1e-9:
            part = min(step, left)
            self.clock.advance(part)
            left -= part
            self.run(3)

    def run(self, rounds: int = 12) -> None:
        for worker in list(self.workers):
            worker.run(rounds)

    def saved(self, code: str) -> Any:
        """Returns what the store has of a room, None for nothing."""
        reader = MemoryBroker(self.store)
        answer = reader.get(f"save:{code}")
        self.store.run()
        entry = answer.result()
        return None if entry is None else entry.value
