"""What a message says, in the same words for every kind of traffic.

Layer: `inspection`; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from gdpeer.errors import VariantError
from gdpeer.quoting import escape
from gdpeer.variant.text.text import var_to_str

__all__ = ["Decoded", "Paths", "clipped", "value_text"]

MOST_TEXT = 200
"""Characters of a value, or of a message, that are shown."""

MOST_LINE = 1000
"""Characters of a call with all its values."""

LARGE = 1000
"""Items, and characters, of a value that is not written out: to do that takes longer than the game should wait."""

MOST_PATHS = 65_536
LONGEST_PATH = 4096
"""A path that is longer, or one more than these, is not remembered: the other side may be hostile."""

CONTROLS = {code: 0x2400 + code for code in range(32)} | {0x7F: 0x2421} | dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
"""Control characters are shown, not obeyed: what a stranger sends must not steer a terminal or break a line."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a message says.

    Attributes:
        command: `rpc`, `rset`, `simplify path`, ...; of other traffic `text` or `binary`.
        source, target: ids of the multiplayer; a target of 0: all, negative: all but one. None where it is no such
            traffic, or the client has no id yet.
        path: of the node, or what stands for it.
        method: its name; `method 3` where only its number is known.
        arguments: values of the engine.
        detail: everything else that there is to say, in words.
        problem: why it could not be decoded; "" mostly.
        is_relayed: it goes by way of the server from one client to others.
        engine: whose values they are.
    """

    command: str
    source: int | None = None
    target: int | None = None
    path: str = ""
    method: str = ""
    arguments: Sequence[Any] = ()
    detail: str = ""
    problem: str = ""
    is_relayed: bool = False
    engine: int = 4

    @property
    def label(self) -> str:
        """`PATH:METHOD` of a call, else the command; what filters and globs look at."""
        return f"{self.path}:{self.method}" if self.method else self.command

    def is_like(self, globs: Iterable[str]) -> bool:
        """Whether one of some globs fits its label, its method or its command."""
        called = (self.label, self.method, self.command)
        return any(name and fnmatchcase(name, glob) for glob in globs for name in called)

    def between(self, source: int | None, target: int | None, *, is_relayed: bool = False) -> Decoded:
        """The same, from one to another."""
        return replace(self, source=source, target=target, is_relayed=is_relayed)

    def texts(self) -> list[str]:
        """The arguments as the engine would write them, each cut to what can be shown."""
        return [value_text(value, self.engine) for value in self.arguments]

    def summary(self) -> str:
        """One line: `Main/Game:roll(1, "six")`, or what it is else."""
        if self.problem:
            return f"undecoded: {self.problem}"
        if self.method:
            return clipped(f"{clipped(self.path)}:{clipped(self.method)}({', '.join(self.texts())})", MOST_LINE)
        return " ".join(part for part in (clipped(self.path), self.detail) if part)


class Paths:
    """The numbers by which one side calls its nodes."""

    def __init__(self) -> None:
        self._paths: dict[int, str] = {}

    def learn(self, number: int, path: str) -> None:
        """From now on it is this node."""
        if len(path) <= LONGEST_PATH and (number in self._paths or len(self._paths) < MOST_PATHS):
            self._paths[number] = path

    def name(self, number: int) -> str:
        """The node's path; `node 7` where nobody said."""
        return self._paths.get(number, f"node {number}")


def value_text(value: Any, engine: int) -> str:
    """A value as the engine would write it, on one line and not too long; of a large one only what it is."""
    if isinstance(value, str):
        value = value[: MOST_TEXT + 1]
    if is_large(value):
        return f"{type(value).__name__} of {len(value)}"
    try:
        text = var_to_str(value, engine)
    except VariantError:
        text = repr(value)
    return clipped(text.replace("\n", " "))


def is_large(value: Any) -> bool:
    """Whether a value has more in it than is written out; looks no further than that."""
    left = LARGE
    inside = [value]
    while inside:
        one = inside.pop()
        left -= 1 + (len(one) if isinstance(one, Sized) else 0)
        if left < 0:
            return True
        if isinstance(one, dict):
            inside += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            inside += one
    return False


def clipped(text: str, most: int = MOST_TEXT) -> str:
    """A text of a stranger that can be shown."""
    shown = text if len(text) <= most else f"{text[: most - 1]}…"
    return escape(shown.translate(CONTROLS), most=0)
