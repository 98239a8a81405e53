"""`replicated()`: conversions, typed containers, errors, annotations and subclasses; and ordinary attributes."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gdpeer import Color, Node, NodePath, PackedInt32Array, ReplicationMode, Transform2D, Vector2, Vector2i, replicated
from gdpeer.multiplayer.replication.properties import Missing, Ordinary, declared_of, shared_config
from gdpeer.multiplayer.replication.synchronizer import MultiplayerSynchronizer
from gdpeer.multiplayer.rpc.conversions import CallError
from gdpeer.multiplayer.wire.replication import encode_values

NEVER, ALWAYS, ON_CHANGE = ReplicationMode.NEVER, ReplicationMode.ALWAYS, ReplicationMode.ON_CHANGE


class Unit(Node):
    synchronizer_name = "Sync"
    position = replicated(Vector2())
    health: int = replicated(100, mode=ON_CHANGE)
    items: list[int] = replicated([], mode=ON_CHANGE, spawn=False)
    scores: dict[str, int] = replicated({}, mode=NEVER)
    loose: list = replicated([])  # type: ignore[type-arg]
    anything: Any = replicated(0)
    nothing = replicated(None)
    turn = replicated(0.0, path=NodePath("Turret:rotation"))


class Tank(Unit):
    health: int = replicated(500, mode=ON_CHANGE)
    fuel = replicated(1.0)


def test_a_class_has_one_synchronizer_as_first_child_and_one_configuration() -> None:
    unit, other = Unit("A"), Unit("B")
    sync: Any = unit.get_node("Sync")
    assert isinstance(sync, MultiplayerSynchronizer)
    assert unit.get_children()[0] is sync
    assert sync.replication_config is other.get_node("Sync").replication_config  # type: ignore[attr-defined]
    config = sync.replication_config
    assert [str(path) for path in config.get_properties()] == [
        *(".:position", ".:health", ".:items", ".:scores", ".:loose", ".:anything", ".:nothing", "Turret:rotation")
    ]
    assert config.property_get_replication_mode(".:scores") is NEVER
    assert not config.property_get_spawn(".:items")
    assert config.property_get_spawn(".:scores")


def test_a_subclass_adds_and_replaces_in_the_order_of_definition() -> None:
    assert [one.name for one in declared_of(Tank)] == [*(one.name for one in declared_of(Unit)), "fuel"]
    assert (Tank("T").health, Unit("U").health) == (500, 100)
    assert shared_config(Tank) is not shared_config(Unit)
    assert len(Tank("T").get_children()) == 1


def test_each_node_has_values_of_its_own() -> None:
    one, other = Unit("A"), Unit("B")
    one.items.append(1)
    one.scores["a"] = 1
    one.position = Vector2(1, 2)
    assert (other.items, other.scores, other.position) == ([], {}, Vector2())
    assert Unit.health.default == 100  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("health", 5, 5),
        ("health", True, True),
        ("health", 2.0, 2),
        ("turn", 3, 3.0),
        ("position", Vector2i(1, 2), Vector2(1, 2)),
        ("items", [1, 2], [1, 2]),
        ("scores", {"a": 1}, {"a": 1}),
        ("loose", ["a", 1], ["a", 1]),
        ("anything", "text", "text"),
        ("anything", None, None),
        ("nothing", Vector2(1, 2), Vector2(1, 2)),
    ],
)
def test_an_assigned_value_is_converted_where_nothing_is_lost(name: str, value: Any, kept: Any) -> None:
    unit = Unit("A")
    setattr(unit, name, value)
    assert getattr(unit, name) == kept


@pytest.mark.parametrize(
    ("name", "value"),
    [("health", "5"), ("health", 2.5), ("health", None), ("position", 3), ("items", ["a"]), ("scores", {1: 1})],
)
def test_any_other_value_is_a_type_error_that_names_the_attribute(name: str, value: Any) -> None:
    unit = Unit("A")
    before = getattr(unit, name)
    with pytest.raises(TypeError, match=f"^Unit.{name} "):
        setattr(unit, name, value)
    assert getattr(unit, name) == before


def test_containers_with_types_are_typed_on_the_wire() -> None:
    unit = Unit("A")
    unit.items, unit.loose, unit.scores = [1], [1], {"a": 1}
    by_name = {one.name: one for one in declared_of(Unit)}
    encoded = {name: encode_values([by_name[name].read(unit)]) for name in ("items", "loose", "scores")}
    assert encoded["items"][:4] == bytes([28, 0, 1, 0])
    assert encoded["loose"][:4] == bytes([28, 0, 0, 0])
    assert encoded["scores"][:4] == bytes([27, 0, 5, 0])


def test_a_list_with_a_wrong_element_cannot_be_read_for_the_wire() -> None:
    unit = Unit("A")
    unit.items.append("text")  # type: ignore[arg-type]
    items = next(one for one in declared_of(Unit) if one.name == "items")
    with pytest.raises(Missing, match=r"^Unit\.items"):
        items.read(unit)


def test_a_received_value_is_set_and_compared() -> None:
    unit = Unit("A")
    by_name = {one.name: one for one in declared_of(Unit)}
    assert by_name["health"].write(unit, 7)
    assert not by_name["health"].write(unit, 7)
    assert not by_name["turn"].write(unit, 0.0)
    with pytest.raises(CallError):
        by_name["health"].write(unit, "x")
    assert unit.health == 7


def test_an_attribute_without_its_node_s_constructor() -> None:
    class Hasty(Node):
        value = replicated(1)

        def __init__(self) -> None:
            self.before = getattr(self, "value", None)
            super().__init__("Hasty")

    assert Hasty().before is None
    assert Hasty().value == 1
    with pytest.raises(AttributeError, match="cannot be deleted"):
        del Hasty().value


def fault_of(body: dict[str, Any]) -> str:
    """Makes a class, and returns the error."""
    with pytest.raises((TypeError, ValueError)) as caught:
        type("Wrong", (Node,), {"__module__": __name__, **body})("W")
    return str(caught.value)


def test_mistakes_in_the_class() -> None:
    shared = replicated(1)
    assert fault_of({"a": replicated("text"), "__annotations__": {"a": int}}).startswith("Wrong.a ")
    assert fault_of({"a": shared, "b": shared}) == "Wrong.b: each attribute needs a replicated() of its own"
    text = "Wrong.a: the path 'Turret' names no property, as '.:a' does"
    assert fault_of({"a": replicated(1, path="Turret")}) == text
    assert fault_of({"a": shared, "b": replicated(2, path="Turret")}).startswith("Wrong.a: each attribute")
    # Python 3.11 raises a RuntimeError, and no code of the class runs later.
    with pytest.raises((TypeError, RuntimeError), match=r"Wrong\.a: replicated\(\) belongs in a subclass of Node"):
        type("Wrong", (), {"a": replicated(1)})
    with pytest.raises(ValueError, match="5"):
        replicated(1, mode=5)  # type: ignore[arg-type]


def test_an_annotation_that_cannot_be_read() -> None:
    class Unknown(Node):
        a: Missing_ = replicated(1)  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(TypeError, match=r"^Unknown\.a: the annotation cannot be read"):
        Unknown("U")


# ------------------------------------------------------------------------------------------------ ordinary attributes


class Plain(Node):
    number = 1
    flag = False
    text = "a"
    color = Color(1, 0, 0)
    place = Vector2()
    frame = Transform2D()
    unset: Any = None
    whole = Vector2i()

    def __init__(self) -> None:
        super().__init__("Plain")
        self.table = {"a": {"b": 1}}
        self.add_child(Node("Turret"))

    @property
    def fixed(self) -> int:
        return 3


def write(path: str, value: Any, node: Node | None = None) -> tuple[bool, Any]:
    node = Plain() if node is None else node
    one = Ordinary(path)
    return one.write(node, value), one.read(node)


@pytest.mark.parametrize(
    ("path", "value", "result"),
    [
        (".:number", 2, (True, 2)),
        (":number", 2, (True, 2)),
        (".:number", 1, (False, 1)),
        (".:number", 2.5, (True, 2.5)),
        (".:number", True, (True, True)),
        (".:flag", 1, (True, 1)),
        (".:text", "b", (True, "b")),
        (".:place", Vector2i(1, 2), (True, Vector2(1, 2))),
        (".:place:x", 3.0, (True, 3.0)),
        (".:color:a", 0.5, (True, 0.5)),
        (".:frame:origin", Vector2(1, 2), (True, Vector2(1, 2))),
        (".:frame:origin:y", 4.0, (True, 4.0)),
        (".:unset", "x", (True, "x")),
        (".:table:a:b", 7, (True, 7)),
        (".:table", {"z": 1}, (True, {"z": 1})),
    ],
)
def test_an_ordinary_attribute_takes_what_fits_its_value(path: str, value: Any, result: Any) -> None:
    assert write(path, value) == result


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (".:number", "x"),
        (".:text", 3),
        (".:place", "x"),
        (".:place:x", "x"),
        (".:place:x", None),
        (".:frame:origin", 3.0),
        (".:frame:origin", Color(1, 1, 1)),
        (".:whole:x", 2**40),
        (".:fixed", 4),
    ],
)
def test_an_ordinary_attribute_refuses_what_does_not_fit(path: str, value: Any) -> None:
    node = Plain()
    before = Ordinary(path).read(node)
    with pytest.raises(CallError):
        write(path, value, node)
    assert Ordinary(path).read(node) == before


@pytest.mark.parametrize("path", [".:gone", "Gone:number", ".:number:x", ".:table:gone", ".:place:gone", "Turret:gone"])
def test_what_is_missing_is_told(path: str) -> None:
    with pytest.raises(Missing, match=path.partition(":")[2].split(":")[-1] if "Gone" not in path else "Gone"):
        Ordinary(path).read(Plain())
    with pytest.raises(Missing):
        write(path, 1)


def test_a_part_of_a_text_cannot_be_set() -> None:
    class Named(Node):
        label = NodePath("a")

    with pytest.raises(Missing, match="'absolute' of a NodePath cannot be set"):
        write(".:label:absolute", True, Named("N"))


def test_an_ordinary_path_may_name_a_declared_attribute() -> None:
    unit = Unit("A")
    assert Ordinary(".:health").write(unit, 5)
    assert unit.health == 5
    assert Ordinary(".:items").write(unit, [1])
    with pytest.raises(CallError):
        Ordinary(".:health").write(unit, "x")


def test_values_that_are_not_numbers_are_equal_to_themselves() -> None:
    unit = Unit("A")
    unit.turn = math.nan
    assert encode_values([unit.turn]) == encode_values([math.nan])
    node = Plain()
    node.packed = PackedInt32Array([1])  # type: ignore[attr-defined]
    assert Ordinary(".:packed").write(node, [1, 2])
    assert node.packed == PackedInt32Array([1, 2])  # type: ignore[attr-defined]
