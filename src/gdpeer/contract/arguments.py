"""The arguments of functions: their types in Godot 4's words, their defaults, and the enumerations that they use.

Layer: `contract`; pure. Source: reference godot4-contract 4.
"""

from __future__ import annotations

from collections.abc import Sequence

from gdpeer.contract.constants import NotConstant, text_of, text_of_tokens, type_of
from gdpeer.contract.cursor import Reference, split
from gdpeer.contract.inheritance import Classes
from gdpeer.contract.model import Argument, Enumeration
from gdpeer.contract.script import ClassSyntax, Function
from gdpeer.contract.tokens import Kind, Token
from gdpeer.contract.types import GODOT4, from_godot3
from gdpeer.contract.values import FoundEnumeration, Values

__all__ = ["Arguments"]

_CONTAINERS = ("Array", "Dictionary")

_NUMBERS = frozenset(
    (
        *("ClockDirection", "Corner", "Error", "EulerOrder", "HorizontalAlignment", "InlineAlignment", "JoyAxis"),
        *("JoyButton", "Key", "KeyLocation", "KeyModifierMask", "MIDIMessage", "MethodFlags", "MouseButton"),
        *("MouseButtonMask", "Orientation", "PropertyHint", "PropertyUsageFlags", "Side", "VerticalAlignment"),
    )
)
"""The engine's global enumerations."""


class Arguments:
    """Reads the arguments of functions.

    Args:
        classes: of the project.
        values: of its constants.
        engine: 4 or 3.

    Attributes:
        enumerations: those that the arguments use, by id.
    """

    def __init__(self, classes: Classes, values: Values, engine: int) -> None:
        self._classes = classes
        self._values = values
        self._engine = engine
        self.enumerations: dict[str, Enumeration] = {}

    def of(self, function: Function, at: ClassSyntax) -> tuple[Argument, ...]:
        """Returns the arguments of a function of the class `at`."""
        return tuple(self._argument(part, at) for part in split(function.head) if part)

    def _argument(self, tokens: Sequence[Token], at: ClassSyntax) -> Argument:
        is_rest = tokens[0].text == "."
        while len(tokens) > 1 and tokens[0].text == ".":
            tokens = tokens[1:]
        name, *parts = split(tokens, "=")
        default = tokens[len(name) + 1 :] if parts else []
        type_, found = None, None
        if len(name) > 2 and name[1].text == ":":
            type_, found = self._type(name[2:], at)
        elif len(name) == 2 and name[1].text == ":":
            type_, found = self._inferred(default, at)
        return Argument(
            name[0].text,
            type_,
            self._default(default, found, at) if default else None,
            is_rest,
            "" if found is None else self._used(found),
        )

    def _type(self, tokens: Sequence[Token], at: ClassSyntax) -> tuple[str | None, FoundEnumeration | None]:
        first = tokens[0].text
        if first in _CONTAINERS and len(tokens) > 3:
            inner = [self._type(part, at)[0] or "Variant" for part in split(tokens[2:-1]) if part]
            return (first if set(inner) <= {"Variant"} else f"{first}[{', '.join(inner)}]"), None
        names = tuple(token.text for token in tokens if token.kind is Kind.WORD)
        if names == ("Variant",) or not names:
            return None, None
        word = from_godot3(first) if self._engine == 3 else first
        if len(names) == 1 and word in GODOT4:
            return word, None
        found = self._values.enumeration(names, at)
        if found is not None:
            return "int", found
        is_class = len(names) == 1 or self._classes.resolve(Reference("", names), at) is not None
        # The engine's classes have enumerations, but no classes within.
        return (".".join(names) if is_class and names[0] not in _NUMBERS else "int"), None

    def _inferred(self, default: Sequence[Token], at: ClassSyntax) -> tuple[str | None, FoundEnumeration | None]:
        """Returns the type that `:=` gives to an argument."""
        names = tuple(token.text for token in default if token.kind is Kind.WORD)
        is_path = len(names) > 1 and len(default) == 2 * len(names) - 1
        found = self._values.enumeration(names[:-1], at) if is_path else None
        if found is not None:
            return "int", found
        try:
            return type_of(self._values.evaluate(default, at)), None
        except NotConstant:
            return None, None

    def _default(self, tokens: Sequence[Token], found: FoundEnumeration | None, at: ClassSyntax) -> str:
        """Returns a default with the values of its constants; as written if they are not known."""
        try:
            value = self._values.evaluate(tokens, at)
            members = {} if found is None else self._values.members(found)
            names = [name for name, number in members.items() if type(value) is int and number == value]
            return f"{found.name}.{names[0]}" if found is not None and names else text_of(value)
        except NotConstant:
            return text_of_tokens(tokens)

    def _used(self, found: FoundEnumeration) -> str:
        members = tuple(self._values.members(found).items())
        self.enumerations[found.id] = Enumeration(found.id, found.name, members)
        return found.id
