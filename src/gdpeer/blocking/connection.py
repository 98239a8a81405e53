"""`Connection`: one WebSocket whose calls wait.

Layer: `blocking`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import ClassVar, Self

from gdpeer import fronts as front
from gdpeer.blocking.poll_lock import PollLock, deadline_in
from gdpeer.errors import ConnectionClosedOK, Error
from gdpeer.fronts import Facts, Message, closed_error
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.states import PeerState

__all__ = ["Connection", "Pong"]


class Connection(Facts):
    """One end of a WebSocket; made by `connect` and `serve`.

    Iterating over it gives its messages, until it is closed as agreed.

    Any thread may make any call at any time: while one waits, others send, receive and close. Each message goes to one
    of those that receive. The exceptions are a signal handler, and a slot of the peer's signals: while the thread that
    they interrupt waits in a call, calls there raise RuntimeError.

    Pings are answered, and the heartbeat is kept, while some call waits. A program that is busy elsewhere for longer
    than the other side's patience has a thread call `wait_closed()`.
    """

    __slots__ = ("__weakref__", "_poll_lock")

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, peer: WebSocketPeer) -> None:
        super().__init__(peer)
        self._poll_lock = PollLock(peer)

    # ------------------------------------------------------------------------------------------ receiving

    def recv(self, timeout: float | None = None, decode: bool | None = None) -> str | bytes:
        """The next message: text as str, else bytes.

        Args:
            timeout: seconds to wait at most; None: as long as it takes. 0: what has come by now.
            decode: True: always as text; False: always as bytes, which is faster.

        Raises:
            TimeoutError: none came in time. Nothing is lost: the next call receives it.
            ConnectionClosed: there is none any more. What came before the close is received first.
        """
        with self._poll_lock as peer:
            data = peer.take()
            if data is None:
                data = self._await_message(peer, timeout)
            is_text = peer.was_string_packet() if decode is None else decode
        return data.decode() if is_text else data

    def _await_message(self, peer: WebSocketPeer, timeout: float | None) -> bytes:
        deadline = deadline_in(timeout)
        while (data := peer.take()) is None:
            if peer.get_ready_state() is PeerState.CLOSED:
                raise closed_error(peer)
            if not self._poll_lock.turn(deadline):
                raise TimeoutError(f"no message within {timeout} seconds")
        return data

    def __iter__(self) -> Iterator[str | bytes]:
        try:
            while True:
                yield self.recv()
        except ConnectionClosedOK:
            return

    # ------------------------------------------------------------------------------------------ sending

    def send(self, message: Message, timeout: float | None = None) -> None:
        """Send a message, str as text and bytes as binary; waits until the system has taken all of it.

        Args:
            message: of any size.
            timeout: seconds to wait at most. What the system has not taken by then goes out in later calls, and as
                soon as that is more than `write_limit`, a message is refused; None: as long as it takes.

        Raises:
            TimeoutError: too much waits since earlier calls. Nothing of this message was sent.
            ConnectionClosed: it is not open any more.
            TypeError: the message is neither.
        """
        with self._poll_lock as peer:
            deadline = deadline_in(timeout)
            error = front.send(peer, message)
            if error is Error.ERR_OUT_OF_MEMORY:
                if not self._drain(peer, deadline):
                    raise TimeoutError(f"no room to send within {timeout} seconds")
                error = front.send(peer, message)
            if error is not Error.OK:
                self._raise_closed(peer)
            self._drain(peer, deadline)

    def _drain(self, peer: WebSocketPeer, deadline: float) -> bool:
        """Wait until nothing waits to go out; whether that came to be."""
        while peer.get_current_outbound_buffered_amount():
            if not self._poll_lock.turn(deadline):
                return False
        return True

    def ping(self, data: bytes | str = b"") -> Pong:
        """Send a ping.

        Returns:
            What can be waited for: its answer.

        Raises:
            ConnectionClosed: it is not open any more.
            ValueError: `data` is longer than 125 bytes.
        """
        with self._poll_lock as peer:
            if peer.ping(data.encode() if isinstance(data, str) else data) is not Error.OK:
                self._raise_closed(peer)
        return Pong(self)

    def _raise_closed(self, peer: WebSocketPeer) -> None:
        while peer.get_ready_state() is not PeerState.CLOSED:
            self._poll_lock.turn()
        raise closed_error(peer)

    # ------------------------------------------------------------------------------------------ the end

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, and wait until the other side has answered, at most `close_timeout`, and TCP has ended.

        What came before can still be received, unless so much waits that reading had stopped. May be called again.

        Raises:
            ValueError: the code may not be sent, or the reason is longer than 123 bytes.
        """
        with self._poll_lock as peer:
            peer.close(code, reason)
            peer.make_way()
            while self._poll_lock.turn():
                peer.make_way()

    def wait_closed(self, timeout: float | None = None) -> None:
        """Wait until it is closed, by whichever side; a thread that does keeps the connection alive meanwhile.

        Raises:
            TimeoutError: it was not, in time.
        """
        deadline = deadline_in(timeout)
        with self._poll_lock as peer:
            while peer.get_ready_state() is not PeerState.CLOSED:
                if not self._poll_lock.turn(deadline):
                    raise TimeoutError(f"not closed within {timeout} seconds")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close with 1000, or 1011 after an exception."""
        self.close(1000 if kind is None else 1011)

    # ------------------------------------------------------------------------------------ for gdpeer.blocking itself
    # `connect` and `Server` call these. No program needs them, so the reference leaves them out.

    def wait_open(self, begin: Callable[[], object] | None = None) -> None:
        """Waits until the connection is open.

        Args:
            begin: called first, in this thread: answers the client's upgrade.

        Raises:
            TransportError, HandshakeError: as `connect`.
        """
        with self._poll_lock as peer:
            if begin is not None:
                begin()
            while peer.get_ready_state() is PeerState.CONNECTING:
                self._poll_lock.turn()
            if not peer.was_open():
                raise front.not_open_error(peer.get_close_cause())

    def begin_to_leave(self, code: int) -> None:
        """Sends the close frame; the thread that uses the connection does the rest."""
        with self._poll_lock as peer:
            peer.close(code)


class Pong:
    """The answer to a ping; used as a `threading.Event`.

    Of several pings under way only the newest counts, and its answer stands for all.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def is_set(self) -> bool:
        """Whether it has come."""
        return self._connection.peer.is_answered()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for it; `latency` of the connection then tells how long it took.

        Returns:
            False where it did not come in time.

        Raises:
            ConnectionClosed: it will not come any more.
        """
        connection = self._connection
        deadline = deadline_in(timeout)
        with connection._poll_lock as peer:
            while not peer.is_answered():
                if peer.get_ready_state() is PeerState.CLOSED:
                    raise closed_error(peer)
                if not connection._poll_lock.turn(deadline):
                    return peer.is_answered()
        return True
