"""What is annotated as a list or dict of something is sent as a typed one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NewType, Optional

import pytest

from gdpeer import (
    Array,
    Dictionary,
    EncodedObjectAsID,
    Node,
    PackedInt32Array,
    PackedStringArray,
    StringName,
    VariantType,
    Vector2,
    Vector2i,
    rpc,
    var_to_str,
)
from gdpeer.multiplayer.godot4.calls import Godot4Calls
from gdpeer.multiplayer.rpc.packing import packer_for
from gdpeer.multiplayer.wire.godot4 import ConfirmPath, RemoteCall, parse
from tests.unit.multiplayer.sessions import Session

Score = NewType("Score", int)


class Colour(IntEnum):
    RED = 0
    GREEN = 1


class Word(Enum):
    YES = "yes"
    NO = "no"


class Mixed(Enum):
    ONE = 1
    WORD = "word"


@pytest.mark.parametrize(
    ("annotation", "given", "text"),
    [
        (list[int], [1, 2], "Array[int]([1, 2])"),
        (list[int], [], "Array[int]([])"),
        (list[int], (1, True, 2.0), "Array[int]([1, 1, 2])"),
        (list[int], Array([1.0], VariantType.TYPE_FLOAT), "Array[int]([1])"),
        (Sequence[float], [1, 0.5], "Array[float]([1.0, 0.5])"),
        (list[str], ["a", StringName("b")], 'Array[String](["a", "b"])'),
        (list[StringName], ["a"], 'Array[StringName]([&"a"])'),
        (list[Vector2], [Vector2i(1, 2)], "Array[Vector2]([Vector2(1, 2)])"),
        (list[bool], [1, False], "Array[bool]([true, false])"),
        (list[bytes], [b"a"], "Array[PackedByteArray]([PackedByteArray(97)])"),
        (list[PackedInt32Array], [[1]], "Array[PackedInt32Array]([PackedInt32Array(1)])"),
        (list[list[int]], [[1]], "Array[Array]([[1]])"),
        (list[list], [[1]], "Array[Array]([[1]])"),
        (list[dict[str, int]], [{"a": 1}], 'Array[Dictionary]([{\n"a": 1\n}])'),
        (list[Colour], [Colour.GREEN, 0], "Array[int]([1, 0])"),
        (list[Word], [Word.YES, "no"], 'Array[String](["yes", "no"])'),
        (list[Literal[1, 2]], [1], "Array[int]([1])"),
        (list[Literal[Colour.RED, 1]], [Colour.RED], "Array[int]([0])"),
        (list[Score], [1], "Array[int]([1])"),
        (Annotated[list[Annotated[int, "points"]], "all"], [1], "Array[int]([1])"),
        (Optional[list[int]], [1], "Array[int]([1])"),  # noqa: UP045
        (list[int] | None, None, "null"),
        (list[int] | str, "a", '"a"'),
        (dict[str, int], {"a": 1}, 'Dictionary[String, int]({\n"a": 1\n})'),
        (dict[str, int], {}, "Dictionary[String, int]({})"),
        (dict[str, Any], {"a": 1}, 'Dictionary[String, Variant]({\n"a": 1\n})'),
        (dict[Any, int], {"a": True}, 'Dictionary[Variant, int]({\n"a": 1\n})'),
        (Mapping[Colour, float], {Colour.RED: 1}, "Dictionary[int, float]({\n0: 1.0\n})"),
        (dict[str, list[int]], {"a": [1]}, 'Dictionary[String, Array]({\n"a": [1]\n})'),
        (dict[str, int], Dictionary({"a": 1}), 'Dictionary[String, int]({\n"a": 1\n})'),
        (list[int], PackedInt32Array([1]), "PackedInt32Array(1)"),
        (list[str], PackedStringArray(["a"]), 'PackedStringArray("a")'),
        (list[int], None, "null"),
        (dict[str, int], [1], "[1]"),
    ],
)
def test_typed_ones(annotation: Any, given: Any, text: str) -> None:
    packer = packer_for(annotation)
    assert packer is not None
    assert var_to_str(packer(given)) == text


def test_what_is_typed_already_is_sent_as_it_is() -> None:
    packer, given = packer_for(list[int]), Array([1], VariantType.TYPE_INT)
    assert packer is not None
    assert packer(given) is given


@pytest.mark.parametrize(
    "annotation",
    [
        *(list, list[Any], list[object], list[int | str], list[int | None], dict, dict[Any, Any], int, str, Any, None),
        *(Array, Dictionary, Sequence, list[Mixed], list[Literal[1, "a"]], list[None], list[EncodedObjectAsID]),
        *(list[int] | list[str], list[int] | dict[str, int]),
    ],
)
def test_what_names_no_one_type_is_sent_as_it_is(annotation: Any) -> None:
    assert packer_for(annotation) is None


class Main(Node):
    def __init__(self, name: str = "Sender") -> None:
        super().__init__(name)
        self.heard: list[Any] = []

    @rpc("any_peer", "call_local")
    def scores(self, title: str, scores: list[int], *rest: list[float]) -> None:
        self.heard.append((title, scores, *rest))

    @rpc("any_peer")
    def free(self, scores: list[Any]) -> None:
        self.heard.append(scores)

    @rpc("any_peer")
    def unreadable(self, scores: list[Unknown]) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def pair() -> tuple[Session, Main, Main]:
    session = Session()
    nodes = [Main() for _ in session.sides]
    for side, node in zip(session.sides, nodes, strict=True):
        side.tree.root.add_child(node)
    session.server.take_sent()
    return session, nodes[0], nodes[1]


def arguments(session: Session) -> list[str]:
    packets = [parse(data) for _, data in session.server.take_sent()]
    return [var_to_str(list(one.arguments)) for one in packets if isinstance(one, RemoteCall)]


def test_a_call_carries_the_types() -> None:
    session, here, there = pair()
    here.scores.rpc("a", [1, 2], [1])
    session.run()
    here.scores.rpc("b", [])  # by number
    session.run()
    assert arguments(session) == ['["a", Array[int]([1, 2]), Array[float]([1.0])]', '["b", Array[int]([])]']
    assert there.heard == [("a", [1, 2], [1.0]), ("b", [])]
    assert here.heard == [("a", [1, 2], [1]), ("b", [])]
    assert type(here.heard[0][1]) is list
    assert type(there.heard[0][1]) is list


def test_nothing_is_typed_where_no_type_is_named_or_it_is_turned_off() -> None:
    session, here, _ = pair()
    here.free.rpc([1])
    here.free.rpc(Array([1], VariantType.TYPE_INT))
    session.server.api.typed_containers = False
    here.scores.rpc("a", [1])
    session.server.api.typed_containers = True
    here.scores.rpc("a", [1])
    here.free.rpc(Array([1], VariantType.TYPE_INT))
    assert arguments(session) == [
        "[[1]]",
        "[[1]]",
        '["a", [1]]',
        '["a", Array[int]([1])]',
        "[Array[int]([1])]",
    ]


def test_what_does_not_fit_is_a_type_error_and_nothing_is_sent() -> None:
    session, here, _ = pair()
    for fault, text in (
        (["a"], r"Main.scores\(\) argument 2 \(scores\): element 0: str where int is wanted"),
        ([0.5], r"Main.scores\(\) argument 2 \(scores\): element 0 is 0.5, not a whole number"),
    ):
        with pytest.raises(TypeError, match=text):
            here.scores.rpc("a", fault)
    with pytest.raises(TypeError, match=r"Main.scores\(\) argument 3: element 0: str where float is wanted"):
        here.scores.rpc("a", [], ["a"])
    assert session.server.take_sent() == []
    assert here.heard == []


def test_a_mistake_shows_when_nobody_is_there() -> None:
    session = Session(0)
    node = Main()
    session.server.tree.root.add_child(node)
    with pytest.raises(TypeError, match="str where int is wanted"):
        node.scores.rpc("a", ["a"])


def test_an_annotation_that_cannot_be_read_types_nothing() -> None:
    session, here, _ = pair()
    here.unreadable.rpc([1])
    assert arguments(session) == ["[[1]]"]


def test_peers_that_have_shown_that_they_are_old_get_plain_ones(caplog: pytest.LogCaptureFixture) -> None:
    session = Session(2)
    nodes = [Main() for _ in session.sides]
    for side, node in zip(session.sides, nodes, strict=True):
        side.tree.root.add_child(node)
    here, old = nodes[0], session.clients[0].id
    here.free.rpc([1])
    session.run()
    calls: Godot4Calls = session.server.api._calls
    entry = calls.cache.nodes.get(here)
    assert entry is not None
    calls.cache.confirmed(old, ConfirmPath(True, None, "Sender"), entry.number)
    session.server.take_sent()
    here.scores.rpc("a", [1])
    sent = [(peers, parse(data).arguments) for peers, data in session.server.take_sent()]  # type: ignore[union-attr]
    assert [(peers, var_to_str(list(values))) for peers, values in sent] == [
        ([session.clients[1].id], '["a", Array[int]([1])]'),
        ([old], '["a", [1]]'),
    ]
    assert f"peers [{old}] have Godot 4.2 or older and get untyped arrays" in caplog.text
    here.scores.rpc_id(old, "b", [1])
    session.run()
    assert [node.heard[-1] for node in nodes[1:]] == [("b", [1]), ("a", [1])]
