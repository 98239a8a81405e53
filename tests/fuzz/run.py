"""The long form: a coverage-guided fuzzer (atheris) over each target, uncompiled.

    python -m tests.fuzz.run --runs 10000000 --seconds 3600
    python -m tests.fuzz.run --targets frames,deflate --seconds 60
    python -m tests.fuzz.run --keep

Runs and seconds are for all targets together. What is found goes to build/fuzz/findings, one file a case; what leads
the fuzzer further is kept in build/fuzz/corpus from run to run. `--keep` does not fuzz, but takes of that what reaches
something new into tests/trust/corpus.

Ctrl-C ends it with what was counted so far. The status is 0 when nothing was found.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import time

import gdpeer
from tests.fuzz import corpus
from tests.fuzz.keep import those_that_count
from tests.fuzz.targets import TARGETS, Target
from tests.support.figures import record
from tests.support.missing import ROOT

BUILD = ROOT / "build" / "fuzz"
FOUND = BUILD / "corpus"
MOST_KEPT = 28
"""Cases of a target in the repository."""
SAY_EVERY = 15.0
INTERRUPTED = 130
WORDS = {0: "nothing found", INTERRUPTED: "interrupted"}
"""What the status of a fuzzer means; any other is a finding."""
STATUS = re.compile(r"#(\d+)\s|stat::number_of_executed_units:\s*(\d+)")


def fuzz(target: Target, runs: int, seconds: float, longest: int) -> tuple[int, int]:
    """Run a target in a process of its own; how many cases it ran, and its status."""
    found, begun = FOUND / target.name, BUILD / "begun" / target.name
    found.mkdir(parents=True, exist_ok=True)
    (BUILD / "findings").mkdir(exist_ok=True)
    corpus.write_all(begun, corpus.cases(target.name))
    options = [
        f"-runs={runs}",
        f"-max_total_time={max(1, round(seconds))}",
        f"-max_len={longest}",
        f"-artifact_prefix={BUILD}/findings/{target.name}-",
        "-timeout=10",
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
    ]
    command = [sys.executable, "-m", "tests.fuzz.one", target.name, *options, str(found), str(begun)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        count, log = follow(target, process)
    if process.returncode not in WORDS:
        print(*log[-60:], sep="", flush=True)
    return count, process.returncode


def follow(target: Target, process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Say now and then how far it is; how many cases it ran, and all else that it said."""
    count, said, log = 0, time.monotonic(), []
    assert process.stdout is not None
    for line in process.stdout:
        if status := STATUS.match(line):
            count = max(count, int(status[1] or status[2]))
            if time.monotonic() - said > SAY_EVERY:
                said = time.monotonic()
                print(f"{target.name}: {' '.join(line.split())}", flush=True)
        elif not line.startswith(("INFO:", "stat::")):
            log.append(line)
    return count, log


def fuzz_all(targets: list[Target], runs: int, seconds: float, longest: int) -> int:
    """What a target leaves of its share goes to those after it; how many of them ended with a finding."""
    failed, begin, total, ran = 0, time.monotonic(), 0, {target.test: 0 for target in targets}
    for i, target in enumerate(targets):
        left = len(targets) - i
        start = time.monotonic()
        count, status = fuzz(target, (runs - total) // left, (begin + seconds - start) / left, longest)
        total, failed = total + count, failed + (status not in WORDS)
        ran[target.test] += count
        took = time.monotonic() - start
        print(f"{target.name}: {count} cases in {took:.0f} s, {WORDS.get(status, 'FOUND')}", flush=True)
        if status == INTERRUPTED:
            break
    for test, count in ran.items():
        record(test, fuzzed=count)
    print(f"{total} cases in {time.monotonic() - begin:.0f} s, {failed} targets with a finding")
    return failed


def keep(target: Target) -> None:
    """The new ones of build/fuzz/corpus, the shortest first, into tests/trust/corpus."""
    known = corpus.cases(target.name)
    found = [path.read_bytes() for path in (FOUND / target.name).iterdir()]
    room = MOST_KEPT - len(corpus.stored(target.name))
    kept = those_that_count(target.run, known, found)
    corpus.write_all(corpus.FOLDER / target.name, kept[:room])
    print(f"{target.name}: {len(kept[:room])} of {len(found)}; {len(kept[room:])} more reach something new")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--longest", type=int, default=2048, help="bytes of a case")
    parser.add_argument("--targets", default=",".join(TARGETS), help="names, with commas between")
    parser.add_argument("--keep", action="store_true", help="take what was found into the repository")
    options = parser.parse_args()
    if gdpeer.COMPILED:
        parser.error("gdpeer has to be uncompiled: its Python code guides the fuzzer")
    targets = [TARGETS[name] for name in options.targets.split(",")]
    if not options.keep:
        signal.signal(signal.SIGINT, lambda *_: None)  # the fuzzer hears it too, and ends
        return min(1, fuzz_all(targets, options.runs, options.seconds, options.longest))
    for target in targets:
        keep(target)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
