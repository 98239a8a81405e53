"""The client of Godot's WebSocket tutorial: it sends one packet and prints the answers.

python demos/minimal/client.py                               the server of demos/minimal/server.py
python demos/minimal/client.py wss://libwebsockets.org --protocol lws-mirror-protocol
                                                             the server that the tutorial names
"""

# mypy: disable-error-code="union-attr"
# As in the tutorial, get_peer() is not checked for None: inside a signal of a peer, the peer exists.

from __future__ import annotations

import argparse

from gdpeer import OK, WebSocketClient

parser = argparse.ArgumentParser(description="The WebSocket tutorial's client.")
parser.add_argument("url", nargs="?", default="ws://127.0.0.1:9080", help="server to talk to (default: %(default)s)")
parser.add_argument(
    "--protocol",
    action="append",
    default=[],
    help="sub-protocol to offer, repeatable (default: none; a server without sub-protocols refuses a client with some)",
)
options = parser.parse_args()

client = WebSocketClient()
running = True


def closed(was_clean: bool = False) -> None:
    global running
    print("Closed, clean:", was_clean, flush=True)
    running = False


def connected(protocol: str = "") -> None:
    print("Connected with protocol:", protocol, flush=True)
    client.get_peer(1).put_packet(b"Test packet")


def on_data() -> None:
    print("Got data from server:", client.get_peer(1).get_packet().decode(errors="replace"), flush=True)


client.connection_closed.connect(closed)
client.connection_error.connect(closed)
client.connection_established.connect(connected)
client.data_received.connect(on_data)
if client.connect_to_url(options.url, options.protocol) != OK:
    print("Unable to connect", flush=True)
    running = False
try:
    while running:
        client.poll(timeout=0.05)
except KeyboardInterrupt:
    client.disconnect_from_host()
    client.poll()
