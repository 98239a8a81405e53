"""`NetworkedPeer`: the members of `WebSocketServer` and `WebSocketClient` for Godot 3's multiplayer mode.

    server.listen(9080, gd_mp_api=True)
    client.connect_to_url("ws://127.0.0.1:9080", gd_mp_api=True)

In this mode peers have ids, and packets go from id to id through the server, by `put_packet` and `get_packet` of the
server or client itself. In plain mode these return `ERR_UNCONFIGURED`, and packets go by `get_peer(id)`.

Layer: `websocket`. Source: reference godot3-wire section 1, 2, 5; godot-api section 10.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from gdpeer.arguments import IDS, check_id, to_bytes, wrong_type
from gdpeer.errors import Error
from gdpeer.logs import LogLimit, get_logger, log_limited
from gdpeer.packet_peer import PacketPeer
from gdpeer.packet_session import MemberSession, PacketSession
from gdpeer.refusals import Refusals
from gdpeer.signals import Signal
from gdpeer.websocket.session.godot3_header import HEADER_SIZE, SERVER
from gdpeer.websocket.session.server import Buffer, News, Session
from gdpeer.websocket.states import ClientStatus

__all__ = ["NetworkedPeer"]

TRANSFER_MODE_RELIABLE = 2

logger = get_logger("gdpeer.multiplayer")


class NetworkedPeer(PacketPeer):
    """Godot 3's `NetworkedMultiplayerPeer`. The signals here are emitted in multiplayer mode only.

    Attributes:
        peer_connected: signal (peer_id): in multiplayer mode, a peer has connected. On a client also for 1, the server,
            and for all other clients.
        peer_disconnected: signal (peer_id): in multiplayer mode, a peer is gone. On a client not for the server.
        peer_packet: signal (source): in multiplayer mode, a packet came; once for each packet.
        connection_succeeded: signal (): in multiplayer mode, a client has its id, and the server is there.
        connection_failed: signal (): in multiplayer mode, a client could not connect, or its connection ended.
        server_disconnected: signal (): never emitted over WebSocket, as in the engine.
        transfer_mode: without effect, as WebSocket is always reliable.
    """

    can_wait: ClassVar[bool] = True

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = (
        "connection_failed",
        "connection_succeeded",
        "peer_connected",
        "peer_disconnected",
        "peer_packet",
        "server_disconnected",
        "transfer_mode",
    )

    def __init__(self) -> None:
        self._session: Session | None = None
        self.peer_connected = Signal("peer_connected", self._limit_of)
        self.peer_disconnected = Signal("peer_disconnected", self._limit_of)
        self.peer_packet = Signal("peer_packet", self._limit_of)
        self.connection_succeeded = Signal("connection_succeeded")
        self.connection_failed = Signal("connection_failed")
        self.server_disconnected = Signal("server_disconnected")
        self._peer_forgotten = Signal("peer_forgotten")  # for the API above; never emitted here
        self._connection_began = Signal("connection_began")  # for the API above
        self.transfer_mode: int = TRANSFER_MODE_RELIABLE
        self._target = 0

    def _limit_of(self, peer_id: int) -> LogLimit | None:
        """Returns the limit for log lines about a peer; None if there is no such peer."""
        return None

    def _news(self) -> News:
        return News(
            self.peer_connected,
            self.peer_disconnected,
            self.peer_packet,
            self.connection_succeeded,
            self.connection_failed,
        )

    @abstractmethod
    def poll(self, timeout: float = 0.0) -> None:
        """Sends, receives and emits signals."""

    def is_networked(self) -> bool:
        """Whether this end is in multiplayer mode; False before it listens or connects."""
        return self._session is not None

    @abstractmethod
    def is_server(self) -> bool:
        """Whether this is the server's end."""

    @abstractmethod
    def get_connection_status(self) -> ClientStatus:
        """Returns the state of this end."""

    def packets(self) -> PacketSession:
        """Returns the session for the API above. It calls the members here, as a client may connect again any time."""
        return MemberSession(self, self._session)

    def refusals_of(self, peer_id: int) -> Refusals:
        """Returns the counter of a peer's refused packets; an empty one if the peer is not connected."""
        return Refusals() if self._session is None else self._session.refusals_of(peer_id)

    def get_unique_id(self) -> int:
        """Returns this end's id; 0 while this end has no id."""
        return 0 if self._session is None else self._session.unique_id

    def get_available_packet_count(self) -> int:
        """Returns how many packets can be read, even after the end of a connection; 0 in plain mode."""
        return 0 if self._session is None else self._session.count()

    def get_packet_peer(self) -> int:
        """Returns the sender of the packet that `get_packet` takes next; 1, with a warning, if there is no packet."""
        source = 0 if self._session is None else self._session.source()
        if not source:
            log_limited(logger, logging.WARNING, "get_packet_peer: no packet is there")
        return source or SERVER

    def get_packet(self) -> bytes:
        """Takes the oldest packet; b"" without a packet.

        Then `get_packet_error()` is `ERR_UNAVAILABLE`, or `ERR_UNCONFIGURED` in plain mode.
        """
        packet = None if self._session is None else self._session.take_next()
        self._packet_error = Error.OK
        if packet is None:
            self._packet_error = Error.ERR_UNCONFIGURED if self._session is None else Error.ERR_UNAVAILABLE
        return packet or b""

    def set_target_peer(self, peer_id: int) -> None:
        """Sets the target of `put_packet`: 0: all peers; a positive id: that peer; a negative id: all but that peer."""
        if type(peer_id) is not int:
            check_id("set_target_peer", peer_id)
        self._target = peer_id

    def put_packet(self, buffer: Buffer) -> Error:
        """Sends one packet to the target. An empty buffer, and a packet of the server to itself, are not sent.

        Returns:
            `ERR_UNCONFIGURED` in plain mode, `FAILED` if the target or the server is not there, `ERR_OUT_OF_MEMORY` if
            the send queue of the one target is full; else `OK`.
        """
        if type(buffer) is not bytes:
            buffer = to_bytes("put_packet", "buffer", buffer)
        if not len(buffer):
            return Error.OK
        if self._session is None:
            return Error.ERR_UNCONFIGURED
        if self._target == SERVER and self.is_server():
            return Error.OK
        error = self._session.put(self._target, buffer)
        return Error.FAILED if error is Error.ERR_INVALID_PARAMETER else error

    def put_packet_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Sends one packet to some peers. Unknown ids are ignored, and an empty buffer is not sent.

        Returns:
            `ERR_UNCONFIGURED` in plain mode, `ERR_OUT_OF_MEMORY` if the send queue of a peer was full; else `OK`.
        """
        if not IDS.fits(peer_ids):
            raise wrong_type("put_packet_to", "peer_ids", IDS.words, peer_ids)
        if type(buffer) is not bytes:
            buffer = to_bytes("put_packet_to", "buffer", buffer)
        if not len(buffer):
            return Error.OK
        return Error.ERR_UNCONFIGURED if self._session is None else self._session.put_to(peer_ids, buffer)

    def get_max_packet_size(self) -> int:
        """Returns the most bytes of a packet that `put_packet` can send."""
        return self._max_message_size() - HEADER_SIZE

    @abstractmethod
    def _max_message_size(self) -> int:
        """Returns the most bytes that may wait to be sent."""
