"""How the system is asked what is ready.

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
    """What the system is asked for.

    Attributes:
        descriptor: can be read from while something is ready; -1 where the system has no such thing.
    """

    descriptor: int
    wait: Callable[[float], list[tuple[int, int]]]
    """Wait at most so many seconds, negative: forever.

    Returns pairs of a descriptor and bits; bits other than READ and WRITE mean both.
    """

    def change(self, descriptor: int, old: int, new: int) -> None:
        """Look for the bits `new` instead of `old`; with 0 the system does not look at all."""

    def close(self) -> None:
        """Let go of what the system holds."""


class EpollBackend:
    """Linux. READ and WRITE are epoll's own bits."""

    __slots__ = ("_epoll", "descriptor", "wait")

    def __init__(self) -> None:
        self._epoll = select.epoll()  # type: ignore[attr-defined, unused-ignore]  # Linux has it
        self.descriptor = self._epoll.fileno()
        self.wait = self._epoll.poll

    def change(self, descriptor: int, old: int, new: int) -> None:
        """See `Backend`."""
        if not new:
            self._epoll.unregister(descriptor)
        elif old:
            self._epoll.modify(descriptor, new)
        else:
            self._epoll.register(descriptor, new)

    def close(self) -> None:
        """See `Backend`."""
        self._epoll.close()


class SelectorsBackend:
    """Everywhere else: kqueue, poll or select, as the standard library chooses."""

    __slots__ = ("_selector", "descriptor")

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        self._selector = selector or selectors.DefaultSelector()
        fileno = getattr(self._selector, "fileno", None)  # kqueue's and devpoll's
        self.descriptor: int = -1 if fileno is None else fileno()

    def wait(self, seconds: float) -> list[tuple[int, int]]:
        """See `Backend`."""
        if (
            not self._selector.get_map()
        ):  # the waker is in it, if there is one; select() on Windows refuses an empty set
            pause(seconds)
            return []
        found = self._selector.select(None if seconds < 0 else seconds)
        return [(key.fd, bits + (bits & selectors.EVENT_WRITE)) for key, bits in found]

    def change(self, descriptor: int, old: int, new: int) -> None:
        """See `Backend`."""
        if not new:
            self._selector.unregister(descriptor)
            return
        bits = (selectors.EVENT_READ if new & READ else 0) | (selectors.EVENT_WRITE if new & WRITE else 0)
        if old:
            self._selector.modify(descriptor, bits)
        else:
            self._selector.register(descriptor, bits)

    def close(self) -> None:
        """See `Backend`."""
        self._selector.close()


def open_backend() -> EpollBackend | SelectorsBackend:
    """The fastest that the system has; where no descriptor is left for it, one that needs none."""
    try:
        return EpollBackend() if hasattr(select, "epoll") else SelectorsBackend()
    except OSError:
        return SelectorsBackend(getattr(selectors, "PollSelector", selectors.SelectSelector)())
