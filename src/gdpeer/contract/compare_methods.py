"""Compares the methods of two classes that stand for each other.

Layer: `contract`; pure. Source: reference godot4-contract 1, 2 and 4.
"""

from __future__ import annotations

import difflib
import math
import unicodedata
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gdpeer.contract.difference import Difference
from gdpeer.contract.model import Argument, Contract, Method, Table, Variable
from gdpeer.contract.pairing import Pair, is_python
from gdpeer.contract.passing import is_container, is_handle, takes
from gdpeer.contract.signatures import signature
from gdpeer.contract.sources import file_on_disk
from gdpeer.contract.types import parts, python_type

__all__ = ["compare_methods", "location"]

SIMILAR = 0.6
"""The least similarity of two names that count as one method with a new name."""

_MOST_RENAMES = 60
"""Most lone methods of a class that are searched for new names."""

_NEAREST = {
    "remote": "any_peer",
    "remotesync": "any_peer",
    "sync": "any_peer",
    "master": "any_peer",
    "mastersync": "any_peer",
    "puppet": "authority",
    "puppetsync": "authority",
    "slave": "authority",
}
"""The modes of Godot 4 that are nearest to Godot 3's keywords."""

_OLD_NAMES = {"sync": "remotesync", "slave": "puppet"}


@dataclass(frozen=True, slots=True)
class _Side:
    """A class of a pair, with its contract."""

    contract: Contract
    table: Table

    def lone(self, other: _Side) -> list[Method]:
        """Returns the methods with names that only this side has."""
        names = set(other.table.names)
        return [method for method in self.table.methods if method.name not in names]

    def where(self, member: Method | Variable) -> str:
        return location(self.contract, member.file, member.line)

    def __str__(self) -> str:
        place = location(self.contract, self.table.file, self.table.line)
        name = f"class {self.table.class_name}" if self.table.class_name else self.table.id
        return f"{name} ({place})" if place else name


def location(contract: Contract, file: str, line: int) -> str:
    """Returns `game/player.gd:31`; without the line, or empty, if that is unknown."""
    return ":".join(part for part in (file_on_disk(contract, file), str(line or "")) if part)


def compare_methods(pair: Pair, left: Contract, right: Contract) -> Iterator[Difference]:
    """Yields all differences between the methods of two classes."""
    yield from _Comparing(pair, left, right).differences()


