"""`Door`: accepts the connections of one machine, and hands each to the worker that has its room.

    door = Door(listening, poller)
    door.add_worker("w1", end)          # a Unix socket whose other end the worker has
    while True:
        poller.turn(0.2)

The door looks at the head of a request without taking it (MSG_PEEK), and passes the connection itself to the worker
(SCM_RIGHTS). The worker reads the request as if it had accepted the connection, and no byte passes the door afterwards.
When the door ends, the open connections live on.

    waiting    the head is not complete yet, or nobody knows at the moment which worker has the shard of the room
    passed     the door has closed its copy

A connection that asks for no room goes to the worker with the least load. While all workers drain, it goes to one of
them, which answers health checks and refuses new players. Each worker tells the door, in lines of JSON:

    {"won": ["K7"], "lost": ["AB"]}       shards that it has taken or given up
    {"load": 250, "up": true}             its load, and whether it takes connections that ask for no room
    {"draining": true}                    it takes such connections only if all workers drain
    {"back": "AB", "sockets": 1}          a connection whose shard it has just given up
    {"bye": true}                         it wants no more connections; the door answers by the end of its bytes

Layer: `cluster`.
"""

from __future__ import annotations

import errno
import logging
import select
import socket
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from operator import attrgetter
from typing import Any

from gdpeer.cluster.heads import END, code_of
from gdpeer.cluster.links import MOST_SOCKETS, Lines, Link, Unsent
from gdpeer.errors import TransportError
from gdpeer.logs import get_logger, log_limited
from gdpeer.transport.poller import Poller, Timer, Watch
from gdpeer.transport.proxy_header import HEAD, SIGNATURE, Proxies, header_size
from gdpeer.transport.stream import Address
from gdpeer.websocket.admission import household

__all__ = ["NO_SHARD", "Door"]

logger = get_logger("gdpeer.cluster")

MOST_HEAD = 8192
"""Bytes of a head."""

HEAD_TIME = 3.0
"""Seconds that a client has to send its head."""

HOLD_TIME = 2.0
"""Seconds that a connection waits for a worker to have its shard, or for any worker to be there."""

MOST_WAITING = 1024
"""Connections that wait. Beyond it the door closes those that have waited longest, so that slow clients cannot keep
others out."""

MOST_OF_ADDRESS = 64
"""Connections of one address that wait for their heads. This machine's own addresses have no such limit."""

MOST_UNSENT = 256
"""Messages with connections that wait for one worker to take them."""

ACCEPTED_IN_TURN = 256
PAUSE = 0.1
"""Seconds without accepting after the process or the machine ran out of descriptors."""

SWEEP = 0.1
"""Seconds between two looks at the deadlines of the connections that wait."""

RETRY_AFTER = 5
NO_SHARD = b"--"
"""Stands for the shard of a connection that asks for no room."""

_PEEK: int = socket.MSG_PEEK | getattr(socket, "MSG_DONTWAIT", 0)
_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_LEFT: int = getattr(select, "POLLRDHUP", 0) | getattr(select, "POLLHUP", 0)
_OWN = frozenset({"127.0.0.1", "::", ""})  # as `household` writes them


class Arrival:
    """A connection that waits.

    Attributes:
        socket: the connection.
        deadline: when it has waited long enough, in seconds of the clock.
        address: whose limit it counts for; "": nobody's.
        shard: of its room, once the head is there; None before.
        seen: bytes of the head that were there at the last look.
        is_proxied: whether a trusted proxy has made the connection, so that it begins with the proxy's header.
    """

    __slots__ = ("address", "deadline", "is_proxied", "seen", "shard", "socket", "watch")

    def __init__(self, accepted: socket.socket, deadline: float) -> None:
        self.socket = accepted
        self.deadline = deadline
        self.address = ""
        self.shard: bytes | None = None
        self.seen = 0
        self.is_proxied = False
        self.watch: Watch | None = None


class DoorWorker:
    """A worker, as the door sees it.

    Attributes:
        name: of the worker.
        link: to the worker.
        load: as the worker said last, and one for each connection that was passed since.
        is_up: whether it takes connections that ask for no room.
        is_draining: whether it is about to end.
        is_silent: whether another worker has one of its shards, and it has not said anything since. So it probably
            hangs, and has lost its lease.
        batch: connections that are passed at the end of this turn, each with its shard.
    """

    __slots__ = ("batch", "is_draining", "is_silent", "is_up", "link", "load", "name")

    def __init__(self, name: str, end: socket.socket, door: Door) -> None:
        self.name = name
        self.load = 0.0
        self.is_up = self.is_draining = self.is_silent = False
        self.batch: list[tuple[bytes, socket.socket]] = []
        lines = Lines(partial(door.take_report, self))
        self.link = Link(end, door.poller, lines.take, partial(door.lose_worker, self))


