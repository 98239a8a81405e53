"""Writes GDScript stubs for the classes of a Python program: the methods with `@rpc` and empty bodies.

    files = write_gdscript(read("server.py"), 4, "server.py")    # {"main.gd": "# Written by ...", ...}

Layer: `contract`; pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gdpeer.contract.defaults import Unwritable, gdscript_text, value_of
from gdpeer.contract.engine_classes import engine_classes
from gdpeer.contract.engine_names import node_members
from gdpeer.contract.model import Argument, Contract, Enumeration, Method, Property, Table
from gdpeer.contract.script import KEYWORDS
from gdpeer.contract.stub_names import argument_names, class_names, enumeration_names, free_name, snake_case
from gdpeer.contract.stub_text import (
    StubError,
    keyword_of,
    mode_constant,
    mode_of_godot3,
    place_of,
    with_mark,
    words_of,
)
from gdpeer.contract.types import GODOT3, GODOT4, gdscript_type, parts
from gdpeer.quoting import escape
from gdpeer.variant.names import NodePath, StringName

__all__ = ["write_gdscript"]

_MOST_ARGUMENTS = 255

_OTHERS = ("PI", "TAU", "INF", "NAN", "match", "when", "tool", "export", "onready", "setget", "do", "case", "switch")
_MODES = ("remote", "sync", "master", "slave", "puppet", "remotesync", "mastersync", "puppetsync")


def write_gdscript(contract: Contract, engine: int, source: str = "", typed: bool = False) -> dict[str, str]:
    """Returns the text of a script for each class, by the name of its file.

    Args:
        contract: of a Python program, or of any other source.
        engine: 4 or 3.
        source: the program's name for the first line.
        typed: writes the types of containers' content. The engine then refuses the plain lists and dictionaries that
            Python sends.

    Raises:
        StubError: a class, a method or an argument cannot be written in GDScript.
    """
    return _Writer(contract, engine, typed).files(escape(source or contract.source))


class _Writer:
    """Writes the files of one contract."""

    def __init__(self, contract: Contract, engine: int, typed: bool) -> None:
        self._contract = contract
        self._engine = engine
        self._typed = typed
        self._tables = {table.id: table for table in contract.tables}
        built_in = GODOT4 if engine == 4 else GODOT3
        reserved = built_in | engine_classes(engine)
        self._classes = class_names(contract.tables, reserved)
        taken = {*reserved, *self._classes.values()}
        self._enumerations = {one.id: one for one in contract.enumerations}
        self._enumeration_names = enumeration_names(contract.enumerations, self._classes, taken)
        self._members = node_members(engine)
        self._refused: list[str] = []

    def files(self, source: str) -> dict[str, str]:
        """Returns the text of each file."""
        found: dict[str, str] = {}
        for table in sorted(self._contract.tables, key=lambda table: table.id):
            name = free_name(snake_case(self._classes[table.id]), [file.removesuffix(".gd") for file in found])
            text = "\n".join(self._script(table)) + "\n"
            found[f"{name}.gd"] = with_mark(text, source, self._engine, "extend")
        if self._refused:
            raise StubError(dict.fromkeys(self._refused))
        return found

    # ------------------------------------------------------------------------------------------ classes

    def _script(self, table: Table) -> Iterator[str]:
        base = self._tables.get(table.extends)
        head = [f"class_name {self._classes[table.id]}", f"extends {self._classes[base.id] if base else 'Node'}"]
        # Godot 3 reads them in the other order.
        yield from head if self._engine == 4 else reversed(head)
        for place in self._contract.places:
            if place.table == table.id:
                yield f"# node_path: /root/{escape(place.path, 0)}"
        known = self._used_by(base) if base else set()
        for id_ in sorted(self._used_by(table) - known):
            yield f"\n{self._enumeration(self._enumerations[id_])}"
        inherited = base.variables if base else ()
        for variable in table.variables:
            if variable not in inherited and self._engine != 4:
                yield f"\n{keyword_of(variable.mode)} var {variable.name}"
        if self._engine == 4:
            yield from self._replicated(table, base)
        own = [method for method in table.methods if method.table == table.id or base is None]
        by_code = [method for method in own if method.by_code]
        refused = [name for name in table.refused if base is None or name not in base.refused]
        if by_code or refused:
            yield from self._configured(by_code, refused)
        written: set[str] = set()
        for method in sorted(own, key=lambda one: one.by_code):
            # A method of the engine's own class can only be configured.
            if method.name not in written and not (method.by_code and method.name in self._members):
                written.add(method.name)
                yield from self._method(method)

    def _replicated(self, table: Table, base: Table | None) -> Iterator[str]:
        """Yields the variables that the Python side replicates, and the configuration for a synchronizer."""
        inherited = base.properties if base else ()
        own = [one for one in table.properties if one not in inherited]
        if own:
            yield ""
        yield from (self._variable(one) for one in own if one.path == f".:{one.name}")
        if not own:
            return
        yield "\n\n# For the MultiplayerSynchronizer: the properties that the Python side replicates, in its order."
        yield "static func replication_config() -> SceneReplicationConfig:"
        yield "\tvar config := SceneReplicationConfig.new()"
        for one in table.properties:
            path = gdscript_text(NodePath(one.path))
            yield f"\tconfig.add_property({path})"
            yield f"\tconfig.property_set_spawn({path}, {str(one.spawn).lower()})"
            mode = f"SceneReplicationConfig.REPLICATION_MODE_{one.mode.upper()}"
            yield f"\tconfig.property_set_replication_mode({path}, {mode})"
        yield "\treturn config"

    def _variable(self, one: Property) -> str:
        if self._is_bad_argument(one.name):
            return f"# {one.name}: the engine's Node or GDScript has this name"
        kind = gdscript_type(one.type, 4, self._typed) if one.type else ""
        typed = f": {kind}" if kind and parts(kind)[0] in GODOT4 else ""
        try:
            value = gdscript_text(value_of(one.default)) if one.default is not None else "null"
        except Unwritable:
            return f"var {one.name}{typed}"
        return f"var {one.name}{typed} = {value}" if value != "null" else f"var {one.name}{typed}"

    def _used_by(self, table: Table) -> set[str]:
        """Returns the ids of all enumerations that arguments of a class use, inherited ones included."""
        used = {argument.enumeration for method in table.methods for argument in method.arguments}
        return used & set(self._enumerations)

    def _enumeration(self, enumeration: Enumeration) -> str:
        members = [f"{name} = {value}" for name, value in enumeration.members]
        return f"enum {self._enumeration_names[enumeration.id]} {{{', '.join(members)}}}"

    def _configured(self, methods: Sequence[Method], refused: Sequence[str]) -> Iterator[str]:
        """Yields a `_ready` that configures methods by code; the engine refuses some, but gives them a number."""
        yield "\n\nfunc _ready() -> void:"
        yield from (f"\trpc_config({gdscript_text(name)}, {{}})" for name in refused if self._engine == 4)
        for method in methods:
            if self._engine == 3:
                mode = mode_of_godot3(method).upper()
                yield f'\trpc_config("{method.name}", MultiplayerAPI.RPC_MODE_{mode})'
            else:
                mode = mode_constant(method)
                transfer = method.transfer.upper() if method.transfer not in ("", "?") else "RELIABLE"
                yield (
                    f'\trpc_config("{method.name}", {{"rpc_mode": MultiplayerAPI.RPC_MODE_{mode}, '
                    f'"call_local": {str(bool(method.call_local)).lower()}, "channel": {method.channel or 0}, '
                    f'"transfer_mode": MultiplayerPeer.TRANSFER_MODE_{transfer}}})'
                )

    # ------------------------------------------------------------------------------------------ methods

    def _method(self, method: Method) -> Iterator[str]:
        self._check(method)
        names = argument_names([one.name for one in method.arguments], self._is_bad_argument)
        found = [self._argument(name, one, method) for name, one in zip(names, method.arguments, strict=True)]
        comments = [comment for _, comment in found if comment]
        yield f"\n\n# {escape(place_of(method), 0)}{''.join(f'; {comment}' for comment in comments)}"
        mark = "" if method.by_code else self._mark(method)
        yield f"{mark}func {method.name}({', '.join(text for text, _ in found)}) -> void:\n\tpass"

    def _mark(self, method: Method) -> str:
        return f"{mode_of_godot3(method)} " if self._engine == 3 else f"@rpc({_words(method)})\n"

    def _check(self, method: Method) -> None:
        name = method.name
        if self._is_keyword(name):
            self._refuse(method, f"{name} is a keyword of GDScript: rename the method")
        elif name in self._members:
            self._refuse(method, f"{name} is a name of the engine's Node: rename the method")
        elif not name.isidentifier():
            self._refuse(method, f"{escape(name)} is no name in GDScript: rename the method")
        if len(method.arguments) > _MOST_ARGUMENTS:
            self._refuse(method, f"{name} has more than {_MOST_ARGUMENTS} arguments")

    def _refuse(self, method: Method, reason: str) -> None:
        self._refused.append(f"{escape(place_of(method), 0)}: {reason}")

    def _is_keyword(self, name: str) -> bool:
        is_mode = self._engine == 3 and name in _MODES
        return bool(KEYWORDS.fullmatch(name)) or name in _OTHERS or name in (GODOT4 | GODOT3) or is_mode

    def _is_bad_argument(self, name: str) -> bool:
        return self._is_keyword(name) or name in self._members or not name.isidentifier()

    def _argument(self, name: str, argument: Argument, method: Method) -> tuple[str, str]:
        """Returns the text of an argument, and a comment."""
        if argument.rest:
            if self._engine == 3:
                self._refuse(method, f"Godot 3 has no rest arguments, such as *{argument.name}")
            return f"...{name}: Array", ""
        kind, comment = self._type(name, argument, method)
        if argument.default is None:
            return name + (f": {kind}" if kind else ""), comment
        try:
            return f"{name}{f': {kind}' if kind else ''} = {self._default(argument)}", comment
        except Unwritable:
            return f"{name} = null", f"{name} is {escape(argument.default, 0)} by default"

    def _type(self, name: str, argument: Argument, method: Method) -> tuple[str, str]:
        # Godot 3 does not take an enumeration as a type.
        if argument.enumeration in self._enumeration_names and self._engine == 4:
            return self._enumeration_names[argument.enumeration], ""
        if argument.type is None:
            return "", f"{name} is {escape(argument.annotation, 0)}" if argument.annotation else ""
        try:
            kind = gdscript_type(argument.type, self._engine, self._typed)
        except ValueError as error:
            self._refuse(method, f"{name}: {error}")
            return "", ""
        inner = parts(argument.type)[1]
        comment = f"{name} is {kind} of {', '.join(inner)}" if inner and kind != argument.type else ""
        known = GODOT4 if self._engine == 4 else GODOT3
        return kind if parts(kind)[0] in known else "Object", comment

    def _default(self, argument: Argument) -> str:
        assert argument.default is not None
        enumeration = self._enumerations.get(argument.enumeration)
        if enumeration is not None:
            member = argument.default.rpartition(".")[2]
            if member in dict(enumeration.members):
                return f"{self._enumeration_names[enumeration.id]}.{member}"
        value = value_of(argument.default)
        if value is None and argument.type not in (None, "Variant", "Object"):
            raise Unwritable("null")
        if self._engine == 4:
            return gdscript_text(value)
        text = gdscript_text(str(value) if isinstance(value, StringName) else value)
        name = re.match(r"[A-Z]\w+(?=\()", text)
        return text.replace(name[0], gdscript_type(name[0], 3), 1) if name else text


def _words(method: Method) -> str:
    keyword = {"remote": "any_peer", "master": "any_peer", "sync": "any_peer"}
    if method.mode in ("any_peer", "authority", "?"):
        return words_of(method)
    plain = mode_of_godot3(method)
    mode = keyword.get(plain.removesuffix("sync"), "authority")
    return words_of(Method(method.name, mode, plain.endswith("sync"), "reliable", 0, "", 0))
