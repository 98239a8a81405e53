"""Folders that look like an installed Pyodide, where nothing of it is run."""

from __future__ import annotations

import json
from pathlib import Path

from gdpeer.http.python_pages import FILES


def make_pyodide(folder: Path, version: str = "314.0.7") -> Path:
    """A folder with files of the names that Pyodide has."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_text(f"this is {name}")
    (folder / "package.json").write_text(json.dumps({"version": version}))
    (folder / "console.html").write_text("not for pages")
    return folder
