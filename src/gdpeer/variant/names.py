"""`StringName` and `NodePath`: the engine's types for names and for paths in the scene tree.

Layer: `variant`. Source: the engine's class reference; the rules of a path measured on Godot 4.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, Self

from gdpeer.errors import VariantError

__all__ = ["NodePath", "StringName"]


class StringName(str):
    """A name, which the engine keeps only once. Equal to the same `str`, and the same key in a dictionary."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"StringName({str.__repr__(self)})"


class NodePath:
    """The path of a node, or of a property of a node: `NodePath("/root/Main/Sprite:position:x")`.

    `/` separates node names (several in a row count as one), `:` separates property names. Cannot be changed. Two paths
    are equal if all parts are equal; a path never equals a string.

    Args:
        path: the text; or another path, which gives an equal path.

    Raises:
        VariantError: an empty subname (`a::b`), which the engine refuses too; `offset` is its place.
    """

    __slots__ = ("absolute", "names", "subnames")

    names: tuple[str, ...]
    """The names of nodes, from the outermost: `("root", "Main", "Sprite")`."""
    subnames: tuple[str, ...]
    """The names of properties, and of properties within them: `("position", "x")`."""
    absolute: bool
    """Whether the path begins at the root, with `/`."""

    def __new__(cls, path: str | NodePath = "") -> Self:
        """Reads the text, or copies another path."""
        text = str(path)
        nodes, _, properties = text.partition(":")
        subnames = properties.removesuffix(":").split(":") if properties not in ("", ":") else []
        if properties == ":" or "" in subnames:
            raise VariantError(f"{text!r} has an empty subname", text.index("::"))
        return cls.of([name for name in nodes.split("/") if name], subnames, nodes.startswith("/"))

    @classmethod
    def of(cls, names: Sequence[str], subnames: Sequence[str] = (), absolute: bool = False) -> Self:
        """Makes a path from its parts, which are not checked."""
        path = object.__new__(cls)
        object.__setattr__(path, "names", tuple(names))
        object.__setattr__(path, "subnames", tuple(subnames))
        object.__setattr__(path, "absolute", absolute)
        return path

    def __setattr__(self, name: str, value: object = None) -> NoReturn:
        raise AttributeError("a NodePath cannot be changed")

    __delattr__ = __setattr__

    def is_absolute(self) -> bool:
        """Tells whether the path begins at the root."""
        return self.absolute

    def is_empty(self) -> bool:
        """Tells whether the path has no part, as `NodePath("")`."""
        return not (self.absolute or self.names or self.subnames)

    def get_name_count(self) -> int:
        """Returns the number of node names."""
        return len(self.names)

    def get_name(self, idx: int) -> str:
        """Returns the node name number `idx`, counted from 0.

        Raises:
            IndexError: the path has fewer names, or `idx` is negative.
        """
        return self.names[_index(idx)]

    def get_subname_count(self) -> int:
        """Returns the number of property names."""
        return len(self.subnames)

    def get_subname(self, idx: int) -> str:
        """Returns the property name number `idx`, counted from 0.

        Raises:
            IndexError: the path has fewer names, or `idx` is negative.
        """
        return self.subnames[_index(idx)]

    def get_concatenated_names(self) -> str:
        """Returns the node names joined by `/`, without a leading `/`."""
        return "/".join(self.names)

    def get_concatenated_subnames(self) -> str:
        """Returns the property names joined by `:`."""
        return ":".join(self.subnames)

    def get_as_property_path(self) -> NodePath:
        """Returns the path with the node names as the first property: `a/b:c` becomes `:a/b:c`."""
        return NodePath.of((), (self.get_concatenated_names(), *self.subnames)) if self.names else self

    def slice(self, begin: int, end: int = 2**31 - 1) -> NodePath:
        """Returns the part from `begin` up to `end`, names before subnames; negative numbers count from the end."""
        count = len(self.names)
        first, last, _ = slice(begin, end).indices(count + len(self.subnames))
        subnames = self.subnames[max(first - count, 0) : max(last - count, 0)]
        return NodePath.of(self.names[first:last], subnames, self.absolute and first == 0)

    def __str__(self) -> str:
        text = f"{'/' if self.absolute else ''}{self.get_concatenated_names()}"
        return f"{text}:{self.get_concatenated_subnames()}" if self.subnames else text

    def __repr__(self) -> str:
        return f"NodePath({str(self)!r})"

    def __bool__(self) -> bool:
        return not self.is_empty()

    def __eq__(self, other: object) -> bool:
        return self._parts() == other._parts() if isinstance(other, NodePath) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._parts())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).of, self._parts()

    def _parts(self) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
        return self.names, self.subnames, self.absolute


def _index(number: int) -> int:
    if number < 0:
        raise IndexError("names are counted from 0")
    return number
