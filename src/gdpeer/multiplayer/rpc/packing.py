"""What becomes of a plain list or dict that is sent as an argument: a typed one, where the annotation says of what.

    @rpc
    def set_scores(self, scores: list[int]) -> None: ...

    node.set_scores.rpc([1, 2])  # arrives as Array[int]

The engine makes no call of a method with a parameter `Array[int]` or `Dictionary[String, int]` for an untyped array or
dictionary, not even an empty one. It takes typed ones for untyped parameters, too.

Layer: `multiplayer`. Source: reference godot4-contract section 4.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeAlias

from gdpeer.multiplayer.rpc.conversions import PACKED, RULES, CallError, rule_for
from gdpeer.multiplayer.rpc.converters import DICTS, LISTS
from gdpeer.variant import Array, Dictionary, EncodedObject, EncodedObjectAsID
from gdpeer.variant.containers import UNTYPED, ContainerType
from gdpeer.variant.kinds import KINDS

__all__ = ["Packer", "packer_for"]

Packer: TypeAlias = Callable[[Any], Any]
"""Gives the value as it is sent; raises TypeError where an element is not what the annotation says."""

_Fitting: TypeAlias = tuple[ContainerType, Callable[[Any], Any]]
"""What a container may hold, and how an element becomes that."""

_UNKNOWN = (EncodedObject, EncodedObjectAsID, type(None))
"""Of these the engine's class is not known."""


def packer_for(annotation: Any) -> Packer | None:
    """What makes a typed container of a value for a parameter with this annotation; None where it names no type."""
    annotation = _plain(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _only([packer_for(member) for member in arguments])
    if not arguments:
        return None
    if origin in LISTS:
        return _list_of(*map(_fitting, arguments))
    if origin in DICTS:
        return _dict_of(*map(_fitting, arguments))
    return None


def _plain(annotation: Any) -> Any:
    """What an alias, a NewType or Annotated stands for."""
    while True:
        arguments = typing.get_args(annotation)
        kind = typing.get_origin(annotation) or annotation
        if isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif hasattr(kind, "__value__"):
            annotation = kind.__value__[arguments] if arguments else kind.__value__
        elif kind is typing.Annotated:
            annotation = arguments[0]
        else:
            return annotation


def _only(packers: list[Packer | None]) -> Packer | None:
    """That of a union: with two of them nobody knows which the other side means."""
    found = [one for one in packers if one is not None]
    return found[0] if len(found) == 1 else None


def _fitting(annotation: Any) -> _Fitting:
    """What a list of this annotation's may hold."""
    kind = _kind_of(_plain(annotation))
    if kind is None:
        return UNTYPED, _as_it_is
    rules = RULES.get(kind, {})

    def fit(value: Any) -> Any:
        if isinstance(value, Enum):
            value = value.value
        rule = None if type(value) is kind else rule_for(rules, type(value))
        return value if rule is None else rule(value)

    return ContainerType(KINDS[kind][0]), fit


def _as_it_is(value: Any) -> Any:
    return value


def _kind_of(annotation: Any) -> type | None:
    """The class whose values the engine would say the container is of; None for any."""
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
    """The class of all these."""
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
