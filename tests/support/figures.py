"""Records the figures that the tests of trust measure: a line on standard output, and a file for later.

    record("R3", clients=1000, seconds=1.2)

prints `figure R3: clients=1000 seconds=1.2` and adds both figures to build/trust/R3.json. Several tests of one id share
its file, also in parallel processes.
"""

from __future__ import annotations

import fcntl
import json
from typing import Any

from tests.support.missing import ROOT

FOLDER = ROOT / "build" / "trust"


def record(test_id: str, **figures: Any) -> dict[str, Any]:
    """Prints and records the figures of a test, and returns them."""
    print(f"figure {test_id}:", *(f"{name}={_short(value)}" for name, value in figures.items()))
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / f"{test_id}.json", "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        known = json.loads(file.read() or "{}")
        file.truncate(0)
        file.write(json.dumps({**known, **figures}, indent=2) + "\n")
    return figures


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
