import logging
import sys

from gdpeer import Cause, WebSocketPeer

logging.basicConfig(level=logging.INFO)  # gdpeer logs under "gdpeer.websocket" and "gdpeer.signals"

peer = WebSocketPeer()
peer.connect_to_url(sys.argv[1])
while peer.get_ready_state() == WebSocketPeer.State.CONNECTING:
    peer.poll(timeout=0.05)

end = peer.get_close_cause()
if end.cause == Cause.NONE:
    print("it is open")
elif end.cause == Cause.DNS:
    print("is the name right?", end.detail)
elif end.cause == Cause.HTTP_STATUS:
    print("the server refused with", end.status, end.detail)
else:
    print(end)
