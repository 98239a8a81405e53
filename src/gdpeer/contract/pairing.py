"""Pairs the classes of two contracts: which class of one side stands for which of the other.

Layer: `contract`; pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from gdpeer.contract.model import Contract, Place, Table

__all__ = ["Pair", "Pairing", "Patterns", "by_path", "is_pattern", "is_python", "matches", "script_of"]

_Keys = Callable[[Table, Sequence[Place]], Iterable[Hashable]]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two classes that stand for each other.

    Attributes:
        left, right: the class of either contract.
        path: of the first node that has both; "" if no path is known.
    """

    left: Table
    right: Table
    path: str = ""


class Pairing:
    """Pairs the classes of two contracts.

    The first that finds a counterpart counts: `given`, the same path, a path with `*` or `?`, the script that a Python
    class stands for, the name of the class or of its file, the same scene or its root's name, the same methods.

    Args:
        left: a contract.
        right: the other contract.
        given: pairs of ids that count before all others.

    Attributes:
        pairs: in the order in which they were found. A class can have several counterparts.
        lone: the classes of the left and of the right contract without a counterpart. Left out are classes without a
            node that a paired class extends: they are compared with that class.

    Raises:
        ValueError: a given id is unknown.
    """

    def __init__(self, left: Contract, right: Contract, given: Iterable[tuple[str, str]] = ()) -> None:
        self._sides = (_Side(left), _Side(right))
        self._found: dict[tuple[str, str], Pair] = {}
        for ids in given:
            for id_, side in zip(ids, self._sides, strict=True):
                side.check(id_)
            self._add(*ids)
        # Classes that were paired by hand have no other counterparts.
        self._fixed = tuple({ids[at] for ids in self._found} for at in (0, 1))
        self._by_path()
        self._by_pattern()
        self._by_key(_script_keys, is_single=False)
        for keys in (_name_keys, _scene_keys, _root_keys, _method_keys):
            self._by_key(keys, is_single=True)
        self.pairs = tuple(self._found.values())
        self.lone = (self._lone(0), self._lone(1))

    def _add(self, left: str, right: str, path: str = "") -> None:
        if (left, right) not in self._found:
            self._found[left, right] = Pair(self._sides[0].tables[left], self._sides[1].tables[right], path)

    def _paired(self, at: int) -> set[str]:
        return {ids[at] for ids in self._found}

    def _is_free(self, left: str | None, right: str | None) -> bool:
        """Tells whether both places have methods, and neither class was paired by hand."""
        fixed = left in self._fixed[0] or right in self._fixed[1]
        return not fixed and left in self._sides[0].tables and right in self._sides[1].tables

    def _by_path(self) -> None:
        left, right = (side.by_path for side in self._sides)
        for path, place in left.items():
            other = right.get(path)
            if other is not None and self._is_free(place.table, other.table):
                self._add(str(place.table), str(other.table), path)

    def _by_pattern(self) -> None:
        left, right = self._sides
        before = (self._paired(0), self._paired(1))
        for pattern, exact, is_left in ((left, right, True), (right, left, False)):
            for place, path in _pattern_matches(pattern, exact):
                other = exact.by_path[path]
                ids = (place.table, other.table) if is_left else (other.table, place.table)
                if self._is_free(*ids) and not (ids[0] in before[0] and ids[1] in before[1]):
                    self._add(str(ids[0]), str(ids[1]), place.path)

    def _by_key(self, keys: _Keys, *, is_single: bool) -> None:
        """Pairs classes that share a key.

        Args:
            keys: returns the keys of a class.
            is_single: False: each class has all classes of the other side with the key as counterparts. True: only
                where either side has a single class with the key.
        """
        before = (self._paired(0), self._paired(1))
        groups = [
            side.groups(keys, taken if is_single else ()) for side, taken in zip(self._sides, before, strict=True)
        ]
        for key, lefts in groups[0].items():
            rights = groups[1].get(key, [])
            if is_single and (len(lefts) != 1 or len(rights) != 1):
                continue
            for left, right in ((left, right) for left in lefts for right in rights):
                is_new = left not in before[0] or right not in before[1]
                if is_new and self._is_free(left, right):
                    self._add(left, right, self._path(left))

    def _path(self, left: str) -> str:
        places = self._sides[0].places.get(left)
        return places[0].path if places else ""

    def _lone(self, at: int) -> tuple[Table, ...]:
        side, paired = self._sides[at], self._paired(at)
        covered = {base for id_ in paired for base in side.bases(id_) if base not in side.places}
        return tuple(table for id_, table in side.tables.items() if id_ not in paired and id_ not in covered)


