"""The peers without a network: offline and loopback."""

from __future__ import annotations

import pytest

from gdpeer.errors import Error
from gdpeer.multiplayer import local_peers
from gdpeer.multiplayer.local_peers import LoopbackMultiplayerPeer, OfflineMultiplayerPeer
from gdpeer.multiplayer.peer import ConnectionStatus, MultiplayerPeer, TransferMode


def heard_by(peer: MultiplayerPeer) -> list[tuple[str, int]]:
    events: list[tuple[str, int]] = []
    peer.peer_connected.connect(lambda peer_id: events.append(("came", peer_id)))
    peer.peer_disconnected.connect(lambda peer_id: events.append(("went", peer_id)))
    return events


def packets_of(peer: MultiplayerPeer) -> list[tuple[int, bytes]]:
    peer.poll()
    return [(peer.get_packet_peer(), peer.get_packet()) for _ in range(peer.get_available_packet_count())]


def session(clients: int) -> tuple[LoopbackMultiplayerPeer, list[LoopbackMultiplayerPeer]]:
    server = LoopbackMultiplayerPeer()
    joined = [server.join() for _ in range(clients)]
    for peer in (server, *joined):
        peer.poll()
    return server, joined


def test_offline_is_a_server_alone() -> None:
    peer = OfflineMultiplayerPeer()
    peer.poll(timeout=100)
    assert peer.get_connection_status() is ConnectionStatus.CONNECTED
    assert peer.get_unique_id() == peer.get_packet_peer() == 1
    assert peer.is_server()
    assert not peer.is_server_relay_supported()
    assert peer.put_packet(b"x") is peer.put_packet_to([2], b"x") is Error.OK
    assert peer.get_available_packet_count() == 0
    assert peer.get_packet() == b""
    assert peer.get_packet_error() is Error.ERR_UNAVAILABLE
    peer.disconnect_peer(2)
    peer.close()


def test_defaults_are_the_engine_s() -> None:
    peer = OfflineMultiplayerPeer()
    assert (peer.transfer_mode, peer.transfer_channel, peer.refuse_new_connections) == (TransferMode.RELIABLE, 0, False)
    assert (peer.get_packet_mode(), peer.get_packet_channel()) == (TransferMode.RELIABLE, 0)
    assert all(2 <= peer.generate_unique_id() <= 2**31 - 1 for _ in range(100))


def test_both_sides_tell_of_a_beginning() -> None:
    server = LoopbackMultiplayerPeer()
    heard = heard_by(server)
    client = server.join()
    client_heard = heard_by(client)
    assert client.get_connection_status() is ConnectionStatus.CONNECTING
    assert heard == []
    server.poll()
    client.poll()
    assert heard == [("came", client.get_unique_id())]
    assert client_heard == [("came", 1)]
    assert client.get_connection_status() is ConnectionStatus.CONNECTED
    assert server.is_server()
    assert not client.is_server()
    assert server.is_server_relay_supported()


def test_targets() -> None:
    server, (one, two, three) = session(3)
    ids = [peer.get_unique_id() for peer in (one, two, three)]
    server.put_packet(b"all")
    server.set_target_peer(ids[0])
    server.put_packet(bytearray(b"one"))
    server.set_target_peer(-ids[0])
    server.put_packet(memoryview(b"others"))
    server.put_packet_to([ids[2], 99], b"third")
    assert packets_of(one) == [(1, b"all"), (1, b"one")]
    assert packets_of(two) == [(1, b"all"), (1, b"others")]
    assert packets_of(three) == [(1, b"all"), (1, b"others"), (1, b"third")]
    server.set_target_peer(99)
    assert server.put_packet(b"nobody") is Error.ERR_INVALID_PARAMETER
    two.set_target_peer(ids[0])
    two.put_packet(b"to the server, whatever the target")
    assert packets_of(server) == [(ids[1], b"to the server, whatever the target")]
    assert packets_of(one) == []


def test_what_came_before_the_end_can_be_read_after_it() -> None:
    server, (client,) = session(1)
    heard = heard_by(server)
    client.put_packet(b"last words")
    client.close()
    assert packets_of(server) == [(client._id, b"last words")]
    assert heard == [("went", client._id)]
    assert client.get_unique_id() == 0
    assert client.put_packet(b"x") is Error.ERR_UNCONFIGURED
    assert client.get_connection_status() is ConnectionStatus.DISCONNECTED


