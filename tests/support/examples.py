"""The examples of `websockets` in docs/examples/websockets, as published and as ported, with a port of their own."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.missing import ROOT
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process

FOLDER = ROOT / "docs" / "examples" / "websockets"
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
"""Runs a program that says when a signal will be heard, and so that all before it is done."""


def on_port(kind: str, name: str, port: int, folder: Path) -> Path:
    """A copy of one file, in a folder, that names this port."""
    source, count = PORT.subn(rf"\g<1>{port}", (FOLDER / kind / name).read_text(encoding="utf-8"))
    assert count == 1
    path = folder / f"{kind}-{Path(name).name}"
    path.write_text(source, encoding="utf-8")
    return path


def run_on(kind: str, name: str, port: int, folder: Path, *options: str) -> Process:
    """One of the programs, at work; a port with every warning an error."""
    strict = ("-W", "error", "-X", "dev") if kind == "ported" else ()
    return Process([sys.executable, *strict, *options, on_port(kind, name, port, folder)])


@contextmanager
def serving(kind: str, name: str, folder: Path) -> Iterator[tuple[Process, int]]:
    """One of the servers, and the port that it listens on."""
    port = free_port()
    with run_on(kind, name, port, folder) as process:
        wait_until_listening(port, timeout=PATIENCE)
        yield process, port


def ended_well(process: Process) -> bool:
    """Waits for its end: as it should, with nothing to complain about."""
    status = process.wait(PATIENCE)
    return status == 0 and not re.search("Warning|Traceback|Exception", "\n".join(process.stderr))
