"""A session of peers with ids over a `WebSocketServer` or `WebSocketClient`: who is there, and whose packet is next.

The server and the client hand over what happens to them instead of emitting their own signals. A session decides,
by the dialect of each peer, what to answer, what to pass on to other clients, and what is for the game.

Invariants:
- A packet for the game stays in the inbox of the peer that it came from until it is taken. So the limits of each peer
  count what the game has not taken yet, and TCP holds back whoever sends more.
- `peer_connected` comes before that peer's first packet; packets that came before its end can be taken after
  `peer_disconnected`. Of a peer that this side disconnects none can be taken any more.
- A message for many is framed once, where it is the same for all of them. In Godot 3's dialect what is for some by
  their ids is not: each of them is named as the target.
- What is sent while the packets of a turn are handled (`handle`) goes out at the end, one write for each peer.
- Who comes and who goes is not lost where a peer is slow: it may wait beyond the limits by `RESERVE`, and who has no
  room for it even then is dropped.

Layer: `websocket`; compiled (types in `server.pxd`).
Source: reference godot4-wire section B, godot3-wire section 2, 6.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from gdpeer.errors import Error, PacketError
from gdpeer.logs import LogLimit, get_logger, log_limited
from gdpeer.packet_session import PacketSession, RelayFilter
from gdpeer.protocol.outbox import encode_message
from gdpeer.refusals import Refusals
from gdpeer.signals import Signal
from gdpeer.websocket._peer import backend_of
from gdpeer.websocket.backend.base import Turn
from gdpeer.websocket.session.dialects import Dialect
from gdpeer.websocket.session.godot3_header import SERVER, Kind, pack_system, receivers

if TYPE_CHECKING:
    from gdpeer.websocket.peer import WebSocketPeer
    from gdpeer.websocket.server import WebSocketServer

__all__ = ["News", "ServerSession", "Session"]

logger = get_logger("gdpeer.multiplayer")

RESERVE = 65_536
"""Bytes, and messages, that may wait beyond a peer's outbound limits for what it must not miss."""

_MANY_TAKEN = 256  # so many entries of packets that were taken are removed at once; a C integer once compiled

Buffer: TypeAlias = "bytes | bytearray | memoryview"

_OK = Error.OK
_NO_ROOM = Error.ERR_OUT_OF_MEMORY
_DISCONNECTED, _CONNECTING, _CONNECTED = 0, 1, 2  # of `ConnectionStatus`; C integers once compiled
_SERVER = SERVER  # a C integer once compiled (server.pxd)

Waiting: TypeAlias = "tuple[WebSocketPeer, int, int, int]"
"""A packet for the game: in whose inbox it is, its source and its target, and the size of the header before it."""


@dataclass(frozen=True, slots=True)
class News:
    """The signals that a session emits.

    Attributes:
        peer_connected, peer_disconnected: signals (peer_id).
        peer_packet: signal (source): once for each packet that can be taken; None: nobody wants to know.
        connection_succeeded, connection_failed: signals (): a client has its id; its connection ended or never was.
    """

    peer_connected: Signal
    peer_disconnected: Signal
    peer_packet: Signal | None = None
    connection_succeeded: Signal = field(default_factory=Signal)
    connection_failed: Signal = field(default_factory=Signal)


