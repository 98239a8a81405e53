"""Reads the public names from the source: signatures, docstrings and members.

Only the defaults of attributes are taken from a real object of the class.
"""

from __future__ import annotations

import ast
import enum
import importlib
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

import griffe

from gdpeer.websocket.settings import Property
from tools.programs import ROOT
from tools.reference.contents import ONLY, PAGES, STANDS_FOR
from tools.reference.docstrings import Docstring, parse
from tools.reference.missing import is_inner

__all__ = [
    "Attribute",
    "Members",
    "docstring_of",
    "expression",
    "find",
    "members_of",
    "runtime",
    "shown_value",
    "signatures_of",
]

WIDTH = 100
"""The most characters in a line of a signature."""
TYPE_VARIABLE = re.compile(r"\b(?:_[A-Z]|PeerType)\b")
UNTOLD_CONSTANTS = frozenset({"WIDTH"})
UNTOLD_METHODS = frozenset({"__init__", "__new__", "__post_init__", "__init_subclass__", "__setattr__", "__del__"})


class Attribute(NamedTuple):
    """An attribute of a class, or a few attributes that one entry of the docstring describes."""

    names: tuple[str, ...]
    type: str
    default: str
    text: str
    is_read_only: bool


class Members(NamedTuple):
    """The members of a class."""

    attributes: list[Attribute]
    methods: dict[str, Any]
    constants: list[str]
    enumerations: list[str]
    inherited: dict[str, list[str]]
    """Names of inherited members, by the public class that describes them."""


@cache
def package() -> Any:
    """Returns the tree of all of gdpeer's source."""
    folder = str(ROOT / "src")
    return griffe.load("gdpeer", search_paths=[folder], allow_inspection=False, resolve_aliases=True)


@cache
def find(name: str) -> Any:
    """Returns the source object of a public name; `name` is without `gdpeer.`."""
    found = package()[name]
    if found.is_module:  # a package takes a function of its module's name in
        found = found[name.rpartition(".")[2]]
    return found.final_target if found.is_alias else found


@cache
def public() -> dict[str, str]:
    """Returns the public names, by their paths in the source."""
    return {find(name).path: name for page in PAGES for name in page.names}


@cache
def runtime(name: str) -> Any:
    """Returns the imported object of a public name."""
    module, _, last = f"gdpeer.{name}".rpartition(".")
    return getattr(importlib.import_module(module), last)


@cache
def made(name: str) -> Any:
    """Makes an object of a class without arguments; returns None if that fails."""
    with suppress(Exception):
        return runtime(name)()
    return None


# -- types and signatures ---------------------------------------------------------------------------------------------


@cache
def short_names() -> dict[str, str]:
    """Returns the names of classes that are public only as a member of another class: `WebSocketPeer.State`."""
    found: dict[str, str] = {}
    for name in public().values():
        thing = find(name)
        for member in thing.members.values() if thing.is_class else ():
            if member.is_attribute and isinstance(member.value, griffe.ExprName) and _is_enumeration(name, member.name):
                path = resolved(member.value)
                if path not in public():
                    found.setdefault(path, f"{name}.{member.name}")
    return found


def resolved(name: Any) -> str:
    """Returns the path at which a name of an annotation is defined."""
    path: str = name.canonical_path
    with suppress(Exception):
        target = package()[path.removeprefix("gdpeer.")]
        return str(target.final_target.path if target.is_alias else target.path)
    return path


def expression(value: Any) -> str:
    """Returns an annotation or a default as text, with aliases that have no public name written out."""
    if value is None or isinstance(value, str):
        return value or ""
    return "".join(piece if isinstance(piece, str) else _name(piece) for piece in value.iterate(flat=True))


def annotation(value: Any) -> str:
    """Returns a type as text, without the quotes around forward references."""
    return re.sub(r"'([^']*)'", r"\1", expression(value))


def _name(piece: Any) -> str:
    if not isinstance(piece, griffe.ExprName):
        return str(piece)
    path = resolved(piece)
    if path in short_names():
        return short_names()[path]
    if path.startswith("gdpeer.") and path not in public():
        with suppress(Exception):
            text = _written_out(package()[path.removeprefix("gdpeer.")])
            return text or STANDS_FOR.get(piece.name, piece.name)
    if path in public() and piece.name != public()[path].rpartition(".")[2]:
        return f"gdpeer.{public()[path]}"  # imported under another name
    return str(piece.name)


def _written_out(target: Any) -> str:
    """Returns the value of a module's own name as text; "" if it is a class or too long."""
    if not target.is_attribute or not target.parent.is_module or str(target.value).startswith("TypeVar("):
        return ""
    text = _quoted(target.value)
    return text if len(text) <= WIDTH else ""


def _quoted(value: Any) -> str:
    text = expression(value)
    with suppress(ValueError, SyntaxError):
        return str(ast.literal_eval(text))
    return text


