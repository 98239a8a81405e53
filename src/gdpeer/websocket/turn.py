"""What the connections of one owner share while it polls.

Layer: `websocket`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from gdpeer.transport.poller import Poller
    from gdpeer.websocket.link import Link
    from gdpeer.websocket.native import NativeBackend

__all__ = ["Turn"]


class Turn:
    """One owner's turn: bytes come in, the owner's slots run, and what they sent goes out, one write for each
    connection.

    Args:
        poller: watches the streams and the deadlines; None where the owner steps its connection itself.

    Attributes:
        active: while true, what is sent is gathered, and goes out in `flush`. Outside a turn it goes out at once.
        touched: connections where something happened that the owner should look at.
    """

    __slots__ = ("_unsent", "active", "poller", "touched")

    def __init__(self, poller: Poller | None = None) -> None:
        self.poller = poller
        self.active = False
        self.touched: list[Link] = []
        self._unsent: list[Link] = []

    def touch(self, backend: Link) -> None:
        """Have the owner look at `backend`; once a turn is enough."""
        if not backend.is_touched:
            backend.is_touched = True
            self.touched.append(backend)

    def take_touched(self) -> list[NativeBackend]:
        """The connections to look at since this was called last."""
        touched, self.touched = self.touched, []
        for backend in touched:
            backend.is_touched = False
        return cast("list[NativeBackend]", touched)  # the one kind of link there is

    def gather(self, backend: Link) -> None:
        """Have `backend` flushed at the end of the turn."""
        if not backend.is_gathered:
            backend.is_gathered = True
            self._unsent.append(backend)

    def flush(self) -> None:
        """End the turn."""
        self.active = False
        unsent, self._unsent = self._unsent, []
        for backend in unsent:
            backend.is_gathered = False
            backend.flush()
