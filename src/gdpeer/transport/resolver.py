"""Resolves host names to addresses without blocking.

The system's resolver blocks, so names are looked up in threads: at most 32, started when a name waits, ended when none
does. They are daemon threads: the interpreter does not wait for them at its end. An IP address needs no thread.

A child process (fork) inherits no threads: their look-ups are lost there, and the owner starts each of them again.

Layer: `transport`.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401  # getaddrinfo() loads it; where that fails once, Python never tries it again
import socket
from collections import deque
from contextlib import suppress
from functools import partial
from itertools import chain, zip_longest
from threading import Lock, Thread
from typing import Any

from gdpeer.errors import Cause, Error, TransportError
from gdpeer.platform import after_fork
from gdpeer.transport.os_errors import ANDROID_HINT, on_android
from gdpeer.transport.poller import Poller, Watch
from gdpeer.transport.quiet_socket import quiet_pair
from gdpeer.transport.stream import READ, Ready

__all__ = ["Lookup", "Resolver", "Target", "look_up"]

Target = tuple[socket.AddressFamily, Any]
"""An address family, and the address in the form that `connect` takes."""

_THREADS = 32
"""Names that are looked up at the same time. A look-up that hangs holds one thread; names that wait for a thread still
end at their connector's deadline."""


class Lookup:
    """The look-up of one name. Belongs to one thread, apart from `finish`.

    Attributes:
        dropped: the answer is not wanted any more.
        is_lost: no answer will come, as this process was forked meanwhile; look the name up again.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.dropped = False
        self.is_lost = False
        self._lock = Lock()
        self._targets: list[Target] | None = None
        self._error: Exception | None = None
        self._signal: tuple[socket.socket, socket.socket] | None = None
        self._watch: Watch | None = None

    @property
    def done(self) -> bool:
        """Whether `targets` has an answer."""
        return self._targets is not None or self._error is not None

    def targets(self) -> list[Target]:
        """Returns the addresses in the order to try: families alternate, the system's first choice first (RFC 8305
        section 4).

        Raises:
            TransportError: the name has no address; `Cause.DNS`.
        """
        if self._error is not None:
            raise _unresolved(self.host, self._error) from self._error
        return self._targets or []

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Calls `ready` once the answer is there."""
        with self._lock:
            if self._signal is None:
                self._signal = quiet_pair()
                # The thread may have finished before there was a pair to signal through.
                if self.done:
                    self._signal[1].send(b"\0")
        self._watch = Watch(self._signal[0].fileno())
        self._watch.attach(poller, ready)

    def detach(self) -> None:
        """Ends `attach`: `ready` is not called any more."""
        if self._watch is not None:
            self._watch.detach()
            self._watch = None

    def close(self) -> None:
        """Drops the look-up. A thread that hangs in the system's resolver is left alone."""
        self.dropped = True
        self.detach()
        with self._lock:
            if self._signal is not None:
                for end in self._signal:
                    end.close()
            self._signal = None

    def finish(self, targets: list[Target] | None = None, error: Exception | None = None) -> None:
        """Stores the answer; may be called from any thread."""
        with self._lock:
            self._targets = targets
            self._error = error
            if self._signal is not None:
                with suppress(OSError):
                    self._signal[1].send(b"\0")

    def lose(self) -> None:
        """Marks the look-up as lost in a child process, and calls `ready` in the next turn."""
        # The parent's thread may have held the lock during the fork, and nobody would release it here. The socket
        # pair is shared with the parent, so close() drops this process's end.
        self._lock = Lock()
        self.is_lost = not self.done
        watch = self._watch
        if watch is not None and watch.poller is not None:
            watch.poller.soon(partial(watch.ready, READ))
        self.close()


class Resolver:
    """Looks up names in at most `threads` threads, in the order of `submit`."""

    def __init__(self, threads: int = _THREADS) -> None:
        self._threads = threads
        self._lock = Lock()
        self._waiting: deque[Lookup] = deque()
        self._busy: set[Lookup] = set()
        self._running = 0

    def submit(self, lookup: Lookup) -> None:
        """Queues a look-up; a thread will call `lookup.finish`."""
        with self._lock:
            self._waiting.append(lookup)
            if self._running >= self._threads:
                return
            self._running += 1
        try:
            Thread(target=self._work, name="gdpeer-names", daemon=True).start()
        except RuntimeError as error:  # no more threads, or none at all on this platform
            with self._lock:
                self._running -= 1
                # A running thread takes the look-up later; without any thread no answer would ever come.
                if not self._running:
                    self._waiting.clear()
                    lookup.finish(error=error)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._running -= 1
                    return
                lookup = self._waiting.popleft()
                self._busy.add(lookup)
            if not lookup.dropped:
                try:
                    lookup.finish(_resolve(lookup.host, lookup.port))
                except Exception as error:
                    lookup.finish(error=error)
            self._busy.discard(lookup)

    def renew(self) -> None:
        """Starts anew in a child process, which has none of the parent's threads."""
        lost = [*self._busy, *self._waiting]
        self._lock = Lock()
        self._waiting.clear()
        self._busy.clear()
        self._running = 0
        for lookup in lost:
            lookup.lose()


RESOLVER = Resolver()
after_fork(RESOLVER.renew)


def look_up(host: str, port: int) -> Lookup:
    """Starts to look up a name; an IP address has its answer at once."""
    lookup = Lookup(host, port)
    try:
        lookup.finish(_resolve(host, port, socket.AI_NUMERICHOST))
    except socket.gaierror:
        RESOLVER.submit(lookup)
    except (OSError, ValueError) as error:  # ValueError: no valid name, UnicodeError included
        lookup.finish(error=error)
    return lookup


def interleave(targets: list[Target]) -> list[Target]:
    """Returns the targets with alternating address families, without duplicates."""
    unique = list(dict.fromkeys(targets))
    if not unique:
        return []
    first = [target for target in unique if target[0] == unique[0][0]]
    other = [target for target in unique if target[0] != unique[0][0]]
    return [target for target in chain.from_iterable(zip_longest(first, other)) if target is not None]


def _resolve(host: str, port: int, flags: int = 0) -> list[Target]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return interleave([(family, address) for family, _, _, _, address in found])


def _unresolved(host: str, error: Exception) -> TransportError:
    words = (error.strerror if isinstance(error, OSError) else None) or str(error)
    hint = f"; if the name is right, {ANDROID_HINT}" if on_android() else ""
    return TransportError(f"cannot resolve host {host!r}: {words}{hint}", Cause.DNS, Error.ERR_CANT_RESOLVE)
