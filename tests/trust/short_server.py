"""A program for S3: a server with few descriptors that echoes; "stats" is answered with what it costs."""

from __future__ import annotations

import json
import logging
import os
import resource
import time

from gdpeer import OK, WebSocketServer

DESCRIPTORS = 48
WAIT = 0.05


def take_all() -> list[int]:
    """Every descriptor that is left."""
    taken: list[int] = []
    try:
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return taken


class Complaints(logging.Handler):
    """Counts the warnings of the transport."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    complaints = Complaints()
    logging.getLogger("gdpeer.transport").addHandler(complaints)
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.handshake_timeout = 1.0
    turns = 0

    def answer(peer_id: int) -> None:
        peer = server.peers[peer_id]
        text = peer.get_packet()
        if text == b"stats":
            text = json.dumps({"cpu": time.process_time(), "turns": turns, "warnings": complaints.count}).encode()
        peer.send(text)

    server.data_received.connect(answer)
    assert server.listen(0) is OK
    taken = take_all()
    began = time.monotonic()
    for _ in range(4):
        server.poll(WAIT)  # the first wait, and nothing to be woken by
    waited = time.monotonic() - began
    for one in taken:
        os.close(one)
    print("listening on", server.get_local_port(), "waited", waited, flush=True)
    while True:
        server.poll(WAIT)
        turns += 1


if __name__ == "__main__":
    main()
