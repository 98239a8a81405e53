"""Replication between real engines and Python, in both roles: each step of the game ends in the same state everywhere.

The first side of a cast is the server.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest

from gdpeer import (
    Color,
    Node,
    NodePath,
    PackedInt32Array,
    PackedStringArray,
    PackedVector2Array,
    Quaternion,
    Rect2,
    ReplicationMode,
    StringName,
    Transform2D,
    Vector2,
    Vector2i,
    Vector3,
    replicated,
)
from tests.interop.rep_roam import Roam
from tests.interop.rep_rooms import EngineSide, PythonSide, Side, Table, end_engines, seats
from tests.support.rep_game import BY_HAND, DECLARED, FROM_PROJECT, Forms, Nest

pytestmark = [pytest.mark.engine, pytest.mark.timeout(60)]

Cast: TypeAlias = "tuple[str, ...]"

HOSTS = ("python", "engine", "engine")
JOINS = ("engine", "python", "engine")
BOT = ("python", "python", "engine", "engine")
FORMS = {"declared": DECLARED, "by_hand": BY_HAND, "project": FROM_PROJECT}
UNKNOWN_PATH = r'Node not found: "Main/|Parameter "node" is null'
"""A side tells the path of a synchronizer that the others do not have."""
TOO_LATE = r"Node not found: \"Main/Units/\d+/Input|Failed to get cached node|Ignoring sync data|Ignoring delta"
"""A client sends until it hears that it has to end. Python as server passes on nothing of a node that has gone."""

casts = {"python_hosts": HOSTS, "python_joins": JOINS, "bot": BOT}


def each_cast(*names: str, forms: tuple[str, ...] = ("declared", "by_hand", "project")) -> pytest.MarkDecorator:
    """Runs a test with each of some casts, and each form; `make test` takes each cast with one form."""
    cases = []
    for index, name in enumerate(names):
        for form in forms:
            is_repeated = form != forms[index % len(forms)]
            marks = (pytest.mark.extended,) if is_repeated else ()
            cases.append(pytest.param(casts[name], FORMS[form], id=f"{name}-{form}", marks=marks))
    return pytest.mark.parametrize(("cast", "forms"), cases)


@pytest.fixture(scope="module", autouse=True)
def engines() -> Iterator[None]:
    yield
    end_engines()


def do(table: Table, *steps: str, sides: list[Side] | None = None) -> None:
    """Does steps of the server; after each, all sides must agree, or some."""
    for step in steps:
        table.server.do(step)
        table.agree(*(sides or ()))


@each_cast("python_hosts", "python_joins", "bot")
def test_nodes_and_properties_follow(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms) as table:
        do(table, "board")
        table.agree(Board={"score": 3, "clock": 1000, "notes": {"a": 1, "b": 2}})
        do(table, "unit", "custom", "move", "turn", "hurt", "bag")
        unit = {"position": Vector2(10, 20), "rotation": 0.5, "health": 80, "items": ["sword"], "title": "made U1"}
        table.agree(nodes="U1 EggA Egg", U1=unit, EggA={"size": 2.5}, Egg={"color": Color(1, 1, 1)})
        table.server.do("rpc")
        table.until(lambda: all(one.heard("hello") == ["to all that see me"] for one in table.clients))
        table.server.do("despawn")
        table.agree(nodes="EggA Egg")
        for client in table.clients:
            assert client.spawned() == ["U1", "EggA", "Egg"]
            assert client.despawned() == ["U1"]


@each_cast("python_joins", "python_hosts")
def test_a_late_joiner_gets_all(cast: Cast, forms: Forms) -> None:
    with seats(*cast[:2], forms=forms) as table:
        do(table, "board", "unit", "move", "hurt", "custom")
        table.join("engine")
        table.agree(nodes="U1 EggA Egg", U1={"position": Vector2(10, 20), "health": 90})
        do(table, "bag")
        table.join("python")
        table.agree(nodes="U1 EggA Egg", U1={"health": 80, "items": ["sword"]})
        do(table, "turn", "despawn", "clear")
        table.agree(nodes="")


@each_cast("python_hosts", "python_joins", "bot")
def test_hidden_nodes(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms) as table:
        first, *others = table.clients
        do(table, "unit")
        table.server.do("hide")  # from all
        table.agree(*table.clients, nodes="")
        table.server.do("rpc")
        table.server.do("show")
        table.agree(table.server, first, U1={"health": 70})
        table.agree(*others, nodes="")
        table.server.do("rpc")
        table.until(lambda: first.heard("hello"))
        do(table, "hurt", "turn", sides=[table.server, first])
        table.server.do("filter")  # the other way round
        table.agree(table.server, *others, U1={"health": 90})
        table.agree(first, nodes="")
        table.server.do("rpc")
        table.until(lambda: all(one.heard("hello") for one in others))
        do(table, "bag", sides=[table.server, *others])
        assert len(first.heard("hello")) == 1
        table.server.do("despawn")
        table.agree(nodes="")
        assert first.despawned() == ["U1", "U1"]


AIMED = {"aim": 1.5, "motion": Vector2(0, 4)}


def owners(*clients: Side) -> dict[str, Any]:
    """Returns what units of clients must have that have aimed."""
    return {str(client.id()): AIMED for client in clients}


@each_cast("python_joins", "python_hosts", "bot")
def test_players_own_their_input(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms, errors=TOO_LATE if cast[0] == "engine" else "") as table:
        do(table, "player")
        expected = owners(*table.clients)
        for client in table.clients:
            client.do("aim")
        table.agree(**expected)
        for kind in ("engine", "python"):
            table.join(kind)
            table.agree(**expected)
        table.leave(table.clients[0])
        table.agree(**expected)
        table.server.do("clear")
        table.agree(nodes="")


@each_cast("python_hosts", "python_joins", "bot")
def test_a_private_node_that_is_revealed(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms, errors=UNKNOWN_PATH if cast[0] == "engine" else "") as table:
        owner, *others = table.clients
        table.server.do("private")
        owner.do("aim")
        table.agree(table.server, owner, **owners(owner))
        table.agree(*others, nodes="")
        table.server.do("reveal")
        if isinstance(table.server, PythonSide):
            table.agree(**owners(owner))
        else:  # an engine does not tell another engine the path again
            table.until(lambda: all(one.spawned() for one in others))


@each_cast("python_hosts", "bot")
def test_a_players_node_that_is_hidden_for_a_while(cast: Cast, forms: Forms) -> None:
    """The owner does not hear of it: the server gives the owner's values to the client that sees the node again."""
    with seats(*cast, forms=forms) as table:
        do(table, "player")
        owner, other = table.clients[0], table.clients[1]
        owner.do("aim")
        table.agree(**owners(owner))
        assert isinstance(table.server, PythonSide)
        sync: Any = table.server.main.units.get_node(f"{owner.id()}/Sync")
        sync.set_visibility_for(owner.id(), True)
        for _ in range(2):
            sync.public_visibility = False
            table.until(lambda: f"Units/{owner.id()}" not in other.state())
            sync.public_visibility = True
            table.agree(**owners(owner))


