"""Reads Godot's text files with bracketed sections: `.tscn`, `.tres`, `project.godot`.

    [node name="Main" type="Node2D"]
    script = ExtResource("1_abc")

Values stay tokens until `Value.parsed` is called: most values of a scene are never used.

Layer: `project_files`; pure. Source: reference godot4-contract 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gdpeer.project_files.strings import string_value
from gdpeer.variant.text.text import str_to_var

__all__ = ["Damage", "Section", "Value", "read_sections"]

_TOKEN = re.compile(
    r"""
      (?P<newline>\n)
    | (?P<space>[^\S\n]++)
    | (?P<comment>;[^\n]*+)
    | (?P<string>[&^]?"(?:[^"\\]++|\\.)*+")
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<equals>=)
    | (?P<numbers>(?:-?[0-9][0-9.e+\-]*+,[ ]?){8,}+)
    | (?P<text>[^\s"()\[\]{}=,;]++)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


_PIECES = frozenset(("string", "open", "close", "equals", "numbers", "text", "other"))
"""Kinds of tokens that make up statements. The numbers of an array are one token: a mesh has millions of them."""

_MOST_TOKENS = 64
"""Most tokens of a value that stay apart; strings and references have 4 at most."""


class Damage(NamedTuple):
    """Text that the engine refuses to load, with its line."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """The value behind an equals sign.

    Attributes:
        tokens: its pieces, without spaces; a large value is one piece.
        line: of the statement; 0 if unknown.
    """

    tokens: tuple[str, ...]
    line: int = 0

    @property
    def string(self) -> str | None:
        """The text of a string; None if the value is no string."""
        token = self.tokens[0] if len(self.tokens) == 1 else ""
        return string_value(token) if token.lstrip("&^").startswith('"') and len(token) > 1 else None

    @property
    def reference(self) -> tuple[str, str] | None:
        """("ExtResource", "1_abc"); None if the value is no reference."""
        if len(self.tokens) == 4 and self.tokens[1] == "(" and self.tokens[0] in ("ExtResource", "SubResource"):
            return self.tokens[0], self.tokens[2].strip('"')
        return None

    def parsed(self) -> Any:
        """Returns the value as the engine reads it; None for a reference.

        Raises:
            VariantError: the text is not a value.
        """
        return None if self.reference is not None else str_to_var("".join(self.tokens))

    def __str__(self) -> str:
        return self.string if self.string is not None else "".join(self.tokens)


@dataclass(slots=True)
class Section:
    """A section: its head in brackets, and the lines up to the next head.

    Attributes:
        kind: the first word of the head; "" for the lines before the first head.
        line: of the head.
        fields: values in the head.
        assignments: keys and values below the head, in the order of the file.
    """

    kind: str
    line: int
    fields: dict[str, Value] = field(default_factory=dict)
    assignments: list[tuple[str, Value]] = field(default_factory=list)

    @property
    def properties(self) -> dict[str, Value]:
        """The last value of each key."""
        return dict(self.assignments)

    def text(self, name: str) -> str:
        """Returns the text of a value in the head; "" without."""
        return str(self.fields[name]) if name in self.fields else ""


def read_sections(text: str, damages: list[Damage] | None = None) -> Iterator[Section]:
    """Yields the sections of a file. Skips text of other forms; an unclosed string ends the reading.

    Args:
        text: of the file.
        damages: text that was skipped is added here.
    """
    section = Section("", 1)
    skipped: list[Damage] = [] if damages is None else damages
    for line, statement in _statements(text.removeprefix("\ufeff"), skipped):
        if statement[0] == "[":
            yield section
            section = _head(statement, line)
        else:
            key, tokens = _split(statement)
            if tokens:
                section.assignments.append((key, Value(_compact(tokens), line)))
            else:
                skipped.append(Damage(line, f"expected key = value, got {''.join(statement)[:40]!r}"))
    yield section


def _compact(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Joins the tokens of a large value: as tokens, the numbers of an array would take ten times their memory."""
    return tokens if len(tokens) <= _MOST_TOKENS else ("".join(tokens),)


def _statements(text: str, damages: list[Damage]) -> Iterator[tuple[int, list[str]]]:
    """Yields heads and assignments with their lines. An open bracket continues a statement in the next line."""
    number, begin, depth = 1, 1, 0
    statement: list[str] = []
    for match in _TOKEN.finditer(text):
        kind, piece = match.lastgroup, match.group()
        if kind in _PIECES:
            # A quote that begins no string: the string is not closed, and its end is unknown.
            if piece == '"':
                damages.append(Damage(number, "a string is not closed"))
                depth = 0
                break
            if not statement:
                begin = number
            statement.append(piece)
            depth += (kind == "open") - (kind == "close")
        is_head_over = kind == "close" and depth <= 0 and statement[0] == "["
        if statement and depth <= 0 and (kind == "newline" or is_head_over):
            yield begin, statement
            statement, depth = [], 0
        number += piece.count("\n")
    if depth > 0:
        damages.append(Damage(begin, "a bracket is not closed"))
    if statement:
        yield begin, statement


def _split(statement: list[str]) -> tuple[str, tuple[str, ...]]:
    """Splits an assignment into its key and its value."""
    if "=" not in statement:
        return "", ()
    at = statement.index("=")
    return str(Value(tuple(statement[:at]))), tuple(statement[at + 1 :])


def _head(statement: list[str], line: int) -> Section:
    inside = statement[1:-1] if statement[-1] == "]" else statement[1:]
    section = Section(inside[0] if inside else "", line)
    at = 1
    while at + 2 < len(inside) + 1:
        if at + 1 < len(inside) and inside[at + 1] == "=":
            end = _end_of_value(inside, at + 2)
            section.fields[inside[at]] = Value(tuple(inside[at + 2 : end]))
            at = end
        else:
            at += 1
    return section


def _end_of_value(pieces: list[str], at: int) -> int:
    """Returns the index behind the value that begins at `at`: one piece, with the brackets that follow it directly."""
    depth = 0
    while at < len(pieces):
        depth += (pieces[at] in "([{") - (pieces[at] in ")]}")
        at += 1
        if depth <= 0 and not (
            at < len(pieces) and pieces[at] in ("(", "[") and depth == 0 and pieces[at - 1].isalnum()
        ):
            break
    return at
