"""`PlaceKeeper`: keeps the places of peers whose connection was lost, for a `SceneMultiplayer` of a room.

Without a keeper, a peer is gone with its connection. With one, the steps of an end and of a begin come apart:

    connection lost     `keeps`: False: the peer is gone (`gone`). True: the API forgets what it had agreed on over this
                        connection, and tells nobody; the peer is in `SceneMultiplayer.away` (`lost`)
    the same id again   the API tells this peer of all others, and the others nothing (`returned`)
    `give_up`           the API tells the others that the peer is gone (`gone`)

Layer: `multiplayer`.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["PlaceKeeper"]


class PlaceKeeper(Protocol):
    """What a `SceneMultiplayer` asks and tells the keeper of its peers' places."""

    def joined(self, peer_id: int) -> None:
        """Takes note that a new peer is admitted; `peer_connected` follows."""

    def keeps(self, peer_id: int) -> bool:
        """Whether an admitted peer whose connection has ended keeps its place."""

    def lost(self, peer_id: int) -> None:
        """Takes note that a peer is away. The keeper calls `give_up` when the place is not to be kept any longer."""

    def returned(self, peer_id: int) -> None:
        """Takes note that a peer that was away is admitted again."""

    def caught_up(self, peer_id: int) -> None:
        """Takes note that a returned peer has got what other clients have sent meanwhile."""

    def failed(self, peer_id: int) -> None:
        """Takes note that a peer has come and was not admitted. It may have been away, and is so still."""

    def gone(self, peer_id: int) -> None:
        """Takes note that a peer is gone for good."""
