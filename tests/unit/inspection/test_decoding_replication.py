"""Packets of spawners and synchronizers in words: an engine's sessions, with and without the names of a project."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from gdpeer import Vector2
from gdpeer.inspection import decoding_replication as module
from gdpeer.inspection.decoded import Allowance, Decoded
from gdpeer.inspection.decoding import Decoder
from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.rows import Filter, Row
from gdpeer.inspection.scene_names import SceneNames, SceneTable, Spawner, Synchronizer, chosen
from gdpeer.multiplayer.wire import godot4
from gdpeer.multiplayer.wire.replication import SCENE_CUSTOM, Delta, Despawn, Spawn, Sync, encode_values
from tests.support.missing import ROOT

RECORDING = ROOT / "tests" / "golden" / "replication_godot4.jsonl"
ENTRIES = [json.loads(line) for line in RECORDING.read_text("utf-8").splitlines()]
UP, DOWN = Direction.TO_SERVER, Direction.TO_CLIENT
ME, OTHER = 1234, 5678
NO_METHODS = "d41d8cd98f00b204e9800998ecf8427e"

UNIT = "res://unit.tscn"
STATE = Synchronizer(
    "Sync", ("position", "Turret:rotation", "health", "title"), ("position", "Turret:rotation"), ("health", "items")
)
INPUT = Synchronizer("Input", ("motion:y",), ("motion:y",), ("speed",))
BOARD = Synchronizer("Board/Sync", ("clock", "score"), ("clock",), ("score", "notes"))
UNIT_TABLE = SceneTable(UNIT, "Unit", {"Sync": STATE, "Input": INPUT}, (STATE, INPUT), {})
MAIN_TABLE = SceneTable(
    "res://main.tscn", "Main", {"Board/Sync": BOARD}, (), {"Spawner": Spawner("Units", (UNIT, "res://nest.tscn"))}
)
NEST_TABLE = SceneTable("res://nest.tscn", "Nest", {}, (), {"Spawner": Spawner(".", ("res://egg.tscn",))})
NAMES = MethodNames((), SceneNames([UNIT_TABLE, MAIN_TABLE, NEST_TABLE]))


def session(name: str, names: MethodNames = MethodNames()) -> list[Decoded]:  # noqa: B008 - never changed
    """A recorded session, decoded."""
    decoders: dict[int, Decoder] = {}
    found = []
    for entry in ENTRIES:
        if entry["session"] == name and entry["op"] == 2:
            decoder = decoders.setdefault(entry["conn"], Decoder("auto", names))
            found.append(
                decoder.decode(UP if entry["dir"] == "c2s" else DOWN, Message(bytes.fromhex(entry["hex"]), False))
            )
    return found


SESSIONS = sorted({entry["session"] for entry in ENTRIES})


def said(name: str, names: MethodNames = MethodNames(), *commands: str) -> list[str]:  # noqa: B008 - never changed
    wanted = commands or ("spawn", "despawn", "sync", "delta")
    return [decoded.summary() for decoded in session(name, names) if decoded.command in wanted]


# --- sessions of an engine


@pytest.mark.parametrize("names", [MethodNames(), NAMES], ids=["bare", "named"])
@pytest.mark.parametrize("name", SESSIONS)
def test_each_packet_of_an_engine_is_decoded(name: str, names: MethodNames) -> None:
    # In the session "big" an engine sends a SYNC without elements, of which the other one complains too.
    problems = [decoded.problem for decoded in session(name, names) if decoded.problem]
    assert problems == (["the packet is shorter than 11 bytes"] if name == "big" else [])
    states = [state for decoded in session(name, names) for state in decoded.states]
    assert [state for state in states if state.values is None] == []
    assert [state.name for state in states if "node " in state.name] == []


def test_packets_without_a_project_have_values_and_the_names_that_the_packets_tell() -> None:
    lines = said("basics")
    assert lines[:2] == ["Main/Board/Sync(0)", "Main/Board/Sync(#0 = 0, #1 = {})"]
    assert 'Main/Spawner scene 0, net id 1, synchronizers 2 3: …/U1(Vector2(1, 2), 0.0, 100, "made U1", 0.0)' in lines
    assert "Main/Board/Sync(1000), …/U1 net id 2(Vector2(1, 2), 0.0), …/U1 net id 3(0.0)" in lines
    assert '…/U1 net id 2(#0 = 80, #1 = ["sword"])' in lines
    assert "Main/Spawner spawn(7), net id 6, synchronizers 7: …/Egg(Color(1, 1, 1, 1))" in lines
    assert "…/U1 net id 1" in lines


def test_a_project_adds_paths_and_the_names_of_scenes_and_properties() -> None:
    lines = said("basics", NAMES)
    assert lines[:2] == ["Main/Board/Sync(clock = 0)", "Main/Board/Sync(score = 0, notes = {})"]
    assert (
        "Main/Spawner res://unit.tscn, net id 1, synchronizers 2 3: Main/Units/U1(position = Vector2(1, 2), "
        'Turret:rotation = 0.0, health = 100, title = "made U1", motion:y = 0.0)' in lines
    )
    assert (
        "Main/Board/Sync(clock = 1000), Main/Units/U1/Sync(position = Vector2(10, 20), Turret:rotation = 0.5), "
        "Main/Units/U1/Input(motion:y = 0.0)" in lines
    )
    assert 'Main/Units/U1/Sync(health = 80, items = ["sword"])' in lines
    assert "Main/Units/U1 net id 1" in lines


def test_synchronizers_of_another_owner_are_left_out_of_a_spawn() -> None:
    lines = said("players", NAMES, "spawn", "sync")
    assert any('title = "made 1735868288")' in line and "motion" not in line for line in lines)
    assert "Main/Units/1735868288/Input(motion:y = 1.5)" in lines


def test_a_spawn_with_a_synchronizer_that_changed_hands_has_no_names_as_its_order_is_not_known() -> None:
    lines = said("handover_late", NAMES)
    assert (
        "Main/Spawner res://unit.tscn, net id 1, synchronizers 3 node 4: "
        'Main/Units/U1(0.0, Vector2(1, 2), 0.0, 100, "made U1")' in lines
    )
    assert "Main/Units/U1/Sync(health = 90)" in lines


def test_a_spawner_within_a_spawned_node_is_found_in_its_scene() -> None:
    lines = said("nest", NAMES, "spawn", "despawn")
    assert lines[:2] == [
        "Main/Spawner res://nest.tscn, net id 1: Main/Units/Nest()",
        "Main/Units/Nest/Spawner res://egg.tscn, net id 2, synchronizers 3: Main/Units/Nest/Egg(Color(1, 0, 0, 1))",
    ]
    assert "Main/Units/Nest/Egg net id 2" in lines


def test_relayed_packets_are_decoded_too() -> None:
    relayed = [decoded for decoded in session("shots", NAMES) if decoded.is_relayed]
    said = [(one.command, one.summary()) for one in relayed if one.command in ("spawn", "delta", "despawn")]
    spawned = "Main/ShotSpawner scene 0, net id 1, synchronizers 2: …/Shot(Color(1, 1, 1, 1))"
    assert said.count(("spawn", spawned)) == said.count(("despawn", "…/Shot net id 1")) == 2
    assert ("delta", "…/Shot net id 2(#0 = Color(0, 0, 1, 1))") in said


# --- one packet after the other


class Session:
    """A decoder of a client that has its id and knows the spawner."""

    def __init__(self, names: MethodNames = NAMES) -> None:
        self.decoder = Decoder("auto", names)
        self.says(struct.pack("<i", ME))
        self.says(godot4.SimplifyPath(NO_METHODS, 1, "Main/Spawner").encode())

    def says(self, data: bytes, direction: Direction = DOWN) -> Decoded:
        return self.decoder.decode(direction, Message(data, False))


def spawn(net_id: int = 1, sync_ids: tuple[int, ...] = (2, 3), name: str = "U1", scene: int = 0) -> bytes:
    state = encode_values([Vector2(1, 2), 0.0, 100, "t", 0.0])
    return Spawn(scene, 1, net_id, sync_ids, name, None, state).encode()


def test_a_node_without_methods_is_told_as_such() -> None:
    assert (
        Session().says(godot4.SimplifyPath(NO_METHODS, 2, "Main/Board/Sync").encode()).detail == "is node 2, no methods"
    )


def test_numbers_are_forgotten_with_the_node() -> None:
    here = Session()
    here.says(spawn())
    sync = Sync(1, ((3, encode_values([0.5])),)).encode()
    assert here.says(sync).summary() == "Main/Units/U1/Input(motion:y = 0.5)"
    assert here.says(Despawn(1).encode()).summary() == "Main/Units/U1 net id 1"
    assert here.says(sync).summary() == "net id 3(0.5)"
    assert here.says(Despawn(1).encode()).summary() == "net id 1"


def test_each_sender_and_receiver_has_numbers_of_its_own() -> None:
    here = Session()
    here.says(spawn())
    here.says(godot4.Relay(OTHER, godot4.SimplifyPath(NO_METHODS, 1, "Main/Spawner").encode()).encode())
    here.says(godot4.Relay(OTHER, spawn(name="U2")).encode())
    delta = Delta(((2, 1, encode_values([90])),)).encode()
    assert here.says(delta).summary() == "Main/Units/U1/Sync(health = 90)"
    assert here.says(godot4.Relay(OTHER, delta).encode()).summary() == "Main/Units/U2/Sync(health = 90)"
    assert here.says(delta, UP).summary() == "net id 2(#0 = 90)"
    here.says(godot4.DelPeer(OTHER).encode(), UP)  # a client cannot tell of peers
    assert here.says(godot4.Relay(OTHER, delta).encode()).summary() == "Main/Units/U2/Sync(health = 90)"
    here.says(godot4.DelPeer(OTHER).encode())
    assert here.says(godot4.Relay(OTHER, delta).encode()).summary() == "net id 2(#0 = 90)"
    assert here.says(delta).summary() == "Main/Units/U1/Sync(health = 90)"


def test_names_are_left_out_where_they_do_not_fit_the_values() -> None:
    here = Session()
    here.says(spawn())
    assert here.says(Sync(1, ((2, encode_values([1])),)).encode()).summary() == "Main/Units/U1/Sync(1)"
    assert here.says(Delta(((2, 4, encode_values([1])),)).encode()).summary() == "Main/Units/U1/Sync(#2 = 1)"
    assert here.says(Delta(((2, 3, encode_values([1])),)).encode()).summary() == "Main/Units/U1/Sync(1)"
    three = here.says(spawn(4, (5, 6, 7)))
    assert three.summary().startswith(
        "Main/Spawner res://unit.tscn, net id 4, synchronizers 5 6 7: Main/Units/U1(Vector2"
    )
    assert here.says(Sync(2, ((5, encode_values([1])),)).encode()).summary() == "Main/Units/U1 net id 5(1)"
    assert "scene 2, net id 8" in here.says(spawn(8, scene=2)).summary()


def test_values_that_are_none_are_counted() -> None:
    here = Session()
    assert here.says(Sync(1, ((9, b"\xff\xff"),)).encode()).summary() == "net id 9(2 bytes, not decoded)"
    odd = Spawn(SCENE_CUSTOM, 1, 1, (2,), "U1", b"\xff", b"\xff").encode()
    decoded = here.says(odd)
    assert (
        decoded.summary()
        == "Main/Spawner spawn(1 bytes), net id 1, synchronizers 2: Main/Units/U1(1 bytes, not decoded)"
    )
    assert decoded.states[0].as_json(Allowance()) == {"name": "Main/Units/U1", "undecoded": 1}


def test_a_packet_that_ends_too_early_is_undecoded() -> None:
    here = Session()
    assert here.says(Sync(1, ((9, b"\2\1"),)).encode()[:-1]).problem == "an element ends beyond the packet"
    assert here.says(b"\x16").problem == "the packet is shorter than 11 bytes"


# --- what is shown


def row(decoded: Decoded) -> Row:
    return Row(1.0, 1, ME, DOWN, "binary", 10, False, False, decoded)


def test_json_has_names_and_values() -> None:
    here = Session()
    fields: dict[str, Any] = row(here.says(spawn())).as_json()
    assert fields["path"] == "Main/Spawner"
    assert fields["detail"] == "res://unit.tscn, net id 1, synchronizers 2 3"
    assert fields["states"] == [
        {
            "name": "Main/Units/U1",
            "properties": [*STATE.spawn, *INPUT.spawn],
            "values": ["Vector2(1, 2)", "0.0", "100", '"t"', "0.0"],
        }
    ]
    assert row(here.says(Sync(1, ((9, encode_values([1])),)).encode())).as_json()["states"] == [
        {"name": "net id 9", "values": ["1"]}
    ]
    assert "states" not in row(here.says(Despawn(1).encode())).as_json()


def test_a_filter_of_paths_takes_a_packet_with_one_node_that_matches() -> None:
    here = Session()
    here.says(godot4.SimplifyPath(NO_METHODS, 2, "Main/Board/Sync").encode())
    here.says(spawn())
    both = row(here.says(Sync(1, ((0x80000002, encode_values([1])), (3, encode_values([1])))).encode()))
    for glob, expected in (("Main/Board/*", True), ("*/Input", True), ("*/Sync", True), ("*/Spawner", False)):
        assert Filter(paths=(glob,)).takes(both) is expected
    assert Filter(paths=("*/Spawner",)).takes(row(here.says(spawn(5, (6, 7)))))


def test_many_values_are_cut() -> None:
    here = Session(MethodNames())
    many = here.says(Sync(1, ((9, b"\x81" * 5000), (9, b"\x81"))).encode())
    assert len(many.states) == 1
    assert len(many.states[0].values or ()) == module.MOST_VALUES
    assert many.summary().startswith("2 synchronizers: net id 9(true, true, ")
    assert len(many.summary()) <= 1020
    few = here.says(Sync(1, ((9, b""),) * 5000 + ((9, b"\x81"),)).encode())
    assert len(few.states) == module.MOST_VALUES
    assert few.detail == "5001 synchronizers"


def test_a_strangers_names_steer_nothing() -> None:
    here = Session(MethodNames())
    assert here.says(spawn(name="U\x1b[2J\n")).states[0].summary().startswith("…/U␛[2J␊(")


# --- limits


def test_nodes_are_remembered_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NODES", 2)
    here = Session()
    for net_id in (10, 20, 30):
        here.says(spawn(net_id, (net_id + 1, net_id + 2), f"U{net_id}"))
    known = [here.says(Sync(1, ((net_id + 1, encode_values([1])),)).encode()).states[0].name for net_id in (10, 20, 30)]
    assert known == ["Main/Units/U10/Sync", "Main/Units/U20/Sync", "net id 31"]
    here.says(Despawn(10).encode())
    here.says(spawn(30, (31, 32), "U30"))
    assert here.says(Sync(1, ((31, encode_values([1])),)).encode()).states[0].name == "Main/Units/U30/Sync"


def test_synchronizers_and_long_paths_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SYNCHRONIZERS", 3)
    monkeypatch.setattr(module, "LONGEST_PATH", 20)
    here = Session()
    here.says(spawn(1, (2, 3)))
    here.says(spawn(4, (5, 6)))
    here.says(spawn(7, (8,), "U" * 20))
    sync = Sync(1, tuple((number, encode_values([1])) for number in (2, 5, 8))).encode()
    assert [state.name for state in here.says(sync).states] == ["Main/Units/U1/Sync", "net id 5", "net id 8"]


def test_a_path_of_many_levels_is_not_searched_for() -> None:
    assert NAMES.scenes.synchronizer("Main/" * 3 + "Main/Board/Sync", {}) is BOARD
    assert NAMES.scenes.synchronizer("Main/" * 70 + "Board/Sync", {}) is None
    assert NAMES.scenes.spawned("Main/" * 70 + "Spawner", {}, 0, "U1") == ("", "")


@pytest.mark.parametrize(
    ("count", "values", "expected"),
    [
        (2, 5, (STATE, INPUT)),
        (2, 7, (STATE, INPUT)),
        (1, 4, (STATE,)),
        (1, 1, (INPUT,)),
        (1, 2, ()),
        (0, 0, ()),
        (3, 5, ()),
    ],
)
def test_the_synchronizers_of_a_sender_are_those_with_so_many_values(
    count: int, values: int, expected: tuple[Synchronizer, ...]
) -> None:
    assert chosen((STATE, INPUT), count, values) == expected


def test_synchronizers_that_cannot_be_told_apart_stay_without_names() -> None:
    assert chosen((INPUT, INPUT), 1, 1) == ()
    assert chosen((INPUT,) * 11, 1, 1) == ()
    assert chosen((INPUT,) * 11, 11, 11) == (INPUT,) * 11
