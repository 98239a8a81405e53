"""A WebSocket proxy that reports the messages it passes on.

    tunnel = Tunnel("ws://127.0.0.1:8910")
    tunnel.listen("127.0.0.1", 8911)
    while True:
        for event in tunnel.poll(timeout=0.2):
            ...

Messages pass unchanged, text as text and binary as binary. The server gets the client's path, query, headers and
offered sub-protocols. The client gets the server's answer: the chosen sub-protocol, compression if both sides have it,
or the status of a refusal. A close passes with its code and reason, and a broken connection breaks the other side too.
If one side does not read, the tunnel stops reading from the other. Pings and pongs pass like messages, so that a round
trip is measured to the far end; they are not reported.

`poll` passes messages on first and returns the events afterwards, so that slow watchers do not hold up the game.

A *line* is one client's connection together with the tunnel's own connection to the server.

Layer: `inspection`.
"""

from __future__ import annotations

from typing import NamedTuple

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import CloseCause, HandshakeError, TransportError
from gdpeer.inspection.direction import Direction, DirectionQueue, End, Item, Message
from gdpeer.inspection.upgrades import BAD_GATEWAY, WaitingUpgrade, answering, asking
from gdpeer.logs import LogLimits
from gdpeer.protocol.http_headers import Request
from gdpeer.protocol.url import parse_url
from gdpeer.transport.poller import Poller
from gdpeer.transport.stream import Connector, Stream
from gdpeer.websocket._peer import take_turn
from gdpeer.websocket.backend.base import Backend, Turn, leave
from gdpeer.websocket.backend.native import NativeBackend
from gdpeer.websocket.connecting import connect
from gdpeer.websocket.listening import Listeners, Place
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.settings import Settings
from gdpeer.websocket.states import Stage
from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["Ended", "Event", "Line", "Opened", "Passed", "Refused", "Tunnel"]

LARGEST = 64 * 1024 * 1024
"""Bytes of the longest message that a tunnel takes."""

MOST_WAITING = 1024 * 1024
"""Bytes that may wait to be sent to one side; beyond it the tunnel stops reading from the other."""

CONNECT = 10.0
"""Seconds that each step of the connection to the server may take."""

CLOSE = 3.0
"""Seconds to wait for the answer to a close."""

BACKLOG = 4096
"""Connections that may wait in the kernel to be accepted."""

GOING_AWAY = 1001


class Opened(NamedTuple):
    """A client connected.

    Here and in the other events, `time` is in seconds since the tunnel began, and `line` is the client's number, from
    1 on.
    """

    time: float
    line: int
    target: str
    protocol: str
    is_compressed: bool


class Passed(NamedTuple):
    """A message came. It was passed on unless `is_lost`."""

    time: float
    line: int
    direction: Direction
    message: Message
    is_lost: bool


class Ended(NamedTuple):
    """A connection ended.

    `direction` is TO_SERVER if the client ended first, TO_CLIENT if the server did, None if the tunnel did. A code of
    -1 means without a close frame. Messages that still come from the other side are not reported, because nobody is
    left to take them.
    """

    time: float
    line: int
    direction: Direction | None
    code: int
    reason: str


class Refused(NamedTuple):
    """A client was refused, or gave up, before it was connected."""

    time: float
    line: int
    why: str


Event = Opened | Passed | Ended | Refused