def signatures_of(name: str, thing: Any, owner: str = "") -> list[str]:
    """Returns the signature, or one signature for each overload.

    Args:
        name: the text before the parentheses.
        thing: a function, or a class, whose signature is that of `__new__` or `__init__`.
        owner: the public name of the class that has the function; "" for a plain function.
    """
    if thing.is_class:
        maker = next((base.members[m] for base in lineage(thing) for m in MAKERS if m in base.members), None)
        forms = (maker.overloads or [maker]) if maker is not None else [thing]
        if any(_is_inner(one.annotation) for form in forms for one in form.parameters):
            return [f"class {name}"]  # only gdpeer makes its objects
        return [_made_of(signature(name, form.parameters, ""), owner) for form in forms]
    forms = thing.overloads or [thing]
    if any(str(one.value) == "asynccontextmanager" for one in thing.decorators):
        return ["async with " + signature(name, thing.parameters, "") + " as peer"]
    prefix = "await " if "async" in thing.labels else ""
    if thing.labels & {"classmethod", "staticmethod"} and "." not in name:
        prefix = f"{owner or thing.parent.name}."
    calls = (prefix + signature(name, form.parameters, annotation(form.returns)) for form in forms)
    return [_made_of(call, owner) for call in calls]


MAKERS = ("__new__", "__init__")


def _is_inner(annotation: Any) -> bool:
    """Returns whether an annotation names a class of gdpeer that is not public."""
    if annotation is None or isinstance(annotation, str):
        return False
    paths = [resolved(one) for one in annotation.iterate(flat=True) if isinstance(one, griffe.ExprName)]
    return any(path.rpartition(".")[2].startswith("_") or path in INNER_CLASSES for path in paths if "gdpeer" in path)


INNER_CLASSES = frozenset({"gdpeer.aio.loop_driver.Pump", "gdpeer.blocking.poll_lock.Pump"})


@cache
def _type_arguments(name: str) -> dict[str, str]:
    """Returns the types that a class passes for type variables of its bases: `Vector2` for `_V`."""
    found: dict[str, str] = {}
    for base in lineage(find(name)) if name else ():
        for one in base.bases:
            if isinstance(one, griffe.ExprSubscript) and str(one.left) != "Generic":
                arguments = [found.get(text, text) for text in _texts(one.slice)]
                found = {**dict(zip(_parameters_of(one.left), arguments, strict=False)), **found}
    return {"PeerType": "MultiplayerPeer", **found}


def _parameters_of(kind: Any) -> list[str]:
    """Returns the names of a class's type variables."""
    with suppress(Exception):
        target = package()[resolved(kind).removeprefix("gdpeer.")]
        slices = [one.slice for one in target.bases if isinstance(one, griffe.ExprSubscript)]
        return list(dict.fromkeys(text for one in slices for text in _texts(one) if TYPE_VARIABLE.fullmatch(text)))
    return []


def _texts(value: Any) -> list[str]:
    elements = value.elements if isinstance(value, griffe.ExprTuple) else [value]
    return [expression(one) for one in elements]


def _made_of(text: str, owner: str) -> str:
    """Replaces type variables in a text by the types that `owner` passes for them."""
    arguments = _type_arguments(owner)
    return TYPE_VARIABLE.sub(lambda found: arguments.get(found[0], found[0]), text)


def signature(name: str, parameters: Any, returns: str) -> str:
    """Returns a signature in one line, or with a line for each parameter if it is long."""
    parts = list(_parameters([one for one in parameters if one.name not in ("self", "cls") and one.name[0] != "_"]))
    arrow = f" -> {returns}" if returns else ""
    line = f"{name}({', '.join(parts)}){arrow}"
    if len(line) <= WIDTH:
        return line
    inner = "".join(f"    {part},\n" for part in parts)
    return f"{name}(\n{inner}){arrow}"


def _parameters(parameters: list[Any]) -> Iterator[str]:
    kinds = griffe.ParameterKind
    after_star = False
    for index, one in enumerate(parameters):
        if one.kind is kinds.keyword_only and not after_star:
            yield "*"
            after_star = True
        stars = {kinds.var_positional: "*", kinds.var_keyword: "**"}.get(one.kind, "")
        after_star = after_star or one.kind is kinds.var_positional
        typed = f": {annotation(one.annotation)}" if one.annotation is not None else ""
        default = ""
        if one.default is not None and not stars:
            default = f" = {expression(one.default)}" if typed else f"={expression(one.default)}"
        yield f"{stars}{one.name}{typed}{default}"
        later = parameters[index + 1 :]
        if one.kind is kinds.positional_only and not (later and later[0].kind is kinds.positional_only):
            yield "/"


# -- docstrings -------------------------------------------------------------------------------------------------------


def docstring_of(thing: Any) -> Docstring:
    """Returns the docstring of an object; that of a setting is taken from the table of settings."""
    found = property_of(thing)
    if found is not None:
        return parse(found.text)
    return parse(thing.docstring.value if thing.docstring else "")


def property_of(thing: Any) -> Property[Any, Any] | None:
    """Returns the setting that a property of a class stands for; None for anything else."""
    value = getattr(thing, "value", None)
    if isinstance(value, griffe.ExprCall) and str(value.function) == "Property":
        found = getattr(runtime(public()[thing.parent.path]), thing.name)
        assert isinstance(found, Property)
        return found
    return None


