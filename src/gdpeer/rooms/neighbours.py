"""`Neighbours`: what a hall asks of the cluster it belongs to. A hall of its own has none.

Layer: `rooms`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from gdpeer.http.response import LateResponse
    from gdpeer.rooms.lifecycle import RoomLifecycle

__all__ = ["Figure", "Finding", "Neighbours", "Others"]


class Others(NamedTuple):
    """The other workers for the monitor, as far as this worker knows.

    Attributes:
        workers: all workers, this one too, each as JSON.
        kinds: how many rooms there are of each kind.
        players: the places that are taken in all rooms.
        found: how many rooms fit.
        rooms: the fullest of them as JSON.
    """

    workers: list[dict[str, Any]]
    kinds: Counter[str]
    players: int
    found: int
    rooms: list[dict[str, Any]]


class Figure(NamedTuple):
    """A figure of the cluster for metrics.

    Attributes:
        name: of the metric, without the prefix.
        text: what it says.
        label: of the counts; "" for a number.
        value: a number now, or how often each thing has happened.
    """

    name: str
    text: str
    label: str
    value: float | Counter[str]


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
    """The other workers, as a hall sees them. All calls belong to the thread of the hall.

    Attributes:
        name: of this worker.
    """

    name: str

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

    def list_others(self, words: str, most: int) -> Others:
        """Lists the rooms of other workers whose code, kind, labels or worker have these words; at most `most`."""

    def watch(self, code: str, act: str, wishes: dict[str, Any]) -> LateResponse | None:
        """Has another worker show a room, or do what the operator wants; see `gdpeer.rooms.monitor.watch_room`.

        Returns:
            The response; None: no other worker has the room.
        """

    def figures(self) -> list[Figure]:
        """Returns the figures of this worker as a part of the cluster."""
