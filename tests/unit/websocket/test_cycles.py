"""Nothing of a peer waits for the garbage collector: it goes at once, with its connection, whoever closed it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator

import pytest

from gdpeer import OK, WebSocketClient, WebSocketMultiplayerPeer, WebSocketPeer, WebSocketServer
from gdpeer.websocket.states import Stage
from tests.unit.websocket.support import OPEN, listening, state, until, url_of


@pytest.fixture(autouse=True)
def _without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def references(*peers: WebSocketPeer) -> list[weakref.ref[object]]:
    """To the peers and to all that has their connections."""
    backends = [peer._backend for peer in peers]
    assert None not in backends
    parts = [part for one in backends if one is not None for part in (one, one.upgrade, one.opened)]
    return [weakref.ref(thing) for thing in (*peers, *parts) if type(thing).__weakrefoffset__]


def is_over(peer: WebSocketPeer) -> bool:
    return peer._backend is None or peer._backend.stage == Stage.DONE


def end_client(client: WebSocketPeer, server: WebSocketServer) -> None:
    client.close()
    until(lambda: is_over(client) and not server.peers, client, server)


def end_server(client: WebSocketPeer, server: WebSocketServer) -> None:
    server.close_all(4000)
    until(lambda: is_over(client) and not server.peers, client, server)


def end_nobody(client: WebSocketPeer, server: WebSocketServer) -> None:
    """The client is just dropped."""


def session(
    server: WebSocketServer, wait: float, end: Callable[[WebSocketPeer, WebSocketServer], None]
) -> tuple[list[weakref.ref[object]], list[weakref.ref[object]]]:
    """One client's; what there was at its end, and at the server's."""
    client = WebSocketPeer()
    assert client.connect_to_url(url_of(server)) is OK
    client.poll(wait)
    until(lambda: state(client, OPEN)() and server.peers, client, server)
    at_server = next(iter(server.peers.values()))
    client.send(b"x")
    until(at_server.get_available_packet_count, client, server)
    found = references(client), references(at_server)
    end(client, server)
    return found


@pytest.mark.parametrize("wait", [0.0, 0.01], ids=["stepped", "watched"])
@pytest.mark.parametrize("end", [end_client, end_server, end_nobody])
def test_a_peer_goes_at_once(wait: float, end: Callable[[WebSocketPeer, WebSocketServer], None]) -> None:
    with listening() as (server, events):
        at_client, at_server = session(server, wait, end)
        assert [reference() for reference in at_client] == [None] * len(at_client)
        until(lambda: not server.peers, server)
        server.poll()
        events.clear()
        assert [reference() for reference in at_server] == [None] * len(at_server)


def test_a_peer_that_is_used_again_leaves_nothing_of_its_former_connection() -> None:
    with listening() as (server, _):
        client = WebSocketPeer()
        for _ in range(2):
            assert client.connect_to_url(url_of(server)) is OK
            until(state(client, OPEN), client, server)
            former = weakref.ref(client._backend)
            client.close()
            assert client.connect_to_url(url_of(server)) is OK
            assert former() is None
            until(state(client, OPEN), client, server)
            client.close(-1)


@pytest.mark.parametrize("kind", [WebSocketPeer, WebSocketServer, WebSocketClient, WebSocketMultiplayerPeer])
def test_what_never_connected_goes_at_once(kind: type) -> None:
    reference = weakref.ref(kind())
    assert reference() is None
