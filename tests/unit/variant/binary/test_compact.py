"""The arguments of remote calls."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant import Array, ContainerType, EncodedObject, PackedByteArray, VariantType, Vector2, var_to_bytes
from gdpeer.variant.binary.compact import decode_arguments, encode_arguments
from tests.unit.variant.vectors import words


class Mode(IntEnum):
    FAST = 300


EXAMPLES = [
    (True, "81"),
    (False, "01"),
    (0, "0200"),
    (1, "0201"),
    (-1, "02ff"),
    (127, "027f"),
    (-128, "0280"),
    (128, "428000"),
    (300, "422c01"),
    (Mode.FAST, "422c01"),
    (-32768, "420080"),
    (32768, "8200800000"),
    (70000, "8270110100"),
    (-(2**31), "8200000080"),
    (2**31, "c20000008000000000"),
    (2**40, "c2000000000001 0000".replace(" ", "")),
    (-(2**63), "c20000000000000080"),
    (None, "00000000"),
    (0.5, "030000000000003f"),
    ("hi", "040000000200000068690000"),
    ([1, True], "1c00000002000000020000000100000001000000 01000000".replace(" ", "")),
]


@pytest.mark.parametrize(("value", "coded"), EXAMPLES)
def test_examples(value: Any, coded: str) -> None:
    data = bytes.fromhex(coded)
    assert encode_arguments([value]) == data
    assert decode_arguments(data, 0, 1, len(data)) == [value]
    assert decode_arguments(b"x" + data + b"rest", 1, 1, len(data) + 5) == [value]


def test_lists() -> None:
    arguments = ["hello", 7, Vector2(1, 2), {"k": 1}, False, PackedByteArray(b"abc")]
    for engine in (4, 3):
        data = encode_arguments(arguments, engine=engine)
        assert decode_arguments(b".." + data + b"..", 2, 6, len(data) + 2, engine=engine) == arguments
        assert decode_arguments(data, 0, 2, len(data), engine=engine) == ["hello", 7]
        assert decode_arguments(data, 0, 0, 0, engine=engine) == []
        assert encode_arguments(tuple(arguments), engine=engine) == data
        assert encode_arguments([], engine=engine) == b""
    assert data == b"".join(var_to_bytes(argument, 3) for argument in arguments)


def test_types_and_objects_are_passed_on() -> None:
    typed = Array([1], ContainerType(VariantType.TYPE_INT))
    data = encode_arguments([typed], typed=True)
    assert data == var_to_bytes(typed, typed=True)
    thing = EncodedObject("Node", {"a": 1})
    data = encode_arguments([thing], objects=True)
    assert decode_arguments(data, 0, 1, len(data), objects=True) == [thing]
    with pytest.raises(VariantError, match="where objects are allowed"):
        encode_arguments([thing])
    with pytest.raises(VariantError, match="where objects are allowed"):
        decode_arguments(data, 0, 1, len(data))


def test_a_null_of_type_object_is_refused_as_in_the_engine() -> None:
    for objects in (False, True):
        with pytest.raises(VariantError):
            decode_arguments(words(24), 0, 1, 4, objects=objects)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "\ud800", [2**64], object()])
@pytest.mark.parametrize("engine", [4, 3])
def test_values_that_the_engine_cannot_hold(engine: int, value: Any) -> None:
    with pytest.raises(VariantError):
        encode_arguments([1, value], engine=engine)


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"", 0),
        (b"\x02", 1),
        (b"\x42\x01", 1),
        (b"\x82\1\1\1", 1),
        (b"\xc2\1\1\1\1\1\1\1", 1),
        (b"\x03\0", 0),
        (b"\x44\0\0\0", 0),
    ],
)
def test_damaged_bytes(data: bytes, offset: int) -> None:
    with pytest.raises(VariantError) as caught:
        decode_arguments(b"\x81" + data + b"\0" * 20, 0, 2, len(data) + 1)
    assert caught.value.offset == offset + 1


def test_nothing_is_read_from_the_end_on() -> None:
    data = encode_arguments(["abcd", 5])
    with pytest.raises(VariantError):
        decode_arguments(data, 0, 2, len(data) - 1)
    with pytest.raises(ValueError, match="no span"):
        decode_arguments(data, 0, 1, len(data) + 1)


def test_engines() -> None:
    with pytest.raises(ValueError, match="engine is 3 or 4"):
        encode_arguments([], engine=2)
    with pytest.raises(ValueError, match="engine is 3 or 4"):
        decode_arguments(b"", 0, 0, 0, engine=2)
