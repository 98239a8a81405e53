"""Reads the properties of a `SceneReplicationConfig` from its section in a scene or resource.

    properties/0/path = NodePath(".:position")
    properties/0/spawn = true
    properties/0/replication_mode = 1

The engine applies the lines in order. It refuses some of them with an error in its log, and goes on with the next line.

Layer: `project_files`; pure. Source: reference godot4-replication 12; the other cases measured on Godot 4.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gdpeer.errors import VariantError
from gdpeer.project_files.text_resource import Damage, Section, Value
from gdpeer.variant.names import NodePath

__all__ = ["ALWAYS", "NEVER", "ON_CHANGE", "PropertySyntax", "read_replication_config"]

NEVER, ALWAYS, ON_CHANGE = range(3)
_OLD_KEYS = {"sync": ALWAYS, "watch": ON_CHANGE}
"""Godot 4.0 and 4.1 wrote one key for each mode."""


@dataclass(slots=True)
class PropertySyntax:
    """A replicated property as its file describes it.

    Attributes:
        path: of the property.
        line: of the path.
        spawn: whether the property is sent with the spawn.
        spawn_line: the line that decided it.
        mode: 0 never, 1 always, 2 on change.
        mode_line: the line that decided it.
    """

    path: NodePath
    line: int
    spawn: bool
    spawn_line: int
    mode: int
    mode_line: int


def read_replication_config(section: Section, refused: list[Damage]) -> list[PropertySyntax]:
    """Returns the properties in their order on the wire.

    Args:
        section: the `sub_resource`, or the `resource` of a `.tres`.
        refused: lines that the engine refuses are added here.
    """
    found: list[PropertySyntax] = []
    for key, value in section.assignments:
        _, *parts = key.split("/")
        if not key.startswith("properties/"):
            continue
        index, what = _number(parts[0]), parts[1] if len(parts) > 1 else ""
        problem = _apply(found, index, what, value)
        if problem:
            refused.append(Damage(value.line, f"{key} = {value}: {problem}"))
    return found


def _number(text: str) -> int:
    """Reads an index as the engine does: digits up to a dot, all other characters are skipped."""
    digits = "".join(re.findall("[0-9]", text.partition(".")[0]))
    number = int(digits or "0") if len(digits) < 19 else -1
    return -number if re.match("[^0-9.]*-", text) else number


def _apply(found: list[PropertySyntax], index: int, what: str, value: Value) -> str:
    """Applies one line; returns the reason if the engine refuses it."""
    parsed = _parsed(value)
    if what == "path" and index == len(found):
        return _add(found, parsed, value.line)
    if not 0 <= index < len(found):
        return f"there is no property {index} yet"
    entry = found[index]
    if what == "replication_mode":
        if type(parsed) is not int or not NEVER <= parsed <= ON_CHANGE:
            return "the mode must be 0, 1 or 2"
        entry.mode, entry.mode_line = parsed, value.line
    elif type(parsed) is not bool:
        return "expected true or false"
    elif what == "spawn":
        entry.spawn, entry.spawn_line = parsed, value.line
    elif what in _OLD_KEYS and (parsed or entry.mode == _OLD_KEYS[what]):
        entry.mode, entry.mode_line = _OLD_KEYS[what] if parsed else NEVER, value.line
    return ""


def _add(found: list[PropertySyntax], path: Any, line: int) -> str:
    if not isinstance(path, NodePath) or not path.subnames:
        return "expected the NodePath of a property"
    if any(entry.path == path for entry in found):
        return "the property is there already"
    found.append(PropertySyntax(path, line, True, line, ALWAYS, line))
    return ""


def _parsed(value: Value) -> Any:
    try:
        return value.parsed()
    except VariantError:
        return None
