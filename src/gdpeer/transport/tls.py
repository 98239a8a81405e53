"""TLS over a TCP stream: the handshake, the stream, and contexts made from keys and certificates.

Only this module needs Python's `ssl`; all others run without it.

TLS 1.2 at least. An end of the bytes without a close_notify counts as an orderly end, as many peers end that way.
WebSocket's own closing handshake tells whether the connection was complete.

Layer: `transport`.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import Cause, Error, TransportError
from gdpeer.transport.alarm import Alarm
from gdpeer.transport.os_errors import REFUSED_CERTIFICATES, TLS_FAILURES, broken
from gdpeer.transport.pem import Pem, private_file, read_pem, unusable
from gdpeer.transport.poller import Poller, Watch
from gdpeer.transport.stream import READ, WOULD_BLOCK, WRITE, Address, Connector, Ready, Stream
from gdpeer.transport.tcp import TcpStream

__all__ = ["Pem", "TlsConnector", "TlsStream", "client_context", "server_context"]

_RECORD = 16384
"""Bytes in one TLS record, at most (RFC 8446 section 5.1)."""

_PLACE = re.compile(r"^\[SSL\] | \(_ssl\.c:\d+\)$")
"""The text that Python puts around OpenSSL's words."""

_MOST_KEPT = 1 << 20
"""Most arrived bytes that `close_write` keeps; further bytes that have arrived by then are lost."""


def client_context(*, verify: bool = True, verify_hostname: bool = True, trusted: Pem | None = None) -> ssl.SSLContext:
    """Returns the TLS settings of a client.

    Args:
        verify: refuse a server whose certificate is not trusted. False: anybody can pose as the server, and read along.
        verify_hostname: also refuse a certificate for another host.
        trusted: certificates to trust instead of the system's: those of authorities, or the server's own.

    Raises:
        TransportError: `trusted` cannot be read, or holds no certificate.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = verify and verify_hostname
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    if trusted is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context
    what = "trusted certificates"
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a server's own certificate is enough
    try:
        context.load_verify_locations(cadata=read_pem(trusted, what, b"CERTIFICATE").decode("ascii", "ignore"))
    except (ssl.SSLError, ValueError) as error:
        raise unusable(what, _words(error)) from error
    return context


def server_context(key: Pem, certificate: Pem, chain: Pem | None = None) -> ssl.SSLContext:
    """Returns the TLS settings of a server.

    Args:
        key: the private key, not encrypted.
        certificate: the server's certificate; those of intermediate authorities may follow in the same text.
        chain: the intermediate authorities' certificates, if they are not in `certificate`.

    Raises:
        TransportError: one of them cannot be read or is not PEM, or the key does not belong to the certificate.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    key_text = read_pem(key, "key", b"PRIVATE KEY")
    text = read_pem(certificate, "certificate", b"CERTIFICATE")
    if chain is not None:
        text = text + b"\n" + read_pem(chain, "certificate chain", b"CERTIFICATE")
    with ExitStack() as files:
        key_path = files.enter_context(private_file(key_text, "key")) if isinstance(key, bytes) else key
        path = certificate
        if isinstance(certificate, bytes) or chain is not None:
            path = files.enter_context(private_file(text, "certificate"))
        try:
            # Without a password OpenSSL would ask for it at the terminal, and block.
            context.load_cert_chain(path, key_path, password=b"")
        except ssl.SSLError as error:
            raise unusable("key and certificate", _words(error)) from error
    return context


