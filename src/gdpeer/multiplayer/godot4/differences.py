"""`Differences`: says in which methods the nodes of other sides differ, as far as that can be known from a checksum.

    differences.explain(peer_id, "Main", checksum, node)     "the peer lacks `set_name`"
    differences.of(peer_id, "Main")                          the same again

What is known comes from four sources: contracts that the program has given, the classes of this tree, the node's own
methods, and a search for a list of names that has the checksum.

Invariants: nothing here runs while the methods agree. What peers send cannot make this side search more often than
`SearchLimit` allows, nor remember more than `MOST_PATHS` texts of a peer.

Layer: `multiplayer`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gdpeer.arguments import Kind
from gdpeer.multiplayer.rpc.decorator import OWN_ENTRY, class_table
from gdpeer.multiplayer.rpc.method_table import methods_of
from gdpeer.multiplayer.rpc.mismatch import (
    MOST_CANDIDATES,
    MOST_TRIES,
    NO_METHODS,
    SEARCHES,
    Change,
    ContractLike,
    TableLike,
    check_engine,
    find_changes,
    joined_checksum,
    named_tables,
)
from gdpeer.multiplayer.tree import Node

if TYPE_CHECKING:
    from gdpeer.multiplayer.tree import SceneTree

__all__ = ["CONTRACT", "Differences"]

CONTRACT = Kind("a path or a Contract", lambda value: isinstance(value, str | os.PathLike | ContractLike))
"""The kind of a contract that a program gives."""
MOST_PATHS = 100
"""Nodes of one peer whose differences are remembered."""
MOST_REMEMBERED = 100
"""Searches whose results are remembered."""
MOST_NODES = 10_000
"""Nodes of the tree whose classes are compared with a checksum."""

NOT_SEARCHED = (
    "which methods differ was not searched for, because peers cause at most one search a second and ten a minute"
)
NOT_FOUND = (
    "no known names explain the checksum with one or two differences; `gdpeer contract check` compares both programs"
)
CUT_SHORT = f"no difference was found in {MOST_TRIES} tries; `gdpeer contract explain` tries more"
OTHER_NODE = "the peer has no @rpc methods there: its node or script is another, or the script did not compile"
NONE_HERE = "this side has no @rpc methods there, and no known class has the checksum"
OTHER_ORDER = "both have the same names, and one side configures some by code (rpc_config)"


class Given(NamedTuple):
    """A table of a contract that the program has given."""

    source: str
    table: TableLike


class Differences:
    """What is known about nodes whose methods differ from those of other sides.

    Attributes:
        peers: by peer and by path, in words. Empty while the methods of all nodes agree.
    """

    def __init__(self) -> None:
        self.peers: dict[int, dict[str, str]] = {}
        self._given: dict[str, Given] = {}
        self._found: dict[tuple[type, str, str], str] = {}

    def add_contract(self, contract: str | os.PathLike[str] | ContractLike) -> None:
        """Adds the tables of a contract.

        Raises:
            ValueError: the contract is of Godot 3, or the file is not a saved contract.
            OSError: the file cannot be read.
        """
        if isinstance(contract, str | os.PathLike):
            source = Path(contract)
            try:
                tables: Sequence[TableLike] = named_tables(source.read_text(encoding="utf-8-sig"))
            except ValueError as problem:
                raise ValueError(f"{source}: {problem}") from None
            name = source.name
        else:
            check_engine(contract.engine)
            name, tables = contract.source, contract.tables
        for table in tables:
            self._given.setdefault(table.checksum, Given(name, table))
        self._found.clear()

    def of(self, peer_id: int, path: str) -> str:
        """Returns what is known about a node of a peer; "" if its methods agree."""
        return self.peers.get(peer_id, {}).get(path, "")

    def forget(self, peer_id: int, path: str) -> None:
        """Forgets a node of a peer: its methods agree now."""
        paths = self.peers.get(peer_id)
        if paths is not None:
            paths.pop(path, None)
            if not paths:
                del self.peers[peer_id]

    def explain(self, peer_id: int, path: str, checksum: str, node: Node, tree: SceneTree) -> str:
        """Returns in words what is known about a checksum, and remembers the words for the peer's node."""
        known = self._known(checksum, node) or self._searched(checksum, node, tree)
        paths = self.peers.setdefault(peer_id, {})
        if path in paths or len(paths) < MOST_PATHS:
            paths[path] = known
        return known

    # ---------------------------------------------------------------------------------------- without a search

    def _known(self, checksum: str, node: Node) -> str:
        """Returns what needs no search; "" if that says nothing."""
        if checksum == NO_METHODS:
            return OTHER_NODE
        given = self._given.get(checksum)
        if given is None:
            return ""
        own, theirs = methods_of(node).names, given.table.names
        lacks = tuple(name for name in own if name not in theirs)
        has = tuple(name for name in theirs if name not in own)
        words = Change(lacks, has).describe("it") if lacks or has else OTHER_ORDER
        return f"the peer has {given.table.id} of {given.source}: {words}"

    # ---------------------------------------------------------------------------------------- with a search

    def _searched(self, checksum: str, node: Node, tree: SceneTree) -> str:
        """Returns the result of a search, which runs once for a class, its checksum and the other checksum."""
        key = (type(node), methods_of(node).checksum, checksum)
        found = self._found.get(key)
        if found is not None:
            return found
        if not SEARCHES.may_search():
            return NOT_SEARCHED
        if len(self._found) >= MOST_REMEMBERED:
            del self._found[next(iter(self._found))]
        found = self._found[key] = self._search(checksum, node, tree)
        return found

    def _search(self, checksum: str, node: Node, tree: SceneTree) -> str:
        numbered = methods_of(node).by_number.items()
        by_code = [method.name for number, method in numbered if number & OWN_ENTRY]
        script = [method.name for number, method in numbered if not number & OWN_ENTRY]
        for one in _related_classes(node, tree):
            names = class_table(one).names
            if checksum in (joined_checksum(names), joined_checksum([*by_code, *names])):
                return f"the peer has the methods of class {one.__qualname__}"
        found = find_changes(checksum, script, by_code, self._candidates(node))
        if found.changes:
            return ", or ".join(change.describe() for change in found.changes)
        if not found.is_complete:
            return CUT_SHORT
        return NOT_FOUND if script or by_code else NONE_HERE

    def _candidates(self, node: Node) -> list[str]:
        """Returns the names that the other side may have in addition, the likely ones first."""
        names = dict.fromkeys(_plain_methods(type(node)))
        kind = type(node)
        script = getattr(kind, "godot_script", None)
        tables = [given.table for given in self._given.values()]
        for table in sorted(tables, key=lambda one: one.id != script and one.class_name != kind.__name__):
            names.update(dict.fromkeys(table.names))
        return list(names)[:MOST_CANDIDATES]


def _plain_methods(kind: type) -> Iterator[str]:
    """Yields the names of a class's methods without `@rpc`, without those that every node has."""
    names = dict.fromkeys(
        name for base in kind.__mro__ if base not in Node.__mro__ for name, one in vars(base).items() if callable(one)
    )
    own = class_table(kind).by_name
    return (name for name in names if name not in own and not name.startswith("__") and not hasattr(Node, name))


def _related_classes(node: Node, tree: SceneTree) -> Iterator[type[Node]]:
    """Yields the other classes of the tree, and bases and subclasses of a node's class, each once."""
    kind = type(node)
    seen: dict[type[Node], None] = {base: None for base in kind.__mro__ if issubclass(base, Node)}
    for one in (*seen, *_subclasses(kind), *_classes_of(tree)):
        seen[one] = None
    return (one for one in seen if one is not kind)


def _subclasses(kind: type[Node]) -> Iterator[type[Node]]:
    for one in kind.__subclasses__():
        yield one
        yield from _subclasses(one)


def _classes_of(tree: SceneTree) -> Iterator[type[Node]]:
    pending, count = [tree.root], 0
    while pending and count < MOST_NODES:
        node = pending.pop()
        count += 1
        yield type(node)
        pending.extend(node.get_children())
