"""Changes single expressions of the sources and looks whether a test of `make test` notices: `make mutants`.

    python -m tools.mutants                      300 mutants at random; the seed is printed
    python -m tools.mutants --count 50 --seed 7  fewer, and the same ones each time
    python -m tools.mutants --again              only those that survived the last run

A mutant is the library with one operator, number, name or keyword replaced (by cosmic-ray). Texts are not changed,
those of errors neither. The expressions that put a text together are, as any other expression. What only type checkers
or the compiler read is left alone.

Tests run uncompiled in two rounds (`ASKED`): the unit tests of the module's own folder, and when they notice nothing,
the other tests that use the module most. Tests with engines, browsers and programs are not asked, so a survivor may
still be noticed by `make test`. First all rounds run with the unchanged sources, must pass, and are timed, as a busy
machine is slower. A test that fails with a mutant is asked again, alone: only one that fails twice kills it. So does a
round that takes eight times as long as before and a minute more.

`tests/mutants.toml` lists survivors that cannot matter, each with the reason. The run fails when fewer than 92 % of the
mutants are killed, and names every survivor that is not listed. Figures and survivors are in build/mutants.
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import json
import os
import queue
import random
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.support.missing import ROOT

PACKAGE = Path("src/gdpeer")
OUT = ROOT / "build" / "mutants"
RESULTS = OUT / "results.json"
LISTED = ROOT / "tests" / "mutants.toml"
GOAL = 0.92
TIMES, MORE = 8.0, 60.0
"""A round may take so many times as long as with the unchanged sources, and so many seconds more."""
MOST_CHANCES = 3
"""A round goes on after a test that failed once and not again, but so many times only: its mutant then survives."""
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::.*?)(?: - .*)?$", re.MULTILINE)

ASKED = {
    "protocol": (
        "tests/unit/protocol",
        "tests/unit/websocket tests/unit/http tests/property/test_parsers.py tests/property/test_upgrades.py "
        "tests/property/test_connection_properties.py tests/property/test_against_wsproto.py "
        "tests/trust/test_tricks.py tests/trust/test_masks.py",
    ),
    "multiplayer": (
        "tests/unit/multiplayer",
        "tests/property/test_packets.py tests/property/test_multiplayer_session.py "
        "tests/property/test_hostile_values.py tests/unit/aio tests/unit/tools",
    ),
    "websocket": (
        "tests/unit/websocket",
        "tests/unit/aio tests/unit/blocking tests/unit/test_fronts.py tests/trust/test_s5_faults.py "
        "tests/trust/test_d5_readers.py tests/trust/test_l1_leaks.py",
    ),
}
"""The tests that are asked about the modules of a folder, one round after the other."""

CHANGED = (
    "protocol",
    "multiplayer/wire",
    "multiplayer/checking.py",
    "multiplayer/cache.py",
    "multiplayer/hosting.py",
    "websocket/native.py",
)

LEFT_OUT = ("variable", "RemoveDecorator")
"""Operators of cosmic-ray that need arguments, or take away decorators that only the compiler reads."""


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        module: the path below src/gdpeer.
        operator, occurrence: as cosmic-ray names the change.
        line: where.
        before, after: the changed line.
    """

    module: str
    operator: str
    occurrence: int
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}\n    - {self.before}\n    + {self.after}"


# -- drawing ----------------------------------------------------------------------------------------------------------


def modules() -> Iterator[str]:
    for name in CHANGED:
        path = ROOT / PACKAGE / name
        for module in [path] if path.is_file() else sorted(path.glob("*.py")):
            yield str(module.relative_to(ROOT / PACKAGE))


Span = tuple[tuple[int, int], tuple[int, int]]
"""From a line and column to another, the last not within."""


def spans_that_do_nothing(source: str) -> list[Span]:
    """Where only type checkers and the compiler read: imports, annotations, compiled branches."""
    tree = ast.parse(source)
    found: list[Span] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(span_of(node))
        elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            found.append(span_of(node.annotation))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            found.append(span_of(node.returns))
        elif isinstance(node, ast.If) and ast.unparse(node.test).startswith(("TYPE_CHECKING", "cython.compiled")):
            found += [span_of(node.test), *map(span_of, node.body)]
    marked = (number for number, line in enumerate(source.splitlines(), 1) if "# compiled only" in line)
    for number in marked:
        owner = next((node for node in ast.walk(tree) if getattr(node, "lineno", 0) == number), None)
        found.append(span_of(owner) if owner else ((number, 0), (number + 1, 0)))
    return found


