"""Runs players of the arena in Godot: the project of demos/arena, controlled by its arguments."""

from __future__ import annotations

from typing import Any

from tests.support.engines import Engine
from tests.support.missing import ROOT

PROJECT = ROOT / "demos" / "arena" / "godot4"


def join(url: str, name: str, **options: Any) -> Engine:
    """Starts an engine that plays by itself. The options are the demo's: `seconds=9`."""
    words = [f"--join={url}", f"--name={name}", *(f"--{option}={value}" for option, value in options.items())]
    return Engine("4", PROJECT, "main.tscn", *words)


def last_state(engine: Engine) -> dict[str, Any]:
    """Returns what the player last knew of the arena."""
    states = engine.all("state")
    return states[-1] if states else {}
