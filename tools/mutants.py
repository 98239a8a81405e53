"""Changes single expressions of the sources and checks that a test of `make test` fails: `make mutants`.

    python -m tools.mutants                      300 mutants at random; the seed is printed
    python -m tools.mutants --count 50 --seed 7  fewer, and the same ones each time
    python -m tools.mutants --again              only mutants that survived the last run

A mutant is the library with one operator, number, name or keyword replaced by cosmic-ray. String constants are not
changed. Code that only type checkers or the compiler read is not changed either.

Tests run uncompiled. First all tests of `ASKED` run with the unchanged sources and must pass; this run records which
test reaches which line. For each mutant, the tests that reach the changed line run, those of the module's own folder
first. Tests with engines, browsers and programs are left out, so `make test` may still notice a survivor. A test that
fails runs again alone, unless no busy machine can disturb it (`SURE`). A mutant is killed by a test that fails twice,
or by a run that takes eight times as long as all tests with the unchanged sources and a minute more.

`tests/mutants.toml` lists survivors that cannot matter, each with the reason; they are not counted. The run prints all
other survivors, and fails when fewer than 92 % of the mutants are killed. Figures and survivors are in build/mutants.
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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.support.missing import ROOT
from tools.mutants_plugin import CHOSEN, FOUND

PACKAGE = Path("src/gdpeer")
OUT = ROOT / "build" / "mutants"
RESULTS = OUT / "results.json"
LISTED = ROOT / "tests" / "mutants.toml"
GOAL = 0.92
TIMES, MORE = 8.0, 60.0
"""Limit for the tests of a mutant: TIMES as long as all tests with the unchanged sources, and MORE seconds."""
MOST_CHANCES = 3
"""How many tests may fail once and pass alone; after that many the mutant survives."""
SURE = ("tests/unit/protocol/", "tests/unit/multiplayer/wire/")
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::.*?)(?: - .*)?$", re.MULTILINE)

ASKED = {
    "protocol": "tests/unit/protocol tests/unit/websocket tests/unit/http tests/unit/transport "
    "tests/property/test_parsers.py tests/property/test_upgrades.py tests/property/test_connection_properties.py "
    "tests/property/test_against_wsproto.py tests/trust/test_tricks.py tests/trust/test_masks.py",
    "multiplayer": "tests/unit/multiplayer tests/property/test_packets.py tests/property/test_multiplayer_session.py "
    "tests/property/test_hostile_values.py tests/unit/aio tests/unit/inspection",
    "websocket": "tests/unit/websocket tests/unit/aio tests/unit/blocking tests/unit/test_fronts.py "
    "tests/trust/test_s5_faults.py tests/trust/test_s4_time.py",
}
"""The tests to run for the modules of a folder, in this order."""

CHANGED = (
    "protocol",
    "multiplayer/wire",
    "multiplayer/rpc/arguments.py",
    "multiplayer/godot4/paths.py",
    "multiplayer/host.py",
    "websocket/backend/native.py",
)

LEFT_OUT = ("variable", "RemoveDecorator")
"""Operators of cosmic-ray that are not used: they need arguments, or remove decorators that only the compiler reads."""


@dataclass(frozen=True)
class Mutant:
    """One change of the sources.

    Attributes:
        module: path below src/gdpeer.
        operator, occurrence: cosmic-ray's name and number of the change.
        line: number of the changed line.
        before, after: the line before and after the change.
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
"""Begin and end of a piece of source, each a line and a column; the end is excluded."""


def spans_that_do_nothing(source: str) -> list[Span]:
    """Returns the code that only type checkers and the compiler read: imports, annotations, compiled branches."""
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
    """Returns the places of a module that can be changed, each with the possible changes."""
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
    """Returns the source of a module with a change; None if the change leads to no code."""
    from cosmic_ray import mutating, plugins

    source = (ROOT / PACKAGE / module).read_text()
    changed: str | None = mutating.mutate_code(source, plugins.get_operator(operator)(), occurrence)
    return changed if changed != source else None


