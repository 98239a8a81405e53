"""The terminal of `gdpeer inspect`: a real one, of the system."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Callable

from websockets.sync.client import connect

from tests.support.processes import Process, gdpeer_command


class Terminal:
    """A command on a terminal of its own.

    Attributes:
        text: all that it wrote.
    """

    def __init__(self, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
        command = gdpeer_command(*arguments)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)
        os.close(slave)
        self.text = ""

    def until(self, done: Callable[[str], object]) -> None:
        deadline = time.monotonic() + 20.0
        while not done(self.text):
            assert time.monotonic() < deadline, self.text
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self._master, 65536).decode(errors="replace")
                except OSError:  # the other end is closed
                    assert done(self.text), self.text

    def close(self) -> None:
        os.close(self._master)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)


def test_rows_run_through_above_the_totals_and_the_totals_stay() -> None:
    with Process(gdpeer_command("echo", "--port", "0")) as echo:
        to = echo.wait_for(r"listening on (ws://\S+)$").group(1)
        terminal = Terminal("inspect", "--listen", "0", "--to", to)
        try:
            terminal.until(lambda text: re.search(r"inspect: (ws://\S+) to", text))
            found = re.search(r"inspect: (ws://\S+) to", terminal.text)
            assert found
            with connect(found.group(1), proxy=None) as client:
                client.send("hello \x1b[2Jterminal")
                client.recv(timeout=10)
                terminal.until(lambda text: text.count("hello ␛[2Jterminal") >= 2 and "a second" in text)
            terminal.process.send_signal(2)
            terminal.until(lambda text: "0 undecoded" in text)
            assert terminal.process.wait(10) == 0
        finally:
            terminal.close()
