"""Runs sessions: a server and clients of the fixtures, with the recording proxy between them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.golden.recording.proxy import Message, Proxy
from tests.support.missing import ROOT
from tests.support.ports import free_port
from tools import godot

FIXTURES = ROOT / "tests" / "fixtures"
QUIET = "--steps=,"
START, END = 20.0, 60.0
"""Seconds within which the server must listen, and within which each engine must end by itself."""
LATENESS = 0.004
"""Seconds by which an engine may report a call later than its packet passes."""


class Client(NamedTuple):
    """A client of a session: its options, and the seconds between the start of the client before it and its own."""

    options: Sequence[str]
    after: float = 0.6


class Session(NamedTuple):
    """A server and its clients."""

    name: str
    server: Sequence[str]
    clients: Sequence[Client]


class Recording(NamedTuple):
    """The result of a session."""

    session: Session
    proxy: Proxy
    engines: dict[str, Run]
    """The engines by name: `server`, `client0`, ..."""

    @property
    def statuses(self) -> list[int | None]:
        return [engine.process.returncode for engine in self.engines.values()]

    def sender(self, message: Message) -> str:
        """Returns the name of the engine that sent a message."""
        if message.way == "s2c":
            return "server"
        return f"client{self.proxy.connections.index(message.connection)}"

    def latest(self, name: str, kind: str, now: float) -> str:
        """Returns the last call (or step) that an engine had reported at a time; "" before the first."""
        reports = self.engines[name].reports if name in self.engines else []
        return next((words for when, what, words in reversed(reports) if what == kind and when <= now + LATENESS), "")


class Run:
    """A running engine.

    Attributes:
        reports: the calls and steps that it printed: the time, `call` or `step`, and the text.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.reports: list[tuple[float, str, str]] = []
        self.is_listening = asyncio.Event()
        self.reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if line.startswith(b"{"):
                self._note(json.loads(line))

    def _note(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind in ("call", "step"):
            self.reports.append((asyncio.get_running_loop().time(), kind, event[kind]))
        elif kind == "listening":
            self.is_listening.set()

    async def end(self) -> None:
        """Waits until the engine ends by itself."""
        await asyncio.wait_for(self.process.wait(), END)
        await asyncio.wait_for(self.reading, 5.0)


async def start(major: str, scene: str, options: Sequence[str]) -> Run:
    words = [*godot.command(major), "--path", str(FIXTURES / f"godot{major}"), f"{scene}.tscn", "--", *options]
    process = await asyncio.create_subprocess_exec(
        *words,
        env=os.environ | godot.environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=1 << 20,
    )
    return Run(process)


async def record(major: str, scenes: str, session: Session, more: Sequence[str], before: int = 0) -> Recording:
    """Runs a session with the scenes `{scenes}_server` and `{scenes}_client`, all with the options `more`."""
    upstream = free_port()
    proxy, engines = Proxy(upstream, before), dict[str, Run]()
    port = await proxy.listen()
    try:
        server = await start(major, f"{scenes}_server", [f"--port={upstream}", *session.server, *more])
        engines["server"] = server
        await asyncio.wait_for(server.is_listening.wait(), START)
        for number, client in enumerate(session.clients):
            await asyncio.sleep(client.after if number else 0.0)
            options = [f"--url=ws://127.0.0.1:{port}", *client.options, *more]
            engines[f"client{number}"] = await start(major, f"{scenes}_client", options)
        for engine in engines.values():
            await engine.end()
    finally:
        for engine in engines.values():
            if engine.process.returncode is None:
                engine.process.kill()
        proxy.close()
    return Recording(session, proxy, engines)
