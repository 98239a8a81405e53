"""Which assignments are no change, as in the engine: each case was run with Godot 4.6.3."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gdpeer import (
    AABB,
    Array,
    Basis,
    Color,
    MultiplayerSynchronizer,
    Node,
    NodePath,
    PackedByteArray,
    PackedColorArray,
    PackedFloat32Array,
    PackedFloat64Array,
    PackedVector2Array,
    PackedVector3Array,
    PackedVector4Array,
    Plane,
    Projection,
    Quaternion,
    Rect2,
    ReplicationMode,
    SceneReplicationConfig,
    StringName,
    Transform2D,
    Transform3D,
    VariantType,
    Vector2,
    Vector2i,
    Vector3,
    Vector4,
    replicated,
)
from gdpeer.multiplayer.replication.outgoing import encode_values
from gdpeer.multiplayer.replication.properties import Ordinary
from gdpeer.multiplayer.replication.sameness import is_same
from tests.support.worlds import World, Worlds

NAN = math.nan
ZERO = -0.0
FLOATS = Array([0.0], VariantType.TYPE_FLOAT)

SAME: list[tuple[Any, Any]] = [
    (0.0, ZERO),
    (NAN, -NAN),
    (Vector2(0, 0), Vector2(ZERO, 0)),
    (Vector2(NAN, 0), Vector2(NAN, ZERO)),
    (Vector3(0, 0, 0), Vector3(0, 0, ZERO)),
    (Vector4(0, 0, 0, 0), Vector4(0, ZERO, 0, 0)),
    (Rect2(0, 0, 0, 0), Rect2(ZERO, 0, 0, 0)),
    (Color(0, 0, 0), Color(ZERO, 0, 0)),
    (Plane(0, 0, 0, 0), Plane(0, 0, 0, ZERO)),
    (Quaternion(0, 0, 0, 1), Quaternion(ZERO, 0, 0, 1)),
    (AABB(Vector3(0, 0, 0), Vector3(0, 0, 0)), AABB(Vector3(ZERO, 0, 0), Vector3(0, 0, 0))),
    (Transform2D(1, 0, 0, 1, 0, 0), Transform2D(1, 0, 0, 1, ZERO, 0)),
    (Basis.of(*[0.0] * 9), Basis.of(*[0.0] * 8, ZERO)),
    (Transform3D.of(*[0.0] * 12), Transform3D.of(*[0.0] * 11, ZERO)),
    (Projection.of(*[0.0] * 16), Projection.of(*[0.0] * 15, ZERO)),
    ([0.0], [ZERO]),
    ([[Vector2(0, 0)]], [[Vector2(ZERO, 0)]]),
    (FLOATS, [0.0]),
    (Array([], VariantType.TYPE_FLOAT), []),
    ({"a": 0.0}, {"a": ZERO}),
    ({0.0: 1}, {ZERO: 1}),
    ({Vector2(0, 0): 1}, {Vector2(ZERO, 0): 1}),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ([{"a": 1, "b": 2}], [{"b": 2, "a": 1}]),
    ({"a": 1}, {StringName("a"): 1}),
    ({NAN: 1}, {-NAN: 1}),
    (PackedFloat32Array([0.0]), PackedFloat32Array([ZERO])),
    (PackedFloat64Array([NAN]), PackedFloat64Array([-NAN])),
    (PackedVector2Array([Vector2(0, 0)]), PackedVector2Array([Vector2(ZERO, 0)])),
    (PackedVector3Array([Vector3(0, 0, 0)]), PackedVector3Array([Vector3(ZERO, 0, 0)])),
    (PackedVector4Array([Vector4(0, 0, 0, 0)]), PackedVector4Array([Vector4(ZERO, 0, 0, 0)])),
    (PackedColorArray([Color(0, 0, 0)]), PackedColorArray([Color(ZERO, 0, 0)])),
]
OTHER: list[tuple[Any, Any]] = [
    (0, 0.0),
    (1, 2),
    (1.5, NAN),
    (ZERO, 1.0),
    ("a", StringName("a")),
    ("a", NodePath("a")),
    (Vector2(1, 1), Vector2i(1, 1)),
    (Vector2(0, 1), Vector2(ZERO, 2)),
    ([1], [1.0]),
    ([1], [1, 2]),
    ([], [0]),
    (["a"], [StringName("a")]),
    (FLOATS, [1.0]),
    (FLOATS, [0.0, 0.0]),
    ([{}], [[]]),
    ([[]], [{}]),
    ({"a": 1}, {"a": 1.0}),
    ({"a": 1}, {"a": 2}),
    ({"a": 1}, {"b": 1}),
    ({1: 1}, {1.0: 1}),
    ({NodePath("a"): 1}, {NodePath("b"): 1}),
    ({b"a": 1}, {b"b": 1}),
    ({"a": 0.0}, {"a": ZERO, "b": 0}),
    (PackedFloat32Array([0.0]), PackedFloat32Array([ZERO, 0.0])),
    (PackedByteArray([1]), PackedByteArray([2])),
]


def encoded(value: Any) -> bytes:
    node = Node()
    object.__setattr__(node, "value", value)
    data = encode_values((Ordinary(".:value"),), node)
    assert data is not None
    return data


@pytest.mark.parametrize(("one", "other"), SAME, ids=repr)
def test_no_change(one: Any, other: Any) -> None:
    assert encoded(one) != encoded(other)
    assert is_same(encoded(one), encoded(other))
    assert is_same(encoded(other), encoded(one))


@pytest.mark.parametrize(("one", "other"), OTHER, ids=repr)
def test_a_change(one: Any, other: Any) -> None:
    assert not is_same(encoded(one), encoded(other))
    assert not is_same(encoded(other), encoded(one))


def test_long_values() -> None:
    floats = [float(number) for number in range(1000)]
    assert is_same(encoded([*floats, 0.0]), encoded([*floats, ZERO]))
    assert is_same(encoded([0.0, *floats]), encoded([ZERO, *floats]))
    assert not is_same(encoded([*floats, 0.0]), encoded([*floats, 1.0]))
    one = {str(number): 0.0 for number in range(500)}
    assert is_same(encoded(one), encoded({**one, "1": ZERO}))
    assert not is_same(encoded(one), encoded({**one, "1": 1}))
    # The engine sees no change here. The order of so many entries is not looked at.
    assert not is_same(encoded(one), encoded(dict(reversed(one.items()))))


class Board(Node):
    synchronizer_name = "Sync"
    value: Any = replicated(0.0, mode=ReplicationMode.ON_CHANGE)


class ByHand(Node):
    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.value: Any = 0.0
        config = SceneReplicationConfig()
        config.add_property(".:value")
        config.property_set_replication_mode(".:value", ReplicationMode.ON_CHANGE)
        sync = MultiplayerSynchronizer("Sync")
        sync.replication_config = config
        self.add_child(sync)


@pytest.mark.parametrize("kind", [Board, ByHand])
def test_only_a_change_is_sent(kind: type[Any]) -> None:
    class BoardWorld(World):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.board = kind("Board")
            self.main.add_child(self.board)

    worlds = Worlds(make=BoardWorld)
    there: Any = worlds.clients[0].main.get_node("Board")
    here: Any = worlds.server.main.get_node("Board")
    worlds.run()
    received: list[None] = []
    there.get_node("Sync").delta_synchronized.connect(lambda: received.append(None))
    for value, count in ((ZERO, 0), (NAN, 1), (-NAN, 1), ({"a": 1, "b": ZERO}, 2), ({"b": 0.0, "a": 1}, 2), (1, 3)):
        here.value = value
        worlds.run()
        assert len(received) == count, value