class TlsConnector(Connector):
    """A TLS handshake on an open TCP stream.

    Call `advance` repeatedly, or `attach` the connector and call `advance` from `ready`, all from one thread.

    Args:
        stream: the connector owns it from here on, and closes it.
        context: from `client_context` or `server_context`.
        server_side: whether this side is the server.
        server_hostname: of a client: the host to ask for (SNI), which the certificate must name.
        timeout: seconds for the handshake, from now on.
        clock: tells the time; the same as the poller's.
    """

    def __init__(
        self,
        stream: TcpStream,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        timeout: float = 10.0,
        clock: Clock = MONOTONIC,
    ) -> None:
        self._addresses = stream.remote_address, stream.local_address
        self._plain = stream.release()
        self._context = context
        self._server_side = server_side
        self._host = server_hostname
        self._timeout = timeout
        self._clock = clock
        self._deadline = clock.now() + timeout
        self._secured: ssl.SSLSocket | None = None
        self._watch = Watch(self._plain.fileno())
        self._alarm = Alarm()
        self._error: TransportError | None = None
        self._over = False

    def advance(self) -> TlsStream | None:
        """Continues the handshake.

        Returns:
            The open stream, once; None while the handshake goes on.

        Raises:
            TransportError: `Cause.TLS`: one side refuses the other's certificate, or the other side does not speak TLS;
                `Cause.TIMEOUT`.
        """
        if self._error is not None:
            raise self._error
        if self._over:
            return None
        try:
            secured = self._shake()
        except TransportError as error:
            self.close()
            self._error = error
            raise
        if secured is None:
            return None
        self.detach()
        self._over = True
        return TlsStream(secured, *self._addresses)

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Watches the socket and the deadline. See `Pollable.attach`."""
        self._watch.attach(poller, ready)
        self._alarm.attach(poller, ready)

    def detach(self) -> None:
        """Stops watching socket and deadline. See `Pollable.detach`."""
        self._watch.detach()
        self._alarm.detach()

    def close(self) -> None:
        """Gives up and closes the socket; a stream that was returned stays open."""
        self.detach()
        if not self._over:
            self._over = True
            (self._secured or self._plain).close()

    def _shake(self) -> ssl.SSLSocket | None:
        try:
            if self._secured is None:
                self._secured = self._wrap()
            self._secured.do_handshake()
            return self._secured
        except ssl.SSLWantReadError:
            self._wait(read=True)
        except ssl.SSLWantWriteError:
            self._wait(read=False)
        except (OSError, ValueError) as error:  # ValueError: the host name is not valid, or is missing
            raise self._failed(_words(error)) from error
        return None

    def _wrap(self) -> ssl.SSLSocket:
        # wrap_socket() checks both too, but only after it has taken the socket, which would leak.
        self._plain.getpeername()
        if self._host is not None:
            self._host.encode("idna")
        return self._context.wrap_socket(
            self._plain,
            server_side=self._server_side,
            server_hostname=self._host,
            do_handshake_on_connect=False,
        )

    def _wait(self, *, read: bool) -> None:
        if self._clock.now() >= self._deadline:
            raise self._failed(f"not done within {self._timeout:g} s", Cause.TIMEOUT, Error.ERR_TIMEOUT)
        self._watch.want(read=read, write=not read)
        self._alarm.set(self._deadline)

    def _failed(
        self, words: str, cause: Cause = Cause.TLS, error: Error = Error.ERR_CONNECTION_ERROR
    ) -> TransportError:
        host, port = self._addresses[0]
        where = self._host or (f"{host} port {port}" if port else host or "the other side")
        return TransportError(f"TLS handshake with {where} failed: {words}", cause, error)


class TlsStream(Stream):
    """An open TLS connection; made by `TlsConnector`. All calls belong to one thread."""

    __slots__ = (
        "_asked",
        "_ended",
        "_held",
        "_kept",
        "_local",
        "_ready",
        "_receive_needs_write",
        "_remote",
        "_send_needs_read",
        "_shut",
        "_socket",
        "_want_read",
        "_want_write",
        "_watch",
    )

    def __init__(self, secured: ssl.SSLSocket, remote: Address, local: Address) -> None:
        self._socket = secured
        self._remote = remote
        self._local = local
        self._watch = Watch(secured.fileno())
        self._ready: Ready | None = None
        self._asked: Poller | None = None
        self._want_read = True
        self._want_write = False
        self._send_needs_read = False
        self._receive_needs_write = False
        self._held = b""
        """A record that OpenSSL has begun to send: OpenSSL needs the same bytes again to go on."""
        self._kept = bytearray()
        """The bytes that had arrived when `close_write` was called."""
        self._ended = False
        self._shut = False

    def receive_into(self, buffer: Any) -> int:
        """Receives at most one record, as `Stream.receive_into`. OpenSSL may show a reset as an orderly end."""
        if self._kept:
            return self._take_kept(memoryview(buffer).cast("B"))
        if self._ended:
            return 0
        try:
            count = self._socket.recv_into(buffer)
        except ssl.SSLWantReadError:
            self._cross(receive=False)
            return WOULD_BLOCK
        except ssl.SSLWantWriteError:
            self._cross(receive=True)
            return WOULD_BLOCK
        except ssl.SSLZeroReturnError:  # the other side's close_notify, after ours
            count = 0
        except OSError as error:
            raise _broken(error) from error
        self._cross(receive=False)
        if not count:
            self._ended = True
        elif self._watch.poller is not None and self._socket.pending():
            # The rest of the record lies in OpenSSL: the descriptor does not show it.
            self._ask_turn()
        return count

    def send(self, chunks: Sequence[Any]) -> int:
        """Sends records; small chunks share a record. See `Stream.send`."""
        if self._shut:  # after unwrap() the socket would send plain text
            raise TransportError("sent after close_write", Cause.TLS, Error.ERR_CONNECTION_ERROR)
        total = len(self._held)
        if self._held and not self._send_record(self._held):
            return 0
        for record in _records(chunks, total):
            if not self._send_record(record):
                break
            total += len(record)
        return total

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Watches the socket, and the bytes that wait in OpenSSL. See `Pollable.attach`."""
        self._watch.attach(poller, self._on_ready)
        self._ready = ready
        self._ask_turn()

    def detach(self) -> None:
        """Stops watching the socket. See `Pollable.detach`."""
        self._watch.detach()
        self._ready = None

    def want_read(self, wanted: bool) -> None:
        """Sets whether arriving bytes are watched. See `Stream.want_read`."""
        self._want_read = wanted
        self._update()
        self._ask_turn()

    def want_write(self, wanted: bool) -> None:
        """Sets whether room for bytes is watched. See `Stream.want_write`."""
        self._want_write = wanted
        self._update()

    def has_pending(self) -> bool:
        """Tells whether decrypted bytes wait, which the descriptor's readiness does not show."""
        return bool(self._kept) or self._socket.pending() > 0

    def close_write(self) -> None:
        """Sends a close_notify, then FIN, and does not wait for the other side's. Arrived bytes stay readable."""
        if self._shut:
            return
        self._shut = True
        self._keep_arrived()
        try:
            self._socket.unwrap()
            self._ended = True  # the other side's close_notify came before
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass  # the usual case: our close_notify is sent, the other side's has not come yet
        except (OSError, ValueError):
            self._ended = True
        # SSLSocket.shutdown() would drop the TLS state, and with it the bytes still to be read.
        with suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_WR)
        self._ask_turn()

    def close(self) -> None:
        """Detaches and closes the socket, without a close_notify."""
        self.detach()
        self._kept.clear()
        self._socket.close()

    def fileno(self) -> int:
        """Returns the descriptor; -1 once closed. Its readiness does not show the bytes of `has_pending`."""
        return self._socket.fileno()

    def set_no_delay(self, enabled: bool) -> None:
        """Sets TCP_NODELAY; no effect on a Unix socket. See `Stream.set_no_delay`."""
        if self._socket.family != getattr(socket, "AF_UNIX", None):
            with suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled)

    @property
    def is_secure(self) -> bool:
        """Always True: the bytes are encrypted."""
        return True

    @property
    def remote_address(self) -> Address:
        """The other side's host and port, as they were when the stream opened."""
        return self._remote

    @property
    def local_address(self) -> Address:
        """This side's host and port, as they were when the stream opened."""
        return self._local

    def _send_record(self, record: Any) -> bool:
        """Sends one record. False: OpenSSL needs the same record again later."""
        try:
            self._socket.send(record)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            self._held = self._held or bytes(record)
            self._send_needs_read = isinstance(error, ssl.SSLWantReadError)
            self._update()
            return False
        except OSError as error:
            raise _broken(error) from error
        self._held = b""
        if self._send_needs_read:
            self._send_needs_read = False
            self._update()
        return True

    def _take_kept(self, view: memoryview) -> int:
        count = min(len(view), len(self._kept))
        view[:count] = self._kept[:count]
        del self._kept[:count]
        return count

    def _keep_arrived(self) -> None:
        # Python's unwrap() looks for the other side's close_notify, and fails if other bytes come first.
        kept = bytearray()
        buffer = bytearray(_RECORD)
        with suppress(TransportError):
            while len(kept) < _MOST_KEPT and (count := self.receive_into(buffer)) > 0:
                kept += buffer[:count]
        self._kept = kept

    def _cross(self, *, receive: bool) -> None:
        if receive != self._receive_needs_write:
            self._receive_needs_write = receive
            self._update()

    def _update(self) -> None:
        """Watches the directions that are wanted, and those that TLS needs to go on with them."""
        # TLS may need to write in order to receive (a key update), and to read in order to send.
        read = self._want_read and not self._receive_needs_write
        write = self._want_write and not self._send_needs_read
        self._watch.want(
            read=read or (self._want_write and self._send_needs_read),
            write=write or (self._want_read and self._receive_needs_write),
        )

    def _on_ready(self, events: int) -> None:
        ready = self._ready
        assert ready is not None  # detach() unregisters
        ready(READ | WRITE if self._send_needs_read or self._receive_needs_write else events)

    def _ask_turn(self) -> None:
        """Reports bytes in the next turn that the descriptor does not show."""
        poller = self._watch.poller
        if poller is not None and self._asked is not poller and self._want_read and self.has_pending():
            self._asked = poller
            poller.soon(lambda: self._on_turn(poller))

    def _on_turn(self, asked: Poller) -> None:
        if self._asked is asked:
            self._asked = None
        if self._watch.poller is not asked or self._ready is None or not self._want_read or not self.has_pending():
            return
        try:
            self._ready(READ)
        finally:
            self._ask_turn()


