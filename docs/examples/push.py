import time

from gdpeer import OK, WebSocketServer

server = WebSocketServer()
if server.listen(9080) != OK:
    raise SystemExit(server.get_listen_error())

tick = 0
due = time.monotonic()
while True:
    due += 0.05  # 20 ticks a second
    while (left := due - time.monotonic()) > 0:
        server.poll(timeout=left)
    tick += 1
    server.broadcast(f"tick {tick}")
