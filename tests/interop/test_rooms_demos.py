"""The demos' Godot projects in rooms: engines play in the arena and at the table of their own room."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from gdpeer.demos.rooms.games import ArenaRoom, RollRoom
from gdpeer.rooms import Hall, PlaceState, Room
from tests.support.arena import join, last_state
from tests.support.engines import Engine
from tests.support.roll import ROLL, names, rolls

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


def run(hall: Hall, condition: Callable[[], object], seconds: float = 40.0) -> None:
    """Polls a hall until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the hall waited in vain"
        hall.poll(0.02)


def test_engines_play_in_rooms_of_their_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with ExitStack() as stack:
        hall = stack.enter_context(Hall([ArenaRoom, RollRoom]))
        assert hall.listen(0, "127.0.0.1") == 0
        start = f"ws://127.0.0.1:{hall.get_local_port()}/room"
        arenas = [hall.create("arena") for _ in range(2)]
        table = hall.create("roll")

        def enter(engine: Engine, room: Room, players: int = 1) -> Engine:
            """Polls until the engine has joined: an engine gives up after 3 seconds without an answer."""
            stack.enter_context(engine)
            run(hall, lambda: [place.state for place in room.places.values()] == [PlaceState.HERE] * players)
            return engine

        def sit_down(name: str, players: int) -> Engine:
            url = f"{start}/{table.code}?session={name * 6}"
            # A robot that is alone at the table acts once, and then waits for the turn of another player.
            options = [f"--join={url}", f"--name={name}", "--players=2", "--auto"]
            engine = Engine("4", ROLL / "godot4", "start.tscn", *options)
            return enter(engine, table, players)

        gus, eve = (
            enter(join(f"{start}/{room.code}?session={name * 6}", name), room)
            for room, name in zip(arenas, ("Gus", "Eve"), strict=True)
        )
        ann, bob = sit_down("Ann", 1), sit_down("Bob", 2)
        run(hall, lambda: all(one.all("scored") and last_state(one).get("board") for one in (gus, eve)))
        assert [list(last_state(one)["board"]) for one in (gus, eve)] == [["Gus"], ["Eve"]]
        run(hall, lambda: len(rolls(ann)) >= 3 and set(rolls(ann)) == {"Ann", "Bob"})
        assert sorted(names(ann)) == ["Ann", "Bob"]
        assert [place.state for place in arenas[0].places.values()] == [PlaceState.HERE]
        for engine in (gus, eve, ann, bob):
            assert engine.stderr == []
        assert caplog.messages == []
