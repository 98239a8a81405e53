"""`Neighbours`: what a hall asks of the cluster it belongs to. A hall of its own has none.

Layer: `rooms`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from gdpeer.rooms.lifecycle import RoomLifecycle

__all__ = ["Finding", "Neighbours"]


class Finding(Protocol):
    """The search for a room: an `Answer` of `gdpeer.cluster`."""

    def then(self, callback: Callable[[Any], object]) -> None:
        """Calls `callback` once the search is over; at once if it is."""

    def result(self) -> RoomLifecycle | None:
        """Returns the room, which is in this hall now; None: there is no such room.

        Raises:
            RoomError: the room cannot be reached now. Other exceptions count the same, and are logged.
        """


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
        """Takes note of a new room: its `on_create` is done, and `restore` if it was restored."""

    def note_changed(self, life: RoomLifecycle) -> None:
        """Takes note that labels, places or the state of a room have changed. Cheap: called for each join."""

    def note_closed(self, life: RoomLifecycle) -> None:
        """Takes note that a room of which `note_made` told has ended here. Its places are still there."""

    def moves(self, life: RoomLifecycle) -> bool:
        """Whether the cluster will move a room of a draining hall to another worker, so that it is not closed."""

    def find_room(self, code: str) -> Finding | None:
        """Brings a room here that is not in this hall: restored from what was saved. None: there is no such room.

        Raises:
            RoomError: the room cannot be reached now.
        """
