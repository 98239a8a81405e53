"""`gdpeer haproxy`: its options, and its loop; tests/interop/test_haproxy.py starts a HAProxy."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from click.testing import Result

from gdpeer.cli.commands import gdpeer
from gdpeer.cli.haproxy import Watching, describe, follow
from gdpeer.cluster.haproxy import Follower, Wanted
from gdpeer.cluster.records import Owner, Worker
from gdpeer.terminal.stopping import Stop
from tests.support.commands import RUNNER
from tests.unit.cluster.test_haproxy import Haproxy


def run(*arguments: str) -> Result:
    return RUNNER.invoke(gdpeer, ["haproxy", *arguments], prog_name="gdpeer")


def test_the_configuration_is_printed() -> None:
    result = run("--print", "--bind", ":443", "--admin", "/run/a.sock", "--map", "/etc/a.map")
    assert result.exit_code == 0
    assert "bind :443\n" in result.stdout
    assert "map(/etc/a.map)" in result.stdout
    assert "stats socket /run/a.sock " in result.stdout


def test_a_path_that_haproxy_cannot_read_is_an_error() -> None:
    result = run("--print", "--admin", "/run/a b")
    assert (result.exit_code, "letters, digits" in result.stderr) == (2, True)


def test_no_broker_is_an_error_that_names_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GDPEER_BROKER", raising=False)
    result = run()
    assert (result.exit_code, "--broker" in result.stderr, "GDPEER_BROKER" in result.stderr) == (2, True, True)


def test_a_wrong_url_is_an_error() -> None:
    result = run("--broker", "http://x")
    assert (result.exit_code, "redis://" in result.stderr) == (2, True)


class Stops(Stop):
    """Asks to stop after a number of looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    @property
    def requested(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def test_haproxy_gets_what_the_directory_says(capsys: pytest.CaptureFixture[str]) -> None:
    watching, haproxy = Watching("memory:", "test"), Haproxy()
    deadline = time.monotonic() + 10
    while not watching.directory.is_whole and time.monotonic() < deadline:
        watching.turn(0.05)
    directory = watching.directory
    directory.workers["w"] = Worker("w", 1, "ws://10.0.0.1:8910", "", 0, 0, 0.0, True, "1", "w", False)
    directory.owners["AA"] = Owner("w", 1, 1, 1)
    follow(watching, Follower(haproxy.ask, "/m"), Stops(2))
    assert (haproxy.servers, haproxy.map) == ({"m1": "10.0.0.1:8910 ready"}, {"AA": "m1"})
    assert capsys.readouterr().out == "HAProxy is in step: 1 of 1 machines take new players, 1 shards\n"
    watching.close()


def test_workers_whose_address_is_missing_are_named() -> None:
    line = describe(Wanted({}, {}, ("a", "b", "c", "d")))
    assert line.endswith("; without --address in gdpeer serve, so that nobody is led there: a, b, c, ...")


def test_what_the_directory_has_not_read_yet_is_not_applied() -> None:
    watching, haproxy = Watching("memory:", "test"), Haproxy()
    watching.directory.owners["AA"] = Owner("w", 1, 1, 1)
    watching.directory.is_whole = False
    watching.turn = lambda timeout: None  # type: ignore[method-assign]
    follow(watching, Follower(haproxy.ask, "/m"), Stops(3))
    assert haproxy.told == []
    watching.close()


def test_the_command_ends_with_a_signal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gdpeer.cli.haproxy.Stop", lambda: _Entered())
    result = run("--broker", "redis://127.0.0.1:1", "--map", str(tmp_path / "no.map").replace("[", "").replace("]", ""))
    assert result.exit_code == 0, result.stderr
    assert "HAProxy needs one to start" in result.stderr


class _Entered(Stops):
    def __init__(self) -> None:
        super().__init__(1)

    def __enter__(self) -> _Entered:
        return self

    def __exit__(self, *error: object) -> None:
        pass
