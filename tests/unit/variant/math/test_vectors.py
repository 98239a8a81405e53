"""Vectors, beside what test_math.py compares with the engine."""

from __future__ import annotations

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant import Vector2, Vector2i, Vector3, Vector3i, Vector4


def test_attributes() -> None:
    assert (Vector4(1, 2, 3, 4).x, Vector4(1, 2, 3, 4).w) == (1.0, 4.0)
    assert (Vector3i(1, 2, 3).y, Vector3i(1, 2, 3).z) == (2, 3)
    x, y = Vector2(1, 2.5)
    assert (x, y) == (1.0, 2.5)


def test_texts() -> None:
    assert repr(Vector2(1, 2.5)) == "Vector2(1, 2.5)"
    assert f"{Vector2(1, 2.5)}" == "(1.0, 2.5)"
    assert repr(Vector2i(1, -2)) == "Vector2i(1, -2)"
    assert str(Vector2i(1, -2)) == "(1, -2)"


def test_from_a_vector_of_another_size() -> None:
    with pytest.raises(VariantError):
        Vector2(Vector3(1, 2, 3))  # type: ignore[call-overload]
    with pytest.raises(VariantError):
        Vector3i(Vector2(1, 2))  # type: ignore[call-overload]


@pytest.mark.parametrize("method", ["slide", "reflect", "bounce"])
def test_a_normal_has_to_be_normalized(method: str) -> None:
    for vector in (Vector2(1, 2), Vector3(1, 2, 3)):
        with pytest.raises(ValueError, match="is not normalized"):
            getattr(vector, method)(vector)


def test_an_axis_has_to_be_normalized() -> None:
    with pytest.raises(ValueError, match="is not normalized"):
        Vector3(1, 2, 3).rotated(Vector3(1, 2, 3), 1)


def test_whole_numbers_do_not_wrap_around() -> None:
    for count in (
        lambda: Vector2i.MAX + Vector2i.ONE,
        lambda: Vector2i.MIN - Vector2i.ONE,
        lambda: Vector2i.MAX * 2,
        lambda: -Vector2i.MIN,
        lambda: Vector2i.MIN.abs(),
        lambda: Vector2i(1, 1) * 2**40,
    ):
        with pytest.raises(VariantError):
            count()


@pytest.mark.parametrize("divisor", [0, Vector2i(1, 0)])
def test_whole_numbers_are_not_divided_by_zero(divisor: object) -> None:
    with pytest.raises(ZeroDivisionError):
        Vector2i(1, 1) / divisor  # type: ignore[operator]
    with pytest.raises(ZeroDivisionError):
        Vector2i(1, 1) % divisor  # type: ignore[operator]


def test_constants_are_of_their_class() -> None:
    class Place(Vector2):
        __slots__ = ()

    assert type(Vector2.UP) is Vector2
    assert Vector2.UP is Vector2.UP
    assert Vector2() == Vector2(3, 4).ZERO
    assert type(Place(1, 2) * 2) is type(Place.UP) is Place
    assert type(Vector2.UP) is Vector2
