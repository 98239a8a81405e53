"""Runs all measurements one after another, and writes their results and docs/performance.md.

    make bench-all                       takes about an hour; run nothing else meanwhile
    make bench-all ARGS='--quick'        checks that the tools work: some minutes, writes no result
    make bench-all ARGS='engine cores'   runs some of the measurements

If a measurement fails, the others still run, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
from collections.abc import Sequence

from bench.machine import RESULTS
from tests.support.missing import ROOT

TOOLS = {
    "servers": "bench.run",
    "engine": "bench.engine",
    "replication": "bench.replication",
    "scaling": "bench.scaling",
    "cores": "bench.cores",
    "fronts": "bench.fronts",
    "swarm": "bench.swarm",
    "tls": "bench.tls",
    "asgi": "bench.asgi",
    "protocols": "bench.protocols",
    "rpc": "bench.rpc",
    "variants": "bench.variants",
    "start": "bench.start",
    "matches": "bench.matches",
}
PRINTERS = ("rpc", "variants", "start", "matches")
"""Measurements that print their table; this module writes it to a file."""


def run(name: str, quick: bool) -> int:
    """Runs one measurement; returns its exit status."""
    print(f"== {TOOLS[name]}", flush=True)
    if name in PRINTERS:
        return run_printer(name, quick)
    return subprocess.run([sys.executable, "-m", TOOLS[name], *(["--quick"] if quick else [])], cwd=ROOT).returncode


def run_printer(name: str, quick: bool) -> int:
    words = ["--rounds", "3"] if quick else ["--json", str(RESULTS / f"{name}.json")]
    done = subprocess.run([sys.executable, "-m", TOOLS[name], *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    print(done.stdout)
    if done.returncode == 0 and not quick:
        text = f"# {TOOLS[name]}\n\n{datetime.date.today()}.\n\n{done.stdout.strip()}\n"
        (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    return done.returncode


def run_all(names: Sequence[str], quick: bool) -> list[str]:
    """Runs measurements; returns the names of those that failed."""
    failed = [name for name in names if run(name, quick)]
    if not quick:
        subprocess.run([sys.executable, "-m", "bench.page"], cwd=ROOT, check=True)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="make bench-all", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TOOLS)}; default all")
    parser.add_argument("--quick", action="store_true", help="as short as each tool can; writes no result")
    options = parser.parse_args()
    unknown = set(options.names) - set(TOOLS)
    if unknown:
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    failed = run_all(options.names or list(TOOLS), options.quick)
    print(f"failed: {', '.join(failed)}" if failed else "all done")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
