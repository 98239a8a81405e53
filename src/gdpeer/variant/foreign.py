"""Handles of things in another process, which mean nothing here: ids, signals, callables, objects.

All of them are passive: nothing is looked up, called or created. A program can only store them and send them back.

Layer: `variant`. Source: reference godot4-wire section A.4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["RID", "EncodedCallable", "EncodedObject", "EncodedObjectAsID", "EncodedSignal"]


@dataclass(frozen=True, slots=True)
class RID:
    """The id of a resource in one of the engine's servers; 0 means no resource.

    Attributes:
        id: the number.
    """

    id: int = 0

    def get_id(self) -> int:
        """Returns the id as an int, as the engine's method does."""
        return self.id

    def is_valid(self) -> bool:
        """Tells whether the id is not 0."""
        return self.id != 0

    def __str__(self) -> str:
        return f"RID({self.id})"

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class EncodedCallable:
    """A `Callable`. The engine sends nothing of its content, so all are equal."""


@dataclass(frozen=True, slots=True)
class EncodedSignal:
    """A signal of an object in another process: its name and the object's id. Not a `gdpeer.Signal`.

    Attributes:
        name: of the signal.
        object_id: of the object that has the signal.
    """

    name: str = ""
    object_id: int = 0


@dataclass(frozen=True, slots=True)
class EncodedObjectAsID:
    """An object in another process, as an id: the engine sends this instead of objects. 0 means no object.

    Attributes:
        object_id: the number.
    """

    object_id: int = 0


@dataclass(frozen=True, slots=True)
class EncodedObject:
    """An object as its class and its properties. No object is created from it.

    Attributes:
        class_name: the engine's class.
        properties: values by name, in the order of the wire.
    """

    class_name: str
    properties: dict[str, Any] = field(default_factory=dict, hash=False)
