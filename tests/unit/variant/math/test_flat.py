"""What every type that is a tuple of numbers can do."""

from __future__ import annotations

import copy
import itertools
import operator
import pickle
import struct
import sys
from typing import Any

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant import (
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
    Vector2,
    Vector2i,
    Vector3,
    Vector3i,
    Vector4,
    Vector4i,
)

REALS = [Vector2, Vector3, Vector4, Rect2, Plane, Quaternion, AABB, Basis, Transform2D, Transform3D, Projection, Color]
WHOLE = [Vector2i, Vector3i, Vector4i, Rect2i]
TYPES: list[Any] = REALS + WHOLE
VECTORS: list[Any] = [Vector2, Vector3, Vector4, Vector2i, Vector3i, Vector4i]


def some(kind: Any) -> Any:
    return kind.of(*range(1, kind.WIDTH + 1))


@pytest.mark.parametrize("kind", TYPES)
def test_is_a_flat_tuple_that_struct_packs_and_builds(kind: Any) -> None:
    value = some(kind)
    form = f"<{kind.WIDTH}{'f' if kind in REALS else 'i'}"
    assert isinstance(value, tuple)
    assert len(value) == kind.WIDTH
    built = tuple.__new__(kind, struct.unpack(form, struct.pack(form, *value)))
    assert built == value
    assert type(built) is kind


@pytest.mark.parametrize("kind", TYPES)
def test_equal_by_type_and_numbers(kind: Any) -> None:
    value, plain = some(kind), tuple(some(kind))
    assert value == some(kind)
    assert operator.ne(value, some(kind)) is False
    assert hash(value) == hash(some(kind))
    assert value != plain
    assert plain != value
    assert operator.eq(value, plain) is False
    assert value != kind()
    assert {value: 1}.get(plain) is None
    others = [other for other in TYPES if other is not kind and other.WIDTH == kind.WIDTH]
    assert all(value != some(other) for other in others)
    assert len({value, plain, *map(some, others)}) == 2 + len(others)


@pytest.mark.parametrize("kind", REALS)
def test_nobody_can_choose_values_that_collide(kind: Any) -> None:
    """Python hashes these numbers alike."""
    alike = [2.0**power for power in (-122, -61, 0, 61, 122)]
    values = [kind.of(*pair, *[1.0] * (kind.WIDTH - 2)) for pair in itertools.product(alike, alike)]
    assert len(set(map(hash, values))) == len(set(values)) == 25


@pytest.mark.parametrize("kind", REALS)
def test_zeros_of_both_signs_are_hashed_alike(kind: Any) -> None:
    zeros, others = kind.of(*[0.0] * kind.WIDTH), kind.of(*[-0.0] * kind.WIDTH)
    assert zeros == others
    assert hash(zeros) == hash(others)


@pytest.mark.parametrize("kind", TYPES)
def test_nothing_can_be_changed_or_added(kind: Any) -> None:
    value = some(kind)
    assert not hasattr(value, "__dict__")
    assert sys.getsizeof(value) == sys.getsizeof(tuple(value))
    with pytest.raises(AttributeError):
        value.x = 1.0
    with pytest.raises(AttributeError):
        value.unknown = 1.0
    with pytest.raises(TypeError):
        value[0] = 1.0


@pytest.mark.parametrize("kind", TYPES)
def test_copies_and_pickles(kind: Any) -> None:
    value = some(kind)
    assert copy.copy(value) is value
    assert copy.deepcopy([value])[0] is value
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        loaded = pickle.loads(pickle.dumps(value, protocol))
        assert loaded == value
        assert type(loaded) is kind


@pytest.mark.parametrize("kind", TYPES)
def test_needs_as_many_numbers_as_it_has(kind: Any) -> None:
    with pytest.raises(VariantError, match=f"{kind.__name__} has {kind.WIDTH} numbers"):
        kind.of(*range(kind.WIDTH + 1))
    with pytest.raises(VariantError):
        kind.of()


@pytest.mark.parametrize("kind", TYPES)
def test_refuses_what_is_no_number(kind: Any) -> None:
    with pytest.raises(TypeError):
        kind.of(*["1"] * kind.WIDTH)


@pytest.mark.parametrize("kind", TYPES)
def test_from_itself(kind: Any) -> None:
    assert kind(some(kind)) == some(kind)


@pytest.mark.parametrize("kind", REALS)
def test_reals_are_rounded_to_32_bits(kind: Any) -> None:
    value = kind.of(*[0.1] * kind.WIDTH)
    assert set(value) == {struct.unpack("<f", struct.pack("<f", 0.1))[0]}
    assert value.is_finite()
    assert not kind.of(*[1e39] * kind.WIDTH).is_finite()


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_numbers_have_to_fit(kind: Any) -> None:
    with pytest.raises(VariantError):
        kind.of(*[2**31] * kind.WIDTH)
    with pytest.raises(TypeError):
        kind.of(*[0.5] * kind.WIDTH)


@pytest.mark.parametrize("kind", VECTORS)
def test_vectors_order_among_themselves(kind: Any) -> None:
    small, large = kind(), some(kind)
    assert small < large
    assert small <= large
    assert large > small
    assert large >= small
    assert sorted([large, small]) == [small, large]


@pytest.mark.parametrize("kind", TYPES)
def test_has_no_order_with_anything_else(kind: Any) -> None:
    value = some(kind)
    others = [tuple(value), 1, None] if kind in VECTORS else [some(kind)]
    for other in others:
        for compare in ("__lt__", "__le__", "__gt__", "__ge__"):
            with pytest.raises(TypeError, match="no order"):
                getattr(value, compare)(other)


@pytest.mark.parametrize("kind", TYPES)
def test_does_not_count_with_what_is_no_number(kind: Any) -> None:
    value = some(kind)
    for other in (tuple(value), "a", None, object()):
        for count in (
            lambda a, b: a + b,
            lambda a, b: b + a,
            lambda a, b: a - b,
            lambda a, b: a * b,
            lambda a, b: a / b,
        ):
            with pytest.raises(TypeError):
                count(value, other)


@pytest.mark.parametrize("kind", [Rect2, Rect2i, AABB, Plane, Projection])
def test_what_the_engine_does_not_multiply_with_a_number(kind: Any) -> None:
    for count in (lambda: some(kind) * 2, lambda: 2 * some(kind), lambda: some(kind) + some(kind)):
        with pytest.raises(TypeError):
            count()


@pytest.mark.parametrize("kind", [*VECTORS, Quaternion, Color, Basis, Transform2D, Transform3D])
def test_a_number_multiplies_from_both_sides(kind: Any) -> None:
    value = some(kind)
    assert value * 3 == 3 * value == kind.of(*(number * 3 for number in value))
    assert tuple(value / 2) == tuple(number / 2 if kind in REALS else number // 2 for number in value)


@pytest.mark.parametrize("kind", [*VECTORS, Quaternion, Plane])
def test_unary_plus_changes_nothing(kind: Any) -> None:
    assert +some(kind) == some(kind)


@pytest.mark.parametrize("kind", VECTORS)
def test_abs_is_python_s_too(kind: Any) -> None:
    assert abs(-some(kind)) == some(kind)
