"""Measures the gain of a second server process on the same port (`reuse_port`).

    python -m bench.cores               nine rounds; writes bench/results/cores.md and .json
    python -m bench.cores --quick       two short rounds; writes no result

One or two echo servers share a port, and the system spreads the connections over them. No process is bound to a core:
the servers share all cores with the load, a C program (`wsload` of bench/wsbench) that sleeps when it has nothing to
do. On a machine with two cores, two servers therefore cannot be twice as fast, because the load needs a part of the
cores. The table shows how much each side used. The part of other programs should be 0.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

from bench.machine import (
    Data,
    Meter,
    about,
    headline,
    middle,
    number,
    ratios,
    running,
    table,
    wait_for,
    write,
)
from bench.wsbench.peers import build
from tests.support.ports import free_port

CONNECTIONS = 64
LOADS = {"32 bytes, one under way": ("-w", "1"), "32 bytes, 16 under way": ("-w", "16")}
WARM_UP = 0.3
PROCESSES = (1, 2)


@contextmanager
def servers(count: int) -> Iterator[tuple[int, list[int]]]:
    """Runs `count` servers on one port during the block; yields the port and their process ids."""
    port = free_port()
    with ExitStack() as stack:
        started = []
        for _ in range(count):
            command = [
                sys.executable,
                "-m",
                "gdpeer.cli",
                "echo",
                "--reuse-port",
                "--no-heartbeat",
                "--port",
                str(port),
            ]
            started.append(stack.enter_context(running(command)))
            wait_for(started[-1], "listening")
        yield port, [process.pid for process in started]


def sample(count: int, words: Sequence[str], seconds: float) -> dict[str, float]:
    """Measures `count` servers under load; the load generator checks each echo."""
    command = [str(build("wsload")), "echo", "-c", str(CONNECTIONS), "-s", "32", "--text", *words]
    with servers(count) as (port, pids):
        meter = Meter(*pids)
        timing = ["-t", str(seconds), "--warmup", str(WARM_UP), "--port", str(port)]
        done = subprocess.run([*command, *timing], stdout=subprocess.PIPE, text=True, check=False)
        used = meter.read()
    answer: dict[str, Any] = json.loads(done.stdout)
    if answer["error_total"]:
        raise SystemExit(f"{answer['error_total']} errors: {answer['first_error']}")
    return {
        "per_s": answer["per_s"],
        "servers_cores": used.servers,
        "load_cores": used.load,
        "others_cores": used.others,
    }


# -- the result -------------------------------------------------------------------------------------------------------


def markdown(data: Data) -> str:
    """Returns the table, for the result and for the page."""
    results: Mapping[str, Mapping[str, Sequence[Data]]] = data["results"]
    rows = []
    for load, samples in results.items():
        for count, found in samples.items():
            times = ratios(found, samples[str(PROCESSES[0])], "per_s")
            span = f"{median(times):.2f} ({min(times):.2f} - {max(times):.2f})"
            cores = [f"{middle(found, key):.2f}" for key in ("servers_cores", "load_cores", "others_cores")]
            rows.append([load, count, number(middle(found, "per_s")), span, *cores])
    head = ("load", "servers", "messages/s", "x one server", "cores used by the servers", "by the load", "by others")
    return table(head, rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="cores", help="name of the result files (default cores)")
    parser.add_argument("--rounds", type=int, help="default 9")
    parser.add_argument("--time", type=float, help="seconds measured for each sample; default 2")
    parser.add_argument("--quick", action="store_true", help="two rounds of 0.4 s; writes no result")
    options = parser.parse_args()
    rounds = options.rounds or (2 if options.quick else 9)
    seconds = options.time or (0.4 if options.quick else 2.0)
    results: dict[str, dict[str, list[Any]]] = {load: {str(count): [] for count in PROCESSES} for load in LOADS}
    for _ in range(rounds):
        for load, words in LOADS.items():
            for count in PROCESSES:
                results[load][str(count)].append(sample(count, words, seconds))
    data = {"about": about(rounds=rounds, seconds=seconds, connections=CONNECTIONS), "results": results}
    text = markdown(data)
    print(text)
    if not options.quick:
        write(options.name, data, f"# One and two server processes on a port\n\n{headline(data['about'])}.\n\n{text}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
