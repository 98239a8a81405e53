"""Reads the default of an argument from its text in GDScript or Python, and writes it in either language.

    value_of("Vector2.ZERO")             # Vector2(0, 0)
    python_text(value_of("&'red'"))      # "StringName('red')"
    gdscript_text(Vector2(1, 2))         # "Vector2(1, 2)"

No code is run: only literals, and the constructors and constants of the engine's values, are read.

Layer: `contract`; pure.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Callable
from typing import Any

import gdpeer.variant as values
from gdpeer.variant.kinds import KINDS

__all__ = ["Unwritable", "gdscript_text", "python_text", "value_of"]

_MOST = 2000
"""Most characters of a default; longer text is not read."""

_CONSTANTS = {
    "true": True,
    "false": False,
    "null": None,
    "PI": math.pi,
    "TAU": math.tau,
    "INF": math.inf,
    "NAN": math.nan,
    "inf": math.inf,
    "nan": math.nan,
}

_KINDS: tuple[type, ...] = (*KINDS, values.PackedByteArray)

_CLASSES = {
    kind.__name__: kind
    for kind in _KINDS
    if kind.__module__.startswith("gdpeer.variant") and not kind.__name__.startswith("Encoded")
}

_PREFIXED = re.compile(r"""([&^])("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
"""`&"name"` and `^"path"` of GDScript."""

_PREFIXES = {"&": "StringName", "^": "NodePath"}

_BY_POSITION = re.compile(r"(Vector[234]i?|Rect2i?|Plane|Quaternion|Color)\b")
"""Types whose text with all numbers is also a constructor in GDScript."""


class Unwritable(ValueError):
    """A default is no constant, or has no text in the other language."""


# ---------------------------------------------------------------------------------------------------- reading


def value_of(text: str) -> Any:
    """Returns the value of a default.

    Args:
        text: a literal of GDScript or Python, or a value of the engine, such as `Vector2(1, 2)` or `Color.RED`.

    Raises:
        Unwritable: the text is something else.
    """
    if len(text) > _MOST:
        raise Unwritable("the default is too long")
    plain = _PREFIXED.sub(lambda found: f"{_PREFIXES[found[1]]}({found[2]})", text.strip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that only GDScript has
            return _value(ast.parse(plain, mode="eval").body)
    except Unwritable:
        raise
    # The text is somebody else's: it can be nested too deeply, or make a constructor refuse its arguments.
    except Exception as error:
        raise Unwritable(f"{text} is no constant: {error}") from None


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | bytes() | None):
            return node.value
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.List() | ast.Tuple():
            return [_value(one) for one in node.elts]
        case ast.Dict() if None not in node.keys:
            return {_value(key): _value(one) for key, one in zip(node.keys, node.values, strict=True) if key}
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand)
        case ast.Attribute(value=ast.Name(id=name)) if name in _CLASSES:
            return _checked(getattr(_CLASSES[name], node.attr))
        case ast.Call(func=ast.Name(id=name), keywords=[]):
            return _called(name, [_value(one) for one in node.args])
        case ast.Call(func=ast.Attribute(attr=name), keywords=[]):  # gdpeer.Vector2(1, 2)
            return _called(name, [_value(one) for one in node.args])
    raise Unwritable(f"{ast.unparse(node)} is no constant")


def _called(name: str, arguments: list[Any]) -> Any:
    if name == "float" and arguments in (["inf"], ["nan"], ["-inf"]):
        return float(arguments[0])
    kind = _CLASSES.get(name)
    if kind is None:
        raise Unwritable(f"{name}() is no constant")
    # PackedByteArray(10) would be ten bytes, and a large number a lot of memory.
    if name.startswith("Packed") and not all(isinstance(one, list | bytes) for one in arguments):
        raise Unwritable(f"{name}() takes a list")
    return kind(*arguments)


def _checked(value: Any) -> Any:
    if type(value) not in KINDS:
        raise Unwritable("not a value")
    return value


# ---------------------------------------------------------------------------------------------------- writing


def python_text(value: Any) -> str:
    """Returns the text of a value in Python, with names of `gdpeer`."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    text = repr(value)
    if type(value) is str and '"' not in value and text[0] == "'":
        text = f'"{text[1:-1]}"'
    return _written(value, python_text, text)


def gdscript_text(value: Any) -> str:
    """Returns the text of a value in GDScript of Godot 4.

    Raises:
        Unwritable: GDScript has no constant expression for the value.
    """
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float() if not math.isfinite(value):
            return "NAN" if math.isnan(value) else "INF" if value > 0 else "-INF"
        case int() | float():
            return repr(value)
        case values.StringName():
            return f"&{_quoted(value)}"
        case str():
            return _quoted(value)
        case values.NodePath():
            return f"NodePath({_quoted(str(value))})"
        case bytes():
            return f"PackedByteArray({list(value)})"
    if type(value).__name__.startswith("Packed"):
        return f"{type(value).__name__}({_written(list(value), gdscript_text, '')})"
    text = repr(value)
    # The other types hold numbers in an order that no constructor takes; but all have one without arguments.
    if type(value) in _CLASSES.values() and not _BY_POSITION.match(text):
        if value != type(value)():
            raise Unwritable(f"GDScript has no constant for {text}")
        text = f"{type(value).__name__}()"
    return _written(value, gdscript_text, text)


def _written(value: Any, write: Callable[[Any], str], other: str) -> str:
    """Returns the text of a plain list or dictionary, whose content `write` writes; `other` for any other value."""
    if type(value) is list:
        return f"[{', '.join(map(write, value))}]"
    if type(value) is dict:
        return f"{{{', '.join(f'{write(key)}: {write(one)}' for key, one in value.items())}}}"
    return other


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'