class Session(PacketSession):
    """What both ends have."""

    __slots__ = (
        "_first",
        "_is_handling",
        "_lost",
        "_news",
        "_queue",
        "_told",
        "is_over",
        "is_ready",
        "relay_filter",
        "unique_id",
    )

    def __init__(self, news: News) -> None:
        self.unique_id = 0
        self.is_ready = False
        self.is_over = False
        self.relay_filter: RelayFilter | None = None
        self._queue: list[Waiting | None] = []  # the packets for the game, from the first one on; None: was taken
        self._first = 0
        self._news = news
        self._told = news.peer_packet
        self._is_handling = False
        self._lost = LogLimit()  # for packets that found no room

    def status(self) -> int:
        """See `PacketSession`."""
        return _DISCONNECTED if self.is_over else _CONNECTED if self.is_ready else _CONNECTING

    def sender_id(self) -> int:
        """See `PacketSession`."""
        return self.unique_id if self.is_ready and not self.is_over else 0

    def set_relay_filter(self, relay_filter: RelayFilter | None) -> None:
        """See `PacketSession`."""
        self.relay_filter = relay_filter

    def was_relayed(self) -> bool:
        """See `PacketSession`."""
        return self.relay_filter is not None and self.target() != self.unique_id

    def refusals_of(self, peer_id: int) -> Refusals:
        """What was refused of a peer, here and above; of one that has gone, nothing yet."""
        raise NotImplementedError

    def _refuse(self, peer_id: int, problem: PacketError) -> None:
        """Count and say that a packet was dropped."""
        refusals = self.refusals_of(peer_id)
        refusals.note(problem.kind)
        refusals.log.warning("peer %s: dropped a packet: %s", peer_id, str(problem))

    def _turn(self) -> Turn:
        """The turn of the server or client below."""
        raise NotImplementedError

    def _poll(self, timeout: float) -> None:
        """One turn of the server or client below."""
        raise NotImplementedError

    def put(self, target: int, buffer: Buffer) -> Error:
        """Send to one (positive), all (0), or all but one (negative); `ERR_INVALID_PARAMETER` for an unknown one."""
        raise NotImplementedError

    def poll(self, timeout: float) -> None:
        """One turn; within `handle`, what was gathered by then goes out before it."""
        if not self._is_handling:
            self._poll(timeout)
            return
        turn = self._turn()
        turn.flush()
        self._is_handling = False  # for slots, which cannot have a turn within a turn
        try:
            self._poll(timeout)
        finally:
            self._is_handling = turn.active = True

    def handle(self, work: Callable[[], object]) -> None:
        """See `PacketSession`."""
        turn = self._turn()
        if turn.active:  # whoever began it ends it
            work()
            return
        self._is_handling = turn.active = True
        try:
            work()
        finally:
            self._is_handling = False
            turn.flush()

    def close(self) -> None:
        """Lets go of everything: no packet can be taken or sent any more."""
        self.is_over, self.is_ready, self.unique_id = True, False, 0
        self._queue, self._first = [], 0

    def count(self) -> int:
        """Returns how many packets can be taken."""
        return len(self._queue) - self._first

    def take(self) -> bytes | None:
        """See `PacketSession`."""
        while self._first < len(self._queue):
            peer, _, _, header_size = self._pop()
            message = peer.take()
            if message is not None:  # else the game took it from the peer itself
                return message[header_size:] if header_size else message
        return None

    def _pop(self) -> Waiting:
        """The oldest entry of the queue, which has one; without moving all the others each time."""
        queue, first = self._queue, self._first
        waiting = queue[first]
        assert waiting is not None
        queue[first] = None
        first += 1
        if first == len(queue) or first >= _MANY_TAKEN:
            del queue[:first]
            first = 0
        self._first = first
        return waiting

    def source(self) -> int:
        """See `PacketSession`."""
        if self._first == len(self._queue):
            return 0
        waiting = self._queue[self._first]
        assert waiting is not None
        return waiting[1]

    def target(self) -> int:
        """Whom the packet that `take` gives next was sent to; this end's id where there is none."""
        waiting = self._next()
        return self.unique_id if waiting is None else waiting[2]

    def _next(self) -> Waiting | None:
        return self._queue[self._first] if self._first < len(self._queue) else None

    def drop_packets(self, peer: WebSocketPeer) -> None:
        """What came from a connection and was not taken yet is gone."""
        self._queue = [one for one in self._queue if one is not None and one[0] is not peer]
        self._first = 0
        while peer.get_available_packet_count():
            peer.get_packet()

    def _offer(self, peer: WebSocketPeer, source: int, target: int, dialect: Dialect) -> None:
        self._queue.append((peer, source, target, dialect.header_size))
        if self._told is not None:
            self._told.emit_one(source)


