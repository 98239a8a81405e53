"""The real game, the lobby and a room. Without a Godot engine this test is skipped."""

import secrets
import time
from pathlib import Path

from gdpeer import OK
from gdpeer.rooms import Hall
from gdpeer.testing import Godot

from server import Arena

GAME = Path(__file__).parents[1] / "game"


def test_the_game_enters_a_room(gdpeer_godot: Godot) -> None:
    hall = Hall([Arena], secret=secrets.token_bytes(32), lobby=True)
    assert hall.listen(0, "127.0.0.1") == OK
    game = gdpeer_godot.start(GAME, f"ws://127.0.0.1:{hall.get_local_port()}", "--test")
    end = time.monotonic() + 30
    while game.is_running and time.monotonic() < end:
        hall.poll(timeout=0.02)
    hall.close()
    assert game.wait() == 0
    assert "You are in the room" in game.output
    assert ": Hello!" in game.output
