"""Makes the paths within a project absolute.

Layer: `project_files`; pure.
"""

from __future__ import annotations

import posixpath

__all__ = ["resolve_path"]


def resolve_path(path: str, beside: str) -> str:
    """Makes a path absolute: a path without `res://` is relative to the folder of the file `beside`."""
    if "://" in path:
        scheme, _, rest = path.partition("://")
        return path if scheme != "res" else f"res://{posixpath.normpath(rest)}"
    folder = posixpath.dirname(beside.partition("::")[0].removeprefix("res://"))
    return f"res://{posixpath.normpath(posixpath.join(folder, path))}"
