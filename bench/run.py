"""Puts `gdpeer echo` beside websockets and picows in one run of the benchmark in ../shared/tools/wsbench.

    make bench                                   all server scenarios, three rounds (some minutes)
    make bench ARGS='--quick'                    one short round of four scenarios
    make bench ARGS='--name second --rounds 10'  writes bench/results/second.json and .md

Nothing else should run meanwhile. Trust the ratio, taken round by round, before the figures: they are those of this
machine on this day, and two runs are not to be compared with each other.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

from tests.support.missing import ROOT, SHARED

RESULTS = Path(__file__).with_name("results")
TOOL = SHARED / "tools" / "wsbench" / "wsbench"
PEERS = "cwsecho,websockets,picows,picows-messages"
SCENARIOS = "latency-*,echo-*,fanout-*,connect,idle-mem"
QUICK = "latency-1,echo-small,echo-small-pipe,echo-64k"
ECHO = "-m gdpeer.cli echo --host 127.0.0.1 --port {port} --max-size 64M --fanout --no-heartbeat"
PURE = ROOT / ".venv-pure" / "bin" / "python"


def processor() -> str:
    """The processor's name, for the head of the table."""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def servers() -> list[str]:
    """The forms of gdpeer that are installed: compiled, and uncompiled where `make unit` has made its environment."""
    named = ["--server", f"gdpeer={shlex.quote(sys.executable)} {ECHO}"]
    if PURE.exists():
        named += ["--server", f"gdpeer-pure={shlex.quote(str(PURE))} {ECHO}"]
    return named


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="first", help="name of the result files (default first)")
    parser.add_argument("--quick", action="store_true", help="one short round of four scenarios; writes no result")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--time", type=float, default=1.0, help="seconds measured for each sample")
    options = parser.parse_args()
    if not TOOL.exists():
        print("not run: ../shared/tools/wsbench is not beside the checkout")
        return 1
    rounds = ["--rounds", str(options.rounds), "--time", str(options.time), "--scenarios", SCENARIOS]
    command = [sys.executable, str(TOOL), "--baseline", "picows", "--only", PEERS, *servers()]
    command += ["--quick", "--scenarios", QUICK] if options.quick else rounds
    cache = os.environ.get("WSBENCH_CACHE") or str(ROOT / ".cache" / "wsbench")
    report = ROOT / "build" / "bench.json" if options.quick else RESULTS / f"{options.name}.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [*command, "--json", str(report)], env=dict(os.environ, WSBENCH_CACHE=cache), stdout=subprocess.PIPE, text=True
    )
    print(done.stdout)
    if done.returncode == 0 and not options.quick:
        head = f"# gdpeer beside other servers\n\n{processor()}; made by `make bench`.\n\n"
        (RESULTS / f"{options.name}.md").write_text(head + done.stdout)
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main())
