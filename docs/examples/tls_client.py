from gdpeer import OK, TLSOptions, WebSocketPeer

peer = WebSocketPeer()
trust = TLSOptions.client("cert.pem")  # without an argument: the machine's authorities
if peer.connect_to_url("wss://localhost:8443/", trust) != OK:
    raise SystemExit(str(peer.get_close_cause()))
while peer.get_ready_state() == WebSocketPeer.State.CONNECTING:
    peer.poll(timeout=0.05)
if peer.get_ready_state() != WebSocketPeer.State.OPEN:
    raise SystemExit(str(peer.get_close_cause()))
print("open")
peer.close()
while peer.get_ready_state() != WebSocketPeer.State.CLOSED:
    peer.poll(timeout=0.05)
print(peer.get_close_cause())
