"""A terminal without a window: it types into a program, and records the output with its times.

with Terminal(["bash"], folder=checkout) as terminal:
    terminal.enter("python server.py")
    terminal.wait_for("^Open ")
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_=>]|\([A-Z0-9])|[\x07\x0f]")
"""Matches escape sequences, which move the cursor and set colours and titles."""
CTRL_C = "\x03"


class NotShown(AssertionError):
    """The expected output did not appear in time; the message holds all output so far."""


class Terminal:
    """Runs a program on its own pseudo-terminal. Leaving the block ends the program and all its children."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path | None = None,
        environment: dict[str, str] | None = None,
        columns: int = 100,
        rows: int = 30,
    ) -> None:
        self.chunks: list[tuple[float, bytes]] = []
        """The output in pieces, each with its time in seconds from the start."""
        self._fd, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._began = time.monotonic()
        self._taken = 0
        self.process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env={**os.environ, "TERM": "xterm-256color", **(environment or {})},
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            preexec_fn=take_terminal,
        )
        os.close(inner)

    @property
    def text(self) -> str:
        """All output so far, without escape sequences."""
        shown = b"".join(chunk for _, chunk in self.chunks).decode(errors="replace")
        return ESCAPES.sub("", shown).replace("\r", "")

    def enter(self, line: str, pause: float = 0.0) -> None:
        """Types a line and Enter, with a pause in seconds after each key."""
        for key in line + "\r" if pause else [line + "\r"]:
            os.write(self._fd, key.encode())
            self.watch(pause)

    def press(self, key: str) -> None:
        os.write(self._fd, key.encode())

    def watch(self, seconds: float) -> None:
        """Records output for some seconds."""
        end = time.monotonic() + seconds
        while self._read(max(0.0, end - time.monotonic())) and time.monotonic() < end:
            pass

    def wait_for(self, pattern: str, timeout: float = 15.0) -> re.Match[str]:
        """Waits for a line that matches, after the last match, and returns the match.

        Raises:
            NotShown: no line matched within `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while True:
            text = self.text
            if found := re.compile(pattern, re.MULTILINE).search(text, self._taken):
                self._taken = found.end()
                return found
            left = end - time.monotonic()
            if left <= 0 or not self._read(left):
                raise NotShown(f"no {pattern!r} within {timeout:g} s (status {self.process.poll()}):\n{self.text}")

    def _read(self, timeout: float) -> bool:
        """Waits for output; returns False if the program has ended."""
        if not select.select([self._fd], [], [], timeout)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # Linux raises this when the last process has ended
            return False
        self.chunks.append((time.monotonic() - self._began, data))
        return bool(data)

    def close(self) -> None:
        """Ends the program as a closed window would, and by force after two seconds."""
        for number in (signal.SIGHUP, signal.SIGKILL):
            for group in {self.process.pid, self._foreground()}:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(2.0)
                break
        os.close(self._fd)

    def _foreground(self) -> int:
        with contextlib.suppress(OSError):
            return os.tcgetpgrp(self._fd)
        return self.process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def take_terminal() -> None:
    """Makes the pseudo-terminal the child's own, so that Ctrl-C reaches it; runs in the child."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
