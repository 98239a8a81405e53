"""Runs an ASGI application in a process: under uvicorn, with each of its WebSocket protocols, and under Hypercorn."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.missing import ROOT
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process

SERVERS = ("uvicorn-websockets", "uvicorn-websockets-sansio", "uvicorn-wsproto", "hypercorn")


@contextmanager
def serving(server: str, app: str, folder: Path = ROOT, *options: str) -> Iterator[tuple[Process, int]]:
    """Runs an application, `module:name`, and yields its process and port."""
    port = free_port()
    name, _, protocol = server.partition("-")
    words = [sys.executable, "-m", name, app]
    if name == "uvicorn":
        words += ["--port", str(port), "--ws", protocol or "auto", "--log-level", "warning"]
    else:
        words += ["--bind", f"127.0.0.1:{port}", "--graceful-timeout", "1"]
    with Process([*words, *options], folder=folder) as process:
        wait_until_listening(port)
        yield process, port
