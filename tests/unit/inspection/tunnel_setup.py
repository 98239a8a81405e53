"""A server, a tunnel to it and clients, all in one process, for the tests of tunnels.

with running_tunnel() as setup:
    client = setup.join("/game?token=1")
    client.send_text("hello")
    setup.until(lambda: setup.heard)
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


class TunnelSetup:
    """The server, the tunnel and the clients.

    Attributes:
        heard: the messages that the server got, and sent back if `echoes`.
        events: all events that `Tunnel.poll` returned.
        ended: (was clean, code, reason) for each of the server's peers that left.
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
        """Returns a client that has begun to connect."""
        peer = WebSocketPeer()
        for name, value in settings.items():
            setattr(peer, name, value)
        assert peer.connect_to_url(self.url + path) is OK
        self.clients.append(peer)
        return peer

    def join(self, path: str = "/", **settings: Any) -> WebSocketPeer:
        """Returns a client that is open."""
        peer = self.client(path, **settings)
        self.until(lambda: peer.get_ready_state() is State.OPEN)
        return peer

    def poll(self) -> None:
        self.events += self.tunnel.poll(0.001)
        self.server.poll()
        for client in self.clients:
            client.poll()

    def until(self, done: Callable[[], Any]) -> Any:
        """Polls everything until `done` returns something true."""
        deadline = time.monotonic() + PATIENCE
        while not (result := done()):
            assert time.monotonic() < deadline, "took too long"
            self.poll()
        return result

    def events_of(self, kind: type) -> list[Any]:
        """Returns the events of a class."""
        return [event for event in self.events if isinstance(event, kind)]

    def answer(self, client: WebSocketPeer) -> bytes:
        """Returns the next message that a client gets."""
        self.until(client.get_available_packet_count)
        return client.get_packet()


@contextmanager
def running_tunnel(
    make: Callable[[str], Tunnel] = Tunnel, protocols: tuple[str, ...] = (), **settings: Any
) -> Iterator[TunnelSetup]:
    """Runs a server and a tunnel to it; the settings are the server's."""
    setup = TunnelSetup(make, protocols, settings)
    with setup.server:
        try:
            yield setup
        finally:
            setup.tunnel.stop(grace=0.0)
