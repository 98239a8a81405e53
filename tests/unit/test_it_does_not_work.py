"""Every row of "It does not work", provoked: the text that the page shows is the text that one sees."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from gdpeer import (
    OK,
    MultiplayerSpawner,
    Node,
    SceneTree,
    WebSocketMultiplayerPeer,
    WebSocketPeer,
    WebSocketServer,
    blocking,
    rpc,
)
from gdpeer.multiplayer.wire.godot4 import RemoteCall, SimplifyPath
from tests.support import replication_troubles
from tests.support.ports import free_port
from tests.support.troubles import rows, shows
from tests.unit.websocket.support import until

State = WebSocketPeer.State
FIRST = "What gdpeer says"


class Main(Node):
    @rpc("any_peer")
    def takes(self, number: int) -> None:
        """Takes a number."""

    @rpc
    def tells(self) -> None:
        """For the authority."""

    @rpc("any_peer")
    def fails(self) -> None:
        raise ValueError("a mistake")

    def plain(self) -> None:
        """Not for others."""


class Session:
    """A server with `/root/Main`, and a client that sends what one wants."""

    def __init__(self, **settings: Any) -> None:
        self.server, self.client = WebSocketMultiplayerPeer(), WebSocketMultiplayerPeer()
        for name, value in settings.items():
            setattr(self.server, name, value)
        assert self.server.create_server(0, "127.0.0.1") is OK
        self.tree = SceneTree()
        self.tree.multiplayer.multiplayer_peer = self.server
        self.main = Main()
        self.tree.root.add_child(self.main)
        self.client.create_client(f"ws://127.0.0.1:{self.server.get_local_port()}")
        until(self.tree.multiplayer.get_peers, self.client, self.tree)
        until(lambda: self.client.get_connection_status() == 2, self.client, self.tree)

    def send(self, *packets: bytes) -> None:
        self.client.set_target_peer(1)
        for packet in packets:
            assert self.client.put_packet(packet) is OK
        for _ in range(5):
            self.client.poll()
            self.tree.poll(timeout=0.02)
        self.client.close()
        self.server.close()


def call(*arguments: Any, path: str = "Main", method: int = 1) -> Callable[[], None]:
    return lambda: Session().send(RemoteCall(0, method, arguments, path).encode())


def busy_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        peer = WebSocketMultiplayerPeer()
        peer.create_server(other.getsockname()[1], "127.0.0.1")
        peer.poll()


def set_too_early() -> None:
    SceneTree().multiplayer.multiplayer_peer = WebSocketMultiplayerPeer()


def misspell() -> None:
    WebSocketServer().heartbeat_intervall = 3  # type: ignore[attr-defined]


def connect(url: str, server: WebSocketServer | None = None, **settings: Any) -> str:
    """Why a client did not get in."""
    peer = WebSocketPeer()
    for name, value in settings.items():
        setattr(peer, name, value)
    peer.connect_to_url(url)
    until(lambda: peer.get_ready_state() is State.CLOSED, peer, *([server] if server else []))
    return str(peer.get_close_cause())


def refused(**settings: Any) -> Callable[[], str]:
    """Why a server with some settings does not take a client."""

    def attempt() -> str:
        server = WebSocketServer()
        protocols = settings.pop("protocols", ())
        for name, value in settings.items():
            setattr(server, name, value)
        assert server.listen(0, protocols) is OK
        with server:
            headers = ["Origin: https://game.example"]
            return connect(f"ws://127.0.0.1:{server.get_local_port()}/lobby", server, handshake_headers=headers)

    return attempt


def plain_port_by_wss() -> str:
    server = WebSocketServer()
    assert server.listen(0) is OK
    with server:
        return connect(f"wss://127.0.0.1:{server.get_local_port()}", server)


def silent_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        return connect(f"ws://127.0.0.1:{silent.getsockname()[1]}", handshake_timeout=0.05)


def not_connected_yet() -> None:
    peer = WebSocketMultiplayerPeer()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        peer.create_client(f"ws://127.0.0.1:{silent.getsockname()[1]}")
        tree = SceneTree()
        tree.multiplayer.multiplayer_peer = peer
        tree.root.add_child(Main())
        tree.get_node("/root/Main").rpc("takes", 1)
        peer.close()


def without_a_peer() -> None:
    tree = SceneTree()
    tree.multiplayer.multiplayer_peer = None
    tree.root.add_child(Main())
    tree.get_node("/root/Main").rpc("takes", 1)


def with_a_server(work: Callable[[Main], object]) -> Callable[[], None]:
    def attempt() -> None:
        session = Session()
        work(session.main)
        session.server.close()
        session.client.close()

    return attempt


def too_large_here() -> None:
    session = Session()
    session.server.set_target_peer(0)
    session.server.put_packet(bytes(70_000))
    session.server.close()


def too_large_there() -> None:
    server = WebSocketServer()
    server.inbound_buffer_size = 1_000
    assert server.listen(0) is OK
    with server:
        peer = WebSocketPeer()
        peer.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}")
        until(lambda: peer.get_ready_state() is State.OPEN, peer, server)
        peer.send(bytes(2_000))
        until(lambda: peer.get_ready_state() is State.CLOSED, peer, server)


def too_much_refused() -> None:
    Session(max_refused=2).send(*[b"\x01"] * 9)


def broken_off() -> str:
    server = WebSocketServer()
    assert server.listen(0) is OK
    peer = WebSocketPeer()
    with server:
        peer.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}")
        until(lambda: peer.get_ready_state() is State.OPEN and server.peers, peer, server)
        next(iter(server.peers.values())).close(-1)
        until(lambda: peer.get_ready_state() is State.CLOSED, peer, server)
    return str(peer.get_close_cause())


def failing_slot() -> None:
    server = WebSocketServer()
    server.client_connected.connect(lambda *_: 1 / 0)
    server.client_connected.emit(1, "")


def failing_handler() -> None:
    def handler(connection: blocking.Connection) -> None:
        raise ValueError("a mistake")

    with blocking.serve(handler, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with contextlib.suppress(Exception), blocking.connect(f"ws://127.0.0.1:{server.port}") as connection:
            connection.recv(timeout=30)
        server.shutdown()
        thread.join(10)


def two_of_a_name() -> None:
    tree = SceneTree()
    tree.root.add_child(Main())
    tree.root.add_child(Main())


def no_such_node() -> None:
    tree = SceneTree()
    tree.root.add_child(Main())
    tree.get_node("/root/Main").get_node("Child")


def too_large_to_spawn() -> None:
    session = Session(outbound_buffer_size=1_000)
    spawner = MultiplayerSpawner("Spawner")
    spawner.spawn_path = ".."
    spawner.spawn_function = lambda data: Node("Egg")
    session.main.add_child(spawner)
    spawner.spawn("x" * 2_000)
    session.server.close()
    session.client.close()


PROVOKED: dict[str, Callable[[], object]] = {
    "cannot listen on": busy_port,
    "listen() argument": lambda: WebSocketServer().listen("9080"),  # type: ignore[arg-type]
    "the peer is neither": set_too_early,
    "WebSocketServer has no attribute": misspell,
    "tcp: cannot connect": lambda: connect(f"ws://127.0.0.1:{free_port()}"),
    "dns:": lambda: connect("ws://no.such.name.invalid/"),
    "the scheme must be": lambda: WebSocketPeer().connect_to_url("http://127.0.0.1/"),
    "TLS handshake": plain_port_by_wss,
    "timeout: the server did not answer": silent_port,
    "http status: the server answered 403": refused(allowed_origins=["https://other.example"]),
    "http status: the server answered 404": refused(allowed_paths=["/game"]),
    "http status: the server answered 400": refused(protocols=["chat"]),
    "http status: the server answered 503": refused(refuse_new_connections=True),
    "refused (unknown node)": call(path="Game"),
    "refused (unknown method)": call(method=77),
    "the methods of node": lambda: Session().send(SimplifyPath("0" * 32, 1, "Main").encode()),
    "refused (wrong arguments)": call("text", method=1),
    "refused (not allowed)": call(method=2),
    "rpc: … of … was not sent: the node is not": lambda: Main().rpc("takes", 1),
    "rpc: … of … was not sent: the peer is not": not_connected_yet,
    "rpc: … of … was not sent: there is no peer": without_a_peer,
    "rpc: … has no method": with_a_server(lambda main: main.rpc("plain")),
    "rpc: there is no peer": with_a_server(lambda main: main.rpc_id(77, "takes", 1)),
    "rpc: … of … is not call_local": with_a_server(lambda main: main.rpc_id(1, "takes", 1)),
    "peer …: a message of": too_large_here,
    "too big:": too_large_there,
    "peer …: disconnected": too_much_refused,
    "tcp: the other side ended": broken_off,
    "a handler of signal": failing_slot,
    "… raised, called by peer": call(method=0),
    "the handler of": failing_handler,
    "… already has a child": two_of_a_name,
    "there is no node": no_such_node,
    "add_child() argument": lambda: SceneTree().root.add_child(Main),  # type: ignore[arg-type]
    "… cannot be spawned for": too_large_to_spawn,
    **replication_troubles.PROVOKED,
}
"""How to get each row, by the beginning of what it shows."""


def provoker(row: str) -> Callable[[], object]:
    found = [provoke for beginning, provoke in PROVOKED.items() if row.startswith(beginning)]
    assert len(found) == 1, f"{row!r} is provoked by {len(found)}"
    return found[0]


@pytest.mark.parametrize("row", rows(FIRST))
def test_what_the_page_shows_is_what_one_sees(row: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gdpeer")
    seen = ""
    try:
        seen = str(provoker(row)())
    except Exception as problem:
        seen = str(problem)
    for _ in range(100):
        if shows(row, f"{seen}\n{caplog.text}"):
            break
        time.sleep(0.02)
    assert shows(row, f"{seen}\n{caplog.text}"), f"{seen}\n{caplog.text}"


def test_there_are_enough_rows_and_no_provocation_is_left_over() -> None:
    found = rows(FIRST)
    assert len(found) >= 25
    assert len(found) == len(PROVOKED)
