r"""Values of a call as a person types them, and as text and JSON for a person or a program.

    value_of("Vector2(1, 2)")      # Vector2(1, 2)
    value_of("Ann")                # "Ann"
    line_of({"a": "two\nlines"})   # {"a": "two\nlines"}, on one line
    json_of([1, Vector2(1, 2)])    # [1, "Vector2(1, 2)"]

Layer: `inspection`; pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from gdpeer.contract.types import GODOT3, GODOT4
from gdpeer.errors import VariantError
from gdpeer.quoting import escape
from gdpeer.variant.containers import UNTYPED, Array, ContainerType, Dictionary
from gdpeer.variant.kinds import VariantType, typeof
from gdpeer.variant.text.text import str_to_var, var_to_str

__all__ = ["json_of", "line_of", "type_of", "value_of"]

_BEGIN = re.compile(r'\s*(?:(["\[{])|[&@]"|([A-Za-z][A-Za-z0-9]*)[\[(])')
"""The begin of a text that can only be meant as a value."""
_STRING = re.compile(r'("(?:[^"\\]++|\\.)*+")', re.DOTALL)
_ESCAPED = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t"})


def value_of(text: str, engine: int = 4) -> Any:
    """Returns the value that a person has typed: as `str_to_var` reads the text, else the text itself.

    Args:
        text: `12`, `true`, `"12"`, `Vector2(1, 2)`, `[1, 2]`, or a plain word or sentence.
        engine: 4 or 3, whose values may be written.

    Raises:
        ValueError: the text begins like a value and is none; the message says why.
    """
    if not text.strip():
        return text
    try:
        return str_to_var(text, engine)
    except VariantError as error:
        begin = _BEGIN.match(text)
        if begin is None or (begin[2] and begin[2] not in GODOT4 | GODOT3):
            return text
        raise ValueError(f"'{escape(text, 60)}' begins like a value and is none: {error}") from error


def type_of(value: Any) -> str:
    """Returns the type of a value in Godot 4's words: `int`, `Array[int]`; `null` for None."""
    if value is None:
        return "null"
    word = str(ContainerType(VariantType(typeof(value))))
    if isinstance(value, Array) and value.element_type != UNTYPED:
        return f"{word}[{value.element_type}]"
    if isinstance(value, Dictionary) and (value.key_type, value.value_type) != (UNTYPED, UNTYPED):
        return f"{word}[{value.key_type}, {value.value_type}]"
    return word


def line_of(value: Any, engine: int = 4) -> str:
    """Returns a value as `var_to_str` writes it, but on one line. `str_to_var` reads the same value from the line."""
    try:
        text = var_to_str(value, engine)
    except VariantError:
        text = repr(value)  # the engine cannot write this value
    parts = _STRING.split(text)
    # Each second part is a string; line ends elsewhere stand between the entries of a dictionary.
    parts[::2] = [part.replace("\n", " ") for part in parts[::2]]
    parts[1::2] = [part.translate(_ESCAPED) for part in parts[1::2]]
    return escape("".join(parts), most=0)


def json_of(value: Any, engine: int = 4) -> Any:
    """Returns a value for `json.dumps`. Values that JSON does not have become the text of `var_to_str`."""
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, list):
        return [json_of(one, engine) for one in value]
    if isinstance(value, Mapping) and all(type(key) is str for key in value):
        return {key: json_of(one, engine) for key, one in value.items()}
    return str(value) if isinstance(value, str) else line_of(value, engine)
