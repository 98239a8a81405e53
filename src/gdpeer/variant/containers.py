"""Arrays and dictionaries as the engine has them: with the types of what they hold, and with its rule for keys.

    scores = Dictionary([(1, "int"), (1.0, "float"), (True, "bool"), ([1, 2], "array")])
    len(scores)                         # 4

Plain lists and dicts do for most purposes; these two are for what a plain one cannot carry. The types are carried, and
checked where a container is built. They are not checked when it is changed later.

Layer: `variant`. Source: reference godot4-wire section A.4; the rule for keys measured on Godot 4.6.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Hashable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from gdpeer.errors import VariantError
from gdpeer.variant.flat import Numbers
from gdpeer.variant.handles import EncodedObject
from gdpeer.variant.kinds import VariantType, typeof
from gdpeer.variant.names import StringName

__all__ = ["UNTYPED", "Array", "ContainerType", "Dictionary"]

_DEPTH = 64
"""How deep arrays and dictionaries may be nested in a key."""


@dataclass(frozen=True, slots=True)
class ContainerType:
    """What an array, or the keys or values of a dictionary, may hold.

    Attributes:
        type: a built-in type; `TYPE_NIL` for any (`Variant`).
        class_name: for `TYPE_OBJECT`, the engine's class.
        script: for `TYPE_OBJECT`, the path of a script.
    """

    type: VariantType = VariantType.TYPE_NIL
    class_name: str = ""
    script: str = ""

    def fitted(self, value: Any) -> Any:
        """`value` as a container of this type holds it: an int as a float, a string as a name, if it has to be.

        Raises:
            TypeError: the engine would not hold it.
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
"""Anything: `Variant`."""

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
"""How the engine calls its types."""


class Array(list[Any]):
    """A list that says what it may hold.

    Args:
        values: the elements.
        element_type: what they have to be.

    Raises:
        TypeError: an element is something else; the text has its index.
    """

    __slots__ = ("element_type",)

    def __init__(self, values: Iterable[Any] = (), element_type: ContainerType | VariantType = UNTYPED) -> None:
        self.element_type = _container_type(element_type)
        super().__init__(_fitted(values, self.element_type, "element"))

    def copy(self) -> Array:
        """Another with the same elements and type."""
        return Array(self, self.element_type)

    def __repr__(self) -> str:
        return f"Array[{self.element_type}]({list.__repr__(self)})"


class _Sealed:
    """A key that Python would take for another one, or cannot hash: the key, and what tells it from others."""

    __slots__ = ("key", "token")

    def __init__(self, key: Any, token: Hashable) -> None:
        self.key = key
        self.token = token

    def __hash__(self) -> int:
        return hash(self.token)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Sealed) and self.token == other.token


if TYPE_CHECKING:
    _KeyedAnew = dict[Any, Any]
else:

    class _KeyedAnew(MutableMapping, dict):
        """A dict of which everything goes through the few methods that deal with keys."""

        __slots__ = ()


class Dictionary(_KeyedAnew):
    """A dict with the engine's rule for keys, that says what it may hold.

    - 1, 1.0 and True are three keys; NaN is one key, as are 0.0 and -0.0.
    - A `str` and a `StringName` of the same text are one key.
    - Arrays, dictionaries and packed arrays are keys by their value at the time of insertion. Changing one afterwards
      does not change where it is found. Dictionaries with another order are other keys.

    Args:
        values: a mapping, or pairs of key and value.
        key_type: what the keys have to be.
        value_type: what the values have to be.

    Raises:
        TypeError: a key or a value is something else, or a key is nothing that the engine can hold.
        VariantError: a key is nested deeper than 64 levels.
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
            return dict.__getitem__(self, _sealed(key))
        except KeyError:
            raise KeyError(key) from None

    def __setitem__(self, key: Any, value: Any) -> None:
        dict.__setitem__(self, _sealed(key), value)

    def __delitem__(self, key: Any) -> None:
        try:
            dict.__delitem__(self, _sealed(key))
        except KeyError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[Any]:
        return map(_opened, dict.__iter__(self))

    def __reversed__(self) -> Iterator[Any]:
        return map(_opened, dict.__reversed__(self))

    def __len__(self) -> int:
        return dict.__len__(self)

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, _sealed(key))

    def popitem(self) -> tuple[Any, Any]:
        """Remove the newest pair and return it."""
        key, value = dict.popitem(self)
        return _opened(key), value

    def clear(self) -> None:
        """Remove all."""
        dict.clear(self)

    def copy(self) -> Dictionary:
        """Another with the same pairs and types."""
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
        theirs = other if isinstance(other, Dictionary) else Dictionary(other)
        return dict.__eq__(self, theirs)

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
"""Types of keys that Python treats as the engine does."""


def _sealed(key: Any) -> Any:
    if type(key) in _PLAIN:
        return key
    token = _token(key, 0)
    return key if token is key else _Sealed(key, token)


def _opened(key: Any) -> Any:
    return key.key if type(key) is _Sealed else key


def _token(value: Any, depth: int) -> Hashable:
    """What is equal for what the engine takes for the same key; `value` itself where Python does as the engine."""
    if depth > _DEPTH:
        raise VariantError("a key of a dictionary is nested too deeply")
    kind = typeof(value)
    match value:
        case bool():
            return kind, value
        case float():
            return kind, _canonical(value)
        case Numbers():
            return value if all(number == number for number in value) else (kind, *map(_canonical, value))
        case bytes() | bytearray() | memoryview():
            return kind, bytes(value)
        case array():
            return kind, array(value.typecode, map(_canonical, memoryview(value))).tobytes()
        case list() | tuple():
            return kind, *(_token(each, depth + 1) for each in value)
        case dict():
            return kind, *((_token(key, depth + 1), _token(each, depth + 1)) for key, each in value.items())
        case EncodedObject():
            return kind, value.class_name, _token(value.properties, depth + 1)
        case str() if depth:
            return kind, str(value)
    unchanged: Hashable = value
    return unchanged


def _canonical(number: float) -> float:
    """The same for all NaN, and for 0.0 and -0.0."""
    return number + 0 if number == number else math.nan
