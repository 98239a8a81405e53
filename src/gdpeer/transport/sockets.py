"""An open TCP or Unix socket as a `Stream`.

In the compiled form, on systems with POSIX sockets, the stream calls the system directly: `socket.socket` would add
half of the system's own time to each call. The calls never block, so they keep the interpreter's lock: if they released
it for a microsecond, another thread could keep it for milliseconds.

Layer: `transport`; compiled (types in `sockets.pxd`).
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from gdpeer.transport.os_errors import broken
from gdpeer.transport.poller import Poller, Watch
from gdpeer.transport.quiet_socket import QuietSocket
from gdpeer.transport.stream import WOULD_BLOCK, Address, Ready, Stream

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.gdpeer.transport._posix import (
        ACCEPTS,
        DIRECT,
        gdpeer_accept,
        gdpeer_close,
        gdpeer_receive,
        gdpeer_shutdown,
        gdpeer_write_host,
        receive_bytes,
        send_chunks,
    )

__all__ = ["TcpStream", "accept_stream", "address_of"]

_MOST_CHUNKS = 1024
"""Most chunks in one system call: IOV_MAX of Linux, Android, macOS and the BSDs."""

_GATHERS = hasattr(socket.socket, "sendmsg")
_NO_SIGNAL: int = getattr(socket, "MSG_NOSIGNAL", 0)
_OWN_ACCEPT = (socket.socket, QuietSocket)
"""Types of listening sockets that may be accepted from directly; a test's subclass keeps its own `accept`."""

_NO_SIGNAL_OPTIONS = (0x1022,) if sys.platform == "darwin" else ()
"""SO_NOSIGPIPE: macOS has this option of a socket instead of MSG_NOSIGNAL."""

_TOO_EARLY = frozenset({errno.EAGAIN, errno.EWOULDBLOCK})
_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})


