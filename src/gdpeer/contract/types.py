"""The types of arguments in Godot's words and in Python's, in both directions.

    python_type("Array[int]")          # "list[int]"
    godot_type(list[int]).word         # "Array[int]"
    gdscript_type("Quaternion", 3)     # "Quat"

Layer: `contract`; pure. Source: reference godot4-contract 4.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gdpeer.multiplayer.rpc.converters import DICTS, LISTS, plain
from gdpeer.variant.foreign import EncodedCallable, EncodedObject, EncodedObjectAsID, EncodedSignal
from gdpeer.variant.kinds import KINDS

__all__ = ["GODOT3", "GODOT4", "TypedAs", "from_godot3", "gdscript_type", "godot_type", "parts", "python_type"]

_DIFFERENT = {
    str: "String",
    EncodedObject: "Object",
    EncodedObjectAsID: "Object",
    EncodedCallable: "Callable",
    EncodedSignal: "Signal",
    bytes: "PackedByteArray",
    bytearray: "PackedByteArray",
    memoryview: "PackedByteArray",
    list: "Array",
    tuple: "Array",
    dict: "Dictionary",
}
"""The Python classes whose names differ from Godot's."""

_WORDS = {kind: _DIFFERENT.get(kind, kind.__name__) for kind in KINDS if kind is not type(None)}

GODOT4 = frozenset(_WORDS.values())
"""The names of all built-in types of Godot 4."""

_PYTHON = {word: word for word in GODOT4} | {
    "String": "str",
    "Object": "EncodedObjectAsID | None",
    "Callable": "EncodedCallable",
    "Signal": "EncodedSignal",
    "Array": "list[Any]",
    "Dictionary": "dict[Any, Any]",
    "Variant": "Any",
}

_RENAMED = {
    "Quaternion": "Quat",
    "Transform3D": "Transform",
    "PackedByteArray": "PoolByteArray",
    "PackedInt32Array": "PoolIntArray",
    "PackedFloat32Array": "PoolRealArray",
    "PackedStringArray": "PoolStringArray",
    "PackedVector2Array": "PoolVector2Array",
    "PackedVector3Array": "PoolVector3Array",
    "PackedColorArray": "PoolColorArray",
    "StringName": "String",
}
"""The types that have another name in Godot 3."""

_OLD = {old: new for new, old in _RENAMED.items() if old != "String"}

GODOT3 = frozenset(
    _RENAMED.get(_WORDS[kind], _WORDS[kind])
    for kind, (_, three) in KINDS.items()
    if three is not None and kind in _WORDS
)
"""The names of all built-in types of Godot 3."""


@dataclass(frozen=True, slots=True)
class TypedAs:
    """The type of an argument in the words of Godot 4.

    Attributes:
        word: as `model.Argument.type`; None: anything.
        enumeration: the enumeration of numbers that the argument takes; None for every other type.
    """

    word: str | None
    enumeration: type[Enum] | None = None


_ANYTHING = TypedAs(None)


# ---------------------------------------------------------------------------------------------------- to Python


def python_type(type_: str | None) -> str:
    """Returns the annotation for a type, as Python text with names of `gdpeer` and `typing`.

    Args:
        type_: in Godot 4's words. A name that is no built-in type is a class, whose objects arrive as an id. None:
            anything.
    """
    if type_ is None:
        return "Any"
    container, inner = parts(type_)
    if container == "Array" and inner:
        return f"list[{python_type(inner[0])}]"
    if container == "Dictionary" and inner:
        return f"dict[{', '.join(map(python_type, inner))}]"
    return _PYTHON.get(type_, _PYTHON["Object"])


def parts(type_: str) -> tuple[str, tuple[str, ...]]:
    """Returns the container and the types of its content: `("Dictionary", ("String", "int"))`; no content without."""
    container, bracket, inside = type_.partition("[")
    return container, tuple(part.strip() for part in inside.removesuffix("]").split(",")) if bracket else ()


# ---------------------------------------------------------------------------------------------------- from Python


def godot_type(annotation: Any) -> TypedAs:
    """Returns the type for an annotation of Python, which is already resolved; anything that is unclear takes all."""
    annotation = plain(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        # Objects are the only type that also takes null.
        is_object = all(one is type(None) or godot_type(one).word == "Object" for one in arguments)
        return TypedAs("Object") if is_object else _ANYTHING
    if origin is typing.Literal:
        return _common([TypedAs(_word(type(value))) for value in arguments])
    kind = origin or annotation
    if kind in LISTS or kind is tuple:
        return TypedAs(_of("Array", arguments[:1]))
    if kind in DICTS:
        return TypedAs(_of("Dictionary", arguments))
    if annotation is typing.LiteralString:
        return TypedAs("String")
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enumeration(kind)
    return TypedAs(_word(kind)) if isinstance(kind, type) else _ANYTHING


def _word(kind: type) -> str | None:
    return next((_WORDS[base] for base in kind.__mro__ if base in _WORDS), None)


def _of(container: str, content: tuple[Any, ...]) -> str:
    """Returns the type of a container; GDScript has no containers of typed containers."""
    inner = [parts(godot_type(one).word or "Variant")[0] for one in content]
    return container if set(inner) <= {"Variant"} else f"{container}[{', '.join(inner)}]"


def _common(found: list[TypedAs]) -> TypedAs:
    return found[0] if found and found.count(found[0]) == len(found) else _ANYTHING


def _enumeration(kind: type[Enum]) -> TypedAs:
    common = _common([TypedAs(_word(type(member.value))) for member in kind])
    return TypedAs("int", kind) if common.word == "int" else common


# ---------------------------------------------------------------------------------------------------- Godot 3 and 4


def gdscript_type(type_: str, engine: int, typed: bool = False) -> str:
    """Returns the text of a type in GDScript.

    Args:
        type_: in Godot 4's words.
        engine: 4 or 3.
        typed: keeps the types of a container's content, which Godot 3 does not have.

    Raises:
        ValueError: Godot 3 does not have the type.
    """
    container, inner = parts(type_)
    if engine == 4:
        return type_ if typed or not inner else container
    name = _RENAMED.get(container, container)
    if container in GODOT4 and name not in GODOT3:
        raise ValueError(f"Godot 3 has no type {container}")
    return name


def from_godot3(name: str) -> str:
    """Returns Godot 4's word for a type of Godot 3; other names stay."""
    return _OLD.get(name, name)
