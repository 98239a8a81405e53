"""Combines the coverage data of the unit suite and its child processes; fails below the limit in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys

from tests.support.missing import ROOT


def main() -> int:
    coverage = [sys.executable, "-m", "coverage"]
    for words in (
        ["combine", "--quiet"],
        ["html", "--quiet", "--fail-under=0", "-d", "build/coverage/html"],
        ["report"],
    ):
        status = subprocess.run([*coverage, *words], cwd=ROOT, check=False).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
