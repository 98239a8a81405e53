"""What the reference pages leave out: public names and members that nothing in them describes.

docs/conf.py asks when all pages are read, so that `make docs` fails. Described is what has an entry of its own, or a
line under "Attributes" of a class that the pages show.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any

__all__ = ["MODULES", "undescribed"]

MODULES = ("gdpeer", "gdpeer.aio", "gdpeer.blocking", "gdpeer.http", "gdpeer.godot3", "gdpeer.prometheus")
"""Whose names, those of `__all__`, are public."""

TOLD = frozenset({"__version__", "COMPILED"})
"""Names that need no words."""
INNER = frozenset(
    (
        *("assign", "call", "can_wait", "count_refusal", "count_replication", "find", "mismatch", "next_packet", "of"),
        *("of_words", "owns", "path_of", "refuse", "refuse_packet", "transmit", "transmit_target"),
    )
)
"""Members without an underscore by which parts of gdpeer talk to each other; no program needs them."""

ATTRIBUTES = re.compile(r"^ *Attributes:\n(?P<lines>(?:(?: {4,}.*)?\n)+)", re.MULTILINE)


def undescribed(entries: Collection[str]) -> list[str]:
    """Public names and members without a description, in alphabetical order.

    Args:
        entries: all names that the pages describe, with their modules.
    """
    return sorted(set(_undescribed(frozenset(entries))))


def _undescribed(entries: frozenset[str]) -> Iterator[str]:
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in module.__all__:
            value = getattr(module, name)
            if name in TOLD or inspect.ismodule(value) or isinstance(value, enum.Enum):
                continue  # the members of Error are names, too
            full = f"{module_name}.{name}"
            if full not in entries:
                yield full
            elif inspect.isclass(value) and not issubclass(value, enum.Enum):
                yield from (f"{full}.{member}" for member in _members(value) if not _is_told(value, member, entries))


def _members(kind: type) -> set[str]:
    """Public members that gdpeer gives a class and its objects; constants stand with their enumeration."""
    found = {
        name
        for base in kind.__mro__
        if base.__module__.startswith("gdpeer")
        for name, value in vars(base).items()
        if not name.startswith("_") and not name.isupper() and not inspect.isclass(value)
    }
    found -= INNER
    # What a list, a dict or an array has does here what it does there.
    found -= {name for base in kind.__mro__ if base.__module__ in ("builtins", "array") for name in vars(base)}
    with suppress(Exception):  # not every class can be made of nothing
        made: Any = kind()
        found |= {name for name in getattr(made, "__dict__", {}) if not name.startswith("_")}
    return found


def _is_told(kind: type, member: str, entries: frozenset[str]) -> bool:
    return any(
        f"{module}.{base.__name__}.{member}" in entries
        for base in kind.__mro__
        for module in (*MODULES, base.__module__)
    ) or any(
        re.search(rf"^ +(?:\w+, )*{member}(?:, \w+)*(?: \(.*\))?:", section["lines"], re.MULTILINE)
        for base in kind.__mro__
        if any(f"{module}.{base.__name__}" in entries for module in (*MODULES, base.__module__))
        for section in ATTRIBUTES.finditer(f"{inspect.getdoc(base) or ''}\n")
    )
