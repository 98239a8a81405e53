"""The fixtures of gdpeer for pytest. All names begin with `gdpeer_`, because a test suite has one space of names.

    def test_a_greeting_is_answered(gdpeer_game):
        gdpeer_game.tree.root.add_child(Main())
        ann = gdpeer_game.join()
        ann.call("Main", "greet", "Ann")
        gdpeer_game.run()
        assert ann.calls_of("welcome") == [("Ann",)]

pytest loads this module at the start of every test run where gdpeer is installed. So the fixtures import what they need
when a test uses them: a project that does not use them must not wait for their modules.

Layer: `testing`; the only module that imports pytest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from gdpeer.clock import ManualClock
    from gdpeer.multiplayer.tree import SceneTree
    from gdpeer.testing import ErrorLog, Godot, LocalServer, MemoryGame, MemoryHall

__all__ = [
    "gdpeer_clock",
    "gdpeer_errors",
    "gdpeer_game",
    "gdpeer_godot",
    "gdpeer_hall",
    "gdpeer_server",
    "gdpeer_tree",
]

NO_ENGINE = "no Godot engine: set the variable GODOT to its path, or put godot into PATH"


@pytest.fixture
def gdpeer_errors() -> Iterator[ErrorLog]:
    """The errors that gdpeer has logged in this test. The test fails at its end if errors are left.

    All other fixtures that run a game use this fixture. A test that expects errors calls `gdpeer_errors.take()`.
    """
    from gdpeer.testing import ErrorLog

    with ErrorLog() as errors:
        yield errors
    errors.check()


@pytest.fixture
def gdpeer_clock() -> ManualClock:
    """The clock of all other fixtures except `gdpeer_server`. It stands still until the test calls `advance`."""
    from gdpeer.clock import ManualClock

    return ManualClock()


@pytest.fixture
def gdpeer_tree(gdpeer_clock: ManualClock, gdpeer_errors: ErrorLog) -> Iterator[SceneTree]:
    """A tree without a network: this side is the server, with the id 1. The nodes leave the tree at the end."""
    from gdpeer.multiplayer.godot4.scene import SceneMultiplayer
    from gdpeer.multiplayer.tree import SceneTree

    tree = SceneTree(SceneMultiplayer(clock=gdpeer_clock))
    yield tree
    _empty(tree)


@pytest.fixture
def gdpeer_game(gdpeer_tree: SceneTree, gdpeer_clock: ManualClock) -> Iterator[MemoryGame]:
    """A server in memory with the tree of `gdpeer_tree`, which players join by `gdpeer_game.join()`."""
    from gdpeer.testing import MemoryGame

    with MemoryGame(gdpeer_tree, gdpeer_clock) as game:
        yield game


@pytest.fixture
def gdpeer_hall(gdpeer_clock: ManualClock, gdpeer_errors: ErrorLog) -> Iterator[Callable[..., MemoryHall]]:
    """A function with the arguments of `MemoryHall`, which makes halls in memory and closes them at the end."""
    from contextlib import ExitStack

    from gdpeer.testing import MemoryHall

    with ExitStack() as halls:
        yield lambda kinds, **settings: halls.enter_context(MemoryHall(kinds, **{"clock": gdpeer_clock, **settings}))


@pytest.fixture
def gdpeer_server(gdpeer_errors: ErrorLog) -> Iterator[LocalServer]:
    """A server on a free port of 127.0.0.1, for real clients. It uses the machine's clock."""
    from gdpeer.testing import LocalServer

    with LocalServer() as server:
        yield server
    _empty(server.tree)


@pytest.fixture
def gdpeer_godot(gdpeer_errors: ErrorLog, tmp_path: Path) -> Iterator[Godot]:
    """A real Godot 4: the program in the variable GODOT, or `godot` in PATH. Without an engine the test is skipped.

    Errors that the engine prints, also those of `push_error`, are in `gdpeer_errors`, and so fail the test.
    """
    from gdpeer.testing.engine import Godot, find_godot

    program = find_godot()
    if program is None:
        pytest.skip(NO_ENGINE)
    with Godot(program, tmp_path, gdpeer_errors) as godot:
        yield godot


def _empty(tree: SceneTree) -> None:
    """Takes all nodes out of a tree, so that the errors of their `_exit_tree` count."""
    for node in tree.root.get_children():
        node.free()
