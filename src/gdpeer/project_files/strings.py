"""Replaces the escapes of quoted strings, in GDScript and in Godot's text files.

Layer: `project_files`; pure.
"""

from __future__ import annotations

import re

__all__ = ["string_value"]

_TRIPLE = ('"""', "'''")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{6}|\r?\n|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\n": "", "\r\n": ""}


def string_value(text: str) -> str:
    """Returns the text that a string token means: without quotes, with escapes replaced."""
    is_raw = text.startswith("r")
    text = text.lstrip("&^r")
    size = 3 if text.startswith(_TRIPLE) else 1
    inner = text[size:-size]
    return inner if is_raw else _ESCAPE.sub(_unescaped, inner)


def _unescaped(match: re.Match[str]) -> str:
    what = match[1]
    if len(what) > 2 and what[0] in "uU":
        number = int(what[1:], 16)
        return chr(number) if number <= 0x10FFFF else "\ufffd"
    return _ESCAPES.get(what, what)
