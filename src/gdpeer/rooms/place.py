"""`Place`: a player's membership of a room. It outlives a lost connection.

    TAKEN -> HERE <-> AWAY -> GONE

Layer: `rooms`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gdpeer.enums import NamedInt

if TYPE_CHECKING:
    from gdpeer.transport.poller import Timer
    from gdpeer.websocket.peer import WebSocketPeer

__all__ = ["LeaveReason", "Place", "PlaceState"]


class PlaceState(NamedInt):
    """The states of a place."""

    TAKEN = 0
    """Kept for a player who has not joined yet."""
    HERE = 1
    """The player takes part."""
    AWAY = 2
    """The player's connection was lost. The place is kept for the room's `grace`."""
    GONE = 3
    """The place was given up; another player may have it."""


class LeaveReason(NamedInt):
    """Why a player left for good."""

    LEFT = 0
    """The player closed the connection with code 1000, or lost it where places are not kept."""
    EXPIRED = 1
    """The player did not come back within the room's `grace`."""
    KICKED = 2
    """The server ended the connection."""
    REPLACED = 3
    """A newer seat has the same peer id."""
    DRAINED = 4
    """The room was closed, or the server stopped."""


class Place:
    """A player's place in a room.

    Attributes:
        peer_id: of the player, for the whole life of the place.
        player: the name that the lobby or the seat gave; None: not given.
        auth: what `on_auth` returned.
        state: TAKEN, HERE, AWAY or GONE.
        missed: packets of other players were dropped while the player was away, the last time: send a snapshot.
        jti: names the seat of the place; "" for a place by session key.
        ticket: the argument of `reserve`, for `on_auth`; None once the player has joined.
    """

    __slots__ = (
        "auth",
        "connection",
        "digest",
        "expires",
        "is_authenticated",
        "is_replaced",
        "is_takeover",
        "jti",
        "missed",
        "peer_id",
        "player",
        "state",
        "ticket",
        "timer",
        "why",
    )

    def __init__(self, peer_id: int, player: str | None = None, ticket: object = None) -> None:
        self.peer_id = peer_id
        self.player = player
        self.auth: Any = None
        self.state = PlaceState.TAKEN
        self.missed = False
        self.jti = ""
        self.ticket = ticket
        # For the room itself.
        self.digest = b""  # of the session key
        self.expires = 0.0  # the last moment of the seat's first use, in seconds since 1970
        self.connection: WebSocketPeer | None = None  # the newest
        self.is_authenticated = False  # `on_auth` has accepted the player
        self.is_replaced = False  # a newer connection is taking the place of the present one
        self.is_takeover = False  # the present connection has taken the place of an open one
        self.timer: Timer | None = None  # gives the place up: a seat that nobody used, or the end of the grace
        self.why: LeaveReason | None = None  # if the server ends the place

    def is_named(self) -> bool:
        """Whether the player can show that the place is theirs, by a session key or a seat."""
        return bool(self.digest or self.jti)

    def stop_timer(self) -> None:
        """Keeps the place from being given up by its timer."""
        timer, self.timer = self.timer, None
        if timer is not None:
            timer.cancel()

    def __repr__(self) -> str:
        return f"<Place {self.peer_id} {self.state.name}>"