class Door:
    """The door of one machine. All calls belong to the thread that turns the poller.

    Args:
        listening: sockets that listen already.
        poller: reports connections, heads and workers.
        proxies: that are trusted to tell the addresses of players; None: none. The workers must trust the same.

    Attributes:
        workers: by name.
        shards: which worker has a shard, of this machine's workers.
        waiting: the connections that wait.
        passed: connections that were passed to a worker.
        refused: connections that the door closed or answered itself, by reason.
    """

    def __init__(self, listening: Sequence[socket.socket], poller: Poller, proxies: Proxies | None = None) -> None:
        self._poller = poller
        self._proxies = proxies
        self._clock = poller.clock
        self._head = bytearray(MOST_HEAD + 1)
        self._ports = [_Port(one, self) for one in listening]
        self._sweep: Timer | None = None
        self._is_flushing = False
        self.workers: dict[str, DoorWorker] = {}
        self.shards: dict[bytes, DoorWorker] = {}
        self.waiting: dict[Arrival, None] = {}  # in the order in which they came, or began to wait for a worker
        self.passed = 0
        self.refused: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()

    @property
    def poller(self) -> Poller:
        """The poller that reports connections, heads and workers."""
        return self._poller

    # ------------------------------------------------------------------------------------------ workers

    def add_worker(self, name: str, end: socket.socket) -> None:
        """Adds a worker, which gets connections once it has said that it is up, or which shards it has."""
        self.workers[name] = DoorWorker(name, end, self)

    def take_report(self, worker: DoorWorker, message: dict[str, Any], sockets: list[socket.socket]) -> None:
        """Takes what a worker says: its shards, its load, whether it is up; and connections that it sends back."""
        for shard in message.get("lost", ()):
            if self.shards.get(shard.encode()) is worker:
                del self.shards[shard.encode()]
        worker.is_silent = False
        for shard in message.get("won", ()):
            former = self.shards.get(shard.encode(), worker)
            former.is_silent = former is not worker
            self.shards[shard.encode()] = worker
        worker.load = message.get("load", worker.load)
        worker.is_up = message.get("up", worker.is_up)
        worker.is_draining = message.get("draining", worker.is_draining)
        if message.get("bye"):
            self._take_out(worker)
            worker.link.finish_sending()
        for back in sockets:
            arrival = Arrival(back, self._clock.now() + HOLD_TIME)
            arrival.shard = message["back"].encode()
            self.passed -= 1
            if _has_left(back):
                self._refuse(arrival, "left", b"")
            else:
                self._keep(arrival)
        self._try_held()

    def lose_worker(self, worker: DoorWorker) -> None:
        """Takes note that the process of a worker has ended."""
        self._take_out(worker)

    def _take_out(self, worker: DoorWorker) -> None:
        """Passes nothing more to a worker. What it has not taken yet goes to another one."""
        if self.workers.get(worker.name) is worker:
            del self.workers[worker.name]
        self.shards = {shard: one for shard, one in self.shards.items() if one is not worker}
        left = [*_spread(worker.link.unsent), *worker.batch]
        worker.link.unsent.clear()
        worker.batch = []
        for shard, passed in left:
            arrival = Arrival(passed, self._clock.now() + HOLD_TIME)
            arrival.shard = shard
            self.passed -= 1
            self._route(arrival)

    def _try_held(self) -> None:
        """Passes the connections that can go to a worker now."""
        for arrival in [one for one in self.waiting if one.shard is not None]:
            worker = self._worker_of(arrival.shard)
            if worker is not None:
                self._release(arrival)
                self._pass(arrival, worker)

    def _worker_of(self, shard: bytes | None) -> DoorWorker | None:
        """Returns the worker for a shard; None: nobody has it now."""
        if shard is not None and shard != NO_SHARD:
            return self.shards.get(shard)
        return self._idlest()

    def _idlest(self) -> DoorWorker | None:
        """Returns the worker with the least load of all that are up, or of all if all drain; None: none yet.

        A worker that seems to hang gets nothing while there is another one.
        """
        workers = list(self.workers.values())
        up = [worker for worker in workers if worker.is_up]
        up = [worker for worker in up if not worker.is_silent] or up
        if not up and all(worker.is_draining for worker in workers):
            up = workers
        return min(up, key=attrgetter("load"), default=None)

    # ------------------------------------------------------------------------------------------ connections

    def come_in(self, accepted: socket.socket, address: Address) -> None:
        """Looks at a new connection: mostly its head is there already."""
        arrival = Arrival(accepted, self._clock.now() + HEAD_TIME)
        arrival.is_proxied = self._proxies is not None and self._proxies.trust(address)
        if self._look(arrival):
            return
        place = household(address[0])
        if place not in _OWN and not arrival.is_proxied:
            if self._addresses[place] >= MOST_OF_ADDRESS:
                self._refuse(arrival, "address", b"")
                return
            arrival.address = place
            self._addresses[place] += 1
        self._keep(arrival)
        try:
            arrival.watch = Watch(accepted.fileno())
            arrival.watch.attach(self._poller, lambda events: self._look_again(arrival))
        except TransportError:
            self._refuse(arrival, "no memory", b"")

    def _look(self, arrival: Arrival) -> bool:
        """Looks at what has come of a head. Returns whether the connection is routed or refused."""
        try:
            size = arrival.socket.recv_into(self._head, 0, _PEEK)
        except BlockingIOError:
            return False
        except OSError:
            size = 0
        start = proxy_end(self._head, size) if arrival.is_proxied else 0
        if start < 0:
            self._refuse(arrival, "no proxy header", b"")
            return True
        if size > start and self._head.find(END, max(start, arrival.seen - len(END)), size) >= 0:
            if arrival.seen:
                _wake_at(arrival.socket, 1)
            code = code_of(self._head, size, start)
            arrival.shard = code[:2].encode() if code else NO_SHARD
            self._route(arrival)
            return True
        if size == 0:
            self._refuse(arrival, "left", b"")
        elif size > MOST_HEAD:
            self._refuse(arrival, "long head", b"431 Request Header Fields Too Large")
        elif size > start and not self._head[start : start + 1].isalpha():
            self._refuse(arrival, "no HTTP", b"400 Bad Request")
        else:
            return self._await_more(arrival, size)
        return True

    def _await_more(self, arrival: Arrival, size: int) -> bool:
        """Has the system report a part of a head again only when more has come. Returns False."""
        if size > arrival.seen:
            _wake_at(arrival.socket, size + 1)
        elif arrival.watch is not None:
            # The system reports the same bytes again: the client has sent the end of its stream, or this kind of
            # socket cannot wait for more. Look again from time to time.
            arrival.watch.want_read(False)
            self._poller.call_at(self._clock.now() + SWEEP, lambda: self._look_later(arrival))
        arrival.seen = size
        return False

    def _look_later(self, arrival: Arrival) -> None:
        if arrival in self.waiting and arrival.watch is not None:
            with suppress(TransportError):  # short of memory: the deadline ends the connection
                arrival.watch.want_read(True)

    def _look_again(self, arrival: Arrival) -> None:
        if arrival in self.waiting:
            self._look(arrival)

    def _route(self, arrival: Arrival) -> None:
        """Passes a connection whose head is there, or keeps it until a worker can take it."""
        self._release(arrival)
        worker = self._worker_of(arrival.shard)
        if worker is not None:
            self._pass(arrival, worker)
        else:
            arrival.deadline = self._clock.now() + HOLD_TIME
            self._keep(arrival)

    def _pass(self, arrival: Arrival, worker: DoorWorker) -> None:
        assert arrival.shard is not None
        if len(worker.link.unsent) >= MOST_UNSENT:
            self._refuse(arrival, "busy worker", b"503 Service Unavailable")
            return
        worker.batch.append((arrival.shard, arrival.socket))
        worker.load += 1
        self.passed += 1
        if not self._is_flushing:
            self._is_flushing = True
            self._poller.soon(self.flush)

    def flush(self) -> None:
        """Sends the connections of this turn to their workers."""
        self._is_flushing = False
        for worker in list(self.workers.values()):
            while worker.batch and worker.link.is_open:
                part = worker.batch[:MOST_SOCKETS]
                del worker.batch[:MOST_SOCKETS]
                worker.link.send(b"".join(shard for shard, _ in part), [passed for _, passed in part])

    # ------------------------------------------------------------------------------------------ waiting

    def _keep(self, arrival: Arrival) -> None:
        """Lets a connection wait; with too many, the oldest is closed."""
        while len(self.waiting) >= MOST_WAITING:
            self._refuse(next(iter(self.waiting)), "waiting", b"503 Service Unavailable")
        self.waiting[arrival] = None
        if self._sweep is None:
            self._sweep = self._poller.call_at(self._clock.now() + SWEEP, self._end_waits)

    def _release(self, arrival: Arrival) -> None:
        """Takes a connection out of those that wait."""
        self.waiting.pop(arrival, None)
        if arrival.watch is not None:
            arrival.watch.detach()
            arrival.watch = None
        if arrival.address:
            self._addresses[arrival.address] -= 1
            if not self._addresses[arrival.address]:
                del self._addresses[arrival.address]
            arrival.address = ""

    def _end_waits(self) -> None:
        self._sweep = None
        now = self._clock.now()
        for arrival in [one for one in self.waiting if one.deadline <= now]:
            if arrival.shard is None:
                self._refuse(arrival, "slow head", b"408 Request Timeout")
            else:
                self._end_hold(arrival)
        if self.waiting:
            self._sweep = self._poller.call_at(now + SWEEP, self._end_waits)

    def _end_hold(self, arrival: Arrival) -> None:
        """Passes a connection to any worker, since nobody of this machine has its shard; 503 without a worker."""
        worker = self._idlest()
        if worker is None:
            self._refuse(arrival, "no worker", b"503 Service Unavailable")
        else:
            self._release(arrival)
            arrival.shard = NO_SHARD  # or the worker would send the connection back
            self._pass(arrival, worker)

    def _refuse(self, arrival: Arrival, reason: str, status: bytes) -> None:
        """Closes a connection, with an answer if there is a status."""
        self._release(arrival)
        self.refused[reason] += 1
        if status:
            retry = b"Retry-After: %d\r\n" % RETRY_AFTER if status.startswith(b"503") else b""
            text = b"HTTP/1.1 %b\r\n%bContent-Length: 0\r\nConnection: close\r\n\r\n" % (status, retry)
            arrival.socket.setblocking(False)
            with suppress(OSError):
                # Take what the client has sent: a close with unread bytes is a reset, which destroys the answer.
                arrival.socket.recv_into(self._head)
            with suppress(OSError):
                arrival.socket.send(text)
                arrival.socket.shutdown(socket.SHUT_WR)
        arrival.socket.close()

    # ------------------------------------------------------------------------------------------ the end

    def stop_accepting(self) -> None:
        """Accepts no more connections. Another door that has the same sockets goes on to accept."""
        for port in self._ports:
            port.close()

    @property
    def is_done(self) -> bool:
        """Whether nothing waits any more."""
        workers = self.workers.values()
        return not self.waiting and all(not worker.batch and not worker.link.unsent for worker in workers)

    def close(self) -> None:
        """Closes everything. The connections that wait are closed; those that were passed are not touched."""
        self.stop_accepting()
        for arrival in list(self.waiting):
            self._refuse(arrival, "end", b"503 Service Unavailable")
        if self._sweep is not None:
            self._sweep.cancel()
        for worker in self.workers.values():
            worker.link.close()
        self.workers.clear()


