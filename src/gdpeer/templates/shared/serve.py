"""Runs the server: python serve.py [PORT]. The variables HOST and PORT count, too."""

import os
import signal
import sys
import time

from gdpeer import OK, WebSocketMultiplayerPeer

from server import make_tree, tick

FRAME = 1 / 30  # seconds


def serve(host: str, port: int) -> None:
    peer = WebSocketMultiplayerPeer()
    peer.heartbeat_interval = 20
    if peer.create_server(port, host) != OK:
        raise SystemExit(peer.get_listen_error())
    tree = make_tree()
    tree.multiplayer.multiplayer_peer = peer
    is_running = True

    def stop(number: int, frame: object) -> None:
        nonlocal is_running
        is_running = False

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    print(f"The game is at ws://{host}:{peer.get_local_port()}. Ctrl-C ends it.", flush=True)
    last = time.monotonic()
    while is_running:
        tree.poll(timeout=max(0.0, last + FRAME - time.monotonic()))
        now = time.monotonic()
        if now - last >= FRAME:
            tick(tree, now - last)
            last = now
    peer.stop(1001, "The server is going down", grace=2.0)


if __name__ == "__main__":
    port = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT", "8910")
    if not port.isdecimal():
        raise SystemExit(f"expected a port such as 8910, got {port!r}")
    serve(os.environ.get("HOST", "127.0.0.1"), int(port))
