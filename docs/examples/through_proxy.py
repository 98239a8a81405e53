import sys

from gdpeer import OK, Cause, WebSocketPeer

url, *given = sys.argv[1:]  # wss://game.example/ http://user:password@host:3128

peer = WebSocketPeer()
peer.proxy = given[0] if given else True  # the one that the environment names
if peer.connect_to_url(url) != OK:
    raise SystemExit(str(peer.get_close_cause()))
while peer.get_ready_state() == WebSocketPeer.State.CONNECTING:
    peer.poll(timeout=0.05)
if peer.get_ready_state() != WebSocketPeer.State.OPEN:
    end = peer.get_close_cause()
    raise SystemExit(f"{'the proxy' if end.cause == Cause.PROXY else 'the way there'}: {end.detail}")
print("open, by", peer.get_connected_port())
peer.close()
while peer.get_ready_state() != WebSocketPeer.State.CLOSED:
    peer.poll(timeout=0.05)
print(peer.get_close_cause())