# -- members ----------------------------------------------------------------------------------------------------------


def lineage(thing: Any) -> list[Any]:
    return [thing, *(base.final_target if base.is_alias else base for base in thing.mro())]


def effective(thing: Any) -> dict[str, Any]:
    """Returns all members by name; of overridden ones the one that applies."""
    found: dict[str, Any] = {}
    for base in lineage(thing):
        for name, member in base.members.items():
            found.setdefault(name, member)
    return found


def members_of(name: str) -> Members:
    """Returns the public members of a class, including those inherited from classes without a public name."""
    thing = find(name)
    inherited = _inherited(thing)
    taken = {member for names in inherited.values() for member in names}
    members = {key: value for key, value in effective(thing).items() if key not in taken and _is_shown(key, value)}
    if name in ONLY:
        members = {key: members[key] for key in ONLY[name]}
    attributes = _attributes(name, thing, members, taken)
    methods = {key: value for key, value in members.items() if value.is_function}
    own = [key for key, value in members.items() if value.is_attribute]
    return Members(
        attributes,
        methods,
        [key for key in own if key.isupper() and key not in UNTOLD_CONSTANTS],
        [key for key in own if _is_enumeration(name, key)],
        inherited,
    )


def _is_shown(key: str, member: Any) -> bool:
    if is_inner(member.path.split(".")[-2], key) or key in UNTOLD_METHODS:
        return False
    if key.startswith("__") and key.endswith("__"):
        return bool(member.is_function and member.docstring)
    return not key.startswith("_") and not member.is_class


def _inherited(thing: Any) -> dict[str, list[str]]:
    """Returns the members that public bases describe, by base."""
    own = effective(thing)
    found: dict[str, list[str]] = {}
    told: set[str] = set()
    for base in lineage(thing)[1:]:
        if base.path not in public():
            continue
        ours = _documented(thing)
        for key, member in effective(base).items():
            if key in told or key in ours or own.get(key) is not member:
                continue
            if _is_shown(key, member):
                found.setdefault(public()[base.path], []).append(key)
                told.add(key)
    return found


def _documented(thing: Any) -> set[str]:
    """Returns the attributes that the class's own docstring describes."""
    return {key for item in docstring_of(thing).of("Attributes") for key in item.names}


def _is_enumeration(name: str, key: str) -> bool:
    value = getattr(runtime(name), key, None)
    return isinstance(value, type) and issubclass(value, enum.Enum)


def _attributes(name: str, thing: Any, members: dict[str, Any], taken: set[str]) -> list[Attribute]:
    """Returns the attributes: first those that docstrings list under "Attributes", then the others."""
    found: list[Attribute] = []
    told = set(taken)
    own = {key: value for key, value in members.items() if value.is_attribute and not key.isupper()}
    for base in lineage(thing):
        for item in docstring_of(base).of("Attributes"):
            names = tuple(key for key in item.names if key not in told and key != "...")
            if names and (base.path not in public() or base is thing):
                found.append(_attribute(name, names, [own.get(key) for key in names], item.text))
                told.update(names)
    for key, member in own.items():
        if key not in told and not _is_enumeration(name, key) and (member.docstring or not _is_alias(name, key)):
            found.append(_attribute(name, (key,), [member], docstring_of(member).text))
    return found


def _is_alias(name: str, key: str) -> bool:
    return isinstance(getattr(runtime(name), key, None), type)


def _attribute(name: str, names: tuple[str, ...], members: list[Any], text: str) -> Attribute:
    labels: set[str] = set().union(*(member.labels for member in members if member is not None))
    is_read_only = "property" in labels and "writable" not in labels
    types = {_made_of(_type_of(member), name) for member in members if member is not None}
    default = "" if is_read_only else _default(name, names)
    kind = types.pop() if len(types) == 1 else ""
    return Attribute(names, kind or _type_of_default(default), default, text, is_read_only)


def _type_of(member: Any) -> str:
    found = property_of(member)
    if found is not None:
        return str(found.setting.convert.__annotations__["return"])
    return re.sub(r"^(?:Final|ClassVar)\[(.*)\]$", r"\1", annotation(member.annotation))


def _default(name: str, names: tuple[str, ...]) -> str:
    """Returns the default of attributes as text, if a new object has one plain value for all of them."""
    found: set[str] = set()
    for key in names:
        value = getattr(made(name), key, made)
        if isinstance(value, enum.Enum):
            found.add(shown_value(value))
        elif value is None or type(value) in (bool, int, float, str) or value == ():
            found.add(repr(value))
        else:
            return ""
    return found.pop() if len(found) == 1 and made(name) is not None else ""


def shown_value(value: Any) -> str:
    """Returns a constant as it would stand in source code."""
    if not isinstance(value, enum.Enum):
        return repr(value)
    kind = type(value)
    return f"{short_names().get(f'{kind.__module__}.{kind.__qualname__}', kind.__name__)}.{value.name}"


def _type_of_default(default: str) -> str:
    with suppress(ValueError, SyntaxError):
        kind = type(ast.literal_eval(default))
        return kind.__name__ if kind in (bool, int, float, str) else ""
    return ""
