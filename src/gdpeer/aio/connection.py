"""`Connection`: one WebSocket in asyncio.

Layer: `aio`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import ClassVar, Self

from gdpeer.aio.loop_driver import LoopDriver
from gdpeer.errors import ConnectionClosedOK, Error
from gdpeer.fronts import Facts, Message, closed_error, send
from gdpeer.websocket.peer import WebSocketPeer

__all__ = ["Connection"]


class Connection(Facts):
    """One end of a WebSocket; made by `connect` and `serve`.

    Iterating over a connection yields its messages, and stops after a normal close. Use a connection in the event loop
    and thread in which it was opened: elsewhere, calls that wait raise RuntimeError. One task at a time may receive;
    any number of tasks may send. Cancelling a call loses no message.
    """

    __slots__ = ("__weakref__", "_driver", "_ended", "_is_leaving", "_reader", "_room")

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, peer: WebSocketPeer, driver: LoopDriver) -> None:
        super().__init__(peer)
        self._driver = driver
        self._is_leaving = False
        self._reader: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._ended: asyncio.Future[None] = driver.loop.create_future()

    # ------------------------------------------------------------------------------------------ receiving

    async def recv(self, decode: bool | None = None) -> str | bytes:
        """Returns the next message: a text message as str, a binary message as bytes.

        Args:
            decode: True returns all messages as str; False returns all as bytes, which is faster.

        Raises:
            ConnectionClosed: the connection is closed, and all messages that came before were received.
            RuntimeError: another task is receiving.
        """
        peer = self.peer
        while (data := peer.take()) is None:
            if self._ended.done():
                raise closed_error(peer)
            reader = self._begin_to_wait()
            try:
                await reader
            finally:
                self._reader = None
        is_text = peer.was_string_packet() if decode is None else decode
        return data.decode() if is_text else data

    def _begin_to_wait(self) -> asyncio.Future[None]:
        if self._reader is not None:
            raise RuntimeError("another task is receiving from this connection already")
        if self.peer.is_paused():
            self._driver.arm()  # the queue is empty, so reading can go on
        reader = self._reader = self._driver.loop.create_future()
        return reader

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        try:
            while True:
                yield await self.recv()
        except ConnectionClosedOK:
            return

    # ------------------------------------------------------------------------------------------ sending

    async def send(self, message: Message) -> None:
        """Sends a message: str as text, bytes as binary. Waits while more than `write_limit` bytes are queued.

        Raises:
            ConnectionClosed: the connection is not open any more.
            TypeError: the message is neither text nor bytes.
        """
        while (error := send(self.peer, message)) is Error.ERR_OUT_OF_MEMORY:
            await self._drained()
        if error is not Error.OK:
            await self.wait_closed()
            raise closed_error(self.peer)

    async def _drained(self) -> None:
        self._driver.check()
        if self._room is None:
            self._room = self._driver.loop.create_future()
            self.peer.drained.connect(self._make_room, once=True)
        await asyncio.shield(self._room)  # other tasks may wait for the same future

    def _make_room(self) -> None:
        room, self._room = self._room, None
        if room is not None:
            self._driver.wake(room)

    async def ping(self, data: bytes | str = b"") -> Awaitable[float]:
        """Sends a ping.

        Returns:
            An awaitable that gives the seconds of the round trip when the pong comes. Only the newest ping is measured:
            its pong ends all waits.

        Raises:
            ConnectionClosed: the connection is not open any more.
            ValueError: `data` is longer than 125 bytes.
        """
        self._driver.check()
        peer = self.peer
        if peer.ping(data.encode() if isinstance(data, str) else data) is not Error.OK:
            await self.wait_closed()
            raise closed_error(peer)
        trip = asyncio.ensure_future(self._trip(self._driver.when(lambda: self._ended.done() or peer.is_answered())))
        # The caller need not await the pong, and asyncio logs exceptions that nobody has retrieved.
        trip.add_done_callback(lambda trip: None if trip.cancelled() else trip.exception())
        return trip

    async def _trip(self, answered: Awaitable[object]) -> float:
        await answered
        if self._ended.done():
            raise closed_error(self.peer)
        return self.latency

    # ------------------------------------------------------------------------------------------ the end

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes the connection. Waits for the other side's answer, at most `close_timeout`, and for the end of TCP.

        May be called again. Messages that came before can still be received, unless the queue was full.

        Raises:
            ValueError: the code may not be sent, or the reason is longer than 123 bytes.
        """
        self._driver.check()
        if not self._ended.done():
            self.begin_to_leave(code, reason)
            self._driver.run()
            await self.wait_closed()
        await self._driver.when(self.peer.is_over)

    async def wait_closed(self) -> None:
        """Waits until either side has closed the connection."""
        self._driver.arm()
        await asyncio.shield(self._ended)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, *rest: object) -> None:
        """Closes with code 1000, or 1011 after an exception."""
        await self.close(1000 if kind is None else 1011)

    # ------------------------------------------------------------------------------------------ for gdpeer.aio itself
    # `connect` and `Server` call these. No program needs them, so the reference leaves them out.

    def begin_to_leave(self, code: int, reason: str = "") -> None:
        """Sends the close frame, without waiting for the answer."""
        self.peer.close(code, reason)
        self._is_leaving = True
        self.on_packet()

    def on_packet(self) -> None:
        """Wakes the task that waits for a message, as one came."""
        reader = self._reader
        if reader is not None and not reader.done():
            reader.set_result(None)
            self._driver.has_woken = True
        elif self._is_leaving:
            self.peer.make_way()

    def on_end(self) -> None:
        """Wakes all tasks that wait, as the connection is closed."""
        self._make_room()
        for future in (self._ended, self._reader):
            if future is not None:
                self._driver.wake(future)