class Tunnel:
    """A WebSocket proxy between clients and one server.

    Args:
        to: the server's URL. If it has a path other than /, that path replaces the path of each client.
        tls: for `wss`; None trusts the machine's certificate authorities.
        clock: tells the time.

    Raises:
        ValueError: `to` is not a WebSocket URL.

    Thread rule: one thread at a time.
    """

    def __init__(self, to: str, tls: TLSOptions | None = None, clock: Clock = MONOTONIC) -> None:
        self.url = parse_url(to)
        self.tls = tls
        self.clock = clock
        self.poller = Poller(clock)
        self.turn = Turn(self.poller, LogLimits(clock, total=True))  # strangers must not fill the log
        self.settings = Settings(
            inbound_buffer_size=LARGEST,
            outbound_buffer_size=MOST_WAITING,
            handshake_timeout=4 * CONNECT,  # names, TCP, TLS and the upgrade of the server behind are part of it
            close_timeout=CLOSE,
        )
        self.peers: dict[int, WebSocketPeer] = {}  # both ends of each line that is open
        self._lines: dict[int, Line] = {}
        self._listeners = Listeners(clock)
        self._count = 0
        self._began = clock.now()
        self._events: list[Event] = []

    def listen(self, host: str, port: int) -> int:
        """Opens a port for clients.

        Args:
            host: an IP address, or "*" for all addresses.
            port: 0 takes a free port.

        Returns:
            The port.

        Raises:
            TransportError: the port cannot be opened.
        """
        self._listeners.open(Place(host, port, BACKLOG, False), lambda: self.poller, self._come_in)
        return int(self._listeners.listeners[-1].local_address[1])

    def _come_in(self, stream: Stream | Connector, port: int = 0) -> None:
        self._count += 1
        line = self._lines[self._count] = Line(self, self._count)
        line.begin(stream)

    def poll(self, timeout: float = 0.0) -> list[Event]:
        """Accepts clients and passes on all messages that are due.

        Args:
            timeout: the most seconds to wait for something to happen.

        Returns:
            The events since the last call, in order.
        """
        take_turn(self.turn, timeout, self.peers, self._on_messages, self._on_change)
        events, self._events = self._events, []
        return events

    def _on_messages(self, peer_id: int) -> None:
        self._lines[peer_id >> 1].queues[peer_id & 1].pump(self.clock.now())

    def _on_change(self, backend: Backend) -> None:
        line = self._lines.get(backend.peer_id >> 1)
        if line is not None:
            line.on_change()

    def forget(self, line: Line) -> None:
        """Drops a line both of whose ends are closed."""
        self._lines.pop(line.number, None)

    def cut(self, number: int) -> None:
        """Breaks a line: both sides see a connection that ends without a close frame. Ignored if the line is gone."""
        line = self._lines.get(number)
        if line is not None:
            line.stop(End(-1, ""))

    def add_event(self, event: Event) -> None:
        """Adds an event to those that `poll` returns."""
        self._events.append(event)

    def time(self) -> float:
        """Returns the seconds since the tunnel began."""
        return self.clock.now() - self._began

    def due(self, line: int, direction: Direction, item: Item) -> float | None:
        """Returns when an item may go on, in seconds of the clock; None drops the item.

        Subclasses override this method. Here all items go on at once.
        """
        return 0.0

    def stop(self, reason: str = "Proxy stopped", grace: float = 2.0) -> list[Event]:
        """Closes the port, and all connections with code 1001.

        Args:
            reason: text in the close frames.
            grace: seconds that both sides have to answer.

        Returns:
            The events since the last `poll`.
        """
        self._listeners.close()
        deadline = self.clock.now() + grace
        for line in list(self._lines.values()):  # a list, because a line that ends at once is dropped
            line.stop(End(GOING_AWAY, reason))
        events: list[Event] = []
        # Keep passing messages on: the answers to the closes come behind them.
        while self._lines and (left := deadline - self.clock.now()) > 0:
            events += self.poll(left)
        leave([backend for line in self._lines.values() for backend in line.backends()], GOING_AWAY, reason)
        self.poller.close()
        return events + self._events


