"""The rooms of the tests of a worker's end: each tells its players ten times a second who it is, and counts.

    gdpeer serve tests.support.failover_game:Saved --workers 4
    gdpeer serve tests.support.failover_game:both --workers 4       with a lobby that knows players by `X-Player`

A packet is JSON: `room`, drawn once for each object that is this room; `worker`, the process; `count`, the packets of
this kind so far; `time`, in seconds since 1970. A player who is back is told `restored`, when the state was saved that
was restored. A player may send {"tell": NAME}: then the room sends the player with this name a message by way of the
cluster, and answers with `told`, the outcome or the error.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable
from typing import Any

from gdpeer.rooms import Hall, Place, Room


class Unsaved(Room):
    """Is lost with its worker."""

    kind = "unsaved"
    max_peers = 8
    tick_rate = 10.0

    def on_create(self, options: Any) -> None:
        self.name = secrets.token_hex(8)
        self.restored = 0.0
        self.count = 0
        self.tree.multiplayer.peer_packet.connect(self._on_packet)

    def _on_packet(self, peer_id: int, data: bytes) -> None:
        def answer(done: Any) -> None:
            self.tell({"told": _outcome(done.result)}, peer_id)

        self.hall.cluster.tell(json.loads(data)["tell"], "hello").then(answer)

    def on_tick(self, delta: float) -> None:
        self.count += 1
        self.tell({"room": self.name, "worker": os.getpid(), "count": self.count, "time": time.time()})

    def tell(self, news: dict[str, Any], peer_id: int = 0) -> None:
        self.tree.multiplayer.send_bytes(json.dumps(news).encode(), peer_id)


class Saved(Unsaved):
    """Is saved each second, and goes on elsewhere."""

    kind = "saved"
    save_interval = 1.0

    def save(self) -> bytes:
        return json.dumps([time.time(), self.count]).encode()

    def restore(self, data: bytes) -> None:
        self.restored, self.count = json.loads(data)

    def on_return(self, place: Place) -> None:
        if self.restored:
            self.tell({"restored": self.restored}, place.peer_id)


def _outcome(result: Callable[[], Any]) -> str:
    try:
        return str(result().name)
    except Exception as problem:
        return f"{type(problem).__name__}: {problem}"


both = Hall([Saved, Unsaved], lobby=True)
assert both.lobby is not None
both.lobby.identify = lambda request: request.headers.get("x-player") or None
