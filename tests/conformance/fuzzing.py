"""Runs the Autobahn test suite against a server or a client on loopback; the suite writes its reports into a folder."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

from tests.conformance.suite import PYTHON, CannotRun, Selection
from tests.support.missing import ROOT
from tests.support.ports import free_port, wait_until_listening

AGENT = "gdpeer"

GRACE = 5.0
"""Seconds that a process has to end after SIGTERM, before SIGKILL."""

LOOK = 0.2
"""Seconds between two looks at `interrupted`."""

interrupted = threading.Event()
"""Set it to end a run: each process is ended, and the functions here raise `Interrupted`."""

WSTEST = """
import functools, sys
import autobahntestsuite.choosereactor
import autobahntestsuite.fuzzing, autobahntestsuite.testee
for module in (autobahntestsuite.fuzzing, autobahntestsuite.testee):
    module.listenWS = functools.partial(module.listenWS, interface='127.0.0.1')
from autobahntestsuite.wstest import run
sys.exit(run())
"""
"""The suite's program, listening on loopback only."""

Results = dict[str, list[str]]
"""A case, such as 6.4.1, and its result: the behaviour, and the behaviour at the close."""


class Interrupted(Exception):
    """The run was ended by `interrupted`."""


def fuzz_server(url: str, folder: Path, selection: Selection, limit: float) -> Results:
    """Runs the suite's client against an echo server."""
    settings = {"servers": [{"agent": AGENT, "url": url}]}
    with open(folder / "suite.log", "w") as log, _suite("fuzzingclient", folder, selection, settings, log) as client:
        _wait(client, limit, folder)
    return read_report(folder)


def fuzz_client(command: Sequence[str], folder: Path, selection: Selection, limit: float) -> Results:
    """Runs a client against the suite's server.

    Args:
        command: of the client; the URL of the server and the name of the agent are added. The client must connect to
            URL/getCaseCount for the number of cases and to URL/runCase?case=K&agent=AGENT for each case, where it
            echoes. It must end with status 0.
        folder: for the logs and reports.
        selection: of the cases.
        limit: seconds for all cases.
    """
    port = free_port()
    url = f"ws://127.0.0.1:{port}"
    with (
        open(folder / "suite.log", "w") as log,
        open(folder / "client.log", "w") as output,
        _suite("fuzzingserver", folder, selection, {"url": url}, log, "-u", "0"),
    ):
        try:
            wait_until_listening(port, timeout=60.0)
        except TimeoutError as error:
            raise CannotRun(f"the suite's server does not start: {error}") from None
        with started([*command, url, AGENT], output) as client:
            _wait(client, limit, folder)
        _write_reports(port)
    return read_report(folder)


def read_report(folder: Path) -> Results:
    """Returns the results of the suite's last run in a folder."""
    path = folder / "index.json"
    report = json.loads(path.read_text()).get(AGENT, {}) if path.exists() else {}
    return {case: [found["behavior"], found["behaviorClose"]] for case, found in report.items()}


def _suite(
    mode: str, folder: Path, selection: Selection, settings: Mapping[str, object], log: IO[str], *options: str
) -> AbstractContextManager[subprocess.Popen[str]]:
    (folder / "index.json").unlink(missing_ok=True)
    path = folder / f"{mode}.json"
    path.write_text(json.dumps({"outdir": str(folder), **settings, **selection.as_json()}, indent=1))
    return started([str(PYTHON), "-u", "-c", WSTEST, "-m", mode, *options, "-s", str(path)], log)


def _wait(process: subprocess.Popen[str], limit: float, folder: Path) -> None:
    """Waits until a process has ended, at most `limit` seconds.

    A client that fails or takes too long leaves its cases without a result.

    Raises:
        Interrupted: the run was ended.
    """
    deadline = time.monotonic() + limit
    while process.poll() is None:
        if time.monotonic() > deadline:
            print(f"ended after {limit:g} s: {_last_case(folder)}")
            return
        if interrupted.wait(LOOK):
            raise Interrupted
    if process.returncode:
        print(f"ended with status {process.returncode}: {_last_case(folder)}")


def _last_case(folder: Path) -> str:
    lines = [line for line in (folder / "suite.log").read_text().splitlines() if line.startswith("Running test case")]
    return lines[-1] if lines else "no case had begun"


def _write_reports(port: int) -> None:
    """Makes the suite's server write its reports, also if its client did not; the server answers with a close frame."""
    key = base64.b64encode(os.urandom(16)).decode()
    head = f"GET /updateReports?agent={AGENT} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
    head += f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    data = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=120.0) as connection:
            connection.sendall(head.encode())
            while b"\x88" not in data.partition(b"\r\n\r\n")[2]:
                chunk = connection.recv(4096)
                if not chunk:
                    break
                data += chunk
    except OSError as error:
        raise CannotRun(f"the suite's server writes no reports: {error}") from None


# -- processes --------------------------------------------------------------------------------------------------------


@contextmanager
def started(command: Sequence[str], output: IO[str]) -> Iterator[subprocess.Popen[str]]:
    """Runs a process during the block, and then ends it with its children.

    The process gets a session of its own, so a Ctrl-C at the terminal does not reach it: only this block ends it.

    Args:
        command: to run, in the folder of the checkout.
        output: file for standard output and standard error.

    Raises:
        Interrupted: the run was ended before.
    """
    if interrupted.is_set():
        raise Interrupted
    process = subprocess.Popen(
        list(command),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + GRACE
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(max(0.1, end - time.monotonic()))
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()
