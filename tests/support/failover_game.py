"""The rooms of the tests of a worker's end: each tells its players ten times a second who it is, and counts.

    gdpeer serve tests.support.failover_game:Saved --workers 4

A packet is JSON: `room`, drawn once for each object that is this room; `worker`, the process; `count`, the packets of
this kind so far. A player who is back is told `restored`, when the state was saved that was restored, in seconds since
1970.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from typing import Any

from gdpeer.rooms import Place, Room


class Unsaved(Room):
    """Is lost with its worker."""

    kind = "unsaved"
    max_peers = 8
    tick_rate = 10.0

    def on_create(self, options: Any) -> None:
        self.name = secrets.token_hex(8)
        self.restored = 0.0
        self.count = 0

    def on_tick(self, delta: float) -> None:
        self.count += 1
        self.tell({"room": self.name, "worker": os.getpid(), "count": self.count})

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
