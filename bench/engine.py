"""Compares gdpeer with the engine itself: remote calls to a server in Python and to a headless Godot 4.

    python -m bench.engine                     five rounds (some minutes); writes bench/results/engine.md and .json
    python -m bench.engine --quick             one short round; writes no result
    python -m bench.engine --windows 1,16      calls that each bot has under way at a time

Both servers, bench/arena.py and bench/engine_project, have one method, which answers the sender with the same
arguments. The same 100 bots in one process call it (bench/bots.py). The server runs on core 0, the bots on core 1. Each
answer is compared byte for byte. Each sample has a fresh server, because an engine without a frame limit never sleeps.

The engine draws nothing, has one physics tick per second and no other script. It runs in these forms:

- `godot`: as fast as it can. `Engine.max_fps` is 0 and low-processor mode is off. The sleep of that mode is off too: an
  engine without a window otherwise sleeps in each frame even so. Calling `multiplayer.poll()` more often than once a
  frame does not make it faster.
- `godot, as it comes`: with that sleep of 6.9 ms, which gives about 145 frames per second.
- `godot, 60 fps`: the rate of a game.

The engine is Debian's build of the editor; an export template may be somewhat faster.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from statistics import median, quantiles
from typing import Any, TypeAlias

from bench.bots import AT_ONCE, Crowd
from bench.machine import (
    LOAD_CORE,
    SERVER_CORE,
    Data,
    Meter,
    about,
    forms,
    headline,
    hold,
    middle,
    number,
    others,
    ratios,
    running,
    table,
    wait_for,
    write,
)
from tests.support.missing import ROOT
from tests.support.ports import free_port
from tools import godot

PROJECT = ROOT / "bench" / "engine_project"
ENGINE = "godot"
BOTS = 100
WARM_UP = 0.5

Command: TypeAlias = Callable[[int], list[str]]
"""Returns the command line of a server for a port."""


def ours(python: str) -> Command:
    return lambda port: [python, "-m", "bench.arena", str(port)]


def engine(**settings: int) -> Command:
    def command(port: int) -> list[str]:
        launch = [sys.executable, "-m", "tools.godot", "4", "--path", str(PROJECT), "server.tscn", "--"]
        return [*launch, f"--port={port}", *(f"--{name}={value}" for name, value in settings.items())]

    return command


def servers() -> dict[str, Command]:
    """Returns the servers to compare."""
    return {
        **{form: ours(python) for form, python in forms().items()},
        ENGINE: engine(sleep=0),
        "godot, as it comes": engine(),
        "godot, 60 fps": engine(fps=60),
    }


# -- measuring --------------------------------------------------------------------------------------------------------


def sample(command: Command, windows: Sequence[int], seconds: float) -> dict[str, Any]:
    """Starts a server, measures it, and ends it."""
    port = free_port()
    with running(command(port), SERVER_CORE) as process:
        wait_for(process, "listening")
        crowd = Crowd(f"ws://127.0.0.1:{port}", BOTS)
        joined = crowd.join()
        crowd.get_ready()
        under_way, calls = 0, {}
        for window in sorted(windows):
            crowd.begin(window - under_way)
            under_way = window
            crowd.run(min(WARM_UP, seconds))
            calls[str(window)] = measure(crowd, process.pid, seconds)
    return {"joins_per_s": BOTS / joined, "calls": calls}


def measure(crowd: Crowd, pid: int, seconds: float) -> dict[str, float]:
    meter = Meter(pid)
    took, latencies = crowd.run(seconds)
    used = meter.read()
    count = len(latencies)
    centiles = quantiles(latencies, n=100) if count > 1 else [0.0] * 99
    return {
        "count": count,
        "per_s": count / took,
        "p50_ms": centiles[49] * 1e3,
        "p99_ms": centiles[98] * 1e3,
        "server_us_per_call": used.servers * used.seconds / max(1, count) * 1e6,
        "server_core": used.servers,
        "others_cores": used.others,
    }


# -- the result -------------------------------------------------------------------------------------------------------


def markdown(data: Data) -> str:
    """Returns the tables, for the result and for the page."""
    results: Mapping[str, Sequence[Data]] = data["results"]
    windows = list(next(iter(results.values()))[0]["calls"])
    return "\n\n".join([*(calls_table(results, window) for window in windows), joins_table(results)])


def calls_table(results: Mapping[str, Sequence[Data]], window: str) -> str:
    rows = []
    calls = {name: [sample["calls"][window] for sample in samples] for name, samples in results.items()}
    for name, found in calls.items():
        figures = [middle(found, key) for key in ("per_s", "p50_ms", "p99_ms", "server_us_per_call", "server_core")]
        times = times_of(ratios(found, calls[ENGINE], "per_s"))
        rows.append([name, number(figures[0]), times, *(number(figure) for figure in figures[1:]), others(found)])
    head = (
        "server",
        "calls/s",
        f"x {ENGINE}",
        "p50 ms",
        "p99 ms",
        "server CPU, us a call",
        "cores used by it",
        "by others",
    )
    return f"{BOTS} bots, each with {window} under way:\n\n{table(head, rows)}"


def joins_table(results: Mapping[str, Sequence[Data]]) -> str:
    rows = [
        [name, number(middle(found, "joins_per_s")), times_of(ratios(found, results[ENGINE], "joins_per_s"))]
        for name, found in results.items()
    ]
    return f"{BOTS} clients join, {AT_ONCE} at a time:\n\n{table(('server', 'joins/s', f'x {ENGINE}'), rows)}"


def times_of(found: Sequence[float]) -> str:
    """Returns the median of the ratios with their range, as text."""
    return f"{median(found):.2f} ({min(found):.2f} - {max(found):.2f})" if found else "-"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="engine", help="name of the result files (default engine)")
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--time", type=float, help="seconds measured for each sample; default 3")
    parser.add_argument("--windows", default="1,8", help="calls under way for each bot (default 1,8)")
    parser.add_argument("--quick", action="store_true", help="one round of half a second; writes no result")
    options = parser.parse_args()
    try:
        godot.command("4")
    except godot.Failed as error:
        print(f"not run: {error}")
        return 1
    rounds = options.rounds or (1 if options.quick else 5)
    seconds = options.time or (0.5 if options.quick else 3.0)
    hold(LOAD_CORE)
    compared = servers()
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in compared}
    for turn in range(rounds):
        for name, command in rotated(list(compared.items()), turn):
            results[name].append(sample(command, [int(word) for word in options.windows.split(",")], seconds))
        print(f"round {turn + 1}/{rounds}", file=sys.stderr, flush=True)
    data = {"about": about(rounds=rounds, seconds=seconds, bots=BOTS), "results": results}
    text = markdown(data)
    print(text)
    if not options.quick:
        write(options.name, data, f"# gdpeer beside the engine\n\n{headline(data['about'])}.\n\n{text}")
    return 0


def rotated(items: list[tuple[str, Command]], turn: int) -> list[tuple[str, Command]]:
    """Returns the servers in another order for each round, so that each is the first one in turn."""
    at = turn % len(items)
    return items[at:] + items[:at]


if __name__ == "__main__":
    raise SystemExit(main())