def span_of(node: Any) -> Span:
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def sites(module: str) -> dict[tuple[int, int], list[tuple[str, int]]]:
    """Each place of a module that can be changed, with the changes that can be made there."""
    from cosmic_ray import plugins
    from cosmic_ray.ast import ast_nodes, get_ast

    source = (ROOT / PACKAGE / module).read_text()
    without = spans_that_do_nothing(source)
    tree = get_ast(source)
    found: dict[tuple[int, int], list[tuple[str, int]]] = {}
    for name in plugins.operator_names():
        if any(word in name for word in LEFT_OUT) or plugins.get_operator(name).arguments():
            continue
        operator = plugins.get_operator(name)()
        positions = (start for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node))
        for occurrence, start in enumerate(positions):
            if not any(first <= start < end for first, end in without):
                found.setdefault(start, []).append((name, occurrence))
    return found


def mutated(module: str, operator: str, occurrence: int) -> str | None:
    """The changed source."""
    from cosmic_ray import mutating, plugins

    source = (ROOT / PACKAGE / module).read_text()
    changed: str | None = mutating.mutate_code(source, plugins.get_operator(operator)(), occurrence)
    return changed if changed != source else None


def draw(count: int, chance: random.Random) -> list[Mutant]:
    """Mutants of different places, each place as likely as the others."""
    places = [(module, place, changes) for module in modules() for place, changes in sorted(sites(module).items())]
    chance.shuffle(places)
    found: list[Mutant] = []
    for module, _, changes in places:
        if len(found) == count:
            break
        mutant = made(module, *chance.choice(changes))
        if mutant is not None:
            found.append(mutant)
    return found


def made(module: str, operator: str, occurrence: int) -> Mutant | None:
    """The mutant, or None where the change is none or no Python."""
    changed = mutated(module, operator, occurrence)
    if changed is None:
        return None
    try:
        if ast.dump(ast.parse(changed)) == ast.dump(ast.parse((ROOT / PACKAGE / module).read_text())):
            return None
    except SyntaxError:
        return None
    old, new = (ROOT / PACKAGE / module).read_text().splitlines(), changed.splitlines()
    number = next(index for index, (before, after) in enumerate(zip(old, new, strict=False)) if before != after)
    return Mutant(module, operator, occurrence, number + 1, old[number].strip(), new[number].strip())


# -- trying -----------------------------------------------------------------------------------------------------------


def rounds(module: str) -> tuple[str, str]:
    """The tests that are asked, one round after the other."""
    return next(asked for folder, asked in ASKED.items() if module.startswith(folder))


