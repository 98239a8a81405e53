"""Reads the `[Rpc]` methods of C# scripts by regular expressions, without the language's grammar.

The result is marked by a problem of the code `unsure`: preprocessor lines, partial classes in several files and unusual
declarations are not understood.

Layer: `contract`; pure. Source: reference godot4-contract 1, last row of the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gdpeer.contract.model import Argument, Method, Problem, Table
from gdpeer.contract.types import GODOT4

__all__ = ["CSharpClass", "CSharpTables", "parse_csharp"]

# Possessive repeats and bounded ones: a pattern that fails must not try again from every character.
_COMMENT_OR_STRING = re.compile(
    r"""(?P<comment>//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z))"""
    r"""|@"(?:[^"]++|"")*+(?:"|\Z)|"(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]|\\.){1,8}+'""",
    re.DOTALL,
)
_CLASS = re.compile(r"\bclass\s++(\w++)(?:\s*+<[^<>{]{0,200}+>)?\s*+(?::\s*+([\w.]++))?")
_ENUM = re.compile(r"\benum\s++(\w++)")
_INSIDE = r"[^()]*+(?:\([^()]*+\)[^()]*+)*+"
_RPC = re.compile(
    rf"\[\s*+(?:[\w.]++(?:\({_INSIDE}\))?\s*+,\s*+){{0,8}}(?:Godot\.)?Rpc(?:Attribute)?\s*+(?:\(({_INSIDE})\))?\s*+"
    r"(?:,[^\]]{0,200}+)?\]"
)
_MODIFIER = "public|private|protected|internal|async|virtual|override|new|sealed|partial|static|unsafe|extern|abstract"
_METHOD = re.compile(
    rf"\s*+(?:\[[^\]]{{0,400}}+\]\s*+){{0,8}}((?:(?:{_MODIFIER})\s++)*+)([\w.<>\[\]?, ]{{1,200}}?)\s++(\w++)\s*+"
    rf"\(({_INSIDE})\)\s*+(?:=>|;|\{{(\s*+\}})?)"
)

_TYPES = {
    **dict.fromkeys(("int", "long", "short", "byte", "sbyte", "uint", "ulong", "ushort", "char"), "int"),
    "float": "float",
    "double": "float",
    "bool": "bool",
    "string": "String",
    "String": "String",
    "Rid": "RID",
    "Aabb": "AABB",
    "GodotObject": "Object",
    "byte[]": "PackedByteArray",
    "int[]": "PackedInt32Array",
    "long[]": "PackedInt64Array",
    "float[]": "PackedFloat32Array",
    "double[]": "PackedFloat64Array",
    "string[]": "PackedStringArray",
    **{f"{name}[]": f"Packed{name}Array" for name in ("Vector2", "Vector3", "Vector4", "Color")},
}
_NOISE = re.compile(r"^(?:params|in|ref)\s+|\[[^\]]{0,200}\]\s+|\s|\?$|\b(?:System|Godot|Collections|global)(?:\.|::)")
"""What does not belong to the name of a type."""

_MODES = {"AnyPeer": "any_peer", "Authority": "authority", "Disabled": "disabled"}
_TRANSFERS = {"Unreliable": "unreliable", "UnreliableOrdered": "unreliable_ordered", "Reliable": "reliable"}

UNKNOWN = "?"

_MASK = {ord(mark): 0xE000 + ord(mark) for mark in "()[]{}<>,=;"}
_UNMASK = {masked: mark for mark, masked in _MASK.items()}
"""Characters of a private range stand for the marks within strings."""


@dataclass(slots=True)
class CSharpClass:
    """The script class of a C# file.

    Attributes:
        file: as `res://`.
        name: of the class.
        base: the name of the class that it extends; "" without.
        line: of the class.
        methods: those with `[Rpc]`, by name.
    """

    file: str
    name: str
    base: str
    line: int
    methods: dict[str, Method]


def parse_csharp(text: str, file: str) -> CSharpClass | None:
    """Reads the class of a file: the class that is called like the file, or the first one.

    Args:
        text: of the file.
        file: as `res://`.

    Returns:
        None: there is no class.
    """
    text = _COMMENT_OR_STRING.sub(_masked, text)
    classes = list(_CLASS.finditer(text))
    if not classes:
        return None
    stem = file.rpartition("/")[2].removesuffix(".cs")
    own = next((one for one in classes if one[1] == stem), classes[0])
    lines = _Lines(text)
    found = CSharpClass(file, own[1], (own[2] or "").rpartition(".")[2], lines.of(own.start()), {})
    enumerations = frozenset(_ENUM.findall(text))
    starts = [one.start() for one in classes]
    at = 0
    for attribute in _RPC.finditer(text):
        # A method belongs to the last class that begins before it.
        while at + 1 < len(starts) and starts[at + 1] < attribute.start():
            at += 1
        declared = _METHOD.match(text, attribute.end())
        if declared is None or "static" in declared[1].split() or classes[at] is not own:
            continue
        line = lines.of(declared.start(3))
        found.methods[declared[3]] = _method(declared, attribute[1] or "", file, line, enumerations)
    return found


