"""`Neighbours`: what a hall asks of the cluster it belongs to. A hall of its own has none.

Layer: `rooms`.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gdpeer.rooms.lifecycle import RoomLifecycle

__all__ = ["Neighbours"]


class Neighbours(Protocol):
    """The other workers, as a hall sees them. All calls belong to the thread of the hall."""

    def draw_code(self) -> str:
        """Returns a code for a new room, of those that belong to this worker.

        Raises:
            RoomError: this worker may make no room now.
        """

    def check_code(self, code: str) -> None:
        """Raises a RoomError unless a room with this code may be made here."""

    def note_made(self, life: RoomLifecycle) -> None:
        """Takes note of a new room."""

    def note_changed(self, life: RoomLifecycle) -> None:
        """Takes note that labels, places or the state of a room have changed. Cheap: called for each join."""

    def note_closed(self, life: RoomLifecycle) -> None:
        """Takes note that a room has ended."""

    def find_room(self, code: str) -> Awaitable[RoomLifecycle | None] | None:
        """Brings a room here that is not in this hall: restored from what was saved. None: it is not for this worker.

        The awaitable is an `Answer` of `gdpeer.cluster`.
        """
