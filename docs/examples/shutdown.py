import signal
import time

from gdpeer import OK, WebSocketServer

running = True


def stop(number, frame):
    global running
    running = False


signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)

server = WebSocketServer()
if server.listen(9080) != OK:
    raise SystemExit(server.get_listen_error())
while running:
    server.poll(timeout=0.05)

server.refuse_new_connections = True
server.close_all(1001, "The server is going down")
deadline = time.monotonic() + 2
while server.peers and time.monotonic() < deadline:
    server.poll(timeout=0.05)
server.stop(1001)
print("stopped")
