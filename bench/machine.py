"""What the measurements share: facts about the machine, processes held on a core, and the reading of what they used."""

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
"""The interpreter that has gdpeer uncompiled, where `make` has prepared it."""

SERVER_CORE, LOAD_CORE = 0, 1
CORES = frozenset(os.sched_getaffinity(0))
_TICKS = os.sysconf("SC_CLK_TCK")

Data: TypeAlias = Mapping[str, Any]
"""What a tool writes as JSON."""


def processor() -> str:
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def about(**more: object) -> dict[str, Any]:
    """The machine and the day, for the head of a result."""
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
    """One line of what `about` found."""
    words = [str(facts["date"]), str(facts.get("processor", facts["machine"])), f"{facts['cpus']} CPUs"]
    words += [str(facts["system"]), f"Python {facts['python']}"]
    words += [f"gdpeer {facts['gdpeer']}"] if "gdpeer" in facts else []
    words += [f"{facts['rounds']} rounds of {facts['seconds']:g} s"] if "seconds" in facts else []
    return ", ".join(words)


def write(name: str, data: Data, text: str) -> None:
    """The result of a tool: NAME.json and NAME.md."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    (RESULTS / f"{name}.md").write_text(text.rstrip("\n") + "\n", encoding="utf-8")


def forms() -> dict[str, str]:
    """The forms of gdpeer that are installed, and their interpreters: compiled, and uncompiled where there is one."""
    found = {"gdpeer": sys.executable}
    return {**found, "gdpeer-pure": str(PURE)} if PURE.exists() else found


# -- processes --------------------------------------------------------------------------------------------------------


def open_many_files() -> None:
    """Raise the limit of open files as far as it goes."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def hold(core: int | None) -> None:
    """Keep the calling process on one core, where the machine has it; None: let it go where it likes."""
    os.sched_setaffinity(0, {core} if core in CORES else CORES)


def held_on(core: int | None) -> Callable[[], None]:
    """For `preexec_fn`: the child is held on a core (None: anywhere) and may open many files."""

    def prepare() -> None:
        open_many_files()
        hold(core)

    return prepare


@contextmanager
def running(
    command: Sequence[str], core: int | None = None, output: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """A child process on a core (None: on any), ended at the end; its standard output is a pipe of lines, or none."""
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
    """The first line with `word` in it; `RuntimeError` where the process ends without one."""
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return line
    raise RuntimeError(f"ended without {word!r}: {process.args!r}")


def stop(process: subprocess.Popen[str]) -> None:
    """Ends a child, by its own id."""
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
    """Processor time of a process, all threads, in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def busy_seconds() -> float:
    """Processor time that the whole machine has used, all cores, as far as this system sees it."""
    user, nice, system, _idle, _wait, *interrupts = Path("/proc/stat").read_text().partition("\n")[0].split()[1:8]
    return sum(map(int, (user, nice, system, *interrupts))) / _TICKS


def children_seconds() -> float:
    """Processor time of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Used(NamedTuple):
    """How long something took, and how many cores were used meanwhile on the average."""

    seconds: float
    servers: float
    load: float
    others: float


class Meter:
    """Watches what is used from its making on.

    Args:
        pids: the servers; this process and the children that end meanwhile are the load.
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
    """How many times as good as the others, round by round; more than 1 is better also where a low figure is."""
    pairs = [(one.get(key, 0), other.get(key, 0)) for one, other in zip(samples, others, strict=False)]
    return [one / other if higher else other / one for one, other in pairs if one > 0 and other > 0]


def middle(samples: Sequence[Data], key: str) -> float | None:
    """The median over the rounds; None where no sample has the key."""
    values = [sample[key] for sample in samples if sample.get(key) is not None]
    return median(values) if values else None


def others(samples: Sequence[Data]) -> str:
    """How many cores programs used that have no part in it; where that is not about 0, measure again."""
    found = middle(samples, "others_cores")
    return "-" if found is None else f"{found:.2f}"


def number(value: float | None) -> str:
    """Three or more digits that count."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A Markdown table; the first `words` columns are words, the others numbers."""
    lines = [list(head), ["---"] * words + ["---:"] * (len(head) - words), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
