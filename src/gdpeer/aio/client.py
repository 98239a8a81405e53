"""`connect`: a client in asyncio.

Layer: `aio`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from typing import TYPE_CHECKING, Any

from gdpeer import fronts as front
from gdpeer.aio.connection import Connection
from gdpeer.aio.loop_driver import LoopDriver
from gdpeer.arguments import STR, a, checked, optional
from gdpeer.errors import HandshakeError, TransportError
from gdpeer.logs import get_logger
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.reconnection import Reconnection
from gdpeer.websocket.states import PeerState

if TYPE_CHECKING:
    import ssl

    from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["connect"]

logger = get_logger("gdpeer.aio")


class connect:
    """Connects to a server: `async with connect(url) as ws`, or `ws = await connect(url)`.

    `async for ws in connect(url)` yields one connection after another. When the block has finished with a connection,
    the loop waits as long as `reconnection` says, and connects again. When `reconnection` gives up, the loop raises the
    exception of the last attempt.

    Args:
        url: `ws://host[:port]/path` or `wss://...`.
        ssl: for `wss`, a `TLSOptions` or an `ssl.SSLContext`. None trusts the machine's certificate authorities.
        server_hostname: the name that the certificate must have. "" is the URL's host.
        reconnection: when `async for` connects again. None is a `Reconnection()`.
        options: those of `websockets` (`max_size`, `ping_interval`, ...), or settings of `WebSocketPeer`, by name.

    Raises:
        ValueError, TypeError: the URL or an option is not valid.
        TransportError: the name, TCP or TLS failed, or took too long; `cause` says which.
        HandshakeError: the server refused; `status` is its HTTP status.
    """

    @checked(url=STR, server_hostname=optional(STR), reconnection=optional(a("a Reconnection", Reconnection)))
    def __init__(
        self,
        url: str,
        *,
        ssl: TLSOptions | ssl.SSLContext | None = None,
        server_hostname: str = "",
        reconnection: Reconnection | None = None,
        **options: Any,
    ) -> None:
        self._reconnection = reconnection
        self._url = url
        self._tls = ssl
        self._name = server_hostname
        self._options = options
        self._connection: Connection | None = None

    async def _connect(self) -> Connection:
        peer = WebSocketPeer()
        front.connect(peer, self._url, self._tls, self._name, self._options)
        return await _open(peer)

    def __await__(self) -> Generator[Any, None, Connection]:
        return self._connect().__await__()

    async def __aiter__(self) -> AsyncIterator[Connection]:
        policy = self._reconnection or Reconnection()
        while True:
            try:
                connection = await self._connect()
            except (TransportError, HandshakeError) as problem:
                delay = policy.delay_after(front.cause_of(problem))
                if delay is None:
                    raise
                logger.info("cannot connect, again in %.1f seconds: %s", delay, problem)
            else:
                policy.connected()
                try:
                    yield connection
                finally:
                    await connection.close()
                policy.ended()
                delay = policy.next_delay()
                if delay is None:
                    return
            await asyncio.sleep(delay)

    async def __aenter__(self) -> Connection:
        self._connection = await self._connect()
        return self._connection

    async def __aexit__(self, *error: object) -> None:
        """Closes with code 1000, or 1011 after an exception."""
        if self._connection is not None:
            await self._connection.__aexit__(*error)


async def _open(peer: WebSocketPeer) -> Connection:
    """Waits until the connection of a peer is open.

    Raises:
        TransportError, HandshakeError: as `connect`.
    """

    def poll() -> None:
        peer.poll()
        peer.watch()

    def look() -> None:
        if peer.get_available_packet_count():
            connection.on_packet()
        if peer.get_ready_state() is PeerState.CLOSED:
            connection.on_end()

    driver = LoopDriver(poll, peer.poll_turn, look)
    connection = Connection(peer, driver)
    peer.watch()
    driver.run()
    try:
        await driver.when(lambda: peer.get_ready_state() is not PeerState.CONNECTING)
    except asyncio.CancelledError:
        driver.stop()
        peer.close(-1)
        raise
    if not peer.was_open():
        raise front.not_open_error(peer.get_close_cause())
    return connection
