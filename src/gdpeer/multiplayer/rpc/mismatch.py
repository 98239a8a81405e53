"""Finds the methods in which the other side of a node differs, from the checksum of its methods.

    find_changes(told, ["greet", "set_name"], candidates=["set_player_name"])

The checksum is the MD5 of all names of a node's methods, so the names cannot be read from it. This module tries lists
of names that differ a little from this side's list, and compares checksums. `SearchLimit` bounds how often a peer can
make this side search.

Layer: `multiplayer`; pure. Source: reference godot4-contract 1.
"""

from __future__ import annotations

import hashlib
import json
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations
from math import comb
from typing import Any, Protocol, TypeAlias, runtime_checkable

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.token_bucket import TokenBucket

__all__ = [
    "MOST_ANSWERS",
    "MOST_CANDIDATES",
    "MOST_TRIES",
    "NO_METHODS",
    "SEARCHES",
    "Change",
    "ContractLike",
    "Found",
    "Search",
    "SearchLimit",
    "TableLike",
    "find_changes",
    "joined_checksum",
    "listed",
    "named_tables",
]

NO_METHODS = "d41d8cd98f00b204e9800998ecf8427e"
"""The checksum of a node without methods, as a MultiplayerSpawner or MultiplayerSynchronizer."""

MOST_TRIES = 5_000
"""Lists that one search at run time tries: about 5 to 15 ms."""
MOST_CANDIDATES = 200
"""Names that one search at run time tries to add."""
MOST_ANSWERS = 5
MOST_LISTED = 10
"""Names in one list of a text."""

LONG = 512
"""Bytes of names that count as one more try, because MD5 takes longer for longer lists."""

PER_SECOND = 1.0
PER_MINUTE = 10.0
"""Searches at run time, for all peers of the process together."""

Edit: TypeAlias = tuple[int, int, bytes]
"""Replaces the bytes between two indexes of the joined names."""

FORMAT = 1
"""The form of a saved contract that this version reads."""


class TableLike(Protocol):
    """The members of a contract's `Table` that checksums need."""

    @property
    def id(self) -> str:
        """The script, or the Python class."""

    @property
    def class_name(self) -> str:
        """The global name; "" without."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the order of their numbers."""

    @property
    def checksum(self) -> str:
        """The checksum that the engine sends for these names."""


@runtime_checkable
class ContractLike(Protocol):
    """The members of a `gdpeer.contract.Contract` that checksums need."""

    @property
    def source(self) -> str:
        """The folder, module or file."""

    @property
    def engine(self) -> int:
        """The major version of the engine: 4 or 3."""

    @property
    def tables(self) -> Sequence[TableLike]:
        """The classes that have methods."""


@dataclass(frozen=True, slots=True)
class NamedTable:
    """The names of a class in a saved contract.

    Attributes:
        id: the script, or the Python class.
        class_name: "" without.
        names: in the order of their numbers.
    """

    id: str
    class_name: str
    names: tuple[str, ...]

    @property
    def checksum(self) -> str:
        """The checksum that the engine sends for these names."""
        return joined_checksum(self.names)


def named_tables(text: str) -> tuple[NamedTable, ...]:
    """Returns the tables of a saved contract.

    Args:
        text: what `gdpeer contract show --json` prints.

    Raises:
        ValueError: the text is no contract of Godot 4 in a form that this version reads; the message says why.
    """
    try:
        saved = json.loads(text)
    except ValueError:
        raise ValueError("not a saved contract: expected the output of gdpeer contract show --json") from None
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        raise ValueError(f"not a saved contract of format {FORMAT}: write it with gdpeer contract show --json")
    check_engine(saved.get("engine", 4))
    try:
        return tuple(_named_table(table) for table in saved["tables"])
    except (KeyError, TypeError, AttributeError):
        raise ValueError("the saved contract is damaged: write it again with gdpeer contract show --json") from None


