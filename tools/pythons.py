"""Finds the Python interpreters of this machine: on PATH, of pyenv, and those that `tools/get_python.py` fetched."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
PYTHON27 = "2.7"
"""The version that the conformance suite needs."""
FETCHED = ROOT / ".cache" / "pythons"


def pyenv_versions() -> list[Path]:
    """Returns the folders of pyenv's versions."""
    roots = [os.environ.get("PYENV_ROOT", ""), os.path.expanduser("~/.pyenv")]
    roots += [
        folder.removesuffix("/shims") for folder in os.environ.get("PATH", "").split(":") if ".pyenv/shims" in folder
    ]
    found = [Path(root, "versions") for root in dict.fromkeys(roots) if root]
    return [version for folder in found if folder.is_dir() for version in sorted(folder.iterdir(), reverse=True)]


def candidates(version: str) -> list[str]:
    """Returns possible paths of an interpreter of a version, the likeliest first."""
    name = f"python{version}"
    paths = [str(folder / "bin" / name) for folder in pyenv_versions() if folder.name.startswith(f"{version}.")]
    paths += [str(path) for path in sorted(FETCHED.glob(f"{version}/usr/bin/{name}"))]
    paths += [f"{folder}/{name}" for folder in os.environ.get("PATH", "").split(":")]
    return [path for path in dict.fromkeys(paths) if os.access(path, os.X_OK)]


def forget() -> None:
    """Forgets the results of earlier searches; call it after a Python was fetched."""
    find.cache_clear()


@cache
def find(version: str) -> str | None:
    """Returns an interpreter of a version that runs on this machine; None if there is none."""
    for path in candidates(version):
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        try:
            done = subprocess.run([path, "-c", code], capture_output=True, text=True, timeout=30)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0 and done.stdout.strip() == version:
            return path
    return None


def find_python27() -> str | None:
    """Returns the Python 2.7 for the conformance suite; None if there is none."""
    named = os.environ.get("AUTOBAHN_PYTHON27")
    return named or find("2.7") or shutil.which("pypy")
