"""The arena with real Godot clients: they see what the server says, move as they want, and report no error."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from gdpeer.demos.arena.bots import Bots
from gdpeer.demos.arena.server import ArenaServer
from tests.support.arena import join, last_state

pytestmark = pytest.mark.engine


class Arena:
    """A server with bots in this process.

    Attributes:
        scores: all scores that each player has had, by name.
    """

    def __init__(self, bots: int) -> None:
        self.server, self.bots = ArenaServer(lambda line: None), Bots(bots, seed=1)
        self.scores: dict[str, set[int]] = {}
        assert self.server.listen(0) == 0
        self.url = f"ws://127.0.0.1:{self.server.peer.get_local_port()}"
        assert self.bots.join(self.url) == 0

    def run(self, condition: Callable[[], object], seconds: float = 30.0) -> None:
        """Lets the game go on until a condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "the arena waited in vain"
            self.server.poll(0.02)
            self.bots.poll()
            for player in self.server.players.values():
                self.scores.setdefault(player.title, set()).add(player.score)

    def close(self) -> None:
        self.bots.leave()
        self.server.close()


def test_two_engines_play_with_bots(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    arena = Arena(bots=3)
    with ExitStack() as stack:
        stack.callback(arena.close)
        gus = stack.enter_context(join(arena.url, "Gus"))
        arena.run(lambda: len(gus.all("scored")) > 2)
        late = stack.enter_context(join(arena.url, "Late", seconds=4))
        arena.run(lambda: late.find("quit"))
        assert late.wait() == 0
        assert last_state(late)["count"] == 5
        assert set(last_state(late)["board"]) == {"Bot 1", "Bot 2", "Bot 3", "Gus", "Late"}
        for engine, name in ((gus, "Gus"), (late, "Late")):
            assert engine.wait_for("player")["title"] == name
            assert {event["score"] for event in engine.all("scored")} <= arena.scores[name]
        # The late player got the coins near it with the first state; Gus saw coins come, ripen and go.
        assert last_state(late)["coins"] > 0
        told = last_state(gus)
        assert min(told["spawned"], told["despawned"], told["changes"]) > 0
        arena.run(lambda: last_state(gus)["count"] == 4)
        me = next(player for player in arena.server.players.values() if player.title == "Gus")
        # The node of the engine is where the server's is, but for the moment that the message took.
        arena.run(lambda: abs(last_state(gus)["x"] - me.position.x) + abs(last_state(gus)["y"] - me.position.y) < 60)
        assert (gus.stderr, late.stderr, caplog.messages) == ([], [], [])
        assert sum(arena.server.tree.multiplayer.refused.values()) == 0


def test_the_end_of_the_server_ends_the_engine() -> None:
    arena = Arena(bots=0)
    with join(arena.url, "Gus") as gus:
        arena.run(lambda: gus.find("player"))
        arena.close()
        assert gus.wait() == 1
        assert gus.wait_for("left")["reason"] == "server gone"
        assert gus.stderr == []
