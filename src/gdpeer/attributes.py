"""`Guarded`: setting an attribute that does not exist raises, and the error names the nearest attribute.

    server.heartbeat_intervall = 3
    AttributeError: WebSocketServer has no attribute 'heartbeat_intervall'; did you mean 'heartbeat_interval'?

A class is guarded if it defines `_gdpeer_attributes`: the public attributes of its objects besides the members of the
class. A subclass without that definition, such as a game's, accepts any attribute, as every class of Python does, and
sets it as fast.

Reading an attribute that does not exist raises Python's own AttributeError, which names the nearest attribute in the
traceback. A `__getattr__` here would do that always, but it would slow down each attribute that is read, of each node
in each call, by about 130 instructions.

Type checkers must not see the methods here: they would believe that every attribute exists.

Layer: with `errors` the lowest; imports nothing of gdpeer.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar

__all__ = ["Guarded", "UnknownAttribute", "guard", "names_of", "nearest", "refuse_names_in_use", "refuse_unknown"]

_KNOWN: dict[type, frozenset[str]] = {}


class UnknownAttribute(AttributeError):
    """An attribute that does not exist. The nearest name is searched only when the text is read."""

    def __init__(self, kind: type, name: str) -> None:
        super().__init__(kind, name)
        self.name = name  # set, so that Python does not set `obj` and add a suggestion of its own
        self._name = name
        self._kind = kind

    def __str__(self) -> str:
        near = nearest(self._name, names_of(self._kind))
        hint = f"did you mean {near!r}?" if near else getattr(self._kind, "_gdpeer_hint", "")
        return f"{self._kind.__name__} has no attribute {self._name!r}{f'; {hint}' if hint else ''}"


def nearest(name: str, names: frozenset[str] | list[str]) -> str:
    """Returns the name that was probably meant; "" if no name is near."""
    return next(iter(get_close_matches(name, sorted(names), 1, 0.7)), "")


def names_of(kind: type) -> frozenset[str]:
    """Returns the names of all public attributes of a class's objects."""
    found = {name for name in dir(kind) if not name.startswith("_")}
    return frozenset(found).union(*(vars(base).get("_gdpeer_attributes", ()) for base in kind.__mro__))


def refuse_unknown(owner: object, name: str) -> None:
    """Raises UnknownAttribute if an object's class is guarded, and has no attribute of a name that is to be set."""
    kind = type(owner)
    # Cached by class, as dir() is slow.
    known = _KNOWN.get(kind)
    if known is None:
        if "_gdpeer_attributes" not in vars(kind):
            return
        known = _KNOWN[kind] = names_of(kind)
    if name not in known:
        raise UnknownAttribute(kind, name)


def refuse_names_in_use(kind: type) -> None:
    """Refuses private names of gdpeer's in a new subclass, where they would break it in silence, by a TypeError."""
    ours = [base for base in kind.__mro__ if base.__module__.startswith("gdpeer.")]
    if kind in ours:
        return
    used = {name for base in ours for name in vars(base) if name.startswith("_") and not name.startswith("__")}
    for name in vars(kind):
        if name in used:
            raise TypeError(
                f"{kind.__qualname__}.{name}: gdpeer's {ours[0].__name__} uses this name itself; take another"
            )


def guard(kind: Any) -> None:
    """Guards a new class that has `_gdpeer_attributes`; a subclass without them, a game's, takes any attribute."""
    if "_gdpeer_attributes" in vars(kind):
        if kind.__setattr__ is object.__setattr__:
            kind.__setattr__ = _set_known
    elif kind.__setattr__ is _set_known:  # Python's own is much faster
        kind.__setattr__ = object.__setattr__


def _set_known(owner: object, name: str, value: Any) -> None:
    if name[:1] != "_":
        refuse_unknown(owner, name)
    object.__setattr__(owner, name, value)


class Guarded:
    """A class whose objects accept only the attributes that the class names."""

    __slots__ = ()

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    if not TYPE_CHECKING:

        def __init_subclass__(cls, **arguments: Any) -> None:
            super().__init_subclass__(**arguments)
            guard(cls)
