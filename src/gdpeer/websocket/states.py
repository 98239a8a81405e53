"""How far a connection is: as its backend sees it, and as its user does.

    IDLE ── connect ──> CONNECTING ── stream open ──> UPGRADING ── 101 ──> OPEN ── the end ──> LINGERING ──> DONE
    OPEN ── the end, over TLS, when the last close frame was this side's ──> PARTING ──> LINGERING ──> DONE
    IDLE ── accept ──> CONNECTING (TLS) or UPGRADING ── refused, or a page ──> LINGERING ──> DONE
    any stage ── stream lost, deadline passed, abort ──> DONE

LINGERING is over for the user (CLOSED) but not for TCP: what is queued goes out, then the write side is shut, and the
other side's last bytes are read and dropped until it ends too or the time is up. Closing at once would answer late
bytes with a reset, and a reset can overtake the close frame.

PARTING is CLOSING for the user: the other side gets a moment to read the close frame before TLS ends, so that a program
which ends, or lets go of its peer, as soon as it reads CLOSED does not spoil it.

Layer: `websocket`.
"""

from __future__ import annotations

from enum import IntEnum

from gdpeer.enums import NamedInt

__all__ = ["ClientStatus", "PeerState", "PeerWriteMode", "Stage", "state_of"]


class Stage(IntEnum):
    """The backend's."""

    IDLE = 0
    CONNECTING = 1
    UPGRADING = 2
    OPEN = 3
    PARTING = 4
    LINGERING = 5
    DONE = 6


class PeerState(NamedInt):
    """The user's: `WebSocketPeer.State`."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class ClientStatus(NamedInt):
    """Where a client is, or Godot 3's server: `NetworkedMultiplayerPeer.ConnectionStatus`."""

    DISCONNECTED = 0
    CONNECTING = 1
    CONNECTED = 2


class PeerWriteMode(NamedInt):
    """What a message is sent as: `WebSocketPeer.WriteMode`."""

    TEXT = 0
    BINARY = 1


_BY_STAGE = (
    PeerState.CLOSED,
    PeerState.CONNECTING,
    PeerState.CONNECTING,
    PeerState.OPEN,
    PeerState.CLOSING,
    PeerState.CLOSED,
    PeerState.CLOSED,
)


def state_of(stage: int) -> PeerState:
    """Returns the user's state for a backend's stage. While this side closes, an OPEN stage is CLOSING for the user."""
    return _BY_STAGE[stage]
