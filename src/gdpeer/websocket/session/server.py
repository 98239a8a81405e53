"""`Session` and `ServerSession`: peers with ids over a `WebSocketServer`, and the order of their packets.

The server and the client call the session of a connection instead of emitting their own signals. The dialect of a peer
decides which messages the session answers, which it passes on to other clients, and which are packets for the game.

Invariants:
- A packet for the game stays in the inbox of its peer until it is taken. So the limits of each peer include packets
  that the game has not taken, and TCP holds back a peer that sends more.
- `peer_connected` comes before the peer's first packet. Packets that came before the peer's end can be taken after
  `peer_disconnected`; after `disconnect` no packet of the peer can be taken.
- A message for many peers is framed once if it is the same for all. In Godot 3's dialect, a message for some peers by
  their ids differs: each copy names its target.
- Messages that are sent while packets are handled (`handle`) leave at the end, in one write for each peer.
- Messages about peers that come and go may exceed the limits of a slow peer by `RESERVE`. A peer without room for them
  even then is dropped, as it would miss a peer.

Layer: `websocket`; compiled (types in `server.pxd`).
Source: reference godot4-wire section B, godot3-wire section 2, 6.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from gdpeer.errors import Error, PacketError
from gdpeer.logs import LogLimit, get_logger, log_limited
from gdpeer.packet_session import PacketBlock, PacketSession, RelayFilter
from gdpeer.protocol.outbox import encode_message, encode_messages
from gdpeer.refusals import NO_ROOM, Refusals
from gdpeer.signals import Signal
from gdpeer.websocket._peer import backend_of, send_to_all, waiting_of
from gdpeer.websocket.backend.base import Backend, Turn
from gdpeer.websocket.session.dialects import Dialect
from gdpeer.websocket.session.godot3_header import SERVER, Kind, pack_system, receivers

if TYPE_CHECKING:
    from gdpeer.websocket.peer import WebSocketPeer

__all__ = ["News", "ServerSession", "Session", "SessionHost"]

logger = get_logger("gdpeer.multiplayer")

RESERVE = 65_536
"""Bytes, and messages, by which messages about peers may exceed a peer's outbound limits."""

_MANY_TAKEN = 256  # entries of taken packets that are removed at once; a C integer once compiled

Buffer: TypeAlias = "bytes | bytearray | memoryview"

_OK = Error.OK
_NO_ROOM = Error.ERR_OUT_OF_MEMORY
_DISCONNECTED, _CONNECTING, _CONNECTED = 0, 1, 2  # of `ConnectionStatus`; C integers once compiled
_SERVER = SERVER  # a C integer once compiled (server.pxd)

Waiting: TypeAlias = "tuple[WebSocketPeer, int, int, int]"
"""A packet for the game: the peer whose inbox has it, its source, its target, and the size of its header."""


@dataclass(frozen=True, slots=True)
class News:
    """The signals that a session emits.

    Attributes:
        peer_connected, peer_disconnected: signals (peer_id).
        peer_packet: signal (source): once for each packet that can be taken; None: no such signal is emitted.
        connection_succeeded: signal (): a client has its id.
        connection_failed: signal (): a client's connection did not open, or has ended.
    """

    peer_connected: Signal
    peer_disconnected: Signal
    peer_packet: Signal | None = None
    connection_succeeded: Signal = field(default_factory=Signal)
    connection_failed: Signal = field(default_factory=Signal)


class SessionHost(Protocol):
    """What a `ServerSession` needs of the owner of its connections: a `WebSocketServer`, or a room of many on one."""

    def poll_turn(self) -> Turn:
        """Returns the turn in which the connections are polled."""

    def poll(self, timeout: float = 0.0) -> None:
        """Polls the connections."""

    def serves(self, session: ServerSession) -> bool:
        """Whether a session still gets the events."""

    def refusals_of(self, peer_id: int) -> Refusals:
        """Returns the counter of a peer's refused packets."""


