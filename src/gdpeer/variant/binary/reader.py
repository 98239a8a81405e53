# cython: nonecheck=False, infer_types=True
# Only this package passes readers and writers, and `read_value` checks for None itself: without a check 5 % faster.
"""Decodes engine values: containers and their content. The bytes may be hostile.

Nested values are read with a stack, the chain of frames, and never by recursion. `LeafReader` decodes the leaves, and
keeps the place in the bytes. Every failure is a `VariantError` with its offset.

Invariants: the values take at most 16 times their bytes plus 64 KiB of memory. Python needs more for some values that
no game sends, such as nested dictionaries with one null key each; these are refused. Only dictionaries can exceed the
limit, so the estimate is checked where a dictionary grows and where a value nests.

Layer: `variant`; compiled (types in `reader.pxd`). Source: reference godot4-wire section A.1 to A.3, godot3-wire
section 4.
"""

from __future__ import annotations

from typing import Any

from gdpeer.errors import VariantError
from gdpeer.variant.binary._leaves import NESTED, LeafReader
from gdpeer.variant.binary.layout import AS_ID, BUILTIN, MAX_DEPTH, holds_plainly
from gdpeer.variant.binary.memory_costs import (
    DICT,
    FIRST_KEY,
    FIRST_TEXT_KEY,
    FRAME,
    HANDLE,
    KEY,
    LIST,
    SEALED,
    SEALED_BYTE,
    SLOT,
)
from gdpeer.variant.containers import UNTYPED, Array, ContainerType, Dictionary, sealed
from gdpeer.variant.foreign import EncodedObject
from gdpeer.variant.kinds import VariantType

__all__ = ["read_value"]

# C integers once compiled (reader.pxd).
_OBJECT, _DICTIONARY, _ARRAY = 24, 27, 28
_KINDS = len(BUILTIN)
_HEADER = 4

_UNSET = object()


class _Frame:
    """A container that is being read.

    Attributes:
        outer: the container around it.
        kind: of the container.
        left: how many elements, pairs or properties are still to be read.
        target: the container itself.
        key: the key whose value comes next; _UNSET before a key.
        mark: where the next key begins; after the key was read, its size in bytes.
    """

    __slots__ = ("key", "kind", "left", "mark", "outer", "target")

    key: Any
    kind: int
    left: int
    mark: int
    outer: _Frame | None
    target: Any


def read_value(leaves: LeafReader) -> Any:
    """Decodes the next value, in the full encoding.

    Raises:
        VariantError: the bytes hold no value.
    """
    if leaves is None:  # Cython accepts None for any class
        raise TypeError("read_value needs a LeafReader")
    # No other name may refer to a frame, so that a frame is freed as soon as its container is complete.
    frame: _Frame | None = None
    value = leaves.leaf()
    while True:
        if value is NESTED:
            value = _begin(leaves, frame)
            if type(value) is _Frame:
                frame = value
                value = leaves.leaf()
                continue
        if frame is None:
            return value
        _add(leaves, frame, value)
        if frame.left:
            value = leaves.leaf()
        else:
            # The container is complete, and becomes a value of the container around it.
            value = frame.target
            frame = frame.outer
            leaves.depth -= 1
            leaves.cost -= FRAME


# ---------------------------------------------------------------- containers that begin


def _begin(leaves: LeafReader, outer: _Frame | None) -> Any:
    """Begins the container whose header was read. Returns the whole container if it holds no others, else its frame."""
    if leaves.kind == _DICTIONARY:
        return _begin_dictionary(leaves, outer)
    if leaves.kind == _ARRAY:
        return _begin_array(leaves, outer)
    return _begin_object(leaves, outer)


def _begin_array(leaves: LeafReader, outer: _Frame | None) -> Any:
    wanted = UNTYPED if leaves.old else _type(leaves, leaves.head >> 16 & 3)
    left = leaves.counted(4)
    leaves.cost += LIST
    if wanted is not UNTYPED:
        return _begin_typed(leaves, outer, _ARRAY, left, Array((), wanted))
    target: list[Any] = []
    if left and leaves.depth == MAX_DEPTH:
        raise _too_deep(leaves)
    while left:
        value = leaves.leaf()
        if value is NESTED:
            # Go back before the header: read_value() reads it again with the frame in place.
            leaves.at -= _HEADER
            return _opened(leaves, outer, _ARRAY, left, target)
        target.append(value)
        left -= 1
    return target


def _begin_dictionary(leaves: LeafReader, outer: _Frame | None) -> Any:
    first = second = UNTYPED
    head = leaves.head
    if head >> 16 & 15 and not leaves.old:
        first = _type(leaves, head >> 16 & 3)
        second = _type(leaves, head >> 18 & 3)
    left = leaves.counted(8)
    leaves.cost += SLOT + DICT
    if first is not UNTYPED or second is not UNTYPED:
        return _begin_typed(leaves, outer, _DICTIONARY, left, Dictionary((), first, second))
    target: Any = {}
    if left and leaves.depth == MAX_DEPTH:
        raise _too_deep(leaves)
    while left:
        begin = leaves.at
        key = leaves.leaf()
        if key is NESTED:
            leaves.at -= _HEADER
            return _opened(leaves, outer, _DICTIONARY, left, target)
        size = leaves.at - begin
        value = leaves.leaf()
        if value is NESTED:
            leaves.at -= _HEADER
            frame = _opened(leaves, outer, _DICTIONARY, left, target)
            frame.key = key
            frame.mark = size
            return frame
        target = _with_pair(leaves, target, key, value, size)
        left -= 1
    return target