@each_cast("python_hosts", "python_joins", "bot")
def test_handing_over_and_back(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms, errors=TOO_LATE) as table:
        do(table, "unit", "hurt", "handover")
        table.clients[0].set_unit("health", 55)
        table.clients[0].set_unit("position", Vector2(5, 5))
        table.agree(U1={"health": 55, "position": Vector2(5, 5)})
        do(table, "takeback", "move", "bag")
        table.agree(U1={"health": 80, "position": Vector2(10, 20)})
        if isinstance(table.server, PythonSide):  # an engine tells a late joiner the values in a wrong order
            for kind in ("engine", "python"):
                table.join(kind)
                table.agree(U1={"health": 80, "position": Vector2(10, 20), "title": "made U1"})
            do(table, "turn", "hurt")


@each_cast("python_joins", "python_hosts", "bot")
def test_a_nest_with_an_egg(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms) as table:
        do(table, "nest")
        table.agree(nodes="Nest Egg", Egg={"color": Color(1, 0, 0)})
        for kind in ("engine", "python"):
            table.join(kind)
            table.agree(nodes="Nest Egg", Egg={"color": Color(1, 0, 0)})
        table.server.do("clear")
        table.agree(nodes="")


class Den(Nest):
    """A nest that can be hidden."""

    process_priority = replicated(0, mode=ReplicationMode.ON_CHANGE)
    synchronizer_name = "Sync"


