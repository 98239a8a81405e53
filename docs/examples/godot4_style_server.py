from gdpeer import OK, TCPServer, WebSocketPeer

listener = TCPServer()
if listener.listen(9080) != OK:
    raise SystemExit("Unable to listen")
peers = []

while True:
    while listener.is_connection_available():
        peer = WebSocketPeer()
        if peer.accept_stream(listener.take_connection()) == OK:
            peers.append(peer)
    for peer in peers:
        peer.poll(timeout=0.01)
        for packet in peer:
            peer.send(packet)
    peers = [peer for peer in peers if peer.get_ready_state() != WebSocketPeer.State.CLOSED]