@dataclass
class Worker:
    """A copy of the sources that a mutant is written into, and how long each round takes with it as it is."""

    sources: Path
    seconds: dict[str, float]

    def run(self, words: list[str], limit: float | None = None) -> tuple[int, str]:
        """The exit status of pytest and what it printed; -1 where it took longer than `limit` seconds."""
        options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-m", "not extended"]
        environment = dict(
            os.environ, PYTHONPATH=str(self.sources), GDPEER_LOOPS="asyncio", PYTHONDONTWRITEBYTECODE="1"
        )
        log = self.sources.with_suffix(".log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *words, *options],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                status = -1
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        return status, log.read_text(errors="replace")

    def killer(self, tests: str) -> str:
        """The test of a round that notices the change, or an empty text."""
        words = tests.split()
        for _ in range(MOST_CHANCES):
            status, printed = self.run(words, MORE + TIMES * self.seconds[tests])
            failed = FAILED.search(printed)
            if status == 0:
                return ""
            if status != 1 or failed is None:
                return "it takes too long" if status == -1 else f"the tests do not start: {printed.strip()[-200:]}"
            name = failed[1]
            if self.run([name])[0]:
                return name
            print(f"failed once only: {name}", flush=True)
            words += ["--deselect", name]
        return ""

    def attempt(self, mutant: Mutant) -> str:
        """Who kills the mutant, or an empty text."""
        path = self.sources / PACKAGE.relative_to("src") / mutant.module
        original = path.read_text()
        path.write_text(mutated(mutant.module, mutant.operator, mutant.occurrence) or original)
        try:
            return next(filter(None, map(self.killer, rounds(mutant.module))), "")
        finally:
            path.write_text(original)


def workers(count: int, modules: set[str]) -> list[Worker]:
    """Copies of the sources; raises SystemExit where a test fails with them as they are."""
    made = []
    for number in range(count):
        copy = OUT / f"sources-{number}"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info"))
        made.append(Worker(copy, {}))
    asked = sorted({tests for module in modules for tests in rounds(module)})
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        taken = list(pool.map(seconds_unchanged, (made[index % count] for index in range(len(asked))), asked))
    for worker in made:
        worker.seconds.update(zip(asked, taken, strict=True))
    return made


def seconds_unchanged(worker: Worker, tests: str) -> float:
    began = time.monotonic()
    status, printed = Worker(worker.sources, {tests: 3600.0}).run(tests.split(), 3600.0)
    if status:
        raise SystemExit(f"without any change a test fails:\n{printed[-2000:]}")
    taken = time.monotonic() - began
    print(f"unchanged: {taken:.0f} s for {tests}", flush=True)
    return taken


def try_all(mutants: list[Mutant], count: int) -> dict[Mutant, str]:
    """Tries each, some at a time, each on a copy of the sources of its own."""
    copies: queue.Queue[Worker] = queue.Queue()
    for worker in workers(count, {mutant.module for mutant in mutants}):
        copies.put(worker)
    results: dict[Mutant, str] = {}
    lock = threading.Lock()

    def attempt(mutant: Mutant) -> None:
        worker = copies.get()
        try:
            killer = worker.attempt(mutant)
        finally:
            copies.put(worker)
        with lock:
            results[mutant] = killer
            killed = sum(map(bool, results.values()))
            print(f"[{len(results)} of {len(mutants)}, {killed} killed] {'' if killer else mutant}", flush=True)
            save(results)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        list(pool.map(attempt, mutants))
    return results


# -- the outcome ------------------------------------------------------------------------------------------------------


def save(results: dict[Mutant, str]) -> None:
    rows = [{**asdict(mutant), "killed": killed} for mutant, killed in results.items()]
    RESULTS.write_text(json.dumps(rows, indent=1))


def survivors_of_the_last_run() -> list[Mutant]:
    """Those, as far as their lines still stand."""
    found = []
    for entry in json.loads(RESULTS.read_text()):
        if not entry.pop("killed"):
            again = made(entry["module"], entry["operator"], entry["occurrence"])
            if again and again.before == entry["before"] and again.after == entry["after"]:
                found.append(again)
    return found


def reasons() -> dict[tuple[str, str, str], str]:
    """Why a mutant cannot matter, by module and changed line."""
    listed = tomllib.loads(LISTED.read_text()).get("survivor", []) if LISTED.exists() else []
    return {(one["module"], one["before"], one["after"]): one["reason"] for one in listed}


def report(results: dict[Mutant, str]) -> int:
    """Prints the figures and the survivors that are not listed; returns the exit status."""
    known = reasons()
    survivors = [mutant for mutant, killed in results.items() if not killed]
    unknown = [one for one in survivors if (one.module, one.before, one.after) not in known]
    killed = len(results) - len(survivors)
    for one in unknown:
        print(f"survived, and is not in tests/mutants.toml: {one}")
    share = killed / len(results) if results else 0.0
    print(f"{killed} of {len(results)} mutants killed ({share:.1%})")
    print(f"{len(survivors) - len(unknown)} survivors are listed as without effect")
    return 0 if share >= GOAL and not unknown else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300, help="how many (default 300)")
    parser.add_argument("--seed", type=int, help="draws the same mutants again")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="at a time (default: one a core)")
    parser.add_argument("--again", action="store_true", help="only those that survived the last run")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    if options.again:
        return report(try_all(survivors_of_the_last_run(), options.workers))
    seed = secrets.randbelow(10**9) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    return report(try_all(draw(options.count, random.Random(seed)), options.workers))


if __name__ == "__main__":
    sys.exit(main())
