"""Finds the base class of each class, and the classes that names mean, over all scripts of a project.

Layer: `contract`; pure. Source: reference godot4-contract 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gdpeer.contract.cursor import Reference
from gdpeer.contract.model import Problem
from gdpeer.contract.script import ClassSyntax, Script
from gdpeer.project_files.paths import resolve_path

__all__ = ["Classes"]

MOST_STEPS = 64
"""Most constants that refer to each other in a row; a longer row counts as a circle."""


class Classes:
    """The classes of a project, and how they extend each other.

    Args:
        scripts: by path, also those that are built into scenes.
        global_names: from `class_name` to the path of its script.
        autoloads: from the name of an autoload to the path of its script.
        uids: from `uid://` to the path of the file.

    Attributes:
        problems: of inheritance; each script has those of its own text.
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
        self._baseless: set[ClassSyntax] = set()
        self._steps = 0

    def chain(self, class_: ClassSyntax) -> list[ClassSyntax]:
        """Returns a class and all its bases, the nearest first; a circle ends where it begins again."""
        found = {class_: None}
        base = self.base(class_)
        while base is not None and base not in found:
            found[base] = None
            base = self.base(base)
        return list(found)

    def is_baseless(self, class_: ClassSyntax) -> bool:
        """Tells whether the base of a class is missing."""
        return class_ in self._baseless

    def _report(self, class_: ClassSyntax, code: str, text: str) -> None:
        self.problems.append(Problem(code, class_.script, class_.line, text))

    def base(self, class_: ClassSyntax) -> ClassSyntax | None:
        """Returns the class of the project that a class extends; None for a class of the engine."""
        if class_ not in self._bases:
            # Without a base during the search, so that the search does not run through the class itself.
            self._bases[class_] = None
            self._bases[class_] = self._find_base(class_)
        return self._bases[class_]

    def _find_base(self, class_: ClassSyntax) -> ClassSyntax | None:
        if class_.base is None:
            return None
        found = self.resolve(class_.base, class_)
        # A single unknown name is a class of the engine or of an extension; a path or a dotted name cannot be that.
        if found is None and (class_.base.path or len(class_.base.names) > 1 or class_.base.names[0] in class_.members):
            self._baseless.add(class_)
            self._report(class_, "unknown-base", f"extends {class_.base}, which is not there")
        return found

    def resolve(self, reference: Reference, at: ClassSyntax) -> ClassSyntax | None:
        """Returns the class that a reference in the class `at` means."""
        # Two constants can name each other, which would never end.
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
        """Searches as the engine does: global names, autoloads, then the names that are visible in the class."""
        for table in (self._global_names, self._autoloads):
            if name in table:
                return self._script(table[name])
        for scope in self.scopes(at):
            if scope.name == name and scope.outer is not None:
                return scope
            found = self.own_member(scope, name)
            if found is not None:
                return found
        return None

    def scopes(self, at: ClassSyntax) -> Iterator[ClassSyntax]:
        """Yields a class and its bases, then the same for each class around it."""
        seen: set[ClassSyntax] = set()
        class_: ClassSyntax | None = at
        while class_ is not None:
            for scope in self.chain(class_):
                if scope not in seen:
                    seen.add(scope)
                    yield scope
            class_ = class_.outer

    def _member(self, class_: ClassSyntax, name: str) -> ClassSyntax | None:
        """Returns an inner class, or the class that a constant names; own or inherited."""
        found = (self.own_member(scope, name) for scope in self.chain(class_))
        return next((member for member in found if member is not None), None)

    def own_member(self, class_: ClassSyntax, name: str) -> ClassSyntax | None:
        """Returns an inner class, or the class that a constant of this class names; not inherited ones."""
        if name in class_.classes:
            return class_.classes[name]
        if name in class_.constants:
            return self.resolve(class_.constants[name], class_)
        return None
