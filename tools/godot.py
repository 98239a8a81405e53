"""Runs real Godot engines without a display: your own, or Debian's, which are fetched on first use.

    python -m tools.godot 4 --path PROJECT SCENE -- ARGUMENTS
    python -m tools.godot 3 --path PROJECT SCENE ARGUMENTS
    python -m tools.godot install 3 4       fetch only; prints the versions
    python -m tools.godot where 4           the command behind `4`, one word a line

`GODOT4` and `GODOT3` can hold the paths of your own engines; Godot 3 must be the server (headless) build. Without
them, Godot 4 comes from Debian's package `godot` and Godot 3 from `godot3-server`, both of the suite forky, or of the
suite in `GODOT_SUITE`. They take 110 and 50 MB to fetch, 270 and 100 MB on disk, and half a minute. The packages are
unpacked with the libraries that they need (`tools/private_apt.py`). The unpacked loader starts the engines, so that
the age of the system's C library does not matter. Tested on x86-64, untested on arm64.

All checkouts share the engines in `GODOT_CACHE`, by default `~/.cache/godot-engine`. The engines' user files go there
too. The exit status is the engine's; 125 means that there is no engine.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tools.elf import library_folders, loader
from tools.private_apt import Failed, PrivateApt
from tools.pythons import ROOT

__all__ = ["ENGINES", "Failed", "command", "environment", "version"]

ENGINES = {"4": ("godot", ("usr/bin/godot", "usr/bin/godot4")), "3": ("godot3-server", ("usr/bin/godot3-server",))}
"""The package of each engine, and the possible paths of its program in the package."""
OPTIONS = {"4": ["--headless", "--no-header"], "3": []}
LAYOUT = 1
"""Version of the unpacked form; a higher number makes all engines be unpacked again."""
UNUSED = ("usr/share", "usr/lib/debug", "usr/include", "usr/sbin", "etc")
NO_ENGINE = 125


def command(major: str) -> list[str]:
    """Returns the command line of an engine, to which arguments can be added.

    Raises:
        Failed: there is no engine, and none can be fetched.
    """
    own = os.environ.get(f"GODOT{major}")
    if not own:
        return _unpacked(major)
    path = shutil.which(own)
    if path is None:
        raise Failed(f"GODOT{major} names no program: {own}")
    return [os.path.abspath(path), *OPTIONS[major]]


def environment() -> dict[str, str]:
    """Returns the variables to set for an engine, which keep its user files and libraries apart from yours."""
    home = cache() / "home"
    places = {"XDG_DATA_HOME": "data", "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache"}
    for name in places.values():
        (home / name).mkdir(parents=True, exist_ok=True)
    found = {variable: str(home / name) for variable, name in places.items()}
    return {**found, "HOME": os.environ.get("HOME") or str(home), "LD_PRELOAD": ""}


def version(major: str) -> str:
    """Returns the version that an engine reports, such as `4.6.3.stable`.

    Raises:
        Failed: the engine does not start.
    """
    done = subprocess.run(
        [*command(major), "--version"],
        env=os.environ | environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode < 0 or not lines:
        raise Failed(f"Godot {major} does not start (status {done.returncode}): {done.stderr.strip()[-500:]}")
    return lines[-1]


# -- where they are kept ----------------------------------------------------------------------------------------------


def cache() -> Path:
    """Returns the folder of the engines; it is in the checkout if the home folder cannot be written."""
    named = os.environ.get("GODOT_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    try:
        home = Path("~/.cache").expanduser()
        home.mkdir(parents=True, exist_ok=True)
        if os.access(home, os.W_OK):
            return home / "godot-engine"
    except (OSError, RuntimeError):
        pass
    return ROOT / ".cache" / "godot-engine"


def suite() -> str:
    return os.environ.get("GODOT_SUITE") or "forky"


def _unpacked(major: str) -> list[str]:
    """Returns the command line of the unpacked engine; unpacks it on first use."""
    prefix = cache() / suite() / f"godot{major}"
    record = _record(prefix)
    if record is None:
        # Imported here, because it needs POSIX: your own engines can be started on Windows too.
        from tools.environment import locked

        with locked(cache() / suite() / "install"):
            record = _record(prefix) or _install(major, prefix)
    program = str(prefix / record["binary"])
    libraries = ":".join(str(prefix / folder) for folder in record["libraries"])
    loader = [str(prefix / record["loader"]), "--inhibit-cache", "--library-path", libraries]
    return [*loader, "--argv0", program, program, *OPTIONS[major]]


def _record(prefix: Path) -> dict[str, Any] | None:
    """Returns the notes that were saved when the engine was unpacked; None if there are none."""
    try:
        found: dict[str, Any] = json.loads((prefix / "installed.json").read_text())
    except (OSError, ValueError):
        return None
    return found if found.get("layout") == LAYOUT else None


# -- fetching ---------------------------------------------------------------------------------------------------------


def _install(major: str, final: Path) -> dict[str, Any]:
    started = time.monotonic()
    print(f"fetching Godot {major} from Debian's {suite()}", file=sys.stderr, flush=True)
    building = final.with_name(f"{final.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    try:
        with PrivateApt(final.with_name("apt"), suite()) as apt:
            record = _unpack(major, apt, building)
    except Failed as error:
        raise Failed(f"Godot {major} cannot be fetched (GODOT{major} can name one of your own): {error}") from None
    (building / "installed.json").write_text(json.dumps(record, indent=1))
    shutil.rmtree(final, ignore_errors=True)
    building.rename(final)
    print(f"fetched Godot {major} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return record


def _unpack(major: str, apt: PrivateApt, prefix: Path) -> dict[str, Any]:
    package, places = ENGINES[major]
    packages = apt.unpack_with_libraries([package], prefix, lambda: [_program(prefix, places)])
    for name in UNUSED:
        shutil.rmtree(prefix / name, ignore_errors=True)
    return {
        "layout": LAYOUT,
        "package": package,
        "version": packages[package],
        "suite": suite(),
        "binary": str(_program(prefix, places).relative_to(prefix)),
        "loader": str(loader(prefix).relative_to(prefix)),
        "libraries": [str(folder.relative_to(prefix)) for folder in library_folders(prefix)],
        "packages": packages,
    }


def _program(prefix: Path, places: tuple[str, ...]) -> Path:
    found = [prefix / place for place in places if (prefix / place).exists()]
    if not found:
        raise Failed(f"the package holds none of {', '.join(places)}")
    return found[0]


# -- as a program -----------------------------------------------------------------------------------------------------


def main(words: list[str]) -> int:
    match words:
        case ["install", *majors] if set(majors) <= ENGINES.keys():
            for major in majors or sorted(ENGINES):
                print(f"{major}\t{version(major)}")
        case ["where", major] if major in ENGINES:
            print("\n".join(command(major)))
        case [major, *rest] if major in ENGINES:
            words = [*command(major), *rest]
            sys.stdout.flush()
            os.execve(words[0], words, os.environ | environment())
        case _:
            print((__doc__ or "").strip())
            return 0 if words in (["--help"], ["-h"]) else 2
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except (Failed, OSError) as failure:
        print(f"godot: {failure}", file=sys.stderr)
        raise SystemExit(NO_ENGINE) from None