def draw(count: int, chance: random.Random) -> list[Mutant]:
    """Returns random mutants of different places; all places are equally likely."""
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
    """Returns a mutant; None if the change has no effect or is not valid Python."""
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


def folder_of(module: str) -> str:
    return next(folder for folder in ASKED if module.startswith(folder))


@dataclass
class Reach:
    """The lines of the unchanged sources that the tests of a folder reach.

    Attributes:
        seconds: how long all tests took.
        tests: for each line of each module the ids of the tests; "" if the line ran at import.
        all: the ids of all tests.
    """

    seconds: float
    tests: dict[str, dict[int, set[str]]]
    all: list[str]

    def of(self, mutant: Mutant) -> list[str]:
        """Returns the tests that reach the changed statement; all tests if it runs at import."""
        lines, is_in_function = statement_at(mutant.module, mutant.line)
        if not is_in_function:
            # A test that only reads constants reaches no line.
            return self.all
        reached = self.tests.get(mutant.module, {})
        found = set().union(*(reached.get(line, set()) for line in lines))
        return sorted(found - {""})


def statement_at(module: str, line: int) -> tuple[range, bool]:
    """Finds the innermost statement at a line.

    Returns:
        The lines of the statement, without those of its body, and whether it stands in a function.
    """
    best, is_in_function = range(line, line + 1), False
    for node in ast.walk(ast.parse((ROOT / PACKAGE / module).read_text())):  # outer statements come first
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno if body else (node.end_lineno or node.lineno) + 1
            if line in range(node.lineno, max(end, node.lineno + 1)):
                best = range(node.lineno, max(end, node.lineno + 1))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body:
                is_in_function |= body[0].lineno <= line <= (node.end_lineno or line)
    return best, is_in_function


def run_tests(
    sources: Path, words: list[str], limit: float, chosen: Iterable[str] = (), settings: Mapping[str, str] = {}
) -> tuple[int, str]:
    """Runs pytest; returns its exit status and output. The status is -1 after more than `limit` seconds."""
    options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "tools.mutants_plugin", "-m", "not extended"]
    environment = dict(os.environ, PYTHONPATH=str(sources), GDPEER_LOOPS="asyncio", PYTHONDONTWRITEBYTECODE="1")
    environment.update(settings)
    if chosen:
        names = sources.with_suffix(".tests")
        names.write_text("\n".join(chosen), encoding="utf-8")
        environment[CHOSEN] = str(names)
    log = sources.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *words, *options],
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


def reach(folder: str) -> Reach:
    """Runs all tests of a folder with the unchanged sources.

    Raises:
        SystemExit: a test failed.
    """
    from coverage import CoverageData

    sources = copy_of_the_sources(f"unchanged-{folder}")
    settings, data = OUT / f"{folder}.coveragerc", OUT / f"{folder}.coverage"
    changed = "\n  ".join(str(sources / "gdpeer" / name) + ("" if name.endswith(".py") else "/*") for name in CHANGED)
    settings.write_text(f"[run]\ndata_file = {data}\ncore = ctrace\ninclude =\n  {changed}\n")
    began = time.monotonic()
    words = ["coverage", "run", f"--rcfile={settings}", "-m", "pytest", *ASKED[folder].split()]
    names = OUT / f"{folder}.found"
    status, printed = run_tests(sources, words, 3600.0, settings={FOUND: str(names)})
    if status:
        raise SystemExit(f"without any change a test fails:\n{printed[-2000:]}")
    seconds = time.monotonic() - began
    print(f"unchanged: {seconds:.0f} s for the tests of {folder}", flush=True)
    found = CoverageData(str(data))
    found.read()
    tests = {
        str(Path(path).relative_to(sources / "gdpeer")): {
            line: set(names) for line, names in found.contexts_by_lineno(path).items()
        }
        for path in found.measured_files()
    }
    return Reach(seconds, tests, names.read_text(encoding="utf-8").split("\n"))


