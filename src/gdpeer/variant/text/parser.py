"""The parser of `str_to_var`.

    value       null | true | -1.5e3 | inf | "text" | &"name" | #ff8000 | Vector2(1, 2) | PackedByteArray("AQI=")
                [value, ...] | {value: value, ...} | Array[int]([...]) | Dictionary[String, Variant]({...})
                Object(Class, "property": value, ...)

The parser is written by hand and has its own stack, so that no text can exhaust Python's stack. It never executes
anything from the text.

Layer: `variant`. Source: behaviour measured on Godot 4.6 and 3.6.
"""

from __future__ import annotations

import base64
import codecs
import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from gdpeer.errors import VariantError
from gdpeer.variant.binary.layout import (
    CLASSES,
    ENCODED_OBJECT,
    ITEM_SIZES,
    MAX_DEPTH,
    MISSING,
    NUMBERS,
    TO_3,
    TYPECODES,
    WHOLE,
    holds_plainly,
    no_such_kind,
)
from gdpeer.variant.containers import UNTYPED, Array, ContainerType, Dictionary
from gdpeer.variant.foreign import RID, EncodedCallable, EncodedObject, EncodedObjectAsID, EncodedSignal
from gdpeer.variant.kinds import VariantType
from gdpeer.variant.math.color import Color
from gdpeer.variant.names import NodePath, StringName
from gdpeer.variant.packed import PackedByteArray, PackedStringArray

__all__ = ["OLD_NAMES", "Parser"]

_BLANK = re.compile(r"(?:[\x00-\x20]++|;[^\n]*+)*+")
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*+")
_NUMBER = re.compile(r"-?[0-9]++(\.[0-9]*+)?([eE][+-]?[0-9]*+)?")
_NUMBER_3 = re.compile(r"-?[0-9]*+(\.[0-9]*+)?(e[+-]?[0-9]*+)?")
"""Godot 3 reads a lone minus as 0, and does not accept `E`."""
_FIRST_OF_NUMBERS = frozenset("-0123456789")
_HTML = re.compile(r"#([0-9A-Fa-f]*+)")
_STRING = re.compile(r'[&@]?"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{6}|.)", re.DOTALL)
_ESCAPE_3 = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)

_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}
"""All other characters stand for themselves, except `u` (and `U` in Godot 4), which begin a number."""
_REPLACEMENT = "\ufffd"
_CONSTANTS = {"null": None, "nil": None, "true": True, "false": False}
_REALS = {"inf": float("inf"), "inf_neg": -float("inf"), "-inf": -float("inf"), "nan": float("nan")}

_BUILTIN = {str(ContainerType(kind)): kind for kind in VariantType}
OLD_NAMES = {
    "Matrix32": "Transform2D",
    "Matrix3": "Basis",
    "Quat": "Quaternion",
    "Rect3": "AABB",
    "Transform": "Transform3D",
    "PackedIntArray": "PackedInt32Array",
    "PackedRealArray": "PackedFloat32Array",
    "PoolIntArray": "PackedInt32Array",
    "PoolRealArray": "PackedFloat32Array",
    "IntArray": "PackedInt32Array",
    "FloatArray": "PackedFloat32Array",
}
OLD_NAMES |= {
    old + what: "Packed" + what
    for old in ("Pool", "")
    for what in ("ByteArray", "StringArray", "Vector2Array", "Vector3Array", "Vector4Array", "ColorArray")
}
_OLD_NAMES_3 = {"PackedInt64Array": "PackedInt32Array", "PackedFloat64Array": "PackedFloat32Array"}
_NOT_IN_3 = frozenset(("Quaternion", "Transform3D", "PackedIntArray", "PackedRealArray"))
"""Names of Godot 4 that Godot 3 cannot read, as it has another name for the type."""
_HANDLES = (VariantType.TYPE_RID, VariantType.TYPE_CALLABLE, VariantType.TYPE_SIGNAL, VariantType.TYPE_NODE_PATH)
_MADE = {
    name: kind
    for name, kind in _BUILTIN.items()
    if NUMBERS[kind] or kind >= VariantType.TYPE_PACKED_BYTE_ARRAY or kind in _HANDLES
}
_MADE |= {old: _BUILTIN[name] for old, name in OLD_NAMES.items()}
"""Names that can stand before a parenthesis."""

_UNSET = object()


