"""Runs child processes whose output is read in lines; every wait has a limit.

    with Process([sys.executable, "-m", "gdpeer.cli", "echo", "--port", "0"]) as echo:
        port = int(echo.wait_for(r"listening on .*:(\\d+)").group(1))

Leaving the block ends the process with SIGTERM, then SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.support.missing import ROOT


class ProcessFailed(AssertionError):
    """A process did not do the expected in time; the message shows the end of its output."""


class Lines:
    """The lines of one pipe, which a thread reads. It notifies `changed` for each line and at the end."""

    def __init__(self, pipe: IO[str], changed: threading.Condition) -> None:
        self.lines: list[str] = []
        self.ended = False
        self._pipe = pipe
        self._changed = changed
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join(5.0)

    def _read(self) -> None:
        with self._pipe:
            for line in self._pipe:
                with self._changed:
                    self.lines.append(line.rstrip("\r\n"))
                    self._changed.notify_all()
        with self._changed:
            self.ended = True
            self._changed.notify_all()


class Process:
    """A child process; `stdout` and `stderr` hold the lines that it has printed so far."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environment: dict[str, str] | None = None,
        folder: Path = ROOT,
    ) -> None:
        self.command = [str(word) for word in command]
        self._changed = threading.Condition()
        self._taken = 0
        self.popen = subprocess.Popen(
            self.command,
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            bufsize=1,
        )
        assert self.popen.stdout is not None
        assert self.popen.stderr is not None
        self._output = Lines(self.popen.stdout, self._changed)
        self._errors = Lines(self.popen.stderr, self._changed)

    @property
    def stdout(self) -> list[str]:
        """The lines of standard output so far."""
        with self._changed:
            return list(self._output.lines)

    @property
    def stderr(self) -> list[str]:
        """The lines of standard error so far."""
        with self._changed:
            return list(self._errors.lines)

    def say(self, line: str) -> None:
        """Writes a line to its standard input."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def end_input(self) -> None:
        """Closes its standard input, as a pipe does at its end."""
        assert self.popen.stdin is not None
        with contextlib.suppress(OSError):
            self.popen.stdin.close()

    def wait_until(self, condition: Callable[[], bool], what: str, timeout: float) -> None:
        """Waits until `condition` holds, which is checked again at each new line of output.

        Raises:
            ProcessFailed: the condition did not hold in time.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while not condition():
                if self._output.ended and self._errors.ended:
                    raise ProcessFailed(self._story(f"ended without {what}"))
                left = deadline - time.monotonic()
                if left <= 0:
                    raise ProcessFailed(self._story(f"no {what} within {timeout:g} s"))
                self._changed.wait(left)

    def wait_for(self, pattern: str, timeout: float = 30.0) -> re.Match[str]:
        """Waits for a line of standard output that matches, after the last such line, and returns the match."""
        found: list[re.Match[str]] = []

        def look() -> bool:
            while self._taken < len(self._output.lines) and not found:
                match = re.search(pattern, self._output.lines[self._taken])
                self._taken += 1
                if match:
                    found.append(match)
            return bool(found)

        self.wait_until(look, f"line like {pattern!r}", timeout)
        return found[0]

    def wait(self, timeout: float = 30.0) -> int:
        """Waits for the end; returns the exit status (negative: the signal)."""
        try:
            status = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ProcessFailed(self._story(f"still running after {timeout:g} s")) from None
        self._output.join()
        self._errors.join()
        return status

    def interrupt(self) -> None:
        """Sends SIGINT, as Ctrl-C does."""
        self.popen.send_signal(signal.SIGINT)

    def terminate(self, grace: float = 20.0) -> int:
        """Ends the process with SIGTERM, or with SIGKILL after `grace` seconds; returns the exit status."""
        self.end_input()
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(grace)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.wait()

    def kill(self) -> int:
        """Ends the process with SIGKILL, so that it cannot close its connections; returns the exit status."""
        self.popen.kill()
        return self.wait()

    def _story(self, what: str) -> str:
        parts = [f"{what}: {' '.join(self.command)} (status {self.popen.poll()})"]
        parts += ["stdout:", *self._output.lines[-40:], "stderr:", *self._errors.lines[-40:]]
        return "\n".join(parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.terminate()


def gdpeer_command(*arguments: str) -> list[str]:
    """Returns a command line of `gdpeer` for the interpreter that runs the tests."""
    return [sys.executable, "-m", "gdpeer.cli", *arguments]
