"""`gdpeer contract show`: lists all RPC methods of a source.

Layer: `cli`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

import click

from gdpeer.cli.contract import LONG, Reading, github_line, output_options, source_options
from gdpeer.cli.groups import Action
from gdpeer.contract import BY_CODE, Contract, Method, Place, Property, Table, contract_to_json, file_on_disk
from gdpeer.contract.signatures import signature
from gdpeer.quoting import escape

__all__ = ["show"]

MOST_PATHS = 8
"""Most paths that the head of a table names."""

UNSEEN = """\
Not in the files: paths of nodes that code makes or renames, names that code passes to rpc_config as variables, scripts
that code sets, nodes of imported models and binary scenes."""


EXAMPLES = """\b
Examples:
  gdpeer contract show game/                              all methods of a Godot project
  gdpeer contract show server.py:make_tree                those of a Python program, with paths
  gdpeer contract show game/ --path 'Main/*' --method 'move*'
  gdpeer contract show game/ --json > game.json           save them: game.json is a SOURCE too"""


@click.command(cls=Action, epilog=EXAMPLES)
@click.argument("source", metavar="SOURCE")
@click.option("--path", "paths", multiple=True, metavar="GLOB", help="Only matching nodes: 'Main/*'; repeatable.")
@click.option("--method", "methods", multiple=True, metavar="GLOB", help="Only matching methods; repeatable.")
@source_options
@output_options
def show(source: str, paths: tuple[str, ...], methods: tuple[str, ...], reading: Reading, form: str) -> None:
    """List all RPC methods of SOURCE.

    First the methods of nodes whose paths are known, then those of the other classes. Numbers and checksums are those
    that Godot 4 sends.
    """
    if form == "json" and (paths or methods):
        raise click.UsageError("--json saves all methods: --path and --method cannot be used with it")
    found = reading.read(source)
    if form == "json":
        click.echo(contract_to_json(found))
    elif form == "github":
        for problem in found.problems:
            file, text = file_on_disk(found, problem.file), f"{problem.code}: {problem.text}"
            click.echo(github_line(problem.level, file, problem.line, text))
    else:
        for line in _lines(found, paths, methods):
            click.echo(escape(line, LONG))


def _lines(contract: Contract, paths: Sequence[str], methods: Sequence[str]) -> Iterator[str]:
    """Yields the lines of the text form."""
    places: dict[str, list[Place]] = {}
    for place in contract.places:
        if place.table is not None:
            places.setdefault(place.table, []).append(place)
    known = {table.id: places.get(table.id, []) for table in contract.tables}
    # In the order of the tree, as the places are; tables without a place come last.
    order = {id_: at for at, id_ in enumerate(places)}
    for table in sorted(contract.tables, key=lambda table: order.get(table.id, len(order))):
        here = [place for place in known[table.id] if _matches(place.path, paths)]
        shown = [at for at, method in enumerate(table.methods) if _matches(method.name, methods)]
        if (here or not paths) and (shown or not methods):
            yield from _table(table, here, shown, contract)
    yield from _summary(contract)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _table(table: Table, places: Sequence[Place], shown: Sequence[int], contract: Contract) -> Iterator[str]:
    head = _head(table, places)
    yield f"{head:<66}  checksum {table.checksum}" if contract.engine == 4 and table.methods else head
    methods = [(table.numbers[at], table.methods[at]) for at in shown]
    if contract.engine == 3:
        rows = [(f"  {signature(one)}", _words(one), _origin(one, table)) for _, one in methods]
        rows += [(f"  var {one.name}", one.mode, f"{_short(one.file)}:{one.line}") for one in table.variables]
    else:
        width = max((len(_number(number)) for number, _ in methods), default=0)
        rows = [
            (f"  {_number(number):>{width}}  {signature(one)}", _words(one), _origin(one, table))
            for number, one in methods
        ]
    if len(shown) == len(table.methods):
        rows += [(f"  replicated {one.path}", _replicated_words(one), "") for one in table.properties]
    widths = [min(max((len(row[column]) for row in rows), default=0), 60) for column in (0, 1)]
    for first, words, origin in rows:
        yield f"{first:<{widths[0]}}   {words:<{widths[1]}}   {origin}".rstrip()


def _replicated_words(one: Property) -> str:
    return "  ".join(word for word in (one.type or "", one.mode, "" if one.spawn else "not in the spawn") if word)


def _head(table: Table, places: Sequence[Place]) -> str:
    about = [table.id]
    if table.class_name and "::" not in table.id and table.id != table.class_name:
        about.append(f"class {table.class_name}")
    if not places:
        return f"{table.id}  ({', '.join([*about[1:], 'path not in the files'])})"
    paths = [place.path for place in places]
    more = f" and {len(paths) - MOST_PATHS} more" if len(paths) > MOST_PATHS else ""
    hows = dict.fromkeys(_how(place) for place in places)
    return f"{', '.join(paths[:MOST_PATHS])}{more}  ({', '.join([*about, *hows])})"


def _how(place: Place) -> str:
    words = {"main": "main scene", "spawner": "spawned", "scene": "path not in the files", "tree": "in the tree"}
    return words.get(place.how, place.how)


def _number(number: int) -> str:
    return str(number) if number < BY_CODE else f"0x{number:x}"


def _words(method: Method) -> str:
    """Returns the settings; those that are the default are left out, except for mode and transfer."""
    local = {True: "call_local", None: "?"}.get(method.call_local, "")
    channel = {0: "", None: "channel ?"}.get(method.channel, f"channel {method.channel}")
    code = "by code" if method.by_code else ""
    return "  ".join(word for word in (method.mode, local, method.transfer, channel, code) if word)


def _origin(method: Method, table: Table) -> str:
    inherited = f"   from {method.table}" if method.table != table.id else ""
    return f"{_short(method.file)}:{method.line}{inherited}"


def _short(file: str) -> str:
    return file.removeprefix("res://")


def _summary(contract: Contract) -> Iterator[str]:
    placed = {place.table for place in contract.places if not place.path.startswith("?")}
    methods = sum(len(table.methods) for table in contract.tables)
    with_path = sum(table.id in placed for table in contract.tables)
    levels = [problem.level for problem in contract.problems]
    counts = [_count(levels.count(level), level) for level in ("error", "warning") if level in levels]
    problems = f" {', '.join(counts)}:" if counts else ""
    tables = _count(len(contract.tables), "table")
    yield f"{_count(methods, 'method')}, {tables}, {with_path} with a known path.{problems}"
    yield from _problems(contract)
    if not contract.source.endswith(".py"):
        yield from UNSEEN.splitlines()


def _problems(contract: Contract) -> Iterable[str]:
    for problem in contract.problems:
        where = f"{_short(problem.file)}:{problem.line}" if problem.line else _short(problem.file)
        yield f"  {where}: {problem.level}: {problem.code}: {problem.text}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
