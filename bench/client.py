"""A gdpeer client for the client scenarios of bench/wsbench.

    python bench/client.py --port 9000 --size 32 --seconds 1

Sends one binary message at a time and waits for its echo by `poll` with a timeout, as a program would. With `--polling`
it polls in a loop without waiting, as the floor in C does. It prints one JSON object, and needs only gdpeer, so that it
runs with either form.
"""

from __future__ import annotations

import argparse
import json
import os
import time

from gdpeer import OK, WebSocketPeer

LARGEST = 64 * 1024 * 1024
WARM_UP = 0.2
PATIENCE = 10.0
STRIDE = 16
"""Round trips between two readings of the clock; two for large messages."""


def connect(port: int) -> WebSocketPeer:
    """Returns an open connection to the echo server."""
    peer = WebSocketPeer()
    peer.inbound_buffer_size = peer.outbound_buffer_size = LARGEST
    if peer.connect_to_url(f"ws://127.0.0.1:{port}/") != OK:
        raise SystemExit(str(peer.get_close_cause()))
    end = time.monotonic() + PATIENCE
    while peer.get_ready_state() == WebSocketPeer.STATE_CONNECTING and time.monotonic() < end:
        peer.poll(timeout=0.1)
    if peer.get_ready_state() != WebSocketPeer.STATE_OPEN:
        raise SystemExit(f"not connected: {peer.get_close_cause()}")
    return peer


def round_trip(peer: WebSocketPeer, message: bytes, timeout: float) -> None:
    """Sends a message, and waits for its echo."""
    if peer.send(message) is not OK:
        raise SystemExit("not sent")
    while not peer.get_available_packet_count():
        peer.poll(timeout)
        if peer.get_ready_state() != WebSocketPeer.STATE_OPEN:
            raise SystemExit(f"the connection ended: {peer.get_close_cause()}")
    if peer.get_packet() != message:
        raise SystemExit("wrong reply")


def measure(peer: WebSocketPeer, message: bytes, seconds: float, timeout: float) -> dict[str, float]:
    """Measures round trips for some seconds."""
    stride = STRIDE if len(message) < 16_384 else 2
    count, begin, used = 0, time.perf_counter(), time.process_time()
    while (now := time.perf_counter()) < begin + seconds:
        for _ in range(stride):
            round_trip(peer, message, timeout)
        count += stride
    secs, used = now - begin, time.process_time() - used
    return {"count": count, "secs": secs, "per_s": count / secs, "cpu_us_per_op": used / max(count, 1) * 1e6}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--polling", action="store_true", help="never wait in poll()")
    options = parser.parse_args()
    timeout = 0.0 if options.polling else 1.0
    peer, message = connect(options.port), os.urandom(options.size)
    measure(peer, message, WARM_UP, timeout)
    print(json.dumps(measure(peer, message, options.seconds, timeout)))
    peer.close()


if __name__ == "__main__":
    main()
