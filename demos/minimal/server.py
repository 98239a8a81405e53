"""The server of Godot's WebSocket tutorial: it sends every packet back.

python demos/minimal/server.py
"""

# mypy: disable-error-code="union-attr"
# As in the tutorial, get_peer() is not checked for None: inside a signal of a peer, the peer exists.

from __future__ import annotations

import argparse

from gdpeer import OK, WebSocketServer

parser = argparse.ArgumentParser(description="The WebSocket tutorial's server: an echo.")
parser.add_argument("--port", type=int, default=9080, help="port to listen on (default: %(default)s)")
parser.add_argument("--protocol", action="append", default=[], help="sub-protocol to accept, repeatable")
options = parser.parse_args()

server = WebSocketServer()


def connected(peer_id: int, protocol: str) -> None:
    print(f"Client {peer_id} connected with protocol: {protocol}", flush=True)


def close_request(peer_id: int, code: int, reason: str) -> None:
    print(f"Client {peer_id} disconnecting with code: {code}, reason: {reason}", flush=True)


def disconnected(peer_id: int, was_clean: bool = False) -> None:
    print(f"Client {peer_id} disconnected, clean: {was_clean}", flush=True)


def on_data(peer_id: int) -> None:
    packet = server.get_peer(peer_id).get_packet()
    print(f"Got data from client {peer_id}: {packet.decode(errors='replace')} ... echoing", flush=True)
    server.get_peer(peer_id).put_packet(packet)


server.client_connected.connect(connected)
server.client_close_request.connect(close_request)
server.client_disconnected.connect(disconnected)
server.data_received.connect(on_data)
if server.listen(options.port, options.protocol) != OK:
    raise SystemExit("Unable to start server")
try:
    while True:
        server.poll(timeout=0.05)  # poll() without a timeout never waits: call it once a frame
except KeyboardInterrupt:
    server.stop()
