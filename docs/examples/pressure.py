from collections import deque

from gdpeer import ERR_OUT_OF_MEMORY, OK, WebSocketServer

server = WebSocketServer()
server.outbound_buffer_size = 256 * 1024
waiting = {}  # what each peer still has to get


def send_on(peer_id):
    """Send until nothing is left, or the peer takes no more for now."""
    peer, messages = server.get_peer(peer_id), waiting[peer_id]
    while messages and peer.send(messages[0]) != ERR_OUT_OF_MEMORY:
        messages.popleft()


@server.client_connected.connect
def connected(peer_id, protocol):
    waiting[peer_id] = deque(bytes([number]) * 60_000 for number in range(100))
    send_on(peer_id)


@server.client_disconnected.connect
def disconnected(peer_id, was_clean):
    del waiting[peer_id]


server.peer_drained.connect(send_on)
if server.listen(9080) != OK:
    raise SystemExit(server.get_listen_error())
while True:
    server.poll(timeout=0.05)
