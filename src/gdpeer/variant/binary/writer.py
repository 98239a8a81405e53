# cython: nonecheck=False, infer_types=True
# Only this package passes readers and writers, and `read_value` checks for None itself: without a check 5 % faster.
"""Encodes engine values.

A `Writer` collects the values of one packet. Nested values are written with a stack of its own and never by recursion,
so that depth costs neither Python frames nor the C stack.

Invariants: a value in the full encoding takes a multiple of 4 bytes. After an error the writer is not used again.

Layer: `variant`; compiled (types in `writer.pxd`, the leaves in `_kernels.pxd`). Source: reference godot4-wire section
A.1 to A.3, godot3-wire section 4.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from gdpeer.errors import VariantError
from gdpeer.variant.binary._output import Output, checked_count
from gdpeer.variant.binary.errors import changed, fitted_items, zero_character
from gdpeer.variant.binary.layout import (
    ITEM_SIZES,
    MAX_DEPTH,
    MISSING,
    NUMBERS,
    TO_3,
    WHOLE,
    kind_of,
    little,
    no_such_kind,
)
from gdpeer.variant.containers import UNTYPED, ContainerType
from gdpeer.variant.foreign import EncodedObject

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.dict import PyDict_Next
    from cython.cimports.cpython.float import PyFloat_AS_DOUBLE
    from cython.cimports.cpython.tuple import PyTuple_GET_SIZE
    from cython.cimports.gdpeer.variant.binary._kernels import (
        ascii_data,
        ascii_length,
        copy_text,
        is_ascii,
        put_real,
        put_whole,
        recent_kind,
        remember_kind,
        store32,
        store64,
    )

__all__ = ["Writer", "known_kind", "new_writer"]

# C integers once compiled (writer.pxd).
_WIDE = 1 << 16
"""A flag in the header: the number has 64 bits; for an Object: it is sent as an id."""
_BOOL, _INT, _FLOAT, _STRING, _STRING_NAME, _NODE_PATH = 1, 2, 3, 4, 21, 22
_RID, _OBJECT, _CALLABLE, _SIGNAL, _DICTIONARY, _ARRAY, _PACKED_BYTES, _PACKED_STRINGS = 23, 24, 25, 26, 27, 28, 29, 34
_BARE = 255
_MAX_LENGTH = 2**31 - 1

_NIL = bytes(4)
_INT_32, _INT_64, _FLOAT_32, _FLOAT_64 = map(struct.Struct, ("<Ii", "<Iq", "<If", "<Id"))


class _Name(str):
    """The name of an object's property, which is written without a header."""

    __slots__ = ()


class _Opened:
    """A container that is being written: the rest of its values, and how many of them its count has promised."""

    __slots__ = ("container", "left", "rest")

    container: Any
    rest: Any
    left: Any


def _opened(container: Any, rest: Iterator[Any], left: int) -> _Opened:
    opened = _Opened.__new__(_Opened)
    opened.container = container
    opened.rest = rest
    opened.left = left
    return opened


_known: dict[type[Any], int] = {_Name: _BARE}
"""The kinds of the classes written so far. It also keeps the classes alive: `recent_kind` compares their addresses."""

_spare: Writer | None = None
"""The last writer, to be used again; in the compiled form only, where no other thread can run in between."""


