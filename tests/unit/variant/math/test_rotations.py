"""Quaternions and bases, beside what test_math.py compares with the engine."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant import Basis, Quaternion, Vector3

LONG = Quaternion(1, 2, 3, 4)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LONG.inverse(),
        lambda: LONG.get_euler(),
        lambda: LONG.slerp(Quaternion(), 0.5),
        lambda: Quaternion().slerp(LONG, 0.5),
        lambda: Quaternion().slerpni(LONG, 0.5),
        lambda: Quaternion(Vector3(1, 2, 3), 1),
        lambda: Basis(Vector3(1, 2, 3), 1),
        lambda: Basis().rotated(Vector3(1, 2, 3), 1),
        lambda: Vector3(1, 2, 3) * LONG,
    ],
)
def test_what_has_to_be_normalized(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="is not normalized"):
        make()


def test_only_a_rotation_becomes_a_quaternion() -> None:
    with pytest.raises(ValueError, match="only a basis that is a rotation"):
        Quaternion(Basis.from_scale(Vector3(2, 2, 2)))


def test_no_arc_leads_from_zero() -> None:
    for start, end in ((Vector3(), Vector3.UP), (Vector3.UP, Vector3())):
        with pytest.raises(ValueError, match="no arc"):
            Quaternion(start, end)


def test_no_inverse_without_determinant() -> None:
    with pytest.raises(ValueError, match="no inverse"):
        Basis.from_scale(Vector3(1, 0, 1)).inverse()


@pytest.mark.parametrize(
    ("target", "up"), [(Vector3(), Vector3.UP), (Vector3.UP, Vector3.UP), (Vector3.ONE, Vector3())]
)
def test_looking_nowhere(target: Vector3, up: Vector3) -> None:
    with pytest.raises(ValueError, match="looking_at"):
        Basis.looking_at(target, up)


def test_a_basis_has_no_constructor_of_nine_numbers() -> None:
    with pytest.raises(TypeError, match="three axes"):
        Basis(*range(9))  # type: ignore[call-overload]
    assert Basis.of(*range(9)).x == Vector3(0, 3, 6)


def test_a_quaternion_has_four_numbers() -> None:
    with pytest.raises(VariantError):
        Quaternion(1, 2, 3)  # type: ignore[call-overload]


def test_texts() -> None:
    assert str(Quaternion()) == "(0, 0, 0, 1)"
    assert str(Basis()) == "[X: (1.0, 0.0, 0.0), Y: (0.0, 1.0, 0.0), Z: (0.0, 0.0, 1.0)]"


@pytest.mark.parametrize("start", [Vector3.RIGHT, Vector3.UP, Vector3.BACK, Vector3(1, 2, 3)])
def test_half_a_turn_leads_to_the_opposite(start: Vector3) -> None:
    assert (Quaternion(start, -start) * start).is_equal_approx(-start)


@pytest.mark.parametrize("euler", [Vector3(0.1, 0.2, 0.3), Vector3(-1.2, 3, -3), Vector3(math.pi / 2, 0.5, 0)])
def test_angles_lead_to_the_same_rotation(euler: Vector3) -> None:
    basis, rotation = Basis.from_euler(euler), Quaternion.from_euler(euler)
    assert Basis(rotation).is_equal_approx(basis)
    assert Basis.from_euler(basis.get_euler()).is_equal_approx(basis)
    assert (Basis.from_euler(rotation.get_euler()) * Vector3.ONE).distance_to(basis * Vector3.ONE) < 1e-3
