"""Makes folders that look like an installed Pyodide, for tests that do not run it."""

from __future__ import annotations

import json
from pathlib import Path

from gdpeer.http.python_pages import FILES


def make_pyodide(folder: Path, version: str = "314.0.7") -> Path:
    """Makes a folder with the names of Pyodide's files, and returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_text(f"this is {name}")
    (folder / "package.json").write_text(json.dumps({"version": version}))
    (folder / "console.html").write_text("not for pages")
    return folder
