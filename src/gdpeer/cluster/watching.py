"""`Watching`: all workers of a cluster for the monitor and for metrics, and the operator's wishes for rooms elsewhere.

Layer: `cluster`.
"""

from __future__ import annotations

from collections import Counter
from heapq import nlargest
from typing import TYPE_CHECKING, Any

from gdpeer.cluster.answers import Answer, run
from gdpeer.cluster.broker.base import BrokerError, Value
from gdpeer.cluster.records import RoomRecord, Worker
from gdpeer.http.response import Response
from gdpeer.rooms.errors import RoomError
from gdpeer.rooms.neighbours import Figure, Others

if TYPE_CHECKING:
    from gdpeer.cluster.cluster import Cluster

__all__ = ["Watching"]

PATIENCE = 1.0
"""Seconds that another worker has to tell its metrics. Prometheus itself waits for 10 seconds."""


class Watching:
    """What the monitor and the metrics of one worker show of the others.

    Args:
        cluster: of the worker.

    Attributes:
        siblings: the names of the workers that have the same door, also of those that hang.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.siblings: frozenset[str] = frozenset()
        self._cluster = cluster
        self._gathering: Answer[Response] | None = None

    def list_others(self, words: str, most: int) -> Others:
        """Lists the rooms of other workers; see `Neighbours`."""
        directory, name = self._cluster.directory, self._cluster.name
        others = [room for room in directory.rooms.values() if room.worker != name and directory.room(room.code)]
        found = [room for room in others if words in _searched(room)] if words else others
        # The rooms of this worker wait meanwhile: do not make JSON of a hundred thousand.
        fullest = nlargest(most, found, key=lambda room: room.taken)
        return Others(
            [self._worker(worker) for _, worker in sorted(self._cluster.workers.items())],
            Counter(room.kind for room in others),
            sum(room.taken for room in others),
            len(found),
            [_room_as_json(room) for room in fullest],
        )

    def _worker(self, worker: Worker) -> dict[str, Any]:
        hall = self._cluster.hall
        if worker.name == self._cluster.name:  # its entry was written a moment ago
            worker = worker._replace(rooms=len(hall.rooms), peers=hall.taken)
        return _worker_as_json(worker)

    def figures(self) -> list[Figure]:
        """Returns the figures of this worker; see `Neighbours`."""
        cluster = self._cluster
        member, directory = cluster.member, cluster.directory
        return [
            Figure("workers", "Workers with a lease, as far as this worker knows.", "", len(directory.workers)),
            Figure("shards", "Shards of this worker.", "", len(cluster.shards.held)),
            Figure("broker_connected", "1 while the broker can be reached.", "", int(cluster.broker.is_connected)),
            Figure("lease_seconds", "Time that the last renewal of the lease took.", "", member.renewal_seconds),
            Figure("leases_lost", "Leases that were lost.", "", Counter({"": member.lost})),
            Figure("broker_losses", "How often the broker was lost.", "", Counter({"": cluster.broker_losses})),
            Figure("saves", "Saves and moves of rooms, by result.", "result", cluster.saving.figures),
            Figure("requests", "Requests of other workers, by verb.", "verb", cluster.messages.figures),
            Figure("entries_refused", "Wrong entries of the directory, by their kind.", "kind", directory.refused),
        ]

    def gather_metrics(self) -> Answer[Response] | None:
        """Asks all workers behind the same door for their metrics, once for all requests that come meanwhile.

        Returns:
            The page, within a second; None: there is no door.
        """
        if not self.siblings:
            return None
        if self._gathering is None or self._gathering.is_done:
            self._gathering = run(self._gather())
        return self._gathering

    async def _gather(self) -> Response:
        from gdpeer.cluster.metrics import page  # imported here: it needs the extra

        ask = self._cluster.messages.ask
        asked = {name: ask(name, "metrics", {}, PATIENCE) for name in {*self.siblings, self._cluster.name}}
        return page({name: await _answered(answer) for name, answer in asked.items()})

    def watch(self, code: str, act: str, wishes: Value) -> Answer[Response] | None:
        """Has another worker show a room, or do what the operator wants; see `Neighbours`."""
        room = self._cluster.room(code)
        if room is None or room.worker == self._cluster.name:
            return None
        return run(self._watch(room.worker, {"code": code, "act": act, "wishes": wishes}))

    async def _watch(self, worker: str, fields: Value) -> Response:
        try:
            answer = await self._cluster.messages.ask(worker, "watch", fields)
        except RoomError as problem:
            return Response.json({"error": problem.detail}, problem.status)
        except BrokerError as problem:
            return Response.json({"error": f"worker {worker} cannot be reached: {problem.detail}"}, 503)
        status, found = answer.get("status"), answer.get("answer")
        if not isinstance(found, dict) or status not in (200, 400, 404):
            return Response.json({"error": f"worker {worker} gave a wrong answer"}, 502)
        return Response.json({**found, "worker": worker} if status == 200 else found, status)


async def _answered(answer: Answer[Value]) -> Value | None:
    """Returns an answer; None if there is none."""
    try:
        return await answer
    except (BrokerError, RoomError):
        return None


def _worker_as_json(worker: Worker) -> dict[str, Any]:
    return {
        "name": worker.name,
        "url": worker.url,
        "rooms": worker.rooms,
        "players": worker.peers,
        "load": round(worker.load, 3),
        "draining": not worker.is_up,
        "version": worker.version,
    }


def _room_as_json(room: RoomRecord) -> dict[str, Any]:
    """Returns what the directory says of a room: less than its own worker knows."""
    return {
        "code": room.code,
        "kind": room.kind,
        "labels": room.labels,
        "private": room.is_private,
        "locked": room.is_locked,
        "max_peers": room.most,
        "taken": room.taken,
        "worker": room.worker,
    }


def _searched(room: RoomRecord) -> str:
    labels = (f"{name}={value}" for name, value in room.labels.items())
    return " ".join((room.code, room.kind, room.worker, *labels)).lower()
