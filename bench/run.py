"""Compares gdpeer with other WebSocket libraries, as server and as client, in one run of bench/wsbench.

    make bench                                      everything, five rounds (half an hour)
    make bench ARGS='--quick'                       one short round of four scenarios
    make bench ARGS='--only-ours --scenarios echo-*,connect'
    make bench ARGS='--name second --rounds 10'     writes bench/results/second.md, .json and .svg

A complete run writes bench/results/servers.*; a partial run writes a result only with `--name`.

In each round, a scenario measures all servers before the next scenario begins, so that changes of the machine affect
all alike. The baseline is the floor, a small C server with only epoll, or a C client. Each row shows the share of the
floor that a library reaches. Every reply is checked; an error makes a figure void and the exit status 3.

The end of the result lists the goals of bench/goals.py with their outcomes. A difference of less than 20 % is a tie.

Run nothing else meanwhile. Compare ratios of the same round rather than figures, which depend on the machine and the
day. Figures of different runs cannot be compared.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from bench.goals import POLLING, Outcome, judge
from bench.machine import RESULTS, Data, about, forms, headline, processor, table, write
from bench.plots import draw_shares
from bench.wsbench.scenarios import QUICK as QUICK_SCENARIOS
from bench.wsbench.scenarios import UNITS
from tests.support.missing import ROOT

__all__ = ["main", "processor"]

TOOL = [sys.executable, "-m", "bench.wsbench"]
SERVER_FLOOR, CLIENT_FLOOR = "cwsecho", "c-floor"
SERVERS = ("picows", "picows-messages", "socketify", "aiohttp", "websockets", "wsproto", "node-ws")
CLIENTS = ("picows", "picows-messages", "aiohttp", "websockets", "websockets-threads", "websocket-client", "wsproto")
QUICK = ",".join(QUICK_SCENARIOS)
QUICK_PEERS = ("picows", "websockets")

ECHO = "-m gdpeer.cli echo --host 127.0.0.1 --port {port} --max-size 64M --fanout --no-heartbeat"
CLIENT_FILE = shlex.quote(str(Path(__file__).with_name("client.py")))
CLIENT = f"{CLIENT_FILE} --port {{port}} --size {{size}} --seconds {{seconds}}"
FAULTY = 3
"""The exit status of wsbench if a sample had an error."""


def ours(option: str, words: str) -> list[str]:
    """Returns the options that add each form of gdpeer as a server or client to wsbench."""
    named = [(name, f"{shlex.quote(python)} {words}") for name, python in forms().items()]
    return [word for name, command in named for word in (option, f"{name}={command}")]


def chosen(patterns: str) -> list[str]:
    """Returns the scenarios that a comma-separated list of names and patterns selects, in the order of the tables."""
    wanted = [pattern.strip() for pattern in patterns.split(",")]
    return [name for name in UNITS if any(fnmatchcase(name, pattern) for pattern in wanted)]


def commands(options: argparse.Namespace) -> list[list[str]]:
    """Returns the command lines of wsbench: one for servers and one for clients, because their floors differ."""
    names = chosen(options.scenarios)
    servers = [name for name in names if not name.startswith("client-")]
    clients = [name for name in names if name.startswith("client-")]
    found = []
    if servers:
        peers = () if options.only_ours else (QUICK_PEERS if options.quick else SERVERS)
        found.append(_command(options, servers, SERVER_FLOOR, peers, ours("--server", ECHO)))
    if clients:
        peers = () if options.only_ours else (QUICK_PEERS if options.quick else CLIENTS)
        own = [*ours("--client", CLIENT), "--client", f"{POLLING}={shlex.quote(sys.executable)} {CLIENT} --polling"]
        found.append(_command(options, clients, CLIENT_FLOOR, peers, own))
    return found


def _command(
    options: argparse.Namespace, scenarios: Sequence[str], floor: str, peers: Sequence[str], own: Sequence[str]
) -> list[str]:
    rounds = ["--rounds", str(options.rounds), "--time", str(options.time)]
    which = ["--scenarios", ",".join(scenarios), "--only", ",".join((floor, *peers)), "--baseline", floor]
    return [*TOOL, *rounds, *which, *own]


def run(command: Sequence[str], report: Path) -> tuple[int, str, Data]:
    """Runs wsbench; returns its exit status, its tables without the first line, and the figures."""
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    done = subprocess.run([*command, "--json", str(report)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if not report.exists():
        raise SystemExit(done.returncode or 1)
    return done.returncode, done.stdout.partition("\n\n")[2], json.loads(report.read_text(), object_hook=without_zeros)


def without_zeros(found: dict[str, Any]) -> dict[str, Any]:
    """Returns a sample without its list of errors, if it had none."""
    return {key: value for key, value in found.items() if key != "errors" or found.get("error_total")}


def goals_table(outcomes: Sequence[Outcome]) -> str:
    """Returns the table of the goals that were measured."""
    rows = [(one.scenario, one.wanted, one.measured, one.word) for one in outcomes if one.met is not None]
    return table(("scenario", "goal", "measured", ""), rows, words=4)


def markdown(facts: Data, outcomes: Sequence[Outcome], tables: str) -> str:
    """Returns the whole result as a page."""
    goals = f"## The goals\n\n{goals_table(outcomes)}\n\n" if outcomes else ""
    return (
        f"# gdpeer beside other WebSocket libraries\n\n{headline(facts)}; made by `make bench`. `x {SERVER_FLOOR}` and "
        f"`x {CLIENT_FLOOR}` are shares of the floor, round by round.\n\n{goals}## The figures\n\n{tables}\n"
    )


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--name", help="name of the result files; default servers, and none for a part")
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--time", type=float, help="seconds measured for each sample; default 1")
    parser.add_argument("--scenarios", help=f"comma list of names or patterns; default all: {', '.join(UNITS)}")
    parser.add_argument("--only-ours", action="store_true", help="gdpeer and the floor, without the others")
    parser.add_argument("--quick", action="store_true", help=f"one round of 0.5 s of {QUICK}")
    options = parser.parse_args(words)
    is_part = options.quick or options.only_ours or options.scenarios
    options.name = options.name or ("" if is_part else "servers")
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.time = options.time or (0.5 if options.quick else 1.0)
    options.scenarios = options.scenarios or (QUICK if options.quick else "*")
    if not chosen(options.scenarios):
        parser.error("no such scenario")
    return options


def main() -> int:
    options = arguments()
    answers = [run(command, ROOT / "build" / "bench.json") for command in commands(options)]
    results = {name: rows for _, _, found in answers for name, rows in found["results"].items()}
    facts = about(rounds=options.rounds, seconds=options.time)
    outcomes = judge(results)
    tables = "\n\n".join(text.strip() for _, text, _ in answers)
    print(f"{tables}\n\n{goals_table(outcomes)}")
    if options.name:
        write(options.name, {"about": facts, "results": results}, markdown(facts, outcomes, tables))
        draw_shares(results, RESULTS / f"{options.name}.svg")
    return FAULTY if any(status for status, _, _ in answers) else 0


if __name__ == "__main__":
    raise SystemExit(main())
