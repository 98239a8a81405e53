# cython: binding=False, nonecheck=False, infer_types=True
# Without `binding` a call from Python is faster, as the functions keep no annotations. About None, see `_leaves`.
"""Encodes and decodes the arguments of a remote call: values in a row, for Godot 4 in the compact format.

    bool    1 byte: 0x01 false, 0x81 true
    int     1 byte: 0x02 | size << 6, then 1, 2, 4 or 8 bytes, the fewest that hold it
    others  the full encoding

Only the arguments themselves are compact, not the values within them. Godot 3 has no compact format and uses the full
encoding for all.

Layer: `variant`; compiled (types in `compact.pxd`). Source: reference godot4-wire section A.5, godot3-wire section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gdpeer.variant.binary._leaves import LeafReader, bytes_of, new_leaf_reader
from gdpeer.variant.binary.errors import NOT_ENCODABLE, not_encodable
from gdpeer.variant.binary.layout import NUMBERS, WHOLE, check_engine, kind_of
from gdpeer.variant.binary.reader import read_value
from gdpeer.variant.binary.writer import Writer, known_kind, new_writer
from gdpeer.variant.math.flat import Numbers

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.float import PyFloat_AS_DOUBLE
    from cython.cimports.gdpeer.variant.binary._kernels import (
        as_size,
        put_compact,
        put_exact_reals,
        put_real,
        recent_kind,
        remember_kind,
    )

__all__ = ["decode_arguments", "decode_values", "encode_arguments", "encode_items", "encoded_behind"]

# C integers once compiled (compact.pxd).
_BOOL = 1
_INT = 2
_FLOAT = 3
_WIDE = 1 << 16
_TRUE = 0x80
_TYPE = 0x3F


def encode_arguments(arguments: Sequence[Any], engine: int = 4, typed: bool = False, objects: bool = False) -> bytes:
    """Encodes all arguments, without a count; `objects` allows an `EncodedObject`, which is written in full.

    Raises:
        VariantError: the engine cannot hold an argument; see `var_to_bytes`.
    """
    if engine != 4:
        check_engine(engine)
    return _finished(new_writer(engine, typed, objects), arguments, engine == 4)


def encode_items(values: dict[str, Any], names: tuple[str, ...]) -> bytes:
    """Encodes those values of a dictionary that a tuple names, as `encode_arguments` for Godot 4, typed.

    Raises:
        VariantError: the engine cannot hold a value.
        KeyError: the dictionary has values, but not of this name.
    """
    if not (values and names):
        return b""
    writer = new_writer(4, True, False)
    try:
        for name in names:
            _append(writer, values[name])
    except NOT_ENCODABLE as error:
        raise not_encodable(error) from None
    return writer.finish()


def encode_brief(at: Any, room: int, value: Any) -> Any:  # compiled only
    """Writes a number, a bool or a tuple of floats at an address, as `encode_arguments` for Godot 4.

    Args:
        at: the address.
        room: how many bytes there is room for, at least 12.
        value: any object.

    Returns:
        How many bytes the value takes; 0 and nothing is written for other values, and where the room is too small.
    """
    if type(value) is float:
        return put_real(at, _FLOAT, _WIDE, PyFloat_AS_DOUBLE(value)) - at
    if type(value) is int:
        return put_compact(at, value)
    if type(value) is bool:
        at[0] = _BOOL | _TRUE if value else _BOOL
        return 1
    kind = recent_kind(value)
    if kind < 0:
        if not isinstance(value, Numbers):
            return 0
        kind = known_kind(value)
        remember_kind(value, kind)
    if WHOLE[kind] or 4 + 4 * NUMBERS[kind] > room:
        return 0
    return put_exact_reals(at, kind, value, NUMBERS[kind])


def encoded_behind(first: int, second: int, size: int, arguments: Sequence[Any], typed: bool, objects: bool) -> bytes:
    """Encodes as `encode_arguments` for Godot 4, behind a byte and a signed number of `size` bytes, 1 to 8."""
    writer = new_writer(4, typed, objects)
    writer.compact(first, second, size)
    return _finished(writer, arguments, True)


def decode_arguments(
    data: bytes | bytearray | memoryview, offset: int, count: int, end: int, engine: int = 4, objects: bool = False
) -> list[Any]:
    """Decodes `count` arguments from `data[offset:end]`; bytes after them are ignored.

    With `objects`, full objects are read, as `EncodedObject`; else they are refused.

    Raises:
        VariantError: an argument is damaged or missing.
        ValueError: `count` is below zero, or the span is outside `data`.
        TypeError: `data` is not bytes-like.
    """
    if engine != 4:
        check_engine(engine)
    source = data if type(data) is bytes else bytes_of(data)
    leaves = new_leaf_reader(source, offset, end, engine, objects)
    number = _clipped(count)
    if number < 0:
        raise ValueError(f"{count} arguments are asked for")
    # Each argument takes at least one byte. With one more than the bytes allow, decoding fails anyway, and the list
    # below stays small.
    number = min(number, end - offset + 1)
    values = [None] * number
    compact = engine == 4
    for index in range(number):
        values[index] = _take(leaves) if compact else read_value(leaves)
    leaves.end()
    return values


def decode_values(data: bytes, count: int) -> tuple[list[Any], int]:
    """Decodes `count` values of Godot 4 from the beginning of `data`; -1: all values that `data` holds.

    Returns:
        The values, and how many bytes they take.

    Raises:
        VariantError: a value is damaged or missing.
    """
    leaves = new_leaf_reader(data, 0, len(data), 4, False)
    size = len(data)
    values: list[Any] = []
    while leaves.at < size if count < 0 else len(values) < count:
        values.append(_take(leaves))
    at = leaves.at
    leaves.end()
    return values, at


def _clipped(count: int) -> Any:
    """Returns `count`, or the largest count that C can hold."""
    if cython.compiled:
        return as_size(count, cython.NULL)
    return count


def _finished(writer: Writer, arguments: Sequence[Any], compact: bool) -> bytes:
    try:
        for value in arguments:
            if compact:
                _append(writer, value)
            else:
                writer.value(value)
    except NOT_ENCODABLE as error:
        raise not_encodable(error) from None
    return writer.finish()


def _append(writer: Writer, value: Any) -> None:
    if type(value) is int:
        _append_int(writer, value)
    elif type(value) is bool:
        writer.compact(_BOOL | _TRUE if value else _BOOL, 0, 0)
    elif isinstance(value, int) and kind_of(value) == _INT:  # an instance of a subclass
        _append_int(writer, int.__int__(value))
    else:
        writer.value(value)


def _append_int(writer: Writer, value: int) -> None:
    number = value
    if -0x80 <= number < 0x80:
        mode = 0
    elif -0x8000 <= number < 0x8000:
        mode = 1
    elif -0x80000000 <= number < 0x80000000:
        mode = 2
    else:
        mode = 3
    writer.compact(_INT | mode << 6, number, 1 << mode)


def _take(leaves: LeafReader) -> Any:
    first = leaves.peek()
    if first & _TYPE == _BOOL:
        leaves.skip()
        return first & _TRUE != 0
    if first & _TYPE == _INT:
        leaves.skip()
        return leaves.whole(1 << (first >> 6))
    return read_value(leaves)
