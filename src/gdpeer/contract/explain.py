"""`explain`: which classes have a checksum, or in which methods they would have to differ.

    for answer in explain("c77c...", [read("game/")]).answers:
        print(answer.table.id, answer.describe())

At run time `gdpeer.multiplayer.godot4.differences` does the same within narrow bounds.

Layer: `contract`; pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from gdpeer.contract.model import Contract, Table
from gdpeer.contract.pairing import matches
from gdpeer.multiplayer.rpc.mismatch import MOST_ANSWERS, NO_METHODS, Change, Search

__all__ = ["Answer", "Explanation", "explain", "is_checksum"]

MOST_CHANGES = 3
"""Names that may differ."""
MOST_TRIES = 2_000_000
"""Lists of names that are tried: 4 to 20 s."""
MOST_CANDIDATES = 2_000

_CHECKSUM = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A class that explains a checksum.

    Attributes:
        source: of the contract that has the class.
        table: the class.
        paths: of its nodes, as far as the contract knows them.
        change: in which methods the other side differs from the class; None: the class has the checksum.
    """

    source: str
    table: Table
    paths: tuple[str, ...]
    change: Change | None = None

    def describe(self) -> str:
        """Returns the answer in words: "has this checksum", or "the other side lacks `set_name`"."""
        return "has this checksum" if self.change is None else self.change.describe("the other side")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What explains a checksum.

    Attributes:
        checksum: the checksum.
        answers: the classes that have the checksum. If there are none: those that would have it with the fewest
            changes, at most five.
        is_complete: False if the search ended before all lists of names were tried.
    """

    checksum: str
    answers: tuple[Answer, ...]
    is_complete: bool

    @property
    def is_exact(self) -> bool:
        """Whether a class has the checksum."""
        return any(answer.change is None for answer in self.answers)

    @property
    def is_empty(self) -> bool:
        """Whether the checksum is that of a node without methods."""
        return self.checksum == NO_METHODS


def is_checksum(text: str) -> bool:
    """Whether a text has the form of a checksum: 32 hexadecimal digits in lower case."""
    return _CHECKSUM.fullmatch(text) is not None


def explain(
    checksum: str,
    contracts: Sequence[Contract],
    node: str = "",
    *,
    changes: int = MOST_CHANGES,
    tries: int = MOST_TRIES,
) -> Explanation:
    """Finds the classes that have a checksum, or would have it with a few other methods.

    Args:
        checksum: the checksum that one side sends, 32 hexadecimal digits.
        contracts: of Godot 4 or of Python programs. Those of older versions of the game help, too.
        node: the path of the node that the checksum is about. Only classes that the contracts have there count; if
            there are none, those without a known path; if there are none, all. "": all classes.
        changes: the most names that may differ.
        tries: the most lists of names to try.

    Raises:
        ValueError: the text is not a checksum, or a contract is of Godot 3, which has no checksums.
    """
    if not is_checksum(checksum):
        raise ValueError(f"expected a checksum of 32 hexadecimal digits, got {checksum[:64]!r}")
    for contract in contracts:
        if contract.engine == 3:
            raise ValueError(f"{contract.source} is of Godot 3, which sends names of methods and no checksums")
    known = list(_tables(contracts, node))
    exact = tuple(answer for answer in known if answer.table.checksum == checksum)
    if exact or checksum == NO_METHODS:
        return Explanation(checksum, exact, True)
    return _changed(checksum, known, contracts, changes, tries)


def _tables(contracts: Iterable[Contract], node: str) -> Iterator[Answer]:
    """Yields all classes with their paths; only those of a node, if there are any."""
    every = []
    for contract in contracts:
        paths: dict[str | None, list[str]] = {}
        for place in contract.places:
            paths.setdefault(place.table, []).append(place.path)
        every += [
            Answer(contract.source, table, tuple(paths.get(table.id, ()))) for table in contract.tables if table.methods
        ]
    if not node:
        return iter(every)
    path = node.removeprefix("/root/")
    here = [answer for answer in every if any(matches(pattern, path) for pattern in answer.paths)]
    return iter(here or [answer for answer in every if not answer.paths] or every)


def _changed(
    checksum: str, known: Sequence[Answer], contracts: Sequence[Contract], changes: int, tries: int
) -> Explanation:
    """Searches with one changed name in all classes, then with two, and so on."""
    searches = [(answer, _search(checksum, answer.table, contracts)) for answer in known]
    is_complete = True
    for size in range(1, changes + 1):
        found = []
        for index, (answer, search) in enumerate(searches):
            # Each class gets its share of what is left, so that one large class does not use up everything.
            share = search.tries = tries // (len(searches) - index)
            found += [replace(answer, change=change) for change in search.changes(size)]
            tries -= share - search.tries
            is_complete = is_complete and search.tries > 0
        if found or tries <= 0:
            return Explanation(checksum, tuple(found[:MOST_ANSWERS]), is_complete)
    return Explanation(checksum, (), is_complete)


def _search(checksum: str, table: Table, contracts: Sequence[Contract]) -> Search:
    """Returns a search whose candidates are all names that are known, those of the class's other versions first."""
    tables = [other for contract in contracts for other in contract.tables]
    names: dict[str, None] = {}
    for other in sorted(tables, key=lambda other: not _is_version(other, table)):
        names.update(dict.fromkeys(other.names))
    by_code = [method.name for method in table.methods if method.by_code]
    script = [method.name for method in table.methods if not method.by_code]
    return Search(checksum, script, by_code, list(names)[:MOST_CANDIDATES], 0)


def _is_version(table: Table, other: Table) -> bool:
    """Whether two classes are the same class, in two versions or on two sides."""
    own = {table.id, table.godot_script, table.class_name} - {""}
    return not own.isdisjoint({other.id, other.godot_script, other.class_name})
