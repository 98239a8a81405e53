"""`SessionPeer`: a `MultiplayerPeer` over a session of `websocket.session`, whoever has the connections.

`WebSocketMultiplayerPeer` makes its session by listening or connecting. A room of many on one port gets its session
from the owner of the port.

Layer: `multiplayer`; with `websocket_peer` its only module that imports `websocket`.
Source: reference godot4-wire section B.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gdpeer.arguments import INT, check_id, checked, seconds_of, to_bytes
from gdpeer.errors import Error
from gdpeer.logs import get_logger, log_limited
from gdpeer.multiplayer.peer import TARGET_PEER_SERVER, Buffer, ConnectionStatus, MultiplayerPeer, checked_packet
from gdpeer.packet_session import MemberSession, PacketSession
from gdpeer.platform import pause
from gdpeer.refusals import Refusals
from gdpeer.websocket.session.server import ServerSession

if TYPE_CHECKING:
    from gdpeer.websocket.peer import WebSocketPeer
    from gdpeer.websocket.session.client import ClientSession

__all__ = ["SessionPeer"]

logger = get_logger("gdpeer.multiplayer")

_DISCONNECTED, _CONNECTING, _CONNECTED = ConnectionStatus  # once, because looking up members is slow
_OK = Error.OK


class SessionPeer(MultiplayerPeer):
    """The members of a peer that use its session; without a session the peer is DISCONNECTED."""

    def __init__(self) -> None:
        MultiplayerPeer.__init__(self)
        self._session: ServerSession | ClientSession | None = None

    def poll(self, timeout: float = 0.0) -> None:
        """Moves packets and emits signals.

        Args:
            timeout: the most seconds to wait for an event. 0 does not wait.
        """
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)
        if self._session is not None:
            self._session.poll(timeout)
        else:
            self._idle(timeout)

    def _idle(self, timeout: float) -> None:
        """Waits, as there is no session to poll."""
        pause(timeout)

    def get_connection_status(self) -> ConnectionStatus:
        """Returns CONNECTED on a server from `create_server` on, on a client once it has its id."""
        session = self._session
        if session is None or session.is_over:
            return _DISCONNECTED
        return _CONNECTED if session.is_ready else _CONNECTING

    def put_packet(self, buffer: Buffer) -> Error:
        """Sends one packet to the target; from a client always to the server. An empty buffer is not sent, and returns
        `OK`.

        Returns:
            OK: the packet was sent or queued. For several targets always OK while connected.
            ERR_UNCONFIGURED: this peer is not CONNECTED.
            ERR_INVALID_PARAMETER: the one target is not connected.
            ERR_OUT_OF_MEMORY: the send queue of the one target is full.
            FAILED: the connection to the one target is closing.
        """
        if type(buffer) is not bytes:
            buffer = to_bytes("put_packet", "buffer", buffer)
        if not len(buffer):
            return _OK
        if self._session is None or self.get_connection_status() is not _CONNECTED:
            return Error.ERR_UNCONFIGURED
        return self._session.put(self._target, buffer)

    def put_packet_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Sends one packet to each of some peers; see `MultiplayerPeer.put_packet_to`."""
        packet = checked_packet("put_packet_to", peer_ids, buffer)
        if not packet:
            return _OK
        if self._session is None or self.get_connection_status() is not _CONNECTED:
            return Error.ERR_UNCONFIGURED
        return self._session.put_to(peer_ids, packet)

    def put_control_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Sends a packet that a peer must not miss; see `MultiplayerPeer.put_control_to`.

        On a server the packet may exceed a peer's outbound limits by 64 KiB. A peer without room even then is dropped.

        Returns:
            `ERR_UNCONFIGURED` unless CONNECTED; else `OK`. On a client the codes of `put_packet_to`.
        """
        packet = checked_packet("put_control_to", peer_ids, buffer)
        session = self._session
        if not isinstance(session, ServerSession) or not packet:
            return self.put_packet_to(peer_ids, packet)
        session.put_control_to(peer_ids, packet)
        return _OK

    def put_packet_from(self, source: int, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Passes a client's packet on to other clients, on a server. Clients that speak "godot3" see `source` as its
        sender.

        Returns:
            The codes of `put_packet_to`; on a client `ERR_UNCONFIGURED`.
        """
        packet = checked_packet("put_packet_from", peer_ids, buffer)
        if not isinstance(self._session, ServerSession):
            return Error.ERR_UNCONFIGURED
        return self._session.put_from(source, peer_ids, packet) if packet else _OK

    def get_packet(self) -> bytes:
        """Takes the oldest packet; b"" if no packet is queued.

        Then `get_packet_error()` is `ERR_UNAVAILABLE`, or `ERR_UNCONFIGURED` if this peer is not CONNECTED.
        """
        packet = None if self._session is None else self._session.take_next()
        if packet is None:
            is_connected = self.get_connection_status() is _CONNECTED
            self._packet_error = Error.ERR_UNAVAILABLE if is_connected else Error.ERR_UNCONFIGURED
            return b""
        if self._packet_error is not _OK:
            self._packet_error = _OK
        return packet

    def get_available_packet_count(self) -> int:
        """Returns how many packets can be read, even after the end of a connection."""
        return 0 if self._session is None else self._session.count()

    def get_packet_peer(self) -> int:
        """Returns the sender of the packet that `get_packet` takes next; 1, with a warning, if there is no packet."""
        source = 0 if self._session is None else self._session.source()
        if not source:
            log_limited(logger, logging.WARNING, "get_packet_peer: no packet is there")
        return source or TARGET_PEER_SERVER

    def packets(self) -> PacketSession:
        """Returns the session itself, or an adapter if a member of this peer has been changed.

        Raises:
            ValueError: the peer is neither connected nor connecting.
        """
        session = self._session
        if session is None:
            raise ValueError("the peer is neither connected nor connecting")
        kind, own = type(self), vars(self)
        is_changed = any(name in own or getattr(kind, name) is not member for name, member in _MEMBERS.items())
        return MemberSession(self, session) if is_changed else session

    def refusals_of(self, peer_id: int) -> Refusals:
        """Returns the counter of a peer's refused packets; an empty one if the peer is not connected."""
        return Refusals() if self._session is None else self._session.refusals_of(peer_id)

    def get_unique_id(self) -> int:
        """Returns this end's id; 0 until this end has an id."""
        return 0 if self._session is None else self._session.unique_id

    def get_packet_target(self) -> int:
        """Returns the target of the next packet, if its dialect names one; else this end's id.

        On a server, the packet of a "godot3" client may be for all (0), for all but one (negative), or for one client
        that speaks "godot4". The server has passed it on to the targets that speak "godot3", but not to the others.
        """
        return 0 if self._session is None else self._session.target()

    def _connection_to(self, peer_id: int) -> WebSocketPeer | None:
        """Returns the connection to a peer; None if the peer is not connected."""
        return self._session.peer(peer_id) if isinstance(self._session, ServerSession) else None

    def get_peer(self, peer_id: int) -> WebSocketPeer | None:
        """Returns the connection to a peer, on a client to 1; None, with a warning, for an unknown id.

        Its `close(...)` ends the connection with a code and a reason of your choice. Then `peer_disconnected` follows
        once the other side has answered, and packets that arrived before can still be taken, other than after
        `disconnect_peer`.
        """
        if type(peer_id) is not int:
            check_id("get_peer", peer_id)
        peer = self._connection_to(peer_id)
        if peer is None:
            log_limited(logger, logging.WARNING, "there is no peer %s", peer_id)
        return peer

    @checked(peer_id=INT)
    def get_peer_address(self, peer_id: int) -> str:
        """Returns the peer's address in numbers; "", with a warning, for an unknown id."""
        peer = self.get_peer(peer_id)
        return "" if peer is None else peer.get_connected_host()

    @checked(peer_id=INT)
    def get_peer_port(self, peer_id: int) -> int:
        """Returns the peer's port; 0, with a warning, for an unknown id."""
        peer = self.get_peer(peer_id)
        return 0 if peer is None else peer.get_connected_port()

    @checked(peer_id=INT)
    def get_peer_dialect(self, peer_id: int) -> str:
        """Returns "godot4" or "godot3", on a client its own dialect for all ids; "" on a server for an unknown id."""
        dialect = None if self._session is None else self._session.dialect(peer_id)
        return "" if dialect is None else dialect.name

    def _disconnect(self, session: ServerSession, peer_id: int, force: bool) -> None:
        """Disconnects a client of a server; see `disconnect_peer`."""
        if not session.disconnect(peer_id, force):
            log_limited(logger, logging.WARNING, "disconnect_peer: there is no peer %s", peer_id)
        elif force:
            self._peer_forgotten.emit(peer_id)


_MEMBERS = {
    name: getattr(SessionPeer, name)
    for name in (
        *("get_available_packet_count", "get_connection_status", "get_packet", "get_packet_peer", "get_packet_target"),
        *("get_unique_id", "poll", "put_packet_to"),
    )
}
"""The members that an API needs for packets. If one of them has been changed, the API calls all of them."""
