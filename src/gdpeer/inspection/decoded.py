"""One decoded message, in the same terms for Godot 4, Godot 3 and other traffic.

Layer: `inspection`; pure.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import Any

from gdpeer.errors import VariantError
from gdpeer.inspection.direction import Direction, Message
from gdpeer.quoting import escape
from gdpeer.variant.text.text import var_to_str

__all__ = ["Allowance", "Decoded", "DialectDecoder", "Paths", "State", "clipped", "value_text"]

MOST_TEXT = 200
"""The most characters that are shown of one value or one text message."""

MOST_LINE = 1000
"""The most characters that are shown of a call with all its arguments."""

LARGE = 1000
"""A value with more items and characters than this is not written out: writing it would hold up the game."""

MOST_PATHS = 65_536
"""The most paths that are remembered for one sender, which may be hostile."""

MOST_SOURCES = 4096
"""The most senders in one client's messages whose paths are remembered."""

LONGEST_PATH = 4096
"""The most characters of a path that is remembered."""

CONTROLS = {code: 0x2400 + code for code in range(32)} | {0x7F: 0x2421} | dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
"""Replaces control characters by visible ones: a stranger's text must not steer a terminal or break a line."""


class Allowance:
    """How many characters of a message may still be written out: a stranger's message may hold any number of values.

    Args:
        each: the most characters of one value or name.
        total: the most characters of all values and names together.
        large: a value with more items and characters is not written out.

    Attributes:
        is_cut: whether anything was cut or left out.
    """

    def __init__(self, each: int = MOST_TEXT, total: int = sys.maxsize, large: int = LARGE) -> None:
        self._each = each
        self._left = total
        self._large = large
        self.is_cut = False

    @property
    def is_used_up(self) -> bool:
        """Whether nothing more may be written."""
        return self._left <= 0

    def text(self, text: str) -> str:
        """Returns a name, safe to show."""
        return self._spent(clipped(text, self._most()))

    def value(self, value: Any, engine: int) -> str:
        """Returns a value as text."""
        return self._spent(value_text(value, engine, self._most(), max(1, min(self._large, self._left))))

    def values(self, values: Iterable[Any], engine: int) -> list[str]:
        """Returns values as texts; the rest of a long list becomes one `…`."""
        texts: list[str] = []
        for value in values:
            if self.is_used_up:
                return [*texts, self._spent("…")]
            texts.append(self.value(value, engine))
        return texts

    def _most(self) -> int:
        return max(1, min(self._each, self._left))

    def _spent(self, text: str) -> str:
        self._left -= len(text) + 1  # an empty text costs, too
        self.is_cut = self.is_cut or text.endswith("…")
        return text


@dataclass(frozen=True, slots=True)
class State:
    """The values that a packet has for one synchronizer, or for all synchronizers of a spawned node.

    Attributes:
        name: the path of the synchronizer or of the spawned node; `net id 2` if the path is not known.
        values: None if the bytes cannot be decoded.
        properties: the names of the values; empty if they are not known.
        size: bytes of the values.
        place: as `name`, but without numbers that differ from session to session; for values of a SPAWN the node.
    """

    name: str
    values: Sequence[Any] | None
    properties: Sequence[str]
    size: int
    place: str = ""

    def summary(self) -> str:
        """Returns one text: `Main/Units/U1/Sync(position = Vector2(1, 2), turn = 0.5)`."""
        return f"{clipped(self.name)}({', '.join(self._parts())})"

    def _parts(self) -> Iterator[str]:
        if self.values is None:
            yield f"{self.size} bytes, not decoded"
            return
        for index, value in enumerate(self.values):
            name = f"{clipped(self.properties[index])} = " if self.properties else ""
            yield f"{name}{value_text(value, 4)}"

    def as_json(self, allowance: Allowance) -> dict[str, Any]:
        """Returns the state as a dictionary for JSON, as much of it as is allowed."""
        name = allowance.text(self.name)
        if self.values is None:
            return {"name": name, "undecoded": self.size}
        values = allowance.values(self.values, 4)
        named = [clipped(one) for one in self.properties[: len(values)]]
        return {"name": name, **({"properties": named} if named else {}), "values": values}


