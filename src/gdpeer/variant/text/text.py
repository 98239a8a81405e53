r"""`var_to_str` and `str_to_var`: the texts of values, as Godot 4.6 and Godot 3.6 write and read them.

    var_to_str({"b": Vector2(1, 2), "a": [True, None]})     # {\n"a": [true, null],\n"b": Vector2(1, 2)\n}

Layer: `variant`. Source: the `str` fields of the golden vectors; the order of keys, escapes and numbers measured on
both engines.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

from gdpeer.arguments import wrong_type
from gdpeer.errors import VariantError
from gdpeer.variant.binary.layout import ITEM_SIZES, MISSING, NUMBERS, TO_3, WHOLE, check_engine, kind_of, no_such_kind
from gdpeer.variant.containers import UNTYPED, ContainerType
from gdpeer.variant.foreign import EncodedObject
from gdpeer.variant.kinds import VariantType
from gdpeer.variant.math.numbers import float_text, real_text
from gdpeer.variant.text.parser import OLD_NAMES, Parser

__all__ = ["str_to_var", "var_to_str"]

_MAX_DEPTH = 100
"""Most containers around a value; the engine writes deeper containers as if they were empty."""

_NAMES = [str(ContainerType(kind)) for kind in VariantType]

_NAMES_3 = {new: old for old, new in OLD_NAMES.items() if old.startswith(("Pool", "Quat", "Transform"))}
"""Godot 3's names of the types that Godot 4 has renamed."""

_MULTILINE = str.maketrans({"\\": "\\\\", '"': '\\"'})
_ESCAPES = _MULTILINE | str.maketrans(
    {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "'": "\\'"}
)
"""The engine escapes control characters in names, paths and strings of packed arrays, but not in a String."""

_TEXTS = (VariantType.TYPE_STRING, VariantType.TYPE_STRING_NAME)
_SINGLE = (VariantType.TYPE_BOOL, VariantType.TYPE_INT, VariantType.TYPE_FLOAT, VariantType.TYPE_STRING)
_VECTORS_3 = (VariantType.TYPE_VECTOR2, VariantType.TYPE_VECTOR3)
_VECTORS = [kind for kind in VariantType if kind.name.startswith("TYPE_VECTOR")]
_ORDERED_PACKED_3 = (
    VariantType.TYPE_PACKED_INT32_ARRAY,
    VariantType.TYPE_PACKED_FLOAT32_ARRAY,
    VariantType.TYPE_PACKED_VECTOR3_ARRAY,
    VariantType.TYPE_PACKED_COLOR_ARRAY,
)


def var_to_str(value: Any, engine: int = 4) -> str:
    """Returns the text of a value, character for character as the engine's `var_to_str` (Godot 3: `var2str`) writes it.

    The keys of a dictionary are sorted, first by type. Keys of types without an order keep their order, as in the
    engine with up to 16 keys.

    Args:
        value: any value that the engine can hold.
        engine: 4, or 3 for Godot 3's format.

    Raises:
        VariantError: the engine cannot hold the value, or containers are nested deeper than 100, where the engine would
            lose their content.
    """
    check_engine(engine)
    return (_Text() if engine == 4 else _Text3()).of(value, 0)


def str_to_var(text: str, engine: int = 4, *, objects: bool = False) -> Any:
    r"""Reads the text of a value, written by `var_to_str` or by a person.

    Unlike the engine, this keeps the characters after `\a` and `\v`, and refuses text after the value and numbers that
    do not fit.

    Args:
        text: at most one value; blanks and `; comments` may stand between its parts.
        engine: 4, or 3: without the types that Godot 3 lacks.
        objects: whether to read `Object(...)` as an `EncodedObject`; else it is refused, except for ids.

    Raises:
        VariantError: the text is not the text of a value; `offset` is the character of the failure.
    """
    check_engine(engine)
    if not isinstance(text, str):
        raise wrong_type("str_to_var", "text", "a string", text)
    return Parser(text, engine == 3, objects).parse()