class Session(PacketSession):
    """The part that both ends of a session share: the queue of packets, and turns.

    Attributes:
        on_news: called when there is something to handle, once until `has_news` is reset. For a session among many,
            whose owner polls only the APIs that have news. None: the API is always polled.
        has_news: `on_news` was called.
    """

    __slots__ = (
        "_first",
        "_is_handling",
        "_lost",
        "_news",
        "_queue",
        "_told",
        "has_news",
        "is_over",
        "is_ready",
        "on_news",
        "relay_filter",
        "unique_id",
    )

    def __init__(self, news: News) -> None:
        self.unique_id = 0
        self.is_ready = False
        self.is_over = False
        self.on_news: Callable[[], object] | None = None
        self.has_news = False
        self.relay_filter: RelayFilter | None = None
        self._queue: list[Waiting | None] = []  # packets for the game; None: was taken
        self._first = 0
        self._news = news
        self._told = news.peer_packet
        self._is_handling = False
        self._lost: LogLimit | None = None  # for the log lines of lost packets, from the first on

    def status(self) -> int:
        """Returns the state of this end; see `PacketSession`."""
        return _DISCONNECTED if self.is_over else _CONNECTED if self.is_ready else _CONNECTING

    def sender_id(self) -> int:
        """Returns this end's id; 0 while it cannot send."""
        return self.unique_id if self.is_ready and not self.is_over else 0

    def set_relay_filter(self, relay_filter: RelayFilter | None) -> None:
        """Sets the filter that a server asks; see `PacketSession`."""
        self.relay_filter = relay_filter

    def was_relayed(self) -> bool:
        """Tells whether the relay filter has seen the next packet."""
        return self.relay_filter is not None and self.target() != self.unique_id

    def refusals_of(self, peer_id: int) -> Refusals:
        """Returns the counter of everything that was refused of a peer, here and in the API above."""
        raise NotImplementedError

    def _refuse(self, peer_id: int, problem: PacketError) -> None:
        """Counts and logs a packet that was dropped."""
        refusals = self.refusals_of(peer_id)
        refusals.note(problem.kind)
        refusals.log.warning("peer %s: dropped a packet: %s", peer_id, str(problem))

    def _turn(self) -> Turn:
        """Returns the turn of the server or client below."""
        raise NotImplementedError

    def _poll(self, timeout: float) -> None:
        """Polls the server or client below."""
        raise NotImplementedError

    def put(self, target: int, buffer: Buffer) -> Error:
        """Sends a packet to one peer (a positive target), to all (0), or to all but one (negative).

        Returns:
            `ERR_INVALID_PARAMETER` if the one peer is not there; else the code of sending.
        """
        raise NotImplementedError

    def poll(self, timeout: float) -> None:
        """Polls; within `handle`, first sends the messages that were gathered so far."""
        if not self._is_handling:
            self._poll(timeout)
            return
        turn = self._turn()
        turn.flush()
        self._is_handling = False  # a handler that polls in turn must not flush again
        try:
            self._poll(timeout)
        finally:
            self._is_handling = turn.active = True

    def handle(self, work: Callable[[], object]) -> None:
        """Calls `work`, and sends what it has sent in one write for each peer."""
        turn = self._turn()
        if turn.active:  # the caller that began the turn also ends it
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
        """Takes the oldest packet, without its header; None without a packet, or if the game has taken it already.

        If the game has taken the packet from the connection itself, the next packet may be of another sender than
        `source` has said, so the next packet waits for the next call.
        """
        if self._first == len(self._queue):
            return None
        peer, _, _, header_size = self._pop()
        message = peer.take()
        return message[header_size:] if message is not None and header_size else message

    def take_next(self) -> bytes | None:
        """Takes the oldest packet that the game has not taken from a connection itself; None without a packet."""
        packet = None
        while packet is None and self.count():
            packet = self.take()
        return packet

    def _pop(self) -> Waiting:
        """Takes the oldest entry of the queue, which must not be empty. Entries are removed many at a time."""
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

    def _next(self) -> Waiting | None:
        return self._queue[self._first] if self._first < len(self._queue) else None

    def source(self) -> int:
        """Returns the sender of the next packet; 0 without a packet."""
        if self._first == len(self._queue):
            return 0
        waiting = self._queue[self._first]
        assert waiting is not None
        return waiting[1]

    def target(self) -> int:
        """Returns the target of the next packet; this end's id without a packet."""
        waiting = self._next()
        return self.unique_id if waiting is None else waiting[2]

    def drop_packets(self, peer: WebSocketPeer) -> None:
        """Drops all packets of a peer that were not taken yet."""
        self._queue = [one for one in self._queue if one is not None and one[0] is not peer]
        self._first = 0
        while peer.get_available_packet_count():
            peer.get_packet()

    def _offer(self, peer: WebSocketPeer, source: int, target: int, dialect: Dialect) -> None:
        self._queue.append((peer, source, target, dialect.header_size))
        if self._told is not None:
            self._told.emit_one(source)
        if self.on_news is not None:
            self.tell()

    def tell(self) -> None:
        """Calls `on_news`, unless it was called already."""
        if self.on_news is not None and not self.has_news:
            self.has_news = True
            self.on_news()


