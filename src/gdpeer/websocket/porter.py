"""`Porter`: takes the connections of a server for others to serve, each by a peer of its own.

Layer: `websocket`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from gdpeer.errors import HandshakeError
from gdpeer.ids import generate_unique_id
from gdpeer.protocol.http1 import Request
from gdpeer.transport.stream import Connector, Stream
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.server import WebSocketServer
from gdpeer.websocket.upgrade import ServerUpgrade

__all__ = ["Porter"]


class Porter(WebSocketServer):
    """Ports, TLS, limits and pages of a server, without its peers: each connection is handed on before a byte is read.

    At most `max_peers` are with others at a time; whoever comes beyond that is answered here, with 503. All of it
    belongs to one thread, but for `wake`, `give_back` and `peers`. `http_handler` is called by whoever has the peer.

    Args:
        hand_on: called with an id, a peer, and what begins its upgrade, to be called by whoever polls it; whether it
            was taken. `give_back` says that it is over.
    """

    def __init__(self, hand_on: Callable[[int, WebSocketPeer, Callable[[], object]], bool]) -> None:
        super().__init__()
        self._hand_on = hand_on
        self._handed: dict[int, WebSocketPeer] = {}
        self._returned: deque[int] = deque()

    @property
    def peers(self) -> Mapping[int, WebSocketPeer]:
        """Those that are with others."""
        return MappingProxyType(self._handed)

    def _come_in(self, stream: Any, port: int) -> None:
        self._take_back()
        super()._come_in(stream, port)

    def _serve(self, stream: Stream | Connector, port: int) -> int:
        if self.max_peers and len(self._handed) >= self.max_peers:
            return super()._serve(stream, port)
        peer_id = generate_unique_id()
        peer = WebSocketPeer(clock=self._clock)
        peer._settings = self._settings
        upgrade = ServerUpgrade(self._settings, self._settings.limits(), respond=self._respond)
        self._handed[peer_id] = peer
        if self._hand_on(peer_id, peer, lambda: peer._begin("", upgrade, stream)):
            return peer_id
        del self._handed[peer_id]
        return super()._serve(stream, port)

    def _admit(self, peer_id: int, request: Request) -> None:
        raise HandshakeError("the server takes no more connections now", status=503)

    def poll(self, timeout: float = 0.0) -> None:
        """Accept, and answer those that are not handed on."""
        super().poll(timeout)
        self._take_back()

    def _take_back(self) -> None:
        while self._returned:
            peer_id = self._returned.popleft()
            del self._handed[peer_id]
            self._door.gate.leave(peer_id)

    def give_back(self, peer_id: int) -> None:
        """A connection that was handed on is over. From any thread."""
        self._returned.append(peer_id)
        self.wake()

    def wake(self) -> None:
        """End the wait of `poll`. From any thread, also from a signal handler."""
        poller = self._turn.poller
        if poller is not None:
            poller.wake()
