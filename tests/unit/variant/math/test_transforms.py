"""Transforms and projections, beside what test_math.py compares with the engine."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant import Basis, Projection, Transform2D, Transform3D, Vector2, Vector3, Vector4

PLACE = Transform3D(Basis(Vector3(0.6, 0.8, 0), 0.7), Vector3(1, 2, 3))


def test_parts() -> None:
    place = Transform2D(Vector2(1, 2), Vector2(3, 4), Vector2(5, 6))
    assert (place.x, place.y, place.origin) == (Vector2(1, 2), Vector2(3, 4), Vector2(5, 6))
    assert PLACE.origin == Vector3(1, 2, 3)
    assert type(PLACE.basis) is Basis
    camera = Projection(*(Vector4(n, n, n, n) for n in range(4)))
    assert (camera.x, camera.w) == (Vector4(), Vector4(3, 3, 3, 3))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Transform2D(Vector2(1, 2), Vector2(2, 4), Vector2()).affine_inverse(),
        lambda: Transform2D(Vector2(1, 2), Vector2(2, 4), Vector2()).looking_at(Vector2.ONE),
        lambda: Transform3D(Basis.from_scale(Vector3(1, 0, 1)), Vector3()).affine_inverse(),
        lambda: Projection.ZERO.inverse(),
    ],
)
def test_no_inverse_without_determinant(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="no inverse"):
        make()


@pytest.mark.parametrize("make", [lambda: Transform2D(1), lambda: Transform3D(Basis()), lambda: Projection(Vector4())])
def test_too_few_parts(make: Callable[[], object]) -> None:
    with pytest.raises(VariantError):
        make()


def test_a_projection_times_a_point_divides_by_the_depth() -> None:
    camera = Projection.create_perspective(90, 1, 1, 10)
    assert (camera * Vector3(2, -1, -4)).is_equal_approx(Vector3(0.5, -0.25, 11 / 9 - 20 / 36))
    with pytest.raises(TypeError):
        camera * Vector2()  # type: ignore[operator]
    with pytest.raises(TypeError):
        Vector2() * camera  # type: ignore[operator]


def test_an_inverse_undoes() -> None:
    camera = Projection.create_perspective(70, 1.5, 0.1, 100) * Projection(PLACE)
    back = camera * camera.inverse()
    assert all(abs(own - its) < 1e-4 for own, its in zip(back, Projection(), strict=True))
    assert (PLACE * (Vector3(3, 4, 5) * PLACE)).is_equal_approx(Vector3(3, 4, 5))


@pytest.mark.parametrize("numbers", [(0, 1, 1, 2), (70, 0, 1, 2), (70, 1, 2, 2)])
def test_a_view_of_nothing(numbers: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="a perspective needs"):
        Projection.create_perspective(*numbers)


@pytest.mark.parametrize("numbers", [(1, 1, 0, 1, 1, 2), (0, 1, 1, 1, 1, 2), (0, 1, 0, 1, 2, 2)])
def test_a_frustum_of_nothing(numbers: tuple[float, float, float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="a frustum needs"):
        Projection.create_frustum(*numbers)


def test_texts() -> None:
    assert str(Transform2D()) == "[X: (1.0, 0.0), Y: (0.0, 1.0), O: (0.0, 0.0)]"
    assert str(PLACE).endswith("O: (1.0, 2.0, 3.0)]")
    assert str(Projection()).endswith("W: (0.0, 0.0, 0.0, 1.0)]")


def test_turned_by_a_whole_number() -> None:
    assert Transform2D(1, Vector2()).get_rotation() == pytest.approx(1)
    assert Transform2D(math.pi, Vector2()).x.is_equal_approx(Vector2.LEFT)
