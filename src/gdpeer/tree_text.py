"""Draws the nodes of a tree as text, as the engine's `print_tree` and `print_tree_pretty` do.

Layer: with `errors` the lowest. Source: Godot 4.6, `Node::_get_tree_string`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from gdpeer.quoting import escape

__all__ = ["draw", "list_paths", "show"]


class Named(Protocol):
    """A node with a name and children."""

    @property
    def name(self) -> str:
        """Its name."""

    def get_children(self) -> Sequence[Named]:
        """Its children."""


def list_paths(node: Named) -> str:
    """Returns the paths of a node and all nodes below, from the node on, each with a line end."""
    return "".join(f"{path}\n" for path in _paths(node, ""))


def _paths(node: Named, path: str) -> Iterator[str]:
    yield path or "."
    for child in node.get_children():
        yield from _paths(child, f"{path}/{child.name}" if path else child.name)


def draw(node: Named) -> str:
    """Returns the names of a node and all nodes below as a drawing, each with a line end."""
    return "".join(f"{line}\n" for line in _lines(node, "", is_last=True))


def _lines(node: Named, indent: str, is_last: bool) -> Iterator[str]:
    yield f"{indent} {'┖' if is_last else '┠'}╴{node.name}"
    children = node.get_children()
    for child in children:
        yield from _lines(child, f"{indent} {' ' if is_last else '┃'} ", child is children[-1])


def show(text: str) -> None:
    """Prints a text of this module. Names may come from other sides, so the terminal must not obey them."""
    print(escape(text, most=0, keep="\n"))
