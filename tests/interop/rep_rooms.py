"""The replication game on several sides: engines and Python, in both roles.

    with seats("python", "engine", "engine") as table:  # the server first
        table.server.do("unit")
        table.agree()
        assert table.server.state()["Units/U1"]["title"] == "made U1"

An engine plays one session after the other, because an engine takes seconds to start.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from gdpeer import OK, Node, WebSocketMultiplayerPeer, str_to_var, var_to_str
from tests.support.engines import Engine, fixture
from tests.support.ports import free_port
from tests.support.rep_game import DECLARED, Forms, make_tree

PUPPET = Path(__file__).parent / "rep_godot4" / "puppet.gd"
PAUSE = 0.04
"""Seconds between the parts of a step."""
RATE = 60
"""Network frames a second, on all sides."""
PATIENCE = 10.0

State: TypeAlias = "dict[str, dict[str, Any]]"


class PythonSide:
    """A side in Python.

    Attributes:
        main: `/root/Main`.
    """

    def __init__(self, table: Table, url: str) -> None:
        settings = table.settings
        self._table = table
        self.peer = WebSocketMultiplayerPeer()
        if url:
            assert self.peer.create_client(url) is OK
        else:
            assert self.peer.create_server(0, "127.0.0.1") is OK
        self.url = url or f"ws://127.0.0.1:{self.peer.get_local_port()}"
        self.tree, self.main = make_tree(table.forms, self.peer)
        self.api = self.tree.multiplayer
        self.api.replication_rate = RATE
        self.api.server_relay = not settings.get("no-relay", False)
        self.api.max_sync_packet_size = settings.get("sync-size", 1350)
        self.api.max_delta_packet_size = settings.get("delta-size", 65_535)
        self.main.interval = settings.get("interval", 0.0)
        self.main.delta_interval = settings.get("delta-interval", 0.0)
        self._parts: Iterator[None] | None = None
        self._next = 0.0

    def begin(self, step: str) -> None:
        """Begins a step."""
        self._parts = getattr(self.main, f"step_{step}")()
        self._go_on()

    def do(self, step: str) -> None:
        """Does a step, to its end."""
        self.begin(step)
        self._table.until(lambda: self._parts is None)

    def _go_on(self) -> None:
        if self._parts is not None and next(self._parts, True):
            self._parts = None
        self._next = time.monotonic() + PAUSE

    def poll(self) -> None:
        """Polls, and does the next part of a step."""
        self.tree.poll()
        if self._parts is not None and time.monotonic() >= self._next:
            self._go_on()

    def id(self) -> int:
        return self.api.get_unique_id()

    def peers(self) -> int:
        """Returns how many other sides are known."""
        return len(self.api.get_peers())

    def state(self) -> State:
        return self.main.state()

    def heard(self, method: str) -> list[Any]:
        """Returns the arguments of all calls of a method of units."""
        return [argument for name, argument in self.main.heard if name == method]

    def spawned(self) -> list[str]:
        """Returns the names that the signal has told."""
        return self.main.spawned

    def despawned(self) -> list[str]:
        """Returns the names that the signal has told."""
        return self.main.despawned

    def script_board(self, path: str) -> None:
        """Does nothing: the class of the board is that of the form."""

    def add_scene(self, path: str, kind: type[Node]) -> None:
        """Adds a scene for Spawner."""
        assert self.tree.scenes is not None
        self.tree.scenes.register(path)(kind)
        self.main.spawner.add_spawnable_scene(path)

    def set_board(self, name: str, value: Any) -> None:
        """Sets a property of the board."""
        setattr(self.main.board, name, value)

    def set_unit(self, name: str, value: Any, unit: str = "U1") -> None:
        """Sets a property of a unit."""
        setattr(self.main.units.get_node(unit), name, value)

    @property
    def errors(self) -> list[str]:
        """What was refused."""
        return [f"{kind}: {count}" for kind, count in self.api.refused.items()]

    def leave(self) -> None:
        """Ends the session."""
        self.peer.close()
        self.tree.poll()

    give_up = leave


class Puppet:
    """An engine that plays one session after the other."""

    def __init__(self) -> None:
        self.engine: Engine = fixture("4", PUPPET)
        self._said = 0
        _all.append(self)

    def order(self, **order: Any) -> int:
        """Orders something; returns the number of the answer."""
        self._said += 1
        self.engine.say(json.dumps({**order, "number": self._said}))
        return self._said


_all: list[Puppet] = []
_idle: list[Puppet] = []


def end_engines() -> None:
    """Ends the engines of all sessions."""
    _idle.clear()
    while _all:
        with _all.pop().engine:
            pass


class EngineSide:
    """A side in an engine."""

    def __init__(self, table: Table, url: str) -> None:
        self._table = table
        self.puppet = _idle.pop() if _idle else Puppet()
        self.engine = self.puppet.engine
        self._events: list[dict[str, Any]] = []
        self._lines = len(self.engine.process.stdout)
        before = len(self.engine.stderr)
        options: dict[str, Any] = {"role": "client", "url": url}
        if not url:
            port = free_port()
            options = {"role": "server", "port": port}
            url = f"ws://127.0.0.1:{port}"
        self.url = url
        stay = {"steps": ",", "linger": 1000, "clients": 1000, "pause": PAUSE, "fps": RATE, "keep": "true"}
        self._ask(join={**stay, **options, **table.settings})
        table.until(lambda: "joins" in self.engine.stderr[before:])
        self._errors = self.engine.stderr.index("joins", before)
        if options["role"] == "server":
            table.until(lambda: self.events("listening"))

    def _ask(self, **order: Any) -> Any:
        number = self.puppet.order(**order)
        answer = self._table.until(
            lambda: next((one for one in self.events("answer") if one["number"] == number), None)
        )
        return str_to_var(answer["value"])

    def events(self, name: str) -> list[dict[str, Any]]:
        """Returns all events of a name in this session."""
        lines = self.engine.process.stdout[self._lines :]
        self._lines += len(lines)
        self._events += [json.loads(line) for line in lines if line.startswith("{")]
        return [one for one in self._events if one["event"] == name]

    def begin(self, step: str) -> None:
        """Begins a step."""
        self._ask(begin=step)

    def do(self, step: str) -> None:
        """Does a step, to its end."""
        self._ask(step=step)

    def value(self, expression: str) -> Any:
        """Returns the value of an expression in Main."""
        return self._ask(value=expression)

    def poll(self) -> None:
        """Does nothing: the engine runs by itself."""

    def id(self) -> int:
        return int(self.value("multiplayer.get_unique_id()"))

    def peers(self) -> int:
        """Returns how many other sides are known."""
        return len(self.events("peer_connected")) - len(self.events("peer_disconnected"))

    def state(self) -> State:
        return dict(self._ask(state=""))

    def heard(self, method: str) -> list[Any]:
        """Returns the arguments of all calls of a method of units."""
        return [str_to_var(one["args"])[0] for one in self.events("rpc") if one["method"] == method]

    def spawned(self) -> list[str]:
        """Returns the names that the signal has told."""
        return [one["path"].rpartition("/")[2] for one in self.events("spawned")]

    def despawned(self) -> list[str]:
        """Returns the names that the signal has told."""
        return [one["name"] for one in self.events("despawned")]

    def script_board(self, path: str) -> None:
        """Has the board take values of other types."""
        self._ask(board=path)

    def add_scene(self, path: str, kind: type[Node]) -> None:
        """Adds a scene for Spawner."""
        self._ask(scene=path)

    def set_board(self, name: str, value: Any) -> None:
        """Sets a property of the board."""
        self._ask(set="Board", to=[name, var_to_str(value)])

    def set_unit(self, name: str, value: Any, unit: str = "U1") -> None:
        """Sets a property of a unit."""
        self._ask(set=f"Units/{unit}", to=[name, var_to_str(value)])

    @property
    def errors(self) -> list[str]:
        """What the engine has printed."""
        lines = self.engine.stderr[self._errors :]
        return [" ".join(lines[at : at + 2]) for at, line in enumerate(lines) if "ERROR" in line]

    def leave(self) -> None:
        """Ends the session, and lets the engine play another."""
        # Main still runs its own steps, none, when it has just heard of the first peer.
        self._table.until(lambda: self.events("done") or not self.events("peer_connected"))
        self._ask(leave="")
        _idle.append(self.puppet)

    def give_up(self) -> None:
        """Ends the engine."""
        self.engine.kill()


Side: TypeAlias = "PythonSide | EngineSide"
_KINDS: dict[str, Callable[[Table, str], Side]] = {"python": PythonSide, "engine": EngineSide}


class Table:
    """The sides of a session.

    Attributes:
        sides: the server, then the clients in the order in which they came.
        settings: options of `rep_main.gd`.
    """

    def __init__(self, forms: Forms, settings: dict[str, Any]) -> None:
        self.forms = forms
        self.settings = settings
        self.sides: list[Side] = []

    @property
    def server(self) -> Side:
        return self.sides[0]

    @property
    def clients(self) -> list[Side]:
        return self.sides[1:]

    def join(self, kind: str) -> Side:
        """Adds a side, "python" or "engine", and waits until all know it."""
        new = _KINDS[kind](self, self.sides[0].url if self.sides else "")
        self.sides.append(new)
        self.until(self._is_complete)
        return new

    def _is_complete(self) -> bool:
        others = len(self.sides) - 1
        relays = not self.settings.get("no-relay")
        return all(one.peers() == (others if relays or one is self.server else 1) for one in self.sides)

    def leave(self, side: Side) -> None:
        """Ends the session of a side."""
        self.sides.remove(side)
        side.leave()

    def errors(self) -> list[str]:
        """Returns what the engines have printed."""
        return [error for side in self.sides if isinstance(side, EngineSide) for error in side.errors]

    def poll(self) -> None:
        for side in self.sides:
            side.poll()

    def until(self, done: Callable[[], Any]) -> Any:
        """Polls until `done` returns something true; returns that."""
        end = time.monotonic() + PATIENCE
        while not (result := done()):
            if time.monotonic() >= end:
                raise AssertionError(f"took too long: {[side.errors for side in self.sides]}")
            self.poll()
            time.sleep(0.002)
        return result

    def run(self, seconds: float) -> None:
        """Polls for a while."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end)

    def agree(self, *sides: Side, nodes: str | None = None, **expected: Any) -> State:
        """Waits until some sides, or all, have the same nodes with the same values; returns these.

        Args:
            sides: the sides.
            nodes: the names of all nodes besides Board.
            expected: values that the nodes must have, by the last name in their path: `U1={"health": 90}`.
        """
        sides = sides or tuple(self.sides)
        names = None if nodes is None else {"Board", *nodes.split()}
        end = time.monotonic() + PATIENCE
        while True:
            first, *others = (side.state() for side in sides)
            has_names = names is None or names == {path.rpartition("/")[2] for path in first}
            if all(one == first for one in others) and has_names and _has(first, expected):
                return first
            assert time.monotonic() < end, _differences(sides, [first, *others], expected)
            self.run(0.01)


