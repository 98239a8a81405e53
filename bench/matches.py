"""Measures what a match takes: a process of a headless Godot 4 for each match, or many rooms in one process of gdpeer.

    python -m bench.matches                     a Markdown table on the terminal
    python -m bench.matches --rounds 9 --json FILE

- `start`: seconds from the start of the process until the server listens.
- `memory`: the proportional set size, which shares out what several processes have in common. Of the engine for one
  process and for each of four; of gdpeer for a process with one room, and for each of 1,000 more rooms.
- `idle`: milliseconds of processor time a second, while nobody plays. The engine runs with its sleep between frames.

The engine is Debian's build of the editor. An export template takes less memory and starts faster.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bench.engine import engine
from bench.machine import cpu_seconds, processor, running, wait_for
from bench.replication import pid_of
from bench.rooms import Arena
from gdpeer import COMPILED, OK
from gdpeer.rooms import Hall
from tests.support.ports import free_port

LEAST_ROUNDS = 5
ROOMS = 1_000
ENGINES = 4
SETTLE = 2.0
"""Seconds after the start before memory is read."""


def serve(rooms: int, port: int) -> None:
    """Runs a hall with some rooms until this process is ended."""
    hall = Hall([Arena])
    if hall.listen(port) != OK:
        raise SystemExit("the port is taken")
    for _ in range(rooms):
        hall.create("arena")
    print("listening", flush=True)
    while True:
        hall.poll(timeout=1.0)


def hall_command(rooms: int) -> list[str]:
    return [sys.executable, "-m", "bench.matches", "--serve", str(rooms), str(free_port())]


def proportional(pid: int) -> float:
    """Returns the proportional set size of a process in MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the system tells no proportional set size")


@contextlib.contextmanager
def started(commands: Sequence[Sequence[str]]) -> Iterator[list[int]]:
    """Runs servers during the block; gives their processes."""
    with contextlib.ExitStack() as stack:
        found: list[subprocess.Popen[str]] = [stack.enter_context(running(command)) for command in commands]
        for process in found:
            wait_for(process, "listening")
        yield [pid_of(process) for process in found]


def seconds_to_start(command: Sequence[str]) -> float:
    begin = time.monotonic()
    with started([command]):
        return time.monotonic() - begin


def taken(commands: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Returns the memory of some servers together, in MiB, and their processor time in ms a second."""
    with started(commands) as pids:
        time.sleep(SETTLE)
        memory = sum(map(proportional, pids))
        before = sum(map(cpu_seconds, pids))
        time.sleep(SETTLE)
        return memory, (sum(map(cpu_seconds, pids)) - before) / SETTLE * 1000


def measure(rounds: int) -> dict[str, float]:
    """Returns the medians of all figures."""
    samples: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        samples.setdefault(name, []).append(value)

    for _ in range(rounds):
        note("engine_start", seconds_to_start(engine()(free_port())))
        note("gdpeer_start", seconds_to_start(hall_command(1)))
        one, idle = taken([engine()(free_port())])
        note("engine_memory", one)
        note("engine_idle", idle)
        note("engine_memory_each", taken([engine()(free_port()) for _ in range(ENGINES)])[0] / ENGINES)
        one, _ = taken([hall_command(1)])
        many, idle = taken([hall_command(1 + ROOMS)])
        note("gdpeer_memory", one)
        note("gdpeer_memory_each", (many - one) / ROOMS)
        note("gdpeer_idle_all", idle)
    return {name: median(values) for name, values in samples.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS, help=f"default: {LEAST_ROUNDS}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures as well")
    parser.add_argument("--serve", type=int, nargs=2, metavar=("ROOMS", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
    found = measure(options.rounds)
    form = "compiled" if COMPILED else "as Python"
    about = f"gdpeer {form}, Godot 4 headless (editor build), Python {platform.python_version()}, {processor()}"
    print(f"{about}; medians of {options.rounds} rounds.\n")
    print("| | a headless engine for each match | rooms of gdpeer in one process |\n|---|--:|--:|")
    print(f"| until the first match listens | {found['engine_start']:.2f} s | {found['gdpeer_start']:.2f} s |")
    print(f"| memory of the first match | {found['engine_memory']:.0f} MiB | {found['gdpeer_memory']:.0f} MiB |")
    each = f"{found['gdpeer_memory_each'] * 1024:.0f} KiB"
    print(f"| memory of each further match | {found['engine_memory_each']:.0f} MiB | {each} |")
    idle = f"{found['gdpeer_idle_all'] / ROOMS:.4f} ms"
    print(f"| processor time of a match that waits, each second | {found['engine_idle']:.0f} ms | {idle} |")
    if options.json:
        options.json.write_text(json.dumps({"about": about, "rounds": options.rounds, "rows": found}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
