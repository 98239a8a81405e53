"""An echo server of gdpeer for others to connect to, and a patient loop around whatever is polled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gdpeer import OK, WebSocketClient, WebSocketPeer, WebSocketServer
from gdpeer.aio import Connection, serve
from tests.interop import fronts
from tests.support.certificates import Certificates

PATIENCE = 20.0
Mode = WebSocketPeer.WriteMode


def until(done: Callable[[], Any], *polled: Any, patience: float = PATIENCE) -> Any:
    """Poll everything until `done` gives something true."""
    end = time.monotonic() + patience
    while not (result := done()):
        assert time.monotonic() < end, "took too long"
        for one in polled:
            one.poll(0.005)
        if not polled:
            time.sleep(0.005)
    return result


@dataclass
class EchoRoom:
    """A server that echoes; the text "bye!" makes it close with 4002, "drop!" end without a close frame."""

    server: WebSocketServer
    scheme: str
    opened: list[tuple[int, str]] = field(default_factory=list)
    asked: list[tuple[int, str]] = field(default_factory=list)
    ended: list[tuple[bool, int, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.server.get_local_port()}"

    def poll(self, timeout: float = 0.0) -> None:
        self.server.poll(timeout)

    def _connect(self) -> None:
        server = self.server
        server.client_connected.connect(lambda peer_id, protocol: self.opened.append((peer_id, protocol)))
        server.client_close_request.connect(lambda peer_id, code, reason: self.asked.append((code, reason)))
        server.client_disconnected.connect(self._ended)
        self._listen()

    def _listen(self) -> None:
        self.server.data_received.connect(self._echo)

    def stop(self, code: int, reason: str) -> None:
        self.server.stop(code, reason)

    def _ended(self, peer_id: int, was_clean: bool) -> None:
        peer = self.server.get_peer(peer_id)
        self.ended.append((was_clean, peer.get_close_code(), peer.get_close_cause().cause))

    def _echo(self, peer_id: int) -> None:
        peer = self.server.get_peer(peer_id)
        packet = peer.get_packet()
        if packet == b"bye!":
            peer.close(4002, "from python")
        elif packet == b"drop!":
            peer.close(-1)
        else:
            assert peer.send(packet, Mode.TEXT if peer.was_string_packet() else Mode.BINARY) is OK


class AioRoom(EchoRoom):
    """The same through asyncio: a task answers, and its loop runs while the room is polled."""

    def __init__(self, protocols: tuple[str, ...], certificates: Certificates | None, settings: dict[str, Any]) -> None:
        self.loop = fronts.Loop()
        if certificates is not None:
            settings |= {"private_key": str(certificates.key), "ssl_certificate": str(certificates.certificate)}
        sizes = {"max_size": 4 << 20, "write_limit": 8 << 20, "max_queue": 4096}
        options = sizes | {"ping_interval": None, "subprotocols": protocols} | settings
        self.aio = self.loop.run(serve(_answer, "127.0.0.1", 0, **options)._serve())
        super().__init__(self.aio.engine, "wss" if certificates else "ws")

    def poll(self, timeout: float = 0.0) -> None:
        self.loop.poll(timeout)

    def stop(self, code: int, reason: str) -> None:
        self.aio.close(code, reason)
        self.loop.run(self.aio.wait_closed())

    def _listen(self) -> None:
        """The tasks do."""


async def _answer(ws: Connection) -> None:
    async for message in ws:
        if message in ("bye!", b"bye!"):
            await ws.close(4002, "from python")
        elif message in ("drop!", b"drop!"):
            ws.peer.close(-1)
        else:
            await ws.send(message)


@contextmanager
def echo_room(
    protocols: tuple[str, ...] = (), certificates: Certificates | None = None, **settings: Any
) -> Iterator[EchoRoom]:
    if fronts.front == "aio":
        room = AioRoom(protocols, certificates, settings)
        room._connect()
        try:
            yield room
        finally:
            room.stop(1001, "")
            room.loop.close()
        return
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.set_buffers(4096, 4096, 8192, 4096)
    server.handshake_timeout = server.close_timeout = (
        30.0  # a busy machine may stop a peer for longer than the defaults
    )
    if certificates is not None:
        server.private_key, server.ssl_certificate = str(certificates.key), str(certificates.certificate)
    for name, value in settings.items():
        setattr(server, name, value)
    assert server.listen(0, protocols) is OK, server.get_listen_error()
    room = EchoRoom(server, "wss" if certificates else "ws")
    room._connect()
    with server:
        yield room


def big(client: WebSocketPeer | WebSocketClient) -> None:
    """Room for messages of a MiB."""
    peer = client.get_peer(1) if isinstance(client, WebSocketClient) else client
    peer.inbound_buffer_size = peer.outbound_buffer_size = 8 << 20
