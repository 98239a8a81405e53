"""Connects by TCP (or through a proxy), then starts TLS on that connection.

Layer: `transport`; imports the standard library's `ssl` only once TCP is connected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.transport.stream import Connector, Ready, Stream

if TYPE_CHECKING:
    import ssl

    from gdpeer.transport.poller import Poller

__all__ = ["SecureConnector"]


class SecureConnector(Connector):
    """A client's TLS on top of the stream that `inner` opens.

    Args:
        inner: opens a `TcpStream`.
        context: the certificates to trust.
        server_hostname: the name that the certificate must have; None: no name is sent or checked.
        timeout: seconds for the TLS handshake, from the moment that `inner` is connected.
        clock: tells the time; the same as the poller's.
    """

    __slots__ = ("_clock", "_context", "_current", "_is_secure", "_name", "_poller", "_ready", "_timeout")

    def __init__(
        self,
        inner: Connector,
        context: ssl.SSLContext,
        *,
        server_hostname: str | None,
        timeout: float = 10.0,
        clock: Clock = MONOTONIC,
    ) -> None:
        self._current = inner
        self._is_secure = False
        self._context = context
        self._name = server_hostname
        self._timeout = timeout
        self._clock = clock
        self._poller: Poller | None = None
        self._ready: Ready | None = None

    def advance(self) -> Stream | None:
        """Continues: connects, then shakes hands. See `Connector.advance`.

        Raises:
            TransportError: `inner` failed, or the TLS handshake: `Cause.TLS` for a refused certificate.
        """
        stream = self._current.advance()
        if stream is None or self._is_secure:
            return stream
        # TLS takes the socket over: the poller has to forget the descriptor first.
        self._current.detach()
        self._current = self._start_tls(stream)
        self._is_secure = True
        if self._poller is not None and self._ready is not None:
            self._current.attach(self._poller, self._ready)
        # Send the first handshake message now, not in the next turn.
        return self._current.advance()

    def _start_tls(self, stream: Any) -> Connector:
        from gdpeer.transport.tls import TlsConnector

        return TlsConnector(stream, self._context, server_hostname=self._name, timeout=self._timeout, clock=self._clock)

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Watches the TCP connection, then the TLS handshake. See `Pollable.attach`."""
        self._poller, self._ready = poller, ready
        self._current.attach(poller, ready)

    def detach(self) -> None:
        """Stops watching the current step. See `Pollable.detach`."""
        self._poller = self._ready = None
        self._current.detach()

    def close(self) -> None:
        """Gives up and closes the connection; a stream that was returned stays open. See `Pollable.close`."""
        self._current.close()
