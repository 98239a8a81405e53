"""Finds the method that `gdpeer call` is to call: in a contract, or from the words of the command line alone.

Layer: `cli`; pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from gdpeer.cli.failure import suggestion
from gdpeer.cli.options import quoted
from gdpeer.contract import Argument, Contract, Method, Table
from gdpeer.contract.pairing import is_pattern, matches
from gdpeer.contract.passing import takes
from gdpeer.contract.signatures import signature
from gdpeer.contract.types import GODOT4
from gdpeer.inspection.call_values import line_of, type_of
from gdpeer.quoting import escape

__all__ = [
    "check_arguments",
    "check_awaited",
    "check_mode",
    "find_method",
    "find_table",
    "guessed_table",
    "parse_target",
    "with_members",
]

MOST_NAMED = 8
"""Names that an error message lists."""


def parse_target(text: str) -> tuple[str, str]:
    """Returns the path of the node below `/root`, and the name of the method.

    Args:
        text: `Main.greet`, `/root/Main.greet` or `Main/Game.move`; without a dot only the name of a method.

    Raises:
        ValueError: the text has another form.
    """
    path, dot, method = text.rpartition(".")
    path = path.removeprefix("/root/")
    names = path.split("/")
    if not method or (dot and not all(names)) or "." in path or "/" in method or path == "root":
        raise ValueError(f"expected a node and a method such as Main.greet, got {quoted(text)}")
    return path, method


def find_table(contract: Contract, path: str, method: str, class_: str = "") -> Table:
    """Returns the class of the node at a path.

    Args:
        contract: of the game.
        path: of the node, below `/root`.
        method: counts if the contract does not know the path: the only class with this method is taken.
        class_: the class's id or name, if it is given.

    Raises:
        click.UsageError: no class is found, or several are.
    """
    tables = [table for table in contract.tables if table.methods]
    if class_:
        return _only([table for table in tables if class_ in (table.id, table.class_name)], class_, tables)
    ids = [place.table for place in contract.places if place.path == path]
    ids += [place.table for place in contract.places if is_pattern(place.path) and matches(place.path, path)]
    here = [table for id_ in ids for table in tables if table.id == id_]
    if here:
        return here[0]
    return _without_place(contract, path, method, tables)


def _without_place(contract: Contract, path: str, method: str, tables: Sequence[Table]) -> Table:
    """Returns the only class that can be meant, for a path that the contract does not know."""
    paths = [place.path for place in contract.places if place.table and not is_pattern(place.path)]
    near = suggestion(path, paths)
    if len(tables) == 1 and not near:
        return tables[0]
    found = [table for table in tables if method in table.names]
    if len(found) == 1 and not near:
        return found[0]
    if tables and not found:
        hint = near or suggestion(method, sorted({name for table in tables for name in table.names}))
        raise click.UsageError(f"{contract.source} has no RPC method {quoted(f'{path}.{method}')}{hint}")
    more = f"; name the class of the node with --class: {_listed(_ids(found))}" if found else ""
    raise click.UsageError(f"{contract.source} has no node with methods at {quoted(path)}{near or more}")


def _only(found: Sequence[Table], class_: str, tables: Sequence[Table]) -> Table:
    if len(found) == 1:
        return found[0]
    if found:
        raise click.UsageError(f"--class: several classes have this name: {_listed(_ids(found))}")
    known = [name for table in tables for name in (table.id, table.class_name) if name]
    raise click.UsageError(f"--class: no class {quoted(class_)}{suggestion(class_, known)}")


def _ids(tables: Sequence[Table]) -> list[str]:
    return [table.id for table in tables]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return escape(", ".join(names[:MOST_NAMED]), 600) + more


def find_method(table: Table, name: str) -> Method:
    """Returns a method of a class.

    Raises:
        click.UsageError: the class has no such method.
    """
    found = next((one for one in table.methods if one.name == name), None)
    if found is None:
        hint = suggestion(name, table.names) or f"; its methods: {_listed(table.names)}"
        raise click.UsageError(f"{table.id} has no RPC method {quoted(name)}{hint}")
    return found


def guessed_table(names: Sequence[str]) -> Table:
    """Returns a class that has only these methods, about which nothing else is known."""
    methods = (Method(name, "?", None, "?", None, "", 0) for name in sorted(set(names)))
    return Table("the command line", "", tuple(methods))


def check_mode(method: Method) -> None:
    """Checks that a client may call a method of a node that belongs to the server.

    Raises:
        click.UsageError: only the node's authority may call the method.
    """
    if method.mode == "authority" or method.mode.startswith(("puppet", "slave")):
        raise click.UsageError(
            f"{signature(method)} is {method.mode}: only the authority of the node, as a rule the server, may call it "
            "(--no-check calls it all the same)"
        )


def check_awaited(contract: Contract, methods: Sequence[str]) -> None:
    """Checks that the contract has some methods.

    Raises:
        click.UsageError: no class has one of them.
    """
    known = {name for table in contract.tables for name in table.names}
    for method in methods:
        if method not in known:
            hint = suggestion(method, sorted(known))
            raise click.UsageError(f"--wait: {contract.source} has no RPC method {quoted(method)}{hint}")


def check_arguments(method: Method, values: Sequence[Any], engine: int) -> None:
    """Checks number and types of a call's arguments.

    Raises:
        click.UsageError: the engine would refuse the call.
    """
    wanted = method.arguments
    has_rest = any(one.rest for one in wanted)
    least = sum(one.default is None and not one.rest for one in wanted)
    if len(values) < least or (len(values) > len(wanted) and not has_rest):
        most = " or more" if has_rest else f" to {len(wanted)}" if least < len(wanted) else ""
        noun = "argument" if len(wanted) == 1 and not most else "arguments"
        text = escape(signature(method))
        raise click.UsageError(f"{method.name}() expected {least}{most} {noun}, got {len(values)}: {text}")
    for number, (argument, value) in enumerate(zip(_spread(wanted), values, strict=False), 1):
        given = type_of(value)
        if not _fits(argument.type, given):
            text = escape(line_of(value, engine), 60)
            shown = text if text.startswith(("null", f"{given}(")) else f"{given} {text}"
            raise click.UsageError(
                f"{method.name}() argument {number} ({argument.name}): expected {argument.type}, got {shown}"
                f"{_hint(argument.type, given)}"
            )


def with_members(contract: Contract, method: Method, values: Sequence[Any]) -> list[Any]:
    """Returns the arguments of a call, with the numbers of the enumerations' members that are given by name."""
    members = {one.id: dict(one.members) for one in contract.enumerations}
    of = [members.get(one.enumeration, {}) for one in method.arguments]
    of += [{}] * (len(values) - len(of))
    return [
        names.get(value, value) if isinstance(value, str) else value for names, value in zip(of, values, strict=False)
    ]


def _spread(arguments: Sequence[Argument]) -> Iterator[Argument]:
    """Yields all arguments; the one that takes all further arguments without an end."""
    for argument in arguments:
        while argument.rest:
            yield argument
        yield argument


def _fits(wanted: str | None, given: str) -> bool:
    if given == "null":  # null is an object, and no value of another type
        return wanted is None or wanted in ("Object", "Variant") or wanted.partition("[")[0] not in GODOT4
    return takes(wanted, given)


def _hint(wanted: str | None, given: str) -> str:
    if wanted in ("String", "StringName", "NodePath"):
        return ": write text in two kinds of quotes, as '\"12\"', or use --string"
    if wanted and given in ("Array", "Dictionary") and wanted.startswith(f"{given}["):
        return f": write {wanted}({'[...]' if given == 'Array' else '{...}'})"
    return ""
