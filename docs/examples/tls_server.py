from gdpeer import OK, WebSocketServer

server = WebSocketServer()
server.private_key = "key.pem"
server.ssl_certificate = "cert.pem"


@server.data_received.connect
def echo(peer_id):
    server.get_peer(peer_id).send(server.get_peer(peer_id).get_packet())


if server.listen(8443) != OK:
    raise SystemExit(server.get_listen_error())
print("wss://localhost:8443/")
while True:
    server.poll(timeout=0.05)
