"""`ClientSession`: the client's end of a multiplayer session. `server` has the other end, and the shared part.

Layer: `websocket`; compiled (types in `client.pxd`).
Source: reference godot4-wire section B, godot3-wire section 2, 6.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gdpeer.clock import Clock
from gdpeer.errors import Cause, CloseCause, Error, PacketError
from gdpeer.refusals import Refusals
from gdpeer.websocket._peer import backend_of, backend_or_none
from gdpeer.websocket.backend.base import Backend, Turn
from gdpeer.websocket.session.dialects import Dialect, Heard
from gdpeer.websocket.session.godot3_header import SERVER, Kind
from gdpeer.websocket.session.server import Buffer, News, Session

_OK = Error.OK
_NO_ROOM = Error.ERR_OUT_OF_MEMORY

if TYPE_CHECKING:
    from gdpeer.websocket.client import WebSocketClient

__all__ = ["ClientSession"]

MOST_MEMBERS = 65_536
"""The most other peers that a server may announce to a client."""


class ClientSession(Session):
    """The client's end of a session. `client` calls `receive` and `end`.

    The server must tell the id within `timeout` seconds, which `poll` checks.

    Attributes:
        failure: why this end closed the connection; None: it did not.
    """

    __slots__ = ("_client", "_clock", "_deadline", "_dialect", "_others", "_peer", "failure")

    def __init__(
        self, client: WebSocketClient, dialect: Dialect, news: News, clock: Clock, timeout: float = float("inf")
    ) -> None:
        Session.__init__(self, news)
        self.failure: CloseCause | None = None
        self._client = client
        self._peer = client._peer
        self._dialect = dialect
        self._clock = clock
        self._deadline = clock.now() + timeout
        self._others: set[int] = set()  # the server among them

    def _turn(self) -> Turn:
        return self._peer._turn

    def refusals_of(self, peer_id: int) -> Refusals:
        """See `Session`. All packets come from the server, so there is one counter."""
        backend = backend_of(self._peer)
        if backend.refusals is None:
            backend.refusals = Refusals(self._clock)
        return backend.refusals

    def _poll(self, timeout: float) -> None:
        """Polls the client; ends the connection if the id did not come in time."""
        if not self.is_ready and not self.is_over:
            timeout = min(timeout, self._deadline - self._clock.now())
        self._client.poll(timeout)
        if not self.is_ready and not self.is_over and self._clock.now() >= self._deadline:
            backend_of(self._peer).abort("the server did not tell this peer's id in time", Cause.TIMEOUT)
            self._client.poll()

    def receive(self, connection: Backend) -> None:
        """Handles a message of the server; drops it if this side is closing."""
        backend = connection
        message = backend.newest()
        if message is None:
            return
        is_deaf = self.is_over or self.failure is not None or backend.is_closing()
        heard = () if is_deaf else self._hear(message)
        if heard and heard[0].kind is Kind.DATA:
            self._offer(self._peer, heard[0].peer_id, self.unique_id, self._dialect)
            return
        backend.discard_newest()
        for kind, peer_id in heard:
            self._take_news(kind, peer_id)

    def _hear(self, message: bytes) -> tuple[Heard, ...]:
        try:
            heard = self._dialect.hear(message, self.unique_id)
            self._check_news(*heard[-1])
            return heard
        except PacketError as problem:
            self._refuse(SERVER, problem)
            if not self.unique_id:  # the first message is wrong: the server has another dialect
                self.failure = CloseCause(Cause.PROTOCOL_ERROR, problem.detail)
                self._peer.close(1000)
            return ()

    def _check_news(self, kind: Kind, peer_id: int) -> None:
        if kind is Kind.DEL and peer_id not in self._others:
            raise PacketError(f"DEL of {peer_id}, who is not there")
        if kind is Kind.ADD and peer_id in self._others:
            raise PacketError(f"ADD of {peer_id}, who is there")
        if kind is Kind.ADD and len(self._others) >= MOST_MEMBERS:
            raise PacketError(f"ADD of {peer_id}, where {MOST_MEMBERS} are there")

    def _take_news(self, kind: Kind, peer_id: int) -> None:
        if kind is Kind.ID:
            self.unique_id = peer_id
        elif kind is Kind.DEL:
            self._others.discard(peer_id)
            self._news.peer_disconnected.emit(peer_id)
        else:
            self._others.add(peer_id)
            self.is_ready = self.is_ready or peer_id == SERVER
            self._news.peer_connected.emit(peer_id)
            if peer_id == SERVER:
                self._news.connection_succeeded.emit()

    def end(self) -> None:
        """Announces that the connection has ended, or did not open."""
        if self.is_ready and self._dialect.tells_server_gone:
            self._news.peer_disconnected.emit(SERVER)
        self.leave()
        self._news.connection_failed.emit()

    def leave(self) -> None:
        """Ends the session without announcing it."""
        backend = backend_or_none(self._peer)
        if backend is not None:
            backend.session = None  # else the two keep each other in memory
        self.is_over = True
        self.unique_id = 0

    def dialect(self, peer_id: int) -> Dialect:
        """Returns the dialect of this session, for all ids."""
        return self._dialect

    def put(self, target: int, buffer: Buffer) -> Error:
        """Sends to the server, whatever the target: the server passes on what is for others."""
        dialect = self._dialect
        payload = buffer if type(buffer) is bytes else bytes(buffer)
        return self._peer.send_binary(dialect.wrap(self.unique_id, target, payload) if dialect.header_size else payload)

    def put_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """See `PacketSession`; without a header, which names the target, packets reach the server only."""
        result = _OK
        for target in peer_ids:
            is_reached = target == SERVER or self._dialect.header_size
            if is_reached and self.put(target, buffer) is _NO_ROOM:
                result = _NO_ROOM
        return result

    def waiting(self, peer_id: int) -> int:
        """Returns how many bytes wait to be sent to the server, through which all peers are reached."""
        return self._peer.get_current_outbound_buffered_amount()

    def get_close_cause(self) -> CloseCause:
        """Returns why the session ended, or did not begin."""
        return self.failure or self._peer.get_close_cause()