class ServerSession(Session):
    """The server's end.

    Args:
        server: hands over to `begin`, `receive` and `end`.
        dialect_of: tells how a newcomer talks.
        news: the signals to emit.
    """

    __slots__ = ("_dialect_of", "_leaving", "_members", "_server")

    def __init__(self, server: WebSocketServer, dialect_of: Callable[[WebSocketPeer], Dialect], news: News) -> None:
        Session.__init__(self, news)
        self.unique_id = _SERVER
        self.is_ready = True
        self._server = server
        self._dialect_of = dialect_of
        self._members: dict[int, tuple[WebSocketPeer, Dialect]] = {}
        self._leaving: list[int] = []

    def _turn(self) -> Turn:
        return self._server._turn

    def _poll(self, timeout: float) -> None:
        """A turn of the server; those that were kicked before it are gone after it."""
        leaving, self._leaving = self._leaving, []
        self._server.poll(0.0 if leaving else timeout)
        for peer_id in leaving:
            if self._server.serves(self):  # else: a slot stopped the server, which tells nothing more
                self._news.peer_disconnected.emit(peer_id)

    # ------------------------------------------------------------------------------------------ who is there

    def begin(self, peer_id: int, peer: WebSocketPeer) -> None:
        """A client's upgrade is done."""
        dialect = self._dialect_of(peer)
        for message in dialect.welcome(peer_id):
            _send_surely([peer], message)
        if dialect.announces:
            for other in sorted(self._members):
                _send_surely([peer], pack_system(Kind.ADD, other))
        self._announce(Kind.ADD, peer_id)
        self._members[peer_id] = peer, dialect
        self._news.peer_connected.emit(peer_id)

    def end(self, peer_id: int) -> None:
        """A client's connection is over; without effect for one that is gone already."""
        member = self._members.pop(peer_id, None)
        if member is not None:
            refusals = backend_of(member[0]).refusals
            if refusals is not None:
                refusals.log.finish(peer_id)
            self._announce(Kind.DEL, peer_id)
            self._news.peer_disconnected.emit(peer_id)

    def _announce(self, kind: Kind, peer_id: int) -> None:
        listeners = [peer for peer, dialect in self._members.values() if dialect.announces]
        if listeners:
            _send_surely(listeners, pack_system(kind, peer_id))

    def disconnect(self, peer_id: int, force: bool) -> bool:
        """Close with 1000 and drop what it sent. The next `poll` tells of the end, or nobody does with `force`.

        Returns:
            Whether it was there.
        """
        member = self._members.pop(peer_id, None)
        if member is None:
            return False
        member[0].close(1000)
        self.drop_packets(member[0])
        self._announce(Kind.DEL, peer_id)
        if not force:
            self._leaving.append(peer_id)
        return True

    def dialect(self, peer_id: int) -> Dialect | None:
        """How a client talks; None for one that is not there."""
        member = self._members.get(peer_id)
        return None if member is None else member[1]

    # ------------------------------------------------------------------------------------------ receiving

    def refusals_of(self, peer_id: int) -> Refusals:
        """See `Session`."""
        return self._server.refusals_of(peer_id)

    def receive(self, peer_id: int) -> None:
        """A client sent a message; it counts unless this side is closing, or has let go of the client."""
        member = self._members.get(peer_id)
        peer = self._server.peers[peer_id] if member is None else member[0]
        backend = backend_of(peer)
        message = backend.newest()
        if message is None:
            return
        if member is None or backend.is_closing():
            backend.discard_newest()
            return
        dialect = member[1]
        try:
            # A packet without a header is for the server.
            target = self._pass_on(peer_id, dialect, message) if dialect.header_size or not message else _SERVER
        except PacketError as problem:
            backend.discard_newest()
            self._refuse(peer_id, problem)
            return
        if target is None:
            backend.discard_newest()
        else:
            self._offer(peer, peer_id, target, dialect)

    def _pass_on(self, peer_id: int, dialect: Dialect, message: bytes) -> int | None:
        """Give other clients what is for them; the target where the game is to have it too, else None.

        Raises:
            PacketError: it is refused; the text says why.
        """
        target = dialect.read_target(message, peer_id)
        return target if target == _SERVER or self._relay(peer_id, target, dialect, message) else None

    def _relay(self, source: int, target: int, dialect: Dialect, message: bytes) -> bool:
        """As it came to those who talk alike; whether it is also for the game, or somebody who talks otherwise."""
        found = receivers(source, target, self._members)
        if target > 0 and not found:
            raise PacketError(f"it is for {target}, who is not there", kind="unknown receiver")
        relay_filter, size = self.relay_filter, dialect.header_size
        if relay_filter is not None and len(message) > size and not relay_filter(source, message[size]):
            return False
        alike = [one for one in found if self._members[one][1] is dialect]
        if self._server.broadcast_to(alike, message) is not _OK:
            self._lost.warning("peer %s: a packet was lost, somebody it is for takes no more now", source)
        return target <= 0 or len(alike) < len(found)

    # ------------------------------------------------------------------------------------------ sending

    def put(self, target: int, buffer: Buffer) -> Error:
        """See `Session.put`."""
        payload = bytes(buffer)
        if target > 0:
            member = self._members.get(target)
            if member is None:
                return Error.ERR_INVALID_PARAMETER
            return self._send(member, SERVER, target, payload)
        for dialect, peer_ids in self._by_dialect(receivers(SERVER, target, self._members)):
            self._server.broadcast_to(peer_ids, dialect.wrap(SERVER, target, payload))
        return _OK

    def put_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """See `PacketSession`."""
        return self.put_from(_SERVER, peer_ids, buffer)

    def put_from(self, source: int, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """As `put_to`, in the name of a client, where a dialect has a name in its packets."""
        payload = buffer if type(buffer) is bytes else bytes(buffer)
        if type(peer_ids) is tuple and len(peer_ids) == 1:  # nearly every call from one to one
            member = self._members.get(peer_ids[0])
            sent = _OK if member is None else self._send(member, source, peer_ids[0], payload)
            return _NO_ROOM if sent is _NO_ROOM else _OK
        errors = []
        for dialect, found in self._by_dialect(peer_ids):
            if dialect.header_size:
                errors += [self._send(self._members[one], source, one, payload) for one in found]
            else:
                errors.append(self._server.broadcast_to(found, payload))
        return Error.ERR_OUT_OF_MEMORY if Error.ERR_OUT_OF_MEMORY in errors else _OK

    def _send(self, member: tuple[WebSocketPeer, Dialect], source: int, target: int, payload: bytes) -> Error:
        peer, dialect = member
        return peer.send_binary(dialect.wrap(source, target, payload) if dialect.header_size else payload)

    def put_control_to(self, peer_ids: Iterable[int], buffer: Buffer) -> None:
        """As `put_to`, for what must not be missed: who has no room for it, beyond the limits too, is dropped."""
        payload = bytes(buffer)
        for dialect, found in self._by_dialect(peer_ids):
            if dialect.header_size:
                for one in found:
                    _send_surely([self._members[one][0]], dialect.wrap(SERVER, one, payload))
            else:
                _send_surely([self._members[one][0] for one in found], payload)

    def _by_dialect(self, peer_ids: Iterable[int]) -> Iterable[tuple[Dialect, list[int]]]:
        found: dict[Dialect, list[int]] = {}
        for peer_id in peer_ids:
            member = self._members.get(peer_id)
            if member is not None:
                found.setdefault(member[1], []).append(peer_id)
        return found.items()


def _send_surely(peers: Iterable[WebSocketPeer], message: bytes) -> None:
    """Send to each of some, framed once, beyond their limits where need be; who has no room even then is dropped."""
    frame = encode_message(message, False)
    for peer in peers:
        backend = backend_of(peer)
        if backend.send(message, False, frame, RESERVE) is _NO_ROOM and backend.is_open():
            reason = "it takes nothing more, and would miss who comes and goes"
            backend.abort(reason)
            log_limited(logger, logging.WARNING, "peer %s: dropped: %s", backend.peer_id, reason)
