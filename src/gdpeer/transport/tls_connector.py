"""A connector on top of another: TCP first, then TLS over it, seen from outside as one.

Layer: `transport`; the standard library's `ssl` is imported when TCP is there, not before.
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
    """A client's TLS over whatever `inner` connects to.

    Args:
        inner: gives a `TcpStream`.
        context: what to trust.
        server_hostname: the name that the certificate must have; None: none is sent or checked.
        timeout: seconds for the TLS handshake, from the moment TCP is there.
        clock: tells the time.
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
        """See `Connector.advance`; a certificate that is refused is a TransportError with `Cause.TLS`."""
        stream = self._current.advance()
        if stream is None or self._is_secure:
            return stream
        self._current.detach()
        self._current = self._start_tls(stream)
        self._is_secure = True
        if self._poller is not None and self._ready is not None:
            self._current.attach(self._poller, self._ready)
        return self._current.advance()

    def _start_tls(self, stream: Any) -> Connector:
        from gdpeer.transport.tls import TlsConnector

        return TlsConnector(stream, self._context, server_hostname=self._name, timeout=self._timeout, clock=self._clock)

    def attach(self, poller: Poller, ready: Ready) -> None:
        """See `Pollable.attach`; carried over from TCP to TLS."""
        self._poller, self._ready = poller, ready
        self._current.attach(poller, ready)

    def detach(self) -> None:
        """See `Pollable.detach`."""
        self._poller = self._ready = None
        self._current.detach()

    def close(self) -> None:
        """See `Pollable.close`."""
        self._current.close()