@dataclass(slots=True)
class _Open:
    """An open container: its values so far, and the function that makes the container of them."""

    close: str
    """The characters that end the container: a bracket, for a typed container also a parenthesis."""
    make: Callable[[Any], Any]
    """Takes the values, or the pairs."""
    keys: bool
    """Whether the container holds pairs."""
    named: bool
    """Whether the keys are bare strings, as in an object."""
    values: list[Any] = field(default_factory=list)
    key: Any = _UNSET


class Parser:
    """Reads one value from a text, with `old` in Godot 3's format; `objects` allows `Object(...)`."""

    def __init__(self, text: str, old: bool, objects: bool) -> None:
        self._text = text
        self._at = 0
        self._old = old
        self._objects = objects
        self._opened: list[_Open] = []

    def parse(self) -> Any:
        """Returns the value; only blanks may follow it."""
        value = self._value()
        self._skip_blank()
        if self._at < len(self._text):
            self._fail("something follows the value")
        return value

    def _value(self) -> Any:
        while True:
            value = self._begin_value()
            while value is not _UNSET:
                if not self._opened:
                    return value
                value = self._added(self._opened[-1], value)

    def _begin_value(self) -> Any:
        """Reads a value. _UNSET: a container was opened, and its first value comes next."""
        first = self._peek()
        if first == "[":
            return self._open("[", "]", list)
        if first == "{":
            return self._open("{", "}", _dictionary, keys=True)
        if first == '"' or (first in ("&", "@") and not self._old):
            return self._string()
        if first == "#":
            return self._html()
        if first in _FIRST_OF_NUMBERS:
            return self._number()
        return self._named()

    # ------------------------------------------------------------ containers

    def _open(self, start: str, close: str, make: Callable[[Any], Any], keys: bool = False, named: bool = False) -> Any:
        for bracket in start:
            self._expect(bracket)
        if len(self._opened) > MAX_DEPTH:
            self._fail(f"values are nested deeper than {MAX_DEPTH}")
        opened = _Open(close, make, keys, named)
        self._opened.append(opened)
        return self._closed(opened) if self._peek() == close[0] else self._next(opened)

    def _added(self, opened: _Open, value: Any) -> Any:
        """Adds `value` to the open container. Returns the container if that was its last value, else _UNSET."""
        if opened.keys and opened.key is _UNSET:
            opened.key = value
            self._expect(":")
            return _UNSET
        opened.values.append((opened.key, value) if opened.keys else value)
        opened.key = _UNSET
        if self._peek() != opened.close[0]:
            self._expect(",")
            # A comma may stand before the closing bracket.
            if self._peek() != opened.close[0]:
                return self._next(opened)
        return self._closed(opened)

    def _next(self, opened: _Open) -> Any:
        if opened.named:
            opened.key = self._plain_string()
            self._expect(":")
        return _UNSET

    def _closed(self, opened: _Open) -> Any:
        for bracket in opened.close:
            self._expect(bracket)
        self._opened.pop()
        try:
            return opened.make(opened.values)
        except (TypeError, VariantError) as error:
            self._fail(f"no value: {error}")

    def _typed(self, word: str) -> Any:
        """Reads a typed container, from behind its name on: `Array[int]([...])`."""
        self._expect("[")
        first = self._type()
        if word == "Array":
            self._expect("]")
            return self._open("([", "])", list if first == UNTYPED else lambda values: Array(values, first))
        self._expect(",")
        second = self._type()
        self._expect("]")
        if first == second == UNTYPED:
            return self._open("({", "})", _dictionary, keys=True)
        return self._open("({", "})", lambda pairs: Dictionary(pairs, first, second), keys=True)

    def _type(self) -> ContainerType:
        word = self._word()
        if word in _BUILTIN:
            return ContainerType(_BUILTIN[word])
        if word != "Resource" or self._peek() != "(":
            return ContainerType(VariantType.TYPE_OBJECT, word)
        return ContainerType(VariantType.TYPE_OBJECT, "", self._in_parentheses(self._plain_string))

    def _object(self) -> Any:
        start = self._at
        self._expect("(")
        name = self._word()
        if name != ENCODED_OBJECT and not self._objects:
            self._fail("an Object, which is only read where objects are allowed", start)
        self._expect(",")
        return self._open("", ")", lambda pairs: _made_object(name, dict(pairs)), keys=True, named=True)

    # ------------------------------------------------------------ single values

    def _named(self) -> Any:
        start = self._at
        word = self._word()
        if self._old:
            word = _OLD_NAMES_3.get(word, word)
        if word in _CONSTANTS:
            return _CONSTANTS[word]
        if word in _REALS:
            return _REALS[word]
        if word == "Object":
            return self._object()
        if word in ("Array", "Dictionary") and not self._old:
            return self._typed(word)
        kind = _MADE.get(word)
        if kind is None or (self._old and word in _NOT_IN_3):
            self._fail(f"{word} is no value", start)
        if self._old and TO_3[kind] == MISSING:
            self._fail(no_such_kind(kind).detail, start)
        return self._made(kind, start)

    def _made(self, kind: VariantType, start: int) -> Any:
        arguments = self._constructor(kind)
        try:
            return _built(kind, arguments)
        except VariantError as error:
            self._fail(error.detail, start)
        except (OverflowError, ValueError):
            self._fail("an argument does not fit the type", start)

    def _constructor(self, kind: VariantType) -> Any:
        """Reads the arguments in the parentheses of a constructor."""
        if kind == VariantType.TYPE_NODE_PATH:
            return self._in_parentheses(self._plain_string)
        if kind == VariantType.TYPE_PACKED_STRING_ARRAY:
            return self._arguments(self._plain_string, may_trail=True)
        if kind == VariantType.TYPE_PACKED_BYTE_ARRAY:
            # Godot 4 writes base64 in quotes, older engines write numbers: look behind the parenthesis.
            start = self._at
            self._expect("(")
            if self._peek() == '"' and not self._old:
                self._at = start
                return self._in_parentheses(self._plain_string)
            self._at = start
        return self._arguments(self._any_number)

    def _arguments(self, read: Callable[[], Any], *, may_trail: bool = False) -> list[Any]:
        """Reads comma-separated arguments in parentheses; with `may_trail`, a comma may follow the last one."""
        self._expect("(")
        found: list[Any] = []
        if self._peek() != ")":
            found.append(read())
            while self._peek() != ")":
                self._expect(",")
                if may_trail and self._peek() == ")":
                    break
                found.append(read())
        self._expect(")")
        return found

    def _in_parentheses(self, read: Callable[[], Any]) -> Any:
        self._expect("(")
        found = read()
        self._expect(")")
        return found

    def _any_number(self) -> int | float:
        first = self._peek()
        if first in _FIRST_OF_NUMBERS:
            return self._number()
        start = self._at
        word = self._match(_WORD, "a number should stand here")[0]
        if word not in _REALS:
            self._fail("a number should stand here", start)
        return _REALS[word]

    def _number(self) -> int | float:
        if self._text.startswith("-inf", self._at) and not self._old:
            self._at += 4
            return _REALS["-inf"]
        match = self._match(_NUMBER_3 if self._old else _NUMBER, "a number should stand here")
        if match[1] is not None or match[2] is not None:
            return _real(match[0])
        if match[0] == "-":
            return 0
        # No 64-bit number has more than 20 characters, and Python refuses to convert more than 4,300 digits.
        if len(match[0]) > 20 or not -(2**63) <= int(match[0]) < 2**63:
            self._fail("a number does not fit the engine's int of 64 bits", match.start())
        return int(match[0])

    def _html(self) -> Color:
        match = self._match(_HTML, "")
        code = match[1]
        if len(code) not in (3, 4, 6, 8):
            self._fail("a colour has 3, 4, 6 or 8 digits", match.start())
        if self._old and len(code) in (4, 8):
            # Godot 3 has the opacity first, Godot 4 has it last.
            size = len(code) // 4
            code = code[size:] + code[:size]
        return Color.html(code)

    def _string(self) -> str:
        match = self._match(_STRING, "a string that does not end")
        try:
            text = _ESCAPE_3.sub(_unescaped_3, match[1]) if self._old else _ESCAPE.sub(_unescaped, match[1])
            # Two escapes can be the halves of one surrogate pair. A lone half is a space in Godot 3, an error in
            # Godot 4.
            text = text.encode("utf-16", "surrogatepass").decode(
                "utf-16", "gdpeer.lone_to_space" if self._old else "strict"
            )
        except ValueError:
            self._fail("a string has an escape that is no character", match.start())
        if "\0" in text:
            self._fail("a string holds a zero character, where the engine's strings end", match.start())
        return text if match[0][0] == '"' else StringName(text)

    def _plain_string(self) -> str:
        if self._peek() != '"':
            self._fail("a string should stand here")
        return self._string()

    # ------------------------------------------------------------ characters

    def _skip_blank(self) -> None:
        # The pattern also matches the empty string, so there always is a match.
        self._at = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]

    def _peek(self) -> str:
        """Skips blanks and comments and returns the next character; empty at the end."""
        self._skip_blank()
        return self._text[self._at : self._at + 1]

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            self._fail(f"{character!r} should stand here")
        self._at += 1

    def _word(self) -> str:
        self._skip_blank()
        return self._match(_WORD, "a value should stand here")[0]

    def _match(self, pattern: re.Pattern[str], otherwise: str) -> re.Match[str]:
        match = pattern.match(self._text, self._at)
        if match is None:
            self._fail(otherwise)
        self._at = match.end()
        return match

    def _fail(self, reason: str, at: int = -1) -> NoReturn:
        raise VariantError(reason, self._at if at < 0 else at) from None


