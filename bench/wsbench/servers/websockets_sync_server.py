"""websockets: the threading server (one thread for each connection)."""

import threading

from _common import MAX_SIZE, arguments
from websockets.sync.server import serve

members = set()
lock = threading.Lock()


def handler(ws):
    if ws.request.path == "/fanout":
        with lock:
            members.add(ws)
        try:
            for message in ws:
                with lock:
                    targets = list(members)
                for member in targets:
                    member.send(message)
        finally:
            with lock:
                members.discard(ws)
        return
    for message in ws:
        ws.send(message)


if __name__ == "__main__":
    args = arguments()
    threading.stack_size(256 * 1024)
    with serve(handler, "127.0.0.1", args.port, compression=None, max_size=MAX_SIZE, ping_interval=None) as server:
        server.socket.listen(4096)
        server.serve_forever()