class _Port:
    """A listening socket of a door."""

    def __init__(self, listening: socket.socket, door: Door) -> None:
        listening.setblocking(False)
        self._socket = listening
        self._door = door
        self._watch = Watch(listening.fileno())
        self._watch.attach(door.poller, self._accept)

    def _accept(self, events: int) -> None:
        for _ in range(ACCEPTED_IN_TURN):
            try:
                accepted, address = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _SHORTAGE:
                    self._pause(error)
                    return
                continue  # a connection that broke while it waited
            self._door.come_in(accepted, address[:2] if isinstance(address, tuple) else ("", 0))

    def _pause(self, error: OSError) -> None:
        # Stop watching: the waiting connections would make every turn ready, and keep the process busy.
        log_limited(logger, logging.WARNING, "the door takes no more connections for now: %s", error)
        poller = self._door.poller
        with suppress(TransportError):
            self._watch.want_read(False)
        poller.call_at(poller.clock.now() + PAUSE, self._go_on)

    def _go_on(self) -> None:
        if self._socket.fileno() >= 0:
            with suppress(TransportError):
                self._watch.want_read(True)

    def close(self) -> None:
        self._watch.detach()
        self._socket.close()


def _has_left(client: socket.socket) -> bool:
    """Whether a client that asks for a room has given up: it has sent the end of its stream.

    The newest connection of a player wins. So an attempt that waited in a worker that hung must not reach the room
    after the attempt that got in.
    """
    look = select.poll()  # type: ignore[attr-defined, unused-ignore]
    look.register(client, _LEFT)
    return bool(look.poll(0))


def proxy_end(head: bytearray, size: int) -> int:
    """Returns where the header of a proxy ends, which may be behind what has come; -1 if there is no header."""
    if size < HEAD:
        return HEAD if SIGNATURE.startswith(head[: min(size, len(SIGNATURE))]) else -1
    try:
        return HEAD + header_size(head[:HEAD])
    except TransportError as problem:
        log_limited(logger, logging.WARNING, "the door refused a connection: %s", problem)
        return -1


def _spread(unsent: Iterable[Unsent]) -> list[tuple[bytes, socket.socket]]:
    """Returns the connections that a worker has not taken, each with its shard."""
    return [(one.data[2 * place : 2 * place + 2], passed) for one in unsent for place, passed in enumerate(one.sockets)]


def _wake_at(connected: socket.socket, size: int) -> None:
    """Has the system report a socket as readable only when this many bytes are there."""
    with suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