class Writer(Output):
    """Collects encoded values.

    With `typed`, arrays and dictionaries are written with their types, which Godot 3 lacks. With `objects`, an
    `EncodedObject` is written in full; else it is refused.
    """

    __slots__ = ("_objects", "_old", "_typed")

    def begin(self, engine: int, typed: bool, objects: bool) -> None:
        """Prepares the writer; called by `new_writer`."""
        self._begin_output()
        self._old = engine == 3
        self._typed = typed and engine != 3
        self._objects = objects

    def finish(self) -> bytes:
        """Returns all written bytes, and keeps the writer for the next use; the caller must not use it any more."""
        global _spare
        data: bytes = self.result()
        if cython.compiled:
            _spare = self
        return data

    def value(self, value: Any) -> None:
        """Adds one value in the full encoding.

        Raises:
            VariantError: the engine cannot hold the value.
            OverflowError, RuntimeError, UnicodeEncodeError: the same; see `errors.not_encodable`.
        """
        if not self._leaf(value):
            opened = self._begin(value)
            if opened is not None:
                self._nested(opened)

    def compact(self, first: int, number: int, size: int) -> None:
        """Adds a byte and, unless `size` is 0, a signed number of 1, 2, 4 or 8 bytes."""
        if cython.compiled:
            if self._end - self._at < 16:
                self._grow(16)
            self._at[0] = first
            store64(self._at + 1, number)
            self._at += 1 + size
        else:
            self._data.append(first)
            self._data += number.to_bytes(size, "little", signed=True)

    def _nested(self, first: _Opened) -> None:
        """Writes the rest of a container, and the containers within it."""
        opened = [first]
        while opened:
            inner = opened[-1]
            for item in inner.rest:
                inner.left -= 1
                # The count was written before: more values would be read as other values.
                if inner.left < 0:
                    raise changed(inner.container)
                if not self._leaf(item):
                    self._check_nesting(item, opened)
                    deeper = self._begin(item)
                    if deeper is not None:
                        opened.append(deeper)
                        break
            else:
                if inner.left:
                    raise changed(inner.container)
                opened.pop()

    def _check_nesting(self, value: Any, opened: list[_Opened]) -> None:
        # An empty container is written at once, and adds no level.
        if len(opened) == MAX_DEPTH and (isinstance(value, EncodedObject) or value):
            raise VariantError(f"values are nested deeper than {MAX_DEPTH}")
        for outer in opened:
            if outer.container is value:
                raise VariantError(f"a {type(value).__name__} holds itself")

    def _leaf(self, value: Any) -> bool:
        """Adds `value`. False: the value may hold other values, and was not added."""
        # Room for a header and a number, so that the methods for numbers need not check.
        if cython.compiled and self._end - self._at < 16:
            self._grow(16)
        if type(value) is str:
            self._text(_STRING, value)
        elif type(value) is int:
            self._int(value)
        elif type(value) is float:
            self._float(value)
        elif value is None:
            self._nil()
        elif type(value) is bool:
            self._pair(_BOOL, 1 if value else 0)
        elif type(value) is dict or type(value) is list:
            return False
        else:
            return self._other(value)
        return True

    def _other(self, value: Any) -> bool:
        kind = recent_kind(value) if cython.compiled else -1
        if kind < 0:
            kind = known_kind(value)
        if kind == _ARRAY or kind == _DICTIONARY:  # noqa: SIM109 - for C
            return False
        if kind == _BARE:
            self._string(value, 0)
        elif NUMBERS[kind]:
            self._flat(kind, value)
        elif ITEM_SIZES[kind]:
            self._packed(kind, value)
        elif kind < _STRING_NAME:
            self._plain(kind, value)
        elif kind == _OBJECT:
            return self._object(value)
        else:
            self._special(kind, value)
        return True

    def _plain(self, kind: int, value: Any) -> None:
        """Adds an instance of a subclass of int, float or str."""
        if kind == _INT:
            self._int(int.__int__(value))
        elif kind == _STRING:
            self._text(_STRING, str.__str__(value))
        else:
            self._float(float.__float__(value))

    def _special(self, kind: int, value: Any) -> None:
        if kind == _STRING_NAME:
            self._text(_STRING if self._old else _STRING_NAME, value)
        elif kind == _PACKED_BYTES:
            self._bytes(value)
        elif kind == _PACKED_STRINGS:
            self._strings(value)
        elif kind == _NODE_PATH:
            self._node_path(value)
        elif kind == _RID:
            self._word(self._head(kind))
            if not self._old:
                self._long(value.id)
        else:
            self._word(self._head(kind))
            if kind == _SIGNAL:
                self._string(value.name, 0)
                self._long(value.object_id)

    def _head(self, kind: int) -> int:
        """Returns the engine's type id of `kind`."""
        if not self._old:
            return kind
        if TO_3[kind] == MISSING:
            raise no_such_kind(kind)
        return TO_3[kind]

    def _flat(self, kind: int, value: Any) -> None:
        # Not `len`, which a subclass may override.
        count = PyTuple_GET_SIZE(value) if cython.compiled else tuple.__len__(value)
        if count != NUMBERS[kind]:
            raise VariantError(f"a {type(value).__name__} of {count} numbers")
        if WHOLE[kind]:
            self._wholes(self._head(kind), value)
        else:
            self._reals(self._head(kind), value, count)

    def _object(self, value: Any) -> bool:
        if isinstance(value, EncodedObject):
            if not self._objects:
                raise VariantError("an EncodedObject is only written where objects are allowed (..._with_objects)")
            return False
        self._word(self._head(_OBJECT) | _WIDE)
        self._long(value.object_id)
        return True

    def _node_path(self, value: Any) -> None:
        self._word(self._head(_NODE_PATH))
        names, subnames = tuple(value.names), tuple(value.subnames)
        self._word(0x80000000 | checked_count(len(names)))
        self._words(checked_count(len(subnames)), 1 if value.absolute else 0)
        for name in chain(names, subnames):
            self._string(name, 0)

    def _strings(self, value: Any) -> None:
        # A copy, as the list can change while its strings are written.
        texts = list.copy(value)
        self._words(self._head(_PACKED_STRINGS), checked_count(len(texts)))
        for text in texts:
            if not isinstance(text, str):
                raise VariantError(f"a PackedStringArray holds a {type(text).__name__}")
            # The engine writes these with the zero byte that ends a C string, and counts it.
            self._string(text, 1)

    def _packed(self, kind: int, value: Any) -> None:
        flat = memoryview(value)
        if flat.nbytes % ITEM_SIZES[kind]:
            raise VariantError(f"a {type(value).__name__} that ends within a value")
        self._words(self._head(kind), checked_count(flat.nbytes // ITEM_SIZES[kind]))
        self._raw(little(flat), flat.nbytes)

    def _bytes(self, value: Any) -> None:
        flat = value if type(value) is bytes else memoryview(value)
        if type(flat) is memoryview and not flat.c_contiguous:
            flat = flat.tobytes()
        size = flat.nbytes if type(flat) is memoryview else len(flat)
        self._words(self._head(_PACKED_BYTES), checked_count(size))
        self._raw(flat, size)
        self._pad(size)

    # ------------------------------------------------------------ containers

    def _begin(self, value: Any) -> Any:
        """Adds a container up to the first value that may hold others. Returns the rest; None if nothing is left."""
        if type(value) is dict:
            return self._pairs(value)
        if type(value) is list:
            return self._items(value)
        kind = kind_of(value)
        if kind == _OBJECT:
            return self._begin_object(value)
        return self._begin_array(value) if kind == _ARRAY else self._begin_dictionary(value)

    def _begin_array(self, value: Any) -> _Opened:
        base = tuple if isinstance(value, tuple) else list
        wanted, count = getattr(value, "element_type", UNTYPED), base.__len__(value)
        self._container_head(_ARRAY, wanted, UNTYPED)
        self._word(checked_count(count))
        items = base.__iter__(value)
        return _opened(value, fitted_items(items, wanted, wanted) if self._typed else items, count)

    def _begin_dictionary(self, value: Any) -> _Opened:
        keys, values = getattr(value, "key_type", UNTYPED), getattr(value, "value_type", UNTYPED)
        count = dict.__len__(value)
        self._container_head(_DICTIONARY, keys, values)
        self._word(checked_count(count))
        items = chain.from_iterable(value.items())
        return _opened(value, fitted_items(items, keys, values) if self._typed else items, 2 * count)

    def _plain_head(self, kind: int, count: int, least: int) -> None:
        """Adds the header and the count of a plain list or dict, whose content takes at least `least` bytes."""
        if count > _MAX_LENGTH:
            checked_count(count)
        self._pair(TO_3[kind] if self._old else kind, count)
        if cython.compiled and self._end - self._at < least:
            self._grow(least)

    def _items(self, value: list[Any]) -> _Opened | None:
        done, count = 0, len(value)
        self._plain_head(_ARRAY, count, 4 * count)
        for item in value:
            if not self._leaf(item):
                return _opened(value, islice(value, done, None), count - done)
            done += 1
        if done != count:
            raise changed(value)
        return None

    def _pairs(self, value: dict[Any, Any]) -> _Opened | None:
        done, count = 0, len(value)
        self._plain_head(_DICTIONARY, count, 8 * count)
        if cython.compiled:
            at, next_key, next_item = 0, cython.NULL, cython.NULL
            while done < count and PyDict_Next(
                value, cython.address(at), cython.address(next_key), cython.address(next_item)
            ):
                # Own references: encoding a value can run code that changes the dict.
                key, item = cython.cast(object, next_key), cython.cast(object, next_item)
                if not self._leaf(key):
                    return self._later(value, 2 * done, count)
                if not self._leaf(item):
                    return self._later(value, 2 * done + 1, count)
                done += 1
        else:
            for key, item in value.items():
                if not self._leaf(key):
                    return self._later(value, 2 * done, count)
                if not self._leaf(item):
                    return self._later(value, 2 * done + 1, count)
                done += 1
        if done != count or count != len(value):
            raise changed(value)
        return None

    def _later(self, value: dict[Any, Any], done: int, count: int) -> _Opened:
        return _opened(value, islice(chain.from_iterable(value.items()), done, None), 2 * count - done)

    def _begin_object(self, value: EncodedObject) -> _Opened | None:
        self._word(self._head(_OBJECT))
        self._string(value.class_name, 0)
        if not value.class_name:
            return None
        count = checked_count(len(value.properties))
        self._word(count)
        return _opened(value, self._properties(value.properties), 2 * count)

    def _properties(self, properties: dict[str, Any]) -> Iterator[Any]:
        return chain.from_iterable((_Name(name), value) for name, value in properties.items())

    def _container_head(self, kind: int, first: ContainerType, second: ContainerType) -> None:
        """Adds the header and the types: of an array's elements, or of keys and values."""
        if self._typed:
            self._types(kind, first, second, self._objects)
        else:
            self._word(self._head(kind))

    # ------------------------------------------------------------ numbers (`_leaf` made room for them) and texts

    def _nil(self) -> None:
        if cython.compiled:
            store32(self._at, 0)
            self._at += 4
        else:
            self._data += _NIL

    def _pair(self, first: int, second: int) -> None:
        """Adds two words of 32 bits."""
        if cython.compiled:
            store64(self._at, first | second << 32)
            self._at += 8
        else:
            self._words(first, second)

    def _int(self, value: int) -> None:
        if cython.compiled:
            self._at = put_whole(self._at, _INT, _WIDE, value)
        elif -(2**31) <= value < 2**31:
            self._data += _INT_32.pack(_INT, value)
        elif -(2**63) <= value < 2**63:
            self._data += _INT_64.pack(_INT | _WIDE, value)
        else:
            raise OverflowError

    def _float(self, value: float) -> None:
        """Adds a float, in 32 bits if they hold it exactly."""
        if cython.compiled:
            self._at = put_real(self._at, _FLOAT, _WIDE, PyFloat_AS_DOUBLE(value))
        elif array("f", (value,))[0] == value:
            self._data += _FLOAT_32.pack(_FLOAT, value)
        else:
            self._data += _FLOAT_64.pack(_FLOAT | _WIDE, value)

    def _text(self, head: int, text: str) -> None:
        """Adds a header and a string."""
        if cython.compiled and is_ascii(text):
            length = ascii_length(text)
            if length > _MAX_LENGTH:
                checked_count(length)
            padded = length + 3 & ~3
            if self._end - self._at < 8 + padded:
                self._grow(8 + padded)
            at = self._at
            self._at = at + 8 + padded
            store32(at, head)
            store32(at + 4, length)
            # Clear the last word, which has the padding; for an empty text that word is the length, which is 0.
            store32(at + 4 + padded, 0)
            if copy_text(at + 8, ascii_data(text), length):
                raise zero_character()
        else:
            self._word(head)
            self._string(text, 0)


def new_writer(engine: int, typed: bool, objects: bool) -> Writer:
    """Returns a prepared `Writer`. Compiled callers pass the arguments as C values, not as Python objects."""
    global _spare
    writer = _spare
    if cython.compiled and writer is not None:
        _spare = None
    else:
        writer = Writer.__new__(Writer)
    writer.begin(engine, typed, objects)
    return writer


def known_kind(value: Any) -> Any:
    """Returns `kind_of(value)`, and keeps the class of the value alive."""
    known = _known.get(type(value))
    if known is None:
        known = _known[type(value)] = kind_of(value)
    if cython.compiled:
        remember_kind(value, known)
    return known
