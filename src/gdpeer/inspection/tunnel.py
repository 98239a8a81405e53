"""A proxy for WebSockets: what a client sends goes to its server, and what that answers comes back.

    tunnel = Tunnel("ws://127.0.0.1:8910")
    tunnel.listen("127.0.0.1", 8911)
    while True:
        for event in tunnel.poll(timeout=0.2):
            ...

Messages go on byte for byte, text as text and binary as binary. The client's path and query, its headers and the
sub-protocols that it offers reach the server; the client is answered as the server has answered: the sub-protocol that
was chosen, compression where both have it, or the status of a refusal. The end comes through with its code and its
reason, a connection that broke as one that broke. Where one side does not read, the other one is not read from.
Pings and pongs go on like messages, so that a round trip is that to the server; they are not told.

What happened in a turn is told after what is to go on has gone: who watches does not hold up the game.

Layer: `inspection`.
"""

from __future__ import annotations

from typing import NamedTuple

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import CloseCause, HandshakeError, TransportError
from gdpeer.inspection.direction import Direction, End, Item, Message, Way
from gdpeer.inspection.upgrades import BAD_GATEWAY, WaitingUpgrade, answering, asking
from gdpeer.logs import LogLimits
from gdpeer.protocol.http_headers import Request
from gdpeer.protocol.url import parse_url
from gdpeer.transport.poller import Poller
from gdpeer.transport.stream import Connector, Stream
from gdpeer.websocket._peer import take_turn
from gdpeer.websocket.backend.base import Turn
from gdpeer.websocket.backend.native import NativeBackend, leave
from gdpeer.websocket.connecting import connect
from gdpeer.websocket.listening import Listeners, Place
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.settings import Settings
from gdpeer.websocket.states import Stage
from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["Ended", "Event", "Line", "Opened", "Passed", "Refused", "Tunnel"]

LARGEST = 64 * 1024 * 1024
"""Bytes of one message."""

MOST_WAITING = 1024 * 1024
"""Bytes that may wait to be sent to one side; beyond it the other one is not read from."""

CONNECT = 10.0
"""Seconds that each step of the connection to the server may take."""

CLOSE = 3.0
"""Seconds for the answer to a close."""

BACKLOG = 4096
"""Connections that may wait in the kernel."""

GOING_AWAY = 1001


class Opened(NamedTuple):
    """A client came in; `time` here and below in seconds since the tunnel began, `line` its number from 1 on."""

    time: float
    line: int
    target: str
    protocol: str
    is_compressed: bool


class Passed(NamedTuple):
    """A message came, and went on unless `is_lost`."""

    time: float
    line: int
    direction: Direction
    message: Message
    is_lost: bool


class Ended(NamedTuple):
    """The side from which `direction` comes ended first, or the tunnel (None); a code of -1: without a close frame.

    What still comes from the other side is not told: there is nobody to take it.
    """

    time: float
    line: int
    direction: Direction | None
    code: int
    reason: str


class Refused(NamedTuple):
    """A client did not get in."""

    time: float
    line: int
    why: str


Event = Opened | Passed | Ended | Refused


