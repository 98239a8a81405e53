"""The conformance suite's polled client against a small stand-in for the fuzzing server.

These tests show that the client runs every case, however the case before ended, and how the client fails.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.support.missing import ROOT
from tests.support.ports import free_port

CLIENT = [sys.executable, "-m", "tests.conformance.polling_client"]


class Suite:
    """Three cases: echoes, a dropped connection, a frame that is forbidden. `asked` holds the requests in order."""

    def __init__(self, count: str = "3") -> None:
        self.asked: list[str] = []
        self.echoes: list[str | bytes] = []
        self.extensions: set[str] = set()
        self.codes: list[int | None] = []
        self._count = count

    def handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.asked.append(connection.request.path)
        self.extensions.add(connection.request.headers.get("Sec-WebSocket-Extensions", ""))
        path = urlsplit(connection.request.path)
        if path.path == "/getCaseCount" and self._count:
            connection.send(self._count)
        if path.path == "/runCase":
            with suppress(ConnectionClosed):
                getattr(self, f"case_{parse_qs(path.query)['case'][0]}")(connection)

    def case_1(self, connection: ServerConnection) -> None:
        for message in ("", "grüße", b"", bytes(100_000)):
            connection.send(message)
            self.echoes.append(connection.recv(timeout=10))

    def case_2(self, connection: ServerConnection) -> None:
        connection.socket.close()

    def case_3(self, connection: ServerConnection) -> None:
        connection.socket.sendall(b"\x83\x00")
        with suppress(ConnectionClosed):
            connection.recv(timeout=10)
        self.codes.append(connection.close_code)


@contextmanager
def running(suite: Suite) -> Iterator[str]:
    with serve(suite.handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join(10)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLIENT, *arguments], capture_output=True, text=True, timeout=50, check=False, cwd=ROOT)


def test_it_runs_every_case_and_has_the_reports_written() -> None:
    suite = Suite()
    with running(suite) as url:
        done = run(url, "a name")
    assert (done.returncode, done.stdout, done.stderr) == (0, "polling_client: ran 3 cases\n", "")
    assert suite.asked == [
        "/getCaseCount",
        *(f"/runCase?case={number}&agent=a+name" for number in (1, 2, 3)),
        "/updateReports?agent=a+name",
    ]
    assert suite.echoes == ["", "grüße", b"", bytes(100_000)]
    assert suite.codes == [1002]
    assert all("permessage-deflate" in offer for offer in suite.extensions)


def test_a_server_that_does_not_tell_the_number_of_cases() -> None:
    for count in ("", "many"):
        with running(Suite(count)) as url:
            done = run(url, "name")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert done.stderr.startswith("polling_client: ")


def test_nobody_listens() -> None:
    done = run(f"ws://127.0.0.1:{free_port()}", "name")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "efused" in done.stderr


def test_arguments_of_no_use() -> None:
    assert run("ws://127.0.0.1:1").returncode == 2
    done = run("http://127.0.0.1", "name")
    assert (done.returncode, done.stderr) == (1, "polling_client: the scheme must be ws or wss, not 'http'\n")
