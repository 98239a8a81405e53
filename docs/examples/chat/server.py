from gdpeer import OK, WebSocketServer, http

server = WebSocketServer()
server.http_handler = http.StaticFolder("page")
server.heartbeat_interval = 20


def connected(peer_id, protocol):
    print(f"[{peer_id}] connected with protocol: {protocol}")
    server.broadcast(f"[{peer_id}] connected", exclude=[peer_id])


def received(peer_id):
    peer = server.get_peer(peer_id)
    packet = peer.get_packet()
    if peer.was_string_packet():
        server.broadcast(f"[{peer_id}] Says: {packet.decode()}", exclude=[peer_id])


def disconnected(peer_id, was_clean):
    print(f"[{peer_id}] disconnected, clean: {was_clean}")
    server.broadcast(f"[{peer_id}] disconnected")


server.client_connected.connect(connected)
server.data_received.connect(received)
server.client_disconnected.connect(disconnected)

if server.listen(8000, ["demo-chat"]) != OK:
    raise SystemExit(server.get_listen_error())
print("Open http://localhost:8000/")
while True:
    server.poll(timeout=0.05)
