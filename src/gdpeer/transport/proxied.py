"""`ProxiedConnector`: an accepted connection that a proxy has made, and that begins with the proxy's header.

Layer: `transport`. Source: HAProxy's `proxy-protocol.txt`, section 2.2.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from gdpeer.errors import Cause, TransportError
from gdpeer.logs import get_logger, log_limited
from gdpeer.transport.poller import Poller
from gdpeer.transport.proxy_header import HEAD, header_size, read_address
from gdpeer.transport.sockets import TcpStream
from gdpeer.transport.stream import WOULD_BLOCK, Connector, Ready, Stream

__all__ = ["ProxiedConnector"]

logger = get_logger("gdpeer.transport")


class ProxiedConnector(Connector):
    """Reads the header of an accepted connection and no byte more, then opens what follows.

    Args:
        stream: from a trusted proxy; nothing of it was read.

    Attributes:
        admit: called with the stream, which tells the client's address then. Returns the stream, or a connector that
            does its TLS handshake; raises TransportError to end the connection. Set it before `advance`.
    """

    __slots__ = ("_got", "_head", "_inner", "_poller", "_ready", "_rest", "_stream", "admit")

    admit: Callable[[TcpStream], Stream | Connector]

    def __init__(self, stream: TcpStream) -> None:
        self._stream = stream
        self._head = bytearray(HEAD)
        self._rest: bytearray | None = None
        self._got = 0
        self._inner: Connector | None = None
        self._poller: Poller | None = None
        self._ready: Ready | None = None

    def advance(self) -> Stream | None:
        """Continues to read the header, then to open. See `Connector.advance`.

        Raises:
            TransportError: the header is wrong, or `admit` or the TLS handshake failed.
        """
        if self._inner is None:
            if not self._read_all():
                return None
            opened = self.admit(self._stream)
            if isinstance(opened, Stream):
                return opened
            # TLS has taken the socket over.
            self._inner = opened
            if self._poller is not None and self._ready is not None:
                opened.attach(self._poller, self._ready)
        return self._inner.advance()

    def _read_all(self) -> bool:
        """Reads on, and returns whether the whole header was there; then the stream tells the client's address."""
        try:
            if not self._read():
                return False
            assert self._rest is not None
            address = read_address(self._head, self._rest)
        except TransportError as problem:
            # A proxy without the option would be refused in silence: each player would see a lost connection.
            log_limited(logger, logging.WARNING, "a connection from %s: %s", self._stream.remote_address[0], problem)
            raise
        if address is not None:
            self._stream.come_from(address)
        return True

    def _read(self) -> bool:
        if self._rest is None:
            if not self._fill(self._head):
                return False
            self._rest, self._got = bytearray(header_size(self._head)), 0
        return self._fill(self._rest)

    def _fill(self, buffer: bytearray) -> bool:
        while self._got < len(buffer):
            received = self._stream.receive_into(memoryview(buffer)[self._got :])
            if received == WOULD_BLOCK:
                return False
            if received == 0:
                raise TransportError("the proxy closed the connection within its header", Cause.TCP)
            self._got += received
        return True

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Watches the connection. See `Pollable.attach`."""
        self._poller, self._ready = poller, ready
        (self._inner or self._stream).attach(poller, ready)

    def detach(self) -> None:
        """Stops watching the connection. See `Pollable.detach`."""
        self._poller = self._ready = None
        (self._inner or self._stream).detach()

    def close(self) -> None:
        """Gives up and closes the connection; a stream that was returned stays open. See `Pollable.close`."""
        (self._inner or self._stream).close()