def _masked(found: re.Match[str]) -> str:
    """Returns a string with its marks replaced; of a comment, only its line ends."""
    return " " + "\n" * found[0].count("\n") if found["comment"] else found[0].translate(_MASK)


class _Lines:
    """Counts lines up to positions that never decrease much, in linear time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1

    def of(self, position: int) -> int:
        """Returns the line of a position."""
        if position < self._at:
            self._at, self._line = 0, 1
        self._line += self._text.count("\n", self._at, position)
        self._at = position
        return self._line


def _method(declared: re.Match[str], settings: str, file: str, line: int, enumerations: frozenset[str]) -> Method:
    values: dict[str, str] = {}
    for at, part in enumerate(_split(settings)):
        name, separator, value = part.replace("==", "").partition("=")
        if not separator:
            name, value = "mode", part.removeprefix("mode:") if at == 0 else ""
        values[name.strip()] = value.strip().rpartition(".")[2].strip()
    channel = values.get("TransferChannel", "0")
    local = {"true": True, "false": False}.get(values.get("CallLocal", "false"))
    return Method(
        name=declared[3],
        mode=_MODES.get(values.get("mode", "Authority"), UNKNOWN),
        call_local=local,
        transfer=_TRANSFERS.get(values.get("TransferMode", "Reliable"), UNKNOWN),
        channel=int(channel) if channel.isascii() and channel.isdigit() and len(channel) < 10 else None,
        table=file,
        line=line,
        arguments=tuple(_argument(part, enumerations) for part in _split(declared[4])),
        file=file,
        is_empty=declared[5] is not None,
    )


def _split(text: str) -> Iterator[str]:
    """Yields the parts between commas that stand outside of brackets."""
    depth, begin = 0, 0
    for at, character in enumerate(text):
        depth += (character in "([{<") - (character in ")]}>")
        if character == "," and depth <= 0:
            yield text[begin:at].strip()
            begin = at + 1
    if text[begin:].strip():
        yield text[begin:].strip()


def _argument(text: str, enumerations: frozenset[str]) -> Argument:
    declared, separator, default = text.partition("=")
    kind, _, name = declared.strip().rpartition(" ")
    return Argument(name, _type(kind.strip(), enumerations), default.strip().translate(_UNMASK) if separator else None)


def _type(kind: str, enumerations: frozenset[str]) -> str | None:
    kind = _NOISE.sub("", kind)
    container, bracket, inside = kind.partition("<")
    if bracket and container in ("Array", "Dictionary"):
        inner = [_type(part, enumerations) or "Variant" for part in _split(inside.removesuffix(">"))]
        return container if set(inner) <= {"Variant"} else f"{container}[{', '.join(inner)}]"
    if kind in enumerations:
        return "int"
    if kind in _TYPES:
        return _TYPES[kind]
    return None if kind in ("Variant", "") or (kind not in GODOT4 and not kind.isidentifier()) else kind


class CSharpTables:
    """The tables of a project's C# scripts.

    Args:
        classes: by path of the file.
    """

    def __init__(self, classes: Mapping[str, CSharpClass]) -> None:
        self._classes = classes
        self._by_name = {one.name: one for one in reversed(list(classes.values()))}

    def of(self, path: str) -> Table | None:
        """Returns the table of a file; None if there is no class in it."""
        class_ = self._classes.get(path)
        if class_ is None:
            return None
        chain = self._chain(class_)
        methods: dict[str, Method] = {}
        for base in chain:
            methods = {**base.methods, **methods}
        extends = chain[1].file if len(chain) > 1 else class_.base
        in_order = tuple(methods[name] for name in sorted(methods))
        return Table(path, class_.name, in_order, extends, path, class_.line, path)

    def _chain(self, class_: CSharpClass) -> Sequence[CSharpClass]:
        chain = [class_]
        while (base := self._by_name.get(chain[-1].base)) is not None and base not in chain:
            chain.append(base)
        return chain

    def all(self) -> tuple[Table, ...]:
        """Returns the tables that have methods, sorted by their files."""
        tables = (self.of(path) for path in sorted(self._classes))
        return tuple(table for table in tables if table is not None and table.methods)

    def problems(self) -> list[Problem]:
        """Returns a problem for each file with methods: they were read by patterns."""
        text = "C# is read by patterns: the list of methods may be wrong"
        return [Problem("unsure", one.file, one.line, text) for one in self._classes.values() if one.methods]
