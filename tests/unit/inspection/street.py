"""A server, a tunnel to it and clients, all in one process: what the tests of the tools stand on.

with street() as road:
    client = road.join("/game?token=1")
    client.send_text("hello")
    road.until(lambda: road.heard)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gdpeer import OK, WebSocketPeer, WebSocketServer
from gdpeer.inspection.direction import Message
from gdpeer.inspection.tunnel import Event, Tunnel

PATIENCE = 20.0
State = WebSocketPeer.State
TEXT, BINARY = WebSocketPeer.WriteMode


class Street:
    """All of it.

    Attributes:
        heard: what the server got, and sent back if `echoes`.
        events: what the tunnel told.
        ended: of the server's peers: (was clean, code, reason).
    """

    def __init__(self, make: Callable[[str], Tunnel], protocols: tuple[str, ...], settings: dict[str, Any]) -> None:
        self.server = WebSocketServer()
        self.server.bind_ip = "127.0.0.1"
        for name, value in settings.items():
            setattr(self.server, name, value)
        assert self.server.listen(0, protocols) is OK
        self.server.data_received.connect(self._receive)
        self.server.client_disconnected.connect(self._note_end)
        self.tunnel = make(f"ws://127.0.0.1:{self.server.get_local_port()}")
        self.port = self.tunnel.listen("127.0.0.1", 0)
        self.heard: list[Message] = []
        self.events: list[Event] = []
        self.ended: list[tuple[bool, int, str]] = []
        self.echoes = True
        self.clients: list[WebSocketPeer] = []

    def _receive(self, peer_id: int) -> None:
        peer = self.server.get_peer(peer_id)
        assert peer is not None
        packet = peer.get_packet()
        message = Message(packet, peer.was_string_packet())
        self.heard.append(message)
        if self.echoes:
            peer.send(packet, TEXT if message.is_text else BINARY)

    def _note_end(self, peer_id: int, was_clean: bool) -> None:
        peer = self.server.get_peer(peer_id)
        assert peer is not None
        self.ended.append((was_clean, peer.get_close_code(), peer.get_close_reason()))

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def client(self, path: str = "/", **settings: Any) -> WebSocketPeer:
        """A client that has begun to connect."""
        peer = WebSocketPeer()
        for name, value in settings.items():
            setattr(peer, name, value)
        assert peer.connect_to_url(self.url + path) is OK
        self.clients.append(peer)
        return peer

    def join(self, path: str = "/", **settings: Any) -> WebSocketPeer:
        """A client that is open."""
        peer = self.client(path, **settings)
        self.until(lambda: peer.get_ready_state() is State.OPEN)
        return peer

    def poll(self) -> None:
        self.events += self.tunnel.poll(0.001)
        self.server.poll()
        for client in self.clients:
            client.poll()

    def until(self, done: Callable[[], Any]) -> Any:
        """Poll everything until `done` gives something true."""
        deadline = time.monotonic() + PATIENCE
        while not (result := done()):
            assert time.monotonic() < deadline, "took too long"
            self.poll()
        return result

    def told(self, kind: type) -> list[Any]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def answer(self, client: WebSocketPeer) -> bytes:
        """The next message that a client gets."""
        self.until(client.get_available_packet_count)
        return client.get_packet()


@contextmanager
def street(
    make: Callable[[str], Tunnel] = Tunnel, protocols: tuple[str, ...] = (), **settings: Any
) -> Iterator[Street]:
    """A street; the settings are the server's."""
    road = Street(make, protocols, settings)
    with road.server:
        try:
            yield road
        finally:
            road.tunnel.stop(grace=0.0)
