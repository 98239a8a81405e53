"""Which types of values the engine takes for an argument of a type.

    takes("int", "float")          # True
    takes("Array[int]", "Array")   # False: an untyped array, even an empty one

Layer: `contract`; pure. Source: `tests/golden/conversions_godot4.json`, reference godot4-contract 4.
"""

from __future__ import annotations

from gdpeer.contract.types import GODOT4, parts

__all__ = ["is_container", "is_handle", "takes"]

_NUMBERS = frozenset(("bool", "int", "float"))
_PACKED = frozenset(word for word in GODOT4 if word.startswith("Packed"))
_TAKEN: dict[str, frozenset[str]] = {
    **dict.fromkeys(_NUMBERS, _NUMBERS),
    **dict.fromkeys(_PACKED, frozenset(("Array",))),
    "String": frozenset(("StringName", "NodePath")),
    "StringName": frozenset(("String",)),
    "NodePath": frozenset(("String",)),
    "Vector2": frozenset(("Vector2i",)),
    "Vector2i": frozenset(("Vector2",)),
    "Vector3": frozenset(("Vector3i",)),
    "Vector3i": frozenset(("Vector3",)),
    "Vector4": frozenset(("Vector4i",)),
    "Vector4i": frozenset(("Vector4",)),
    "Rect2": frozenset(("Rect2i",)),
    "Rect2i": frozenset(("Rect2",)),
    "Transform2D": frozenset(("Transform3D",)),
    "Transform3D": frozenset(("Transform2D", "Quaternion", "Basis", "Projection")),
    "Projection": frozenset(("Transform3D",)),
    "Quaternion": frozenset(("Basis",)),
    "Basis": frozenset(("Quaternion",)),
    "Color": frozenset(("String", "int")),
    "Array": _PACKED,
    "RID": frozenset(("Object",)),
}
"""The types that an argument takes besides its own. The engine drops what does not fit, as 1.5 becomes 1."""

_HANDLES = frozenset(("Callable", "RID", "Signal"))


def takes(wanted: str | None, given: str | None) -> bool:
    """Tells whether the engine passes values of a type to an argument; else it refuses the whole call.

    Args:
        wanted: the type of the argument, in Godot 4's words. None: anything.
        given: the type of the value. None: unknown, which counts as taken.
    """
    if wanted is None or given is None or "Variant" in (wanted, given) or wanted == given:
        return True
    (container, content), (kind, inner) = parts(wanted), parts(given)
    if content:
        # The types of the elements must be the same; packed arrays pass, whatever they hold.
        return (container, content) == (kind, inner) or (container == "Array" and kind in _PACKED)
    # Objects of the classes of a game arrive as an id, which is another matter: `is_handle`.
    is_known = container in GODOT4 and kind in GODOT4
    return not is_known or container == kind or kind in _TAKEN.get(container, ())


def is_container(word: str | None) -> bool:
    """Tells whether a type is an array or dictionary whose elements have a type."""
    return word is not None and bool(parts(word)[1])


def is_handle(word: str | None) -> bool:
    """Tells whether values of a type have no meaning for another peer: objects, callables, signals, RIDs."""
    if word is None or word in ("Object", "Variant"):
        return False
    # A name with dots may be an enumeration that was not found.
    return word in _HANDLES or (parts(word)[0] not in GODOT4 and "." not in word)
