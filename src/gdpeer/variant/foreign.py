"""What names a thing inside another process and means nothing here: ids, signals, callables, objects.

All are passive: nothing is looked up, called or created. They travel so that a program can hand them back.

Layer: `variant`. Source: reference godot4-wire section A.4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["RID", "EncodedCallable", "EncodedObject", "EncodedObjectAsID", "EncodedSignal"]


@dataclass(frozen=True, slots=True)
class RID:
    """The id of a resource of one of the engine's servers; 0 is none.

    Attributes:
        id: the number.
    """

    id: int = 0

    def get_id(self) -> int:
        """The id."""
        return self.id

    def is_valid(self) -> bool:
        """Whether it is not 0."""
        return self.id != 0

    def __str__(self) -> str:
        return f"RID({self.id})"

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class EncodedCallable:
    """A `Callable`; nothing of it travels, so that all are equal."""


@dataclass(frozen=True, slots=True)
class EncodedSignal:
    """A signal of an object of another process: a name and the object's id. Not a `gdpeer.Signal`.

    Attributes:
        name: of the signal.
        object_id: of the object that has it.
    """

    name: str = ""
    object_id: int = 0


@dataclass(frozen=True, slots=True)
class EncodedObjectAsID:
    """An object of another process, as its id: what the engine sends instead of objects; 0 is none.

    Attributes:
        object_id: the number.
    """

    object_id: int = 0


@dataclass(frozen=True, slots=True)
class EncodedObject:
    """An object as its class and its properties. Nothing is created from it.

    Attributes:
        class_name: the engine's class.
        properties: values by name, in the order of the wire.
    """

    class_name: str
    properties: dict[str, Any] = field(default_factory=dict, hash=False)
