"""Arrays and dictionaries of the engine: with types for their content, and with the engine's rule for keys.

    scores = Dictionary([(1, "int"), (1.0, "float"), (True, "bool"), ([1, 2], "array")])
    len(scores)                         # 4

Plain lists and dicts are enough for most purposes. These two classes hold content that plain ones cannot. They carry
the types and check them when a container is built, but not when it is changed later.

Layer: `variant`. Source: reference godot4-wire section A.4; the rule for keys measured on Godot 4.6.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import ItemsView, Iterable, Iterator, Mapping, MutableMapping, ValuesView
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from gdpeer.errors import VariantError
from gdpeer.variant.foreign import RID, EncodedCallable, EncodedObject, EncodedObjectAsID, EncodedSignal
from gdpeer.variant.kinds import VariantType, typeof
from gdpeer.variant.math.flat import Numbers
from gdpeer.variant.names import NodePath, StringName

__all__ = ["UNTYPED", "Array", "ContainerType", "Dictionary", "sealed"]

_DEPTH = 16
"""Most levels of arrays and dictionaries nested in a key: each level makes the tokens of all inner keys again."""


@dataclass(frozen=True, slots=True)
class ContainerType:
    """The type of an array's elements, or of a dictionary's keys or values.

    Attributes:
        type: a built-in type; `TYPE_NIL` for any (`Variant`).
        class_name: for `TYPE_OBJECT`, the engine's class.
        script: for `TYPE_OBJECT`, the path of a script.
    """

    type: VariantType = VariantType.TYPE_NIL
    class_name: str = ""
    script: str = ""

    def fitted(self, value: Any) -> Any:
        """Converts `value` to this type as the engine does: an int to a float, a string to a name, and the reverse.

        Raises:
            TypeError: the engine would not accept the value.
        """
        wanted, found = self.type, typeof(value)
        if wanted in (VariantType.TYPE_NIL, found):
            return value
        match wanted, found:
            case VariantType.TYPE_FLOAT, VariantType.TYPE_INT:
                return float(value)
            case VariantType.TYPE_STRING, VariantType.TYPE_STRING_NAME:
                return str(value)
            case VariantType.TYPE_STRING_NAME, VariantType.TYPE_STRING:
                return StringName(value)
            case VariantType.TYPE_OBJECT, VariantType.TYPE_NIL:
                return value
        raise TypeError(f"{type(value).__name__} where {self} is wanted")

    def __str__(self) -> str:
        if self.type == VariantType.TYPE_NIL:
            return "Variant"
        return self.script or self.class_name or _NAMES[self.type]


UNTYPED = ContainerType()
"""The type of containers that hold any value: `Variant`."""

_NAMES = {
    VariantType.TYPE_BOOL: "bool",
    VariantType.TYPE_INT: "int",
    VariantType.TYPE_FLOAT: "float",
    VariantType.TYPE_TRANSFORM2D: "Transform2D",
    VariantType.TYPE_TRANSFORM3D: "Transform3D",
    VariantType.TYPE_AABB: "AABB",
    VariantType.TYPE_RID: "RID",
}
_NAMES |= {
    kind: "".join(word.capitalize() for word in kind.name.split("_")[1:]) for kind in VariantType if kind not in _NAMES
}
"""The engine's names of its types."""


class Array(list[Any]):
    """A list with a type for its elements.

    Args:
        values: the elements.
        element_type: the type of the elements.

    Attributes:
        element_type: the type of the elements.

    Raises:
        TypeError: an element has another type; the text has its index.
    """

    __slots__ = ("element_type",)

    def __init__(self, values: Iterable[Any] = (), element_type: ContainerType | VariantType = UNTYPED) -> None:
        self.element_type = _container_type(element_type)
        super().__init__(_fitted(values, self.element_type, "element"))

    def copy(self) -> Array:
        """Returns another array with the same elements and type."""
        return Array(self, self.element_type)

    def __repr__(self) -> str:
        return f"Array[{self.element_type}]({list.__repr__(self)})"


class _Sealed:
    """A key that Python cannot hash, or would confuse with another key: holds the key, and a token that is compared
    instead.

    The token is bytes: bytes take little memory, and their hash is seeded, so that nobody can choose keys that collide.
    """

    __slots__ = ("key", "token")

    def __init__(self, key: Any, token: bytes) -> None:
        self.key = key
        self.token = token

    def __hash__(self) -> int:
        return hash(self.token)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Sealed) and self.token == other.token


