"""Two connected streams in memory: a network for testing games.

    ours, theirs = memory_pair(clock=clock, delay=0.05, max_chunk=7)

Every protocol over a `Stream` also runs over these, without sockets and without waiting. The pair can delay bytes, cut
them into small pieces, hold them back behind a full buffer, stop for a while, or break. With a `ManualClock` a delay
ends when the test moves the clock.

Layer: `transport`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import Cause, Error, TransportError
from gdpeer.transport.poller import Poller, Timer
from gdpeer.transport.stream import READ, WOULD_BLOCK, WRITE, Address, Ready, Stream

__all__ = ["MemoryStream", "memory_pair"]


class _Pipe:
    """One direction of a pair: pieces in order, each with the time of its arrival."""

    __slots__ = ("capacity", "clock", "closed", "delay", "end", "pieces", "size", "stalled")

    def __init__(self, clock: Clock, delay: float, capacity: int) -> None:
        self.clock = clock
        self.delay = delay
        self.capacity = capacity
        self.pieces: deque[tuple[float, memoryview]] = deque()
        self.size = 0
        self.end: float | None = None
        """Time at which the end of the bytes arrives; None while more may follow."""
        self.stalled = False
        self.closed = False
        """The reader closed its end: further bytes vanish."""

    @property
    def room(self) -> int:
        return self.capacity - self.size

    def put(self, chunk: Any) -> int:
        """Takes as many bytes as there is room for, and returns their number."""
        view = memoryview(chunk).cast("B")
        piece = bytes(view[: self.room])
        if piece and not self.closed:
            self.pieces.append((self.clock.now() + self.delay, memoryview(piece)))
            self.size += len(piece)
        return len(piece)

    def next_at(self) -> float | None:
        """Returns when the next bytes, or the end, can be read; None while nothing is on its way."""
        if self.stalled:
            return None
        return self.pieces[0][0] if self.pieces else self.end

    def take_into(self, buffer: memoryview) -> int:
        """Fills the buffer with arrived bytes, and returns their number."""
        now = self.clock.now()
        taken = 0
        while self.pieces and self.pieces[0][0] <= now and taken < len(buffer):
            when, piece = self.pieces.popleft()
            count = min(len(piece), len(buffer) - taken)
            buffer[taken : taken + count] = piece[:count]
            taken += count
            if count < len(piece):
                self.pieces.appendleft((when, piece[count:]))
        self.size -= taken
        return taken


class _State:
    """The state that both ends of a pair share: whether the connection broke, and the size of reads."""

    __slots__ = ("broken", "max_chunk")

    def __init__(self, max_chunk: int | Callable[[], int] | None) -> None:
        self.broken = ""
        self.max_chunk = max_chunk

    def chunk(self, available: int) -> int:
        """Returns the most bytes that one read may yield."""
        if self.max_chunk is None:
            return available
        limit = self.max_chunk if isinstance(self.max_chunk, int) else self.max_chunk()
        return max(1, min(available, limit))


class MemoryStream(Stream):
    """One end of a `memory_pair`. Both ends belong to one thread.

    Like a socket, a stream stays ready until its bytes are read; readiness is not reported only once. It uses the
    poller's `soon` and `call_at`, so the pair and the poller must share one clock.
    """

    def __init__(self, incoming: _Pipe, outgoing: _Pipe, state: _State) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._state = state
        self._other = self
        self._closed = False
        self._want_read = True
        self._want_write = False
        self._poller: Poller | None = None
        self._ready: Ready | None = None
        self._asked: Poller | None = None
        self._timer: Timer | None = None

    def receive_into(self, buffer: Any) -> int:
        """Fills the buffer with arrived bytes, at most `max_chunk`. See `Stream.receive_into`."""
        self._check()
        view = memoryview(buffer).cast("B")
        pipe = self._incoming
        arrives = pipe.next_at()
        if arrives is None or arrives > pipe.clock.now():
            return WOULD_BLOCK
        taken = pipe.take_into(view[: self._state.chunk(len(view))])
        # The read made room, so the other end may be able to send again.
        self._other._notify()
        return taken

    def send(self, chunks: Sequence[Any]) -> int:
        """Sends bytes while the capacity lasts. See `Stream.send`."""
        self._check()
        if self._outgoing.end is not None:
            raise TransportError("sent after close_write", Cause.TCP, Error.ERR_CONNECTION_ERROR)
        total = 0
        for chunk in chunks:
            taken = self._outgoing.put(chunk)
            total += taken
            if taken < memoryview(chunk).nbytes:
                break
        self._other._notify()
        return total

    def stall(self, stalled: bool = True) -> None:
        """Holds back the bytes to this end, until `stall(False)`. The sender has to wait once the capacity is full."""
        self._incoming.stalled = stalled
        self._notify()

    def break_connection(self, detail: str = "connection broke: reset by the other side") -> None:
        """Makes both ends fail from now on as after a reset; bytes on their way are lost."""
        self._state.broken = detail
        for pipe in (self._incoming, self._outgoing):
            pipe.pieces.clear()
            pipe.size = 0
        self._notify()
        self._other._notify()

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Calls `ready` in each turn in which this end is ready. See `Pollable.attach`."""
        self.detach()
        self._poller, self._ready = poller, ready
        self._notify()

    def detach(self) -> None:
        """Ends `attach`, and cancels the timer of delayed bytes."""
        self._poller = self._ready = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def want_read(self, wanted: bool) -> None:
        """Sets whether arrived bytes make this end ready."""
        self._want_read = wanted
        self._notify()

    def want_write(self, wanted: bool) -> None:
        """Sets whether room for more bytes makes this end ready."""
        self._want_write = wanted
        self._notify()

    def has_pending(self) -> bool:
        """Always False: the poller reports all bytes of a stream in memory."""
        return False

    def close_write(self) -> None:
        """Ends this direction: the other side reads the bytes on their way, then the end."""
        if self._outgoing.end is None:
            self._outgoing.end = self._outgoing.clock.now() + self._outgoing.delay
            self._other._notify()

    def close(self) -> None:
        """Closes this end. The other side reads the bytes on their way, then the end; bytes that it sends vanish."""
        self._closed = True
        self.detach()
        self._incoming.closed = True
        self._incoming.pieces.clear()
        self._incoming.size = 0
        self.close_write()
        self._other._notify()

    def set_no_delay(self, enabled: bool) -> None:
        """Does nothing: a stream in memory has no TCP_NODELAY."""

    @property
    def is_secure(self) -> bool:
        """Always False: the bytes are not encrypted."""
        return False

    @property
    def remote_address(self) -> Address:
        """Always `("", 0)`: memory has no addresses."""
        return "", 0

    @property
    def local_address(self) -> Address:
        """Always `("", 0)`: memory has no addresses."""
        return "", 0

    def _check(self) -> None:
        detail = "connection broke: closed by this side" if self._closed else self._state.broken
        if detail:
            raise TransportError(detail, Cause.TCP, Error.ERR_CONNECTION_ERROR)

    def _events(self) -> int:
        """Returns the wanted readiness of this moment, as bits."""
        if self._state.broken:
            # As with a socket after a reset: the next read or write raises the error.
            return READ | WRITE
        arrives = self._incoming.next_at()
        readable = self._want_read and arrives is not None and arrives <= self._incoming.clock.now()
        writable = self._want_write and self._outgoing.room > 0
        return (READ if readable else 0) | (WRITE if writable else 0)

    def _notify(self) -> None:
        """Has the poller call `ready`, in the next turn or when the next bytes arrive."""
        poller = self._poller
        # Once per turn is enough, however many events come meanwhile.
        if poller is None or self._asked is poller or not (self._want_read or self._want_write):
            return
        if self._events():
            self._asked = poller
            poller.soon(lambda: self._run(poller))
            return
        arrives = self._incoming.next_at()
        if self._want_read and arrives is not None and (self._timer is None or self._timer.when != arrives):
            if self._timer is not None:
                self._timer.cancel()
            self._timer = poller.call_at(arrives, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        if self._poller is not None and self._asked is not self._poller:
            self._run(self._poller)

    def _run(self, asked: Poller) -> None:
        if self._asked is asked:
            self._asked = None
        # Since it asked, this end may have been detached, or attached to another poller.
        if self._poller is not asked or self._ready is None or not (self._want_read or self._want_write):
            return
        events = self._events()
        try:
            if events:
                self._ready(events)
        finally:
            # Readiness is a state: unread bytes must be reported in the next turn again.
            self._notify()


def memory_pair(
    *,
    clock: Clock = MONOTONIC,
    delay: float = 0.0,
    max_chunk: int | Callable[[], int] | None = None,
    capacity: int = 65536,
) -> tuple[MemoryStream, MemoryStream]:
    """Returns two streams; bytes sent into one come out of the other.

    Args:
        clock: tells when delayed bytes arrive; the same as the poller's.
        delay: seconds that bytes, and their end, are on their way.
        max_chunk: the most bytes that one `receive_into` yields: a number, or a function that is called for each read
            (a read yields at least 1 byte). None: as many as fit.
        capacity: bytes that may be on their way in each direction. Beyond this `send` takes fewer bytes, finally none.

    Raises:
        ValueError: a negative delay, or a limit below 1.
    """
    if delay < 0 or capacity < 1 or (isinstance(max_chunk, int) and max_chunk < 1):
        raise ValueError("delay must not be negative; capacity and max_chunk must be at least 1")
    there, back = _Pipe(clock, delay, capacity), _Pipe(clock, delay, capacity)
    state = _State(max_chunk)
    one, other = MemoryStream(back, there, state), MemoryStream(there, back, state)
    one._other, other._other = other, one
    return one, other
