"""Two streams that are joined in memory: a network to test games with.

    ours, theirs = memory_pair(clock=clock, delay=0.05, max_chunk=7)

Whatever speaks over a `Stream` runs over these, with no socket and in no time: bytes can be late, come in small pieces,
get stuck behind a full buffer, stop for a while, or end in a broken connection. With a `ManualClock` a delay passes
when the test says so.

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
    """One direction: pieces with the time of their arrival, in order."""

    __slots__ = ("capacity", "clock", "closed", "delay", "end", "pieces", "size", "stalled")

    def __init__(self, clock: Clock, delay: float, capacity: int) -> None:
        self.clock = clock
        self.delay = delay
        self.capacity = capacity
        self.pieces: deque[tuple[float, memoryview]] = deque()
        self.size = 0
        self.end: float | None = None
        """When the end of the bytes arrives; None while more may follow."""
        self.stalled = False
        self.closed = False
        """The reader is gone: what is sent vanishes."""

    @property
    def room(self) -> int:
        return self.capacity - self.size

    def put(self, chunk: Any) -> int:
        """Take what there is room for."""
        view = memoryview(chunk).cast("B")
        piece = bytes(view[: self.room])
        if piece and not self.closed:
            self.pieces.append((self.clock.now() + self.delay, memoryview(piece)))
            self.size += len(piece)
        return len(piece)

    def next_at(self) -> float | None:
        """When there is something to read, the end included; None while nothing is under way."""
        if self.stalled:
            return None
        return self.pieces[0][0] if self.pieces else self.end

    def take_into(self, buffer: memoryview) -> int:
        """Fill the buffer with what has arrived."""
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
    """What both ends share."""

    __slots__ = ("broken", "max_chunk")

    def __init__(self, max_chunk: int | Callable[[], int] | None) -> None:
        self.broken = ""
        self.max_chunk = max_chunk

    def chunk(self, available: int) -> int:
        """The most that one read may yield."""
        if self.max_chunk is None:
            return available
        limit = self.max_chunk if isinstance(self.max_chunk, int) else self.max_chunk()
        return max(1, min(available, limit))


class MemoryStream(Stream):
    """One end of a `memory_pair`. Both ends belong to one thread.

    Like a socket it is ready as long as there is something to do, not only when that begins. It is reported through
    `soon` and `call_at` of the poller: use one clock for the pair and the poller.
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
        """See `Stream.receive_into`."""
        self._check()
        view = memoryview(buffer).cast("B")
        pipe = self._incoming
        arrives = pipe.next_at()
        if arrives is None or arrives > pipe.clock.now():
            return WOULD_BLOCK
        taken = pipe.take_into(view[: self._state.chunk(len(view))])
        self._other._notify()
        return taken

    def send(self, chunks: Sequence[Any]) -> int:
        """See `Stream.send`."""
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
        """Hold back the bytes on their way to this end, until `stall(False)`; in the end the sender has to wait."""
        self._incoming.stalled = stalled
        self._notify()

    def break_connection(self, detail: str = "connection broke: reset by the other side") -> None:
        """Have both ends fail from now on as after a reset; bytes under way are lost."""
        self._state.broken = detail
        for pipe in (self._incoming, self._outgoing):
            pipe.pieces.clear()
            pipe.size = 0
        self._notify()
        self._other._notify()

    def attach(self, poller: Poller, ready: Ready) -> None:
        """See `Pollable.attach`."""
        self.detach()
        self._poller, self._ready = poller, ready
        self._notify()

    def detach(self) -> None:
        """See `Pollable.detach`."""
        self._poller = self._ready = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def want_read(self, wanted: bool) -> None:
        """See `Stream.want_read`."""
        self._want_read = wanted
        self._notify()

    def want_write(self, wanted: bool) -> None:
        """See `Stream.want_write`."""
        self._want_write = wanted
        self._notify()

    def has_pending(self) -> bool:
        """Nothing does that the poller would not report."""
        return False

    def close_write(self) -> None:
        """The other side reads the end after the bytes that are under way."""
        if self._outgoing.end is None:
            self._outgoing.end = self._outgoing.clock.now() + self._outgoing.delay
            self._other._notify()

    def close(self) -> None:
        """Let go. The other side reads what is under way, then the end; what it sends vanishes."""
        self._closed = True
        self.detach()
        self._incoming.closed = True
        self._incoming.pieces.clear()
        self._incoming.size = 0
        self.close_write()
        self._other._notify()

    def set_no_delay(self, enabled: bool) -> None:
        """Without effect."""

    @property
    def is_secure(self) -> bool:
        """It is not."""
        return False

    @property
    def remote_address(self) -> Address:
        """There is none."""
        return "", 0

    @property
    def local_address(self) -> Address:
        """There is none."""
        return "", 0

    def _check(self) -> None:
        detail = "connection broke: closed by this side" if self._closed else self._state.broken
        if detail:
            raise TransportError(detail, Cause.TCP, Error.ERR_CONNECTION_ERROR)

    def _events(self) -> int:
        """What can be done now and is wanted."""
        if self._state.broken:
            return READ | WRITE
        arrives = self._incoming.next_at()
        readable = self._want_read and arrives is not None and arrives <= self._incoming.clock.now()
        writable = self._want_write and self._outgoing.room > 0
        return (READ if readable else 0) | (WRITE if writable else 0)

    def _notify(self) -> None:
        """Have the poller call, in the next turn or when the next bytes arrive."""
        poller = self._poller
        if poller is None or self._asked is poller or not (self._want_read or self._want_write):
            return
        if self._events():
            self._asked = poller
            poller.soon(lambda: self._run(poller))
            return
        arrives = self._incoming.next_at()
        if self._want_read and arrives is not None and (self._timer is None or self._timer.when != arrives):
            self._set_timer(poller, arrives)

    def _set_timer(self, poller: Poller, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = poller.call_at(when, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        if self._poller is not None and self._asked is not self._poller:
            self._run(self._poller)

    def _run(self, asked: Poller) -> None:
        if self._asked is asked:
            self._asked = None
        if self._poller is not asked or self._ready is None or not (self._want_read or self._want_write):
            return
        events = self._events()
        try:
            if events:
                self._ready(events)
        finally:
            self._notify()


def memory_pair(
    *,
    clock: Clock = MONOTONIC,
    delay: float = 0.0,
    max_chunk: int | Callable[[], int] | None = None,
    capacity: int = 65536,
) -> tuple[MemoryStream, MemoryStream]:
    """Make two streams; what is sent into one comes out of the other.

    Args:
        clock: tells when delayed bytes are there; the same as the poller's.
        delay: seconds that bytes, and the end of them, are under way.
        max_chunk: the most bytes that one `receive_into` yields: a number, or something that is called for each (at
            least 1 is yielded); None: as many as fit.
        capacity: bytes that may be under way in each direction; with more, `send` takes less, in the end nothing.

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
