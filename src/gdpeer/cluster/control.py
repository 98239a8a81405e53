"""The control socket of `gdpeer serve --workers`: a Unix socket through which `gdpeer drain` reaches the parent.

Only programs of the same user reach the socket: it is in a folder that belongs to this user alone. A client sends one
line of JSON, and gets lines until the server closes:

    {"ask": "list"}                                       {"workers": [{"name": "a-1-9f3c", "state": "up", ...}]}
    {"ask": "drain", "worker": "a-1-9f3c", "deadline": 60}    {"begun": true}, and the end when the worker has ended
    {"ask": "drain", "worker": null, "deadline": 60}          {"begun": true}, and the end when all have ended
    a wrong name                                          {"problem": "there is no worker ..."}

Layer: `cluster`.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from gdpeer.cluster.links import Lines, Link
from gdpeer.cluster.supervisor import Child, Supervisor
from gdpeer.transport.listener import Listener
from gdpeer.transport.poller import Poller

__all__ = ["Control", "ask", "control_path"]

LOOK = 0.05
"""Seconds between two looks whether a worker has ended."""


def control_path(place: int | str) -> Path:
    """Returns the path of the control socket of the server at a port, or at the path of a Unix socket.

    Raises:
        OSError: the folder cannot be made, or belongs to another user.
    """
    user = os.getuid()  # type: ignore[attr-defined, unused-ignore]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime) / "gdpeer" if runtime else Path(tempfile.gettempdir()) / f"gdpeer-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o077:
        raise OSError(f"{folder} is not a folder that belongs to this user alone")
    name = str(place) if isinstance(place, int) else hashlib.sha256(place.encode()).hexdigest()[:16]
    return folder / f"serve-{name}.sock"


class Control:
    """The server's side. All calls belong to the thread that turns the poller.

    Args:
        path: of the socket.
        poller: for everything.
        supervisor: does what clients ask.

    Raises:
        TransportError: the socket cannot be opened, or another server has it.
    """

    def __init__(self, path: Path, poller: Poller, supervisor: Supervisor) -> None:
        self._poller = poller
        self._supervisor = supervisor
        self._clients: set[Link] = set()
        self._listener = Listener.unix(path)
        self._listener.attach(poller, self._accept)

    def _accept(self, events: int) -> None:
        for stream in self._listener.accept():
            _Client(stream.release(), self._poller, self._supervisor, self._clients)

    def close(self) -> None:
        """Closes the socket, and removes its file."""
        self._listener.close()
        for link in list(self._clients):
            link.close()


class _Client:
    """A client of the control socket."""

    def __init__(self, end: socket.socket, poller: Poller, supervisor: Supervisor, clients: set[Link]) -> None:
        self._poller = poller
        self._supervisor = supervisor
        self._clients = clients
        self._link = Link(end, poller, self._take, self._end)
        self._lines = Lines(lambda message, sockets: self._answer(message))
        clients.add(self._link)

    def _take(self, data: bytes, sockets: list[socket.socket]) -> None:
        try:
            self._lines.take(data, [])
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):  # no program of ours
            self._close()

    def _answer(self, message: dict[str, Any]) -> None:
        if message["ask"] == "list":
            self._link.send_line({"workers": [_describe(worker) for worker in self._supervisor.workers]})
            self._close()
            return
        deadline = float(message["deadline"])
        name = message["worker"]
        if name is None:
            self._link.send_line({"begun": True})
            self._supervisor.drain(deadline)  # the link ends with this process
        elif self._supervisor.replace(name, deadline):
            self._link.send_line({"begun": True})
            self._wait_for(name)
        else:
            self._link.send_line({"problem": f"there is no worker {name}"})
            self._close()

    def _wait_for(self, name: str) -> None:
        """Ends the link once a worker has ended."""
        if name not in self._supervisor.children:
            self._close()
        elif self._link.is_open:
            self._poller.call_at(self._poller.clock.now() + LOOK, lambda: self._wait_for(name))

    def _close(self) -> None:
        self._link.close()
        self._end()

    def _end(self) -> None:
        self._clients.discard(self._link)


def _describe(worker: Child) -> dict[str, Any]:
    return {"name": worker.name, "state": worker.state, "process": worker.process.pid}


def ask(path: Path, message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Asks the server at a control socket, and yields the lines of its answer. Waits for each.

    Args:
        path: of the socket.
        message: as above.

    Raises:
        OSError: there is no server.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:  # type: ignore[attr-defined, unused-ignore]
        end.connect(os.fspath(path))
        end.sendall(json.dumps(message).encode() + b"\n")
        rest = b""
        with suppress(ConnectionResetError):
            while data := end.recv(65_536):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    yield json.loads(line)
