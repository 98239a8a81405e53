"""The asyncio front, shaped as what the tests here poll: each `poll` runs its event loop for a moment.

Tests marked with `FRONTS` run twice, on what is polled and through asyncio; `front` says which it is now.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from gdpeer import OK, CloseCause, Error, GdpeerError, TLSOptions, WebSocketPeer
from gdpeer.aio import Connection, connect

FRONTS = pytest.mark.usefixtures("each_front")
front = "polling"

Result = TypeVar("Result")
State = WebSocketPeer.State


class Loop:
    """An event loop that runs while it is polled."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._tasks: set[asyncio.Task[Any]] = set()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self._runner.run(work)

    def begin(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Have it go on while polled."""
        task = self._runner.get_loop().create_task(work)
        self._tasks.add(task)
        return task

    def poll(self, timeout: float = 0.0) -> None:
        self.run(asyncio.sleep(timeout))

    def close(self) -> None:
        """Cancels what still runs."""
        self._runner.close()


class AioPeer:
    """A client through asyncio, with those members of `WebSocketPeer` that the tests use."""

    def __init__(self, url: str, tls: TLSOptions | None, settings: dict[str, Any]) -> None:
        self._loop = Loop()
        self._ws: Connection | None = None
        self._problem: GdpeerError | None = None
        self._packets: deque[str | bytes] = deque()
        self._was_string = False
        self.poll = self._loop.poll
        self._loop.begin(self._live(url, tls, settings))

    async def _live(self, url: str, tls: TLSOptions | None, settings: dict[str, Any]) -> None:
        try:
            self._ws = await connect(url, ssl=tls, **settings)
            async for message in self._ws:
                self._packets.append(message)
        except GdpeerError as problem:
            self._problem = problem

    @property
    def _peer(self) -> WebSocketPeer:
        assert self._ws is not None
        return self._ws.peer

    def __enter__(self) -> AioPeer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._ws is not None:
            self._loop.run(self._ws.close())
        self._loop.close()

    def get_ready_state(self) -> WebSocketPeer.State:
        if self._ws is None:
            return State.CONNECTING if self._problem is None else State.CLOSED
        return self._ws.state

    def get_selected_protocol(self) -> str:
        return self._peer.get_selected_protocol()

    def get_handshake_headers(self) -> Any:
        return self._peer.get_handshake_headers()

    def get_close_cause(self) -> CloseCause:
        if self._ws is None and self._problem is not None:
            return CloseCause(self._problem.cause, self._problem.detail)
        return self._peer.get_close_cause()

    def get_close_code(self) -> int:
        """Asyncio's 1006 is the engine's -1."""
        code = self._ws and self._ws.close_code
        return -1 if code in (None, 1006) else code

    def get_close_reason(self) -> str:
        return (self._ws and self._ws.close_reason) or ""

    def send(self, message: str | bytes) -> Error:
        assert self._ws is not None
        self._loop.run(self._ws.send(message))
        return OK

    send_text = send

    def get_available_packet_count(self) -> int:
        return len(self._packets)

    def get_packet(self) -> bytes:
        message = self._packets.popleft()
        self._was_string = isinstance(message, str)
        return message.encode() if isinstance(message, str) else message

    def was_string_packet(self) -> bool:
        return self._was_string

    def __iter__(self) -> Iterator[bytes]:
        while self._packets:
            yield self.get_packet()

    def ping(self) -> Error:
        assert self._ws is not None
        self._loop.run(self._ws.ping())
        return OK

    def get_latency(self) -> float:
        return self._peer.get_latency()

    def close(self, code: int, reason: str) -> None:
        assert self._ws is not None
        self._loop.begin(self._ws.close(code, reason))
