"""Checks the workflows of .github with actionlint (are they right?) and zizmor (can they be abused?): `make lint`.

Neither asks the network. Where actionlint has no package with its program in it, what is on the path is taken.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKS = {
    "actionlint": ["-no-color"],
    "zizmor": ["--offline", "--quiet", "--no-progress", ".github/workflows"],
}


def program(name: str) -> str | None:
    """Beside this Python, or on the path."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


def main() -> int:
    failed: int = 0
    for name, options in CHECKS.items():
        path = program(name)
        if path is None:
            print(f"not run: {name} is not installed")
            failed |= bool(os.environ.get("CI"))
            continue
        failed |= subprocess.run([path, *options], cwd=ROOT, timeout=120).returncode
    return int(failed != 0)


if __name__ == "__main__":
    raise SystemExit(main())
