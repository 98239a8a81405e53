"""Shared by the measurements: facts about the machine, processes bound to a core, and their processor time."""

from __future__ import annotations

import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeAlias

from gdpeer.protocol.frames import COMPILED
from tests.support.missing import ROOT

RESULTS = Path(__file__).with_name("results")
PURE = ROOT / ".venv-pure" / "bin" / "python"
"""The interpreter with gdpeer uncompiled; it exists after `make`."""

SERVER_CORE, LOAD_CORE = 0, 1
CORES = frozenset(os.sched_getaffinity(0))
_TICKS = os.sysconf("SC_CLK_TCK")
_OF_A_PROCESS = 2  # in the number of a clock: the other bits are the process, and the clock runs while it runs

Data: TypeAlias = Mapping[str, Any]
"""The result of a measurement, for JSON."""


def processor() -> str:
    """Returns the processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def about(**more: object) -> dict[str, Any]:
    """Returns facts about the machine and the day, for the head of a result."""
    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "cpus": len(CORES),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "gdpeer": "compiled" if COMPILED else "plain Python",
        **more,
    }


def headline(facts: Data) -> str:
    """Returns the facts of `about` in one line."""
    words = [str(facts["date"]), str(facts.get("processor", facts["machine"])), f"{facts['cpus']} CPUs"]
    words += [str(facts["system"]), f"Python {facts['python']}"]
    words += [f"gdpeer {facts['gdpeer']}"] if "gdpeer" in facts else []
    words += [f"{facts['rounds']} rounds of {facts['seconds']:g} s"] if "seconds" in facts else []
    return ", ".join(words)


def write(name: str, data: Data, text: str) -> None:
    """Writes the result of a measurement: NAME.json and NAME.md."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    (RESULTS / f"{name}.md").write_text(text.rstrip("\n") + "\n", encoding="utf-8")


def forms() -> dict[str, str]:
    """Returns the interpreters of the installed forms of gdpeer: compiled, and uncompiled if `make` has prepared it."""
    found = {"gdpeer": sys.executable}
    return {**found, "gdpeer-pure": str(PURE)} if PURE.exists() else found


# -- processes --------------------------------------------------------------------------------------------------------


def open_many_files() -> None:
    """Raises the limit of open files as far as the system allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def hold(core: int | None) -> None:
    """Binds the calling process to a core if the machine has it; None allows all cores."""
    os.sched_setaffinity(0, {core} if core in CORES else CORES)


def held_on(core: int | None) -> Callable[[], None]:
    """Returns a function for `preexec_fn` that binds the child to a core (None: all) and raises its limit of files."""

    def prepare() -> None:
        open_many_files()
        hold(core)

    return prepare


@contextmanager
def running(
    command: Sequence[str], core: int | None = None, output: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """Runs a child process on a core (None: all) during the block; its standard output is a pipe, or discarded."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=dict(os.environ, PYTHONUNBUFFERED="1", NO_COLOR="1"),
        stdin=subprocess.PIPE,
        stdout=output,
        text=True,
        preexec_fn=held_on(core),
    )
    try:
        yield process
    finally:
        stop(process)


def wait_for(process: subprocess.Popen[str], word: str) -> str:
    """Waits for a line of output with `word` in it, and returns the line.

    Raises:
        RuntimeError: the process ended without such a line.
    """
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return line
    raise RuntimeError(f"ended without {word!r}: {process.args!r}")


def stop(process: subprocess.Popen[str]) -> None:
    """Ends a child process by its id."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.terminate()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def cpu_seconds(pid: int) -> float:
    """Returns the processor time of a process and all its threads in seconds.

    The clock of a process counts nanoseconds. /proc/PID/stat counts in steps of 10 ms, as much as ten joins cost.
    """
    return time.clock_gettime(~pid << 3 | _OF_A_PROCESS)


def busy_seconds() -> float:
    """Returns the processor time that all cores have used, in seconds, as far as this system can see."""
    user, nice, system, _idle, _wait, *interrupts = Path("/proc/stat").read_text().partition("\n")[0].split()[1:8]
    return sum(map(int, (user, nice, system, *interrupts))) / _TICKS


def children_seconds() -> float:
    """Returns the processor time of the children that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Used(NamedTuple):
    """A duration in seconds, and the average number of cores that were used during it."""

    seconds: float
    servers: float
    load: float
    others: float


class Meter:
    """Measures the use of processor time from its creation on.

    Args:
        pids: of the servers. This process and children that end meanwhile count as the load.
    """

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self._before = self._now()

    def _now(self) -> tuple[float, float, float, float]:
        servers = sum(map(cpu_seconds, self._pids))
        return time.perf_counter(), servers, time.process_time() + children_seconds(), busy_seconds()

    def read(self) -> Used:
        seconds, servers, load, busy = (now - before for now, before in zip(self._now(), self._before, strict=True))
        return Used(seconds, servers / seconds, load / seconds, max(0.0, busy - servers - load) / seconds)


# -- figures ----------------------------------------------------------------------------------------------------------


def ratios(samples: Sequence[Data], others: Sequence[Data], key: str, *, higher: bool = True) -> list[float]:
    """Returns the ratios of two lists of samples, round by round.

    More than 1 means that `samples` are better, also if `higher` is False and a lower figure is better.
    """
    pairs = [(one.get(key, 0), other.get(key, 0)) for one, other in zip(samples, others, strict=False)]
    return [one / other if higher else other / one for one, other in pairs if one > 0 and other > 0]


def middle(samples: Sequence[Data], key: str) -> float | None:
    """Returns the median of the rounds; None if no sample has the key."""
    values = [sample[key] for sample in samples if sample.get(key) is not None]
    return median(values) if values else None


def others(samples: Sequence[Data]) -> str:
    """Returns the average number of cores that other programs used; if it is not about 0, measure again."""
    found = middle(samples, "others_cores")
    return "-" if found is None else f"{found:.2f}"


def number(value: float | None) -> str:
    """Returns a number as text with at least three significant digits."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """Returns a Markdown table; the first `words` columns are text, the others numbers."""
    lines = [list(head), ["---"] * words + ["---:"] * (len(head) - words), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
