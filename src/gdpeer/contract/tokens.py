"""Splits a GDScript file into logical lines of tokens, without comments. Brackets and strings continue a line.

Nothing here raises: an unclosed string or bracket becomes a problem with its line.

Layer: `contract`; pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

__all__ = ["Kind", "Line", "SyntaxProblem", "Token", "logical_lines"]

# Possessive repeats (`*+`): an unclosed string fails at once; backtracking could take exponential time.
_TOKEN = re.compile(
    r'''
      (?P<newline>\r?\n)
    | (?P<space>[ \t]++)
    | (?P<comment>\#[^\n]*+)
    | (?P<string>[&^r]?(?:"""(?:[^"\\]++|\\.|"(?!""))*+"""|\'\'\'(?:[^'\\]++|\\.|'(?!\'\'))*+\'\'\'
                |"(?:[^"\\]++|\\.)*+"|'(?:[^'\\]++|\\.)*+'))
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<annotation>@\w++)
    | (?P<word>\w++)
    | (?P<continued>\\\r?\n)
    | (?P<other>.)
    ''',
    re.VERBOSE | re.DOTALL,
)

_PAIRS = {")": "(", "]": "[", "}": "{"}
_QUOTES = ('"""', "'''", '"', "'")


class Kind(Enum):
    """The kinds of tokens; a MARK is an operator or a bracket."""

    WORD = "word"
    STRING = "string"
    ANNOTATION = "annotation"
    MARK = "mark"


class Token(NamedTuple):
    """A word, string, annotation or mark, with its line."""

    kind: Kind
    text: str
    line: int

    @property
    def depth(self) -> int:
        """1 for an opening bracket, -1 for a closing bracket, else 0."""
        return (self.text in ("(", "[", "{")) - (self.text in (")", "]", "}"))


class SyntaxProblem(NamedTuple):
    """The reason why the engine would not load a file, with its line."""

    line: int
    text: str


@dataclass(slots=True)
class Line:
    """A logical line, which brackets and a backslash continue.

    Attributes:
        indent: characters of white space before it.
        tokens: at least one.
    """

    indent: int
    tokens: list[Token] = field(default_factory=list)


_KINDS = {"word": Kind.WORD, "string": Kind.STRING, "annotation": Kind.ANNOTATION}


def logical_lines(text: str, problems: list[SyntaxProblem]) -> Iterator[Line]:
    """Splits the text of a file into logical lines.

    Args:
        text: without a byte order mark.
        problems: problems found are added here.
    """
    line = Line(0)
    brackets: list[tuple[str, int]] = []  # the open brackets, each with its line
    number, indent, is_begin = 1, 0, True
    for match in _TOKEN.finditer(text):
        kind, piece = match.lastgroup or "", match.group()
        if kind == "newline":
            if not brackets and line.tokens:
                yield line
                line = Line(0)
            if not brackets:
                indent, is_begin = 0, True
        elif kind == "space":
            indent += len(piece) if is_begin else 0
        elif kind not in ("comment", "continued"):
            if not line.tokens:
                line.indent = indent
            is_begin = False
            line.tokens.append(Token(_KINDS.get(kind, Kind.MARK), piece, number))
            # A single quote is a token only if no string could be read: the rest of the file has no clear meaning.
            if piece in _QUOTES[2:]:
                problems.append(SyntaxProblem(number, "a string is not closed"))
                return
            if piece == "\r":
                problems.append(SyntaxProblem(number, "a carriage return stands alone"))
            if kind == "open":
                brackets.append((piece, number))
            elif kind == "close" and (not brackets or brackets.pop()[0] != _PAIRS[piece]):
                problems.append(SyntaxProblem(number, f"{piece} closes nothing"))
        number += piece.count("\n")
    if line.tokens:
        yield line
    if brackets:
        piece, number = brackets[-1]
        problems.append(SyntaxProblem(number, f"{piece} is not closed"))
