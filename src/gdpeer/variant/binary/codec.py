"""Engine values and their bytes: `var_to_bytes` and its family.

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
    """Encode a value as the engine's `var_to_bytes` (Godot 3: `var2bytes`) does.

    A `tuple` goes as an Array, an `IntEnum` as an int, `bytes`, `bytearray` and `memoryview` as a PackedByteArray.

    Args:
        value: what to encode.
        engine: 4, or 3 for Godot 3's form.
        typed: whether arrays and dictionaries carry their types, which engines before 4.4 misread; Godot 3 has none.

    Raises:
        VariantError: the engine cannot hold the value: an int outside 64 bits, half a surrogate pair or a zero
            character in a text, a container that holds itself or is nested deeper than 128, an `EncodedObject`, a
            class that has no counterpart, with `engine=3` also a type that Godot 3 lacks.
    """
    return encode_variant(value, engine, typed, False)


def var_to_bytes_with_objects(value: Any, engine: int = 4, typed: bool = False) -> bytes:
    """As `var_to_bytes`, but an `EncodedObject` is written in full, and container types keep their class names."""
    return encode_variant(value, engine, typed, True)


def bytes_to_var(data: bytes | bytearray | memoryview, engine: int = 4) -> Any:
    """Decode a value as the engine's `bytes_to_var` (Godot 3: `bytes2var`) does. Bytes after it are ignored.

    Args:
        data: the bytes; they may be hostile. What is decoded takes at most 16 times as much memory, and 64 KiB.
        engine: 4, or 3 for Godot 3's form.

    Raises:
        VariantError: they hold no value; also for a full object.
    """
    return decode_variant(data, 0, engine, False)[0]


def bytes_to_var_with_objects(data: bytes | bytearray | memoryview, engine: int = 4) -> Any:
    """As `bytes_to_var`, but a full object decodes to an `EncodedObject`, which is passive: no code of its runs."""
    return decode_variant(data, 0, engine, True)[0]


def encode_variant(value: Any, engine: int, typed: bool, objects: bool) -> bytes:
    """The four above in one: the bytes of `value` in the full encoding."""
    if engine != 4:
        check_engine(engine)
    writer = new_writer(engine, typed, objects)
    try:
        writer.value(value)
    except NOT_ENCODABLE as error:
        raise not_encodable(error) from None
    return writer.finish()


def decode_variant(data: bytes | bytearray | memoryview, offset: int, engine: int, objects: bool) -> tuple[Any, int]:
    """The value at `offset`, and where the next one begins.

    Raises:
        VariantError: there is none.
        ValueError: `offset` is outside `data`.
        TypeError: `data` is not bytes-like.
    """
    if engine != 4:
        check_engine(engine)
    source = data if type(data) is bytes else bytes_of(data)
    leaves = new_leaf_reader(source, offset, len(source), engine, objects)
    value = read_value(leaves)
    at = leaves.at
    leaves.end()
    return value, at
