"""Which class extends which, over all scripts of a project, and the methods that come of it.

Layer: `contract`; pure. Source: reference godot4-contract 1.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from gdpeer.contract.model import Method, Problem, Table
from gdpeer.contract.script import ClassSyntax, Reference, Script

__all__ = ["Classes", "resolve_path"]

MOST_STEPS = 64
"""Names that lead to names that lead to names: beyond it nobody meant it."""


class Classes:
    """The classes of a project.

    Args:
        scripts: by path, those that are built into scenes too.
        global_names: the path of the script that has a `class_name`.
        autoloads: the path of the script of an autoload.
        uids: the path of a `uid://`.

    Attributes:
        problems: of inheritance; those of the scripts themselves are theirs.
    """

    def __init__(
        self,
        scripts: Mapping[str, Script],
        global_names: Mapping[str, str],
        autoloads: Mapping[str, str],
        uids: Mapping[str, str],
    ) -> None:
        self.problems: list[Problem] = []
        self._scripts = scripts
        self._global_names = global_names
        self._autoloads = autoloads
        self._uids = uids
        self._bases: dict[ClassSyntax, ClassSyntax | None] = {}
        self._tables: dict[ClassSyntax, Table | None] = {}
        self._baseless: set[ClassSyntax] = set()
        self._steps = 0

    def table(self, one: ClassSyntax) -> Table | None:
        """The methods of a class; None where its script will not load."""
        if one not in self._tables:
            self._tables[one] = self._make_table(one)
        return self._tables[one]

    def _make_table(self, one: ClassSyntax) -> Table | None:
        methods: dict[str, Method] = {}
        chain = self.chain(one)
        if self._is_circle(chain) or any(self._is_broken(base) for base in chain):
            return None
        for base in chain:
            for function in base.functions.values():
                rpc = function.rpc
                # The nearest @rpc counts whole; an override without one changes nothing.
                if rpc is not None and function.name not in methods:
                    methods[function.name] = Method(
                        function.name, rpc.mode, rpc.call_local, rpc.transfer, rpc.channel, base.id, function.line
                    )
        return Table(one.id, one.name, tuple(methods[name] for name in sorted(methods)))

    def _is_broken(self, one: ClassSyntax) -> bool:
        """Whether the engine would not load its script."""
        return one in self._baseless or bool(self._scripts[one.script].problems)

    def chain(self, one: ClassSyntax) -> list[ClassSyntax]:
        """A class and what it extends, the nearest first; a circle is gone through once."""
        found = {one: None}
        base = self.base(one)
        while base is not None and base not in found:
            found[base] = None
            base = self.base(base)
        return list(found)

    def _is_circle(self, chain: list[ClassSyntax]) -> bool:
        if self.base(chain[-1]) is None:
            return False
        self._report(chain[0], "cycle", "extends itself, by way of others")
        return True

    def _report(self, one: ClassSyntax, code: str, text: str) -> None:
        self.problems.append(Problem(code, one.script, one.line, text))

    def base(self, one: ClassSyntax) -> ClassSyntax | None:
        """What a class extends, where that is a class of the project; a class of the engine is None."""
        if one not in self._bases:
            self._bases[one] = None  # while it is looked for: a class is not its own scope
            self._bases[one] = self._find_base(one)
        return self._bases[one]

    def _find_base(self, one: ClassSyntax) -> ClassSyntax | None:
        if one.base is None:
            return None
        found = self._resolve(one.base, one)
        # One name that is nobody's is a class of the engine, or of an extension of it.
        if found is None and (one.base.path or len(one.base.names) > 1 or one.base.names[0] in one.members):
            self._baseless.add(one)
            self._report(one, "unknown-base", f"extends {one.base}, which is not there")
        return found

    def _resolve(self, reference: Reference, at: ClassSyntax) -> ClassSyntax | None:
        """The class that is meant by a reference in another one."""
        if self._steps >= MOST_STEPS:
            return None
        self._steps += 1
        try:
            names = iter(reference.names)
            found = self._script(resolve_path(reference.path, at.script)) if reference.path else None
            if not reference.path:
                found = self._by_name(next(names), at)
            for name in names:
                found = None if found is None else self._member(found, name)
            return found
        finally:
            self._steps -= 1

    def _script(self, path: str) -> ClassSyntax | None:
        script = self._scripts.get(self._uids.get(path, path))
        return None if script is None else script.root

    def _by_name(self, name: str, at: ClassSyntax) -> ClassSyntax | None:
        """In the order of the engine: global names, autoloads, then what is visible in the class."""
        for table in (self._global_names, self._autoloads):
            if name in table:
                return self._script(table[name])
        for scope in self._scopes(at):
            if scope.name == name and scope.outer is not None:
                return scope
            found = self._own_member(scope, name)
            if found is not None:
                return found
        return None

    def _scopes(self, at: ClassSyntax) -> Iterator[ClassSyntax]:
        """A class, what it extends, and the same of the classes around it."""
        seen: set[ClassSyntax] = set()
        one: ClassSyntax | None = at
        while one is not None:
            for scope in self.chain(one):
                if scope not in seen:
                    seen.add(scope)
                    yield scope
            one = one.outer

    def _member(self, one: ClassSyntax, name: str) -> ClassSyntax | None:
        """An inner class or a constant, its own or an inherited one."""
        for scope in self.chain(one):
            found = self._own_member(scope, name)
            if found is not None:
                return found
        return None

    def _own_member(self, one: ClassSyntax, name: str) -> ClassSyntax | None:
        if name in one.classes:
            return one.classes[name]
        if name in one.constants:
            return self._resolve(one.constants[name], one)
        return None


def resolve_path(path: str, beside: str) -> str:
    """A path in a file: one that does not begin with `res://` is meant from the file's folder."""
    if "://" in path:
        scheme, _, rest = path.partition("://")
        return path if scheme != "res" else f"res://{posixpath.normpath(rest)}"
    folder = posixpath.dirname(beside.partition("::")[0].removeprefix("res://"))
    return f"res://{posixpath.normpath(posixpath.join(folder, path))}"
