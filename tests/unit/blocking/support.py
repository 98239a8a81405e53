"""The servers, clients and threads that most tests of the blocking front start."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gdpeer.blocking import Connection, Server, connect, serve

PATIENCE = 30.0
"""Seconds for anything that another thread does; a machine may be slow."""


def echo(ws: Connection) -> None:
    """Sends everything back."""
    for message in ws:
        ws.send(message)


class Started(threading.Thread):
    """A function in a thread of its own; `result` waits for what it returns or raises."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._outcome: Any = None
        self._problem: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._outcome = self._work()
        except BaseException as problem:
            self._problem = problem

    def result(self) -> Any:
        self.join(PATIENCE)
        assert not self.is_alive(), "the thread does not end"
        if self._problem is not None:
            raise self._problem
        return self._outcome


def url_of(server: Server, scheme: str = "ws") -> str:
    return f"{scheme}://127.0.0.1:{server.port}"


@contextmanager
def served(handler: Callable[[Connection], object] = echo, **options: Any) -> Iterator[tuple[Server, str]]:
    """A server that runs in a thread, and its URL."""
    with serve(handler, "127.0.0.1", 0, **options) as server:
        serving = Started(server.serve_forever)
        yield server, url_of(server)
    serving.result()


@contextmanager
def joined(handler: Callable[[Connection], object] = echo, **options: Any) -> Iterator[Connection]:
    """A client of a server with that handler; the options are the client's."""
    with served(handler) as (_, url), connect(url, **options) as ws:
        yield ws
