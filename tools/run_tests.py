"""Runs the steps of `tools/steps.py`, four at a time, and prints a table and `N passed, N failed` at the end.

    python -m tools.run_tests                    the steps of `make test`: every promise once
    python -m tools.run_tests extended           the steps that `make test-all` adds
    python -m tools.run_tests unit property      some groups, or single steps by name

The output of each step is in build/test-logs and is shown if the step fails. Steps and tests that need a program which
cannot be installed on this machine are listed at the end as not run; with `CI=true` these, and skipped tests, fail the
run.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

from tests.support.missing import ROOT, in_ci
from tools.pieces import Pieces
from tools.steps import COMPILED, LOGS, PURE, Count, Step, absent_pythons, count, has_tests, selected

SLOTS = 4
"""How many steps run at a time. Two steps keep two cores busy, and the others use the cores while those wait."""
MOST_KEPT = 2
"""How many of these places stay free for steps that wait for a piece from outside."""
SHOWN = 120
"""The most lines of a failed step's log that are shown."""

NOT_HANDED_ON = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
"""Variables that no step gets: the tests run the installed gdpeer, hundreds of processes must not compile the same
modules again, and programs buffer their output as they do for users."""

CANNOT_RUN = 2
"""The exit status of the conformance step if the suite cannot run on this machine."""


@dataclass
class Running:
    """A step that is running."""

    step: Step
    process: subprocess.Popen[bytes]
    started: float
    processor: float = 0.0

    def poll(self) -> int | None:
        """Returns the exit status once the step has ended, and sets `processor` to its processor time in seconds."""
        if self.process.returncode is None:
            # Not Popen.poll: it does not return the processor time of the process and of its children.
            found, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if found:
                self.process.returncode = os.waitstatus_to_exitcode(status)
                self.processor = usage.ru_utime + usage.ru_stime
        return self.process.returncode


@dataclass
class Outcome:
    """The result of a step."""

    step: Step
    seconds: float
    status: int
    count: Count
    not_run: str = ""
    processor: float = 0.0

    @property
    def word(self) -> str:
        if self.not_run:
            return "not run"
        return "FAILED" if self.count.failed else "ok"


