"""Whole programs that are the same natively and in a page."""

from __future__ import annotations

import builtins
import time
from typing import Any

from gdpeer import run
from tests.backends.lab import Lab
from tools.programs import find_programs

PROGRAM = "anywhere.py"


async def the_loop(lab: Lab) -> None:
    deltas: list[float] = []

    def tick(delta: float) -> bool:
        deltas.append(delta)
        return len(deltas) < 20

    began = time.monotonic()
    run(tick, fps=50)
    await lab.until(lambda: len(deltas) >= 20)
    assert 0.3 < sum(deltas) <= time.monotonic() - began
    await lab.frames(0.2)
    assert len(deltas) == 20


async def the_program_of_the_docs(lab: Lab) -> None:
    """It runs until the session ends: natively in its last line, in a page beside what follows here."""
    source = find_programs()[PROGRAM].text
    assert source.count("ws://127.0.0.1:8910") == 1
    printed: list[str] = []
    names: dict[str, Any] = {"__name__": "__main__", "__builtins__": vars(builtins) | {"print": None}}

    def note(*words: Any) -> None:
        printed.append(" ".join(map(str, words)))
        if len(printed) == 2:
            names["peer"].close()

    names["__builtins__"]["print"] = note
    exec(compile(source.replace("ws://127.0.0.1:8910", lab.base), PROGRAM, "exec"), names)
    await lab.until(lambda: len(printed) == 3)
    assert printed[:2] == ["hello Ann", "Ann is at (1.0, 2.0)"]
    assert printed[2].startswith("The end: ")
