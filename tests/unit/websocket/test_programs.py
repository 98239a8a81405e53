"""The tutorial's server and client, and the engine's newer class as a client, as a program would be written."""

from __future__ import annotations

from gdpeer import OK, WebSocketClient, WebSocketPeer
from tests.unit.websocket.support import listening, until, url_of


def tutorial_server(server, lines: list[str]) -> None:  # type: ignore[no-untyped-def]
    def connected(peer_id: int, protocol: str) -> None:
        lines.append(f"connected with protocol: {protocol}")

    def close_request(peer_id: int, code: int, reason: str) -> None:
        lines.append(f"disconnecting with code: {code}, reason: {reason}")

    def disconnected(peer_id: int, was_clean: bool = False) -> None:
        lines.append(f"disconnected, clean: {was_clean}")

    def on_data(peer_id: int) -> None:
        packet = server.get_peer(peer_id).get_packet()
        lines.append(f"got: {packet.decode()}")
        server.get_peer(peer_id).put_packet(packet)

    server.client_connected.connect(connected)
    server.client_close_request.connect(close_request)
    server.client_disconnected.connect(disconnected)
    server.data_received.connect(on_data)


def tutorial_client(client: WebSocketClient, lines: list[str]) -> None:
    def closed(was_clean: bool = False) -> None:
        lines.append(f"Closed, clean: {was_clean}")

    def connected(protocol: str = "") -> None:
        lines.append(f"Connected with protocol: {protocol}")
        client.get_peer(1).put_packet(b"Test packet")  # type: ignore[union-attr]

    def on_data() -> None:
        lines.append(f"Got: {client.get_peer(1).get_packet().decode()}")  # type: ignore[union-attr]

    client.connection_closed.connect(closed)
    client.connection_error.connect(closed)
    client.connection_established.connect(connected)
    client.data_received.connect(on_data)


def test_the_tutorials_client_talks_to_the_tutorials_server() -> None:
    ours: list[str] = []
    theirs: list[str] = []
    with listening() as (server, _), WebSocketClient() as client:
        server.stop()
        assert server.listen(0, ["lws-mirror-protocol"]) is OK
        tutorial_server(server, theirs)
        tutorial_client(client, ours)
        assert client.connect_to_url(url_of(server), ["lws-mirror-protocol"]) is OK
        until(lambda: "Got: Test packet" in ours, server, client)
        client.disconnect_from_host(1000, "bye")
        until(lambda: "Closed, clean: True" in ours and not server.peers, server, client)
    assert ours == ["Connected with protocol: lws-mirror-protocol", "Got: Test packet", "Closed, clean: True"]
    assert theirs == [
        "connected with protocol: lws-mirror-protocol",
        "got: Test packet",
        "disconnecting with code: 1000, reason: bye",
        "disconnected, clean: True",
    ]


def test_the_tutorials_client_hears_that_nobody_is_there() -> None:
    lines: list[str] = []
    with listening() as (server, _):
        url = url_of(server)
    client = WebSocketClient()
    tutorial_client(client, lines)
    client.connect_to_url(url)
    until(lambda: lines, client)
    assert lines == ["Closed, clean: False"]


def test_the_newer_class_reads_what_came_before_the_close() -> None:
    lines: list[str] = []
    with listening() as (server, _):
        server.stop()
        assert server.listen(0, ["demo-chat"]) is OK

        def greet(peer_id: int, protocol: str) -> None:
            peer = server.get_peer(peer_id)
            assert peer is not None
            peer.send_text(f"welcome to {protocol}")
            peer.send(bytes(5))
            server.disconnect_peer(peer_id, 4000, "that was all")

        server.client_connected.connect(greet)
        peer = WebSocketPeer()
        peer.supported_protocols = ["demo-chat"]
        assert peer.connect_to_url(url_of(server) + "test/") is OK
        while True:
            server.poll()
            peer.poll(timeout=0.01)
            if peer.get_ready_state() == WebSocketPeer.State.OPEN:
                while peer.get_available_packet_count():
                    packet = peer.get_packet()
                    lines.append(packet.decode() if peer.was_string_packet() else f"{len(packet)} bytes")
            elif peer.get_ready_state() == WebSocketPeer.State.CLOSED:
                lines.append(f"{peer.get_close_code()} {peer.get_close_reason()!r}")
                break
    assert lines == ["welcome to demo-chat", "5 bytes", "4000 'that was all'"]