@each_cast("python_hosts", "bot", forms=("declared", "by_hand"))
def test_nodes_below_a_hidden_node(cast: Cast, forms: Forms) -> None:
    """An engine as server would not show the egg again, and would report it when it goes."""
    with seats(*cast, forms=forms) as table:
        for side in table.sides:
            side.add_scene("here://den.tscn", Den)
        assert isinstance(table.server, PythonSide)
        main, first, others = table.server.main, table.clients[0], table.clients[1:]
        den = Den("Den")
        main.units.add_child(den)
        sync: Any = den.get_node("Sync")
        table.agree(nodes="Den Egg")
        sync.public_visibility = False
        table.agree(*table.clients, nodes="")
        sync.set_visibility_for(main.others[0], True)
        table.agree(table.server, first, nodes="Den Egg", Egg={"color": Color(1, 0, 0)})
        den.get_node("Eggs/Egg").color = Color(0, 1, 0)  # type: ignore[attr-defined]
        table.agree(table.server, first, Egg={"color": Color(0, 1, 0)})
        den.get_node("Eggs/Egg").free()
        table.agree(table.server, first, nodes="Den")
        table.agree(*others, nodes="")
        sync.public_visibility = True
        table.agree(nodes="Den")
        den.get_node("Eggs").add_child(forms.egg("Egg"))
        table.agree(nodes="Den Egg")
        den.free()
        table.agree(nodes="")


@each_cast("python_hosts", "python_joins", "bot")
def test_a_client_spawns(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms) as table:
        owner = table.clients[0]
        table.server.do("shots")
        owner.do("shoot")
        table.agree(nodes="Shot", Shot={"color": Color(0, 0, 1)})
        table.leave(owner)
        table.agree(nodes="")


@each_cast("python_hosts", "bot")
def test_what_engines_do_wrong(cast: Cast, forms: Forms) -> None:
    """A node that comes back, a call in `_ready`, nodes that were added in another order than they were made in."""
    with seats(*cast, forms=forms, errors=UNKNOWN_PATH) as table:
        do(table, "unit", "hurt")
        table.server.do("reparent")
        table.agree(nodes="U1", U1={"health": 90})
        do(table, "move", "bag")
        for client in table.clients:
            assert client.spawned() == ["U1", "U1"]
        table.server.do("early")
        table.until(lambda: all(one.heard("hello") == ["too soon"] for one in table.clients))
        do(table, "order")
        for kind in ("engine", "python"):
            late = table.join(kind)
            table.agree(U1={"health": 80})
            assert late.spawned() == ["U1", "Early", "MadeSecond", "MadeFirst"]


@each_cast("python_joins")
def test_an_engine_that_does_these_wrong(cast: Cast, forms: Forms) -> None:
    with seats(*cast[:2], forms=forms) as table:
        table.server.do("early")
        table.until(lambda: table.clients[0].heard("hello") == ["too soon"])
        do(table, "order", "unit", "hurt")
        table.join("python")
        table.agree(nodes="Early MadeFirst MadeSecond U1")


@each_cast("python_hosts", "python_joins")
def test_intervals(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms, interval=0.2, delta_interval=0.3) as table:
        do(table, "unit", "move", "hurt", "bag", "turn")


@each_cast("python_joins", "python_hosts")
def test_small_packets(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms, sync_size=128, delta_size=128) as table:
        do(table, "player", "unit", "order", "move", "hurt", "board")


@each_cast("python_hosts", "python_joins", forms=("declared",))
def test_values_of_the_size_of_a_packet(cast: Cast, forms: Forms) -> None:
    """An engine sends an empty packet before the second value; the third is too large to be sent."""
    errors = "Invalid sync packet|Node states bigger than MTU" if cast[0] == "engine" else ""
    with seats(*cast, forms=forms, errors=errors) as table:
        for side in table.sides:
            side.script_board("res://rep_loose.gd")
        for size in (1328, 1332, 1344, 1):
            table.server.set_board("clock", "x" * size)
            if size == 1344:
                table.run(0.1)
            else:
                table.agree(Board={"clock": "x" * size})


