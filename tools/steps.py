"""The steps of `make test`: what each runs, what it needs, and how its results are counted.

A step is one command that takes a core at most; `tools/run_tests.py` runs some side by side.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.support.missing import ROOT
from tools import pythons

COMPILED = ROOT / ".venv" / "bin"
PURE = ROOT / ".venv-pure" / "bin"
LOGS = ROOT / "build" / "test-logs"
COVERAGE = 95
PROGRAMS = ("bench", "cli", "demos")
"""The folders of the unit tests that start programs."""


@dataclass(frozen=True)
class Step:
    """One command of the proof.

    Attributes:
        name: what the summary calls it; the first word is the group that `make unit` and its like select.
        command: the command line, run in the checkout.
        needs: pieces from outside; the step waits until each has been fetched, or could not be.
        after: steps that must have ended first.
        tests: the folder of tests that pytest runs; empty for any other command.
        limit: seconds after which the step is ended and counts as failed.
        environment: variables beside the machine's.
    """

    name: str
    command: list[str]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    tests: str = ""
    limit: float = 900.0
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def group(self) -> str:
        return self.name.split()[0]

    @property
    def log(self) -> Path:
        return LOGS / f"{self.slug}.log"

    @property
    def report(self) -> Path:
        return LOGS / f"{self.slug}.xml"

    @property
    def slug(self) -> str:
        return "-".join(self.name.replace(",", "").split())


@dataclass
class Count:
    """What a step counted: tests or cases, or itself as one check."""

    passed: int = 0
    failed: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    """The reasons, and how many tests each skipped."""

    @property
    def skips(self) -> int:
        return sum(self.skipped.values())


# -- the list ---------------------------------------------------------------------------------------------------------


def lint_steps() -> list[Step]:
    tool = str(COMPILED)
    return [
        Step("lint style", [f"{tool}/ruff", "check", "--output-format", "concise"]),
        Step("lint format", [f"{tool}/ruff", "format", "--check", "--output-format", "concise"]),
        Step("lint types", [f"{tool}/mypy"]),
        Step("lint layers", [f"{tool}/lint-imports"], environment={"PYTHONPATH": "src"}),
        Step("lint spelling", [f"{tool}/codespell"]),
        Step("lint pages", [f"{tool}/python", "-m", "tools.check_docs"]),
        Step("lint programs", [f"{tool}/python", "-m", "tools.check_programs"]),
    ]


def pytest_step(name: str, folder: str, python: Path | str, *words: str, **more: object) -> Step:
    """A step that runs the tests of a folder against the gdpeer that is installed beside `python`."""
    command = [str(python), *(words or ("-m",)), "pytest", folder, "--tb=short"]
    forms = [word for word in ("pure", "compiled") if word in name]
    environment = {"GDPEER_FORM": forms[0]} if forms else {}
    return Step(name, command, tests=folder, environment=environment, **more)  # type: ignore[arg-type]


def with_loops(names: str, step: Step) -> Step:
    """The step, with some event loops only; the unit tests of the compiled form go through all."""
    return replace(step, environment={**step.environment, "GDPEER_LOOPS": names})


def without_programs(step: Step) -> Step:
    """The step, without the tests that start programs: a third of the time, for code that is never compiled.

    Programs of the compiled form are started by the steps trust, interop, browser and docs.
    """
    return replace(step, command=[*step.command, *(f"--ignore=tests/unit/{name}" for name in PROGRAMS)])


def unit_steps() -> list[Step]:
    measured = ("-m", "coverage", "run", "-m")
    return [
        with_loops("asyncio,no-readers", pytest_step("unit pure", "tests/unit", PURE / "python", *measured)),
        without_programs(pytest_step("unit compiled", "tests/unit", COMPILED / "python")),
        Step("unit coverage", [sys.executable, "-m", "tools.coverage_report"], after=("unit pure",)),
    ]


def property_steps() -> list[Step]:
    return [
        pytest_step("property pure", "tests/property", PURE / "python"),
        pytest_step("property compiled", "tests/property", COMPILED / "python"),
    ]


def trust_steps() -> list[Step]:
    return [pytest_step("trust", "tests/trust", COMPILED / "python")]


def conformance_steps() -> list[Step]:
    command = [sys.executable, "-m", "tests.conformance.run", "--form"]
    suite = ("the conformance suite",)
    forms = [Step(f"conformance {form}", [*command, form], needs=suite) for form in ("compiled", "pure")]
    return [*forms, Step("conformance aio", [*command, "compiled", "--front", "aio"], needs=suite)]


def outside_steps() -> list[Step]:
    engines, node, browser = "Godot 4 and 3", "packages of Node", "Chromium"
    return [
        pytest_step("interop", "tests/interop", COMPILED / "python", needs=(engines, node)),
        pytest_step("browser", "tests/browser", COMPILED / "python", needs=(engines, node, browser)),
        pytest_step("backends", "tests/backends", COMPILED / "python", needs=(engines, node, browser)),
        pytest_step("packaging", "tests/packaging", COMPILED / "python", needs=(node,)),
    ]


def docs_steps() -> list[Step]:
    sphinx = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-j", "2", "-d", "build/doctrees"]
    return [Step("docs", [*sphinx, "docs", "build/docs"])]


def python_steps() -> list[Step]:
    """The unit suite on each other Python that is on this machine: compiled on the newest, uncompiled on the others.

    It is compiled in a hurry, as nothing is measured there. What starts programs is left to the own Python.
    """
    steps: list[Step] = []
    before: tuple[str, ...] = ()
    for version in other_pythons():
        folder = f".venv-py/{version}"
        form = "compiled" if version == other_pythons()[-1] else "pure"
        python = pythons.find(version) or ""
        make = [sys.executable, "tools/environment.py", folder, "--python", python, "--groups", "test", "--form", form]
        name = f"python{version} environment"
        steps.append(Step(name, make, after=before, environment={"CFLAGS": "-O0"}))
        before = (name,)
        run = pytest_step(f"python{version} unit {form}", "tests/unit", ROOT / folder / "bin" / "python", after=before)
        steps.append(with_loops("asyncio", without_programs(run)))
    return steps


def other_pythons() -> list[str]:
    own = "{}.{}".format(*sys.version_info[:2])
    return [version for version in pythons.SUPPORTED if version != own and pythons.find(version)]


def absent_pythons() -> list[str]:
    own = "{}.{}".format(*sys.version_info[:2])
    return [version for version in pythons.SUPPORTED if version != own and not pythons.find(version)]


def all_steps() -> list[Step]:
    """In the order in which they are started when nothing stands in the way: long ones early."""
    unit = unit_steps()
    return [
        *unit[:2],
        *conformance_steps(),
        *outside_steps()[:3],
        *property_steps(),
        *trust_steps(),
        *python_steps(),
        *outside_steps()[3:],
        *docs_steps(),
        *lint_steps(),
        unit[2],
    ]


def selected(words: list[str]) -> list[Step]:
    """The steps whose group or whole name is among the words; no word selects all."""
    steps = all_steps()
    groups = {step.group for step in steps} | {step.name for step in steps}
    unknown = [word for word in words if word not in groups]
    if unknown:
        raise SystemExit(f"no such step: {', '.join(unknown)}; there are: {', '.join(sorted(groups))}")
    return [step for step in steps if not words or step.group in words or step.name in words]


# -- counting ---------------------------------------------------------------------------------------------------------


def has_tests(step: Step) -> bool:
    return any((ROOT / step.tests).rglob("test_*.py"))


def count(step: Step, status: int) -> Count:
    """What the step's own report says; a step that failed without a failed test counts as one failure."""
    found = Count()
    if step.tests:
        found = count_report(step.report)
    elif step.group == "conformance":
        found = count_closing_line(step.log)
    elif status == 0:
        found.passed = 1
    if status != 0 and not found.failed:
        found.failed = 1
    return found


def count_report(path: Path) -> Count:
    """Counts pytest's JUnit report."""
    found = Count()
    if not path.exists():
        return found
    for case in ElementTree.parse(path).iter("testcase"):
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            found.failed += 1
        elif skip is not None:
            reason = (skip.get("message") or "no reason given").removeprefix("not run: ")
            found.skipped[reason] = found.skipped.get(reason, 0) + 1
        else:
            found.passed += 1
    return found


def count_closing_line(path: Path) -> Count:
    """Counts by the closing line `N passed, N failed`."""
    words = path.read_text().strip().splitlines()[-1:] if path.exists() else []
    match words[0].replace(",", "").split() if words else []:
        case [passed, "passed", failed, "failed"]:
            return Count(int(passed), int(failed))
    return Count()