def _named_table(table: dict[str, Any]) -> NamedTable:
    methods = table["methods"]
    # Methods that code configures come first, and each group is sorted.
    names = [str(method["name"]) for by_code in (True, False) for method in _group(methods, by_code)]
    return NamedTable(str(table["id"]), str(table.get("class_name") or ""), tuple(names))


def _group(methods: list[dict[str, Any]], by_code: bool) -> list[dict[str, Any]]:
    group = [method for method in methods if bool(method.get("by_code")) is by_code]
    return sorted(group, key=lambda method: str(method["name"]))


def check_engine(engine: object) -> None:
    """Raises ValueError for a contract of Godot 3."""
    if engine == 3:
        raise ValueError("the contract is of Godot 3, which compares no checksums")


def joined_checksum(names: Iterable[str]) -> str:
    """Returns the MD5 of names that are in the order of their numbers."""
    return hashlib.md5("".join(names).encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()


def listed(names: Sequence[str]) -> str:
    """Returns names for a text: "`a`, `b` and 3 more"."""
    shown = [f"`{name}`" for name in names[:MOST_LISTED]]
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part)


@dataclass(frozen=True, slots=True)
class Change:
    """A difference that explains a checksum.

    Attributes:
        lacks: names that only this side has.
        has: names that only the other side has.
        by_code: how the other side configures a method that both sides have, if that is the difference: "by @rpc
            instead".
        name: the method that `by_code` is about.
    """

    lacks: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    by_code: str = ""
    name: str = ""

    def describe(self, subject: str = "the peer") -> str:
        """Returns the difference in words, of which `subject` is the other side."""
        if self.by_code:
            return f"{subject} configures `{self.name}` {self.by_code}"
        if len(self.lacks) == len(self.has) == 1:
            return f"`{self.lacks[0]}` is `{self.has[0]}` there"
        lacks = f"lacks {listed(self.lacks)}" if self.lacks else ""
        has = f"has {listed(self.has)}{'' if lacks else ' in addition'}" if self.has else ""
        return f"{subject} {' and '.join(part for part in (lacks, has) if part)}"


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search.

    Attributes:
        changes: all differences of the smallest size that explain the checksum, at most `MOST_ANSWERS`.
        is_complete: False if the search ended before all lists were tried.
    """

    changes: tuple[Change, ...]
    is_complete: bool


def find_changes(
    checksum: str,
    script: Sequence[str],
    by_code: Sequence[str] = (),
    candidates: Sequence[str] = (),
    *,
    most: int = 2,
    tries: int = MOST_TRIES,
) -> Found:
    """Searches for the smallest differences that explain a checksum.

    Args:
        checksum: that the other side sends.
        script: the names of this side's `@rpc` methods.
        by_code: the names that this side configures by `rpc_config`.
        candidates: names that the other side may have in addition, the likely ones first.
        most: the most names that differ.
        tries: the most lists to try; each further 512 bytes of a list count as one more.
    """
    search = Search(checksum, script, by_code, candidates, tries)
    for size in range(1, most + 1):
        found = search.changes(size)
        if found or not search.tries:
            return Found(found, search.tries > 0)
    return Found((), True)


class Search:
    """A search over lists of names, by the number of names that differ.

    Args:
        checksum, script, by_code, candidates, tries: see `find_changes`.

    Attributes:
        tries: the lists that may still be tried; 0: the search has ended early.
    """

    def __init__(
        self, checksum: str, script: Sequence[str], by_code: Sequence[str], candidates: Sequence[str], tries: int
    ) -> None:
        # The order of UTF-8 bytes is that of code points, which is the engine's.
        self._script = sorted(map(_encoded, script))
        self._by_code = sorted(map(_encoded, by_code))
        own = {*self._script, *self._by_code}
        names = [*self._by_code, *self._script]
        starts = list(accumulate(map(len, names), initial=0))
        self._joined = b"".join(names)
        self._removals: list[Edit] = [
            (start, start + len(name), b"") for start, name in zip(starts, names, strict=False)
        ]
        places = starts[len(self._by_code) :]
        added = dict.fromkeys(name for name in map(_encoded, candidates) if name not in own)
        spots = [(places[bisect_left(self._script, name)], name) for name in added]
        self._additions: list[Edit] = [(spot, spot, name) for spot, name in spots]
        self._wanted = bytes.fromhex(checksum)
        self.tries = tries

    def changes(self, size: int) -> tuple[Change, ...]:
        """Returns all differences in `size` names that explain the checksum, at most `MOST_ANSWERS`."""
        found: list[Change] = []
        for change in self._of_size(size):
            if change not in found:
                found.append(change)
            if len(found) == MOST_ANSWERS:
                break
        return tuple(found)

    def _of_size(self, size: int) -> Iterator[Change]:
        if size == 1:
            yield from self._configured_otherwise()
        # The small groups first: they are complete before the tries are used up.
        for less in sorted(range(size + 1), key=lambda less: self._count(less, size - less)):
            yield from self._edited(less, size - less)

    def _count(self, less: int, more: int) -> int:
        return comb(len(self._removals), less) * comb(len(self._additions), more)

    def _is_right(self, joined: bytes) -> bool:
        self.tries = max(0, self.tries - 1 - len(joined) // LONG)
        return hashlib.md5(joined, usedforsecurity=False).digest() == self._wanted

    def _configured_otherwise(self) -> Iterator[Change]:
        """Tries the lists in which a name is configured by code on one side only, or is there twice."""
        for is_code, names, others in ((True, self._script, self._by_code), (False, self._by_code, self._script)):
            way = "by code (rpc_config)" if is_code else "by @rpc"
            for name in names:
                rest = [one for one in names if one != name]
                joined = sorted([*others, name])
                for kept, words in ((names, f"{way} as well"), (rest, f"{way} instead")):
                    if not self.tries:
                        return
                    if self._is_right(b"".join([*joined, *kept] if is_code else [*kept, *joined])):
                        yield Change(by_code=words, name=_decoded(name))

    def _edited(self, less: int, more: int) -> Iterator[Change]:
        """Tries all lists without `less` of this side's names, and with `more` of the candidates."""
        for removed in combinations(self._removals, less):
            for added in combinations(self._additions, more):
                if not self.tries:
                    return
                edits = sorted((*removed, *added))
                if self._is_right(self._edit(edits)):
                    lacks = (self._joined[start:end] for start, end, name in edits if not name)
                    yield Change(tuple(map(_decoded, lacks)), tuple(_decoded(name) for *_, name in edits if name))

    def _edit(self, edits: Sequence[Edit]) -> bytes:
        """Returns the joined names after some edits, which are in order."""
        parts: list[bytes] = []
        at = 0
        for start, end, name in edits:
            parts += (self._joined[at:start], name)
            at = end
        parts.append(self._joined[at:])
        return b"".join(parts)


def _encoded(name: str) -> bytes:
    return name.encode(errors="surrogatepass")


def _decoded(name: bytes) -> str:
    return name.decode(errors="surrogatepass")


class SearchLimit:
    """Bounds the searches of a process: one a second, and ten a minute, whichever peers cause them.

    Args:
        clock: tells the time.

    Thread rule: any thread.
    """

    def __init__(self, clock: Clock = MONOTONIC) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Allows searches as if none had run."""
        now = self._clock.now()
        self._second = TokenBucket(PER_SECOND, 1, now)
        self._minute = TokenBucket(PER_MINUTE / 60, PER_MINUTE, now)

    def may_search(self) -> bool:
        """Tells whether a search may run now, and counts it."""
        with self._lock:
            now = self._clock.now()
            return self._second.spend(now) and self._minute.spend(now)


SEARCHES = SearchLimit()
"""The limit of this process."""
