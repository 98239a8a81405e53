"""Values of the engine's types from sequences of numbers, pygame's and numpy's among them, and back."""

from __future__ import annotations

from array import array
from typing import Any

import numpy
import pytest

from gdpeer import (
    AABB,
    Basis,
    Color,
    Plane,
    Projection,
    Quaternion,
    Rect2,
    Rect2i,
    Transform2D,
    Transform3D,
    VariantError,
    Vector2,
    Vector2i,
    Vector3,
    Vector3i,
    Vector4,
    Vector4i,
)


class Foreign:
    """A sequence of numbers as pygame has them: none of Python's own kinds, and not registered as one."""

    def __init__(self, *numbers: float) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> float:
        return self._numbers[index]


CASES: list[tuple[Any, tuple[float, ...]]] = [
    (Vector2, (1.5, -2)),
    (Vector3, (1.5, -2, 3)),
    (Vector4, (1.5, -2, 3, 4)),
    (Vector2i, (1, -2)),
    (Vector3i, (1, -2, 3)),
    (Vector4i, (1, -2, 3, 4)),
    (Rect2, (1.5, 2, 3, 4)),
    (Rect2i, (1, 2, 3, 4)),
    (AABB, (1.5, 2, 3, 4, 5, 6)),
    (Plane, (0, 1, 0, 5.5)),
    (Quaternion, (0, 0, 0.5, 1)),
    (Color, (1.0, 0.5, 0.25, 0.75)),
]


@pytest.mark.parametrize(("kind", "numbers"), CASES)
@pytest.mark.parametrize("make", [tuple, list, lambda numbers: Foreign(*numbers), lambda numbers: array("d", numbers)])
def test_values_are_made_of_any_sequence(kind: Any, numbers: tuple[float, ...], make: Any) -> None:
    value = kind.of(*numbers)
    sequence = make(numbers)
    assert kind(sequence) == value
    assert tuple(value) == numbers
    with pytest.raises(VariantError, match="numbers, not"):
        kind(make((*numbers, 1)))


@pytest.mark.parametrize("make", [tuple, list, lambda numbers: Foreign(*numbers)])
def test_parts_may_be_sequences(make: Any) -> None:
    one, two, three, four = (make((number, number + 1, number + 2)) for number in (1, 4, 7, 10))
    assert Rect2(make((1, 2)), make((3, 4))) == Rect2(1, 2, 3, 4)
    assert Rect2i(make((1, 2)), make((3, 4))) == Rect2i(1, 2, 3, 4)
    assert AABB(one, two) == AABB(Vector3(1, 2, 3), Vector3(4, 5, 6))
    assert Plane(make((0, 1, 0)), 5) == Plane(0, 1, 0, 5)
    assert Plane(make((0, 1, 0)), make((7, 5, 7))) == Plane(0, 1, 0, 5)
    assert Plane(make((0, 0, 0)), make((1, 0, 0)), make((0, 1, 0))) == Plane(
        Vector3(), Vector3(1, 0, 0), Vector3(0, 1, 0)
    )
    assert Basis(one, two, three) == Basis(Vector3(1, 2, 3), Vector3(4, 5, 6), Vector3(7, 8, 9))
    assert Basis(make((0, 1, 0)), 0.5) == Basis(Vector3(0, 1, 0), 0.5)
    assert Quaternion(make((0, 1, 0)), 0.5) == Quaternion(Vector3(0, 1, 0), 0.5)
    assert Transform2D(0.5, make((1, 2))) == Transform2D(0.5, Vector2(1, 2))
    assert Transform2D(make((1, 2)), make((3, 4)), make((5, 6))) == Transform2D(
        Vector2(1, 2), Vector2(3, 4), Vector2(5, 6)
    )
    assert Transform3D(Basis(), one) == Transform3D(Basis(), Vector3(1, 2, 3))
    origin = Vector3(10, 11, 12)
    axes = Vector3(1, 2, 3), Vector3(4, 5, 6), Vector3(7, 8, 9)
    assert Transform3D(one, two, three, four) == Transform3D(*axes, origin)
    rows = [make((number, 0, 0, 1)) for number in range(4)]
    assert Projection(*rows) == Projection(*(Vector4(number, 0, 0, 1) for number in range(4)))


def test_fractions_are_cut_off_for_whole_numbers() -> None:
    assert Vector2i(Foreign(1.9, -2.9)) == Vector2i(1, -2)
    assert Rect2i(Foreign(1.9, -2.9, 3, 4)) == Rect2i(1, -2, 3, 4)
    assert Vector3i([1.5, 2.5, 3.5]) == Vector3i(1, 2, 3)
    with pytest.raises(TypeError):
        Vector2i(1.5, 2)  # type: ignore[arg-type]  # as two arguments they have to be whole


@pytest.mark.parametrize("wrong", ["12", b"12", bytearray(b"12"), {0: 1, 1: 2}, {1, 2}, None, object()])
@pytest.mark.parametrize("kind", [Vector2, Vector2i])
def test_what_is_no_sequence_of_numbers_is_refused(kind: Any, wrong: Any) -> None:
    with pytest.raises(TypeError):
        kind(wrong)
    with pytest.raises(TypeError):
        kind(("1", "2"))


def test_colours_of_bytes() -> None:
    colour = Color(1, 0.5, 0, 0.25)
    assert colour.to_rgba8() == (255, 128, 0, 64)
    assert Color(2, -1, float("nan")).to_rgba8()[:2] == (255, 0)
    for bytes_ in ((255, 128, 0), [255, 128, 0, 255], b"\xff\x80\x00", Foreign(255, 128, 0, 255)):
        assert Color.from_rgba8(bytes_) == Color.from_rgba8(255, 128, 0)
    assert Color.from_rgba8(255, 128, 0, 64).to_rgba8() == (255, 128, 0, 64)
    with pytest.raises(VariantError):
        Color.from_rgba8((1, 2))
    with pytest.raises(TypeError, match=r"from 0 to 255: use Color.from_rgba8\(\)"):
        Color(Foreign(255, 0, 0, 255))


def test_colours_of_reals() -> None:
    assert Color((1, 0, 0)) == Color([1.0, 0.0, 0.0, 1.0]) == Color(1, 0, 0)
    assert Color((1, 0, 0), 0.5) == Color((1, 0, 0, 1), 0.5) == Color(1, 0, 0, 0.5)
    with pytest.raises(VariantError):
        Color((1, 0))


def test_numpy() -> None:
    assert Vector2(numpy.array([1.5, 2])) == Vector2(1.5, 2)
    assert Vector2(numpy.float32(1.5), numpy.float64(2)) == Vector2(1.5, 2)
    assert Vector3i(numpy.array([1, 2, 3], numpy.int16)) == Vector3i(1, 2, 3)