class Tunnel:
    """The proxy.

    Args:
        to: the server's URL. A path of its own (other than /) stands instead of the clients'.
        tls: for `wss`; None: the machine's authorities.
        clock: tells the time.

    Raises:
        ValueError: the URL is none.

    Thread rule: one thread at a time.
    """

    def __init__(self, to: str, tls: TLSOptions | None = None, clock: Clock = MONOTONIC) -> None:
        self.url = parse_url(to)
        self.tls = tls
        self.clock = clock
        self.poller = Poller(clock)
        self.turn = Turn(self.poller, LogLimits(clock, total=True))
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
        """Open the port.

        Args:
            host: an address in numbers, or "*".
            port: 0 takes a free one.

        Returns:
            The port.

        Raises:
            TransportError: it cannot be opened.
        """
        self._listeners.open(Place(host, port, BACKLOG, False), lambda: self.poller, self._come_in)
        return int(self._listeners.listeners[-1].local_address[1])

    def _come_in(self, stream: Stream | Connector, port: int = 0) -> None:
        self._count += 1
        line = self._lines[self._count] = Line(self, self._count)
        line.begin(stream)

    def poll(self, timeout: float = 0.0) -> list[Event]:
        """One turn.

        Args:
            timeout: seconds to wait at most for something to happen.

        Returns:
            What happened, in order.
        """
        take_turn(self.turn, timeout, self.peers, self._tell, self._look_at)
        events, self._events = self._events, []
        return events

    def _tell(self, peer_id: int) -> None:
        self._lines[peer_id >> 1].ways[peer_id & 1].pump(self.clock.now())

    def _look_at(self, backend: NativeBackend) -> None:
        line = self._lines.get(backend.peer_id >> 1)
        if line is not None:
            line.look_at()

    def forget(self, line: Line) -> None:
        """Both ends have gone."""
        self._lines.pop(line.number, None)

    def cut(self, number: int) -> None:
        """Break a line: both sides see a connection that ends without a close frame."""
        line = self._lines.get(number)
        if line is not None:
            line.stop(End(-1, ""))

    def tell(self, event: Event) -> None:
        """Something happened."""
        self._events.append(event)

    def time(self) -> float:
        """Seconds since the tunnel began."""
        return self.clock.now() - self._began

    def due(self, line: int, direction: Direction, item: Item) -> float | None:
        """When something may go on, in seconds of the clock; None: it is lost. To be overridden: at once."""
        return 0.0

    def stop(self, reason: str = "Proxy stopped", grace: float = 2.0) -> list[Event]:
        """Close the port and everything that is open, with 1001.

        Args:
            reason: of the close frames.
            grace: seconds that both sides have to answer.

        Returns:
            What happened meanwhile.
        """
        self._listeners.close()
        deadline = self.clock.now() + grace
        for line in list(self._lines.values()):
            line.stop(End(GOING_AWAY, reason))
        events: list[Event] = []
        while self._lines and (left := deadline - self.clock.now()) > 0:
            events += self.poll(left)
        leave([backend for line in self._lines.values() for backend in line.backends()], GOING_AWAY, reason)
        self.poller.close()
        return events + self._events