class ServerSession(Session):
    """The server's end of a session. The owner of the connections, `server`, calls `begin`, `receive` and `end`.

    Attributes:
        holds: called with the id of a client whose connection has ended; returns whether the client is away, and
            comes back. Clients that Godot 3's dialect tells of others are told so at the return, or at `release`. None:
            no client comes back.
        sieve: called with the sender of a packet that the session passes on, its receivers, and the packet without its
            header; returns the receivers that get it. None: all get it.
    """

    __slots__ = ("_away", "_dialect_of", "_leaving", "_members", "_server", "holds", "sieve")

    def __init__(self, server: SessionHost, dialect_of: Callable[[WebSocketPeer], Dialect], news: News) -> None:
        Session.__init__(self, news)
        self.unique_id = _SERVER
        self.is_ready = True
        self._server = server
        self._dialect_of = dialect_of
        self._members: dict[int, tuple[WebSocketPeer, Dialect]] = {}
        self._leaving: list[int] = []
        self._away: set[int] = set()
        self.holds: Callable[[int], bool] | None = None
        self.sieve: Callable[[int, list[int], bytes], list[int]] | None = None

    def _turn(self) -> Turn:
        return self._server.poll_turn()

    def _poll(self, timeout: float) -> None:
        """Polls the server; afterwards announces the end of the peers that were disconnected before."""
        leaving, self._leaving = self._leaving, []
        self._server.poll(0.0 if leaving else timeout)
        for peer_id in leaving:
            if self._server.serves(self):  # False: a handler has stopped the server, which announces nothing more
                self._news.peer_disconnected.emit(peer_id)

    # ------------------------------------------------------------------------------------------ members

    def begin(self, peer_id: int, peer: WebSocketPeer) -> None:
        """Adds a client whose upgrade is done."""
        dialect = self._dialect_of(peer)
        for message in dialect.welcome(peer_id):
            _send_surely([peer], message)
        if peer_id in self._away:
            self.release(peer_id)
        if dialect.announces:
            for other in sorted({*self._members, *self._away}):
                _send_surely([peer], pack_system(Kind.ADD, other))
        self._announce(Kind.ADD, peer_id)
        self._members[peer_id] = peer, dialect
        self._news.peer_connected.emit(peer_id)
        self.tell()

    def end(self, peer_id: int, peer: WebSocketPeer) -> None:
        """Removes a client whose connection has ended; without effect after `disconnect`."""
        member = self._members.get(peer_id)
        if member is None or member[0] is not peer:  # another connection has the id by now
            return
        del self._members[peer_id]
        refusals = backend_of(peer).refusals
        if refusals is not None:
            refusals.log.finish(peer_id)
        if self.holds is not None and self.holds(peer_id):
            self._away.add(peer_id)
        else:
            self._announce(Kind.DEL, peer_id)
        self._news.peer_disconnected.emit(peer_id)
        self.tell()

    def hold(self, peer_id: int) -> None:
        """Takes note of a client that is away, and was never here: another process had its connection."""
        self._away.add(peer_id)

    def release(self, peer_id: int) -> None:
        """Announces the end of a client that is away; without effect for any other."""
        if peer_id in self._away:
            self._away.discard(peer_id)
            self._announce(Kind.DEL, peer_id)

    def _announce(self, kind: Kind, peer_id: int) -> None:
        listeners = [peer for peer, dialect in self._members.values() if dialect.announces]
        if listeners:
            _send_surely(listeners, pack_system(kind, peer_id))

    def disconnect(self, peer_id: int, force: bool) -> bool:
        """Closes a client's connection with code 1000, and drops its packets; returns whether the client was there.

        The next `poll` emits `peer_disconnected`; with `force` nothing is emitted.
        """
        member = self._members.pop(peer_id, None)
        if member is None:
            return False
        member[0].close(1000)
        self.drop_packets(member[0])
        self._announce(Kind.DEL, peer_id)
        if not force:
            self._leaving.append(peer_id)
            self.tell()
        return True

    def peer(self, peer_id: int) -> WebSocketPeer | None:
        """Returns the connection of a client; None for an unknown id."""
        member = self._members.get(peer_id)
        return None if member is None else member[0]

    def dialect(self, peer_id: int) -> Dialect | None:
        """Returns the dialect of a client; None for an unknown id."""
        member = self._members.get(peer_id)
        return None if member is None else member[1]

    # ------------------------------------------------------------------------------------------ receiving

    def refusals_of(self, peer_id: int) -> Refusals:
        """Returns the counter of a client, which the server keeps."""
        return self._server.refusals_of(peer_id)

    def receive(self, connection: Backend) -> None:
        """Handles a client's message; drops it if this side is closing, or has disconnected the client."""
        backend = connection
        message = backend.newest()
        if message is None:
            return
        peer_id = backend.peer_id
        member = self._members.get(peer_id)
        if member is None or backend.is_closing() or backend_of(member[0]) is not backend:
            backend.discard_newest()
            return
        peer, dialect = member
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
        """Passes a message on to its receivers; returns the target if the message is for the game too, else None.

        Raises:
            PacketError: the message is refused; the text says why.
        """
        target = dialect.read_target(message, peer_id)
        return target if target == _SERVER or self._relay(peer_id, target, dialect, message) else None

    def _relay(self, source: int, target: int, dialect: Dialect, message: bytes) -> bool:
        """Sends a message to clients of the same dialect; returns whether it is also for the game or other clients."""
        found = receivers(source, target, self._members)
        if target in self._away:
            return False
        if target > 0 and not found:
            raise PacketError(f"it is for {target}, who is not there", kind="unknown receiver")
        relay_filter, size = self.relay_filter, dialect.header_size
        if relay_filter is not None and len(message) > size and not relay_filter(source, message[size]):
            return False
        alike = [one for one in found if self._members[one][1] is dialect]
        passed = alike if self.sieve is None else self.sieve(source, alike, message[size:])
        if self._spread(passed, message) is not _OK:
            if self._lost is None:
                self._lost = LogLimit()
            self._lost.warning("a packet of peer %s was lost: one of %s has no room for it", source, list(passed))
            self.refusals_of(source).count(NO_ROOM)
        return target <= 0 or len(alike) < len(found)

    # ------------------------------------------------------------------------------------------ sending

    def put(self, target: int, buffer: Buffer) -> Error:
        """Sends a packet to clients; see `Session.put`."""
        payload = bytes(buffer)
        if target > 0:
            member = self._members.get(target)
            if member is None:
                return Error.ERR_INVALID_PARAMETER
            return self._send(member, SERVER, target, payload)
        for dialect, peer_ids in self._by_dialect(receivers(SERVER, target, self._members)):
            self._spread(peer_ids, dialect.wrap(SERVER, target, payload))
        return _OK

    def put_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Sends a packet of the server to some clients."""
        return self.put_from(_SERVER, peer_ids, buffer)

    def put_from(self, source: int, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Sends as `put_to`, with a client as the sender if the dialect's header names the sender."""
        payload = buffer if type(buffer) is bytes else bytes(buffer)
        if type(peer_ids) is tuple and len(peer_ids) == 1:  # as for nearly all calls to one peer
            member = self._members.get(peer_ids[0])
            sent = _OK if member is None else self._send(member, source, peer_ids[0], payload)
            return _NO_ROOM if sent is _NO_ROOM else _OK
        errors = []
        for dialect, found in self._by_dialect(peer_ids):
            if dialect.header_size:
                errors += [self._send(self._members[one], source, one, payload) for one in found]
            else:
                errors.append(self._spread(found, payload))
        return Error.ERR_OUT_OF_MEMORY if Error.ERR_OUT_OF_MEMORY in errors else _OK

    def _spread(self, peer_ids: Iterable[int], message: bytes) -> Error:
        """Sends one message, framed once, to some members."""
        members = self._members
        return send_to_all([members[peer_id][0] for peer_id in peer_ids], message)

    def put_whole(self, peer_id: int, block: PacketBlock) -> bool:
        """Sends many packets to one client; see `PacketSession`. Their frames are made once for all clients."""
        member = self._members.get(peer_id)
        if member is None:
            return False
        peer, dialect = member
        if dialect.header_size:
            return False
        if not block.frames:
            block.frames = encode_messages(block.packets)
        return backend_of(peer).send_block(block.frames, len(block.packets))

    def _send(self, member: tuple[WebSocketPeer, Dialect], source: int, target: int, payload: bytes) -> Error:
        peer, dialect = member
        return peer.send_binary(dialect.wrap(source, target, payload) if dialect.header_size else payload)

    def waiting(self, peer_id: int) -> int:
        """Returns how many bytes wait to be sent to a client."""
        member = self._members.get(peer_id)
        return 0 if member is None else waiting_of(member[0])

    def slow_among(self, peer_ids: Iterable[int]) -> set[int]:
        """Returns those of some clients to whom bytes wait to be sent."""
        # In nearly all network frames there are none, and asking each connection would fetch all of them from memory.
        return set() if self._turn().is_all_sent() else Session.slow_among(self, peer_ids)

    def put_control_to(self, peer_ids: Iterable[int], buffer: Buffer) -> None:
        """Sends as `put_to`, but beyond the limits by `RESERVE`; drops peers without room even then."""
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
    """Sends one message to some peers, if need be beyond their limits by `RESERVE`; drops peers without room."""
    frame = encode_message(message, False)
    for peer in peers:
        backend = backend_of(peer)
        if backend.send(message, False, frame, RESERVE) is _NO_ROOM and backend.is_open():
            reason = "it takes nothing more, and would miss who comes and goes"
            backend.abort(reason)
            log_limited(logger, logging.WARNING, "peer %s: dropped: %s", backend.peer_id, reason)
