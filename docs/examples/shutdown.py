import signal

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

server.stop(1001, "The server is going down", grace=2.0)
print("stopped")
