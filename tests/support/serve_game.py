"""A game for `gdpeer serve` in the tests: rooms that are saved twice a second, and can be restored anywhere."""

from __future__ import annotations

from typing import Any

from gdpeer.rooms import Room


class Table(Room):
    kind = "table"
    grace = 60.0
    idle_timeout = 600.0
    save_interval = 0.5

    def on_create(self, options: Any) -> None:
        self.number = 0

    def save(self) -> bytes:
        return str(self.number).encode()

    def restore(self, data: bytes) -> None:
        self.number = int(data)
