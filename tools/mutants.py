"""Changes single expressions of the sources and looks whether a test of `make test` notices: `make mutants`.

    python -m tools.mutants                      300 mutants at random; the seed is printed
    python -m tools.mutants --count 50 --seed 7  fewer, and the same ones each time
    python -m tools.mutants --again              only those that survived the last run

A mutant is the library with one operator, number, name or keyword replaced (by cosmic-ray). Tests run uncompiled in
three rounds, each only when the round before noticed nothing: the tests of the module's own folder, all unit tests that
start no programs, then the property tests and the tests of trust. A mutant that no test notices survives.

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
import secrets
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.support.missing import ROOT
from tools.steps import folders_of_units

PACKAGE = Path("src/gdpeer")
OUT = ROOT / "build" / "mutants"
RESULTS = OUT / "results.json"
LISTED = ROOT / "tests" / "mutants.toml"
GOAL = 0.92
PATIENCE = 240.0
"""Seconds for a round of tests; a mutant that takes longer runs for ever, and counts as killed."""

TESTED_BY = {
    "protocol": "tests/unit/protocol",
    "multiplayer/wire": "tests/unit/multiplayer/wire tests/unit/multiplayer",
    "multiplayer/checking.py": "tests/unit/multiplayer",
    "multiplayer/cache.py": "tests/unit/multiplayer",
    "multiplayer/hosting.py": "tests/unit/multiplayer",
    "websocket/native.py": "tests/unit/websocket",
}
"""What is changed, and the tests that are asked first."""

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
    for name in TESTED_BY:
        path = ROOT / PACKAGE / name
        for module in [path] if path.is_file() else sorted(path.glob("*.py")):
            yield str(module.relative_to(ROOT / PACKAGE))


def lines_that_do_nothing(source: str) -> set[int]:
    """Lines that only type checkers and the compiler read: imports, annotations, compiled branches, `__all__`."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= lines_of(node)
        elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            if getattr(node, "value", None) is None:
                found |= lines_of(node.annotation)
        elif isinstance(node, ast.FunctionDef) and node.returns:
            found |= lines_of(node.returns)
        elif isinstance(node, ast.If) and ast.unparse(node.test).startswith(("TYPE_CHECKING", "cython.compiled")):
            found |= lines_of(node.test) | {line for inner in node.body for line in lines_of(inner)}
    marked = (number for number, line in enumerate(source.splitlines(), 1) if "# compiled only" in line)
    for number in marked:
        owner = next((n for n in ast.walk(ast.parse(source)) if getattr(n, "lineno", 0) == number), None)
        found |= lines_of(owner) if owner else {number}
    return found


def lines_of(node: Any) -> set[int]:
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def sites(module: str) -> dict[tuple[int, int], list[tuple[str, int]]]:
    """Each place of a module that can be changed, with the changes that can be made there."""
    from cosmic_ray import plugins
    from cosmic_ray.ast import ast_nodes, get_ast

    source = (ROOT / PACKAGE / module).read_text()
    without = lines_that_do_nothing(source)
    tree = get_ast(source)
    found: dict[tuple[int, int], list[tuple[str, int]]] = {}
    for name in plugins.operator_names():
        if any(word in name for word in LEFT_OUT) or plugins.get_operator(name).arguments():
            continue
        operator = plugins.get_operator(name)()
        positions = (start for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node))
        for occurrence, start in enumerate(positions):
            if start[0] not in without:
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


def rounds(module: str) -> Iterator[str]:
    """The tests that are asked, one round after the other."""
    yield next(tests for name, tests in TESTED_BY.items() if module.startswith(name))
    yield folders_of_units(programs=False)
    yield "tests/property tests/trust"


def try_one(mutant: Mutant, worker: Path) -> str:
    """Says which round killed the mutant, or an empty text."""
    path = worker / PACKAGE.relative_to("src") / mutant.module
    original = path.read_text()
    path.write_text(mutated(mutant.module, mutant.operator, mutant.occurrence) or original)
    try:
        return next((tests for tests in rounds(mutant.module) if not passes(tests, worker)), "")
    finally:
        path.write_text(original)


def passes(tests: str, worker: Path) -> bool:
    """Whether these tests pass against the sources of a worker; a run that takes too long does not."""
    words = ["-m", "pytest", *tests.split(), "-x", "-q", "-p", "no:cacheprovider", "-m", "not extended"]
    environment = dict(os.environ, PYTHONPATH=str(worker), GDPEER_LOOPS="asyncio", PYTHONDONTWRITEBYTECODE="1")
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(PATIENCE * (1 if "property" not in tests else 2)) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def try_all(mutants: list[Mutant], workers: int) -> dict[Mutant, str]:
    """Tries each, some at a time, each on a copy of the sources of its own."""
    copies: queue.Queue[Path] = queue.Queue()
    for number in range(workers):
        copy = OUT / f"sources-{number}"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info"))
        copies.put(copy)
    results: dict[Mutant, str] = {}

    def attempt(mutant: Mutant) -> None:
        copy = copies.get()
        try:
            results[mutant] = try_one(mutant, copy)
        finally:
            copies.put(copy)
        killed = sum(map(bool, results.values()))
        print(f"[{len(results)} of {len(mutants)}, {killed} killed] {'' if results[mutant] else mutant}", flush=True)
        save(results)

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
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
