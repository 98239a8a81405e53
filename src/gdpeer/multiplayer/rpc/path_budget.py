"""`PathBudget`: limits how much memory the paths that one peer announces take here.

Layer: `multiplayer`; imports nothing of it.
"""

from __future__ import annotations

from gdpeer.errors import PacketError

__all__ = ["MAX_PATH_MEMORY", "PathBudget"]

MAX_PATH_MEMORY = 4 << 20
"""Bytes that the paths of one peer may take here: room for some ten thousand nodes."""
_ENTRY = 200
"""Bytes that an entry takes beside its path."""


class PathBudget:
    """Counts the bytes that the paths of one peer take here."""

    __slots__ = ("_used",)

    def __init__(self) -> None:
        self._used = 0

    def take(self, path: str) -> None:
        """Counts one more path.

        Raises:
            PacketError: the paths would take more than `MAX_PATH_MEMORY` bytes.
        """
        self._used += _ENTRY + 4 * len(path)
        if self._used > MAX_PATH_MEMORY:
            raise PacketError("SIMPLIFY_PATH of more paths than one peer may announce", 1, kind="too many paths")
