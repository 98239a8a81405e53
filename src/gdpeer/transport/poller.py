"""Waits for many descriptors, deadlines and callbacks at once, so that idle peers cost nothing.

The owner of a `Poller` calls `turn`; the poller starts no thread and runs nothing between turns. The cost of a turn
depends on the ready descriptors and the due deadlines, not on the number of watched descriptors.

Linux uses epoll directly: a wait through `selectors` takes twice as long, and the compiled form even avoids the list of
ready descriptors. Other systems use `selectors`.

Invariants:
- Readiness is a state, not an edge: readiness that a callback leaves is reported again in the next turn.
- A callback is never called for a descriptor that was unregistered before, even if its number is reused in that turn.
- A descriptor that the system refuses to watch raises a TransportError from that one call. No failure of the system
  leaves `turn`.
- An exception of a callback leaves `turn`; the callbacks that had not run yet run in the next turn.
- A child process (fork) gets its own epoll and waker: nothing that the child does changes what the parent sees.

Layer: `transport`; compiled (types in `poller.pxd`).
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from heapq import heapify, heappop, heappush
from math import inf
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import TransportError
from gdpeer.logs import get_logger
from gdpeer.platform import after_fork, pause
from gdpeer.transport.os_errors import not_watched
from gdpeer.transport.quiet_socket import quiet_pair
from gdpeer.transport.readiness import Backend, EpollBackend, open_backend
from gdpeer.transport.stream import READ, WRITE, Ready

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.gdpeer.transport._epoll import change_events, gdpeer_bits, gdpeer_descriptor, wait_for_events

__all__ = ["Poller", "Timer", "Watch"]

logger = get_logger("gdpeer.transport")

Callback = Callable[[], Any]

_READ_WRITE = READ | WRITE
_LONGEST_WAIT = 86400.0
"""Seconds; a longer wait would overflow the system's milliseconds. A turn of more seconds just ends early."""
_DEAF_WAIT = 0.05
"""Seconds; the longest wait of a poller that cannot be woken because the process has no descriptor left."""
_MOST_EVENTS = 256
_MOST_WAITS = 4
"""Events that fit into the array of one wait (poller.pxd), and the most waits in one turn while the array is full."""
_LOG_INTERVAL = 60.0
"""Seconds between two warnings in the log that the system watches no more descriptors."""
_SHORTAGE = frozenset({errno.ENOMEM, errno.EAGAIN, errno.ENOBUFS, errno.ENOSPC})
"""Errors of a wait that pass by themselves: the wait counts as one that found nothing."""
_FEW_TIMERS = 64
"""Cancelled timers that may stay in the heap before a sweep is worth its time."""


