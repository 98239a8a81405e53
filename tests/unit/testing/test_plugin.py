"""`gdpeer.testing.plugin`: the fixtures, and what they cost a test suite that does not use them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import AssertionRewriter

import gdpeer
from gdpeer import Node, SceneTree, WebSocketPeer, rpc
from gdpeer.multiplayer.local_peers import OfflineMultiplayerPeer
from gdpeer.rooms import Room
from gdpeer.testing import ErrorLog, Godot, LocalServer, ManualClock, MemoryGame, MemoryHall

pytest_plugins = ["pytester"]


class Main(Node):
    @rpc("any_peer")
    def greet(self, name: str) -> None:
        if not name:
            raise ValueError("no name")
        self.welcome.rpc(f"hello {name}")

    @rpc("authority")
    def welcome(self, text: str) -> None: ...


def run_inside(pytester: pytest.Pytester, body: str, *fixtures: str) -> pytest.RunResult:
    """Runs a test with these fixtures and this body."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    pytester.makepyfile(
        "import logging, gdpeer\nclass Main(gdpeer.Node):\n    def _exit_tree(self): raise ValueError('torn down')\n"
        f"def test_it({', '.join(fixtures)}):\n{lines}"
    )
    words = ["-p", "no:gdpeer", "-p", "gdpeer.testing.plugin", "-p", "no:cacheprovider"]
    return pytester.runpytest_inprocess(*words)


def test_a_tree_without_a_network_has_the_clock_of_the_test(gdpeer_tree: SceneTree, gdpeer_clock: ManualClock) -> None:
    api = gdpeer_tree.multiplayer
    assert isinstance(api.multiplayer_peer, OfflineMultiplayerPeer)
    assert (api.is_server(), api.get_unique_id()) == (True, 1)
    assert gdpeer_clock.now() == 0


def test_a_game_has_the_tree_and_the_clock_of_the_other_fixtures(
    gdpeer_game: MemoryGame, gdpeer_tree: SceneTree, gdpeer_clock: ManualClock
) -> None:
    assert (gdpeer_game.tree, gdpeer_game.clock) == (gdpeer_tree, gdpeer_clock)
    gdpeer_tree.root.add_child(Main())
    ann = gdpeer_game.join()
    ann.call("Main", "greet", "Ann")
    gdpeer_game.run()
    assert ann.calls_of("welcome") == [("hello Ann",)]


def test_halls_have_the_clock_and_are_closed(gdpeer_hall: Callable[..., MemoryHall], gdpeer_clock: ManualClock) -> None:
    class Arena(Room):
        kind = "arena"

    hall = gdpeer_hall([Arena])
    assert hall.clock is gdpeer_clock
    assert hall.join(hall.create("arena")).is_connected


def test_a_server_on_a_port_that_a_client_finds(gdpeer_server: LocalServer) -> None:
    client = WebSocketPeer()
    client.connect_to_url(gdpeer_server.url)

    def is_open() -> bool:
        client.poll()
        return client.get_ready_state() is WebSocketPeer.State.OPEN

    gdpeer_server.run_until(is_open)
    client.close()


def test_a_test_takes_the_errors_that_it_expects(gdpeer_game: MemoryGame, gdpeer_errors: ErrorLog) -> None:
    gdpeer_game.tree.root.add_child(Main())
    gdpeer_game.join().call("Main", "greet", "")
    gdpeer_game.run()
    (error,) = gdpeer_errors.take()
    assert "ValueError: no name" in error
    assert gdpeer_errors.lines == []


@pytest.mark.parametrize(
    ("body", "fixture", "found"),
    [
        ("logging.getLogger('gdpeer.x').error('%s broke', 7)", "gdpeer_errors", "*7 broke*"),
        ("gdpeer_tree.root.add_child(Main())", "gdpeer_tree", "*ValueError: torn down*"),
        ("gdpeer_server.tree.root.add_child(Main())", "gdpeer_server", "*ValueError: torn down*"),
    ],
)
def test_errors_that_nobody_took_fail_the_test(pytester: pytest.Pytester, body: str, fixture: str, found: str) -> None:
    result = run_inside(pytester, body, fixture)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*AssertionError: the game logged errors*", found])


def test_without_an_engine_the_test_is_skipped(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GODOT", "/nowhere/godot")
    result = run_inside(pytester, "raise AssertionError", "gdpeer_godot")
    result.assert_outcomes(skipped=1)


def test_the_engine_s_errors_fail_the_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = pytester.path / "engine"
    engine.write_text("#!/bin/sh\necho 'ERROR: torn' >&2\n")
    engine.chmod(0o755)
    monkeypatch.setenv("GODOT", str(engine))
    result = run_inside(pytester, "gdpeer_godot.run('.')", "gdpeer_godot")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*Godot: ERROR: torn*"])


def test_the_plugin_imports_no_module_of_the_library() -> None:
    code = "import gdpeer.testing.plugin, sys; print(sorted(name for name in sys.modules if name.startswith('gdpeer')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(
        ["gdpeer", "gdpeer._version", "gdpeer.lazy_names", "gdpeer.testing", "gdpeer.testing.plugin"]
    )


def test_a_program_that_imports_gdpeer_may_run_pytest() -> None:
    assert AssertionRewriter.is_rewrite_disabled(str(gdpeer.__doc__))  # else pytest warns of the imported module


def test_the_fixture_of_the_engine_is_an_engine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tmp_path / "godot"
    engine.write_text("#!/bin/sh\necho $*\n")
    engine.chmod(0o755)
    monkeypatch.delenv("GODOT", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    godot = request.getfixturevalue("gdpeer_godot")
    assert isinstance(godot, Godot)
    assert godot.run("project", "a", "b", options=("c",)).output == "--headless --path project c -- a b\n"
