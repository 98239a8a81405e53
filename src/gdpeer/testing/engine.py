"""`Godot` runs projects in a real engine without a display, for tests.

Layer: `testing`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from gdpeer.attributes import Guarded
from gdpeer.testing.errors import ErrorLog

__all__ = ["Godot", "GodotRun", "find_godot"]

NAMES = ("godot", "godot4")
ERROR = re.compile(r"^(?:[A-Z]+ )*ERROR: .*$", re.MULTILINE)
"""The line of an error, also of `push_error` and of a script."""
GRACE = 2.0
"""Seconds that an engine has to end when it is asked to."""


def find_godot() -> str | None:
    """Returns the path of the engine: the variable GODOT, or else `godot` or `godot4` in PATH. None: there is none."""
    own = os.environ.get("GODOT")
    return shutil.which(own) if own else next(filter(None, map(shutil.which, NAMES)), None)


class GodotRun(Guarded):
    """An engine that runs a project; made by `Godot.start` and `Godot.run`.

    Args:
        command: the command line.
        folder: for the files with the output.
        deadline: seconds that `wait` allows from the start on.
        log: gets the errors that the engine printed, when the run ends.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, command: Sequence[str], folder: Path, deadline: float, log: ErrorLog) -> None:
        self._command = command
        self._deadline = deadline
        self._log: ErrorLog | None = log
        self._files = folder / "output.txt", folder / "errors.txt"
        # Files instead of pipes: a pipe that nobody reads stops the engine when it is full.
        with self._files[0].open("wb") as output, self._files[1].open("wb") as errors:
            environment = os.environ | {"NO_COLOR": "1"}
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=environment
            )
        self._end = time.monotonic() + deadline

    @property
    def output(self) -> str:
        """What the project has printed so far."""
        return self._files[0].read_text("utf-8", "replace")

    @property
    def error_output(self) -> str:
        """What the engine has written to its standard error so far: errors, warnings, and where they come from."""
        return self._files[1].read_text("utf-8", "replace")

    @property
    def errors(self) -> list[str]:
        """The lines of errors so far, also those of `push_error`; warnings are not listed."""
        return ERROR.findall(self.error_output)

    @property
    def is_running(self) -> bool:
        """Whether the engine has not ended."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Waits until the engine has ended; returns its exit status.

        Raises:
            AssertionError: the engine still runs at its deadline. It is stopped.
        """
        try:
            status = self._process.wait(max(0.0, self._end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.stop()
            raise AssertionError(f"Godot still ran after {self._deadline:g} s; {self._report()}") from None
        self._tell()
        return status

    def check(self) -> None:
        """Waits until the engine has ended, and raises an AssertionError if its exit status is not 0."""
        status = self.wait()
        if status:
            raise AssertionError(f"Godot ended with status {status}; {self._report()}")

    def stop(self) -> None:
        """Ends the engine if it still runs."""
        if self.is_running:
            self._process.terminate()
            try:
                self._process.wait(GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._tell()

    def _tell(self) -> None:
        """Adds the errors to the log, once."""
        log, self._log = self._log, None
        if log is not None:
            log.lines.extend(f"Godot: {line}" for line in self.errors)

    def _report(self) -> str:
        return f"output:\n{self.output}{self.error_output}"


class Godot(Guarded):
    """A real engine, Godot 4. Use it as a context manager, which ends all runs.

    Args:
        program: the path of the engine.
        folder: for the files with the output.
        log: gets the errors that engines print. None: a log of its own.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, program: str, folder: Path, log: ErrorLog | None = None) -> None:
        self._program = program
        self._folder = folder
        self._log = ErrorLog() if log is None else log
        self._runs: list[GodotRun] = []

    def start(
        self, project: str | Path, *arguments: str, options: Sequence[str] = (), deadline: float = 30.0
    ) -> GodotRun:
        """Starts a project without a display, and returns at once.

        Args:
            project: the folder with `project.godot`.
            arguments: for the project, which reads them by `OS.get_cmdline_user_args()`.
            options: for the engine: a scene such as `res://client.tscn`, or `--import`.
            deadline: seconds that `GodotRun.wait` allows.
        """
        folder = self._folder / f"godot-{len(self._runs)}"
        folder.mkdir()
        command = [self._program, "--headless", "--path", str(project), *options]
        run = GodotRun([*command, "--", *arguments] if arguments else command, folder, deadline, self._log)
        self._runs.append(run)
        return run

    def run(
        self, project: str | Path, *arguments: str, options: Sequence[str] = (), deadline: float = 30.0
    ) -> GodotRun:
        """Runs a project until it quits. Arguments as for `start`.

        Raises:
            AssertionError: the exit status is not 0, or the engine still runs at the deadline. The text has its output.
        """
        run = self.start(project, *arguments, options=options, deadline=deadline)
        run.check()
        return run

    def close(self) -> None:
        """Ends all runs."""
        for run in self._runs:
            run.stop()

    def __enter__(self) -> Godot:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
