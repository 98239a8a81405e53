"""Builds the distributions that are published, and tries each of them: `make dist`.

    python -m tools.dist                   the source distribution, the pure wheel, the compiled wheel for this Python
    python -m tools.dist --no-compiled     without the compiled wheel, which the release builds on each system

Each distribution is installed into an empty environment, where a server must answer a client's message. The pure wheel
is tried on each supported Python of this machine. Twine checks the metadata as the index does. The results are in
dist/.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tools import pythons
from tools.environment import ROOT, Failed, run

DIST = ROOT / "dist"
BUILD = """
import sys
import setuptools.build_meta as backend
print(getattr(backend, "build_" + sys.argv[1])("dist"))
"""

ECHO = ROOT / "tools" / "try_wheel.py"


def build(kind: str, mode: str) -> Path:
    """Builds one archive the way pip does, and returns its path."""
    before = set(DIST.iterdir())
    run([sys.executable, "-c", BUILD, kind], f"building the {kind} (GDPEER_COMPILE={mode})", {"GDPEER_COMPILE": mode})
    [made] = set(DIST.iterdir()) - before
    return made


def try_in_empty_environment(archive: Path, python: str, form: str) -> None:
    """Installs an archive with its dependencies, and checks that its server answers."""
    with tempfile.TemporaryDirectory(prefix="gdpeer-dist-") as folder:
        home = Path(folder, "venv")
        # Without pip, whose installation takes longer than everything else: the pip of this Python installs there.
        run([python, "-m", "venv", "--without-pip", home], "python -m venv")
        mode = {"GDPEER_COMPILE": "must" if form == "compiled" else "no"}
        pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", home / "bin" / "python"]
        run([*pip, "install", "--quiet", "--no-compile", archive], f"installing {archive.name}", mode)
        told = run([home / "bin" / "python", "-I", ECHO, form], f"an echo by {archive.name}").strip()
    print(f"dist: {archive.name} answers an echo: {told}", flush=True)


def try_on_each_python(wheel: Path) -> int:
    """Tries the pure wheel on all supported Pythons; returns how many this machine lacks."""
    lacking = 0
    for version in pythons.SUPPORTED:
        python = pythons.find(version)
        if python is None:
            print(f"dist: not run: {wheel.name} on Python {version}, which is not on this machine", flush=True)
            lacking += 1
        else:
            try_in_empty_environment(wheel, python, "pure")
    return lacking


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-compiled", action="store_true", help="leave the compiled wheel out")
    options = parser.parse_args()
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    try:
        source, pure = build("sdist", "no"), build("wheel", "no")
        compiled = None if options.no_compiled else build("wheel", "must")
        run([sys.executable, "-m", "twine", "check", "--strict", *DIST.iterdir()], "twine check --strict")
        print(f"dist: twine accepts {', '.join(sorted(path.name for path in DIST.iterdir()))}", flush=True)
        try_in_empty_environment(source, sys.executable, "pure")
        if compiled is not None:
            try_in_empty_environment(compiled, sys.executable, "compiled")
        lacking = try_on_each_python(pure)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 1 if lacking and os.environ.get("CI") and not options.no_compiled else 0


if __name__ == "__main__":
    raise SystemExit(main())
