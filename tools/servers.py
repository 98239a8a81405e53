"""Finds servers that tests start: those of the machine, or Debian's, which are fetched on first use.

    python -m tools.servers install              fetches all that the machine lacks; prints where they are
    python -m tools.servers where redis-server   the command behind a name, one word a line

A program on the PATH is used. Otherwise the package comes from the suite bookworm, and is unpacked with the libraries
that it needs (`tools/private_apt.py`): 30 MB to fetch. The unpacked loader starts the program, so that the age of the
system's C library does not matter. Bookworm has no Valkey, which comes from forky. If `SERVERS_SUITE` names a suite,
all programs come from there.

All checkouts share the servers in `SERVERS_CACHE`, by default `~/.cache/gdpeer-servers`.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from tools import godot
from tools.elf import library_folders, loader
from tools.private_apt import Failed, PrivateApt

__all__ = ["PROGRAMS", "Failed", "command"]

PROGRAMS = {
    "haproxy": ("haproxy",),
    "nats-server": ("nats-server",),
    "nginx": ("nginx",),
    "redis-server": ("redis-server", "redis-tools"),
    "systemd-socket-activate": ("systemd",),
    "valkey-server": ("valkey-server", "valkey-tools"),
}
"""The packages of each program; the program is in `usr/bin` or `usr/sbin`."""
SUITE = "bookworm"
SUITES = {"valkey-server": "forky"}
"""The suites of programs that `SUITE` does not have."""
LAYOUT = 1
"""Version of the unpacked form; a higher number makes all servers be unpacked again."""
UNUSED = ("usr/share", "etc", "lib/systemd", "usr/lib/systemd", "var")
NO_SERVER = 125


def command(name: str) -> list[str]:
    """Returns the command line of a server, to which arguments can be added.

    Raises:
        Failed: the machine has no such program, and none can be fetched.
    """
    own = _on_path(name)
    return [own] if own else _unpacked(name)


def _on_path(name: str) -> str | None:
    if os.environ.get("SERVERS_SUITE"):  # for tests with other versions
        return None
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def suite(name: str) -> str:
    """Returns the suite that a program comes from."""
    return os.environ.get("SERVERS_SUITE") or SUITES.get(name, SUITE)


def cache() -> Path:
    """Returns the folder of the servers, beside that of the engines."""
    named = os.environ.get("SERVERS_CACHE")
    return Path(named).expanduser().absolute() if named else godot.cache().with_name("gdpeer-servers")


def _unpacked(name: str) -> list[str]:
    prefix = cache() / suite(name) / name
    if _record(prefix) is None:
        install([name])
    record = _record(prefix)
    assert record is not None
    program = str(prefix / record["program"])
    libraries = ":".join(str(prefix / folder) for folder in record["libraries"])
    start = [str(prefix / record["loader"]), "--inhibit-cache", "--library-path", libraries]
    return [*start, "--argv0", program, program]


def _record(prefix: Path) -> dict[str, Any] | None:
    """Returns the notes that were saved when the server was unpacked; None if there are none."""
    try:
        found: dict[str, Any] = json.loads((prefix / "installed.json").read_text())
    except (OSError, ValueError):
        return None
    return found if found.get("layout") == LAYOUT else None


def install(names: Iterable[str]) -> None:
    """Fetches the servers that were not unpacked yet, with one look at the lists of packages of each suite.

    Raises:
        Failed: one of them cannot be fetched.
    """
    for origin, wanted in groupby(sorted(names, key=suite), suite):
        _install_from(origin, wanted)


def _install_from(origin: str, names: Iterable[str]) -> None:
    from tools.environment import locked  # needs POSIX

    folder = cache() / origin
    with locked(folder / "install"):
        missing = [name for name in names if _record(folder / name) is None]
        if not missing:
            return
        started = time.monotonic()
        print(f"fetching {', '.join(missing)} from Debian's {origin}", file=sys.stderr, flush=True)
        try:
            with PrivateApt(folder / "apt", origin) as apt:
                for name in missing:
                    _install(name, apt, folder / name)
        except Failed as error:
            raise Failed(f"{missing[0]} is not on the PATH and cannot be fetched: {error}") from None
        print(f"fetched {', '.join(missing)} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def _install(name: str, apt: PrivateApt, final: Path) -> None:
    building = final.with_name(f"{final.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    record = _unpack(name, apt, building)
    (building / "installed.json").write_text(json.dumps(record, indent=1))
    shutil.rmtree(final, ignore_errors=True)
    building.rename(final)


def _unpack(name: str, apt: PrivateApt, prefix: Path) -> dict[str, Any]:
    # `redis-server` is a link to the program of another package.
    packages = apt.unpack_with_libraries(PROGRAMS[name], prefix, lambda: [_program(prefix, name).resolve()])
    for unused in UNUSED:
        shutil.rmtree(prefix / unused, ignore_errors=True)
    return {
        "layout": LAYOUT,
        "program": str(_program(prefix, name).relative_to(prefix)),
        "loader": str(loader(prefix).relative_to(prefix)),
        "libraries": [str(folder.relative_to(prefix)) for folder in library_folders(prefix)],
        "packages": packages,
    }


def _program(prefix: Path, name: str) -> Path:
    for folder in ("usr/bin", "usr/sbin"):
        if (prefix / folder / name).exists():
            return prefix / folder / name
    raise Failed(f"the packages hold no program {name}")


def main(words: list[str]) -> int:
    match words:
        case ["install", *names] if set(names) <= PROGRAMS.keys():
            wanted = names or sorted(PROGRAMS)
            install(name for name in wanted if _on_path(name) is None)
            for name in wanted:
                print(f"{name}\t{' '.join(command(name))}")
        case ["where", name] if name in PROGRAMS:
            print("\n".join(command(name)))
        case _:
            print((__doc__ or "").strip())
            return 0 if words in (["--help"], ["-h"]) else 2
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except (Failed, OSError) as failure:
        print(f"servers: {failure}", file=sys.stderr)
        raise SystemExit(NO_SERVER) from None
