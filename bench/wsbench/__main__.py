"""Measures WebSocket servers and clients side by side; bench/wsbench/README.md explains it.

python -m bench.wsbench --list                       lists servers, clients and scenarios
python -m bench.wsbench --quick                      some servers, four scenarios, under a minute
python -m bench.wsbench --json out.json              everything, 3 rounds (about 20 minutes)
python -m bench.wsbench --selftest                   checks that faulty servers are noticed
python -m bench.wsbench --scenarios 'echo-*' --only 'cwsecho,picows*' --rounds 5 --time 2
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn

from bench.machine import CORES
from bench.wsbench import peers
from bench.wsbench.peers import CLIENTS, SERVERS, Peer, build_all, environment, say
from bench.wsbench.processes import Sample, Server
from bench.wsbench.rounds import Rounds, measure_clients, measure_servers
from bench.wsbench.scenarios import QUICK, SCENARIOS
from bench.wsbench.selftest import selftest
from bench.wsbench.tables import tables

FAULTY = 3
"""The exit status when a sample had an error."""


class Samples:
    """Collects all samples, by scenario and name."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, list[Sample]]] = {}
        self.is_faulty = False

    def record(self, scenario: str, name: str, sample: Sample) -> None:
        self.found.setdefault(scenario, {}).setdefault(name, []).append(sample)
        if sample.get("error_total"):
            self.is_faulty = True
            say(f"  {name} {scenario}: {sample['error_total']} errors: {sample.get('first_error')}")


def words_of(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def chosen(names: Iterable[str], picks: Sequence[str], skips: Sequence[str] = ()) -> list[str]:
    """Returns the names that match one of the picks, or all without picks, and none of the skips."""
    picked = [name for name in names if not picks or any(fnmatchcase(name, pattern) for pattern in picks)]
    return [name for name in picked if not any(fnmatchcase(name, pattern) for pattern in skips)]


def added(parser: argparse.ArgumentParser, specs: Sequence[str], more: str = "") -> dict[str, Peer]:
    """Returns the servers or clients that options of the command line define."""
    found = {}
    for spec in specs:
        name, separator, command = spec.partition("=")
        if not separator or "{port}" not in command:
            parser.error(f"expected NAME=COMMAND with {{port}} in it, got {spec!r}")
        found[name] = Peer(command if not more or "{size}" in command else f"{command} {more}")
    return found


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.wsbench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--scenarios", type=words_of, default=[], help=f"comma list or patterns of: {', '.join(SCENARIOS)}")
    add("--only", type=words_of, default=[], help="comma list or patterns of built-in servers and clients")
    add("--skip", type=words_of, default=[], help="comma list or patterns to leave out")
    add("--server", action="append", default=[], metavar="NAME=COMMAND", help="add a server; {port} in the command")
    add(
        "--client",
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="add a client; {port}, {size} and {seconds} in the command; it prints JSON with per_s",
    )
    add("--baseline", default="websockets", help="whom the others are compared with (default websockets)")
    add("--rounds", type=int, default=3, help="default 3")
    add("--time", type=float, default=1.0, help="seconds measured for each sample (default 1)")
    add("--warmup", type=float, default=0.3, help="seconds before (default 0.3)")
    add("--no-spin", action="store_true", help="let the load generator sleep between events")
    add("--quick", action="store_true", help="a few servers and scenarios, one round, under a minute")
    add("--json", metavar="FILE", type=Path, help="write all samples there")
    add("--list", action="store_true", help="print the names of servers, clients and scenarios")
    add("--selftest", action="store_true", help="prove that faulty servers are noticed")
    return parser


def about(rounds: Rounds, baseline: str) -> dict[str, Any]:
    return {
        "date": datetime.date.today().isoformat(),
        "cpus": len(CORES),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "rounds": rounds.count,
        "seconds": rounds.seconds,
        "warmup": rounds.warmup,
        "spin": rounds.spin,
        "baseline": baseline,
    }


def measure(servers: Sequence[Server], clients: dict[str, Peer], names: Sequence[str], rounds: Rounds) -> Samples:
    """Measures all servers and clients, and ends all processes."""
    samples = Samples()
    for peer in (*(server.peer for server in servers), *clients.values()):
        if peer.group:
            environment(peer.group)
    signal.signal(signal.SIGTERM, _ended)
    try:
        if of_servers := [name for name in names if SCENARIOS[name].load]:
            measure_servers(servers, of_servers, rounds, samples.record)
        if of_clients := [name for name in names if SCENARIOS[name].size]:
            measure_clients(clients, of_clients, rounds, samples.record)
    finally:
        for server in list(Server.running):
            server.stop()
    return samples


def _ended(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def print_list() -> int:
    for what, names in (("servers", SERVERS), ("clients", CLIENTS), ("scenarios", SCENARIOS)):
        print(f"{what + ':':10} {' '.join(names)}")
    return 0


def main() -> int:
    parser = arguments()
    options = parser.parse_args()
    if options.list or options.selftest:
        return print_list() if options.list else selftest()
    if not 1 <= options.rounds <= 100 or not 0.05 <= options.time <= 60:
        parser.error("--rounds must be 1 to 100, --time 0.05 to 60")
    if options.quick:
        options.rounds, options.time, options.warmup = 1, 0.5, 0.2
        options.only, options.scenarios = options.only or peers.QUICK, options.scenarios or QUICK
    names = chosen(SCENARIOS, options.scenarios)
    if not names:
        parser.error("no such scenario")
    if len(CORES) < 2:
        say("warning: one CPU only; server and load share it, and the figures mean little")
    built_in = {name: SERVERS[name] for name in chosen(SERVERS, options.only, options.skip)}
    servers = [Server(*item) for item in (built_in | added(parser, options.server)).items()]
    more = "--port {port} --size {size} --seconds {seconds}"
    clients = {name: CLIENTS[name] for name in chosen(CLIENTS, options.only, options.skip)}
    clients |= added(parser, options.client, more)
    rounds = Rounds(options.rounds, options.time, options.warmup, not options.no_spin)
    began = time.monotonic()
    build_all()
    samples = measure(servers, clients, names, rounds)
    facts = about(rounds, options.baseline)
    machine = f"{facts['date']}, {facts['cpus']} CPUs ({facts['machine']}), Python {facts['python']}"
    print(f"{machine}, {rounds.count} rounds of {rounds.seconds:g} s, baseline {options.baseline}\n")
    print(tables(samples.found, options.baseline))
    say(f"took {time.monotonic() - began:.0f} s")
    if options.json:
        options.json.write_text(json.dumps({"about": facts, "results": samples.found}, indent=1))
    return FAULTY if samples.is_faulty else 0


if __name__ == "__main__":
    sys.exit(main())