if TYPE_CHECKING:
    _MutableDict = dict[Any, Any]
else:

    class _MutableDict(MutableMapping, dict):
        """A dict of which everything goes through the few methods that deal with keys."""

        __slots__ = ()


class _Items(ItemsView[Any, Any]):
    """A view of the pairs, which needs no search for each key."""

    __slots__ = ()
    _mapping: Dictionary

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return ((_unsealed(key), value) for key, value in dict.items(self._mapping))


class _Values(ValuesView[Any]):
    """A view of the values, which needs no search for each key."""

    __slots__ = ()
    _mapping: Dictionary

    def __iter__(self) -> Iterator[Any]:
        return iter(dict.values(self._mapping))

    def __contains__(self, value: object) -> bool:
        return value in dict.values(self._mapping)


class Dictionary(_MutableDict):
    """A dict with the engine's rule for keys, and with types for keys and values.

    - 1, 1.0 and True are three keys; NaN is one key, as are 0.0 and -0.0.
    - A `str` and a `StringName` of the same text are one key.
    - Arrays, dictionaries and packed arrays are keys by their value at the time of insertion. If they change
      afterwards, they are still found under the old value. Dictionaries with another order are other keys.

    Args:
        values: a mapping, or pairs of key and value.
        key_type: the type of the keys.
        value_type: the type of the values.

    Attributes:
        key_type, value_type: the types of the keys and of the values.

    Raises:
        TypeError: a key or a value has another type, or the engine cannot hold a key.
        VariantError: a key is nested deeper than 16 levels.
    """

    __slots__ = ("key_type", "value_type")

    def __init__(
        self,
        values: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (),
        key_type: ContainerType | VariantType = UNTYPED,
        value_type: ContainerType | VariantType = UNTYPED,
    ) -> None:
        super().__init__()
        self.key_type = _container_type(key_type)
        self.value_type = _container_type(value_type)
        pairs = list(values.items() if isinstance(values, Mapping) else values)
        keys = _fitted((key for key, _ in pairs), self.key_type, "key")
        contents = _fitted((value for _, value in pairs), self.value_type, "value")
        for key, value in zip(keys, contents, strict=True):
            self[key] = value

    def __getitem__(self, key: Any) -> Any:
        try:
            return dict.__getitem__(self, _key_to_find(key))
        except KeyError:
            raise KeyError(key) from None

    def __setitem__(self, key: Any, value: Any) -> None:
        dict.__setitem__(self, sealed(key), value)

    def __delitem__(self, key: Any) -> None:
        try:
            dict.__delitem__(self, _key_to_find(key))
        except KeyError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[Any]:
        return map(_unsealed, dict.__iter__(self))

    def __reversed__(self) -> Iterator[Any]:
        return map(_unsealed, dict.__reversed__(self))

    def __len__(self) -> int:
        return dict.__len__(self)

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, _key_to_find(key))

    def items(self) -> ItemsView[Any, Any]:  # type: ignore[override]
        """Returns a view of the pairs of key and value."""
        return _Items(self)

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        """Returns a view of the values."""
        return _Values(self)

    def popitem(self) -> tuple[Any, Any]:
        """Removes the newest pair and returns it."""
        key, value = dict.popitem(self)
        return _unsealed(key), value

    def clear(self) -> None:
        """Removes all pairs; the types stay."""
        dict.clear(self)

    def copy(self) -> Dictionary:
        """Returns another dictionary with the same pairs and types."""
        return Dictionary(self, self.key_type, self.value_type)

    def __or__(self, other: Any) -> Dictionary:
        merged = self.copy()
        merged.update(other)
        return merged

    def __ror__(self, other: Any) -> Dictionary:
        merged = Dictionary(other, self.key_type, self.value_type)
        merged.update(self)
        return merged

    def __ior__(self, other: Any) -> Self:
        self.update(other)
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict):
            return NotImplemented
        # Two of this class compare their stored keys; the keys of a plain dict have to be converted first.
        if isinstance(other, Dictionary):
            return dict.__eq__(self, other)
        return len(self) == len(other) and dict.__eq__(self, {_key_to_find(key): value for key, value in other.items()})

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __repr__(self) -> str:
        untyped = self.key_type == self.value_type == UNTYPED
        typed = "" if untyped else f"[{self.key_type}, {self.value_type}]"
        pairs = ", ".join(f"{key!r}: {value!r}" for key, value in self.items())
        return f"Dictionary{typed}({{{pairs}}})"


