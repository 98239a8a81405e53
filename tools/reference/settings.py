"""The two tables in `docs/` that are made from the table of settings: defaults of classes, and options of `connect`.

Each stands in a page that is otherwise written by hand, between two marks.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gdpeer
from gdpeer.websocket.settings import SETTINGS, Property, Role
from tools.reference.docstrings import cell

__all__ = ["with_tables"]

CLASSES: dict[str, tuple[Role, type]] = {
    "WebSocketPeer": ("peer", gdpeer.WebSocketPeer),
    "WebSocketClient": ("client", gdpeer.WebSocketPeer),  # its settings are those of `get_peer(1)`
    "WebSocketServer": ("server", gdpeer.WebSocketServer),
    "WebSocketMultiplayerPeer": ("multiplayer", gdpeer.WebSocketMultiplayerPeer),
}
BEGIN = "<!-- Made by `python -m tools.reference` from the table of settings: change that. -->\n\n"
END = "\n\n<!-- Made until here. -->"


def with_tables(docs: Path) -> dict[Path, str]:
    """The text that each of the two pages should have.

    Raises:
        ValueError: a page has no place for its table.
    """
    tables = {docs / "limits.md": defaults_table(), docs / "asyncio.md": options_table()}
    return {page: _placed(page, table) for page, table in tables.items()}


def _placed(page: Path, table: str) -> str:
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    text, count = between.subn(lambda _: BEGIN + table + END, page.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{page}: the marks around the table are not there once")
    return text


def defaults_table() -> str:
    """Each setting with its default by class, what it does, and why the default is what it is."""
    head = ["Setting", *(f"`{name}`" for name in CLASSES), "Meaning, and reason for the default"]
    rows = [
        [
            f"`{name}`",
            *(_shown(setting.default(role)) if _has(kind, name) else "" for role, kind in CLASSES.values()),
            f"{setting.text} {setting.why}".strip(),
        ]
        for name, setting in SETTINGS.items()
    ]
    return _table(head, rows)


def _has(kind: type, name: str) -> bool:
    return isinstance(vars(kind).get(name), Property)


def options_table() -> str:
    """Each option with the settings that it sets."""
    found: dict[str, list[str]] = {}
    defaults: dict[str, str] = {}
    for name, setting in SETTINGS.items():
        option = setting.option
        if option is not None:
            found.setdefault(option.name, []).append(f"`{name}`" + (f": {option.text}" if option.text else ""))
            defaults[option.name] = _shown(option.default)
    return _table(
        ["Option", "Setting", "Default"],
        [[f"`{name}`", ", ".join(settings), defaults[name]] for name, settings in found.items()],
    )


def _shown(value: Any) -> str:
    """A default as a person writes it: 65,536; 3; none for an empty tuple."""
    if value == () and isinstance(value, tuple):
        return "none"
    return f"{value:,.10g}" if type(value) in (int, float) else str(value)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [" | ".join(cell(text) for text in row) for row in (head, *rows)]
    return "\n".join([f"| {lines[0]} |", "|---" * len(head) + "|", *(f"| {line} |" for line in lines[1:])])
