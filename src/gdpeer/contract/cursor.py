"""`Cursor`: steps through the tokens of one logical line.

Layer: `contract`; pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gdpeer.contract.tokens import Kind, Token
from gdpeer.project_files.strings import string_value

__all__ = ["Cursor", "Reference", "split"]


@dataclass(frozen=True, slots=True)
class Reference:
    """An expression that names a class: `"res://base.gd".Inner`, `Base`, `Global.Inner`.

    Attributes:
        path: of a script; "" if the expression begins with a name.
        names: the names, the outermost first.
    """

    path: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join((f'"{self.path}"', *self.names) if self.path else self.names)


def split(tokens: Sequence[Token], separator: str = ",") -> list[list[Token]]:
    """Splits tokens at each separator that is outside of brackets; a separator at the end adds nothing."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += token.depth
        if depth == 0 and token.kind is Kind.MARK and token.text == separator:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts if parts[-1] else parts[:-1]


class Cursor:
    """Steps through the tokens of one line."""

    def __init__(self, tokens: Sequence[Token], at: int = 0) -> None:
        self._tokens = tokens
        self._at = at

    def is_over(self) -> bool:
        """Tells whether no token is left."""
        return self._at >= len(self._tokens)

    def next(self) -> Token:
        """Returns the next token, and steps behind it."""
        self._at += 1
        return self._tokens[self._at - 1]

    def peek(self) -> Token:
        """Returns the next token."""
        return self._tokens[self._at]

    def sees(self, text: str) -> bool:
        """Tells whether the next token has this text."""
        return not self.is_over() and self._tokens[self._at].text == text

    def brackets(self) -> list[Token]:
        """Returns the tokens in the brackets that begin here, and steps behind the brackets."""
        depth, begin = 0, self._at + 1
        while not self.is_over():
            token = self.next()
            depth += token.depth
            if depth == 0:
                return list(self._tokens[begin : self._at - 1])
        return list(self._tokens[begin:])

    def enumerated(self) -> list[tuple[Token, list[Token]]]:
        """Returns the members in the braces of an enumeration, with their expressions, and steps behind the braces."""
        parts = split(self.brackets()) if self.sees("{") else []
        return [(part[0], part[2:]) for part in parts if part and part[0].kind is Kind.WORD]

    def rest(self) -> Sequence[Token]:
        """Returns the tokens behind the cursor."""
        return self._tokens[self._at :]

    def skip_statement(self) -> None:
        """Steps to the semicolon that ends the statement, or to the end of the line."""
        self._skip_to(";")

    def statement(self) -> list[Token]:
        """Returns the tokens up to the semicolon that ends the statement, or to the end of the line."""
        begin = self._at
        self._skip_to(";")
        return list(self._tokens[begin : self._at])

    def skip_head(self) -> bool:
        """Steps behind the colon of a function's head; False: the function has no body."""
        self._skip_to(":;")
        has_body = self.sees(":")
        self._at += has_body
        return has_body

    def _skip_to(self, marks: str) -> None:
        depth = 0
        while not self.is_over() and not (depth == 0 and self._tokens[self._at].text in marks):
            depth += self.next().depth

    def whole_reference(self) -> Reference | None:
        """Returns the reference that the tokens are; None if they are another expression."""
        found = self.reference()
        return found if self.is_over() else None

    def reference(self) -> Reference | None:
        """Parses `"path".A.B`, `preload("path").A` or `A.B`; None for any other expression."""
        path = ""
        if self.sees("preload") or self.sees("load"):
            self.next()
            inside = self.brackets() if self.sees("(") else []
            if len(inside) != 1 or inside[0].kind is not Kind.STRING:
                return None
            path = string_value(inside[0].text)
        elif not self.is_over() and self._tokens[self._at].kind is Kind.STRING:
            path = string_value(self.next().text)
        elif not self.is_over() and self._tokens[self._at].kind is Kind.WORD:
            return Reference("", (self.next().text, *self._names()))
        return Reference(path, tuple(self._names())) if path else None

    def _names(self) -> list[str]:
        names = []
        while self.sees("."):
            self.next()
            if self.is_over() or self._tokens[self._at].kind is not Kind.WORD:
                break
            names.append(self.next().text)
        return names
