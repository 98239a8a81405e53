"""Compares the asyncio front with `websockets`, `picows` and `aiohttp`, and with gdpeer's polling below it.

    python -m bench.fronts              five rounds; writes bench/results/fronts.md and .json
    python -m bench.fronts --quick      one short round; writes no result

One run of bench/wsbench measures all servers on core 0, as `bench.run` describes. The servers for asyncio run on
uvloop, and gdpeer's also on the loop of the standard library.

The goal: faster than `aiohttp`, and at least twice as fast as `websockets`, in echo-small and echo-1k.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from statistics import median

from bench.goals import Rows
from bench.machine import Data, about, headline, middle, number, ratios, table, write
from bench.run import ECHO, SERVER_FLOOR, TOOL, run
from bench.wsbench.scenarios import UNITS
from tests.support.missing import ROOT

POLLING, UVLOOP, ASYNCIO = "gdpeer polling", "gdpeer asyncio, uvloop", "gdpeer asyncio"
AIO = "-m bench.aio_echo --port {port}"
OURS = {POLLING: ECHO, UVLOOP: f"{AIO} --loop uvloop", ASYNCIO: AIO}
PEERS = ("picows", "aiohttp", "websockets")
SCENARIOS = ("echo-small", "echo-small-pipe", "echo-1k", "echo-64k", "fanout-100", "connect")
GOALS = {"aiohttp": 1.0, "websockets": 2.0}
GOAL_SCENARIOS = ("echo-small", "echo-1k")


def command(rounds: int, seconds: float) -> list[str]:
    """Returns the command line of wsbench."""
    python = shlex.quote(sys.executable)
    own = [word for name, words in OURS.items() for word in ("--server", f"{name}={python} {words}")]
    which = ["--scenarios", ",".join(SCENARIOS), "--only", ",".join((SERVER_FLOOR, *PEERS)), "--baseline", SERVER_FLOOR]
    return [*TOOL, "--rounds", str(rounds), "--time", str(seconds), *which, *own]


def markdown(data: Data) -> str:
    """Returns the figures and the goals, for the result and for the page."""
    results: Mapping[str, Rows] = data["results"]
    head = ("scenario", "", *OURS, *PEERS)
    rows = [
        (name, UNITS[name].name, *(figure(found, name, server) for server in head[2:]))
        for name, found in results.items()
    ]
    return f"{table(head, rows, words=2)}\n\n{goals(results)}"


def figure(found: Rows, scenario: str, server: str) -> str:
    """Returns the median of one server, as text."""
    value = middle(found.get(server, ()), UNITS[scenario].key)
    return "" if value is None else number(value)


def goals(results: Mapping[str, Rows]) -> str:
    """Returns a table of the goals with the ratios to other servers."""
    rows = []
    for scenario in GOAL_SCENARIOS:
        for peer, wanted in GOALS.items():
            found = results.get(scenario, {})
            rows.append(
                (scenario, f"{wanted:g} x {peer}", *(times(found, server, peer) for server in (UVLOOP, ASYNCIO)))
            )
    return table(("scenario", "goal", UVLOOP, ASYNCIO), rows, words=2)


def times(found: Rows, server: str, peer: str) -> str:
    """Returns the median of the ratios of two servers, as text."""
    values = ratios(found.get(server, ()), found.get(peer, ()), "per_s")
    return f"{median(values):.2f}" if values else ""


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--time", type=float, help="seconds measured for each sample; default 1")
    parser.add_argument("--quick", action="store_true", help="one round of 0.3 s; writes no result")
    options = parser.parse_args(words)
    rounds = options.rounds or (1 if options.quick else 5)
    seconds = options.time or (0.3 if options.quick else 1.0)
    status, _, found = run(command(rounds, seconds), ROOT / "build" / "fronts.json")
    data = {"about": about(rounds=rounds, seconds=seconds), "results": found["results"]}
    text = markdown(data)
    print(text)
    if not options.quick:
        write("fronts", data, f"# The asyncio front\n\n{headline(data['about'])}.\n\n{text}")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
