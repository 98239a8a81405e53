"""One wait for many descriptors, deadlines and callbacks: what makes idle peers cost nothing.

A `Poller` is turned by its owner; it starts no thread and runs nothing between turns. What a turn costs follows the
descriptors that are ready and the deadlines that are due, not those that are watched.

On Linux epoll is used directly, as a wait of it costs half of one through `selectors`, and compiled even without a list
of what is ready; elsewhere `selectors`.

Invariants:
- Readiness is a state, not an edge: what was not dealt with is reported in the next turn again.
- A callback is never called for a descriptor that was unregistered before, not even when the number was given out anew
  within the same turn.
- What the system refuses to watch is a TransportError of that one watch. No failure of the system's leaves `turn`.
- An exception of a callback leaves `turn`; what had not run by then is not lost but comes in the next turn.
- A child process (fork) watches anew: nothing that it does with what it inherited changes what its parent is told.

Layer: `transport`; compiled (types in `poller.pxd`).
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from heapq import heapify, heappop, heappush
from itertools import count
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
"""Seconds; a longer wait would overflow the system's milliseconds. The turn then just ends early."""
_DEAF_WAIT = 0.05
"""Seconds; the longest wait of a poller that cannot be woken, as there is no descriptor left for that."""
_MOST_EVENTS = 256
_MOST_WAITS = 4
"""So many events fit into the array of one wait (poller.pxd), and so many waits make a turn while it is full."""
_LOG_INTERVAL = 60.0
"""Seconds between two complaints that the system watches no more."""
_SHORTAGE = frozenset({errno.ENOMEM, errno.EAGAIN, errno.ENOBUFS, errno.ENOSPC})
"""What passes by itself: such a wait has found nothing."""
_FEW_TIMERS = 64
"""Cancelled timers that may lie in the heap before it is worth sweeping."""