class _Text:
    """Writes the text of values for Godot 4."""

    _space = ""
    _empty = "{}"

    def of(self, value: Any, depth: int) -> str:
        """Returns the text of `value`, which stands in `depth` containers."""
        kind = kind_of(value)
        match kind:
            case VariantType.TYPE_NIL:
                return "null"
            case VariantType.TYPE_BOOL:
                return "true" if value else "false"
            case VariantType.TYPE_INT:
                return _whole(value)
            case VariantType.TYPE_FLOAT:
                return self._float(value)
            case VariantType.TYPE_STRING:
                return f'"{value.translate(_MULTILINE)}"'
            case VariantType.TYPE_ARRAY | VariantType.TYPE_DICTIONARY | VariantType.TYPE_OBJECT:
                return self._container(kind, value, depth)
        return self._other(kind, value)

    def _other(self, kind: int, value: Any) -> str:
        match kind:
            case VariantType.TYPE_STRING_NAME:
                return self._name(value)
            case VariantType.TYPE_NODE_PATH:
                return f"NodePath({_quoted(str(value))})"
            case VariantType.TYPE_RID:
                return self._rid(value.id)
            case VariantType.TYPE_PACKED_STRING_ARRAY:
                return self._made(kind, map(_quoted, value))
            case VariantType.TYPE_PACKED_BYTE_ARRAY:
                return self._made(kind, map(str, bytes(value)))
        if WHOLE[kind]:
            return self._made(kind, map(str, value))
        if NUMBERS[kind]:
            return self._made(kind, map(self._real, value))
        if not ITEM_SIZES[kind]:
            return self._made(kind, ())
        numbers = memoryview(value)
        return self._made(kind, map(str if numbers.format in "iq" else self._real, numbers.tolist()))

    def _container(self, kind: int, value: Any, depth: int) -> str:
        _check_depth(depth)
        if kind == VariantType.TYPE_ARRAY:
            return self._array(value, depth + 1)
        if kind == VariantType.TYPE_DICTIONARY:
            return self._dictionary(value, depth + 1)
        return self._object(value, depth + 1)

    def _array(self, value: Any, depth: int) -> str:
        items = ", ".join([self.of(item, depth) for item in value])
        return self._typed("Array", f"[{self._space}{items}{self._space}]", getattr(value, "element_type", UNTYPED))

    def _dictionary(self, value: Any, depth: int) -> str:
        # The engine sorts a StringName among the Strings; in a dictionary without Strings by its own type.
        kinds = map(kind_of, value)
        names = VariantType.TYPE_STRING if VariantType.TYPE_STRING in kinds else VariantType.TYPE_STRING_NAME
        ordered = sorted(value.items(), key=lambda pair: self._order(pair[0], names))
        pairs = [f"{self.of(key, depth)}: {self.of(item, depth)}" for key, item in ordered]
        text = "{\n" + ",\n".join(pairs) + "\n}" if pairs else self._empty
        types = (getattr(value, "key_type", UNTYPED), getattr(value, "value_type", UNTYPED))
        return self._typed("Dictionary", text, *types)

    def _typed(self, name: str, text: str, *types: ContainerType) -> str:
        if all(each == UNTYPED for each in types):
            return text
        return f"{name}[{', '.join(map(_type_text, types))}]({text})"

    def _object(self, value: Any, depth: int) -> str:
        if isinstance(value, EncodedObject):
            name, properties = value.class_name, value.properties
        else:
            name, properties = "EncodedObjectAsID", {"object_id": value.object_id, "script": None}
        texts = [f'"{key}":{self.of(item, depth)}' for key, item in properties.items()]
        return f"Object({name},{','.join(texts)})\n" if name else "null"

    def _made(self, kind: int, arguments: Iterable[str]) -> str:
        return f"{self._type_name(kind)}({self._space}{', '.join(arguments)}{self._space})"

    # ------------------------------------------------------------ different in Godot 3

    def _type_name(self, kind: int) -> str:
        return _NAMES[kind]

    _float = staticmethod(float_text)
    _real = staticmethod(real_text)

    def _name(self, value: str) -> str:
        return f"&{_quoted(value)}"

    def _rid(self, number: int) -> str:
        return f"RID({number or ''})"

    def _order(self, key: Any, names: int, depth: int = 0) -> tuple[int, Any]:
        """Returns the key by which dictionaries are sorted: the type, then the value if the type has an order.

        `names` is the type that a StringName counts as; 0 within an array, where StringNames have no order.
        """
        kind = kind_of(key)
        if kind == VariantType.TYPE_STRING_NAME and names:
            return names, str.__str__(key)
        if kind in _SINGLE:
            return kind, key
        if kind in _VECTORS:
            return kind, tuple(key)
        if kind == VariantType.TYPE_RID:
            return kind, key.id % 2**64  # the engine compares ids as unsigned numbers
        if kind == VariantType.TYPE_ARRAY:
            _check_depth(depth)
            return kind, tuple([self._order(item, 0, depth + 1) for item in key])
        return kind, 0


class _Text3(_Text):
    """Writes the text of values for Godot 3: with blanks, other names, and numbers of six digits."""

    _space = " "
    _empty = "{\n}"

    def _typed(self, name: str, text: str, *types: ContainerType) -> str:
        return text

    def _type_name(self, kind: int) -> str:
        if TO_3[kind] == MISSING:
            raise no_such_kind(kind)
        return _NAMES_3.get(_NAMES[kind], _NAMES[kind])

    def _float(self, value: float) -> str:
        text = self._real(value)
        return f"{text}.0" if text.lstrip("-").isdigit() else text

    def _real(self, value: float) -> str:
        number = array("f", (value,))[0]
        if number == 0:
            return "0"
        return "inf_neg" if number == -float("inf") else f"{number:g}"

    def _name(self, value: str) -> str:
        return f'"{value.translate(_MULTILINE)}"'

    def _rid(self, number: int) -> str:
        return ""

    def _order(self, key: Any, names: int, depth: int = 0) -> tuple[int, Any]:
        kind = kind_of(key)
        if kind in _TEXTS:
            return VariantType.TYPE_STRING, str.__str__(key)
        if kind in _SINGLE:
            return kind, key
        if kind in _VECTORS_3:
            return kind, tuple(key)
        if kind in _ORDERED_PACKED_3:
            return kind, memoryview(key).tolist()
        if kind in (VariantType.TYPE_PACKED_BYTE_ARRAY, VariantType.TYPE_PACKED_STRING_ARRAY):
            return kind, list(key)
        # Godot 3 sorts arrays by their lengths only.
        return kind, len(key) if kind == VariantType.TYPE_ARRAY else 0


def _check_depth(depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise VariantError(f"values are nested deeper than {_MAX_DEPTH}; the engine would leave out the rest")


def _whole(value: int) -> str:
    if not -(2**63) <= value < 2**63:
        raise VariantError("a number does not fit the engine's int of 64 bits; write it as a String or a float")
    return int.__repr__(value)


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


def _type_text(wanted: ContainerType) -> str:
    return f'Resource("{wanted.script.translate(_MULTILINE)}")' if wanted.script else str(wanted)
