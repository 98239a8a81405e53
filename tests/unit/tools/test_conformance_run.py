"""`python -m tests.conformance.run`: a signal ends the processes of the suite. The suite itself is replaced here."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.support.processes import Process

PROGRAM = """
import sys
from pathlib import Path
from tests.conformance import fuzzing, run, suite

suite.install = lambda: None
suite.selected = lambda selection: []
fuzzing.PYTHON = sys.executable
fuzzing.WSTEST = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
run.REPORTS = Path(sys.argv.pop(1))
sys.exit(run.main())
"""


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_signal_ends_the_processes_of_the_suite(tmp_path: Path, number: signal.Signals) -> None:
    words = [tmp_path, "--role", "server", "--form", "pure", "--python", sys.executable]
    log = tmp_path / "server-pure-polling-quick" / "suite.log"
    with Process([sys.executable, "-c", PROGRAM, *words]) as run:
        deadline = time.monotonic() + 20.0
        while not (log.exists() and log.read_text().endswith("\n")):
            assert time.monotonic() < deadline, run.stderr
            time.sleep(0.02)
        run.popen.send_signal(number)
        assert run.wait() == 130
    assert not is_running(int(log.read_text()))
    [address] = (log.with_name("echo.log").read_text()).splitlines()
    assert "listening" in address
