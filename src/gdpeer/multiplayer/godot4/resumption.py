"""`Resumption`: what a `SceneMultiplayer` needs to take a peer back so that the other clients do not notice.

The peer that comes back has forgotten everything that it had agreed on with the other clients, and they have not. So
everything that clients send each other goes through here. Without a `Resumption` nothing of this is kept.

Layer: `multiplayer`; an interface alone. `gdpeer.rooms.resume` implements it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol, TypeAlias

from gdpeer.multiplayer.wire.godot4 import SimplifyPath

__all__ = ["HandOver", "Resumption"]

HandOver: TypeAlias = Callable[[int, SimplifyPath | bytes], bool]


class Resumption(Protocol):
    """Remembers what clients have agreed on with each other."""

    def lost(self, peer_id: int, is_guest: bool) -> None:
        """Takes note that the connection of a peer has ended. It is away from now on, or `gone` follows.

        Args:
            peer_id: the peer.
            is_guest: whether it is a peer of Godot 3.
        """

    def comes_back(self, peer_id: int, is_guest: bool, others: Collection[int], now: float) -> bool:
        """Takes note that a peer that was away is about to take part again.

        Args:
            peer_id: the peer.
            is_guest: whether it is a peer of Godot 3 now.
            others: the peers that are here and away.
            now: the time.

        Returns:
            True: the others are told nothing. False: they are told that the peer has gone and come.
        """

    @property
    def behind(self) -> Collection[int]:
        """The ids of returned peers for which `catch_up` has more."""

    def catch_up(self, peer_id: int, hand_over: HandOver) -> None:
        """Hands over what a returned peer has to get, in order, until all is handed over or there is no room.

        Args:
            peer_id: the peer.
            hand_over: called with a client, and a path that it had told or a packet that it has sent; returns whether
                there was room.
        """

    def is_unfinished(self) -> bool:
        """Whether `catch_up` or `hand_over_delayed` has to be called from time to time."""

    def hand_over_delayed(self, now: float, give: Callable[[int, int, bytes], bool]) -> None:
        """Hands over what returned peers have sent others that could not take it at once, in order.

        Args:
            now: the time.
            give: called with the receiver, the sender and the packet; returns whether there was room.
        """

    def gone(self, peer_id: int) -> None:
        """Forgets a peer that is gone for good."""

    def clear(self) -> None:
        """Forgets all peers."""

    def relay(
        self, sender: int, here: Sequence[int], away: Sequence[int], data: bytes
    ) -> Iterable[tuple[Sequence[int], bytes]]:
        """Takes note of a packet from one client to others.

        Args:
            sender: the client.
            here: the clients here that the packet is for.
            away: those that are away.
            data: the packet.

        Returns:
            What to pass on: the packet for each group of clients.

        Raises:
            PacketError: the packet is refused.
        """

    def own_number(self, peer_id: int, number: int) -> int:
        """Returns the number that a peer itself uses for the path that the others know by `number`."""

    def lost_node(self, peer_id: int, path: str) -> None:
        """Takes note that a peer no longer has the node at `path`."""