VALUES = (
    None,
    True,
    -(2**40),
    1.5,
    "text",
    StringName("name"),
    NodePath("Main/Units:x"),
    Vector2i(1, 2),
    Rect2(1, 2, 3, 4),
    Vector3(1, 2, 3),
    Transform2D.IDENTITY,
    Quaternion(0, 0, 0, 1),
    Color(0.5, 0.25, 1, 0),
    [1, "two", [3.5, None]],
    {"a": {1: [Vector2(1, 2)]}, Vector2i(1, 1): b"bytes"},
    b"\x00\x01\xff",
    PackedInt32Array([1, -2]),
    PackedStringArray(["a", "b"]),
    PackedVector2Array([Vector2(1, 2)]),
)


@each_cast("python_hosts", "python_joins", forms=("declared",))
def test_values_of_all_kinds(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms) as table:
        for side in table.sides:
            side.script_board("res://rep_loose.gd")
        for value in VALUES:
            table.server.set_board("clock", value)
            table.agree(Board={"clock": value})


SAME: tuple[tuple[Any, Any], ...] = (
    (0.0, -0.0),
    (math.nan, math.nan),
    (Vector2(0, 1), Vector2(-0.0, 1)),
    ([0.0, [0.0]], [-0.0, [-0.0]]),
    ({"a": 0.0, "b": 1}, {"b": 1, "a": -0.0}),
    ({"a": 1}, {StringName("a"): 1}),
    (PackedVector2Array([Vector2(0, 1)]), PackedVector2Array([Vector2(-0.0, 1)])),
)
OTHER: tuple[tuple[Any, Any], ...] = (
    (0, 0.0),
    ("a", StringName("a")),
    ([1], [1.0]),
    ({1: 1}, {1.0: 1}),
    ({"a": 1}, {"a": 1.0}),
)


class LooseBoard(Node):
    synchronizer_name = "Sync"
    score: Any = replicated(0, mode=ReplicationMode.ON_CHANGE)
    clock: Any = replicated(0)
    notes: Any = replicated({}, mode=ReplicationMode.ON_CHANGE)


@each_cast("python_joins", "python_hosts", forms=("declared",))
def test_what_counts_as_a_change(cast: Cast, forms: Forms) -> None:
    """Both sides send a value of the mode ON_CHANGE, or do not, in the same cases."""
    with seats(cast[0], "python", forms=forms._replace(board=LooseBoard)) as table:
        for side in table.sides:
            side.script_board("res://rep_loose.gd")
        client = table.clients[0]
        assert isinstance(client, PythonSide)
        received: list[None] = []
        client.main.board.get_node("Sync").delta_synchronized.connect(lambda: received.append(None))
        for pairs, count in ((SAME, 1), (OTHER, 2)):
            for before, after in pairs:
                table.server.set_board("score", None)
                table.run(0.1)
                received.clear()
                table.server.set_board("score", before)
                table.run(0.1)
                table.server.set_board("score", after)
                table.run(0.1)
                assert len(received) == count, (before, after)


@pytest.mark.extended
@each_cast("python_hosts", forms=("declared",))
def test_a_spawner_that_comes_late(cast: Cast, forms: Forms) -> None:
    """An engine as server would not tell its path again."""
    with seats(*cast[:2], forms=forms, errors="Node not found|is null|not found in cache|Ignoring delta") as table:
        client = table.clients[0]
        assert isinstance(client, EngineSide)
        client.value("get_node('Spawner').reparent(get_node('/root'))")
        table.server.do("unit")
        table.server.do("hurt")
        table.run(0.5)
        assert client.spawned() == []
        client.value("get_node('/root/Spawner').reparent(get_node('.'))")
        table.agree(nodes="U1", U1={"health": 90})
        do(table, "move", "bag", "despawn")


