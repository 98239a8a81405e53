"""Encodes and decodes engine values: `var_to_bytes` and its family.

Layer: `variant`; compiled (types in `codec.pxd`). Source: reference godot4-wire section A, godot3-wire section 4.
"""

from __future__ import annotations

from typing import Any

from gdpeer.variant.binary._leaves import bytes_of, new_leaf_reader
from gdpeer.variant.binary.errors import NOT_ENCODABLE, not_encodable
from gdpeer.variant.binary.layout import check_engine
from gdpeer.variant.binary.reader import read_value
from gdpeer.variant.binary.writer import new_writer

__all__ = [
    "bytes_to_var",
    "bytes_to_var_with_objects",
    "decode_variant",
    "encode_variant",
    "var_to_bytes",
    "var_to_bytes_with_objects",
]


def var_to_bytes(value: Any, engine: int = 4, typed: bool = False) -> bytes:
    """Encodes a value as the engine's `var_to_bytes` (Godot 3: `var2bytes`).

    A `tuple` becomes an Array, an `IntEnum` an int; `bytes`, `bytearray` and `memoryview` become a PackedByteArray.

    Args:
        value: the value.
        engine: 4, or 3 for Godot 3's format.
        typed: whether arrays and dictionaries carry their types. Engines before 4.4 misread types; Godot 3 has none.

    Raises:
        VariantError: the engine cannot hold the value: an int outside 64 bits, half a surrogate pair or a zero
            character in a text, a container that holds itself or is nested deeper than 128, an `EncodedObject`, a
            class without a counterpart; with `engine=3` also a type that Godot 3 lacks.
    """
    return encode_variant(value, engine, typed, False)


def var_to_bytes_with_objects(value: Any, engine: int = 4, typed: bool = False) -> bytes:
    """Encodes as `var_to_bytes`, but writes an `EncodedObject` in full and keeps the class names of container types."""
    return encode_variant(value, engine, typed, True)


def bytes_to_var(data: bytes | bytearray | memoryview, engine: int = 4) -> Any:
    """Decodes a value as the engine's `bytes_to_var` (Godot 3: `bytes2var`). Bytes after the value are ignored.

    Args:
        data: the bytes, which may be hostile. The value takes at most 16 times as much memory, plus 64 KiB.
        engine: 4, or 3 for Godot 3's format.

    Raises:
        VariantError: the bytes hold no value, or a full object.
    """
    return decode_variant(data, 0, engine, False)[0]


def bytes_to_var_with_objects(data: bytes | bytearray | memoryview, engine: int = 4) -> Any:
    """Decodes as `bytes_to_var`, but a full object becomes a passive `EncodedObject`: none of its code runs."""
    return decode_variant(data, 0, engine, True)[0]


def encode_variant(value: Any, engine: int, typed: bool, objects: bool) -> bytes:
    """Encodes `value` in the full encoding; the common part of the functions above."""
    if engine != 4:
        check_engine(engine)
    writer = new_writer(engine, typed, objects)
    try:
        writer.value(value)
    except NOT_ENCODABLE as error:
        raise not_encodable(error) from None
    return writer.finish()


def decode_variant(data: bytes | bytearray | memoryview, offset: int, engine: int, objects: bool) -> tuple[Any, int]:
    """Decodes the value at `offset`; returns the value and where the next value begins.

    Raises:
        VariantError: the bytes hold no value.
        ValueError: `offset` is outside `data`.
        TypeError: `data` is not bytes-like.
    """
    if engine != 4:
        check_engine(engine)
    source = bytes_of(data)
    leaves = new_leaf_reader(source, offset, len(source), engine, objects)
    value = read_value(leaves)
    at = leaves.at
    leaves.end()
    return value, at