def copy_of_the_sources(name: str) -> Path:
    copy = OUT / name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info"))
    return copy


def killer(sources: Path, folder: str, reached: Reach, tests: list[str]) -> str:
    """Returns the test that fails with these changed sources; "" if none does."""
    left = tests
    order = ASKED[folder].split()
    for _ in range(MOST_CHANCES):
        files = sorted({test.partition("::")[0] for test in left}, key=lambda file: place_of(file, order))
        if not files:
            return ""
        status, printed = run_tests(sources, ["pytest", *files], MORE + TIMES * reached.seconds, left)
        failed = FAILED.search(printed)
        if status in (0, 5):  # 5: none is left
            return ""
        if status != 1 or failed is None:
            return "it takes too long" if status == -1 else f"the tests do not start: {printed.strip()[-200:]}"
        name = failed[1]
        if name.startswith(SURE) or run_tests(sources, ["pytest", name], MORE + TIMES * reached.seconds)[0]:
            return name
        print(f"failed once only: {name}", flush=True)
        left = [test for test in left if test != name]
    return ""


def place_of(file: str, order: list[str]) -> tuple[int, str]:
    return next((at for at, start in enumerate(order) if file.startswith(start)), len(order)), file


def attempt(mutant: Mutant, sources: Path, reached: Reach) -> str:
    """Returns the test that kills a mutant; "" if none does."""
    path = sources / PACKAGE.relative_to("src") / mutant.module
    original = path.read_text()
    path.write_text(mutated(mutant.module, mutant.operator, mutant.occurrence) or original)
    try:
        return killer(sources, folder_of(mutant.module), reached, reached.of(mutant))
    finally:
        path.write_text(original)


def try_all(mutants: list[Mutant], count: int) -> dict[Mutant, str]:
    """Tries all mutants, several at a time, each on its own copy of the sources."""
    folders = sorted({folder_of(mutant.module) for mutant in mutants})
    copies: queue.Queue[Path] = queue.Queue()
    for number in range(count):
        copies.put(copy_of_the_sources(f"sources-{number}"))
    results: dict[Mutant, str] = {}
    lock = threading.Lock()

    def work(mutant: Mutant) -> None:
        sources = copies.get()
        try:
            found = attempt(mutant, sources, reached[folder_of(mutant.module)])
        finally:
            copies.put(sources)
        with lock:
            results[mutant] = found
            killed = sum(map(bool, results.values()))
            print(f"[{len(results)} of {len(mutants)}, {killed} killed] {'' if found else mutant}", flush=True)
            save(results)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        reached = dict(zip(folders, pool.map(reach, folders), strict=True))
        list(pool.map(work, mutants))
    return results


# -- the outcome ------------------------------------------------------------------------------------------------------


def save(results: dict[Mutant, str]) -> None:
    rows = [{**asdict(mutant), "killed": killed} for mutant, killed in results.items()]
    RESULTS.write_text(json.dumps(rows, indent=1))


def survivors_of_the_last_run() -> list[Mutant]:
    """Returns the survivors of the last run whose lines are unchanged since."""
    found = []
    for entry in json.loads(RESULTS.read_text()):
        if not entry.pop("killed"):
            again = made(entry["module"], entry["operator"], entry["occurrence"])
            if again and again.before == entry["before"] and again.after == entry["after"]:
                found.append(again)
    return found


def reasons() -> dict[tuple[str, str, str], str]:
    """Returns the reasons of `tests/mutants.toml`, by module and by the line before and after the change."""
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
    listed = len(survivors) - len(unknown)
    counted = len(results) - listed
    share = killed / counted if counted else 0.0
    print(f"{killed} of {len(results)} mutants killed; {listed} survivors are listed as without effect")
    print(f"{share:.1%} of the others are killed")
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
