"""Finds the shared libraries that programs of unpacked packages need, and those that are missing."""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

MAGIC = b"\x7fELF\x02\x01"
"""The first bytes of a 64-bit, little-endian ELF file; other files are taken to need no library."""
PT_LOAD, PT_DYNAMIC = 1, 2
DT_NEEDED, DT_STRTAB = 1, 5

FOLDERS = ("usr/lib/*-linux-gnu", "lib/*-linux-gnu", "usr/lib", "lib", "usr/lib64", "lib64")
PRIVATE_FOLDERS = ("pulseaudio", "blas", "lapack", "systemd")
"""Folders of packages that keep libraries to themselves; their programs find these by RUNPATH."""

LIBC = re.compile(r"ld-linux.*|lib(c|m|dl|pthread|resolv|rt|util)\.so\.\d+")
"""Matches the libraries that belong to the C library."""


class Segment(NamedTuple):
    """A row of an ELF file's program header."""

    kind: int
    offset: int
    address: int
    size: int


def needed(path: Path) -> list[str]:
    """Returns the names of the libraries that an ELF file needs."""
    if path.stat().st_size < 64:
        return []
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _needed(data) if data[: len(MAGIC)] == MAGIC else []


def _needed(data: mmap.mmap) -> list[str]:
    segments = _segments(data)
    entries = [entry for one in segments if one.kind == PT_DYNAMIC for entry in _dynamic(data, one)]
    names = next((_offset(segments, value) for tag, value in entries if tag == DT_STRTAB), None)
    if names is None:
        return []
    starts = [names + value for tag, value in entries if tag == DT_NEEDED]
    return [data[start : data.find(b"\0", start)].decode() for start in starts]


def _segments(data: mmap.mmap) -> list[Segment]:
    [table] = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    rows = [struct.unpack_from("<IIQQQQ", data, table + size * row) for row in range(count)]
    return [Segment(kind, offset, address, length) for kind, _, offset, address, _, length in rows]


def _dynamic(data: mmap.mmap, segment: Segment) -> list[tuple[int, int]]:
    entries = [struct.unpack_from("<QQ", data, segment.offset + at) for at in range(0, segment.size - 15, 16)]
    return [(tag, value) for tag, value in entries]


def _offset(segments: Iterable[Segment], address: int) -> int | None:
    """Returns the offset in the file of the data that is loaded at `address`."""
    for one in segments:
        if one.kind == PT_LOAD and one.address <= address < one.address + one.size:
            return one.offset + address - one.address
    return None


def library_folders(prefix: Path) -> list[Path]:
    """Returns the folders of libraries below a folder of unpacked packages."""
    found = [path for pattern in FOLDERS for path in sorted(prefix.glob(pattern))]
    found = [path for path in found if path.is_dir() and not path.is_symlink()]
    for folder in PRIVATE_FOLDERS:
        found += {path.parent: None for path in sorted(prefix.glob(f"usr/lib/*-linux-gnu/{folder}/*.so*"))}
    return found


def loader(prefix: Path) -> Path:
    """Returns the path of the C library's `ld-linux` below `prefix`, which starts programs with the libraries there."""
    return next(path for path in prefix.glob("**/ld-linux*.so.*") if path.is_file() and not path.is_symlink())


def lacking(prefix: Path, programs: Iterable[Path], machine_libc: bool = False) -> dict[Path, list[str]]:
    """Returns the missing libraries, by the program or library that needs them.

    Args:
        prefix: folder of the unpacked packages.
        programs: the programs to look at; libraries that they load are looked at too.
        machine_libc: whether the machine's own C library is used, so that it is not missing.
    """
    folders = library_folders(prefix)
    waiting, seen, found = list(programs), set[Path](), dict[Path, list[str]]()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in needed(path):
            if machine_libc and LIBC.fullmatch(name):
                continue
            library = next((folder / name for folder in folders if (folder / name).exists()), None)
            if library is None:
                found.setdefault(path, []).append(name)
            else:
                waiting.append(library.resolve())
    return found