class Timer:
    """A callback with a time; made by `Poller.call_at`.

    Attributes:
        when: seconds of the poller's clock at which it is due.
    """

    __slots__ = ("_callback", "_poller", "when")

    def __init__(self, when: float, callback: Callback, poller: Poller) -> None:
        self.when = when
        self._callback: Callback | None = callback
        self._poller: Poller | None = poller

    @property
    def active(self) -> bool:
        """Whether it is still going to run."""
        return self._callback is not None

    def cancel(self) -> None:
        """Have it not run. Without effect when it has run, or was cancelled."""
        if self._callback is None:
            return
        self._callback = None
        if self._poller is not None:
            self._poller._count_cancelled()

    def _run(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Watch:
    """A descriptor's place in a poller. It remembers what is wanted while no poller is there.

    Args:
        descriptor: of an open socket; `detach` must come before it is closed.

    Attributes:
        poller: the one that watches, or None.
        ready: what it calls.
        mask: READ and WRITE as wanted.
        born: the turn in which it was attached.
    """

    __slots__ = ("born", "descriptor", "mask", "poller", "ready")

    def __init__(self, descriptor: int, *, read: bool = True, write: bool = False) -> None:
        self.descriptor = descriptor
        self.poller: Poller | None = None
        self.ready: Any = None  # a Ready, while attached
        self.mask = _mask(read, write)
        self.born = 0

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Register; a former registration ends.

        Raises:
            ValueError: the descriptor is registered already.
            TransportError: the system cannot watch it.
        """
        self.detach()
        try:
            poller._add(self, ready)
        except OSError as error:
            raise poller._refused(error) from error

    def detach(self) -> None:
        """Unregister, if registered."""
        if self.poller is not None:
            self.poller.unregister(self.descriptor)
            self.poller = self.ready = None

    def want(self, read: bool, write: bool) -> None:
        """Change what is looked for; costs nothing when nothing changes.

        Raises:
            TransportError: the system cannot watch it; what was looked for before still is.
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
        """Whether to look for bytes."""
        self.want(wanted, self.mask & WRITE != 0)

    def want_write(self, wanted: bool) -> None:
        """Whether to look for room."""
        self.want(self.mask & READ != 0, wanted)


class Poller:
    """Waits for descriptors, deadlines and callbacks, and calls what there is to call.

    All of it belongs to one thread, the one that calls `turn`; only `wake` may be called from anywhere.
    As a context manager it closes itself.

    Args:
        clock: tells the time for `call_at`. With a clock that is moved by hand, turn with a timeout of 0.
        backend: for tests of this module.

    Attributes:
        on_close: called before `descriptor` goes, for the loop of somebody else's that watches it.
    """

    if TYPE_CHECKING:  # see poller.pxd
        _events: Any

    def __init__(self, clock: Clock = MONOTONIC, *, backend: Backend | None = None) -> None:
        self.clock = clock
        self._use(backend or open_backend())
        self._watches: dict[int, Watch] = {}
        self._serial = 0
        self._soon: deque[Callback] = deque()
        self._heap: list[tuple[float, int, Timer]] = []
        self._due: deque[Timer] = deque()
        self._cancelled = 0
        self._order = count()
        self._wake_lock = RLock()  # re-entrant: a signal handler may call wake() while the same thread is in here
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
        """In a child process: the parent's epoll and waker are shared with it until they are replaced."""
        self._wake_lock = RLock()
        self._woken = False
        for end in self._waker or ():
            end.close()
        self._waker = None
        with suppress(OSError):  # kqueue stays behind in the parent
            self._backend.close()
        self._use(type(self._backend)())
        for watch in self._watches.values():
            if watch.mask:
                with suppress(OSError, KeyError, ValueError):  # its descriptor was closed without a word
                    self._change(watch.descriptor, 0, watch.mask)

    def register(self, descriptor: int, ready: Ready, *, read: bool = True, write: bool = False) -> None:
        """Have `ready(events)` called in each turn in which the descriptor is ready.

        `events` holds READ and/or WRITE; an error or a hang-up counts as both, so that whoever looks into it finds it
        (where the system does not tell them apart: as what was asked for). With neither `read` nor `write` nothing is
        reported, errors and hang-ups included, until `modify` says otherwise.

        Raises:
            ValueError: the descriptor is registered already.
            OSError: the system cannot watch it.
        """
        self._add(Watch(descriptor, read=read, write=write), ready)

    def _add(self, watch: Watch, ready: Ready) -> None:
        descriptor = watch.descriptor
        if descriptor in self._watches:
            raise ValueError(f"descriptor {descriptor} is registered already")
        if watch.mask:
            self._change(descriptor, 0, watch.mask)
        self._watches[descriptor] = watch
        watch.poller = self
        watch.ready = ready
        watch.born = self._serial

    def modify(self, descriptor: int, *, read: bool, write: bool) -> None:
        """Look for something else from now on.

        Raises:
            ValueError: the descriptor is not registered.
            TransportError: the system cannot watch it.
        """
        watch = self._watches.get(descriptor)
        if watch is None:
            raise ValueError(f"descriptor {descriptor} is not registered")
        watch.want(read, write)

    def unregister(self, descriptor: int) -> None:
        """Stop watching; do it before closing the descriptor. Without effect when it is not registered."""
        watch = self._watches.pop(descriptor, None)
        if watch is not None and watch.mask:
            try:
                self._change(descriptor, watch.mask, 0)
            except (OSError, KeyError, ValueError):
                return  # closed before: the system has forgotten it already

    def _change(self, descriptor: int, old: int, new: int) -> None:
        if cython.compiled and self._epoll >= 0:
            change_events(self._epoll, descriptor, old, new)
        else:
            self._backend.change(descriptor, old, new)

    def _refused(self, error: OSError) -> TransportError:
        """For what the system does not watch; also in the log, once a minute."""
        problem = not_watched(error)
        now = self.clock.now()
        if now >= self._log_after:
            self._log_after = now + _LOG_INTERVAL
            logger.warning("%s; connections are refused as long as that lasts", problem.detail)
        return problem

    @property
    def descriptor(self) -> int:
        """For a loop of somebody else's: can be read from while something is ready; -1 where there is no such thing,
        or this poller is closed. Deadlines do not show there: `due_at` tells of them.
        """
        descriptor: int = -1 if self._closed else self._backend.descriptor
        return descriptor

    def due_at(self) -> float:
        """When the next turn is due although nothing gets ready: seconds of `clock`; in the past where callbacks wait,
        infinite where nothing does.
        """
        if self._soon or self._due or self._woken:
            return -inf
        self._drop_cancelled()
        return self._heap[0][0] if self._heap else inf

    def soon(self, callback: Callback) -> None:
        """Run `callback()` in the next turn, which then does not wait."""
        self._soon.append(callback)

    def call_at(self, when: float, callback: Callback) -> Timer:
        """Run `callback()` in the first turn that ends at or after `when`, in seconds of `clock`."""
        timer = Timer(when, callback, self)
        heappush(self._heap, (when, next(self._order), timer))
        return timer

    def turn(self, timeout: float = 0.0) -> None:
        """Wait until there is something to do, then do it.

        In this order: the callbacks of ready descriptors, those handed to `soon` before this turn, the timers now due.

        Args:
            timeout: wait at most so many seconds; negative: without end; 0: not at all. The wait ends earlier when a
                descriptor gets ready, a timer gets due, or `wake` is called; and after 50 ms while the process has no
                descriptor left to be woken by.

        Raises:
            Exception: whatever a callback raised. The rest comes in the next turn.
        """
        serial = self._serial = self._serial + 1
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
        """Wait; nothing where a signal handler closed this poller meanwhile, or the system is short of something."""
        was_closed = self._closed
        try:
            found: list[tuple[int, int]] = self._wait(timeout)
            return found
        except OSError as error:
            if was_closed or not self._closed:
                self._rest(error, timeout)
        except ValueError:
            if was_closed or not self._closed:
                raise
        return []

    def _rest(self, error: OSError, timeout: float) -> None:
        """Instead of a wait that the system could not do: so that no loop is busy with that."""
        if error.errno not in _SHORTAGE:
            raise error
        pause(_DEAF_WAIT if timeout < 0 else min(timeout, _DEAF_WAIT))

    def _call_ready(self, timeout: float, serial: int) -> None:  # compiled only
        """Wait and call, on Linux.

        A callback that turns this poller makes what is left here stale, which does no harm.
        """
        watches = self._watches
        waits = 0
        found = _MOST_EVENTS
        while found == _MOST_EVENTS and waits < _MOST_WAITS and self._epoll >= 0:  # a callback may have closed it
            try:
                found = wait_for_events(
                    cython.address(self._epoll), self._events, _MOST_EVENTS, 0.0 if waits else timeout
                )
            except OSError as error:
                self._rest(error, timeout)
                found = 0
            waits += 1
            if self._woken:
                self._calm()
            for i in range(found):
                watch = watches.get(gdpeer_descriptor(self._events + i))
                if watch is not None and watch.born < serial:
                    bits = gdpeer_bits(self._events + i)
                    watch.ready(bits if bits <= _READ_WRITE else _READ_WRITE)

    def _call_found(self, found: list[tuple[int, int]], serial: int) -> None:
        if self._woken:
            self._calm()
        watches = self._watches
        for descriptor, bits in found:
            watch = watches.get(descriptor)
            if watch is not None and watch.born < serial:  # else: a number given out anew in this very turn
                watch.ready(bits if bits <= _READ_WRITE else _READ_WRITE)

    def wake(self) -> None:
        """End the wait of the turn that runs now, or of the next one. From any thread, also from a signal handler."""
        with self._wake_lock:
            if self._woken or self._closed:
                return
            self._woken = True
            if self._waker is not None:
                self._waker[1].send(b"\0")

    def close(self) -> None:
        """Let go of everything, and call nothing but `on_close`. The descriptors stay open. May be called again."""
        with self._wake_lock:
            if self._closed:
                return
            self._closed = True
            if self._waker is not None:
                for end in self._waker:
                    end.close()
            self._waker = None
            self._woken = False
        told, self.on_close = self.on_close, None
        if told is not None:
            told()
        self._watches.clear()
        self._soon.clear()
        self._heap.clear()
        self._due.clear()
        self._epoll = -1
        self._backend.close()

    def __del__(self) -> None:
        """What nobody holds any more gives back its descriptors, and says nothing of it."""
        self.close()

    def __enter__(self) -> Poller:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _shorten(self, timeout: float) -> float:
        """How long the turn may wait, given what is pending."""
        if self._waker is None and not self._open_waker() and not 0 <= timeout <= _DEAF_WAIT:
            timeout = _DEAF_WAIT
        if self._woken or self._soon or self._due:
            return 0.0
        self._drop_cancelled()
        if self._heap:
            left = max(self._heap[0][0] - self.clock.now(), 0.0)
            if timeout < 0 or left < timeout:
                timeout = left
        return min(timeout, _LONGEST_WAIT)

    def _drop_cancelled(self) -> None:
        """The first timer of the heap is one that will run."""
        heap = self._heap
        while heap and not heap[0][2].active:
            heappop(heap)
            self._cancelled -= 1

    def _open_waker(self) -> bool:
        """Only a poller that waits can be woken, so that one that never waits needs no descriptors for it.

        False where there are none left.
        """
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

    def _calm(self) -> None:
        """Take back a wake-up, before the callbacks run: one that comes while they do is for the next turn."""
        with self._wake_lock:
            self._woken = False
            if self._waker is not None:
                with suppress(BlockingIOError):  # nothing to read when it was woken before there was a waker
                    self._waker[0].recv(64)

    def _run_soon(self, waiting: int) -> None:
        callbacks = self._soon
        while waiting and callbacks:  # a nested turn may have run them
            waiting -= 1
            callbacks.popleft()()

    def _run_due(self) -> None:
        """Run what is due now; what a timer makes due at once is for the next turn."""
        now = self.clock.now()
        heap, due = self._heap, self._due
        while heap and heap[0][0] <= now:
            timer = heappop(heap)[2]
            timer._poller = None
            if timer._callback is None:
                self._cancelled -= 1
            else:
                due.append(timer)
        while due:
            timer = due.popleft()
            timer._run()

    def _count_cancelled(self) -> None:
        """Cancelled timers stay in the heap until they come up, or until they are more than half of it."""
        self._cancelled += 1
        if self._cancelled > _FEW_TIMERS and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].active]
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
