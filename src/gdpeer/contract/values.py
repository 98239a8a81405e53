"""The values of constants and enumerations, over all scripts of a project.

Layer: `contract`; pure. Source: reference godot4-contract 1.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gdpeer.contract.constants import NotConstant, evaluate
from gdpeer.contract.cursor import Reference
from gdpeer.contract.inheritance import Classes
from gdpeer.contract.script import ClassSyntax
from gdpeer.contract.tokens import Token

__all__ = ["FoundEnumeration", "Values"]

MOST_STEPS = 32
"""Most constants in a row, each of which needs the next one."""

_ENGINE: Mapping[int, Mapping[str, int]] = {
    4: {
        "RPC_MODE_DISABLED": 0,
        "RPC_MODE_ANY_PEER": 1,
        "RPC_MODE_AUTHORITY": 2,
        "TRANSFER_MODE_UNRELIABLE": 0,
        "TRANSFER_MODE_UNRELIABLE_ORDERED": 1,
        "TRANSFER_MODE_RELIABLE": 2,
    },
    3: {
        "RPC_MODE_DISABLED": 0,
        "RPC_MODE_REMOTE": 1,
        "RPC_MODE_MASTER": 2,
        "RPC_MODE_PUPPET": 3,
        "RPC_MODE_SLAVE": 3,
        "RPC_MODE_REMOTESYNC": 4,
        "RPC_MODE_SYNC": 4,
        "RPC_MODE_MASTERSYNC": 5,
        "RPC_MODE_PUPPETSYNC": 6,
    },
}
"""The engine's constants that configure methods."""


class FoundEnumeration(NamedTuple):
    """An enumeration, with the class that has it."""

    owner: ClassSyntax
    name: str

    @property
    def id(self) -> str:
        """As `model.Enumeration.id`."""
        return f"{self.owner.id}::{self.name}"


class Values:
    """Evaluates expressions as the classes of a project see them.

    Args:
        classes: of the project.
        engine: 4 or 3.
    """

    def __init__(self, classes: Classes, engine: int) -> None:
        self._classes = classes
        self._constants = _ENGINE[engine]
        self._made: dict[tuple[ClassSyntax, str], Any] = {}
        self._members: dict[FoundEnumeration, dict[str, int] | None] = {}
        self._steps = 0

    def evaluate(self, tokens: Sequence[Token], at: ClassSyntax) -> Any:
        """Returns the value of an expression in the class `at`.

        Raises:
            NotConstant: the value is not in the files.
        """
        return evaluate(tokens, lambda names: self._lookup(names, at))

    def enumeration(self, names: tuple[str, ...], at: ClassSyntax) -> FoundEnumeration | None:
        """Returns the enumeration that a type in the class `at` names; None if it is no enumeration of the project."""
        owner: Iterable[ClassSyntax] = self._classes.scopes(at)
        if len(names) > 1:
            class_ = self._classes.resolve(Reference("", names[:-1]), at)
            owner = () if class_ is None else self._classes.chain(class_)
        return next((FoundEnumeration(one, names[-1]) for one in owner if names[-1] in one.enumerations), None)

    def members(self, found: FoundEnumeration) -> dict[str, int]:
        """Returns the members of an enumeration; only those before the first one whose value is unknown."""
        if found not in self._members:
            # Without members meanwhile: an expression may name the enumeration itself.
            self._members[found] = None
            self._members[found] = self._make_members(found)
        return self._members[found] or {}

    def _make_members(self, found: FoundEnumeration) -> dict[str, int]:
        members: dict[str, int] = {}

        def lookup(names: tuple[str, ...]) -> Any:
            return members[names[0]] if names[0] in members and len(names) == 1 else self._lookup(names, found.owner)

        value = -1
        for name, tokens in found.owner.enumerations[found.name]:
            try:
                value = evaluate(tokens, lookup) if tokens else value + 1
            except NotConstant:
                break
            if type(value) is not int:
                break
            members[name] = value
        return members

    # ---------------------------------------------------------------------------------------- names

    def _lookup(self, names: tuple[str, ...], at: ClassSyntax) -> Any:
        if self._steps >= MOST_STEPS:
            raise NotConstant("too many constants need each other")
        self._steps += 1
        try:
            found = self._in(self._classes.scopes(at), names)
            if found is not None:
                return found[0]
            class_ = self._classes.resolve(Reference("", names[:1]), at)
            if class_ is not None and len(names) > 1:
                found = self._in(self._classes.chain(class_), names[1:])
            if found is not None:
                return found[0]
        finally:
            self._steps -= 1
        if names[-1] in self._constants:
            return self._constants[names[-1]]
        raise NotConstant(f"no constant is called {'.'.join(names)}")

    def _in(self, scopes: Iterable[ClassSyntax], names: tuple[str, ...]) -> tuple[Any] | None:
        """Returns the value of names that begin in a class; None if the classes do not have the first name."""
        name, rest = names[0], names[1:]
        for scope in scopes:
            if name and name in scope.enumerations:
                return (self._of_enumeration(FoundEnumeration(scope, name), rest),)
            if "" in scope.enumerations and not rest:
                unnamed = self.members(FoundEnumeration(scope, ""))
                if name in unnamed:
                    return (unnamed[name],)
            class_ = self._classes.own_member(scope, name)
            if class_ is not None and rest:
                return self._in(self._classes.chain(class_), rest)
            if name in scope.values and not rest:
                return (self._constant(scope, name),)
        return None

    def _of_enumeration(self, found: FoundEnumeration, rest: tuple[str, ...]) -> Any:
        members = self.members(found)
        if not rest:
            return dict(members)
        if len(rest) > 1 or rest[0] not in members:
            raise NotConstant(f"{found.name} has no member {'.'.join(rest)} of a known value")
        return members[rest[0]]

    def _constant(self, scope: ClassSyntax, name: str) -> Any:
        key = (scope, name)
        if key not in self._made:
            # Constants can name each other, which would never end.
            self._made[key] = NotConstant(f"{name} needs itself")
            try:
                self._made[key] = self.evaluate(scope.values[name], scope)
            except NotConstant as error:
                self._made[key] = error
        found = self._made[key]
        if isinstance(found, NotConstant):
            raise NotConstant(*found.args)
        return found
