"""Asks the system which descriptors are ready: by epoll on Linux, by `selectors` elsewhere.

Layer: `transport`.
"""

from __future__ import annotations

import select
import selectors
from collections.abc import Callable
from typing import Protocol

from gdpeer.platform import pause
from gdpeer.transport.stream import READ, WRITE

__all__ = ["Backend", "EpollBackend", "SelectorsBackend", "open_backend"]


class Backend(Protocol):
    """The contract between `Poller` and the system's call for readiness.

    Attributes:
        descriptor: readable while a watched descriptor is ready; -1 where the system has no such descriptor.
    """

    descriptor: int
    wait: Callable[[float], list[tuple[int, int]]]
    """Waits at most this many seconds; negative: without limit.

    Returns pairs of a descriptor and bits; bits other than READ and WRITE mean both.
    """

    def change(self, descriptor: int, old: int, new: int) -> None:
        """Watches a descriptor for the bits `new` instead of `old`; 0 stops watching."""

    def close(self) -> None:
        """Frees the system's resources; the watched descriptors stay open."""


class EpollBackend:
    """The backend of Linux. READ and WRITE are epoll's own bits."""

    __slots__ = ("_epoll", "descriptor", "wait")

    def __init__(self) -> None:
        self._epoll = select.epoll()  # type: ignore[attr-defined, unused-ignore]  # Linux has it
        self.descriptor = self._epoll.fileno()
        self.wait = self._epoll.poll

    def change(self, descriptor: int, old: int, new: int) -> None:
        """Watches a descriptor for other bits. See `Backend.change`."""
        if not new:
            self._epoll.unregister(descriptor)
        elif old:
            self._epoll.modify(descriptor, new)
        else:
            self._epoll.register(descriptor, new)

    def close(self) -> None:
        """Closes the epoll descriptor. See `Backend.close`."""
        self._epoll.close()


class SelectorsBackend:
    """The backend of other systems: kqueue, poll or select, as the standard library chooses."""

    __slots__ = ("_selector", "descriptor")

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        self._selector = selector or selectors.DefaultSelector()
        fileno = getattr(self._selector, "fileno", None)  # kqueue's and devpoll's
        self.descriptor: int = -1 if fileno is None else fileno()

    def wait(self, seconds: float) -> list[tuple[int, int]]:
        """Waits for readiness. See `Backend.wait`."""
        # select() on Windows refuses an empty set. Sleeping misses no wake-up: a waker would be in the map.
        if not self._selector.get_map():
            pause(seconds)
            return []
        found = self._selector.select(None if seconds < 0 else seconds)
        # EVENT_WRITE is 2 and WRITE is 4: add the bit to itself.
        return [(key.fd, bits + (bits & selectors.EVENT_WRITE)) for key, bits in found]

    def change(self, descriptor: int, old: int, new: int) -> None:
        """Watches a descriptor for other bits. See `Backend.change`."""
        if not new:
            self._selector.unregister(descriptor)
            return
        bits = (selectors.EVENT_READ if new & READ else 0) | (selectors.EVENT_WRITE if new & WRITE else 0)
        if old:
            self._selector.modify(descriptor, bits)
        else:
            self._selector.register(descriptor, bits)

    def close(self) -> None:
        """Closes the selector. See `Backend.close`."""
        self._selector.close()


def open_backend() -> EpollBackend | SelectorsBackend:
    """Returns the fastest backend of this system, or a backend without a descriptor if the process has none left."""
    try:
        return EpollBackend() if hasattr(select, "epoll") else SelectorsBackend()
    except OSError:
        return SelectorsBackend(getattr(selectors, "PollSelector", selectors.SelectSelector)())
