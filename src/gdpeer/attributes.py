"""`Guarded`: a setting that does not exist is an AttributeError that names the nearest one, not a silent new attribute.

    server.heartbeat_intervall = 3
    AttributeError: WebSocketServer has no attribute 'heartbeat_intervall'; did you mean 'heartbeat_interval'?

For reading Python names the nearest by itself, in the traceback; a `__getattr__` would slow down every attribute.

A class is guarded that says in `_gdpeer_attributes` which public attributes its objects get beside the members of the
class. Subclasses that do not say so, a game's, take any attribute, as every class of Python does, and set it as fast.

Reading one that does not exist is Python's own AttributeError; where nobody catches it Python names the nearest one. A
`__getattr__` here would do so always, but then each attribute that is read, of each node in each call, takes a detour
of some 130 instructions.

Type checkers must not see the methods here: they would believe that every attribute exists.

Layer: with `errors` the lowest; imports nothing of gdpeer.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar

__all__ = ["Guarded", "UnknownAttribute", "names_of", "nearest", "refuse_names_in_use", "refuse_unknown"]

_KNOWN: dict[type, frozenset[str]] = {}


class UnknownAttribute(AttributeError):
    """There is no such attribute. The nearest is looked for when somebody reads the text."""

    def __init__(self, kind: type, name: str) -> None:
        super().__init__(kind, name)
        self.name = name  # with it Python adds no suggestion of its own
        self._name = name
        self._kind = kind

    def __str__(self) -> str:
        near = nearest(self._name, names_of(self._kind))
        hint = f"did you mean {near!r}?" if near else getattr(self._kind, "_gdpeer_hint", "")
        return f"{self._kind.__name__} has no attribute {self._name!r}{f'; {hint}' if hint else ''}"


def nearest(name: str, names: frozenset[str] | list[str]) -> str:
    """The one of some names that was probably meant; "" where none is near."""
    return next(iter(get_close_matches(name, sorted(names), 1, 0.7)), "")


def names_of(kind: type) -> frozenset[str]:
    """The public attributes of the objects of a class."""
    found = {name for name in dir(kind) if not name.startswith("_")}
    return frozenset(found).union(*(vars(base).get("_gdpeer_attributes", ()) for base in kind.__mro__))


def refuse_unknown(owner: object, name: str) -> None:
    """Checks a name that is to be set, where its class is guarded.

    Raises:
        UnknownAttribute: its objects have none of that name.
    """
    kind = type(owner)
    known = _KNOWN.get(kind)
    if known is None:
        if "_gdpeer_attributes" not in vars(kind):
            return
        known = _KNOWN[kind] = names_of(kind)
    if name not in known:
        raise UnknownAttribute(kind, name)


def refuse_names_in_use(kind: type) -> None:
    """Checks a new subclass of one of gdpeer's classes: a name that gdpeer uses inside would break it in silence.

    Raises:
        TypeError: a member of the subclass has a private name of gdpeer's.
    """
    ours = [base for base in kind.__mro__ if base.__module__.startswith("gdpeer.")]
    if kind in ours:
        return
    used = {name for base in ours for name in vars(base) if name.startswith("_") and not name.startswith("__")}
    for name in vars(kind):
        if name in used:
            raise TypeError(
                f"{kind.__qualname__}.{name}: gdpeer's {ours[0].__name__} uses this name itself; take another"
            )


class Guarded:
    """A class whose objects have the attributes that it names, and no others."""

    __slots__ = ()

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    if not TYPE_CHECKING:

        def __init_subclass__(cls, **arguments: Any) -> None:
            super().__init_subclass__(**arguments)
            if "_gdpeer_attributes" not in vars(cls) and cls.__setattr__ is Guarded.__setattr__:
                cls.__setattr__ = object.__setattr__

        def __setattr__(self, name: str, value: Any) -> None:
            if name[:1] != "_":
                refuse_unknown(self, name)
            object.__setattr__(self, name, value)