class _Comparing:
    """The comparison of one pair."""

    def __init__(self, pair: Pair, left: Contract, right: Contract) -> None:
        self._left = _Side(left, pair.left)
        self._right = _Side(right, pair.right)
        self._path = pair.path
        self._is_3 = 3 in (left.engine, right.engine)
        self._shifted = _shifted(pair)

    def differences(self) -> Iterator[Difference]:
        left, right = self._left.table, self._right.table
        has_same_sum = not self._is_3 and left.checksum == right.checksum
        if has_same_sum and set(left.names) != set(right.names):
            yield self._same_sum()
            return
        yield from self._names()
        yield from self._by_code()
        theirs = {method.name: method for method in right.methods}
        for method in {method.name: method for method in left.methods}.values():
            if method.name in theirs:
                yield from self._method(method, theirs[method.name])
        yield from self._variables()

    def _make(
        self, code: str, level: str, side: _Side, member: Method | Variable, text: str, hint: str = ""
    ) -> Difference:
        file = file_on_disk(side.contract, member.file)
        return Difference(code, level, file, member.line, self._path or side.table.id, member.name, text, hint)

    # ---------------------------------------------------------------------------------------- names

    def _same_sum(self) -> Difference:
        left, right = (", ".join(side.table.names) for side in (self._left, self._right))
        text = f"the checksums are equal, but the methods are {left} here and {right} in {self._right}"
        table = self._left.table
        file = file_on_disk(self._left.contract, table.file)
        hint = "the engine joins the names for the checksum: rename a method, so that the sides notice"
        return Difference("same-sum", "error", file, table.line, self._path or table.id, "", text, hint)

    def _names(self) -> Iterator[Difference]:
        """Yields the methods that only one side has."""
        mine, theirs = self._left.lone(self._right), self._right.lone(self._left)
        for left, right in _renamed(mine, theirs):
            mine.remove(left)
            theirs.remove(right)
            text = f"{signature(left)} is {signature(right)} in {self._right.where(right) or self._right}: renamed?"
            yield self._make("renamed-method", "error", self._left, left, text, self._rename_hint(left, right))
        for side, other, methods in ((self._left, self._right, mine), (self._right, self._left, theirs)):
            for method in methods:
                text = f"{signature(method)} is not in {other}"
                # In Godot 3 names travel: only the side that receives the call needs the method.
                level = "warning" if self._is_3 and not method.is_empty else "error"
                yield self._make("missing-method", level, side, method, text, self._astray(method.name))

    def _rename_hint(self, left: Method, right: Method) -> str:
        for given, written in ((left, right), (right, left)):
            if given.name != written.name and unicodedata.normalize("NFKC", given.name) == written.name:
                return (
                    f"Python reads {given.name} as {written.name}: write locals()[{given.name!r}] = rpc(...)(function)"
                )
        return self._astray(left.name)

    def _astray(self, name: str) -> str:
        """Returns an example of calls that reach another method, because a name is missing on one side."""
        at = bisect(self._shifted, (name, math.inf))
        if self._is_3 or at == len(self._shifted):
            return ""
        method, number, arrives = self._shifted[at]
        here, there = (side.contract.source for side in (self._left, self._right))
        example = f"{method} ({number}) of {here or 'one side'} arrives as {arrives} in {there or 'the other'}"
        return f"methods have numbers in the order of their names: {example}"

    def _by_code(self) -> Iterator[Difference]:
        """Yields the methods that only one side configures by code, although both have them."""
        for side, other in ((self._left, self._right), (self._right, self._left)):
            known = {(method.name, method.by_code) for method in other.table.methods}
            for method in side.table.methods:
                if method.by_code and (method.name, False) in known and (method.name, True) not in known:
                    text = f"{method.name} is configured by rpc_config here, but has only @rpc in {other}"
                    hint = "the name counts for the checksum once more, and the mode of @rpc stays"
                    yield self._make("by-code", "error", side, method, text, hint)

    # ---------------------------------------------------------------------------------------- one method

    def _method(self, left: Method, right: Method) -> Iterator[Difference]:
        there = self._right.where(right) or str(self._right)
        level = "warning" if left.is_empty or right.is_empty else "error"
        if _modes_differ(left.mode, right.mode):
            text = f"{left.name} is {left.mode} here, {right.mode} in {there}"
            yield self._make("mode", level, self._left, left, text)
        (least, most), (their_least, their_most) = _counts(left), _counts(right)
        if most < their_least or their_most < least:
            text = f"{left.name} takes {_range(least, most)} here, {_range(their_least, their_most)} in {there}"
            yield self._make("arguments", level, self._left, left, text)
        yield from self._argument_types(left, right, there)
        if not self._is_3:
            yield from self._words(left, right, there)

    def _words(self, left: Method, right: Method, there: str) -> Iterator[Difference]:
        words = (
            ("call-local", _LOCAL[left.call_local], _LOCAL[right.call_local]),
            ("transfer", left.transfer, right.transfer),
            ("channel", _channel(left), _channel(right)),
        )
        is_keyword = left.mode in _NEAREST or right.mode in _NEAREST
        for code, mine, theirs in words:
            if mine != theirs and not is_keyword and "?" not in (mine, theirs):
                text = f"{left.name} is {mine} here, {theirs} in {there}"
                yield self._make(code, "warning", self._left, left, text)

    def _argument_types(self, left: Method, right: Method, there: str) -> Iterator[Difference]:
        for number, (mine, theirs) in enumerate(zip(_positional(left), _positional(right), strict=False), 1):
            if is_handle(mine.type) or is_handle(theirs.type):
                yield self._object_argument(number, left, right, mine, theirs)
                continue
            for receiver, sender, wanted, given in (
                (self._left, self._right, mine, theirs),
                (self._right, self._left, theirs, mine),
            ):
                method, caller = (left, right) if receiver is self._left else (right, left)
                # A method without a body is there to be called on the other side.
                if method.is_empty and not caller.is_empty:
                    continue
                if _is_refused_container(wanted.type, given.type, receiver.table, sender.table):
                    yield self._typed_container(number, receiver, sender, method, caller, wanted)
                    break
                if not takes(_received(wanted.type, receiver.table), given.type):
                    text = f"argument {number} of {left.name} is {mine.type} here, {theirs.type} in {there}"
                    hint = f"the engine refuses a call with {given.type} for {wanted.type}"
                    yield self._make("argument-type", "warning", self._left, left, text, hint)
                    break

    def _object_argument(
        self, number: int, left: Method, right: Method, mine: Argument, theirs: Argument
    ) -> Difference:
        side, method, argument = (self._left, left, mine) if is_handle(mine.type) else (self._right, right, theirs)
        arrives = "empty" if argument.type in ("Callable", "Signal") else "as an id"
        text = f"argument {number} of {method.name} is {argument.type}, which arrives {arrives}"
        return self._make("object-argument", "warning", side, method, text)

    def _typed_container(
        self, number: int, receiver: _Side, sender: _Side, method: Method, caller: Method, wanted: Argument
    ) -> Difference:
        text = (
            f"argument {number} of {method.name} is {wanted.type}: the engine refuses the untyped one that Python sends"
        )
        container, content = parts(str(wanted.type))
        cures = [f"annotate it as {python_type(wanted.type)} in {sender.where(caller) or sender}"]
        if container == "Array":
            cures += [f"send Array(values, TYPE_{content[0].upper()})"] * (content[0] in ("int", "float", "String"))
            cures += ["send PackedInt32Array"] * (content == ("int",))
        return self._make("typed-container", "error", receiver, method, text, ", or ".join(cures))

    # ---------------------------------------------------------------------------------------- rset

    def _variables(self) -> Iterator[Difference]:
        """Yields the differences of the properties that Godot 3's `rset` sets."""
        mine, theirs = ({one.name: one for one in side.table.variables} for side in (self._left, self._right))
        for side, other, known, others in (
            (self._left, self._right, mine, theirs),
            (self._right, self._left, theirs, mine),
        ):
            for name, variable in known.items():
                if name not in others:
                    yield self._make("missing-method", "warning", side, variable, f"var {name} is not in {other}")
        for name in mine.keys() & theirs.keys():
            if _modes_differ(mine[name].mode, theirs[name].mode):
                there = self._right.where(theirs[name]) or str(self._right)
                text = f"var {name} is {mine[name].mode} here, {theirs[name].mode} in {there}"
                yield self._make("mode", "error", self._left, mine[name], text)


