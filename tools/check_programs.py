"""Checks the Python programs in README and docs: `python -m tools.check_programs`.

ruff checks style and format; `mypy --strict`, and pyright with its default settings, check types.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.programs import ROOT, write_programs

PUBLISHED = "websockets"
"""The folder with examples of `websockets`, which stay as published except for one import."""
IN_COLUMNS = ("multiplayer_server.py",)
"""Programs whose comments are aligned in columns, which a formatter would undo."""
COLUMN_RULES = ("E302", "E305", "I001")
"""Rules about blank lines and imports that these programs need not follow."""
UNTYPED = """
[mypy-cython.*,Cython.*]
follow_imports = skip
follow_imports_for_stubs = True
ignore_missing_imports = True
[mypy-django.*]
ignore_missing_imports = True
"""


def run(folder: Path, *words: str, **environment: str) -> bool:
    """Runs a tool of this environment in a folder; returns whether it found no fault."""
    command = [sys.executable, "-m", *words]
    return not subprocess.run(command, cwd=folder, env=os.environ | environment, check=False).returncode


def has_style(folder: Path, files: list[str]) -> bool:
    settings = ("--config", str(ROOT / "pyproject.toml"), "--no-cache")
    allowed = ["--ignore=D", *(f"--per-file-ignores={file}:{rule}" for file in IN_COLUMNS for rule in COLUMN_RULES)]
    free = [file for file in files if file not in IN_COLUMNS]
    found = [
        run(folder, "ruff", "check", *allowed, "--output-format", "concise", *settings, *files),
        run(folder, "ruff", "format", "--check", *settings, *free),
    ]
    return all(found)


def has_types(folder: Path, files: list[str]) -> bool:
    """Returns whether mypy and pyright find no fault."""
    # One run of mypy per folder: programs of one folder import each other, and two folders may use the same name.
    (folder / "mypy.ini").write_text(f"[mypy]\nstrict = True\n{UNTYPED}")
    settings = {"extraPaths": [str(ROOT / "src")], "exclude": [PUBLISHED], "reportMissingModuleSource": False}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    options = ("--config-file", str(folder / "mypy.ini"), "--cache-dir", str(ROOT / "build" / "mypy-programs"))
    found = [run(folder, "pyright", "--pythonpath", sys.executable)]
    for place in sorted({Path(file).parent for file in files}):
        names = [Path(file).name for file in files if Path(file).parent == place]
        found.append(run(folder / place, "mypy", *options, *names, MYPYPATH=str(ROOT / "src")))
    return all(found)


def main() -> int:
    """Checks all programs; returns the exit status."""
    with tempfile.TemporaryDirectory(prefix="gdpeer-programs-") as name:
        folder = Path(name)
        written = [path.relative_to(folder) for path in write_programs(folder)]
        files = [path.as_posix() for path in written if path.suffix == ".py" and path.parts[0] != PUBLISHED]
        good = [has_style(folder, files), has_types(folder, files)]
        return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
