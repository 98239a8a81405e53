from gdpeer import OK, WebSocketServer

server = WebSocketServer()
server.max_peers = 500
server.message_rate = 60  # a second; 120 at once
server.byte_rate = 64_000
server.close_on_backpressure = True
server.max_connections_per_address = 20
server.connection_rate = 5
server.max_pending = 200
if server.listen(9080) != OK:
    raise SystemExit(server.get_listen_error())


def look_at_them() -> None:
    print(server.stats())
    for peer_id, peer in list(server.peers.items()):
        if peer.get_stats().throttled > 100:
            server.disconnect_peer(peer_id, 1008, "Too fast")
