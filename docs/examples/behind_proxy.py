from gdpeer import OK, WebSocketServer

server = WebSocketServer()
server.bind_ip = "127.0.0.1"  # or "unix:/run/game/socket"; the port then means nothing
server.heartbeat_interval = 20


@server.client_connected.connect
def connected(peer_id, protocol):
    headers = server.get_peer(peer_id).get_handshake_headers()
    address = headers.get("x-forwarded-for") or server.get_peer_address(peer_id)
    print(f"{peer_id} comes from {address}", flush=True)


if server.listen(9080) != OK:
    raise SystemExit(server.get_listen_error())
while True:
    server.poll(timeout=0.05)
