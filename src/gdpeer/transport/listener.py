"""Accepts connections on a port or a Unix socket.

Layer: `transport`.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401  # see resolver.py
import errno
import os
import socket
import stat
from contextlib import suppress
from typing import Any

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import Cause, Error, TransportError
from gdpeer.logs import get_logger
from gdpeer.transport.os_errors import explain, reason
from gdpeer.transport.poller import Poller, Timer, Watch
from gdpeer.transport.quiet_socket import QuietSocket
from gdpeer.transport.sockets import TcpStream, accept_stream, address_of
from gdpeer.transport.stream import Address, Pollable, Ready

__all__ = ["BACKLOG", "Listener"]

BACKLOG = 4096
"""Connections that the system keeps waiting, at most its own limit (Linux: net.core.somaxconn)."""

PAUSE = 0.1
"""Seconds without accepting after the process or the machine ran out of file descriptors."""

_LOG_INTERVAL = 60.0
"""Seconds between two warnings in the log about that."""

_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_LOST_NAMES = (
    "ECONNABORTED ECONNRESET EHOSTDOWN EHOSTUNREACH ENETDOWN ENETUNREACH ENONET ENOPROTOOPT EOPNOTSUPP EPERM EPROTO"
    " ETIMEDOUT"
)
_LOST = frozenset(getattr(errno, name) for name in _LOST_NAMES.split() if hasattr(errno, name))
"""The errors of `accept` for a connection that broke while it waited."""

_OWN_PORT: int = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
"""The option that protects the port: on Windows no other process may share it. Elsewhere a port may be taken while its
old connections linger, but not from a live listener."""

_log = get_logger("gdpeer.transport")


class Listener(Pollable):
    """A socket that accepts connections.

    All calls belong to one thread. With a poller, `attach` the listener and call `accept` from `ready`; without a
    poller, call `accept` regularly.

    Args:
        address: an IPv4 or IPv6 address, or "*" for all addresses of this machine (IPv6 and IPv4 in one socket where
            the system can, else IPv4 only). No names.
        port: 0 to 65535; 0 takes a free port, see `local_address`.
        backlog: connections that the system keeps waiting until they are accepted.
        reuse_port: share the port with other processes that also set this; the system spreads connections over them
            (Linux, BSD).
        clock: tells the time; the same as the poller's.

    Raises:
        TransportError: with the engine's codes: ERR_INVALID_PARAMETER (no such address or port), ERR_CANT_CREATE (the
            system gives no socket), ERR_ALREADY_IN_USE (the port is taken, or not permitted), FAILED (the system
            refuses to listen), ERR_UNAVAILABLE (`reuse_port` or Unix sockets on a system without them).
    """

    def __init__(
        self,
        address: str = "*",
        port: int = 0,
        *,
        backlog: int = BACKLOG,
        reuse_port: bool = False,
        clock: Clock = MONOTONIC,
    ) -> None:
        if not 0 <= port < 65536:
            raise TransportError(f"port {port} is not in 0 ... 65535", Cause.TCP, Error.ERR_INVALID_PARAMETER)
        listening = _bind_all(port, reuse_port) if address == "*" else _bind_one(address, port, reuse_port)
        self._start(listening, backlog, clock, "")

    @classmethod
    def unix(cls, path: str | os.PathLike[str], *, backlog: int = BACKLOG, clock: Clock = MONOTONIC) -> Listener:
        """Listens on a Unix socket.

        Replaces the socket of a dead server at `path`, but not the socket of a live server or a file of another kind.
        `close` removes the file.

        Args:
            path: of the socket; on most systems at most 107 bytes.
            backlog: connections that the system keeps waiting until they are accepted.
            clock: tells the time; the same as the poller's.

        Raises:
            TransportError: with the same codes as the constructor.
        """
        self = cls.__new__(cls)
        path = os.fspath(path)
        self._start(_bind_unix(path), backlog, clock, path)
        return self

    def _start(self, listening: socket.socket, backlog: int, clock: Clock, path: str) -> None:
        listening.setblocking(False)
        # On Linux accepted sockets inherit the option, which saves a system call per connection.
        if listening.family in (socket.AF_INET, socket.AF_INET6):
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._local = address_of(listening.getsockname())
        try:
            listening.listen(backlog)
        except OSError as error:
            listening.close()
            raise TransportError(f"cannot listen on {_place(self._local)}: {explain(error.errno or 0)}") from error
        self._socket = listening
        self._path = path
        self._file = _identity(path) if path else None
        # close() compares these two: it must not remove the file from a child process, nor another server's file.
        self._process = os.getpid()
        self._clock = clock
        self._watch = Watch(listening.fileno())
        self._resume: Timer | None = None
        self._log_after = clock.now()

    def accept(self, limit: int = BACKLOG) -> list[TcpStream]:
        """Accepts the waiting connections.

        When the process runs out of file descriptors, the other connections keep waiting in the system: with a poller
        for 0.1 seconds, without a poller until the next call. The log says so, at most once a minute. Connections that
        broke while they waited are left out.

        Args:
            limit: accept at most this many; the poller reports the others in the next turn.

        Raises:
            TransportError: the listener itself is broken.
        """
        streams: list[TcpStream] = []
        while len(streams) < limit:
            try:
                streams.append(accept_stream(self._socket))
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno in _LOST:
                    continue
                if error.errno not in _SHORTAGE:
                    words = explain(error.errno or 0)
                    raise TransportError(f"{_place(self._local)} takes no connections: {words}") from error
                self._pause(error.errno)
                break
        return streams

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Calls `ready` in each turn while connections wait. See `Pollable.attach`."""
        self._watch.attach(poller, ready)

    def detach(self) -> None:
        """Stops watching and ends a pause after a shortage of descriptors. See `Pollable.detach`."""
        self._watch.detach()
        if self._resume is not None:
            self._resume.cancel()
            self._go_on()

    def close(self) -> None:
        """Stops listening; the system refuses the connections that still wait. May be called again.

        Also removes the file of a Unix socket, except in a child process: the parent may still listen.
        """
        self.detach()
        self._socket.close()
        is_own = self._process == os.getpid()
        if is_own and self._file is not None and _identity(self._path) == self._file:
            with suppress(OSError):
                os.unlink(self._path)
        self._file = None

    def __del__(self) -> None:
        """Stops listening, as the engine does when a listener is freed."""
        if hasattr(self, "_socket"):  # __init__ may have failed before
            self.close()

    @property
    def local_address(self) -> Address:
        """The address that is listened on, with the port that was taken."""
        return self._local

    def fileno(self) -> int:
        """Returns the descriptor; -1 once closed."""
        return self._socket.fileno()

    def _pause(self, number: int) -> None:
        now = self._clock.now()
        if now >= self._log_after:
            self._log_after = now + _LOG_INTERVAL
            _log.warning("%s takes no more connections for now: %s", _place(self._local), reason(number))
        poller = self._watch.poller
        if poller is not None and self._resume is None:
            self._resume = poller.call_at(now + PAUSE, self._go_on)
            # Stop watching: the waiting connections would make every turn ready, and keep the process busy. If the
            # system refuses even that, the process is busy until the pause ends.
            with suppress(TransportError):
                self._watch.want_read(False)

    def _go_on(self) -> None:
        self._resume = None
        try:
            self._watch.want_read(True)
        except TransportError:
            # Still short of resources: without another timer the listener would stay deaf.
            if self._watch.poller is not None:
                self._resume = self._watch.poller.call_at(self._clock.now() + PAUSE, self._go_on)