def _container_type(kind: ContainerType | VariantType) -> ContainerType:
    return kind if isinstance(kind, ContainerType) else ContainerType(VariantType(kind))


def _fitted(values: Iterable[Any], kind: ContainerType, what: str) -> Iterator[Any]:
    if kind == UNTYPED:
        yield from values
        return
    for index, value in enumerate(values):
        try:
            yield kind.fitted(value)
        except TypeError as error:
            raise TypeError(f"{what} {index}: {error}") from None


_PLAIN = frozenset({int, str, StringName, type(None)})
"""Types of keys that Python compares as the engine does."""

_ALIKE = (type(None), int, str, NodePath, RID, EncodedCallable, EncodedSignal, EncodedObjectAsID)
"""Classes of keys that Python compares as the engine does, and so their subclasses other than bool."""

_NOWHERE = object()
"""A key that no dictionary has."""


def sealed(key: Any) -> Any:
    """Returns the key that a `Dictionary` stores for `key`: `key` itself where Python compares as the engine does.

    Raises:
        TypeError: the engine cannot hold the key.
        VariantError: the key is nested too deeply.
    """
    if type(key) in _PLAIN:
        return key
    if isinstance(key, Numbers):
        # NaN differs from itself in Python, but is one key in the engine: only keys without NaN may stay as they are.
        if all(number == number for number in key):
            return key
    elif isinstance(key, _ALIKE) and not isinstance(key, bool):
        return key
    token = bytearray()
    _write(token, key, 0)
    return _Sealed(key, bytes(token))


def _key_to_find(key: Any) -> Any:
    """Returns the stored key for a look-up; a key that cannot be in any dictionary becomes one that is in none."""
    try:
        return sealed(key)
    except (TypeError, VariantError):
        return _NOWHERE


def _unsealed(key: Any) -> Any:
    return key.key if type(key) is _Sealed else key


def _write(token: bytearray, value: Any, depth: int) -> None:
    """Adds bytes to `token` that are equal exactly for values that the engine takes as the same key."""
    if depth > _DEPTH:
        raise VariantError("a key of a dictionary is nested too deeply")
    # The type comes first: 1 and 1.0 are different keys.
    token.append(typeof(value))
    match value:
        case bool():
            token.append(value)
        case int():
            _write_int(token, value)
        case float():
            token += struct.pack("<d", _canonical(value))
        case str():
            _write_text(token, value)
        case Numbers():
            token += struct.pack(f"<{len(value)}d", *map(_canonical, value))
        case bytes() | bytearray() | memoryview():
            _write_bytes(token, bytes(value))
        case array():
            _write_bytes(token, array(value.typecode, map(_canonical, memoryview(value))).tobytes())
        case list() | tuple():
            _write_int(token, len(value))
            for each in value:
                _write(token, each, depth + 1)
        case dict():
            _write_int(token, len(value))
            for key, each in dict.items(value):
                _write(token, _unsealed(key), depth + 1)
                _write(token, each, depth + 1)
        case _:
            _write_handle(token, value, depth)


def _write_handle(token: bytearray, value: Any, depth: int) -> None:
    match value:
        case NodePath():
            token.append(value.absolute)
            _write(token, value.names, depth + 1)
            _write(token, value.subnames, depth + 1)
        case RID():
            _write_int(token, value.id)
        case EncodedSignal():
            _write_text(token, value.name)
            _write_int(token, value.object_id)
        case EncodedObjectAsID():
            # No class has an empty name, so this differs from every EncodedObject.
            _write_text(token, "")
            _write_int(token, value.object_id)
        case EncodedObject():
            _write_text(token, value.class_name)
            _write(token, value.properties, depth + 1)


def _write_int(token: bytearray, number: int) -> None:
    _write_bytes(token, number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True))


def _write_text(token: bytearray, text: str) -> None:
    _write_bytes(token, text.encode("utf-8", "surrogatepass"))


def _write_bytes(token: bytearray, data: bytes) -> None:
    # Most texts are short: a length below 255 takes 1 byte.
    token += len(data).to_bytes(1) if len(data) < 255 else b"\xff" + struct.pack("<Q", len(data))
    token += data


def _canonical(number: float) -> float:
    """Returns one value for all NaN, and one for 0.0 and -0.0."""
    return number + 0 if number == number else math.nan
