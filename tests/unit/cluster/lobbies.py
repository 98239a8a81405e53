"""Workers with lobbies, whose rooms note what they are told."""

from __future__ import annotations

import json
from typing import Any

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.cluster import Cluster
from gdpeer.protocol.http_headers import Headers, Request
from gdpeer.rooms import Hall, Room, RoomError, Seat
from tests.unit.cluster.workers import STEP, Workers

SECRET = b"one secret for all of the workers"


class Arena(Room):
    kind = "arena"
    max_peers = 4
    idle_timeout = 60.0

    def on_create(self, options: Any) -> Any:
        self.told: list[tuple[Any, Any]] = []
        if options == "no":
            raise RoomError("the game refuses")

    def on_message(self, sender: Any, data: Any) -> None:
        self.told.append((sender, data))


class Duel(Arena):
    kind = "duel"
    max_peers = 2

    def save(self) -> bytes:
        return b""


class Lobbies(Workers):
    """Three workers that have shared the shards, and know each other."""

    def __init__(self, count: int = 3) -> None:
        super().__init__()
        for name in "abcdefgh"[:count]:
            self.add(name, settling=0.0)
        self.run(2.0)

    def make_hall(self) -> Hall:
        return Hall([Arena, Duel], secret=SECRET, lobby=True, clock=self.clock, wall=self.wall)

    def result(self, answer: Answer[Any], most: float = 4.0) -> Any:
        """Lets time pass until an answer is there, at most 4 seconds."""
        left = most
        self.poll()
        while not answer.is_done and left > 0:
            self.run(STEP)
            left -= STEP
        return answer.result()

    def quick(self, name: str, kind: str = "arena", *arguments: Any) -> Seat:
        seat: Seat = self.result(self.clusters[name].lobby.quick(kind, *arguments))
        return seat

    def rooms(self, name: str) -> dict[str, Any]:
        return dict(self.clusters[name].hall.rooms)

    def owner(self, seat: Seat) -> tuple[Cluster, Any]:
        """Returns the worker and the room of a seat."""
        code = code_of(seat)
        for cluster in self.clusters.values():
            if code in cluster.hall.rooms:
                return cluster, cluster.hall.rooms[code]
        raise AssertionError(f"no room {code}")

    def http(self, name: str, target: str, body: Any = None, method: str = "POST", **headers: str) -> Any:
        """Sends a request to the lobby of a worker; returns its status and content."""
        fields = Headers([("host", "door.example"), *headers.items()])
        data = b"" if body is None else json.dumps(body).encode()
        pages = self.clusters[name].hall._lobby_pages
        assert pages is not None
        reply: Any = pages(Request(method, target, fields, data, ("192.0.2.1", 4)))
        if hasattr(reply, "then"):
            answer: Answer[Any] = Answer()
            reply.then(lambda done: answer.give(done.result()))
            reply = self.result(answer)
        return reply.status, json.loads(reply.read() or b"null"), dict(reply.headers)


def code_of(seat: Seat) -> str:
    return seat.url.partition("/room/")[2][:6]