def _records(chunks: Sequence[Any], skip: int) -> Iterator[Any]:
    """Joins small chunks and cuts large ones to the size of a record, without the first `skip` bytes."""
    parts: list[memoryview] = []
    size = 0
    for chunk in chunks:
        view = memoryview(chunk).cast("B")
        dropped = min(skip, len(view))
        skip -= dropped
        view = view[dropped:]
        while len(view):
            part = view[: _RECORD - size]
            view = view[len(part) :]
            parts.append(part)
            size += len(part)
            if size == _RECORD:
                yield parts[0] if len(parts) == 1 else b"".join(parts)
                parts, size = [], 0
    if parts:
        yield parts[0] if len(parts) == 1 else b"".join(parts)


def _context(protocol: ssl._SSLMethod) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _broken(error: OSError) -> TransportError:
    if isinstance(error, ssl.SSLError):
        return TransportError(f"TLS broke: {_words(error)}", Cause.TLS, Error.ERR_CONNECTION_ERROR)
    return broken(error)


def _words(error: Exception) -> str:
    """Describes OpenSSL's error in one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return REFUSED_CERTIFICATES.get(error.verify_code) or f"the certificate is refused: {error.verify_message}"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or (
        isinstance(error, OSError) and not isinstance(error, ssl.SSLError)
    ):
        return "the other side closed the connection"
    if not isinstance(error, ssl.SSLError):
        return str(error)
    name = getattr(error, "reason", None) or _PLACE.sub("", str(error))
    if name in TLS_FAILURES:
        return TLS_FAILURES[name]
    _, alert, refusal = name.partition("_ALERT_")
    words = (refusal or name).replace("_", " ").lower()
    return f"the other side refused: {words}" if alert else words
