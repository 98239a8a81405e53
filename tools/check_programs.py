"""Checks the style of the Python programs in README and docs: `python -m tools.check_programs`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tools.programs import ROOT, write_programs

PUBLISHED = "websockets/"
"""Programs of `websockets` stay as published, but for one import."""
IN_COLUMNS = ("multiplayer_server.py",)
"""Programs whose comments stand in columns, which a formatter would undo."""
COLUMN_RULES = ("E302", "E305", "I001")
"""What they need not keep: lines between functions and after imports."""


def ruff(*words: str, folder: Path) -> int:
    settings = ("--config", str(ROOT / "pyproject.toml"), "--no-cache")
    return subprocess.run([sys.executable, "-m", "ruff", *words, *settings], cwd=folder, check=False).returncode


def main() -> int:
    """Runs ruff over all of them; the exit status."""
    with tempfile.TemporaryDirectory(prefix="gdpeer-programs-") as name:
        folder = Path(name)
        files = [path.relative_to(folder).as_posix() for path in write_programs(folder)]
        python = [file for file in files if file.endswith(".py") and not file.startswith(PUBLISHED)]
        allowed = ["--ignore=D", *(f"--per-file-ignores={file}:{rule}" for file in IN_COLUMNS for rule in COLUMN_RULES)]
        style = ruff("check", *allowed, "--output-format", "concise", *python, folder=folder)
        formatted = ruff("format", "--check", *(file for file in python if file not in IN_COLUMNS), folder=folder)
        return style or formatted


if __name__ == "__main__":
    sys.exit(main())