class Timer:
    """A callback with a deadline; made by `Poller.call_at`.

    Attributes:
        when: the deadline, in seconds of the poller's clock.
    """

    __slots__ = ("_callback", "_number", "_poller", "when")

    def __init__(self, when: float, callback: Callback, poller: Poller, number: int = 0) -> None:
        self.when = when
        self._number = number  # of two timers for the same moment, the earlier one runs first
        self._callback: Callback | None = callback
        self._poller: Poller | None = poller

    @property
    def active(self) -> bool:
        """Whether the callback is still going to run."""
        return self._callback is not None

    def __lt__(self, other: Timer) -> bool:
        """Whether this timer is due before another: the order of the poller's heap."""
        return _is_before(self, other)

    def __hash__(self) -> int:
        """By identity; Cython takes the hash from a class that compares."""
        return object.__hash__(self)

    def cancel(self) -> None:
        """Cancels the callback. No effect after it ran or was cancelled."""
        if self._callback is None:
            return
        self._callback = None
        if self._poller is not None:
            self._poller._count_cancelled()

    def _run(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


def _is_before(timer: Timer, other: Timer) -> bool:
    return timer.when < other.when or (timer.when == other.when and timer._number < other._number)


class Watch:
    """A descriptor that a poller watches. Keeps the wanted readiness while no poller is attached.

    Args:
        descriptor: of an open socket; call `detach` before closing it.

    Attributes:
        poller: the poller that watches, or None.
        ready: the callback of that poller.
        mask: the wanted READ and WRITE bits.
        born: the turn in which the watch was attached.
    """

    __slots__ = ("born", "descriptor", "mask", "poller", "ready")

    def __init__(self, descriptor: int, *, read: bool = True, write: bool = False) -> None:
        self.descriptor = descriptor
        self.poller: Poller | None = None
        self.ready: Any = None  # a Ready, while attached
        self.mask = _mask(read, write)
        self.born = 0

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Has `poller` call `ready(events)` in each turn in which the descriptor is ready; a former registration ends.

        `events` holds READ and/or WRITE. An error or a hang-up counts as both, so that the next read or write finds it
        (where the system does not report errors apart: as the wanted bits). While neither is wanted, nothing is
        reported, not even errors and hang-ups.

        Raises:
            ValueError: the descriptor is registered already.
            TransportError: the system cannot watch the descriptor.
        """
        self.detach()
        try:
            poller._add(self, ready)
        except OSError as error:
            raise poller._refused(error) from error

    def detach(self) -> None:
        """Unregisters from the poller. No effect when not attached."""
        if self.poller is not None:
            self.poller.unregister(self.descriptor)
            self.poller = self.ready = None

    def want(self, read: bool, write: bool) -> None:
        """Changes the wanted readiness; costs no system call if nothing changes.

        Raises:
            TransportError: the system cannot watch the descriptor; the former bits stay in force.
        """
        mask = _mask(read, write)
        if mask == self.mask:
            return
        poller = self.poller
        if poller is not None:
            try:
                poller._change(self.descriptor, self.mask, mask)
            except OSError as error:
                raise poller._refused(error) from error
        self.mask = mask

    def want_read(self, wanted: bool) -> None:
        """Sets whether arriving bytes are watched."""
        self.want(wanted, self.mask & WRITE != 0)

    def want_write(self, wanted: bool) -> None:
        """Sets whether room for bytes is watched."""
        self.want(self.mask & READ != 0, wanted)


class Poller:
    """Waits for descriptors, deadlines and callbacks, and calls those that are ready or due.

    All calls belong to the thread that calls `turn`; only `wake` may be called from any thread. As a context manager a
    poller closes itself.

    Args:
        clock: tells the time for `call_at`. With a clock that is moved by hand, turn with a timeout of 0.
        backend: for tests of this module.

    Attributes:
        on_close: called before `descriptor` is closed, for an event loop that watches it.
    """

    if TYPE_CHECKING:  # see poller.pxd
        _events: Any

    def __init__(self, clock: Clock = MONOTONIC, *, backend: Backend | None = None) -> None:
        self.clock = clock
        self._use(backend or open_backend())
        self._watches: dict[int, Watch] = {}
        self._serial = 0
        self._soon: deque[Callback] = deque()
        self._heap: list[Timer] = []
        self._due: deque[Timer] = deque()
        self._cancelled = 0
        self._order = 0  # the number of the newest timer
        self._wake_lock = RLock()  # re-entrant: a signal handler may call wake() while its thread holds the lock
        self._woken = False
        self._waker: tuple[socket.socket, socket.socket] | None = None
        self._closed = False
        self._log_after = 0.0
        self.on_close: Callback | None = None
        _pollers.add(self)

    def _use(self, backend: Any) -> None:
        self._backend = backend
        self._wait = backend.wait
        self._epoll = backend.descriptor if isinstance(backend, EpollBackend) else -1

    def _renew(self) -> None:
        """Replaces the system's resources in a child process."""
        # Parent and child share epoll and waker until the child replaces them. The lock may be held by a thread that
        # exists in the parent only.
        self._wake_lock = RLock()
        self._woken = False
        for end in self._waker or ():
            end.close()
        self._waker = None
        with suppress(OSError):  # a child does not inherit kqueue
            self._backend.close()
        self._use(type(self._backend)())
        for watch in self._watches.values():
            if watch.mask:
                with suppress(OSError, KeyError, ValueError):  # the descriptor was closed without `unregister`
                    self._change(watch.descriptor, 0, watch.mask)

    def _add(self, watch: Watch, ready: Ready) -> None:
        descriptor = watch.descriptor
        if descriptor in self._watches:
            raise ValueError(f"descriptor {descriptor} is registered already")
        # Without bits the descriptor stays out of epoll, which would report errors and hang-ups nevertheless.
        if watch.mask:
            self._change(descriptor, 0, watch.mask)
        self._watches[descriptor] = watch
        watch.poller = self
        watch.ready = ready
        watch.born = self._serial

    def unregister(self, descriptor: int) -> None:
        """Stops watching; call it before closing the descriptor. No effect when not registered."""
        watch = self._watches.pop(descriptor, None)
        if watch is not None and watch.mask:
            try:
                self._change(descriptor, watch.mask, 0)
            except (OSError, KeyError, ValueError):
                return  # the descriptor was closed before, and the system forgot it then

    def _change(self, descriptor: int, old: int, new: int) -> None:
        if cython.compiled and self._epoll >= 0:
            change_events(self._epoll, descriptor, old, new)
        else:
            self._backend.change(descriptor, old, new)

    def _refused(self, error: OSError) -> TransportError:
        """Returns the error for a descriptor that the system cannot watch, and logs it at most once a minute."""
        problem = not_watched(error)
        now = self.clock.now()
        if now >= self._log_after:
            self._log_after = now + _LOG_INTERVAL
            logger.warning("%s; connections are refused as long as that lasts", problem.detail)
        return problem

    @property
    def descriptor(self) -> int:
        """A descriptor for another event loop: readable while a watched descriptor is ready, not when a timer is due.
        -1 where the system has none, or once closed. `due_at` has the time of the next timer.
        """
        descriptor: int = -1 if self._closed else self._backend.descriptor
        return descriptor

    def due_at(self) -> float:
        """Returns when the next turn is due even if nothing gets ready, in seconds of `clock`.

        Minus infinity while callbacks wait; infinity while there is no deadline.
        """
        if self._soon or self._due or self._woken:
            return -inf
        self._drop_cancelled()
        return self._heap[0].when if self._heap else inf

    def soon(self, callback: Callback) -> None:
        """Runs `callback()` in the next turn, which then does not wait."""
        self._soon.append(callback)

    def call_at(self, when: float, callback: Callback) -> Timer:
        """Runs `callback()` in the first turn that ends at or after `when`, in seconds of `clock`."""
        self._order += 1
        timer = Timer(when, callback, self, self._order)
        heappush(self._heap, timer)
        return timer

    def turn(self, timeout: float = 0.0) -> None:
        """Waits until there is something to do, then does it.

        In this order: the callbacks of ready descriptors, those passed to `soon` before this turn, the due timers.

        Args:
            timeout: wait at most this many seconds; negative: without limit; 0: do not wait. The wait ends earlier when
                a descriptor gets ready, a timer gets due, or `wake` is called. It ends after 50 ms while the process
                has no descriptor left to be woken through.

        Raises:
            Exception: raised by a callback. The other callbacks run in the next turn.
        """
        serial = self._serial = self._serial + 1
        # Callbacks that pass themselves to `soon` again run in the next turn, so a turn always ends.
        waiting = len(self._soon)
        if timeout != 0:
            timeout = self._shorten(timeout)
        if cython.compiled and self._epoll >= 0:
            self._call_ready(timeout, serial)
        else:
            self._call_found(self._find(timeout), serial)
        if waiting:
            self._run_soon(waiting)
        if self._heap or self._due:
            self._run_due()

    def _find(self, timeout: float) -> list[tuple[int, int]]:
        """Waits and returns the ready descriptors; none if a signal handler closed this poller, or memory is short."""
        was_closed = self._closed
        try:
            found: list[tuple[int, int]] = self._wait(timeout)
            return found
        except OSError as error:
            if was_closed or not self._closed:
                self._sleep_instead(error, timeout)
        except ValueError:
            if was_closed or not self._closed:
                raise
        return []

    def _sleep_instead(self, error: OSError, timeout: float) -> None:
        """Sleeps in place of a wait that failed, so that the owner's loop does not use the whole processor."""
        if error.errno not in _SHORTAGE:
            raise error
        pause(_DEAF_WAIT if timeout < 0 else min(timeout, _DEAF_WAIT))

    def _call_ready(self, timeout: float, serial: int) -> None:  # compiled only
        """Waits and calls back, on Linux."""
        watches = self._watches
        waits = 0
        found = _MOST_EVENTS
        # A callback may close this poller. It may also turn it, and so overwrite the array: a stream that is then
        # called without being ready finds nothing to do.
        while found == _MOST_EVENTS and waits < _MOST_WAITS and self._epoll >= 0:
            try:
                found = wait_for_events(
                    cython.address(self._epoll), self._events, _MOST_EVENTS, 0.0 if waits else timeout
                )
            except OSError as error:
                self._sleep_instead(error, timeout)
                found = 0
            waits += 1
            if self._woken:
                self._clear_wake()
            for i in range(found):
                watch = watches.get(gdpeer_descriptor(self._events + i))
                if watch is not None and watch.born < serial:
                    bits = gdpeer_bits(self._events + i)
                    watch.ready(bits if bits <= _READ_WRITE else _READ_WRITE)

    def _call_found(self, found: list[tuple[int, int]], serial: int) -> None:
        if self._woken:
            self._clear_wake()
        watches = self._watches
        for descriptor, bits in found:
            watch = watches.get(descriptor)
            # A watch that was born in this turn has the number of a descriptor that another callback closed.
            if watch is not None and watch.born < serial:
                watch.ready(bits if bits <= _READ_WRITE else _READ_WRITE)

    def wake(self) -> None:
        """Ends the wait of the current or else the next turn. Callable from any thread and from a signal handler."""
        with self._wake_lock:
            if self._woken or self._closed:
                return
            self._woken = True
            # Without a waker no turn is waiting now; _woken keeps the next turn from waiting.
            if self._waker is not None:
                self._waker[1].send(b"\0")

    def close(self) -> None:
        """Frees all resources and calls nothing but `on_close`. The descriptors stay open. May be called again."""
        with self._wake_lock:
            if self._closed:
                return
            self._closed = True
            if self._waker is not None:
                for end in self._waker:
                    end.close()
            self._waker = None
            self._woken = False
        # The other loop must stop watching before the number of the descriptor can be reused.
        callback, self.on_close = self.on_close, None
        if callback is not None:
            callback()
        self._watches.clear()
        self._soon.clear()
        self._heap.clear()
        self._due.clear()
        self._epoll = -1
        self._backend.close()

    def __del__(self) -> None:
        """Closes a poller that is not used any more, without a warning."""
        self.close()

    def __enter__(self) -> Poller:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _shorten(self, timeout: float) -> float:
        """Returns how long the turn may wait, given the pending callbacks and timers."""
        # Only a turn that waits needs a waker: a poller that never waits costs no two descriptors.
        if self._waker is None and not self._open_waker() and not 0 <= timeout <= _DEAF_WAIT:
            timeout = _DEAF_WAIT
        if self._woken or self._soon or self._due:
            return 0.0
        self._drop_cancelled()
        if self._heap:
            left = max(self._heap[0].when - self.clock.now(), 0.0)
            if timeout < 0 or left < timeout:
                timeout = left
        return min(timeout, _LONGEST_WAIT)

    def _drop_cancelled(self) -> None:
        """Removes cancelled timers from the top of the heap."""
        heap = self._heap
        while heap and not heap[0].active:
            heappop(heap)
            self._cancelled -= 1

    def _open_waker(self) -> bool:
        """Opens the socket pair through which `wake` ends a wait. False: the process has no descriptors left."""
        with self._wake_lock, ExitStack() as on_failure:
            try:
                ends = quiet_pair()
                for end in ends:
                    on_failure.callback(end.close)
                    end.setblocking(False)
                self._backend.change(ends[0].fileno(), 0, READ)
            except OSError:
                return False
            on_failure.pop_all()
            self._waker = ends
            return True

    def _clear_wake(self) -> None:
        """Takes back a wake-up, before the callbacks run: a wake-up that comes while they run is for the next turn."""
        with self._wake_lock:
            self._woken = False
            if self._waker is not None:
                with suppress(BlockingIOError):  # empty if `wake` came before the pair was open
                    self._waker[0].recv(64)

    def _run_soon(self, waiting: int) -> None:
        callbacks = self._soon
        while waiting and callbacks:  # a nested turn may have run them
            waiting -= 1
            callbacks.popleft()()

    def _run_due(self) -> None:
        """Runs the timers that are due now. A timer that they set for now runs in the next turn."""
        now = self.clock.now()
        heap, due = self._heap, self._due
        while heap:
            timer = heap[0]
            if timer.when > now:
                break
            heappop(heap)
            timer._poller = None
            if timer._callback is None:
                self._cancelled -= 1
            else:
                due.append(timer)
        # _due survives an exception: the next turn runs the timers that are left.
        while due:
            timer = due.popleft()
            timer._run()

    def _count_cancelled(self) -> None:
        self._cancelled += 1
        # Removal from within a heap is slow. A sweep once cancelled timers are over half costs constant time per timer.
        if self._cancelled > _FEW_TIMERS and self._cancelled * 2 > len(self._heap):
            self._heap = [timer for timer in self._heap if timer.active]
            heapify(self._heap)
            self._cancelled = 0


def _mask(read: bool, write: bool) -> int:
    return (READ if read else 0) | (WRITE if write else 0)


_pollers: WeakSet[Poller] = WeakSet()


def _renew_all() -> None:
    for poller in list(_pollers):
        if not poller._closed:
            poller._renew()


after_fork(_renew_all)
