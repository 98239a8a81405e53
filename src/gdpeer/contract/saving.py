"""Writes a contract as JSON, and reads the JSON again.

Unknown keys are ignored, so that older versions read files of newer ones; a file of another `format` is refused.

Layer: `contract`; pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from gdpeer.contract.model import Argument, Contract, Enumeration, Method, Place, Problem, Property, Table, Variable

__all__ = ["FORMAT", "contract_from_json", "contract_to_json"]

FORMAT = 1

UNKNOWN = "?"

Item = TypeVar("Item")


def contract_to_json(contract: Contract) -> str:
    """Returns the text of a contract: JSON with sorted tables, the same bytes for the same contract."""
    content = {
        "format": FORMAT,
        "engine": contract.engine,
        "source": contract.source,
        "tables": [_table(one, contract.engine) for one in contract.tables],
        "places": [
            {
                "path": one.path,
                "table": one.table,
                "how": one.how,
                "scene": one.scene,
                "file": one.file,
                "line": one.line,
            }
            for one in contract.places
        ],
        "enumerations": [
            {"id": one.id, "name": one.name, "members": dict(one.members)} for one in contract.enumerations
        ],
        "problems": [
            {"level": one.level, "code": one.code, "file": one.file, "line": one.line, "text": one.text}
            for one in contract.problems
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=1)


def _table(table: Table, engine: int) -> dict[str, Any]:
    # Godot 3 sends names: its methods have no numbers, and its tables no checksum.
    numbers = table.numbers if engine == 4 else (None,) * len(table.methods)
    return {
        "id": table.id,
        "class_name": table.class_name,
        "extends": table.extends,
        "checksum": table.checksum if engine == 4 else None,
        "file": table.file,
        "line": table.line,
        "godot_script": table.godot_script,
        "refused": list(table.refused),
        "methods": [_method(one, number) for one, number in zip(table.methods, numbers, strict=True)],
        "variables": [
            {"name": one.name, "mode": one.mode, "file": one.file, "line": one.line} for one in table.variables
        ],
        "properties": [
            {
                "name": one.name,
                "path": one.path,
                "mode": one.mode,
                "spawn": one.spawn,
                "type": one.type,
                "default": one.default,
            }
            for one in table.properties
        ],
    }


def _method(method: Method, number: int | None) -> dict[str, Any]:
    return {
        "name": method.name,
        "number": number,
        "mode": method.mode,
        "call_local": method.call_local,
        "transfer": method.transfer,
        "channel": UNKNOWN if method.channel is None else method.channel,
        "arguments": [_argument(one) for one in method.arguments],
        "file": method.file,
        "line": method.line,
        "from": method.table,
        "is_empty": method.is_empty,
        "by_code": method.by_code,
    }


def _argument(argument: Argument) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": argument.name,
        "type": argument.type,
        "default": argument.default,
        "rest": argument.rest,
    }
    more = {"enumeration": argument.enumeration, "annotation": argument.annotation}
    return found | {key: text for key, text in more.items() if text}


# ---------------------------------------------------------------------------------------- reading


def contract_from_json(text: str) -> Contract:
    """Returns the contract of a text that `contract_to_json` wrote.

    Raises:
        ValueError: the text is not a contract, or has another format; the message says which.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from error
    if not isinstance(content, dict) or "format" not in content:
        raise ValueError("is not a saved contract: the key format is missing")
    if content["format"] != FORMAT:
        raise ValueError(f"has the format {content['format']!r}, expected {FORMAT}")
    top = _Entry(content, "the contract")
    return Contract(
        source=top.text("source"),
        engine=top.number("engine", 4),
        tables=top.each("tables", _read_table),
        places=top.each("places", _read_place),
        problems=top.each("problems", _read_problem),
        enumerations=top.each("enumerations", _read_enumeration),
    )


class _Entry:
    """An object of the JSON, whose values have the expected types; a missing key has a default."""

    def __init__(self, content: Mapping[str, Any], where: str) -> None:
        self._content = content
        self._where = where

    def value(self, key: str, default: Any, expected: type | tuple[type, ...]) -> Any:
        found = self._content.get(key, default)
        # In Python, but not in JSON, true is a number.
        if not isinstance(found, expected) or (isinstance(found, bool) and expected is int):
            raise ValueError(f"has a wrong {key} in {self._where}: {found!r:.40}")
        return found

    def text(self, key: str) -> str:
        return str(self.value(key, "", str))

    def optional(self, key: str) -> str | None:
        found = self.value(key, None, (str, type(None)))
        return None if found is None else str(found)

    def number(self, key: str, default: int = 0) -> int:
        return int(self.value(key, default, int))

    def flag(self, key: str) -> bool:
        return bool(self.value(key, False, bool))

    def each(self, key: str, read: Callable[[_Entry], Item]) -> tuple[Item, ...]:
        items = self.value(key, [], list)
        if not all(isinstance(one, dict) for one in items):
            raise ValueError(f"has a wrong {key} in {self._where}")
        return tuple(read(_Entry(one, f"{key}[{at}]")) for at, one in enumerate(items))


def _read_table(entry: _Entry) -> Table:
    return Table(
        id=entry.text("id"),
        class_name=entry.text("class_name"),
        methods=entry.each("methods", _read_method),
        extends=entry.text("extends"),
        file=entry.text("file"),
        line=entry.number("line"),
        godot_script=entry.text("godot_script"),
        variables=entry.each("variables", _read_variable),
        refused=tuple(str(name) for name in entry.value("refused", [], list)),
        properties=entry.each("properties", _read_property),
    )


def _read_method(entry: _Entry) -> Method:
    channel = entry.value("channel", 0, (int, str))
    return Method(
        name=entry.text("name"),
        mode=entry.text("mode"),
        call_local=entry.value("call_local", False, (bool, type(None))),
        transfer=entry.text("transfer"),
        channel=None if isinstance(channel, str) else channel,
        table=entry.text("from"),
        line=entry.number("line"),
        arguments=entry.each("arguments", _read_argument),
        file=entry.text("file"),
        is_empty=entry.flag("is_empty"),
        by_code=entry.flag("by_code"),
    )


def _read_argument(entry: _Entry) -> Argument:
    return Argument(
        entry.text("name"),
        entry.optional("type"),
        entry.optional("default"),
        entry.flag("rest"),
        entry.text("enumeration"),
        entry.text("annotation"),
    )


def _read_variable(entry: _Entry) -> Variable:
    return Variable(entry.text("name"), entry.text("mode"), entry.text("file"), entry.number("line"))


def _read_property(entry: _Entry) -> Property:
    return Property(
        entry.text("name"),
        entry.text("path"),
        entry.text("mode"),
        entry.flag("spawn"),
        entry.optional("type"),
        entry.optional("default"),
    )


def _read_place(entry: _Entry) -> Place:
    return Place(
        entry.text("path"),
        entry.optional("table"),
        entry.text("how"),
        entry.text("scene"),
        entry.text("file"),
        entry.number("line"),
    )


def _read_problem(entry: _Entry) -> Problem:
    return Problem(entry.text("code"), entry.text("file"), entry.number("line"), entry.text("text"))


def _read_enumeration(entry: _Entry) -> Enumeration:
    members = entry.value("members", {}, dict)
    if not all(type(value) is int for value in members.values()):
        raise ValueError(f"has a wrong value in the enumeration {entry.text('id')}")
    return Enumeration(entry.text("id"), entry.text("name"), tuple(members.items()))
