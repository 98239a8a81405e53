"""Connects to a host and port by TCP.

A name's addresses are tried as RFC 8305 section 5 asks: the next attempt starts when the one before has failed, or has
not answered within 250 ms. The first attempt that connects wins.

Layer: `transport`.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from math import inf
from typing import Any

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import Cause, Error, TransportError
from gdpeer.transport.alarm import Alarm
from gdpeer.transport.os_errors import permission_hint, reason
from gdpeer.transport.poller import Poller, Watch
from gdpeer.transport.quiet_socket import QuietSocket
from gdpeer.transport.resolver import Lookup, Target, look_up
from gdpeer.transport.sockets import TcpStream, address_of
from gdpeer.transport.stream import Connector, Ready

__all__ = ["TcpConnector", "TcpStream", "address_of"]

ATTEMPT_DELAY = 0.25
"""Seconds until the next address is tried beside an attempt that has no answer (RFC 8305 section 5)."""

_UNDERWAY = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN, errno.EINTR})


class TcpConnector(Connector):
    """Connects to a host and port.

    Call `advance` repeatedly, or `attach` the connector and call `advance` from `ready`, all from one thread. The
    constructor starts to resolve a name, in a thread of its own; an IP address needs no thread.

    Args:
        host: a name, or an IP address without brackets.
        port: 1 to 65535.
        timeout: seconds for all steps together, from now on.
        clock: tells the time; the same as the poller's.

    Raises:
        ValueError: the port is out of range.
    """

    def __init__(self, host: str, port: int, *, timeout: float = 30.0, clock: Clock = MONOTONIC) -> None:
        if not 0 < port < 65536:
            raise ValueError(f"port {port} is not in 1 ... 65535")
        self._name = f"{host} port {port}"
        self._timeout = timeout
        self._clock = clock
        self._deadline = clock.now() + timeout
        self._lookup: Lookup | None = look_up(host, port)
        self._waiting: deque[Target] = deque()
        self._next_at = -inf
        self._attempts: dict[Watch, tuple[socket.socket, Target]] = {}
        self._failures: list[str] = []
        self._hint = ""
        self._over = False
        self._alarm = Alarm()
        self._error: TransportError | None = None

    def advance(self) -> TcpStream | None:
        """Continues: takes the resolver's answer, checks the attempts, starts the next attempt.

        Returns:
            The open stream, once; None while it is not open yet.

        Raises:
            TransportError: `Cause.DNS`, `Cause.TCP` (every address failed; the detail names each), or `Cause.TIMEOUT`.
        """
        # attach() may have failed: it must not raise, as callers expect failures from here.
        if self._error is not None:
            self.close()
            raise self._error
        if self._over:
            return None
        try:
            won = self._step()
        except TransportError as error:
            self.close()
            self._error = error
            raise
        if won is None:
            self._alarm.set(min(self._deadline, self._next_at) if self._waiting else self._deadline)
            return None
        self.close()
        return TcpStream(won)

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Watches the look-up, each attempt, the 250 ms and the deadline. See `Pollable.attach`."""
        self._alarm.attach(poller, ready)
        for watch in self._attempts:
            watch.attach(poller, ready)
        if self._lookup is not None:
            self._watch_lookup(self._lookup)

    def _watch_lookup(self, lookup: Lookup) -> None:
        if self._alarm.poller is None or self._alarm.ready is None:
            return
        try:
            lookup.attach(self._alarm.poller, self._alarm.ready)
        except OSError as error:  # no descriptor left for the look-up's signal
            self._error = self._failed(reason(error.errno or 0))
        except TransportError as problem:
            self._error = self._failed(problem.detail)

    def detach(self) -> None:
        """Stops watching look-up, attempts and deadline. See `Pollable.detach`."""
        self._alarm.detach()
        for watch in self._attempts:
            watch.detach()
        if self._lookup is not None:
            self._lookup.detach()

    def close(self) -> None:
        """Gives up: closes every attempt and drops the look-up. A stream that was returned stays open."""
        self._over = True
        self.detach()
        if self._lookup is not None:
            self._lookup.close()
            self._lookup = None
        for attempt, _ in self._attempts.values():
            attempt.close()
        self._attempts.clear()
        self._waiting.clear()

    def _step(self) -> socket.socket | None:
        now = self._clock.now()
        self._take_answer()
        # Before the deadline: an attempt that connected at the last moment counts.
        won = self._check_attempts() or self._start_attempts(now)
        if won is not None:
            return won
        if self._lookup is None and not self._attempts:
            raise self._failed(self._summary())
        if now >= self._deadline:
            raise TransportError(
                f"cannot connect to {self._name} within {self._timeout:g} s: {self._summary()}",
                Cause.TIMEOUT,
                Error.ERR_TIMEOUT,
            )
        return None

    def _failed(self, words: str) -> TransportError:
        return TransportError(f"cannot connect to {self._name}: {words}", Cause.TCP, Error.ERR_CANT_CONNECT)

    def _take_answer(self) -> None:
        lookup = self._lookup
        # After a fork the parent's thread has the look-up: start it again in this process.
        if lookup is not None and lookup.is_lost:
            lookup.close()
            lookup = self._lookup = look_up(lookup.host, lookup.port)
            self._watch_lookup(lookup)
        if lookup is not None and lookup.done:
            self._waiting.extend(lookup.targets())
            lookup.close()
            self._lookup = None

    def _check_attempts(self) -> socket.socket | None:
        """Returns the first attempt that has connected. A failed attempt lets the next address start at once."""
        for watch, (attempt, target) in list(self._attempts.items()):
            failure = _outcome(attempt)
            if failure is None:
                continue
            watch.detach()
            del self._attempts[watch]
            if not failure:
                return attempt
            attempt.close()
            self._fail(target, failure)
        return None

    def _start_attempts(self, now: float) -> socket.socket | None:
        """Starts the attempts that are due. Returns an attempt that connects without waiting."""
        while self._waiting and (not self._attempts or now >= self._next_at):
            target = self._waiting.popleft()
            self._next_at = now + ATTEMPT_DELAY
            attempt, failure = _start(*target)
            if attempt is None:
                self._fail(target, failure)
            elif failure:
                self._watch_attempt(attempt, target)
            else:
                return attempt
        return None

    def _watch_attempt(self, attempt: socket.socket, target: Target) -> None:
        watch = Watch(attempt.fileno(), read=False, write=True)
        self._attempts[watch] = attempt, target
        if self._alarm.poller is not None and self._alarm.ready is not None:
            try:
                watch.attach(self._alarm.poller, self._alarm.ready)
            except TransportError as problem:
                del self._attempts[watch]
                attempt.close()
                self._note_failure(target, problem.detail)

    def _fail(self, target: Target, failure: int) -> None:
        self._note_failure(target, reason(failure))
        self._hint = permission_hint(failure) or self._hint

    def _note_failure(self, target: Target, words: str) -> None:
        self._next_at = -inf  # the next address starts without the delay
        self._failures.append(f"{target[1][0]}: {words}")

    def _summary(self) -> str:
        """Returns the outcome of each address in one line."""
        open_ones = [f"{target[1][0]}: no answer yet" for _, target in self._attempts.values()]
        if self._lookup is not None:
            open_ones.append("the name's lookup has not answered")
        words = ", ".join(self._failures + open_ones) or "the name has no addresses"
        return f"{words}; {self._hint}" if self._hint else words


def _start(family: int, address: Any) -> tuple[socket.socket | None, int]:
    """Starts to connect.

    Returns:
        A socket, and 0 if it has connected, else the `errno` of a connect in progress. Or None, and the failure.
    """
    try:
        attempt = QuietSocket(family, socket.SOCK_STREAM)
    except OSError as error:
        return None, error.errno or errno.EINVAL
    attempt.setblocking(False)
    try:
        failure = attempt.connect_ex(address)
    except BaseException:
        attempt.close()
        raise
    if failure and failure not in _UNDERWAY:
        attempt.close()
        return None, failure
    return attempt, failure


def _outcome(attempt: socket.socket) -> int | None:
    """Returns 0 if connected, None if still connecting, else the failure's `errno`. Never blocks."""
    # SO_ERROR is 0 both before and after the connect; getpeername() tells the two apart, on every system.
    failure = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if failure:
        return failure
    try:
        attempt.getpeername()
    except OSError as error:
        return None if error.errno == errno.ENOTCONN else error.errno
    return 0