class Line:
    """One client's connection and the tunnel's own connection to the server.

    Attributes:
        queues: to the server, and to the client; empty before both ends are open.
    """

    def __init__(self, tunnel: Tunnel, number: int) -> None:
        self.tunnel = tunnel
        self.number = number
        self.queues: tuple[DirectionQueue, ...] = ()
        self._upgrade = WaitingUpgrade(tunnel.settings, self._ask)
        self._near: NativeBackend | None = None
        self._far: Backend | None = None
        self._is_end_reported = False

    def backends(self) -> list[Backend]:
        """Returns the ends that exist: the client's first, then the server's."""
        return [backend for backend in (self._near, self._far) if backend is not None]

    def begin(self, stream: Stream | Connector) -> None:
        """Starts the upgrade of a client that connected."""
        tunnel = self.tunnel
        # The ids of a line's ends are 2n for the client and 2n + 1 for the server, so that an id leads to its line.
        near = NativeBackend(tunnel.settings, tunnel.clock, self._upgrade, tunnel.turn, 2 * self.number)
        self._near = near
        near.start(stream)

    def _ask(self, request: Request) -> None:
        """Connects to the server with the client's request."""
        tunnel = self.tunnel
        url = tunnel.url
        if url.target == "/":
            url = parse_url(f"{str(url).removesuffix('/')}{request.target}")
        try:
            far = connect(url, tunnel.tls, asking(tunnel.settings, request, CONNECT), tunnel.clock, tunnel.turn)
        except (ValueError, TransportError) as problem:
            raise HandshakeError(f"cannot connect to the game's server: {problem}", status=BAD_GATEWAY) from None
        far.peer_id = 2 * self.number + 1
        self._far = far

    def _refuse(self, cause: CloseCause) -> None:
        self._upgrade.refuse(cause)
        if self._near is not None:
            self._near.go_on()

    def on_change(self) -> None:
        """Handles a change of either end other than a new message."""
        if not self.queues:
            self._open()
        # Not "else": both ends may have opened just now, and messages may have come with the upgrade.
        if self.queues:
            for backend in self.backends():
                self._go_on(backend)
        if all(one.stage == Stage.DONE for one in self.backends()):
            self.tunnel.forget(self)

    # ------------------------------------------------------------------------------------------ opening

    def _open(self) -> None:
        near, far = self._near, self._far
        assert near is not None
        # Called at each change of either end until both are open. A client that gave up needs no answer.
        if near.stage >= Stage.LINGERING:
            self._report_refused(near)
        elif far is not None and far.opened is not None and near.opened is None:
            self._upgrade.grant(answering(self.tunnel.settings, far.opened))
            near.go_on()
        elif far is not None and far.stage >= Stage.LINGERING and far.opened is None:
            self._refuse(far.cause)
        if near.opened is not None and far is not None:
            self._begin(near, far)

    def _report_refused(self, near: Backend) -> None:
        if not self._is_end_reported:
            self._is_end_reported = True
            self.tunnel.add_event(Refused(self.tunnel.time(), self.number, str(near.cause)))
        if self._far is not None:
            self._far.close(GOING_AWAY, "")  # the server would wait for a client that is gone

    def _begin(self, near: Backend, far: Backend) -> None:
        tunnel = self.tunnel
        client, server = (
            WebSocketPeer.of_server(tunnel.settings, tunnel.clock, tunnel.turn, one) for one in (near, far)
        )
        to_server = self._queue(client, server, Direction.TO_SERVER)
        self.queues = (to_server, self._queue(server, client, Direction.TO_CLIENT))
        assert near.opened is not None
        target = "" if self._upgrade.request is None else self._upgrade.request.target
        is_compressed = near.opened.deflate is not None
        tunnel.add_event(Opened(tunnel.time(), self.number, target, near.opened.protocol, is_compressed))
        tunnel.peers[near.peer_id], tunnel.peers[far.peer_id] = client, server

    def _queue(self, source: WebSocketPeer, sink: WebSocketPeer, direction: Direction) -> DirectionQueue:
        def due(item: Item) -> float | None:
            when = self.tunnel.due(self.number, direction, item)
            # No messages after the end of the line: `Ended` is the last event of a line.
            if isinstance(item, Message) and not self._is_end_reported:
                self.tunnel.add_event(Passed(self.tunnel.time(), self.number, direction, item, when is None))
            return when

        def wake(when: float) -> None:
            self.tunnel.poller.call_at(when, self.on_change)

        return DirectionQueue(source, sink, due, wake, self.tunnel.clock.now)

    # ------------------------------------------------------------------------------------------ the end

    def _go_on(self, backend: Backend) -> None:
        """Does the work for one end: reads its messages, sends it waiting ones if it has room again, notes its end."""
        now = self.tunnel.clock.now()
        index = backend.peer_id & 1
        inbound, outbound = self.queues[index], self.queues[1 - index]
        inbound.pump(now)
        # A message found no room before, and nothing else would send it now.
        if backend.was_refused and backend.has_drained():
            backend.was_refused = False
            outbound.flush(now)
        if backend.inbox.count:
            return  # a full queue stopped reading: the end must wait for the messages before it
        backend.settle()
        if backend.stage >= Stage.PARTING:
            end = End(backend.close_code, backend.close_reason)
            self._report_ended(tuple(Direction)[index], end)
            inbound.end(end, now)
            self.tunnel.peers.pop(backend.peer_id, None)

    def _report_ended(self, direction: Direction | None, end: End) -> None:
        if self.queues and not self._is_end_reported:
            self._is_end_reported = True
            self.tunnel.add_event(Ended(self.tunnel.time(), self.number, direction, end.code, end.reason))

    def stop(self, end: End) -> None:
        """Closes both ends at once; items that still wait are dropped."""
        self._report_ended(None, end)
        for backend in self.backends():
            backend.close(end.code, end.reason)
