"""Counts the calls that a message, a connection and an RPC take through the layers: `python -m tools.trips`.

A trip is one step of one side, over a real socket on loopback: everything between the kernel and the game's code. Each
call of a Python function of gdpeer counts, so the figures are those of the uncompiled form: compiled functions do not
show.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import gdpeer
from gdpeer import COMPILED, OK, Node, SceneTree, WebSocketMultiplayerPeer, WebSocketServer, rpc

__all__ = ["TRIPS", "Trip", "count"]

PACKAGE = str(Path(gdpeer.__file__).parent)
MOST_TURNS = 10_000


class Trip(NamedTuple):
    """How long a trip is.

    Attributes:
        calls: functions of gdpeer that were called.
        modules: modules of gdpeer that these functions are in.
    """

    calls: int
    modules: int


def count(work: Callable[[], object]) -> Trip:
    """Runs `work`, and counts the calls of functions of gdpeer."""
    called: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(PACKAGE):
            called.append(name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return Trip(len(called), len(set(called)))


def until(is_done: Callable[[], bool], *polls: Callable[[], object]) -> None:
    """Lets all sides take turns until it is done."""
    for _ in range(MOST_TURNS):
        for poll in polls:
            poll()
        if is_done():
            return
    raise SystemExit("trips: the sides have not finished")


REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MESSAGE = b"\x82\x85\x00\x00\x00\x00hello"
"""A binary message of 5 bytes, masked with zeros."""


class Talk:
    """A server and a plain socket, so that only the server's calls count."""

    def __init__(self) -> None:
        self.server = WebSocketServer()
        self.server.bind_ip = "127.0.0.1"
        if self.server.listen(0) != OK:
            raise SystemExit(self.server.get_listen_error())
        self.connected: list[int] = []
        self.packets: list[bytes] = []
        self.server.client_connected.connect(lambda peer_id, protocol: self.connected.append(peer_id))
        self.server.data_received.connect(self.take)
        self.client = socket.create_connection(("127.0.0.1", self.server.get_local_port()))
        self.client.sendall(REQUEST)

    def take(self, peer_id: int) -> None:
        peer = self.server.get_peer(peer_id)
        assert peer is not None
        self.packets.append(peer.get_packet())

    def connect(self) -> None:
        until(lambda: bool(self.connected), self.server.poll)

    def close(self) -> None:
        self.client.close()
        self.server.stop()


def connection() -> Trip:
    """Counts from the accepted socket, whose upgrade request has arrived, to `client_connected`."""
    with closing(Talk()) as talk:
        return count(talk.connect)


def message() -> Trip:
    """Counts from the kernel to `data_received` and `get_packet`."""
    with closing(Talk()) as talk:
        talk.connect()
        talk.client.sendall(MESSAGE)
        trip = count(talk.server.poll)
        assert talk.packets == [b"hello"]
        return trip


class Arena(Node):
    """The node that both sides of the game have."""

    def __init__(self) -> None:
        super().__init__("Arena")
        self.moves: list[int] = []

    @rpc("any_peer")
    def move(self, number: int) -> None:
        """Notes the call."""
        self.moves.append(number)


class Game:
    """A game's server and one client, after a first call: the number of the node's path is confirmed."""

    def __init__(self) -> None:
        self.server, self.client = WebSocketMultiplayerPeer(), WebSocketMultiplayerPeer()
        if self.server.create_server(0, "127.0.0.1") != OK:
            raise SystemExit(self.server.get_listen_error())
        self.client.create_client(f"ws://127.0.0.1:{self.server.get_local_port()}/")
        self.here, self.there = self.side(self.client), self.side(self.server)
        polls = [side.get_tree().poll for side in (self.here, self.there)]
        until(lambda: bool(self.here.multiplayer.get_peers() and self.there.multiplayer.get_peers()), *polls)
        self.here.move.rpc_id(1, 0)
        until(lambda: bool(self.there.moves), *polls)
        for poll in polls * 2:  # the answer about the path
            poll()

    def side(self, peer: WebSocketMultiplayerPeer) -> Arena:
        tree, arena = SceneTree(), Arena()
        tree.root.add_child(arena)
        tree.multiplayer.multiplayer_peer = peer
        return arena

    def close(self) -> None:
        self.client.close()
        self.server.close()


def call_out() -> Trip:
    """Counts from `node.method.rpc_id` to the kernel."""
    with closing(Game()) as game:
        return count(lambda: game.here.move.rpc_id(1, 1))


def call_in() -> Trip:
    """Counts from the kernel to the game's method."""
    with closing(Game()) as game:
        game.here.move.rpc_id(1, 1)
        trip = count(game.there.get_tree().poll)
        assert game.there.moves == [0, 1]
        return trip


TRIPS = {
    "a message: kernel to get_packet": message,
    "a connection: accepted socket to client_connected": connection,
    "rpc_id to the kernel": call_out,
    "a call: kernel to the method": call_in,
}


def main() -> int:
    if COMPILED:
        print("not run: trips: gdpeer is compiled here; calls of compiled functions do not show")
        return 1
    for name, trip in TRIPS.items():
        calls, modules = trip()
        print(f"{name:<52}{calls:>4} calls{modules:>4} modules")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