def _real(text: str) -> float:
    digits = text.rstrip("eE+-")
    if len(digits) < len(text):
        # For an exponent without digits the engine ignores the decimal point as well.
        digits = digits.replace(".", "")
    mantissa = digits.partition("e")[0]
    if not mantissa.strip("-."):
        return -0.0 if text.startswith("-") else 0.0
    return float(digits)


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code in "uU":
        raise ValueError("fewer hexadecimal digits than belong there")
    if len(code) == 1:
        return _ESCAPED.get(code, code)
    number = int(code[1:], 16)
    return chr(number) if 0 < number < 0x110000 else _REPLACEMENT


def _unescaped_3(match: re.Match[str]) -> str:
    code = match[1]
    return {"U": "U", "u0000": "\0"}.get(code) or _unescaped(match)


def _lone_to_space(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return " ", error.start + 2


codecs.register_error("gdpeer.lone_to_space", _lone_to_space)


def _dictionary(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in pairs:
        # From the first key on that a plain dict would confuse with another.
        if type(found) is dict and not holds_plainly(found, key):
            found = Dictionary(found)
        found[key] = value
    return found


def _made_object(name: str, properties: dict[str, Any]) -> EncodedObject | EncodedObjectAsID:
    if name != ENCODED_OBJECT:
        return EncodedObject(name, properties)
    number = properties.get("object_id")
    if type(number) is not int:
        raise VariantError("an object's id is a whole number")
    return EncodedObjectAsID(number)


def _built(kind: int, arguments: Any) -> Any:
    """Makes a value from the arguments of its constructor."""
    if kind == VariantType.TYPE_NODE_PATH:
        return NodePath(arguments)
    if kind == VariantType.TYPE_PACKED_STRING_ARRAY:
        return PackedStringArray(arguments)
    if kind == VariantType.TYPE_PACKED_BYTE_ARRAY:
        is_text = isinstance(arguments, str)
        return PackedByteArray(base64.b64decode(arguments, validate=True) if is_text else map(int, arguments))
    if NUMBERS[kind]:
        return _flat(kind, arguments)
    return _packed(kind, arguments) if ITEM_SIZES[kind] else _handle(kind, arguments)


def _flat(kind: int, numbers: list[float]) -> Any:
    if len(numbers) != NUMBERS[kind]:
        raise VariantError(f"{NUMBERS[kind]} numbers should stand here, not {len(numbers)}")
    exact = array("i", map(int, numbers)) if WHOLE[kind] else array("f", numbers)
    return tuple.__new__(CLASSES[kind], exact)


def _packed(kind: int, numbers: list[float]) -> Any:
    typecode = TYPECODES[kind]
    width = ITEM_SIZES[kind] // array(typecode).itemsize
    del numbers[len(numbers) - len(numbers) % width :]  # the engine drops an incomplete element too
    return array.__new__(CLASSES[kind], typecode, list(map(int, numbers)) if typecode in "iq" else numbers)


def _handle(kind: int, numbers: list[float]) -> Any:
    if kind == VariantType.TYPE_RID and len(numbers) <= 1:
        found = RID(*map(int, numbers))
        if not -(2**63) <= found.id < 2**64:
            raise VariantError("an id has 64 bits")
        return found
    if numbers:
        raise VariantError("no number should stand here")
    return EncodedCallable() if kind == VariantType.TYPE_CALLABLE else EncodedSignal()
