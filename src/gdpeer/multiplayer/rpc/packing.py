"""Converts plain lists and dicts to typed ones before they are sent, if the parameter's annotation names the types.

    @rpc
    def set_scores(self, scores: list[int]) -> None: ...

    node.set_scores.rpc([1, 2])  # arrives as Array[int]

The engine refuses an untyped array or dictionary, even an empty one, for a parameter of type `Array[int]` or
`Dictionary[String, int]`. It accepts typed ones for untyped parameters.

Layer: `multiplayer`. Source: reference godot4-contract section 4.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeAlias

from gdpeer.multiplayer.rpc.conversions import PACKED, RULES, CallError, rule_for
from gdpeer.multiplayer.rpc.converters import DICTS, LISTS, plain
from gdpeer.variant import Array, Dictionary, EncodedObject, EncodedObjectAsID
from gdpeer.variant.containers import UNTYPED, ContainerType
from gdpeer.variant.kinds import KINDS

__all__ = ["Packer", "packer_for"]

Packer: TypeAlias = Callable[[Any], Any]
"""Returns the value as it is sent; raises TypeError if an element does not fit the annotation."""

_Fitting: TypeAlias = tuple[ContainerType, Callable[[Any], Any]]
"""The type of a container's elements, and the conversion of one element to that type."""

_UNKNOWN = (EncodedObject, EncodedObjectAsID, type(None))
"""Types whose class in the engine is unknown."""


def packer_for(annotation: Any) -> Packer | None:
    """Returns the packer for parameters with this annotation; None if the annotation names no element types."""
    annotation = plain(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        packers = [packer for packer in map(packer_for, arguments) if packer is not None]
        # With two packers, the other side's type is unknown.
        return packers[0] if len(packers) == 1 else None
    if not arguments:
        return None
    if origin in LISTS:
        return _list_of(*map(_fitting, arguments))
    return _dict_of(*map(_fitting, arguments)) if origin in DICTS else None


def _fitting(annotation: Any) -> _Fitting:
    """Returns the element type for an annotation, and the conversion of one element to that type."""
    kind = _kind_of(plain(annotation))
    if kind is None:
        return UNTYPED, lambda value: value
    rules = RULES.get(kind, {})

    def fit(value: Any) -> Any:
        if isinstance(value, Enum):
            value = value.value
        rule = None if type(value) is kind else rule_for(rules, type(value))
        return value if rule is None else rule(value)

    return ContainerType(KINDS[kind][0]), fit


def _kind_of(annotation: Any) -> type | None:
    """Returns the class that stands for an annotation in a typed container; None for any class."""
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return _shared(typing.get_args(annotation))
    if annotation in LISTS or origin in LISTS:
        return list
    if annotation in DICTS or origin in DICTS:
        return dict
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _shared([member.value for member in annotation])
    return annotation if annotation in KINDS and annotation not in _UNKNOWN else None


def _shared(values: typing.Iterable[Any]) -> type | None:
    """Returns the class of all these values; None if they differ."""
    kinds = {type(value.value if isinstance(value, Enum) else value) for value in values}
    return _kind_of(kinds.pop()) if len(kinds) == 1 else None


def _list_of(element: _Fitting) -> Packer | None:
    kind, fit = element
    if kind == UNTYPED:
        return None

    def pack(value: Any) -> Any:
        if type(value) in PACKED or not isinstance(value, list | tuple):
            return value
        if isinstance(value, Array) and value.element_type == kind:
            return value
        return Array([_fitted(fit, one, "element", index) for index, one in enumerate(value)], kind)

    return pack


def _dict_of(key: _Fitting, content: _Fitting) -> Packer | None:
    (key_kind, fit_key), (kind, fit) = key, content
    if key_kind == kind == UNTYPED:
        return None

    def pack(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        pairs = value.items()
        found = [(_fitted(fit_key, name, "key", name), _fitted(fit, one, "the value of", name)) for name, one in pairs]
        return Dictionary(found, key_kind, kind)

    return pack


def _fitted(fit: Callable[[Any], Any], value: Any, what: str, which: Any) -> Any:
    try:
        return fit(value)
    except CallError as problem:
        raise TypeError(f"{what} {which!r} {problem}") from None
