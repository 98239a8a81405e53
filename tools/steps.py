"""The steps of `make test` and `make test-all`: their commands, their needs, and how their results are counted.

`make test` proves every promise once. `make test-all` adds the steps whose `extended` is true: other Pythons, a part
of the long sections of the conformance suite, and the tests marked `extended`, which prove the same with more inputs.

A step is one command that uses one core at most; `tools/run_tests.py` runs several side by side.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.missing import ROOT
from tools import pythons

COMPILED = ROOT / ".venv" / "bin"
PURE = ROOT / ".venv-pure" / "bin"
LOGS = ROOT / "build" / "test-logs"
OWN = "{}.{}".format(*sys.version_info[:2])
PROGRAMS = ("bench", "cli", "demos")
"""Folders of the unit tests that start programs."""
NOT_ELSEWHERE = (*PROGRAMS, "tools")
"""Folders of the unit tests that do not run on every Python: programs start on two, tools run on the first only."""
AGAIN = ("--reruns", "1", "-raR")
"""Options to run a failed test once more: some tests wait for other processes, which a busy machine may delay. The
summary of the run names each test that was run again."""
NEVER_COMPILED = (
    *PROGRAMS,
    "contract",
    "inspection",
    "terminal",
    "tools",
    "test_docs",
    "test_internals",
    "test_it_does_not_work",
    "test_mirror",
    "test_quoting",
)
"""Prefixes of the names of unit tests whose code is never compiled."""


@dataclass(frozen=True)
class Step:
    """One command of a test run.

    Attributes:
        name: shown in the summary; the first word is the group, which targets such as `make unit` select.
        command: the command line, run in the checkout.
        needs: pieces from outside; the step waits until each has been fetched, or could not be.
        after: steps that must have ended first.
        tests: the folder of tests that pytest runs; empty for any other command.
        limit: seconds after which the step is ended and counts as failed.
        environment: variables beside the machine's.
        extended: True for a step that `make test` leaves to `make test-all`.
    """

    name: str
    command: list[str]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    tests: str = ""
    limit: float = 900.0
    environment: dict[str, str] = field(default_factory=dict)
    extended: bool = False

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
    """The results of a step: numbers of tests or cases, or the step itself as one check."""

    passed: int = 0
    failed: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    """The number of skipped tests, by reason."""

    @property
    def skips(self) -> int:
        return sum(self.skipped.values())


# -- the list ---------------------------------------------------------------------------------------------------------


def types_elsewhere(platform: str) -> Step:
    """Returns a step that checks the types as on another system, where code for Linux only is unreachable."""
    options = ["--platform", platform, "--no-warn-unreachable", "--cache-dir", f"build/mypy-{platform}"]
    return Step(f"lint types {platform}", [f"{COMPILED}/mypy", *options, "src/gdpeer"])


def lint_steps() -> list[Step]:
    tool = str(COMPILED)
    return [
        Step("lint style", [f"{tool}/ruff", "check", "--output-format", "concise"]),
        Step("lint format", [f"{tool}/ruff", "format", "--check", "--output-format", "concise"]),
        Step("lint types", [f"{tool}/mypy"]),
        *(types_elsewhere(platform) for platform in ("win32", "darwin")),
        Step("lint layers", [f"{tool}/lint-imports"], environment={"PYTHONPATH": "src"}),
        Step("lint pxd", [f"{tool}/python", "-m", "tools.check_pxd"]),
        Step("lint spelling", [f"{tool}/codespell"]),
        Step("lint workflows", [f"{tool}/python", "-m", "tools.check_workflows"]),
        Step("lint pages", [f"{tool}/python", "-m", "tools.check_docs"]),
        Step("lint reference", [f"{tool}/python", "-m", "tools.reference", "--check"]),
        Step("lint programs", [f"{tool}/python", "-m", "tools.check_programs"]),
    ]


def pytest_step(
    name: str,
    folders: str,
    python: Path | str,
    *,
    run: tuple[str, ...] = ("-m",),
    marked: str = "not extended",
    options: tuple[str, ...] = (),
    **more: Any,
) -> Step:
    """Returns a step that runs tests against the gdpeer that is installed for `python`.

    Args:
        name: of the step. A form in the name ("pure", "compiled") must be that of the installed gdpeer.
        folders: one or more folders, separated by spaces.
        python: the interpreter.
        run: the words between the interpreter and `pytest`.
        marked: expression of marks that selects the tests; empty for all.
        options: further words for pytest.
        more: other fields of the step.
    """
    command = [str(python), *run, "pytest", *folders.split(), "--tb=short", "-m", marked, *AGAIN, *options]
    environment = more.pop("environment", {})
    for form in ("pure", "compiled"):
        if form in name:
            environment = {**environment, "GDPEER_FORM": form}
    return Step(name, command, tests=folders, environment=environment, **more)


def folders_of_units(without: tuple[str, ...] = PROGRAMS) -> str:
    """Returns the folders of tests/unit, without some, and the files beside them."""
    found = (path for path in sorted((ROOT / "tests/unit").iterdir()) if path.is_dir() or path.name.startswith("test_"))
    kept = (path for path in found if not path.name.startswith(("__", *without)))
    return " ".join(str(path.relative_to(ROOT)) for path in kept)


def unit_steps() -> list[Step]:
    """Returns the steps of the unit tests: uncompiled, and compiled without tests of code that is never compiled.

    The steps trust, interop, browser and docs start programs of the compiled form, so this step does not.
    """
    modules, programs = folders_of_units(), programs_of_units()
    two_loops, uvloop = {"GDPEER_LOOPS": "asyncio,no-readers"}, {"GDPEER_LOOPS": "asyncio,uvloop"}
    return [
        pytest_step("unit pure", modules, PURE / "python", environment=two_loops),
        pytest_step("unit programs pure", programs, PURE / "python"),
        pytest_step("unit compiled", folders_of_units(NEVER_COMPILED), COMPILED / "python", environment=uvloop),
    ]


def programs_of_units() -> str:
    return " ".join(f"tests/unit/{name}" for name in PROGRAMS)


def property_steps() -> list[Step]:
    return [
        pytest_step("property compiled", "tests/property", COMPILED / "python"),
        pytest_step("property pure", "tests/property", PURE / "python", extended=True),
    ]


def trust_steps() -> list[Step]:
    return [pytest_step("trust", "tests/trust", COMPILED / "python")]


def conformance_steps() -> list[Step]:
    """Returns steps for sections 1 to 7 and 10, in both forms and through asyncio, and for a part of the long ones."""
    command = [sys.executable, "-m", "tests.conformance.run", "--form"]
    suite = ("the conformance suite",)
    return [
        Step("conformance compiled", [*command, "compiled"], needs=suite),
        Step("conformance pure", [*command, "pure"], needs=suite),
        Step("conformance aio", [*command, "compiled", "--front", "aio"], needs=suite, extended=True),
        # After the step above: this one installs a module into the suite that a suite at work would read half written.
        Step(
            "conformance sample",
            [*command, "compiled", "--sections", "sample"],
            needs=suite,
            after=("conformance aio",),
            extended=True,
        ),
    ]


def outside_steps() -> list[Step]:
    engines, node, browser = "Godot 4 and 3", "packages of Node", "Chromium"
    python = COMPILED / "python"
    # These tests mostly wait for engines and browsers, so two or three of them at a time use one core.
    two, three = (("-n", number, "--dist", "loadfile") for number in "23")
    return [
        pytest_step("interop", "tests/interop", python, needs=(engines, node), options=three),
        # Separate processes: the browser's driver runs an event loop, and other tests run event loops of their own.
        pytest_step("browser", "tests/browser", python, needs=(engines, node, browser), options=two),
        pytest_step("backends", "tests/backends", python, needs=(engines, node, browser)),
        pytest_step("packaging", "tests/packaging", python, needs=(node,)),
    ]


def broker_steps() -> list[Step]:
    two = ("-n", "2", "--dist", "loadfile")  # mostly waiting
    return [pytest_step("brokers", "tests/brokers", COMPILED / "python", needs=("Redis and NATS",), options=two)]


def extended_steps() -> list[Step]:
    """Returns steps for the tests marked `extended`, and for the instruction counts of hot paths."""
    python = COMPILED / "python"
    folders = "tests/property tests/trust tests/interop tests/packaging"
    needs = ("Godot 4 and 3", "packages of Node", "Chromium")
    more: dict[str, Any] = {"marked": "extended", "options": ("-n", "2", "--dist", "loadfile"), "extended": True}
    return [
        pytest_step("extended compiled", folders, python, needs=needs, **more),
        pytest_step("extended programs pure", programs_of_units(), PURE / "python", **more),
        # Apart: the browser's driver keeps an event loop in its thread, where no test can then run another loop.
        pytest_step("extended pages compiled", "tests/browser", python, needs=needs, **more),
        Step("instructions", [str(python), "-m", "bench.instructions"], extended=True),
    ]


def dist_steps() -> list[Step]:
    return [Step("dist", [str(COMPILED / "python"), "-m", "tools.dist"], extended=True)]


def docs_steps() -> list[Step]:
    sphinx = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-j", "2", "-d", "build/doctrees"]
    return [Step("docs", [*sphinx, "docs", "build/docs"])]


def python_steps() -> list[Step]:
    """Returns steps for the unit suite on other Pythons of this machine, and for its coverage on the newest Python.

    The newest Python measures coverage, which costs little since Python 3.14. The newest of the others compiles gdpeer
    without optimization, because no step measures its speed. Only the Python that measures starts programs. The tests
    of `tools` have run with the Python of `make test`.
    """
    measured, others = newest_python(), other_pythons()
    compiled = [version for version in others if version != measured][-1:]
    steps: list[Step] = []
    before: tuple[str, ...] = ()
    for version in reversed(others):
        form = "compiled" if version in compiled else "pure"
        folder, name = f".venv-py/{version}", f"python{version} environment"
        make = [sys.executable, "tools/environment.py", folder, "--python", pythons.find(version) or ""]
        make += ["--groups", "test", "--form", form]
        steps.append(Step(name, make, after=before, environment={"CFLAGS": "-O0"}, extended=True))
        before = (name,)
        if version == measured:
            steps += coverage_steps(ROOT / folder / "bin" / "python", before)
        else:
            python = ROOT / folder / "bin" / "python"
            folders = folders_of_units(NOT_ELSEWHERE if form == "pure" else NEVER_COMPILED)
            steps.append(one_loop(f"python{version} unit {form}", folders, python, after=before))
    return steps if measured in others else [*steps, *coverage_steps(PURE / "python", ())]


def coverage_steps(python: Path, after: tuple[str, ...]) -> list[Step]:
    """Returns steps that run the unit suite uncompiled, and fail if its coverage is below that in pyproject.toml."""
    measured = ("-m", "coverage", "run", "-m")
    folders = folders_of_units(NOT_ELSEWHERE)
    modules = one_loop("coverage modules pure", folders, python, run=measured, marked="", after=after)
    two = ("-n", "2")  # mostly waiting
    programs = one_loop("coverage programs pure", programs_of_units(), python, run=measured, options=two, after=after)
    report = [str(python), "-m", "tools.coverage_report"]
    return [programs, modules, Step("coverage report", report, after=(modules.name, programs.name), extended=True)]


def one_loop(name: str, folders: str, python: Path, **more: Any) -> Step:
    """Returns a step of unit tests that use only the event loop of the standard library."""
    environment = {"GDPEER_LOOPS": "asyncio"}
    return pytest_step(name, folders, python, environment=environment, extended=True, **more)


def newest_python() -> str:
    return max([OWN, *other_pythons()], key=pythons.SUPPORTED.index)


def other_pythons() -> list[str]:
    return [version for version in pythons.SUPPORTED if version != OWN and pythons.find(version)]


def absent_pythons() -> list[str]:
    return [version for version in pythons.SUPPORTED if version != OWN and not pythons.find(version)]


def all_steps() -> list[Step]:
    """Returns all steps in the order in which they start, long steps first."""
    modules, programs, compiled = unit_steps()
    outside = outside_steps()
    return [
        programs,
        modules,
        *outside[:3],
        *broker_steps(),
        compiled,
        *trust_steps(),
        *python_steps(),
        *dist_steps(),
        *property_steps(),
        *conformance_steps(),
        *extended_steps(),
        *outside[3:],
        *docs_steps(),
        *lint_steps(),
    ]


def selected(words: list[str]) -> list[Step]:
    """Returns the steps whose group or whole name is among the words.

    No words select the steps of `make test`, and the word `extended` selects those of `make test-all`.
    """
    steps = all_steps()
    if not words or words == ["extended"]:
        return [step for step in steps if step.extended == bool(words)]
    groups = {step.group for step in steps} | {step.name for step in steps}
    unknown = [word for word in words if word not in groups]
    if unknown:
        raise SystemExit(f"no such step: {', '.join(unknown)}; there are: {', '.join(sorted(groups))}")
    return [step for step in steps if step.group in words or step.name in words]


# -- counting ---------------------------------------------------------------------------------------------------------


def has_tests(step: Step) -> bool:
    paths = [ROOT / name for name in step.tests.split()]
    return any(path.is_file() or any(path.rglob("test_*.py")) for path in paths)


def count(step: Step, status: int) -> Count:
    """Counts the results in a step's report; a step that failed without a failed test counts as one failure."""
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
