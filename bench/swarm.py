"""Measures `gdpeer swarm` with 1,000 bots against `gdpeer roll`, and with 200 bots against a real Godot 4 server.

    python -m bench.swarm              writes bench/results/swarm.md and .json
    python -m bench.swarm --quick      a tenth of the bots, at the same rate; writes no result

Each server is bound to core 0, the bots to the other cores. In roll all bots are at one table, which announces each bot
that joins or leaves to all others. In the arena each bot makes 50 calls one after another, and leaves.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from bench.engine import engine, ours
from bench.machine import (
    LOAD_CORE,
    SERVER_CORE,
    Data,
    Meter,
    about,
    headline,
    held_on,
    number,
    running,
    table,
    write,
)
from tests.support.missing import ROOT
from tests.support.ports import free_port, wait_until_listening

LIMIT = 600.0
"""Seconds after which the bots must have ended."""


WORDS = (
    "Times are in milliseconds. At the table of roll, the server announces each player who joins or leaves to all "
    "other players, and each bot stays for 20 seconds. In the other rows each bot makes 50 calls one after another. "
    "The server ran on one core and the bots on the other."
)


class Case(NamedTuple):
    """A server and its bots."""

    server: Callable[[int], list[str]]
    script: str
    clients: int
    ramp: float
    words: tuple[str, ...] = ()


Cases: TypeAlias = Mapping[str, Case]


def roll(port: int) -> list[str]:
    return [sys.executable, "-m", "gdpeer.cli", "roll", "--dedicated", "--port", str(port)]


CASES: Cases = {
    "gdpeer roll": Case(roll, "demos/swarm/roll.py", 1_000, 60.0, ("--protocol", "ludus")),
    "Godot 4": Case(engine(), "demos/swarm/arena.py", 200, 4.0),
    "gdpeer, the same": Case(ours(sys.executable), "demos/swarm/arena.py", 200, 4.0),
}


def measure(case: Case, share: float) -> dict[str, Any]:
    """Returns the figures of the swarm, and the processor time of both sides."""
    port = free_port()
    with running(case.server(port), SERVER_CORE, subprocess.DEVNULL) as process:
        wait_until_listening(port, timeout=20.0)
        meter = Meter(process.pid)
        found = bots(case, share, port)
        used = meter.read()
    return {**found, "seconds": used.seconds, "server_core": used.servers, "bots_core": used.load}


def bots(case: Case, share: float, port: int) -> dict[str, Any]:
    """Runs `gdpeer swarm` and returns its result; its progress goes to standard error."""
    clients, ramp = round(case.clients * share), case.ramp * share
    command = [sys.executable, "-m", "gdpeer.cli", "swarm", case.script, "--url", f"ws://127.0.0.1:{port}", "--json"]
    command += ["--clients", str(clients), "--ramp", str(ramp), *case.words]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=LIMIT, preexec_fn=held_on(LOAD_CORE)
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"clients": clients, "ramp": ramp, **found}


def markdown(data: Data) -> str:
    """Returns the table, for the result and for the page."""
    counts = ("bots", "in seconds", "joined", "failed")
    head = ("server", *counts, "joining, p50", "p99", "round trips", "p50", "p99", "server, cores", "bots, cores")
    return f"{WORDS}\n\n{table(head, [row(name, found) for name, found in data['results'].items()])}"


def row(name: str, found: Data) -> list[str]:
    counts = [f"{found['clients']:,}", f"{found['ramp']:g}", f"{found['joined']:,}", f"{found['failed']:,}"]
    trips = f"{found['round_trips']:,} of {found['round_trips_of']}"
    joins, times = ([number(found[f"{what}_{word}_ms"]) for word in ("p50", "p99")] for what in ("join", "round_trip"))
    return [name, *counts, *joins, trips, *times, *(f"{found[key]:.2f}" for key in ("server_core", "bots_core"))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the bots; writes no result")
    options = parser.parse_args()
    results = {name: measure(case, 0.1 if options.quick else 1.0) for name, case in CASES.items()}
    data = {"about": about(), "results": results}
    text = f"# gdpeer swarm\n\n{headline(data['about'])}\n\n{markdown(data)}"
    print(text)
    if not options.quick:
        write("swarm", data, text)
    return int(any(found["failed"] or found["joined"] != found["clients"] for found in results.values()))


if __name__ == "__main__":
    raise SystemExit(main())
