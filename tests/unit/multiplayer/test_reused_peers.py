"""One peer object, one connection after another without a poll between them: the API tells the end of the former one.

Godot 4's API is tested over `WebSocketMultiplayerPeer`, Godot 3's over `WebSocketServer` and `WebSocketClient`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from gdpeer import (
    ERR_CONNECTION_ERROR,
    ERR_UNCONFIGURED,
    OK,
    Node,
    Reconnection,
    SceneTree,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketServer,
    godot3,
    rpc,
)
from gdpeer.transport.memory import memory_pair

PATIENCE = 20.0
SIGNALS = ("connected_to_server", "connection_failed", "server_disconnected", "peer_connected", "peer_disconnected")


class Main(Node):
    def __init__(self) -> None:
        super().__init__("Main")
        self.heard: list[str] = []

    @rpc("any_peer")
    def say(self, text: str) -> None:
        self.heard.append(text)


class Main3(godot3.Node):
    def __init__(self) -> None:
        super().__init__("Main")
        self.heard: list[str] = []

    @godot3.remote
    def say(self, text: str) -> None:
        self.heard.append(text)


class Side:
    """A tree with one node, and what its API told."""

    def __init__(self, peer: Any) -> None:
        is_godot3 = not isinstance(peer, WebSocketMultiplayerPeer)
        self.peer = peer
        self.tree = SceneTree(godot3.MultiplayerAPI()) if is_godot3 else SceneTree()
        self.api: Any = self.tree.multiplayer
        self.main: Any = Main3() if is_godot3 else Main()
        self.tree.root.add_child(self.main)
        self.told: list[str] = []
        for name in SIGNALS:
            getattr(self.api, name).connect(lambda *_, name=name: self.told.append(name))
        self.api.multiplayer_peer = peer

    def take(self) -> list[str]:
        told, self.told = self.told, []
        return told


def until(done: Callable[[], Any], *sides: Side) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, "took too long"
        for side in sides:
            side.tree.poll(0.002)


def serving() -> WebSocketMultiplayerPeer:
    peer = WebSocketMultiplayerPeer()
    assert peer.create_server(0, "127.0.0.1") is OK
    return peer


def client_of(server: WebSocketMultiplayerPeer) -> WebSocketMultiplayerPeer:
    peer = WebSocketMultiplayerPeer()
    begin(peer, server)
    return peer


def begin(peer: WebSocketMultiplayerPeer, server: WebSocketMultiplayerPeer) -> None:
    assert peer.create_client(f"ws://127.0.0.1:{server.get_local_port()}") is OK


def check_calls(one: Side, other: Side) -> None:
    """Calls reach the other side, both ways, by paths that are new and by their numbers."""
    for _ in range(2):
        for sender, receiver in ((one, other), (other, one)):
            receiver.main.heard.clear()
            assert sender.main.say.rpc_id(receiver.api.get_unique_id(), "hello") is OK
            until(lambda found=receiver.main: found.heard == ["hello"], one, other)


@pytest.mark.parametrize("is_same_server", [True, False])
def test_a_client_that_connects_anew(is_same_server: bool) -> None:
    with serving() as first, serving() as second:
        server, other = Side(first), Side(second)
        client = Side(client_of(first))
        until(client.api.get_peers, server, client, other)
        check_calls(server, client)
        assert client.take() == ["connected_to_server", "peer_connected"]
        client.peer.close()
        begin(client.peer, first if is_same_server else second)
        assert client.api.get_peers() == []
        assert client.main.say.rpc_id(1, "too early") is ERR_CONNECTION_ERROR
        assert client.told == []  # signals come in `poll`
        assert client.api.poll() is OK
        assert client.take() == ["server_disconnected"]
        target = server if is_same_server else other
        until(client.api.get_peers, server, client, other)
        assert client.take() == ["connected_to_server", "peer_connected"]
        until(target.api.get_peers, server, client, other)
        check_calls(target, client)
        client.peer.close()
        assert client.api.poll() is ERR_UNCONFIGURED
        assert client.take() == ["server_disconnected"]
        assert (server.main.heard, other.main.heard) == ((["hello"], []) if is_same_server else (["hello"], ["hello"]))


def test_a_client_that_connects_anew_after_its_server_went() -> None:
    with serving() as first, serving() as second:
        server, other = Side(first), Side(second)
        client = Side(client_of(first))
        until(client.api.get_peers, server, client)
        client.take()
        first.close()
        connection = client.peer
        deadline = time.monotonic() + PATIENCE
        while connection.get_connection_status() != connection.CONNECTION_DISCONNECTED:
            connection.poll(0.01)  # not the tree, which would notice
            assert time.monotonic() < deadline
        begin(connection, second)
        until(client.api.get_peers, client, other)
        assert client.take() == ["server_disconnected", "connected_to_server", "peer_connected"]
        check_calls(other, client)


def test_a_server_that_opens_its_port_anew(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as peer:
        server, client = Side(peer), Side(client_of(peer))
        until(lambda: server.api.get_peers() and client.api.get_peers(), server, client)
        gone = client.api.get_unique_id()
        server.take()
        peer.close()
        assert peer.create_server(0, "127.0.0.1") is OK
        assert server.api.get_peers() == []
        server.main.say.rpc_id(gone, "too late")
        assert f"there is no peer {gone}" in caplog.text
        until(lambda: client.told[-1:] == ["server_disconnected"], client)
        begin(client.peer, peer)
        until(lambda: server.api.get_peers() and client.api.get_peers(), server, client)
        assert server.take() == ["server_disconnected", "peer_connected"]
        check_calls(server, client)


def test_a_server_becomes_a_client_and_a_client_a_server() -> None:
    with serving() as one, serving() as two:
        side, other = Side(one), Side(two)
        assert side.api.is_server()
        one.close()
        begin(one, two)
        until(lambda: side.api.get_peers() and other.api.get_peers(), side, other)
        assert side.take() == ["server_disconnected", "connected_to_server", "peer_connected"]
        assert not side.api.is_server()
        check_calls(side, other)
        one.close()
        assert one.create_server(0, "127.0.0.1") is OK
        until(lambda: "peer_disconnected" in other.told, side, other)
        assert side.take() == ["server_disconnected"]
        two.close()
        begin(two, one)
        until(lambda: side.api.get_peers() and other.api.get_peers(), side, other)
        assert side.take() == ["peer_connected"]
        check_calls(side, other)


def test_streams_of_ones_own() -> None:
    ends = [memory_pair() for _ in range(2)]
    peer = WebSocketMultiplayerPeer()
    peer.take_stream(ends[0][1])
    client_peer = WebSocketMultiplayerPeer()
    client_peer.connect_through(ends[0][0])
    server, client = Side(peer), Side(client_peer)
    until(lambda: server.api.get_peers() and client.api.get_peers(), server, client)
    for end in (peer, client_peer):
        end.close()
    peer.take_stream(ends[1][1])
    client_peer.connect_through(ends[1][0])
    until(lambda: server.api.get_peers() and client.api.get_peers(), server, client)
    assert server.take() == ["peer_connected", "server_disconnected", "peer_connected"]
    began = ["connected_to_server", "peer_connected"]
    assert client.take() == [*began, "server_disconnected", *began]
    check_calls(server, client)


def test_an_attempt_that_is_given_up_is_told_once() -> None:
    with serving() as server:
        client = Side(client_of(server))
        for _ in range(3):
            client.peer.close()
            begin(client.peer, server)
        until(client.api.get_peers, client, Side(server))
        assert client.take() == ["connection_failed", "connected_to_server", "peer_connected"]


def test_another_connection_that_cannot_begin() -> None:
    with serving() as server:
        client = Side(client_of(server))
        until(client.api.get_peers, client, Side(server))
        client.take()
        client.peer.close()
        assert client.peer.create_client("http://127.0.0.1:1") is not OK
        assert client.api.poll() is ERR_UNCONFIGURED
        assert client.api.poll() is ERR_UNCONFIGURED
        assert client.take() == ["server_disconnected"]


def test_the_end_is_told_first_whoever_polls_the_peer() -> None:
    with serving() as server:
        host, client = Side(server), Side(client_of(server))
        until(client.api.get_peers, client, host)
        client.take()
        client.peer.close()
        begin(client.peer, server)
        deadline = time.monotonic() + PATIENCE
        while len(client.told) < 3 and time.monotonic() < deadline:
            client.peer.poll(0.002)
            host.tree.poll()
        assert client.take() == ["server_disconnected", "connected_to_server", "peer_connected"]


@pytest.mark.parametrize("by", ["poll", "peer_connected"])
def test_a_slot_may_take_the_peer_away_when_it_hears_of_the_end(by: str) -> None:
    with serving() as server:
        host, client = Side(server), Side(client_of(server))
        until(client.api.get_peers, client, host)
        client.take()
        client.api.server_disconnected.connect(lambda: setattr(client.api, "multiplayer_peer", None))
        client.peer.close()
        begin(client.peer, server)
        if by == "poll":
            assert client.api.poll() is ERR_UNCONFIGURED
        else:
            deadline = time.monotonic() + PATIENCE
            while not client.told and time.monotonic() < deadline:
                client.peer.poll(0.002)
                host.tree.poll()
        assert client.take() == ["server_disconnected"]
        assert client.api.get_peers() == []
        client.peer.close()


def test_a_peer_that_was_taken_away_before_tells_nothing() -> None:
    with serving() as server:
        client = Side(client_of(server))
        until(client.api.get_peers, client, Side(server))
        client.take()
        client.peer.close()
        begin(client.peer, server)
        client.api.multiplayer_peer = None
        assert client.api.poll() is ERR_UNCONFIGURED
        client.api.multiplayer_peer = client.peer
        assert client.api.poll() is OK
        assert client.take() == []
        client.peer.close()


# -- Godot 3 ----------------------------------------------------------------------------------------------------------


def serving3(port: int = 0) -> WebSocketServer:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    assert server.listen(port, gd_mp_api=True) is OK
    return server


def begin3(client: WebSocketClient, server: WebSocketServer) -> None:
    assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True) is OK


def test_a_server_of_godot_3_that_listens_anew() -> None:
    peer, client_peer = serving3(), WebSocketClient()
    with peer, client_peer:
        begin3(client_peer, peer)
        server, client = Side(peer), Side(client_peer)
        until(lambda: server.api.get_peers() and client.api.get_peers(), server, client)
        server.take()
        port = peer.get_local_port()
        peer.stop()
        assert peer.listen(port, gd_mp_api=True) is OK
        assert server.api.get_peers() == []
        until(lambda: client.told[-1:] == ["server_disconnected"], client)
        begin3(client_peer, peer)
        until(lambda: server.api.get_peers() and client.api.get_peers(), server, client)
        assert server.take() == ["server_disconnected", "peer_connected"]
        check_calls(server, client)


def test_a_client_of_godot_3_that_connects_anew_by_itself() -> None:
    """Its policy begins another connection in the poll in which the former one ended."""
    peer, client_peer = serving3(), WebSocketClient()
    client_peer.reconnection = Reconnection(0.01, 0.05)
    with peer, client_peer:
        begin3(client_peer, peer)
        server, client = Side(peer), Side(client_peer)
        until(lambda: server.api.get_peers() and client.api.get_peers(), server, client)
        client.take()
        port = peer.get_local_port()
        peer.stop(1012)
        until(lambda: client.told, client)
        assert client.take() == ["server_disconnected"]
        assert client.api.get_peers() == []
        assert peer.listen(port, gd_mp_api=True) is OK
        until(lambda: server.api.get_peers() and client.api.get_peers(), server, client)
        assert client.take() == ["peer_connected", "connected_to_server"]
        check_calls(server, client)


@pytest.mark.parametrize("is_taken", [False, True])
def test_the_poll_in_which_a_client_reconnects_has_a_peer_unless_a_handler_takes_it_away(is_taken: bool) -> None:
    peer, client_peer = WebSocketServer(), WebSocketClient()
    peer.bind_ip = "127.0.0.1"
    assert peer.listen(0, gd_mp_api=True) is OK
    client_peer.reconnection = Reconnection(0.01, 0.05)
    with peer, client_peer:
        begin3(client_peer, peer)
        server, client = Side(peer), Side(client_peer)
        until(lambda: server.api.get_peers() and client.api.get_peers(), server, client)
        client.take()
        if is_taken:
            client.api.server_disconnected.connect(lambda: setattr(client.api, "multiplayer_peer", None))
        peer.stop(1012)
        results: list[Any] = []
        until(lambda: client.told or results.append(client.api.poll(0.002)))
        assert client.take() == ["server_disconnected"]
        assert results[-1] is (ERR_UNCONFIGURED if is_taken else OK)