class TypedBoard(Node):
    synchronizer_name = "Sync"
    score: list[int] = replicated([], mode=ReplicationMode.ON_CHANGE)
    clock: dict[str, int] = replicated({})
    notes: list[Vector2] = replicated([], mode=ReplicationMode.ON_CHANGE)


@each_cast("python_hosts", "python_joins", forms=("declared",))
def test_typed_arrays_and_dictionaries(cast: Cast, forms: Forms) -> None:
    """An engine drops an untyped array for a typed one."""
    with seats(*cast, forms=forms._replace(board=TypedBoard)) as table:
        for side in table.sides:
            side.script_board("here://typed_board.gd")
        server = table.server
        if isinstance(server, PythonSide):
            server.main.board.score.append(3)
            server.main.board.clock["a"] = 4
            server.main.board.notes.append(Vector2(5, 6))
        else:
            server.value("get_node('Board').score.append(3)")
            server.value("get_node('Board').clock.set('a', 4)")
            server.value("get_node('Board').notes.append(Vector2(5, 6))")
        table.agree(Board={"score": [3], "clock": {"a": 4}, "notes": [Vector2(5, 6)]})


@each_cast("python_hosts")
def test_the_spawner_in_other_hands(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms) as table:
        do(table, "unit")
        table.server.do("lose")
        table.agree(nodes="")
        do(table, "order")
        table.agree(nodes="MadeFirst MadeSecond")


@each_cast("python_joins", "python_hosts")
def test_a_client_that_takes_what_it_was_not_given(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms, errors="Ignoring sync data|Ignoring delta") as table:
        do(table, "unit", "move", "hurt")
        thief, other = table.clients
        thief.do("steal")
        table.run(0.2)
        table.agree(table.server, other, U1={"position": Vector2(10, 20), "health": 90})
        do(table, "bag", sides=[table.server, other])


@each_cast("python_hosts", "python_joins")
def test_calls_of_clients(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms) as table:
        do(table, "unit")
        for client in table.clients:
            client.do("reply")
        table.until(lambda: table.server.heard("hit") == [7, 7])


@each_cast("python_joins", "python_hosts")
def test_a_client_that_is_sent_away(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms) as table:
        do(table, "unit", "custom")
        away, *others = table.clients
        table.server.do("kick")
        table.agree(away, nodes="")
        do(table, "hurt", sides=[table.server, *others])


@each_cast("python_hosts", "python_joins")
def test_without_relay_only_the_server_hears_a_client(cast: Cast, forms: Forms) -> None:
    with seats(*cast, forms=forms, errors=TOO_LATE if cast[0] == "engine" else "", no_relay="true") as table:
        do(table, "player")
        first, second = table.clients
        for client in table.clients:
            client.do("aim")
        table.agree(table.server, **owners(first, second))
        assert first.state()[f"Units/{second.id()}"]["aim"] == 0.0
        table.server.do("clear")
        table.agree(nodes="")


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.extended) for seed in range(2, 12))])
def test_any_order_of_events(seed: int) -> None:
    with seats("python", "engine", "python", "engine", forms=tuple(FORMS.values())[seed % 3]) as table:
        Roam(table, seed).go(80)


@pytest.mark.extended
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_an_engine_that_stands_still_for_seconds() -> None:
    """More than its connection holds is sent meanwhile: values that are replaced are left out, nothing else."""
    with seats("python", "engine", "engine") as table:
        server, still = table.server, table.clients[0]
        assert isinstance(server, PythonSide)
        assert isinstance(still, EngineSide)
        do(table, "unit")
        process = still.engine.process.popen
        process.send_signal(signal.SIGSTOP)
        try:
            for number in range(300):
                server.main.unit.health = number
                server.main.unit.position = Vector2(number, 0)
                server.main.board.notes = {"number": number, "text": "x" * 60_000}
                if number % 10 == 0:
                    server.main.units.add_child(server.main.new_unit(f"N{number}"))
                if number % 20 == 0:
                    server.main.units.get_node(f"N{number}").free()
                table.run(0.02)
            assert server.api.waiting(server.main.others[0])
        finally:
            process.send_signal(signal.SIGCONT)
        table.agree(U1={"health": 299})