_LOCAL = {True: "call_local", False: "call_remote", None: "?"}


def _channel(method: Method) -> str:
    return "?" if method.channel is None else f"channel {method.channel}"


def _shifted(pair: Pair) -> list[tuple[str, float, str]]:
    """Returns, sorted, the methods with different numbers: name, number on the left, and what that is on the right."""
    left, right = ([one.name for one in table.methods if not one.by_code] for table in (pair.left, pair.right))
    numbers = {name: number for number, name in enumerate(right)}
    return [
        (name, number, right[number] if number < len(right) else "no method")
        for number, name in enumerate(left)
        if numbers.get(name, number) != number
    ]


def _positional(method: Method) -> list[Argument]:
    return [argument for argument in method.arguments if not argument.rest]


def _counts(method: Method) -> tuple[int, float]:
    """Returns the least and the most number of arguments that a method takes."""
    arguments = _positional(method)
    has_rest = len(arguments) < len(method.arguments)
    return sum(one.default is None for one in arguments), math.inf if has_rest else len(arguments)


def _range(least: int, most: float) -> str:
    if most == math.inf:
        return f"{least} or more"
    return str(least) if least == most else f"{least} to {most}"


def _modes_differ(mine: str, theirs: str) -> bool:
    if "?" in (mine, theirs):
        return False
    if mine in _NEAREST and theirs in _NEAREST:
        return _OLD_NAMES.get(mine, mine) != _OLD_NAMES.get(theirs, theirs)
    return _NEAREST.get(mine, mine) != _NEAREST.get(theirs, theirs)


def _received(wanted: str | None, receiver: Table) -> str | None:
    """Returns the type that a side really asks for: Python converts the elements of an untyped container."""
    return parts(str(wanted))[0] if is_container(wanted) and is_python(receiver) else wanted


def _is_refused_container(wanted: str | None, given: str | None, receiver: Table, sender: Table) -> bool:
    """Tells whether a game gets an untyped array or dictionary of Python for a typed one."""
    if not is_container(wanted) or is_python(receiver) or not is_python(sender):
        return False
    return given is None or given == parts(str(wanted))[0]


def _renamed(mine: Sequence[Method], theirs: Sequence[Method]) -> list[tuple[Method, Method]]:
    """Returns the pairs of methods that seem to be one, the most similar first."""
    if len(mine) > _MOST_RENAMES or len(theirs) > _MOST_RENAMES:
        return []
    is_only = len(mine) == len(theirs) == 1
    scored = []
    for left in mine:
        for right in theirs:
            similarity = difflib.SequenceMatcher(None, left.name, right.name).ratio()
            is_same = _types(left) == _types(right)
            if similarity >= SIMILAR or (is_same and (is_only or left.arguments)):
                scored.append((similarity + is_same, left, right))
    found: list[tuple[Method, Method]] = []
    for _, left, right in sorted(scored, key=lambda one: -one[0]):
        if all(left is not taken and right is not other for taken, other in found):
            found.append((left, right))
    return found


def _types(method: Method) -> list[str | None]:
    return [argument.type for argument in method.arguments]
