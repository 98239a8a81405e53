"""A client with `WebSocketPeer`, the class of Godot 4: it prints every packet until the connection ends.

python demos/minimal/peer_client.py                          listens to the chat of demos/chat/server.py
"""

from __future__ import annotations

import argparse

from gdpeer import OK, WebSocketPeer

parser = argparse.ArgumentParser(description="A client that prints every received packet.")
parser.add_argument("url", nargs="?", default="ws://127.0.0.1:8000/test/", help="default: %(default)s")
parser.add_argument("--protocol", action="append", help="sub-protocol to offer, repeatable (default: demo-chat)")
parser.add_argument("--no-protocol", action="store_true", help="offer no sub-protocol")
options = parser.parse_args()

peer = WebSocketPeer()
peer.supported_protocols = [] if options.no_protocol else options.protocol or ["demo-chat"]
if peer.connect_to_url(options.url) != OK:
    raise SystemExit("Unable to connect")
try:
    while True:
        peer.poll(timeout=0.05)
        state = peer.get_ready_state()
        if state == WebSocketPeer.State.OPEN:
            while peer.get_available_packet_count():
                packet = peer.get_packet()
                print(packet.decode() if peer.was_string_packet() else f"{len(packet)} bytes", flush=True)
        elif state == WebSocketPeer.State.CLOSED:
            code, reason = peer.get_close_code(), peer.get_close_reason()
            print(f"closed with code {code}, reason {reason!r}, clean {code != -1}", flush=True)
            break
except KeyboardInterrupt:
    peer.close()
    peer.poll()
