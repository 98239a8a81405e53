"""`Connection`: one WebSocket whose calls block.

Layer: `blocking`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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

    Iterating over a connection yields its messages, and stops after a normal close.

    Any thread may make any call at any time: while one thread waits, others can send, receive and close. Each message
    goes to one of the threads that receive. Calls raise RuntimeError in a signal handler, or a handler of the peer's
    signals, if it interrupts a thread that waits in a call of the same connection.

    Pings are answered, and heartbeats sent, only while a call waits. If your program does something else for longer
    than the other side waits for a pong, let a thread call `wait_closed()`.
    """

    __slots__ = ("__weakref__", "_poll_lock")

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, peer: WebSocketPeer) -> None:
        super().__init__(peer)
        self._poll_lock = PollLock(peer)

    # ------------------------------------------------------------------------------------------ receiving

    def recv(self, timeout: float | None = None, decode: bool | None = None) -> str | bytes:
        """Returns the next message: a text message as str, a binary message as bytes.

        Args:
            timeout: the most seconds to wait. 0 returns only a message that has come already; None waits for ever.
            decode: True returns all messages as str; False returns all as bytes, which is faster.

        Raises:
            TimeoutError: no message came in time. Nothing is lost: the next call can receive it.
            ConnectionClosed: the connection is closed, and all messages that came before were received.
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
        """Sends a message, str as text and bytes as binary, and waits until the system has taken all of it.

        Args:
            message: of any size.
            timeout: the most seconds to wait; None waits for ever. Bytes that the system has not taken in time leave in
                later calls.

        Raises:
            TimeoutError: more than `write_limit` bytes of earlier calls are still queued. Nothing of this message was
                sent.
            ConnectionClosed: the connection is not open any more.
            TypeError: the message is neither text nor bytes.
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
        """Waits until the send queue is empty; False if it is not by the deadline."""
        while peer.get_current_outbound_buffered_amount():
            if not self._poll_lock.turn(deadline):
                return False
        return True

    def ping(self, data: bytes | str = b"") -> Pong:
        """Sends a ping.

        Returns:
            A `Pong`, to wait for the answer.

        Raises:
            ConnectionClosed: the connection is not open any more.
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
        """Closes the connection. Waits for the other side's answer, at most `close_timeout`, and for the end of TCP.

        May be called again. Messages that came before can still be received, unless the queue was full.

        Raises:
            ValueError: the code may not be sent, or the reason is longer than 123 bytes.
        """
        with self._poll_lock as peer:
            peer.close(code, reason)
            peer.make_way()
            while self._poll_lock.turn():
                peer.make_way()

    def wait_closed(self, timeout: float | None = None) -> None:
        """Waits until either side has closed the connection, and answers pings meanwhile.

        Args:
            timeout: the most seconds to wait; None waits for ever.

        Raises:
            TimeoutError: the connection was not closed in time.
        """
        deadline = deadline_in(timeout)
        with self._poll_lock as peer:
            while peer.get_ready_state() is not PeerState.CLOSED:
                if not self._poll_lock.turn(deadline):
                    raise TimeoutError(f"not closed within {timeout} seconds")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        """Closes with code 1000, or 1011 after an exception."""
        self.close(1000 if kind is None else 1011)

    # ------------------------------------------------------------------------------------ for gdpeer.blocking itself
    # `connect` and `Server` call these. No program needs them, so the reference leaves them out.

    def wait_open(self, begin: Callable[[], object] | None = None) -> None:
        """Waits until the connection is open, after calling `begin`, which answers a client's upgrade.

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
    """The answer to a ping, with the methods of a `threading.Event`.

    Only the newest ping is measured: its answer stands for those of earlier pings too.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def is_set(self) -> bool:
        """Whether the answer has come."""
        return self._connection.peer.is_answered()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits for the answer. Afterwards `latency` of the connection is the round trip in seconds.

        Args:
            timeout: the most seconds to wait; None waits for ever.

        Returns:
            False if the answer did not come in time.

        Raises:
            ConnectionClosed: the connection closed before the answer came.
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
