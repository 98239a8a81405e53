"""A program for S3: connects to a URL with 0, 1, 2 ... descriptors left, and says what came of each."""

from __future__ import annotations

import os
import resource
import sys
import time

from gdpeer import OK, TLSOptions, WebSocketPeer
from tests.trust.short_server import DESCRIPTORS, take_all

MOST_FREE = 8


def connect(url: str) -> str:
    """The state in which it ends, and why."""
    peer = WebSocketPeer()
    options = TLSOptions.client_unsafe() if url.startswith("wss") else None
    error = peer.connect_to_url(url, options)
    end = time.monotonic() + 20
    while peer.get_ready_state() == WebSocketPeer.State.CONNECTING and time.monotonic() < end:
        peer.poll(0.05)
    state = peer.get_ready_state().name
    assert (error is OK) or state == "CLOSED"
    cause = peer.get_close_cause()
    peer.close(-1)
    return f"{state} {cause}"


def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    for free in range(MOST_FREE):
        taken = take_all()
        for _ in range(free):
            os.close(taken.pop())
        outcome = connect(sys.argv[1])
        for one in taken:
            os.close(one)
        print("free", free, outcome, flush=True)
    print("again", connect(sys.argv[1]), flush=True)


if __name__ == "__main__":
    main()