@dataclass(frozen=True, slots=True)
class Decoded:
    """The content of one message.

    Attributes:
        command: `rpc`, `rset`, `simplify path`, ...; for traffic that is not Godot's `text` or `binary`.
        source, target: peer ids of the multiplayer. A target of 0 means all, a negative target all but one. None if
            the traffic is not Godot's, or the client has no id yet.
        path: of the node; `node 7` if only its number is known.
        method: name of the method; `method 3` if only its number is known.
        arguments: of the call, as Variant values.
        detail: everything else worth showing, in words.
        problem: why the message could not be decoded; "" if it was decoded.
        is_relayed: whether the server relays the message from one client to others.
        engine: 3 or 4, the Godot version whose values `arguments` are.
        states: of a SPAWN, a SYNC or a delta.
        place: the node of a SPAWN or DESPAWN, in words that are the same in another session.
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
    states: Sequence[State] = ()
    place: str = ""

    @property
    def paths(self) -> list[str]:
        """The paths of all nodes that the message is about."""
        return [self.path, *(state.name for state in self.states)]

    @property
    def label(self) -> str:
        """`PATH:METHOD` for a call, else the command."""
        return f"{self.path}:{self.method}" if self.method else self.command

    def is_like(self, globs: Iterable[str]) -> bool:
        """Returns whether any glob matches the label, the method or the command."""
        called = (self.label, self.method, self.command)
        return any(name and fnmatchcase(name, glob) for glob in globs for name in called)

    def between(self, source: int | None, target: int | None, *, is_relayed: bool = False) -> Decoded:
        """Returns a copy with this source and target."""
        return replace(self, source=source, target=target, is_relayed=is_relayed)

    def texts(self, allowance: Allowance | None = None) -> list[str]:
        """Returns the arguments as Godot's `var_to_str` writes them, each cut to `MOST_TEXT` or as allowed."""
        return (allowance or Allowance()).values(self.arguments, self.engine)

    def states_as_json(self, allowance: Allowance) -> list[dict[str, Any]]:
        """Returns the states as dictionaries for JSON, as many as are allowed."""
        return [state.as_json(allowance) for state in takewhile(lambda _: not allowance.is_used_up, self.states)]

    def summary(self) -> str:
        """Returns one line of text: `Main/Game:roll(1, "six")` for a call, else path, detail and states."""
        if self.problem:
            return f"undecoded: {self.problem}"
        if self.method:
            return clipped(f"{clipped(self.path)}:{clipped(self.method)}({', '.join(self.texts())})", MOST_LINE)
        states = clipped(", ".join(state.summary() for state in self.states), MOST_LINE)
        words = ": ".join(part for part in (self.detail, states) if part)
        return " ".join(part for part in (clipped(self.path), words) if part)


class Paths:
    """Remembers which path each number of a node stands for. Every sender numbers nodes by itself."""

    def __init__(self) -> None:
        self._paths: dict[int, str] = {}

    def learn(self, number: int, path: str) -> None:
        """Notes that `number` stands for `path` from now on. Does nothing at the limits above."""
        if len(path) <= LONGEST_PATH and (number in self._paths or len(self._paths) < MOST_PATHS):
            self._paths[number] = path

    def name(self, number: int) -> str:
        """Returns the path of a node; `node 7` if its path is not known."""
        return self._paths.get(number, f"node {number}")

    def number(self, path: str) -> int | None:
        """Returns the number that was last learned for a path; None without."""
        return next((number for number, one in reversed(self._paths.items()) if one == path), None)


class DialectDecoder:
    """Decodes the messages of one client; each kind of traffic has a subclass.

    Attributes:
        peer_id: the client's id in the multiplayer; None before the server has sent it.
        unnamed: paths of the nodes whose methods were called by unknown numbers, each with the checksum of its methods.
        checksums: of the methods of nodes, by sender and path. Only Godot 4 sends them.
    """

    def __init__(self) -> None:
        self.peer_id: int | None = None
        self.checksums: dict[tuple[int | None, str], str] = {}
        self.unnamed: dict[str, str] = {}
        self._paths: defaultdict[int | None, Paths] = defaultdict(Paths)

    def decode(self, direction: Direction, message: Message) -> Decoded:
        """Returns the content of a message. Never raises: `Decoded.problem` says what is wrong with a message."""
        raise NotImplementedError

    def paths_of(self, source: int | None) -> Paths:
        """Returns the paths that a sender has named."""
        # A client may claim any number of sources: beyond the limit their paths are not kept.
        return self._paths[source] if source in self._paths or len(self._paths) < MOST_SOURCES else Paths()


def value_text(value: Any, engine: int, most: int = MOST_TEXT, large: int = LARGE) -> str:
    """Returns a value as Godot's `var_to_str` writes it, on one line of at most `most` characters.

    A value with more than `large` items and characters is described instead: `Array of 5000`.
    """
    if isinstance(value, str):
        value = value[: most + 1]
    elif is_large(value, large):
        return f"{type(value).__name__} of {len(value)}"
    try:
        text = var_to_str(value, engine)
    except VariantError:
        text = repr(value)  # the engine cannot write this value, such as an object
    return clipped(text.replace("\n", " "), most)


def is_large(value: Any, large: int = LARGE) -> bool:
    """Returns whether a value has more than `large` items and characters, nested ones included."""
    # Stop counting at the limit: the whole value may be much larger.
    left = large
    inside = [value]  # a list instead of recursion: a stranger's value may be nested deeply
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
    """Returns a stranger's text made safe to show: at most `most` characters, control characters replaced."""
    shown = text if len(text) <= most else f"{text[: most - 1]}…"
    return escape(shown.translate(CONTROLS), most=0)
