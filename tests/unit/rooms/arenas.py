"""A hall with a lobby, for tests: without a port, and with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gdpeer.clock import ManualClock
from gdpeer.rooms import Hall, Room
from gdpeer.rooms.lobby import Lobby

SECRET = b"s" * 32
NOW = 1_800_000_000.0


class Arena(Room):
    kind = "arena"
    max_peers = 4
    on_made: Callable[[Room], None] = staticmethod(lambda room: None)

    def on_create(self, options: Any) -> None:
        type(self).on_made(self)


class Chess(Arena):
    kind = "chess"


def make_hall(*kinds: type[Room], **options: Any) -> Hall:
    return Hall(
        kinds or (type("Arena", (Arena,), {}),),
        **{
            "secret": SECRET,
            "lobby": True,
            "public_url": "wss://play.example/",
            "clock": ManualClock(),
            "wall": lambda: NOW,
            **options,
        },
    )


def advance(hall: Hall, seconds: float) -> None:
    assert isinstance(hall.clock, ManualClock)
    hall.clock.advance(seconds)
    hall.poll()


def lobby_of(hall: Hall) -> Lobby:
    assert hall.lobby is not None
    return hall.lobby


def on_create(hall: Hall, kind: str, hook: Callable[[Room], None]) -> None:
    """Has a hook run in `on_create` of this hall's rooms of a kind."""
    hall.kinds[kind].on_made = staticmethod(hook)  # type: ignore[attr-defined]