@dataclass
class Proof:
    """All steps of a run: those that wait, those that run, and the results of the others."""

    waiting: list[Step]
    pieces: Pieces
    running: list[Running] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    begin: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.begin:5.0f} s] {text}", flush=True)

    def run(self) -> None:
        while self.waiting or self.running:
            self.start_what_can()
            self.collect()
            time.sleep(0.05)

    def start_what_can(self) -> None:
        kept = 0
        for step in list(self.waiting):
            if len(self.running) + kept >= SLOTS:
                return
            if self.is_ready(step):
                self.waiting.remove(step)
                self.start(step)
            elif not all(self.pieces.ready(name) for name in step.needs):
                # The steps with engines and browsers take longest: they start as soon as their pieces are there.
                kept = min(kept + 1, MOST_KEPT)

    def is_ready(self, step: Step) -> bool:
        unfinished = {other.name for other in self.waiting} | {other.step.name for other in self.running}
        return unfinished.isdisjoint(step.after) and all(self.pieces.ready(name) for name in step.needs)

    def start(self, step: Step) -> None:
        if step.tests and not has_tests(step):
            self.end(Outcome(step, 0.0, 0, Count(), not_run=f"{step.tests} holds no tests"))
            return
        reports = [f"--junitxml={step.report}", "-p", "no:cacheprovider"] if step.tests else []
        environment = {key: value for key, value in os.environ.items() if key not in NOT_HANDED_ON}
        with open(step.log, "wb") as log:
            process = subprocess.Popen(
                [*step.command, *reports],
                cwd=ROOT,
                env=environment | step.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(Running(step, process, time.monotonic()))
        self.say(f"start   {step.name}")

    def collect(self) -> None:
        for running in list(self.running):
            seconds = time.monotonic() - running.started
            status = running.poll()
            if status is None and seconds > running.step.limit:
                stop(running)
                with open(running.step.log, "a") as log:
                    log.write(f"\nended after its limit of {running.step.limit:g} s\n")
                status = running.process.returncode
            if status is not None:
                self.running.remove(running)
                self.end(judge(running, seconds, status))

    def end(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.say(f"{outcome.word:7} {outcome.step.name} ({outcome.seconds:.1f} s)")
        if outcome.count.failed:
            show(outcome.step)

    def interrupt(self) -> None:
        for running in self.running:
            stop(running)
        self.pieces.close()


def judge(running: Running, seconds: float, status: int) -> Outcome:
    step = running.step
    if step.group == "conformance" and status == CANNOT_RUN:
        return Outcome(step, seconds, status, Count(), not_run=step.log.read_text().strip().splitlines()[-1])
    return Outcome(step, seconds, status, count(step, status), processor=running.processor)


def stop(running: Running) -> None:
    """Ends a step and its children, by their process group."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(running.process.pid, number)
            running.process.wait(3)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    running.process.wait()


def show(step: Step) -> None:
    lines = step.log.read_text(errors="replace").splitlines() if step.log.exists() else []
    print(f"---- {step.name}: {' '.join(step.command)}")
    print("\n".join(lines[-SHOWN:]))
    print(f"---- the whole log: {step.log.relative_to(ROOT)}", flush=True)


# -- before and after -------------------------------------------------------------------------------------------------


def is_compiled() -> bool:
    code = "from gdpeer.protocol import connection, frames; raise SystemExit(not frames.COMPILED)"
    return subprocess.run([COMPILED / "python", "-c", code], check=False).returncode == 0


def prepare(steps: list[Step]) -> None:
    """Updates the virtual environments that steps use. After `make`, which does the same, this takes no time."""
    make = [sys.executable, "tools/environment.py"]
    subprocess.run([*make, ".venv", "--groups", "test,lint,docs"], cwd=ROOT, check=True)
    if any(str(PURE) in " ".join(step.command) or "pure" in step.name for step in steps):
        subprocess.run([*make, ".venv-pure", "--form", "pure", "--groups", "test"], cwd=ROOT, check=True)


def table(outcomes: list[Outcome]) -> str:
    lines = [f"{'step':28} {'result':8} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8} {'processor':>10}"]
    for outcome in sorted(outcomes, key=lambda one: one.step.name):
        found = outcome.count
        counts = f"{found.passed:7} {found.failed:7} {found.skips:8}"
        lines.append(
            f"{outcome.step.name:28} {outcome.word:8} {counts} {outcome.seconds:8.1f} {outcome.processor:10.1f}"
        )
    return "\n".join(lines)


def not_run(outcomes: list[Outcome], pieces: dict[str, str]) -> list[str]:
    """Returns lines about the steps and tests that did not run on this machine, with the reasons."""
    found = [f"{name} because {why}" for name, why in pieces.items()]
    found += [f"{one.step.name} because {one.not_run}" for one in outcomes if one.not_run]
    for one in outcomes:
        found += [f"{number} of {one.step.name}: {why}" for why, number in one.count.skipped.items()]
    return found


def tried_again(outcomes: list[Outcome]) -> list[str]:
    """Returns the tests that failed at first and then passed, by step; pytest's summary marks them with `RERUN`."""
    found = []
    for one in outcomes:
        lines = one.step.log.read_text(errors="replace").splitlines() if one.step.log.exists() else []
        found += [f"{one.step.name}: {line.removeprefix('RERUN ')}" for line in lines if line.startswith("RERUN ")]
    return found


def close(proof: Proof, lacking: list[str]) -> int:
    """Prints the summary, and returns the exit status."""
    outcomes, missed = proof.outcomes, lacking + not_run(proof.outcomes, proof.pieces.problems())
    print(f"\n{table(outcomes)}\n")
    for line in missed:
        print(f"not run: {line}")
    for line in tried_again(outcomes):
        print(f"failed at first, and ran again: {line}")
    if "extended" in sys.argv[1:]:
        for version in absent_pythons():
            print(f"not on this machine: Python {version}")
    passed, failed, skipped = (
        sum(getattr(one.count, name) for one in outcomes) for name in ("passed", "failed", "skips")
    )
    if in_ci() and missed:
        print("CI=true: a missing piece is a failure")
        failed += len(missed)
    print(f"{time.monotonic() - proof.begin:.0f} s")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed or not passed else 0


def main() -> int:
    steps = selected(sys.argv[1:])
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    prepare(steps)
    lacking = []
    if not is_compiled() and any("compiled" in step.name for step in steps):
        lacking.append("the compiled form because gdpeer was not compiled here")
        steps = [step for step in steps if "compiled" not in step.name]
    proof = Proof(steps, Pieces({name for step in steps for name in step.needs}))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        proof.run()
    except KeyboardInterrupt:
        proof.interrupt()
        print("\ninterrupted")
        os._exit(130)
    return close(proof, lacking)


if __name__ == "__main__":
    raise SystemExit(main())
