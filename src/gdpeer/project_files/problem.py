"""`Problem`: what is wrong with a file of a project, with its line.

Layer: `project_files`; pure.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Problem"]

_ERRORS = ("parse", "cycle")
"""Codes of what the engine refuses to load."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of the project that cannot be read, or that the engine would refuse to load.

    Attributes:
        code: `parse`, `unreadable`, `unknown-base`, `cycle`, `unknown-nodes`, `missing-parent`, `missing-node`,
            `duplicate-node`, `limit`, `model`, `by-code`, `unknown-rpc`.
        file: as `res://`.
        line: from 1 on; 0 if unknown.
        text: one sentence.
    """

    code: str
    file: str
    line: int
    text: str

    @property
    def level(self) -> str:
        """How bad it is: "error" if the engine refuses to load the file, else "warning"."""
        return "error" if self.code in _ERRORS else "warning"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.text}"
