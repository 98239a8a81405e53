"""Compares two contracts, and names every difference with its file and line.

    for difference in compare(read("game/"), read("server.py:make_tree")):
        print(difference)

Layer: `contract`; pure. Source: reference godot4-contract 1 to 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import islice

from gdpeer.contract.compare_methods import compare_methods, location
from gdpeer.contract.difference import CODES, Difference
from gdpeer.contract.model import Contract, Place, Table
from gdpeer.contract.pairing import Pairing, Patterns, by_path, is_pattern, script_of
from gdpeer.contract.sources import file_on_disk

__all__ = ["Comparison", "compare", "examine"]

_BROKEN = ("parse", "cycle", "unreadable", "unknown-base")
"""Problems of a script that leave its nodes without methods."""

_MOST_CANDIDATES = 100
"""Most nodes of a class that are looked at for a node of another name."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        differences: errors first, then in the order of files and lines.
        agreeing: the number of methods without a difference.
        ignored: the number of differences that were left out.
    """

    differences: tuple[Difference, ...]
    agreeing: int
    ignored: int = 0


def compare(
    left: Contract,
    right: Contract,
    *,
    partial: bool = False,
    pairs: Iterable[tuple[str, str]] = (),
    ignore: Iterable[str] = (),
) -> list[Difference]:
    """Returns all differences between two contracts, and the problems of both.

    Args:
        left: the contract that messages call "here".
        right: the contract that messages call "there".
        partial: True: classes that only one side has are no difference.
        pairs: ids of classes that stand for each other, for what the search would not find.
        ignore: codes of differences to leave out, as `missing-class` or `mode:Main/*`. A pattern behind the colon
            is compared with the path of the node, the id of the class, the method's name and the file.

    Raises:
        ValueError: a code or an id is unknown.
    """
    return list(examine(left, right, partial=partial, pairs=pairs, ignore=ignore).differences)


def examine(
    left: Contract,
    right: Contract,
    *,
    partial: bool = False,
    pairs: Iterable[tuple[str, str]] = (),
    ignore: Iterable[str] = (),
) -> Comparison:
    """Compares as `compare` does, and also counts the methods that agree.

    Args:
        left: as in `compare`.
        right: as in `compare`.
        partial: as in `compare`.
        pairs: as in `compare`.
        ignore: as in `compare`.

    Raises:
        ValueError: a code or an id is unknown.
    """
    rules = [_ignored(text) for text in ignore]
    left, right = map(_without_empty_tables, (left, right))
    pairing = Pairing(left, right, pairs)
    found: list[Difference] = []
    agreeing = 0
    for pair in pairing.pairs:
        different = list(compare_methods(pair, left, right))
        found += different
        common = {*pair.left.names} & {*pair.right.names}
        agreeing += len(common - {one.method for one in different})
    found += _Nodes(pairing, left, right, partial).differences()
    for contract in (left, right):
        found += _problems(contract)
    found = list(dict.fromkeys(found))
    kept = [one for one in found if not any(_is_ignored(one, *rule) for rule in rules)]
    return Comparison(tuple(_merged(kept)), agreeing, len(found) - len(kept))


def _without_empty_tables(contract: Contract) -> Contract:
    """Returns a contract without the classes that only replicate: replicated properties are not compared."""
    empty = {table.id for table in contract.tables if table.is_empty}
    return replace(
        contract,
        tables=tuple(table for table in contract.tables if table.id not in empty),
        places=tuple(replace(place, table=None) if place.table in empty else place for place in contract.places),
    )


def _problems(contract: Contract) -> Iterator[Difference]:
    for one in contract.problems:
        yield Difference(one.code, one.level, file_on_disk(contract, one.file), one.line, "", "", one.text)


# ---------------------------------------------------------------------------------------------------- nodes


class _Nodes:
    """Compares classes and nodes that only one side has.

    Args:
        pairing: of the classes.
        left, right: the contracts.
        partial: True: leave out what belongs to classes that only one side has.
    """

    def __init__(self, pairing: Pairing, left: Contract, right: Contract, partial: bool) -> None:
        self._contracts = (left, right)
        self._partial = partial
        self._tables = tuple({table.id: table for table in contract.tables} for contract in self._contracts)
        self._lone = tuple({table.id: table for table in tables} for tables in pairing.lone)
        self._paired = {(pair.left.id, pair.right.id) for pair in pairing.pairs}
        self._broken = tuple(
            {problem.file for problem in contract.problems if problem.code in _BROKEN} for contract in self._contracts
        )
        self._known = tuple(
            {path: one for path, one in by_path(contract).items() if not is_pattern(path)}
            for contract in self._contracts
        )
        self._patterns = tuple(Patterns(contract.places) for contract in self._contracts)
        self._reported: tuple[set[str], set[str]] = (set(), set())
        """Paths that are reported as missing, for either side that has them."""

    def differences(self) -> Iterator[Difference]:
        # A contract without any path, as that of a module, says nothing about nodes.
        if all(self._known):
            yield from self._renamed()
            for at in (0, 1):
                yield from self._missing(at)
        if not self._partial:
            for at in (0, 1):
                yield from self._classes(at)

    def _has_methods(self, at: int, place: Place) -> bool:
        return place.table in self._tables[at]

    def _lacks(self, at: int, path: str) -> bool:
        """Tells whether the side `at` has no node that is known by this path."""
        return path not in self._known[at] and next(self._patterns[at].of(path), None) is None

    def _is_explained(self, at: int, path: str) -> bool:
        """Tells whether the node, or a node above it, is reported already."""
        while path and path not in self._reported[at]:
            path = path.rpartition("/")[0]
        return bool(path)

    def _renamed(self) -> Iterator[Difference]:
        """Yields nodes that the other side has under another path."""
        mine = [one for one in self._known[0].values() if self._has_methods(0, one) and self._lacks(1, one.path)]
        theirs = [one for one in self._known[1].values() if self._has_methods(1, one) and self._lacks(0, one.path)]
        by_table: dict[str | None, dict[str, Place]] = {}
        for place in theirs:
            by_table.setdefault(place.table, {})[place.path] = place
        counterparts: dict[str, list[str]] = {}
        for left, right in self._paired:
            counterparts.setdefault(left, []).append(right)
        for place in mine:
            if self._is_explained(0, place.path):
                continue
            others = [by_table[table] for table in counterparts.get(str(place.table), ()) if table in by_table]
            candidates = [other for places in others for other in self._unexplained(places)]
            if candidates:
                yield self._rename(place, min(candidates, key=lambda other: _distance(place.path, other.path)))

    def _unexplained(self, places: dict[str, Place]) -> list[Place]:
        """Returns the first places that no reported node explains, and drops the others in front of these."""
        found: list[Place] = []
        for path, place in list(islice(places.items(), _MOST_CANDIDATES)):
            if self._is_explained(1, path):
                del places[path]
            else:
                found.append(place)
        return found

    def _rename(self, place: Place, other: Place) -> Difference:
        # The names that differ may be those of a node above, as of the scene's root.
        path, there = _unlike(place.path, other.path)
        if path in self._known[1] or there in self._known[0]:
            path, there = place.path, other.path
        self._reported[0].add(path)
        self._reported[1].add(there)
        left, right = self._contracts
        place = self._known[0].get(path, place)
        other = self._known[1].get(there, other)
        where = location(right, other.file, other.line)
        text = f"there is no such node there, but {there}{f' ({where})' if where else ''}: renamed?"
        return Difference("missing-node", "error", file_on_disk(left, place.file), place.line, path, "", text)

    def _missing(self, at: int) -> Iterator[Difference]:
        """Yields nodes with methods that the other side has not, or has without methods."""
        for path, place in self._known[at].items():
            if not self._has_methods(at, place) or self._is_explained(at, path):
                continue
            table = self._tables[at][str(place.table)]
            if script_of(table) in self._broken[1 - at]:
                continue  # the problem of the script says more
            other = self._known[1 - at].get(path)
            if other is not None and not self._has_methods(1 - at, other):
                if not (self._partial and table.id in self._lone[at]):
                    yield self._without_methods(at, place, other, table)
            elif other is None and table.id not in self._lone[at] and self._lacks(1 - at, path):
                self._reported[at].add(path)
                yield self._lack(at, place, "the other side has no such node", "warning")

    def _without_methods(self, at: int, place: Place, other: Place, table: Table) -> Difference:
        self._lone[at].pop(table.id, None)
        methods = f"{len(table.methods)} method{'' if len(table.methods) == 1 else 's'}"
        if other.file and other.line:
            where = location(self._contracts[at], table.file, table.line)
            text = f"has no methods here, but {methods} there: {table.id}{f' ({where})' if where else ''}"
            return self._lack(1 - at, other, text, "error")
        return self._lack(at, place, f"has {methods} here, but none there", "error")

    def _lack(self, at: int, place: Place, text: str, level: str) -> Difference:
        file = file_on_disk(self._contracts[at], place.file)
        return Difference("missing-node", level, file, place.line, place.path, "", text)

    def _classes(self, at: int) -> Iterator[Difference]:
        """Yields classes without a counterpart."""
        contract, other = self._contracts[at], self._contracts[1 - at]
        first: dict[str | None, str] = {}
        for place in contract.places:
            first.setdefault(place.table, place.path)
        for table in self._lone[at].values():
            if script_of(table) in self._broken[1 - at]:
                continue
            name = table.class_name or table.id
            text = f"nothing in {other.source or 'the other side'} stands for {name}"
            hint = f"if one of its classes does, name both: --pair {'ID=' if at else ''}{table.id}{'' if at else '=ID'}"
            file = file_on_disk(contract, table.file)
            yield Difference(
                "missing-class", "warning", file, table.line, first.get(table.id, table.id), "", text, hint
            )


def _unlike(left: str, right: str) -> tuple[str, str]:
    """Returns two paths without the names at the end that are equal; one name stays."""
    mine, theirs = left.split("/"), right.split("/")
    while len(mine) > 1 and len(theirs) > 1 and mine[-1] == theirs[-1]:
        del mine[-1], theirs[-1]
    return "/".join(mine), "/".join(theirs)


def _distance(left: str, right: str) -> tuple[int, str]:
    """Orders the paths that a node may have on the other side: the more names are equal, the smaller."""
    mine, theirs = left.split("/"), right.split("/")
    equal = sum(one == other for one, other in zip(mine, theirs, strict=False))
    return abs(len(mine) - len(theirs)) - equal, right


# ---------------------------------------------------------------------------------------------------- results


def _ignored(text: str) -> tuple[str, str]:
    """Returns the code and the pattern of a rule such as `mode:Main/*`."""
    code, _, pattern = text.partition(":")
    if code not in CODES:
        raise ValueError(f"there is no code {code!r}: expected one of {', '.join(CODES)}")
    return code, pattern


def _is_ignored(difference: Difference, code: str, pattern: str) -> bool:
    if difference.code != code:
        return False
    names = (difference.subject, difference.method, difference.file, difference.file.rpartition("/")[2])
    return not pattern or any(fnmatchcase(name, pattern) for name in names if name)


def _merged(found: Sequence[Difference]) -> list[Difference]:
    """Makes one difference of those that several classes have by one method, which they inherit."""
    merged: dict[tuple[object, ...], Difference] = {}
    for one in found:
        # The text names the other side's class if the method is missing: it differs for each class.
        text = "" if one.code in ("missing-method", "renamed-method", "by-code") else one.text
        is_known = one.method and one.line
        key = (one.code, one.level, one.file, one.line, one.method, text, "" if is_known else one.subject)
        first = merged.get(key)
        if first is None:
            merged[key] = one
        elif one.subject != first.subject and one.subject not in first.more:
            merged[key] = replace(first, more=(*first.more, one.subject))
    return sorted(merged.values(), key=lambda one: (one.level != "error", one.file, one.line, one.code, one.method))
