"""Runs the examples of `websockets` on any port: as published (docs/examples/websockets) and as ported (their page)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.missing import ROOT
from tests.support.pages import programs
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process

PUBLISHED = ROOT / "docs" / "examples" / "websockets" / "published"
KINDS = ("published", "ported")
PORT = re.compile(r'(\blocalhost(?::|", ))\d{4}\b')
PATIENCE = 30.0

TELL = """
import asyncio, runpy, sys
def add_and_tell(self, *words, add=asyncio.SelectorEventLoop.add_signal_handler):
    add(self, *words)
    print("ready", flush=True)
asyncio.SelectorEventLoop.add_signal_handler = add_and_tell
runpy.run_path(sys.argv[1], run_name="__main__")
"""
"""Runs a program, and prints "ready" when the program has set a signal handler."""


def folder_of(kind: str) -> Path:
    """Returns the folder of the programs of a kind."""
    return PUBLISHED if kind == "published" else programs() / "websockets" / "ported"


def on_port(kind: str, name: str, port: int, folder: Path) -> Path:
    """Copies a file into a folder, with this port in it, and returns the path of the copy."""
    source, count = PORT.subn(rf"\g<1>{port}", (folder_of(kind) / name).read_text(encoding="utf-8"))
    assert count == 1
    path = folder / f"{kind}-{Path(name).name}"
    path.write_text(source, encoding="utf-8")
    return path


def run_on(kind: str, name: str, port: int, folder: Path, *options: str) -> Process:
    """Starts a program on a port; a ported program runs with warnings as errors."""
    strict = ("-W", "error", "-X", "dev") if kind == "ported" else ()
    return Process([sys.executable, *strict, *options, on_port(kind, name, port, folder)])


@contextmanager
def serving(kind: str, name: str, folder: Path) -> Iterator[tuple[Process, int]]:
    """Runs a server during the block; yields its process and its port."""
    port = free_port()
    with run_on(kind, name, port, folder) as process:
        wait_until_listening(port, timeout=PATIENCE)
        yield process, port


def ended_well(process: Process) -> bool:
    """Waits for the end of a process; returns whether it succeeded without a warning or a traceback."""
    status = process.wait(PATIENCE)
    return status == 0 and not re.search("Warning|Traceback|Exception", "\n".join(process.stderr))
