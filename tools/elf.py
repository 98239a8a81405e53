"""Which shared libraries the programs of unpacked packages name, and which of these are not unpacked with them."""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

MAGIC = b"\x7fELF\x02\x01"
"""The beginning of an ELF file of 64 bits, little-endian; others name nothing here."""
PT_LOAD, PT_DYNAMIC = 1, 2
DT_NEEDED, DT_STRTAB = 1, 5

FOLDERS = ("usr/lib/*-linux-gnu", "lib/*-linux-gnu", "usr/lib", "lib", "usr/lib64", "lib64")
PRIVATE_FOLDERS = ("pulseaudio", "blas", "lapack")
"""Some packages keep libraries in a folder of their own, which their programs name by RUNPATH."""

LIBC = re.compile(r"ld-linux.*|lib(c|m|dl|pthread|resolv|rt|util)\.so\.\d+")
"""The names of the C library's own parts."""


class Segment(NamedTuple):
    """A row of the program header."""

    kind: int
    offset: int
    address: int
    size: int


def needed(path: Path) -> list[str]:
    """The libraries that an ELF file names."""
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
    """Where in the file that lies which is loaded at `address`."""
    for one in segments:
        if one.kind == PT_LOAD and one.address <= address < one.address + one.size:
            return one.offset + address - one.address
    return None


def library_folders(prefix: Path) -> list[Path]:
    """The folders of libraries below a folder in which packages were unpacked."""
    found = [path for pattern in FOLDERS for path in sorted(prefix.glob(pattern))]
    found = [path for path in found if path.is_dir() and not path.is_symlink()]
    for folder in PRIVATE_FOLDERS:
        found += {path.parent: None for path in sorted(prefix.glob(f"usr/lib/*-linux-gnu/{folder}/*.so*"))}
    return found


def loader(prefix: Path) -> Path:
    """The program that loads other programs with the libraries below `prefix`: the C library's `ld-linux`."""
    return next(path for path in prefix.glob("**/ld-linux*.so.*") if path.is_file() and not path.is_symlink())


def lacking(prefix: Path, programs: Iterable[Path], machine_libc: bool = False) -> dict[Path, list[str]]:
    """The libraries that the programs, or what they load, need and that are not below `prefix`, by who names them.

    With `machine_libc` the machine's own C library is taken.
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
