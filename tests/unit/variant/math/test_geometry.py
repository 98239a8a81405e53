"""Rectangles, boxes and planes, beside what test_math.py compares with the engine."""

from __future__ import annotations

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant import AABB, Plane, Rect2, Rect2i, Vector2, Vector2i, Vector3


def test_parts() -> None:
    area = Rect2(1, 2, 3, 4)
    assert area == Rect2(Vector2(1, 2), Vector2(3, 4))
    assert (area.position, area.size, area.end) == (Vector2(1, 2), Vector2(3, 4), Vector2(4, 6))
    assert Rect2i(Vector2i(1, 2), Vector2i(3, 4)).size == Vector2i(3, 4)
    box = AABB(Vector3(1, 2, 3), Vector3(4, 5, 6))
    assert (box.position, box.size, box.end) == (Vector3(1, 2, 3), Vector3(4, 5, 6), Vector3(5, 7, 9))
    assert Plane(1, 2, 3, 4).normal == Vector3(1, 2, 3)
    assert (Plane(1, 2, 3, 4).x, Plane(1, 2, 3, 4).d) == (1.0, 4.0)


def test_nothing_gives_zeros() -> None:
    assert set(Rect2()) == set(Rect2i()) == set(AABB()) == set(Plane()) == {0}


@pytest.mark.parametrize("kind", [Rect2, Rect2i, AABB, Plane])
def test_too_few_parts(kind: object) -> None:
    with pytest.raises(VariantError):
        kind(1, 2, 3)  # type: ignore[operator]


def test_texts() -> None:
    assert str(Rect2(1, 2, 3, 4)) == "[P: (1.0, 2.0), S: (3.0, 4.0)]"
    assert str(Rect2i(1, 2, 3, 4)) == "[P: (1, 2), S: (3, 4)]"
    assert str(Plane(1, 2, 3, 4)) == "[N: (1.0, 2.0, 3.0), D: 4]"


def test_corners_are_counted_from_0_to_7() -> None:
    with pytest.raises(IndexError):
        AABB().get_endpoint(8)
