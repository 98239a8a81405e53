"""A server with peers that do not read, or are not read, among others that it answers.

Run as a module it prints its port:

    python -m tests.trust.readers send              or: broadcast
    python -m tests.trust.readers send close        slow peers are closed

A peer on the path /slow gets what others ask for, but may not read it; from one on /deaf the server takes nothing.
Others are answered: "quiet" by a message, "flood" by the same to all slow peers and then to the one that asked,
"report" by what has come of it, as JSON.
"""

from __future__ import annotations

import json
import sys

from gdpeer import OK, Error, WebSocketServer
from tests.trust.crowd import allow_many_files

MESSAGE = bytes(16_384)
LIMIT = 65_536
"""Of what waits, each way; a server's default."""
CLOSE_TIMEOUT = 1.0


class Answers:
    """What the server does with its peers."""

    def __init__(self, server: WebSocketServer, way: str) -> None:
        self._server = server
        self._way = way
        self._by_path: dict[str, list[int]] = {"/slow": [], "/deaf": [], "/": []}
        self._refused = 0
        self._most_waiting = 0
        server.client_connected.connect(self._come)
        server.data_received.connect(self._hear)

    def _come(self, peer_id: int, protocol: str) -> None:
        peer = self._server.peers[peer_id]
        self._by_path["/" + peer.get_requested_url().rpartition("/")[2]].append(peer_id)

    def _hear(self, peer_id: int) -> None:
        if peer_id in self._by_path["/deaf"]:
            return
        asked = self._server.peers[peer_id].get_packet()
        if asked == b"report":
            self._server.peers[peer_id].send_text(json.dumps(self._report()))
        else:
            self._answer([*self._by_path["/slow"], peer_id] if asked == b"flood" else [peer_id])

    def _answer(self, peer_ids: list[int]) -> None:
        if self._way == "broadcast":
            errors = [self._server.broadcast_to(peer_ids, MESSAGE)]
        else:
            errors = [peer.send(MESSAGE) for one in peer_ids if (peer := self._server.get_peer(one))]
        self._refused += Error.ERR_OUT_OF_MEMORY in errors
        for one in peer_ids[:-1]:
            if peer := self._server.get_peer(one):
                self._most_waiting = max(self._most_waiting, peer.get_current_outbound_buffered_amount())

    def _report(self) -> dict[str, object]:
        deaf = [self._server.peers[one].get_stats().queued_bytes for one in self._by_path["/deaf"]]
        stats = self._server.stats()
        return {
            "refused": self._refused,
            "refused_sends": stats.refused_sends,
            "most_waiting": self._most_waiting,
            "unread": max(deaf, default=0),
            "peers": stats.peers,
            "ended": stats.ended,
        }


def serve(way: str, policy: str) -> None:
    allow_many_files()
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.close_on_backpressure = policy == "close"
    server.close_timeout = CLOSE_TIMEOUT
    assert (server.inbound_buffer_size, server.outbound_buffer_size) == (LIMIT, LIMIT)
    Answers(server, way)
    assert server.listen(0) is OK, server.get_listen_error()
    print(server.get_local_port(), flush=True)
    while True:  # until the signal that ends it
        server.poll(timeout=0.2)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
