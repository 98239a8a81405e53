"""Runs players of the roll demo: the Godot projects of demos/roll, controlled by their arguments.

with host("4", port, players=3) as hana, join("4", port, "Ann", auto=True, turns=3) as ann:
    wait_for_names(hana, "Hana", "Ann")
    ...
    assert rolls(ann) == ["Hana", "Ann"]
"""

from __future__ import annotations

import re
from typing import Any

from tests.support.engines import Engine
from tests.support.missing import ROOT

ROLL = ROOT / "demos" / "roll"
ROLLED = re.compile(r"^(.*): rolls (\d+)$")


def host(version: str, port: int, name: str = "Hana", **options: Any) -> Engine:
    """Starts an engine that hosts a game, and waits until it listens. The options are the demo's: `leave_in_turn=1`."""
    engine = _player(version, "--host", port=port, name=name, **options)
    try:
        engine.wait_for("listening", port=port)
    except BaseException:
        engine.kill()
        raise
    return engine


def join(version: str, port: int, name: str, **options: Any) -> Engine:
    """Starts an engine that joins a game on this machine."""
    return _player(version, f"--join=ws://127.0.0.1:{port}", name=name, **options)


def _player(version: str, role: str, **options: Any) -> Engine:
    words = [role]
    for option, value in options.items():
        word = f"--{option.replace('_', '-')}"
        words.append(word if value is True else f"{word}={value}")
    return Engine(version, ROLL / f"godot{version}", "start.tscn", *words)


def names(engine: Engine) -> list[str]:
    """Returns the names of the players in order, as the engine last listed them."""
    lists = engine.all("players")
    return [player["name"] for player in lists[-1]["players"]] if lists else []


def wait_for_names(engine: Engine, *expected: str, timeout: float = 10.0) -> None:
    """Waits until the engine lists exactly these players."""
    engine.process.wait_until(lambda: names(engine) == list(expected), f"players {expected}", timeout)


def own_id(engine: Engine) -> int:
    """Waits until the player has joined, and returns its peer id."""
    found: int = engine.wait_for("joined")["id"]
    return found


def log(engine: Engine) -> list[str]:
    """Returns the lines of the player's log so far."""
    return [event["text"] for event in engine.all("log")]


def rolls(engine: Engine) -> list[str]:
    """Returns the names of those who rolled, in order, from the player's log; checks that values are 0 to 99."""
    found = [match for line in log(engine) if (match := ROLLED.match(line))]
    assert all(0 <= int(match.group(2)) <= 99 for match in found)
    return [match.group(1) for match in found]


def wait_for_rolls(engine: Engine, count: int, timeout: float = 10.0) -> None:
    """Waits until the player's log holds `count` rolls."""
    engine.process.wait_until(lambda: len(rolls(engine)) >= count, f"{count} rolls", timeout)
