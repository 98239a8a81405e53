"""A polled client for the suite's fuzzing server: it echoes every message of every case.

    python -m tests.conformance.polling_client ws://127.0.0.1:9001 NAME

Exit status 0: all cases ran; the suite's reports hold the results. 1: the fuzzing server did not say how many cases it
has. 2: wrong arguments.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from urllib.parse import urlencode

from gdpeer import Error, WebSocketPeer

MAX_SIZE = 64 * 1024 * 1024
CASE_LIMIT = 600.0
"""Seconds for one case; the longest ones of the suite take some minutes on a slow machine."""

TEXT = WebSocketPeer.WriteMode.TEXT
BINARY = WebSocketPeer.WriteMode.BINARY
CLOSED = WebSocketPeer.State.CLOSED

OnPacket = Callable[[WebSocketPeer, bytes], object]


def make_peer() -> WebSocketPeer:
    """A peer that accepts the largest messages of the suite."""
    peer = WebSocketPeer()
    peer.inbound_buffer_size = MAX_SIZE
    peer.outbound_buffer_size = 0
    peer.compression = True
    return peer


def converse(url: str, on_packet: OnPacket) -> WebSocketPeer:
    """Connects to `url`, calls `on_packet` with each packet, and returns the peer when it is closed.

    Raises:
        ValueError: the URL is invalid.
    """
    peer = make_peer()
    if peer.connect_to_url(url) == Error.ERR_INVALID_PARAMETER:
        raise ValueError(peer.get_close_cause().detail)
    deadline = time.monotonic() + CASE_LIMIT
    while peer.get_ready_state() != CLOSED:
        peer.poll(timeout=1.0)
        while peer.get_available_packet_count():
            on_packet(peer, peer.get_packet())
        if time.monotonic() > deadline:
            peer.close(-1)
    return peer


def echo_packet(peer: WebSocketPeer, packet: bytes) -> None:
    """Sends `packet` back with its own write mode. After a close the peer refuses the packet, which is right."""
    peer.send(packet, TEXT if peer.was_string_packet() else BINARY)


def run_case(base: str, number: int, agent: str) -> None:
    """Runs one case until its connection ends."""
    converse(f"{base}/runCase?{urlencode({'case': number, 'agent': agent})}", echo_packet)


def count_cases(base: str) -> int:
    """Asks the fuzzing server how many cases it has.

    Raises:
        ValueError: the server did not answer with a number.
    """
    answers: list[bytes] = []
    peer = converse(f"{base}/getCaseCount", lambda peer, packet: answers.append(packet))
    if not answers:
        raise ValueError(f"{base}/getCaseCount gave no number ({peer.get_close_cause()})")
    return int(answers[0])


def run_all(base: str, agent: str) -> int:
    """Runs all cases in order, has the server write the reports, and returns the number of cases."""
    count = count_cases(base)
    for number in range(1, count + 1):
        run_case(base, number, agent)
    converse(f"{base}/updateReports?{urlencode({'agent': agent})}", lambda peer, packet: None)
    return count


def main(arguments: list[str]) -> int:
    """Runs with the fuzzing server's URL and the agent's name; returns the exit status."""
    if len(arguments) != 2:
        print("usage: python -m tests.conformance.polling_client URL AGENT", file=sys.stderr)
        return 2
    logging.getLogger("gdpeer").setLevel(logging.ERROR)
    try:
        count = run_all(arguments[0].rstrip("/"), arguments[1])
    except ValueError as error:
        print(f"polling_client: {error}", file=sys.stderr)
        return 1
    print(f"polling_client: ran {count} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
