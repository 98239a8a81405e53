import sys

from gdpeer import OK, WebSocketPeer

peer = WebSocketPeer()
peer.supported_protocols = ["demo-chat"]
if peer.connect_to_url("ws://127.0.0.1:8000/") != OK:
    raise SystemExit(str(peer.get_close_cause()))

to_say = sys.argv[1:] or ["hello from Python"]
while peer.get_ready_state() != WebSocketPeer.State.CLOSED:
    peer.poll(timeout=0.05)
    if peer.get_ready_state() == WebSocketPeer.State.OPEN:
        while to_say:
            peer.send_text(to_say.pop(0))
    for packet in peer:
        print(packet.decode(), flush=True)
print("The end:", peer.get_close_cause())