def _bind_all(port: int, reuse_port: bool) -> socket.socket:
    """Binds one socket for IPv6 and IPv4; IPv4 alone where the system has no IPv6."""
    if socket.has_ipv6:
        try:
            return _bind(socket.AF_INET6, ("::", port), reuse_port, dual=True)
        except TransportError as error:
            cause = error.__cause__
            # A port that is taken or forbidden fails for IPv4 too; other failures mean that IPv6 does not work.
            if not isinstance(cause, OSError) or cause.errno in (errno.EADDRINUSE, errno.EACCES):
                raise
    return _bind(socket.AF_INET, ("0.0.0.0", port), reuse_port)


def _bind_one(address: str, port: int, reuse_port: bool) -> socket.socket:
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, ValueError) as error:
        raise TransportError(
            f"{address!r} is not an IP address to listen on (all of this machine: *)",
            Cause.TCP,
            Error.ERR_INVALID_PARAMETER,
        ) from error
    return _bind(found[0][0], found[0][4], reuse_port)


def _bind(family: socket.AddressFamily, address: Any, reuse_port: bool, *, dual: bool = False) -> socket.socket:
    place = _place(address)
    if reuse_port and not hasattr(socket, "SO_REUSEPORT"):
        raise TransportError("this system cannot share a port", Cause.TCP, Error.ERR_UNAVAILABLE)
    bound = _socket(family, place)
    try:
        bound.setsockopt(socket.SOL_SOCKET, _OWN_PORT, 1)
        if reuse_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # type: ignore[attr-defined, unused-ignore]
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise _refused(place, error) from error
    return bound


def _bind_unix(path: str) -> socket.socket:
    if not hasattr(socket, "AF_UNIX"):
        raise TransportError("this system has no Unix sockets", Cause.TCP, Error.ERR_UNAVAILABLE)
    bound = _socket(socket.AF_UNIX, path)
    try:
        _clear(path)
        bound.bind(path)
    except OSError as error:
        bound.close()
        raise _refused(path, error) from error
    except TransportError:
        bound.close()
        raise
    return bound


def _clear(path: str) -> None:
    """Removes the socket file of a dead server, and leaves every other file in place."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return  # not a socket: bind() fails and names the reason
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:  # type: ignore[attr-defined, unused-ignore]
        probe.setblocking(False)
        # Only a refused connection proves that no process listens on the file.
        if probe.connect_ex(path) != errno.ECONNREFUSED:
            raise TransportError(f"a server listens on {path} already", Cause.TCP, Error.ERR_ALREADY_IN_USE)
    os.unlink(path)


def _socket(family: socket.AddressFamily, place: str) -> socket.socket:
    try:
        return QuietSocket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise TransportError(
            f"no socket for {place}: {explain(error.errno or 0)}", Cause.TCP, Error.ERR_CANT_CREATE
        ) from error


def _refused(place: str, error: OSError) -> TransportError:
    if error.errno is None:  # Python itself refuses a Unix path that is too long
        return TransportError(f"cannot listen on {place}: {error}", Cause.TCP, Error.ERR_INVALID_PARAMETER)
    return TransportError(f"cannot listen on {place}: {explain(error.errno)}", Cause.TCP, Error.ERR_ALREADY_IN_USE)


def _place(address: Any) -> str:
    """Names an address in an error: host and port, or a Unix socket's path."""
    return f"{address[0]} port {address[1]}" if address[1] else str(address[0])


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
