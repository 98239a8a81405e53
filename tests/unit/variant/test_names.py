"""`StringName` and `NodePath`; the paths were read by a Godot 4.6."""

from __future__ import annotations

import copy
import pickle

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant import NodePath, StringName

PATHS = [
    ("", "", False, (), ()),
    ("/", "/", True, (), ()),
    ("//", "/", True, (), ()),
    ("a", "a", False, ("a",), ()),
    ("a/", "a", False, ("a",), ()),
    ("a//b", "a/b", False, ("a", "b"), ()),
    ("/a//b/", "/a/b", True, ("a", "b"), ()),
    (":", "", False, (), ()),
    ("a:", "a", False, ("a",), ()),
    (":a:b", ":a:b", False, (), ("a", "b")),
    ("a/b:c:d", "a/b:c:d", False, ("a", "b"), ("c", "d")),
    ("a:b:", "a:b", False, ("a",), ("b",)),
    ("a/:b", "a:b", False, ("a",), ("b",)),
    ("/:b", "/:b", True, (), ("b",)),
    ("a:b/c", "a:b/c", False, ("a",), ("b/c",)),
    ("../..", "../..", False, ("..", ".."), ()),
    (" a / b ", " a / b ", False, (" a ", " b "), ()),
    ("%A/ä", "%A/ä", False, ("%A", "ä"), ()),
]


@pytest.mark.parametrize(("text", "again", "absolute", "names", "subnames"), PATHS)
def test_a_path_is_read_as_by_the_engine(
    text: str, again: str, absolute: bool, names: tuple[str, ...], subnames: tuple[str, ...]
) -> None:
    path = NodePath(text)
    assert (path.absolute, path.names, path.subnames) == (absolute, names, subnames)
    assert str(path) == again
    assert path == NodePath.of(names, subnames, absolute) == NodePath(path)
    assert hash(path) == hash(NodePath(again))
    assert path.is_empty() == (again == "")
    assert bool(path) == (again != "")


@pytest.mark.parametrize(("text", "offset"), [("::", 0), ("a::b", 1), ("::a", 0), ("a:b::", 3), ("a:b::c", 3)])
def test_an_empty_subname_is_refused(text: str, offset: int) -> None:
    with pytest.raises(VariantError, match="empty subname") as caught:
        NodePath(text)
    assert caught.value.offset == offset


def test_the_engine_s_methods() -> None:
    path = NodePath("/a/b/c:d:e")
    assert path.is_absolute()
    assert (path.get_name_count(), path.get_subname_count()) == (3, 2)
    assert (path.get_name(2), path.get_subname(0)) == ("c", "d")
    assert (path.get_concatenated_names(), path.get_concatenated_subnames()) == ("a/b/c", "d:e")
    assert str(path.get_as_property_path()) == ":a/b/c:d:e"
    assert NodePath(":a").get_as_property_path() == NodePath(":a")


@pytest.mark.parametrize("index", [-1, 3])
def test_names_are_counted_from_0(index: int) -> None:
    with pytest.raises(IndexError):
        NodePath("/a/b/c:d:e:f").get_name(index)
    with pytest.raises(IndexError):
        NodePath("/a/b/c:d:e:f").get_subname(index)


@pytest.mark.parametrize(
    ("begin", "end", "text"),
    [(1, None, "b/c:d:e"), (0, 2, "/a/b"), (-2, None, ":d:e"), (2, 4, "c:d"), (1, -1, "b/c:d"), (-1, -3, "")],
)
def test_slices(begin: int, end: int | None, text: str) -> None:
    path = NodePath("/a/b/c:d:e")
    assert str(path.slice(begin) if end is None else path.slice(begin, end)) == text


def test_a_path_equals_no_string_and_cannot_be_changed() -> None:
    path = NodePath("a")
    assert path != "a"
    assert not hasattr(path, "__dict__")
    with pytest.raises(AttributeError, match="cannot be changed"):
        path.names = ()
    with pytest.raises(AttributeError, match="cannot be changed"):
        del path.names


def test_copies_and_pickles() -> None:
    for value in (NodePath("/a/b:c"), StringName("größe")):
        for other in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
            assert other == value
            assert type(other) is type(value)


def test_a_name_is_the_same_key_as_its_string() -> None:
    name = StringName("a")
    assert name == "a"
    assert {"a": 1}[name] == 1
    assert not hasattr(name, "__dict__")
    assert (str(name), repr(name), repr(NodePath("a"))) == ("a", "StringName('a')", "NodePath('a')")
