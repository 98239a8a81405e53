"""`HealthAsker`: asks another worker, by its `/health`, whether it renews its lease.

    ask = HealthAsker("a", hall.run_soon)
    await ask("http://10.0.0.8:8910")       True
    await ask("unix:/run/gdpeer/b.sock")    False: the broker is away for worker b as well

Each question runs in a thread of its own: questions are few, and only asked while the broker is away.

Layer: `cluster`.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.base import NoAnswer

__all__ = ["HealthAsker"]

PATIENCE = 1.0
MOST_ASKING = 6
"""Questions at the same time: a name server that does not answer must not fill the process with threads."""
MOST_BYTES = 4_096
UNIX = "unix:"


class HealthAsker:
    """Asks other workers. Use it in the thread of the game.

    Args:
        name: of this worker: its own answer, by way of a proxy, does not count.
        run_soon: runs a callback in the thread of the game.
    """

    def __init__(self, name: str, run_soon: Callable[[Callable[[], object]], object]) -> None:
        self._name = name
        self._run_soon = run_soon
        self._asking = 0

    def __call__(self, address: str) -> Answer[bool]:
        """Asks the worker at an http, https, ws or wss URL, or at the path of a socket: "unix:/path".

        The answer fails with `NoAnswer` if the worker does not answer within a second, or is this one.
        """
        answer: Answer[bool] = Answer()
        if self._asking >= MOST_ASKING:
            answer.fail(NoAnswer("too many questions wait already"))
        else:
            self._asking += 1
            threading.Thread(target=self._ask, args=(address, answer), name="gdpeer-health", daemon=True).start()
        return answer

    def _ask(self, address: str, answer: Answer[bool]) -> None:
        try:
            about = _read(address)
        except (OSError, HTTPException, ValueError) as problem:
            about = {"problem": str(problem)}
        self._run_soon(partial(self._take, about, answer))

    def _take(self, about: object, answer: Answer[bool]) -> None:
        self._asking -= 1
        renews = about.get("renews") if isinstance(about, dict) and about.get("worker") != self._name else None
        if isinstance(renews, bool):
            answer.give(renews)
        else:
            answer.fail(NoAnswer("no other worker answers there"))


def _read(address: str) -> object:
    """Returns what `/health` at an address says, as JSON.

    Raises:
        OSError, HTTPException, ValueError: there is no answer, or another one than expected.
    """
    connection = _connection(address)
    try:
        connection.request("GET", "/health", headers={"Connection": "close"})
        return json.loads(connection.getresponse().read(MOST_BYTES))
    finally:
        connection.close()


def _connection(address: str) -> HTTPConnection:
    if address.startswith(UNIX):
        connection = HTTPConnection("localhost", timeout=PATIENCE)
        connection.sock = end = socket.socket(socket.AF_UNIX)  # type: ignore[attr-defined, unused-ignore]
        end.settimeout(PATIENCE)
        try:
            end.connect(address.removeprefix(UNIX))
        except OSError:
            end.close()
            raise
        return connection
    parts = urlsplit(address)
    if not parts.hostname or parts.scheme not in ("http", "https", "ws", "wss"):
        raise ValueError(f"no address of a worker: {address!r}")
    make = HTTPSConnection if parts.scheme in ("https", "wss") else HTTPConnection
    return make(parts.hostname, parts.port, timeout=PATIENCE)
