"""The states of a connection, as its backend and as its user see them.

    IDLE ── connect ──> CONNECTING ── stream open ──> UPGRADING ── 101 ──> OPEN ── the end ──> LINGERING ──> DONE
    OPEN ── the end, over TLS, when the last close frame was this side's ──> PARTING ──> LINGERING ──> DONE
    IDLE ── accept ──> CONNECTING (TLS) or UPGRADING ── refused, or a page ──> LINGERING ──> DONE
    any stage ── stream lost, deadline passed, abort ──> DONE

In LINGERING the connection is CLOSED for the user, but TCP goes on: queued bytes are sent, the write side is shut, and
the other side's last bytes are read and dropped, until the other side ends too or the time is up. Closing TCP at once
would answer late bytes with a reset, and a reset can overtake the close frame.

In PARTING the connection is CLOSING for the user: the other side gets time to read the close frame before TLS ends. A
program may end, or free its peer, as soon as it reads CLOSED; that must not end TLS early.

Layer: `websocket`.
"""

from __future__ import annotations

from enum import IntEnum

from gdpeer.enums import NamedInt

__all__ = ["STATES", "ClientStatus", "PeerState", "PeerWriteMode", "Stage"]


class Stage(IntEnum):
    """The states of a connection in its backend."""

    IDLE = 0
    CONNECTING = 1
    UPGRADING = 2
    OPEN = 3
    PARTING = 4
    LINGERING = 5
    DONE = 6


class PeerState(NamedInt):
    """The states of a connection for its user: `WebSocketPeer.State`."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class ClientStatus(NamedInt):
    """The states of a client, or of Godot 3's server: `NetworkedMultiplayerPeer.ConnectionStatus`."""

    DISCONNECTED = 0
    CONNECTING = 1
    CONNECTED = 2


class PeerWriteMode(NamedInt):
    """The kinds of messages: `WebSocketPeer.WriteMode`."""

    TEXT = 0
    BINARY = 1


STATES = (
    PeerState.CLOSED,
    PeerState.CONNECTING,
    PeerState.CONNECTING,
    PeerState.OPEN,
    PeerState.CLOSING,
    PeerState.CLOSED,
    PeerState.CLOSED,
)
"""The user's state for each stage of a backend. While this side closes, OPEN is CLOSING for the user."""