def _has(state: State, expected: dict[str, Any]) -> bool:
    named = {path.rpartition("/")[2]: values for path, values in state.items()}
    return all(
        name in named and values.items() <= {key: named[name].get(key) for key in values}.items()
        for name, values in expected.items()
    )


def _differences(sides: tuple[Side, ...], states: list[State], expected: Any) -> str:
    lines = [f"no agreement on {expected}"]
    for side, state in zip(sides, states, strict=True):
        lines += [
            f"{type(side).__name__}: errors {side.errors}",
            *(f"    {path}: {state[path]}" for path in sorted(state)),
        ]
    return "\n".join(lines)


@contextmanager
def seats(*kinds: str, forms: Forms = DECLARED, errors: str = "", **settings: Any) -> Iterator[Table]:
    """A session of sides, "python" or "engine", the server first. No engine may print an error.

    Args:
        kinds: of the sides.
        forms: the classes of the sides in Python.
        errors: a pattern of the errors that engines may print.
        settings: options of `rep_main.gd`, with underscores for hyphens.

    Yields:
        The session.
    """
    table = Table(forms, {name.replace("_", "-"): value for name, value in settings.items()})
    try:
        for kind in kinds:
            table.join(kind)
        yield table
        table.run(0.05)
        found = [one for one in table.errors() if not (errors and re.search(errors, one))]
        assert not found, "\n".join(found)
        while table.sides:
            table.leave(table.sides[-1])
    finally:
        for side in table.sides:
            side.give_up()