class _Side:
    """One contract, with its tables and places by their names."""

    def __init__(self, contract: Contract) -> None:
        self.tables = {table.id: table for table in contract.tables}
        self.by_path = by_path(contract)
        self.places: dict[str, list[Place]] = {}
        for place in contract.places:
            if place.table is not None:
                self.places.setdefault(place.table, []).append(place)

    def check(self, id_: str) -> None:
        """Raises ValueError if there is no class of this id."""
        if id_ not in self.tables:
            near = difflib.get_close_matches(id_, self.tables, 1)
            raise ValueError(f"there is no class {id_}{f', did you mean {near[0]}?' if near else ''}")

    def bases(self, id_: str) -> Iterator[str]:
        """Yields the ids of the classes of the program that a class extends."""
        seen = {id_}
        while id_ in self.tables and self.tables[id_].extends not in seen:
            id_ = self.tables[id_].extends
            seen.add(id_)
            yield id_

    def groups(self, keys: _Keys, taken: Iterable[str]) -> dict[Hashable, list[str]]:
        """Returns the ids by each key. If a class extends another one with its key, only the first counts."""
        found: dict[Hashable, list[str]] = {}
        skipped = set(taken)
        for id_, table in self.tables.items():
            for key in () if id_ in skipped else dict.fromkeys(keys(table, self.places.get(id_, ()))):
                found.setdefault(key, []).append(id_)
        for ids in found.values():
            if len(ids) > 1:
                extended = {base for id_ in ids for base in self.bases(id_)}
                ids[:] = [id_ for id_ in ids if id_ not in extended]
        return found


def by_path(contract: Contract) -> dict[str, Place]:
    """Returns the nodes by their paths; of two with one path, a path finds the first."""
    found: dict[str, Place] = {}
    for place in contract.places:
        found.setdefault(place.path, place)
    return found


def script_of(table: Table) -> str:
    """Returns the id of the script that a class is, or stands for; "" if unknown."""
    return table.godot_script or ("" if is_python(table) else table.id)


def is_python(table: Table) -> bool:
    """Tells whether a class is part of a Python program."""
    return not table.id.startswith("res://")


def is_pattern(path: str) -> bool:
    """Tells whether a path stands for several: `*` is one name, and `?` at the begin any path."""
    return path.startswith("?/") or "*" in path.split("/")


def matches(pattern: str, path: str) -> bool:
    """Tells whether a pattern stands for a path."""
    wanted, names = pattern.split("/"), path.split("/")
    if wanted[0] == "?":
        wanted = wanted[1:]
        names = names[-len(wanted) :]
    return len(wanted) == len(names) and all(one in ("*", name) for one, name in zip(wanted, names, strict=True))


class Patterns:
    """Finds the places with `*` or `?` that stand for a path.

    Args:
        places: of one contract; places with a whole path are left out.
    """

    def __init__(self, places: Iterable[Place]) -> None:
        # By the number of names, or "?" for any, and the last name: a project can have 20,000 nodes and many patterns.
        self._places: dict[tuple[int | str, str], list[Place]] = {}
        for place in places:
            if is_pattern(place.path):
                names = place.path.split("/")
                key = ("?" if names[0] == "?" else len(names), names[-1])
                self._places.setdefault(key, []).append(place)

    def of(self, path: str) -> Iterator[Place]:
        """Yields all places that stand for a path."""
        count, last = path.count("/") + 1, path.rpartition("/")[2]
        for key in ((count, last), (count, "*"), ("?", last), ("?", "*")):
            yield from (place for place in self._places.get(key, ()) if matches(place.path, path))


def _pattern_matches(pattern: _Side, exact: _Side) -> Iterator[tuple[Place, str]]:
    patterns = Patterns(pattern.by_path.values())
    for path in exact.by_path:
        # A node that the first side knows by its path is not one of those that the pattern stands for.
        if path not in pattern.by_path and not is_pattern(path):
            yield from ((place, path) for place in patterns.of(path))


def _script_keys(table: Table, places: Sequence[Place]) -> Iterable[Hashable]:
    return [script_of(table)] if script_of(table) else []


def _name_keys(table: Table, places: Sequence[Place]) -> Iterable[Hashable]:
    name = table.class_name
    if not name and "::" not in table.id:
        name = _pascal_case(PurePosixPath(table.id.removeprefix("res://")).stem)
    return [name] if name else []


def _scene_keys(table: Table, places: Sequence[Place]) -> Iterable[Hashable]:
    return [place.scene for place in places if place.scene and (place.how == "tree" or _is_root(place))]


def _is_root(place: Place) -> bool:
    """Tells whether a node is the root of a scene that code or a spawner puts into the tree."""
    above, _, name = place.path.rpartition("/")
    return (place.how == "scene" and above == "?") or (place.how == "spawner" and name == "*")


def _root_keys(table: Table, places: Sequence[Place]) -> Iterable[Hashable]:
    """Yields the names of the scenes' roots; a Python class that stands for a scene has the name of the root."""
    yield from (place.path.rpartition("/")[2] for place in places if place.how == "scene" and _is_root(place))
    yield from (place.path for place in places if place.how in ("main", "autoload", "tree") and "/" not in place.path)
    if is_python(table):
        yield table.class_name


def _method_keys(table: Table, places: Sequence[Place]) -> Iterable[Hashable]:
    return [table.names] if table.names else []


def _pascal_case(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.replace("-", "_").replace(" ", "_").split("_"))
