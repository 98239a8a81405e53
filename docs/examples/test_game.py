from gdpeer import Cause, ManualClock, WebSocketPeer, WebSocketServer
from gdpeer.transport.memory import memory_pair


def connect(clock, **network):
    """A server and a client of it, over a network in memory."""
    server = WebSocketServer(clock=clock)
    client = WebSocketPeer(clock=clock)
    ours, theirs = memory_pair(clock=clock, **network)
    server.take_stream(theirs)
    client.connect_through(ours)
    return server, client, ours, theirs


def run(server, client, clock, seconds):
    """Let so much time pass, 10 ms at a time, without waiting for it."""
    for _ in range(round(seconds / 0.01)):
        clock.advance(0.01)
        server.poll()
        client.poll()


def test_a_move_is_answered_after_one_round_trip():
    clock = ManualClock()
    server, client, _, _ = connect(clock, delay=0.05, max_chunk=7)
    server.data_received.connect(lambda peer_id: server.get_peer(peer_id).send_text("you moved"))
    run(server, client, clock, seconds=0.5)
    assert client.get_ready_state() == WebSocketPeer.State.OPEN

    client.send_text("move")
    run(server, client, clock, seconds=0.09)
    assert client.get_available_packet_count() == 0
    run(server, client, clock, seconds=0.05)
    assert list(client) == [b"you moved"]


def test_a_player_whose_network_goes_is_dropped():
    clock = ManualClock()
    server, client, _, theirs = connect(clock)
    causes = []
    server.client_disconnected.connect(
        lambda peer_id, was_clean: causes.append(server.get_peer(peer_id).get_close_cause().cause)
    )
    run(server, client, clock, seconds=0.5)
    for peer in server.peers.values():
        peer.heartbeat_interval = 5
    theirs.stall()
    run(server, client, clock, seconds=11)
    assert causes == [Cause.TIMEOUT]


def test_a_connection_that_breaks():
    clock = ManualClock()
    server, client, ours, _ = connect(clock)
    run(server, client, clock, seconds=0.5)
    ours.break_connection()
    run(server, client, clock, seconds=0.1)
    assert client.get_close_cause().cause == Cause.TCP
    assert client.get_close_code() == -1
    assert not server.peers
