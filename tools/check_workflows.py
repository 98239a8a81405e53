"""Checks the workflows of .github for errors with actionlint, and for security with zizmor: `make lint`.

Neither uses the network. If the environment has no actionlint, the program on PATH is used.
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
    """Returns the path of a program beside this Python, else on PATH; None if there is none."""
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
