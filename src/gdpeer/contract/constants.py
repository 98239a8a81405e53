"""Evaluates constant expressions of GDScript: `3 + MAX`, `"any" + "_peer"`, `Vector2(1, 2)`, `[State.IDLE]`.

Never guesses: an expression that needs the running game raises `NotConstant`, with the reason.

Layer: `contract`; pure. Source: reference godot4-contract 1.2.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gdpeer.contract.tokens import Kind, Token
from gdpeer.contract.types import GODOT4
from gdpeer.project_files.strings import string_value

__all__ = ["Built", "NotConstant", "evaluate", "text_of", "text_of_tokens", "type_of"]

MOST_TOKENS = 500
"""Most tokens of one expression."""

MOST_DEPTH = 40
"""Most brackets and operators within each other."""

MOST_TEXT = 1_000
"""Most characters of a value: few constants, each twice the one before, could fill all memory."""

_INT = re.compile(r"0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9][0-9_]*")
_FRACTION = re.compile(r"[0-9][0-9_]*(?:[eE][0-9]*)?")
_EXPONENT = re.compile(r"[0-9][0-9_]*[eE][0-9]*")
_PLACEHOLDER = re.compile(r"%(?:[^sd%]|$)")
"""Placeholders with a width or another form: a width could fill all memory."""

_MERGED = frozenset(("==", "!=", "<=", ">=", "&&", "||", "<<", ">>", "**"))

NOT_BINARY = 20
"""The precedence of `-x`, `+x` and `~x`."""


class NotConstant(Exception):
    """The value of an expression is not in the files."""


class _StringName(str):
    __slots__ = ()


class _NodePath(str):
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Built:
    """A value of a built-in type that Python has no literal for: `Vector2(1, 2)`, `Color.RED`.

    Attributes:
        type: the name of the type.
        arguments: of the constructor.
        constant: `RED`, for a constant of the type; "" for a constructor.
    """

    type: str
    arguments: tuple[Any, ...] = ()
    constant: str = ""


_CONSTANTS: dict[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "PI": math.pi,
    "TAU": math.tau,
    "INF": math.inf,
    "NAN": math.nan,
}

_INT_CONSTANTS = re.compile(r"AXIS_[WXYZ]|PLANE_\w+")
"""Constants of a built-in type that are numbers."""


def evaluate(tokens: Sequence[Token], lookup: Callable[[tuple[str, ...]], Any]) -> Any:
    """Returns the value of an expression.

    Args:
        tokens: of the expression.
        lookup: returns the value that names mean, as `("Match", "State", "IDLE")`; raises `NotConstant`.

    Returns:
        An int, float, bool, str, None, list or dict, or a `Built`.

    Raises:
        NotConstant: the value is not in the files, or the expression has a form that is not known here.
    """
    if not tokens or len(tokens) > MOST_TOKENS:
        raise NotConstant("it is too long" if tokens else "it is empty")
    parser = _Expression(_merged(tokens), lookup)
    value = parser.conditional()
    if parser.text:
        raise NotConstant(f"{parser.text} is not expected")
    return value


def _merged(tokens: Sequence[Token]) -> list[Token]:
    """Joins marks that are one operator."""
    found: list[Token] = []
    for token in tokens:
        last = found[-1] if found else None
        if last is not None and last.kind is token.kind is Kind.MARK and last.text + token.text in _MERGED:
            found[-1] = Token(Kind.MARK, last.text + token.text, last.line)
        else:
            found.append(token)
    return found


def _whole(number: Any) -> int:
    if type(number) is not int:
        raise NotConstant("it mixes types")
    return number


def _add(left: Any, right: Any) -> Any:
    is_text = isinstance(left, str) and isinstance(right, str)
    return str(left) + str(right) if is_text else _number(left) + _number(right)


def _number(value: Any) -> Any:
    if type(value) not in (int, float):
        raise NotConstant("it mixes types")
    return value


def _divide(left: Any, right: Any) -> Any:
    if type(left) is int and type(right) is int:
        whole = abs(left) // abs(right)
        return whole if (left < 0) == (right < 0) else -whole
    return _number(left) / _number(right)


def _remainder(left: Any, right: Any) -> Any:
    if isinstance(left, str):
        values = tuple(right) if isinstance(right, list) else (right,)
        if _PLACEHOLDER.search(left.replace("%%", "")) or not all(type(one) in (int, str) for one in values):
            raise NotConstant("its text has placeholders of another form")
        return left % values
    rest = abs(_whole(left)) % abs(_whole(right))
    return rest if left >= 0 else -rest


def _power(left: Any, right: Any) -> Any:
    if abs(_number(right)) > 64 or abs(_number(left)) > 1 << 32:
        raise NotConstant("it is too large")
    return left**right


def _shift(left: Any, right: Any) -> int:
    if not 0 <= _whole(right) < 64:
        raise NotConstant("it is too large")
    return _whole(left) << int(right)


def _compare(how: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        return how(left, right)

    return compare


_BINARY: dict[str, tuple[int, Callable[[Any, Any], Any]]] = {
    "or": (1, lambda left, right: bool(left) or bool(right)),
    "||": (1, lambda left, right: bool(left) or bool(right)),
    "and": (2, lambda left, right: bool(left) and bool(right)),
    "&&": (2, lambda left, right: bool(left) and bool(right)),
    "==": (5, _compare(operator.eq)),
    "!=": (5, _compare(operator.ne)),
    "<": (5, _compare(operator.lt)),
    ">": (5, _compare(operator.gt)),
    "<=": (5, _compare(operator.le)),
    ">=": (5, _compare(operator.ge)),
    "|": (6, lambda left, right: _whole(left) | _whole(right)),
    "^": (7, lambda left, right: _whole(left) ^ _whole(right)),
    "&": (8, lambda left, right: _whole(left) & _whole(right)),
    "<<": (9, _shift),
    ">>": (9, lambda left, right: _whole(left) >> min(max(_whole(right), 0), 64)),
    "+": (10, _add),
    "-": (10, lambda left, right: _number(left) - _number(right)),
    "*": (11, lambda left, right: _number(left) * _number(right)),
    "/": (11, _divide),
    "%": (11, _remainder),
    "**": (30, _power),
}
"""The precedence and the function of each operator."""


class _Expression:
    """Parses and evaluates an expression, by the precedence of its operators."""

    def __init__(self, tokens: list[Token], lookup: Callable[[tuple[str, ...]], Any]) -> None:
        self._tokens = tokens
        self._lookup = lookup
        self._at = 0
        self._depth = 0

    @property
    def text(self) -> str:
        """The next token; "" at the end."""
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _next(self) -> Token:
        if self._at >= len(self._tokens):
            raise NotConstant("it has no end")
        self._at += 1
        return self._tokens[self._at - 1]

    def _takes(self, text: str) -> bool:
        """Steps over the next token if it has this text."""
        is_there = self.text == text
        self._at += is_there
        return is_there

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise NotConstant(f"{text} is missing")

    def conditional(self) -> Any:
        """Evaluates `x if condition else y`, or any other expression."""
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise NotConstant("its brackets are too deep")
        value = self._binary(0)
        if self._takes("if"):
            condition = self.conditional()
            self._expect("else")
            other = self.conditional()
            value = value if condition else other
        self._depth -= 1
        return value

    def _binary(self, least: int) -> Any:
        value = self._unary()
        while True:
            precedence, function = _BINARY.get(self.text, (-1, None))
            if function is None or precedence < least:
                return value
            self._at += 1
            value = _bounded(function, value, self._binary(precedence + 1))

    def _unary(self) -> Any:
        text = self.text
        if text not in ("-", "+", "~", "not", "!"):
            return self._postfix()
        self._at += 1
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise NotConstant("its operators are too deep")
        value = self._binary(3 if text in ("not", "!") else NOT_BINARY)
        self._depth -= 1
        if text in ("not", "!"):
            return not value
        if text == "~":
            return ~_whole(value)
        return -_number(value) if text == "-" else _number(value)

    def _postfix(self) -> Any:
        value = self._operand()
        # A call or an index of a value needs the engine.
        if self.text in (".", "(", "["):
            raise NotConstant(f"{self.text} behind a value")
        return value

    def _operand(self) -> Any:
        token = self._next()
        text = token.text
        if token.kind is Kind.STRING:
            kind = {"&": _StringName, "^": _NodePath}.get(text[0], str)
            return kind(string_value(text))
        if text == "(":
            value = self.conditional()
            self._expect(")")
            return value
        if text == "[":
            return self._items("]")
        if text == "{":
            return self._entries()
        if text == "." or text[0].isdigit():
            return self._literal(text)
        if token.kind is Kind.WORD:
            return self._named(text)
        raise NotConstant(f"{text} begins no value")

    def _literal(self, text: str) -> int | float:
        """Reads a number, of which the tokens are `1`, `.`, `5e`, `-`, `3`."""
        number = "" if text == "." else text
        if text == "." or (_FRACTION.fullmatch(number) and self.text == "."):
            # `1.` is a number too.
            self._at += text != "."
            following = self.text
            is_fraction = _FRACTION.fullmatch(following) is not None
            number = f"{number}.{following}" if is_fraction else f"{number}."
            self._at += is_fraction
        if number[-1:] in "eE" and not number.lower().startswith("0x") and self.text in ("-", "+"):
            number += self._next().text + self._next().text
        if _INT.fullmatch(number) and len(number) < 70:
            return _in_range(int(number.replace("_", ""), 0 if number[1:2].isalpha() else 10))
        try:
            return float(number.replace("_", ""))
        except ValueError:
            raise NotConstant(f"{number} is no number") from None

    def _named(self, name: str) -> Any:
        names = [name]
        while self.text == "." and self._at + 1 < len(self._tokens) and self._tokens[self._at + 1].kind is Kind.WORD:
            names.append(self._tokens[self._at + 1].text)
            self._at += 2
        if self.text == "(":
            return self._built(names)
        if len(names) == 1 and name in _CONSTANTS:
            return _CONSTANTS[name]
        if len(names) == 2 and name in GODOT4:
            return Built(name, constant=names[1])
        return self._lookup(tuple(names))

    def _built(self, names: list[str]) -> Any:
        if len(names) > 1 or names[0] not in GODOT4:
            raise NotConstant(f"{'.'.join(names)}() is a call")
        self._at += 1
        arguments = self._items(")")
        if len(arguments) == 1 and isinstance(arguments[0], str):
            kind = {"StringName": _StringName, "NodePath": _NodePath, "String": str}.get(names[0])
            if kind is not None:
                return kind(arguments[0])
        return Built(names[0], tuple(arguments))

    def _items(self, end: str) -> list[Any]:
        found: list[Any] = []
        while not self._takes(end):
            found.append(self.conditional())
            if self.text != end:
                self._expect(",")
        return found

    def _entries(self) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        while not self._takes("}"):
            at = self._at + 1
            is_name = at < len(self._tokens) and self._tokens[at].text == "=" and self.text.isidentifier()
            key = self._next().text if is_name else self.conditional()
            self._expect("=" if is_name else ":")
            if isinstance(key, (list, dict)):
                raise NotConstant("a key is a container")
            found[key] = self.conditional()
            if self.text != "}":
                self._expect(",")
        return found


def _bounded(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    try:
        value = function(left, right)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise NotConstant(f"it has no value: {error}") from error
    if isinstance(value, str) and len(value) > MOST_TEXT:
        raise NotConstant("it is too long")
    return _in_range(value) if type(value) is int else value


def _in_range(value: int) -> int:
    if not -(1 << 63) <= value < 1 << 63:
        raise NotConstant("it is too large")
    return value


# ---------------------------------------------------------------------------------------- texts and types


def text_of(value: Any) -> str:
    """Returns a value as GDScript.

    Raises:
        NotConstant: the text would be too long.
    """
    pieces: list[str] = []
    _write(value, pieces)
    return "".join(pieces)


def _write(value: Any, pieces: list[str]) -> None:
    if len(pieces) > MOST_TEXT:
        raise NotConstant("it is too long")
    match value:
        case Built(constant=str() as constant) if constant:
            pieces.append(f"{value.type}.{constant}")
        case Built():
            _write_all(f"{value.type}(", value.arguments, ")", pieces)
        case list():
            _write_all("[", value, "]", pieces)
        case dict():
            pieces.append("{")
            for at, (key, item) in enumerate(value.items()):
                pieces.append(", " if at else "")
                _write(key, pieces)
                pieces.append(": ")
                _write(item, pieces)
            pieces.append("}")
        case _:
            pieces.append(_scalar(value))


def _write_all(begin: str, values: Sequence[Any], end: str, pieces: list[str]) -> None:
    pieces.append(begin)
    for at, value in enumerate(values):
        pieces.append(", " if at else "")
        _write(value, pieces)
    pieces.append(end)


def _scalar(value: Any) -> str:
    match value:
        case None | True | False:
            return {None: "null", True: "true", False: "false"}[value]
        case float() if not math.isfinite(value):
            return "NAN" if math.isnan(value) else "INF" if value > 0 else "-INF"
        case str():
            quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
            return {_StringName: "&", _NodePath: "^"}.get(type(value), "") + f'"{quoted}"'
    return str(value)


def type_of(value: Any) -> str | None:
    """Returns the type that `:=` gives to a variable with this value; None: any."""
    match value:
        case Built(constant=str() as constant) if _INT_CONSTANTS.fullmatch(constant):
            return "int"
        case Built():
            return value.type
        case _StringName():
            return "StringName"
        case _NodePath():
            return "NodePath"
    return {bool: "bool", int: "int", float: "float", str: "String", list: "Array", dict: "Dictionary"}.get(type(value))


def text_of_tokens(tokens: Sequence[Token]) -> str:
    """Returns an expression as GDScript, with spaces where the language needs them and behind commas and colons."""
    pieces: list[str] = []
    was_word = False
    for token in tokens:
        is_word = token.kind is not Kind.MARK
        pieces.append(f" {token.text}" if was_word and is_word else token.text)
        was_word = is_word
        if token.text in (",", ":"):
            pieces.append(" ")
    return "".join(pieces).strip()
