"""`Scenes`: the classes of scenes that a MultiplayerSpawner makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gdpeer.multiplayer.tree import Node

__all__ = ["Scenes"]

T = TypeVar("T", bound=type[Node])


class Scenes:
    """A table of scenes."""

    def __init__(self) -> None:
        self._classes: dict[str, type[Node]] = {}

    def register(self, path: str) -> Callable[[T], T]:
        """Registers a class."""

        def register(kind: T) -> T:
            self._classes[path] = kind
            kind.scene_file_path = path
            return kind

        return register

    def resolve(self, path: str) -> str:
        """Returns the path."""
        return path

    def make(self, path: str, name: str) -> Node | None:
        """Makes a node."""
        kind = self._classes.get(path)
        return None if kind is None else kind(name=name) if name else kind()
