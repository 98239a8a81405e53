"""Measures how long a program waits for its imports: `import gdpeer` and the first poll, beside `import websockets`.

    python -m bench.start                       a Markdown table on the terminal
    python -m bench.start --rounds 51 --json FILE

Each round starts one process for each row and library, by turns. The time is the processor's, of the whole process,
less that of a process without imports. `import websockets` alone imports nearly nothing before a name is used, so that
two rows compare what a program needs until its first connection.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from statistics import median

from bench.run import processor
from gdpeer import COMPILED

LEAST_ROUNDS = 15
NOTHING = "pass"
# Without this, Python would compile modules anew in each process, which no user has.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}

ROWS = {
    "import": ("import gdpeer", "import websockets"),
    "client": (
        "import gdpeer; gdpeer.WebSocketPeer().poll()",
        "import websockets.sync.client; websockets.sync.client.connect",
    ),
    "server": (
        "import gdpeer; gdpeer.WebSocketServer().poll()",
        "import websockets.sync.server; websockets.sync.server.serve",
    ),
    "asyncio": ("import gdpeer.aio; gdpeer.aio.connect", "import websockets.asyncio.client as c; c.connect"),
    "game": ("import gdpeer; gdpeer.SceneTree().poll()", ""),
}
"""What the processes run; "" where the other library has nothing like that."""


def seconds(code: str) -> float:
    """Returns the processor time of a process that runs some code."""
    child = subprocess.Popen([sys.executable, "-c", code], env=ENVIRONMENT)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{code} failed")
    return usage.ru_utime + usage.ru_stime


def measure(rounds: int) -> dict[str, list[float]]:
    """Returns the times of each code, one for each round. A round before the first writes what Python compiles."""
    codes = [NOTHING, *(code for row in ROWS.values() for code in row if code)]
    times: dict[str, list[float]] = {code: [] for code in codes}
    for number in range(rounds + 1):
        for code in codes:
            took = seconds(code)
            if number:
                times[code].append(took)
    return times


def summary(times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Returns the medians in milliseconds, and the medians of the ratios, by row."""
    found: dict[str, dict[str, float]] = {}
    for name, (ours, theirs) in ROWS.items():
        mine = [took - nothing for took, nothing in zip(times[ours], times[NOTHING], strict=True)]
        found[name] = {"ours_ms": median(mine) * 1000}
        if theirs:
            other = [took - nothing for took, nothing in zip(times[theirs], times[NOTHING], strict=True)]
            found[name]["theirs_ms"] = median(other) * 1000
            found[name]["ratio"] = median(mine_ / other_ for mine_, other_ in zip(mine, other, strict=True))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS, help=f"default: {LEAST_ROUNDS}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures as well")
    options = parser.parse_args()
    rows = summary(measure(options.rounds))
    about = (
        f"gdpeer {'compiled' if COMPILED else 'as Python'}, websockets {importlib.metadata.version('websockets')}, "
        f"Python {platform.python_version()}, {processor()}"
    )
    print(f"{about}; processor time in ms, medians of {options.rounds} rounds.\n")
    print("| until the first poll or connection | gdpeer | websockets | ratio |\n|---|--:|--:|--:|")
    for name, row in rows.items():
        theirs = f"{row['theirs_ms']:.1f} | {row['ratio']:.2f}" if "ratio" in row else "- | -"
        print(f"| {name}: `{ROWS[name][0]}` | {row['ours_ms']:.1f} | {theirs} |")
    if options.json:
        options.json.write_text(json.dumps({"about": about, "rounds": options.rounds, "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
