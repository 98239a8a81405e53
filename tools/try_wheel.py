"""Checks that an installed gdpeer has the given form and answers a message; run it with the Python that has gdpeer.

python tools/try_wheel.py compiled
"""

from __future__ import annotations

import platform
import sys
import time
from importlib.metadata import entry_points

import gdpeer
from gdpeer import OK, WebSocketPeer, WebSocketServer

PATIENCE = 30.0


def echo() -> bytes:
    """Returns the answer of an echo server to `hello`."""
    server, client = WebSocketServer(), WebSocketPeer()
    server.bind_ip = "127.0.0.1"

    @server.data_received.connect
    def received(peer_id: int) -> None:
        peer = server.get_peer(peer_id)
        assert peer is not None
        peer.send(peer.get_packet())

    if server.listen(0) != OK:
        raise SystemExit(server.get_listen_error())
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
    said, deadline = False, time.monotonic() + PATIENCE
    while not client.get_available_packet_count() and time.monotonic() < deadline:
        server.poll(timeout=0.01)
        client.poll()
        if not said and client.get_ready_state() == WebSocketPeer.State.OPEN:
            said = client.send(b"hello") == OK
    return client.get_packet()


def main() -> int:
    form = "compiled" if gdpeer.COMPILED else "pure"
    if form != sys.argv[1]:
        raise SystemExit(f"gdpeer is {form} here")
    if "site-packages" not in gdpeer.__file__:
        raise SystemExit(f"gdpeer is not installed: it is imported from {gdpeer.__file__}")
    if "gdpeer" not in entry_points(group="pytest11").names:
        raise SystemExit("pytest would not find the fixtures")
    if echo() != b"hello":
        raise SystemExit("no echo")
    print(f"gdpeer {gdpeer.__version__}, {form}, Python {platform.python_version()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
