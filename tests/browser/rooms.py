"""The chat's programs as child processes."""

from __future__ import annotations

import sys

from tests.support.missing import ROOT
from tests.support.processes import Process

CHAT = ROOT / "demos" / "chat"


def program(name: str, *arguments: str) -> Process:
    """A Python program of the chat: `server`, `client` or `push`."""
    return Process([sys.executable, CHAT / f"{name}.py", *arguments])


def room(port: int = 0) -> tuple[Process, int]:
    """A running chat server and its port."""
    server = program("server", "--host", "127.0.0.1", "--port", str(port))
    try:
        return server, int(server.wait_for(r"^Listening on port (\d+)").group(1))
    except BaseException:
        server.terminate()
        raise


def address(port: int) -> str:
    """Where clients join."""
    return f"ws://127.0.0.1:{port}/test/"