class Line:
    """One client's connection, and the one to the server that belongs to it.

    Args:
        tunnel: the proxy.
        number: from 1 on.

    Attributes:
        ways: to the server, and to the client; none before both ends are open. Each end's id is twice the line's
            number, the server's plus one.
    """

    def __init__(self, tunnel: Tunnel, number: int) -> None:
        self.tunnel = tunnel
        self.number = number
        self.ways: tuple[Way, ...] = ()
        self._upgrade = WaitingUpgrade(tunnel.settings, self._ask)
        self._near: NativeBackend | None = None
        self._far: NativeBackend | None = None
        self._is_told = False

    def backends(self) -> list[NativeBackend]:
        """The ends that are there."""
        return [backend for backend in (self._near, self._far) if backend is not None]

    def begin(self, stream: Stream | Connector) -> None:
        """A client is there."""
        tunnel = self.tunnel
        near = NativeBackend(tunnel.settings, tunnel.clock, self._upgrade, tunnel.turn, 2 * self.number)
        self._near = near
        near.start(stream)

    def _ask(self, request: Request) -> None:
        """The client's request is there: ask the server."""
        tunnel = self.tunnel
        url = tunnel.url if tunnel.url.target != "/" else parse_url(f"{base(tunnel)}{request.target}")
        try:
            far = connect(url, tunnel.tls, asking(tunnel.settings, request, CONNECT), tunnel.clock, tunnel.turn)
        except (ValueError, TransportError) as problem:
            raise HandshakeError(f"cannot ask the server behind: {problem}", status=BAD_GATEWAY) from None
        far.peer_id = 2 * self.number + 1
        self._far = far

    def _refuse(self, cause: CloseCause) -> None:
        self._upgrade.refuse(cause)
        if self._near is not None:
            self._near.go_on()

    def look_at(self) -> None:
        """Something else happened than that messages came."""
        if not self.ways:
            self._open()
        if self.ways:
            for backend in self.backends():
                self._go_on(backend)
        if all(one.stage == Stage.DONE for one in self.backends()):
            self.tunnel.forget(self)

    # ------------------------------------------------------------------------------------------ opening

    def _open(self) -> None:
        near, far = self._near, self._far
        assert near is not None
        if near.stage >= Stage.LINGERING:
            self._tell_refused(near)
        elif far is not None and far.opened is not None and near.opened is None:
            self._upgrade.grant(answering(self.tunnel.settings, far.opened))
            near.go_on()
        elif far is not None and far.stage >= Stage.LINGERING and far.opened is None:
            self._refuse(far.cause)
        if near.opened is not None and far is not None:
            self._begin(near, far)

    def _tell_refused(self, near: NativeBackend) -> None:
        if not self._is_told:
            self._is_told = True
            self.tunnel.tell(Refused(self.tunnel.time(), self.number, str(near.cause)))
        if self._far is not None:
            self._far.close(GOING_AWAY, "")

    def _begin(self, near: NativeBackend, far: NativeBackend) -> None:
        tunnel = self.tunnel
        client, server = (
            WebSocketPeer._of_server(tunnel.settings, tunnel.clock, tunnel.turn, one) for one in (near, far)
        )
        self.ways = (self._way(client, server, Direction.TO_SERVER), self._way(server, client, Direction.TO_CLIENT))
        assert near.opened is not None
        target = "" if self._upgrade.request is None else self._upgrade.request.target
        is_compressed = near.opened.deflate is not None
        tunnel.tell(Opened(tunnel.time(), self.number, target, near.opened.protocol, is_compressed))
        tunnel.peers[near.peer_id], tunnel.peers[far.peer_id] = client, server

    def _way(self, source: WebSocketPeer, sink: WebSocketPeer, direction: Direction) -> Way:
        def due(item: Item) -> float | None:
            when = self.tunnel.due(self.number, direction, item)
            if isinstance(item, Message) and not self._is_told:
                self.tunnel.tell(Passed(self.tunnel.time(), self.number, direction, item, when is None))
            return when

        def wake(when: float) -> None:
            self.tunnel.poller.call_at(when, self.look_at)

        return Way(source, sink, due, wake, self.tunnel.clock.now)

    # ------------------------------------------------------------------------------------------ the end

    def _go_on(self, backend: NativeBackend) -> None:
        """Everything that there is to do about one end: what it sent, what it can take again, that it ended."""
        now = self.tunnel.clock.now()
        index = backend.peer_id & 1
        inbound, outbound = self.ways[index], self.ways[1 - index]
        inbound.pump(now)
        if backend.was_refused and backend.has_drained():
            backend.was_refused = False
            outbound.flush(now)
        if backend.connection.inbox.count:
            return
        backend.settle()
        if backend.stage >= Stage.PARTING:
            end = End(backend.close_code, backend.close_reason)
            self._tell_ended(tuple(Direction)[index], end)
            inbound.end(end, now)
            self.tunnel.peers.pop(backend.peer_id, None)

    def _tell_ended(self, direction: Direction | None, end: End) -> None:
        if self.ways and not self._is_told:
            self._is_told = True
            self.tunnel.tell(Ended(self.tunnel.time(), self.number, direction, end.code, end.reason))

    def stop(self, end: End) -> None:
        """End both sides; what waits is not waited for."""
        self._tell_ended(None, end)
        for backend in self.backends():
            backend.close(end.code, end.reason)


def base(tunnel: Tunnel) -> str:
    """The server's URL without its path."""
    url = tunnel.url
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{'wss' if url.secure else 'ws'}://{host}:{url.port}"
