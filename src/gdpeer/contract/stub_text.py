"""What the stubs of both languages have in common: their first line, and when a file is up to date.

    # Written by gdpeer contract from game (godot 4). Do not edit: subclass. Contract 5f0c21d7a4b9.

Layer: `contract`; pure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import PurePath

from gdpeer.contract.model import Method

__all__ = [
    "MARK",
    "StubError",
    "is_same",
    "keyword_of",
    "mode_constant",
    "mode_of_godot3",
    "place_of",
    "with_mark",
    "words_of",
]

MARK = "# Written by gdpeer contract"
"""The begin of the first line of each written file."""

_LINE_NUMBERS = re.compile(r"(?<=\.)(gd|cs|tscn|py|tres):\d+")


class StubError(ValueError):
    """A contract cannot be written as stubs.

    Attributes:
        reasons: all of them, each with file and line.
    """

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("; ".join(self.reasons))


def with_mark(text: str, source: str, engine: int, advice: str) -> str:
    """Returns the text of a file with its first line, which has a checksum of the text."""
    checksum = hashlib.sha256(_unnumbered(text).encode()).hexdigest()[:12]
    return f"{MARK} from {source} (godot {engine}). Do not edit: {advice}. Contract {checksum}.\n{text}"


def is_same(one: str, other: str) -> bool:
    """Whether two written files differ at most in the source's folder and in line numbers, which change often."""
    return _unnumbered(one.partition("\n")[2]) == _unnumbered(other.partition("\n")[2])


def _unnumbered(text: str) -> str:
    return _LINE_NUMBERS.sub(r"\1", text)


def place_of(method: Method) -> str:
    """Returns where a method is written: `res://main.gd:14`."""
    # The folder of a Python file depends on where the program was started.
    file = method.file if method.file.startswith("res://") else PurePath(method.file).name
    return f"{file or method.table}:{method.line}" if method.line else file or method.table


def words_of(method: Method) -> str:
    """Returns the arguments of `@rpc` in Godot 4, which are the same in Python and in GDScript."""
    words = ['"any_peer"'] if method.mode == "any_peer" else []
    words += ['"call_local"'] if method.call_local else []
    words.append(f'"{method.transfer if method.transfer not in ("", "?") else "reliable"}"')
    if method.channel:
        # GDScript takes the channel only as the fourth argument.
        words = [f'"{mode_word(method)}"', '"call_local"' if method.call_local else '"call_remote"', words[-1]]
        words.append(str(method.channel))
    return ", ".join(words)


def mode_word(method: Method) -> str:
    """Returns the mode as Godot 4 calls it; an unknown mode allows the least."""
    return "any_peer" if method.mode == "any_peer" else "authority"


def mode_constant(method: Method) -> str:
    """Returns the end of the name of the engine's constant for a mode of Godot 4: `ANY_PEER`."""
    return "DISABLED" if method.mode == "disabled" else mode_word(method).upper()


def mode_of_godot3(method: Method) -> str:
    """Returns the keyword of Godot 3 for the mode of a method."""
    if method.mode in ("any_peer", "authority", "?"):
        keyword = "remote" if method.mode == "any_peer" else "puppet"
        return f"{keyword}sync" if method.call_local else keyword
    return keyword_of(method.mode)


def keyword_of(mode: str) -> str:
    """Returns the newer of two keywords of Godot 3 with one meaning."""
    return {"sync": "remotesync", "slave": "puppet"}.get(mode, mode)