def _begin_object(leaves: LeafReader, outer: _Frame | None) -> Any:
    if not leaves.objects:
        raise leaves.error("a full Object, which is only read where objects are allowed (..._with_objects)", 4)
    leaves.cost += SLOT
    name = leaves.text()
    if not name:
        return None
    leaves.cost += HANDLE + DICT
    left = leaves.counted(8)
    target = EncodedObject(name, {})
    if not left:
        return target
    frame = _opened(leaves, outer, _OBJECT, left, target)
    frame.key = _property_name(leaves)
    return frame


def _begin_typed(leaves: LeafReader, outer: _Frame | None, kind: int, left: int, target: Any) -> Any:
    return _opened(leaves, outer, kind, left, target) if left else target


def _opened(leaves: LeafReader, outer: _Frame | None, kind: int, left: int, target: Any) -> _Frame:
    if leaves.depth == MAX_DEPTH:
        raise _too_deep(leaves)
    leaves.depth += 1
    leaves.cost += FRAME
    leaves.check_cost()
    frame = _Frame.__new__(_Frame)
    frame.outer = outer
    frame.kind = kind
    frame.left = left
    frame.target = target
    frame.key = _UNSET
    frame.mark = leaves.at
    return frame


def _too_deep(leaves: LeafReader) -> VariantError:
    return leaves.error(f"values are nested deeper than {MAX_DEPTH}")


def _type(leaves: LeafReader, bits: int) -> ContainerType:
    """Decodes the type of a container's content, as the bits in its header say."""
    if bits == 0:
        return UNTYPED
    if bits == 1:
        kind = leaves.word()
        if kind >= _KINDS:
            raise leaves.error(f"the engine has no type {kind} for elements", 4)
        return BUILTIN[kind] if kind != _OBJECT or leaves.objects else AS_ID
    name = leaves.text()
    leaves.cost += HANDLE
    if not leaves.objects:
        return AS_ID
    return ContainerType(VariantType.TYPE_OBJECT, *((name,) if bits == 2 else ("", name)))


# ---------------------------------------------------------------- containers that are being read


def _add(leaves: LeafReader, frame: _Frame, value: Any) -> None:
    target = frame.target
    if frame.kind == _ARRAY:
        target.append(value if type(target) is list else _fitted(leaves, value, target.element_type))
        frame.left -= 1
    elif frame.key is _UNSET:
        frame.key = value if type(target) is dict else _fitted(leaves, value, target.key_type)
        frame.mark = leaves.at - frame.mark
    elif frame.kind == _DICTIONARY:
        if type(target) is not dict:
            value = _fitted(leaves, value, target.value_type)
        frame.target = _with_pair(leaves, target, frame.key, value, frame.mark)
        frame.key = _UNSET
        frame.mark = leaves.at
        frame.left -= 1
    else:
        target.properties[frame.key] = value
        frame.left -= 1
        if frame.left:
            frame.key = _property_name(leaves)


def _property_name(leaves: LeafReader) -> Any:
    leaves.cost += KEY
    return leaves.text()


def _fitted(leaves: LeafReader, value: Any, wanted: ContainerType) -> Any:
    try:
        return wanted.fitted(value)
    except TypeError as error:
        raise leaves.error(f"a typed container holds a {error}") from None


def _with_pair(leaves: LeafReader, target: Any, key: Any, value: Any, size: int) -> Any:
    """Adds a pair, whose key took `size` bytes. Returns the dict: `target`, or a `Dictionary` if the key needs one."""
    if target:
        leaves.cost += KEY
    else:
        leaves.cost += FIRST_TEXT_KEY if type(key) is str else FIRST_KEY
        leaves.check_cost()
    if type(target) is dict:
        plain = target
        # Check the two common types here, which saves a call.
        if type(key) is str or (type(key) is int and key not in plain) or holds_plainly(plain, key):
            plain[key] = value
            return plain
        target = _converted(leaves, target)
    inside = key
    if type(key) is not str and type(key) is not int:
        inside = _sealed(leaves, key, size)
    dict.__setitem__(target, inside, value)
    return target


def _sealed(leaves: LeafReader, key: Any, size: int) -> Any:
    """Returns the key that a `Dictionary` stores for `key`, which took `size` bytes."""
    more = SEALED + SEALED_BYTE * size
    # Check the memory of the token before making it, and give it back if the key needs none.
    leaves.cost += more
    leaves.check_cost()
    try:
        inside = sealed(key)
    except (TypeError, VariantError) as error:
        raise leaves.error(f"a key that no dictionary can hold: {error}") from None
    if inside is key:
        leaves.cost -= more
    return inside


def _converted(leaves: LeafReader, target: dict[Any, Any]) -> Dictionary:
    # Until the end of this function both dictionaries exist.
    both = len(target) * KEY
    leaves.cost += both
    leaves.check_cost()
    dictionary = Dictionary()
    for key, value in target.items():
        # Of a plain dict's keys only numbers are sealed.
        dict.__setitem__(dictionary, _sealed(leaves, key, _HEADER), value)
    leaves.cost -= both
    return dictionary