def test_disconnect_peer_ends_it_on_both_sides() -> None:
    server, (one, two) = session(2)
    heard, one_heard, two_heard = heard_by(server), heard_by(one), heard_by(two)
    server.disconnect_peer(one.get_unique_id())
    server.disconnect_peer(99)
    server.disconnect_peer(two.get_unique_id(), force=True)
    ids = (one._id, two._id)
    for peer in (server, one, two):
        peer.poll()
    assert heard == [("went", ids[0])]
    assert one_heard == two_heard == [("went", 1)]
    assert one.get_connection_status() is ConnectionStatus.DISCONNECTED
    one._events.append((server, False))  # told twice, counts once
    one._events.append((server, b"late"))
    assert packets_of(one) == []
    assert one_heard == [("went", 1)]


@pytest.mark.parametrize("force", [False, True])
def test_of_a_disconnected_peer_nothing_is_read_any_more(force: bool) -> None:
    server, (one, two) = session(2)
    heard = heard_by(server)
    forgotten: list[int] = []
    server._peer_forgotten.connect(forgotten.append)
    for peer in (one, two):
        peer.put_packet(b"read by poll")
    server.poll()
    for peer in (one, two):
        peer.put_packet(b"under way")
    server.disconnect_peer(one._id, force)
    assert forgotten == ([one._id] if force else [])
    one.put_packet(b"after")
    assert packets_of(server) == [(two._id, b"read by poll"), (two._id, b"under way")]
    assert heard == ([] if force else [("went", one._id)])
    assert len(forgotten) == force


def test_a_kick_in_a_slot_counts_at_once() -> None:
    server = LoopbackMultiplayerPeer()
    one, two = server.join(), server.join()
    server.peer_connected.connect(lambda peer_id: server.disconnect_peer(one._id))
    for peer in (one, two):
        peer.poll()
        peer.put_packet(b"x")
    heard = heard_by(server)
    assert packets_of(server) == [(two._id, b"x")]
    server.poll()
    assert heard == [("came", one._id), ("came", two._id), ("went", one._id)]


def test_a_client_that_lets_go_of_its_server_by_force_is_disconnected() -> None:
    server, (client,) = session(1)
    heard, client_heard = heard_by(server), heard_by(client)
    client.disconnect_peer(1, force=True)
    assert client.get_connection_status() is ConnectionStatus.DISCONNECTED
    server.poll()
    assert heard == [("went", client._id)]
    assert client_heard == []


def test_an_empty_packet_is_ok_and_nothing() -> None:
    server, (client,) = session(1)
    for peer in (server, client):
        assert peer.put_packet(b"") is peer.put_packet_to([1, client._id], b"") is Error.OK
    assert packets_of(server) == packets_of(client) == []
    server.close()
    server.set_target_peer(99)
    assert server.put_packet(b"") is Error.OK


def test_control_is_a_packet_where_there_is_always_room() -> None:
    server, (one, two) = session(2)
    assert server.is_networked()
    assert server.put_control_to([one._id], b"news") is Error.OK
    assert packets_of(one) == [(1, b"news")]
    assert packets_of(two) == []


def test_who_cannot_be_joined() -> None:
    server, (client,) = session(1)
    with pytest.raises(ValueError, match="only an open server"):
        client.join()
    server.refuse_new_connections = True
    with pytest.raises(ValueError, match="only an open server"):
        server.join()
    server.refuse_new_connections = False
    server.close()
    with pytest.raises(ValueError, match="only an open server"):
        server.join()
    server.set_target_peer(5)
    assert server.put_packet(b"x") is Error.ERR_UNCONFIGURED


def test_nothing_to_read() -> None:
    server, _ = session(0)
    assert server.get_packet() == b""
    assert server.get_packet_error() is Error.ERR_UNAVAILABLE
    assert server.get_packet_peer() == 1


def test_a_slot_may_close_the_peer() -> None:
    server, (one, two) = session(2)
    server.peer_disconnected.connect(lambda peer_id: server.close())
    one.close()
    two.close()
    server.poll()
    assert server.get_connection_status() is ConnectionStatus.DISCONNECTED


def test_an_id_that_is_drawn_twice_is_not_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter([5, 5, 5, 6, 6, 5, 7])
    monkeypatch.setattr(local_peers, "generate_unique_id", lambda: next(numbers))
    server = LoopbackMultiplayerPeer()
    assert [server.join().get_unique_id() for _ in range(3)] == [5, 6, 7]
