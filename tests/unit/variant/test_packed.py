"""Packed arrays."""

from __future__ import annotations

import copy
import operator
import pickle
import sys
from array import array
from typing import Any

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant import (
    Color,
    PackedByteArray,
    PackedColorArray,
    PackedFloat32Array,
    PackedFloat64Array,
    PackedInt32Array,
    PackedInt64Array,
    PackedStringArray,
    PackedVector2Array,
    PackedVector3Array,
    PackedVector4Array,
    Vector2,
    Vector3,
    Vector4,
)

NUMBERS: list[Any] = [PackedInt32Array, PackedInt64Array, PackedFloat32Array, PackedFloat64Array]
TUPLES: list[Any] = [
    (PackedVector2Array, Vector2),
    (PackedVector3Array, Vector3),
    (PackedVector4Array, Vector4),
    (PackedColorArray, Color),
]
FILLED: list[Any] = [
    *(kind([1, 2, 3]) for kind in NUMBERS),
    *(kind([element.of(*[number] * element.WIDTH) for number in range(3)]) for kind, element in TUPLES),
    PackedStringArray(["a", "bc", ""]),
    PackedByteArray(b"abc"),
]


@pytest.mark.parametrize("values", FILLED)
def test_copies_and_pickles_keep_the_type(values: Any) -> None:
    for other in (copy.copy(values), copy.deepcopy(values), pickle.loads(pickle.dumps(values))):
        assert other == values
        assert operator.ne(other, values) is False
        assert type(other) is type(values)
    assert len(values) == 3


@pytest.mark.parametrize("values", FILLED)
def test_an_empty_one_is_small(values: Any) -> None:
    empty = type(values)()
    assert sys.getsizeof(empty) < 120
    assert not hasattr(empty, "__dict__")
    assert len(empty) == 0
    assert not empty


@pytest.mark.parametrize("values", FILLED[:8])
def test_parts_and_sums_keep_the_type(values: Any) -> None:
    kind = type(values)
    assert type(values[1:]) is kind
    assert list(values[1:]) == list(values)[1:]
    assert list(values[::-1]) == list(values)[::-1]
    assert values + values == values * 2 == 2 * values
    assert type(values + values) is type(values * 2) is kind
    assert values[:0] == kind()
    with pytest.raises(TypeError):
        operator.add(values, [1])
    assert repr(values) == f"{kind.__name__}({list(values)!r})"


@pytest.mark.parametrize("values", FILLED[:8])
def test_equal_by_type_too(values: Any) -> None:
    for other in FILLED[:8]:
        assert (values == other) == (values is other)
    assert values != list(values)
    with pytest.raises(TypeError):
        hash(values)


@pytest.mark.parametrize("kind", NUMBERS)
def test_from_memory(kind: Any) -> None:
    values = kind([1, 2])
    assert array.__new__(kind, values.typecode, values.tobytes()) == values
    assert memoryview(values).nbytes == 2 * values.itemsize
    assert kind(memoryview(values)) == values
    assert list(kind(b"\x01\x02")) == [1, 2]


def test_numbers_have_to_fit() -> None:
    for kind, number in ((PackedInt32Array, 2**31), (PackedInt64Array, 2**63), (PackedInt32Array, -(2**31) - 1)):
        with pytest.raises(VariantError, match=kind.__name__):
            kind([number])
    with pytest.raises(TypeError):
        PackedInt32Array([1.5])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        PackedFloat32Array("ab")  # type: ignore[arg-type]


def test_numbers_are_a_python_array() -> None:
    values = PackedInt32Array(range(3))
    values.append(7)
    values.extend([8])
    values[0] = -1
    assert list(values) == [-1, 1, 2, 7, 8]
    assert values.index(7) == 3


@pytest.mark.parametrize(("kind", "element"), TUPLES)
def test_a_sequence_of_vectors(kind: Any, element: Any) -> None:
    first, second, third = (element.of(*[number] * element.WIDTH) for number in (1, 2, 3))
    values = kind([first])
    values.append(third)
    values.insert(1, second)
    values.insert(-9, third)
    assert list(values) == [third, first, second, third]
    assert type(values[0]) is element
    assert values[-1] == third
    assert second in values
    assert values.index(second) == 2
    assert values.count(third) == 2
    assert list(reversed(values)) == [third, second, first, third]
    assert values.pop(0) == third
    values[0] = second
    values.extend([first])
    values += [first]
    assert values.tolist() == [second, second, third, first, first]
    del values[1]
    del values[2:]
    values[0:1] = [first, first]
    assert list(values) == [first, first, third]
    values.remove(third)
    values.reverse()
    values.clear()
    assert values == kind()


@pytest.mark.parametrize(("kind", "element"), TUPLES)
def test_refuses_what_is_something_else(kind: Any, element: Any) -> None:
    values = kind([element()])
    wrong = tuple([1.0] * element.WIDTH)
    for change in (
        lambda: kind([wrong]),
        lambda: values.append(wrong),
        lambda: values.extend([wrong]),
        lambda: values.insert(0, wrong),
        lambda: values.__setitem__(0, wrong),
        lambda: values.__setitem__(slice(0, 1), [wrong]),
    ):
        with pytest.raises(TypeError, match=f"holds {element.__name__}, not tuple"):
            change()
    for place in (1, -2):
        with pytest.raises(IndexError):
            values[place]
    assert list(values) == [element()]


@pytest.mark.parametrize(("kind", "element"), TUPLES)
def test_the_memory_itself(kind: Any, element: Any) -> None:
    width = element.WIDTH
    values = kind([element(), element()])
    view = values.view()
    assert (view.shape, view.format, view.readonly) == ((2, width), "f", False)
    view[1, 0] = 7.0
    assert values[1][0] == 7.0
    with pytest.raises(BufferError):
        values.append(element())
    view.release()
    values.append(element())
    assert values.tobytes() == array("f", [number for value in values for number in value]).tobytes()
    assert array.__new__(kind, "f", values.tobytes()) == values
    assert kind().view().shape == (0,)


def test_strings_only() -> None:
    values = PackedStringArray("ab")
    values.append("c")
    values.insert(0, "d")
    values.extend(["e"])
    values += ["f"]
    values[0] = "g"
    values[1:2] = ["h", "i"]
    assert values == ["g", "h", "i", "b", "c", "e", "f"]
    assert type(values.copy()) is type(values[1:]) is type(values + values) is PackedStringArray
    assert operator.add(values[1:], ["x"])[-2:] == ["f", "x"]
    assert values[0] == "g"
    assert repr(PackedStringArray("ab")) == "PackedStringArray(['a', 'b'])"
    for change in (
        lambda: PackedStringArray([1]),  # type: ignore[list-item]
        lambda: values.append(b"a"),  # type: ignore[arg-type]
        lambda: values.insert(0, None),  # type: ignore[arg-type]
        lambda: values.extend([1]),  # type: ignore[list-item]
        lambda: values.__iadd__([1]),  # type: ignore[list-item]
        lambda: values.__setitem__(0, 1),
        lambda: values.__setitem__(slice(0, 1), [1]),
    ):
        with pytest.raises(TypeError, match="holds str"):
            change()


def test_bytes() -> None:
    values = PackedByteArray([1, 255])
    assert values == b"\x01\xff"
    assert repr(values) == "PackedByteArray(b'\\x01\\xff')"
