"""numpy looks at packed arrays without a copy; gdpeer itself does not need it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdpeer.variant import (
    Color,
    PackedByteArray,
    PackedColorArray,
    PackedFloat32Array,
    PackedFloat64Array,
    PackedInt32Array,
    PackedInt64Array,
    PackedVector2Array,
    PackedVector3Array,
    PackedVector4Array,
    Vector2,
    Vector3,
    Vector4,
)
from gdpeer.variant.binary.codec import bytes_to_var, var_to_bytes


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (PackedInt32Array([1, -2]), np.int32),
        (PackedInt64Array([1, -2]), np.int64),
        (PackedFloat32Array([0.5, 1]), np.float32),
        (PackedFloat64Array([0.5, 1]), np.float64),
    ],
)
def test_numbers_share_their_memory(array: Any, kind: Any) -> None:
    found = np.asarray(bytes_to_var(var_to_bytes(array)))
    assert found.dtype == kind
    assert found.tolist() == list(array)
    view = np.asarray(array)
    view[0] = 7
    assert array[0] == 7


@pytest.mark.parametrize(
    "array",
    [
        PackedVector2Array([Vector2(1, 2), Vector2(3, 4)]),
        PackedVector3Array([Vector3(1, 2, 3), Vector3(4, 5, 6)]),
        PackedVector4Array([Vector4(1, 2, 3, 4), Vector4(5, 6, 7, 8)]),
        PackedColorArray([Color(1, 0, 0), Color(0, 1, 0)]),
    ],
)
def test_vectors_are_rows_that_share_their_memory(array: Any) -> None:
    view = np.asarray(array.view())
    assert view.tolist() == [list(row) for row in array]
    view *= 2
    assert array[1] == type(array[1]).of(*(2 * number for number in view[1] / 2))
    assert np.shares_memory(view, np.asarray(array))


def test_bytes_can_be_read() -> None:
    assert np.frombuffer(PackedByteArray(b"\1\2"), np.uint8).tolist() == [1, 2]


def test_what_numpy_made_goes_into_an_array() -> None:
    made = np.arange(6, dtype=np.float32)
    assert list(PackedFloat32Array(made)) == made.tolist()