class TcpStream(Stream):
    """An open TCP or Unix socket.

    All calls belong to one thread. Small packets are sent at once (TCP_NODELAY) until `set_no_delay(False)`. No call
    raises SIGPIPE.

    Args:
        connected: an open socket; the stream owns it from here on and makes it non-blocking.
        remote: the other side's address, if it is known already.
    """

    if TYPE_CHECKING:  # see sockets.pxd
        _accepted: Any

    __slots__ = ("_descriptor", "_is_bare", "_local", "_remote", "_socket", "_watch")

    def __cinit__(self) -> None:  # compiled only
        # Without this the field is 0, the standard input, which a stream whose __init__ failed must not close.
        self._descriptor = -1

    def __init__(self, connected: socket.socket, remote: Address | None = None) -> None:
        connected.setblocking(False)
        for option in _NO_SIGNAL_OPTIONS:
            connected.setsockopt(socket.SOL_SOCKET, option, 1)
        self._socket: socket.socket | None = connected
        self._is_bare = False
        self._descriptor = connected.fileno()
        self._watch = Watch(self._descriptor)
        self._local: Address | None = None
        self._remote: Any = _address(connected.getpeername) if remote is None else remote  # None until it is read
        self.set_no_delay(True)

    def receive_into(self, buffer: Any) -> int:
        """Receives into a buffer by one recv. See `Stream.receive_into`."""
        if cython.compiled and DIRECT:
            received = receive_bytes(self._descriptor, buffer)
            return received if received >= 0 else self._failed(-received, WOULD_BLOCK)
        try:
            return self._object().recv_into(buffer)
        except BlockingIOError:
            return WOULD_BLOCK
        except OSError as error:
            raise broken(error) from error

    def receive_at(self, target: Any, room: int) -> int:  # compiled only
        """Receives to an address by one recv. See `Stream.receive_at`."""
        if not DIRECT:
            return Stream.receive_at(self, target, room)
        received = gdpeer_receive(self._descriptor, target, room)
        return received if received >= 0 else self._failed(-received, WOULD_BLOCK)

    def send(self, chunks: Sequence[Any]) -> int:
        """Sends by one send, or by one sendmsg for several chunks. See `Stream.send`."""
        if cython.compiled and DIRECT:
            sent = send_chunks(self._descriptor, chunks)
            return sent if sent >= 0 else self._failed(-sent, 0)
        try:
            connected = self._object()
            if len(chunks) == 1:
                return connected.send(chunks[0], _NO_SIGNAL)
            if not _GATHERS:
                return connected.send(b"".join(chunks), _NO_SIGNAL)
            if len(chunks) > _MOST_CHUNKS:
                return connected.sendmsg(islice(chunks, _MOST_CHUNKS), (), _NO_SIGNAL)  # type: ignore[attr-defined, no-any-return, unused-ignore]
            if not chunks:
                return 0
            return connected.sendmsg(chunks, (), _NO_SIGNAL)  # type: ignore[attr-defined, no-any-return, unused-ignore]
        except BlockingIOError:
            return 0
        except OSError as error:
            raise broken(error) from error

    def _failed(self, number: int, would_block: int) -> int:  # compiled only
        """Returns `would_block` where the call came too early; raises for every other error."""
        if number in _TOO_EARLY:
            return would_block
        error = OSError(number, os.strerror(number))
        raise broken(error) from error

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Watches the socket. See `Pollable.attach`."""
        self._watch.attach(poller, ready)

    def detach(self) -> None:
        """Stops watching the socket. See `Pollable.detach`."""
        self._watch.detach()

    def want_read(self, wanted: bool) -> None:
        """Sets whether arriving bytes are watched. See `Stream.want_read`."""
        self._watch.want_read(wanted)

    def want_write(self, wanted: bool) -> None:
        """Sets whether room for bytes is watched. See `Stream.want_write`."""
        self._watch.want_write(wanted)

    def has_pending(self) -> bool:
        """Always False: a plain socket holds no bytes outside of the system."""
        return False

    def close_write(self) -> None:
        """Sends a FIN. See `Stream.close_write`."""
        if cython.compiled and DIRECT:
            gdpeer_shutdown(self._descriptor)
            return
        with suppress(OSError):  # closed or reset before
            self._object().shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Detaches and closes the socket.

        The system still delivers the bytes that it has taken, unless received bytes are unread: then it sends a reset.
        """
        self._watch.detach()
        if self._socket is not None:
            self._socket.close()
        elif cython.compiled and self._is_bare:
            self._is_bare = False
            gdpeer_close(self._descriptor)
        self._descriptor = -1

    def set_no_delay(self, enabled: bool) -> None:
        """Sets TCP_NODELAY; no effect on a Unix socket. See `Stream.set_no_delay`."""
        with suppress(OSError):  # closed; or macOS, which refuses it once the other side has reset
            connected = self._object()
            if connected.family in _INTERNET:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled)

    def release(self) -> socket.socket:
        """Detaches and returns the socket, for TLS on top of it; the stream cannot be used afterwards."""
        self._watch.detach()
        connected = self._object()
        self._socket = None
        self._descriptor = -1
        return connected

    def _object(self) -> socket.socket:
        """Returns the Python socket. An accepted connection gets one only when a method needs it."""
        if self._socket is None:
            if self._descriptor < 0:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            self._socket = QuietSocket(fileno=self._descriptor)
            self._is_bare = False
            self._socket.setblocking(False)
        return self._socket

    def __dealloc__(self) -> None:  # compiled only
        # No Python socket closes this descriptor in its destructor.
        if self._is_bare:
            gdpeer_close(self._descriptor)

    def fileno(self) -> int:
        """Returns the descriptor; -1 once closed."""
        return self._descriptor

    @property
    def is_secure(self) -> bool:
        """Always False: a plain socket does not encrypt."""
        return False

    @property
    def remote_address(self) -> Address:
        """The other side's host and port, as they were when the stream opened."""
        if self._remote is None:
            self._remote = self._read_remote()
        address: Address = self._remote
        return address

    def come_from(self, address: Address) -> None:
        """Takes the address of the client for which a proxy has made this connection."""
        self._remote = address

    def _read_remote(self) -> Address:  # compiled only
        text = cython.declare(cython.char[64])
        if not gdpeer_write_host(cython.address(self._accepted), text, 64):
            return _address(lambda: self._object().getpeername())  # a Unix socket, usually without a path
        return address_of((text.decode("ascii"), self._accepted.port))

    @property
    def local_address(self) -> Address:
        """This side's host and port."""
        if self._local is None:
            self._local = _address(lambda: self._object().getsockname())
        return self._local


def accept_stream(listening: socket.socket) -> TcpStream:
    """Accepts a waiting connection.

    In the compiled form, Linux does so in one system call; the connection inherits the listening socket's TCP_NODELAY.

    Raises:
        BlockingIOError: no connection waits.
        OSError: as `socket.accept`.
    """
    if cython.compiled and ACCEPTS and type(listening) in _OWN_ACCEPT:
        stream = TcpStream.__new__(TcpStream)
        descriptor = stream._descriptor = gdpeer_accept(listening.fileno(), cython.address(stream._accepted))
        if descriptor < 0:
            raise OSError(-descriptor, os.strerror(-descriptor))
        stream._is_bare = True
        stream._watch = Watch(descriptor)
        return stream
    accepted, address = listening.accept()
    return TcpStream(QuietSocket(fileno=accepted.detach()), address_of(address))


def address_of(raw: Any) -> Address:
    """Converts the system's address to host and port. IPv4 within IPv6 becomes IPv4; a Unix path gets the port 0."""
    if isinstance(raw, tuple):
        host = raw[0]
        return (host[7:] if host.startswith("::ffff:") and "." in host else host), raw[1]
    return os.fsdecode(raw), 0


def _address(ask: Any) -> Address:
    try:
        return address_of(ask())
    except OSError:  # closed, or reset before anybody asked
        return "", 0
