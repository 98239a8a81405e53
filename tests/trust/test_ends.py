"""R3: a server that is asked to end says so to everybody, and ends."""

from __future__ import annotations

import sys
import time

import pytest

from tests.support.figures import record
from tests.support.processes import Process
from tests.trust.crowd import allow_many_files, connections, head_for, wait_for_bytes

pytestmark = pytest.mark.timeout(60)

CLIENTS = 1000
ANSWER = b"\x88\x82\0\0\0\0\x03\xe9"
STAYS = 0.3
"""Seconds in which a server that waits for answers ends no connection."""
GRACE = 40.0
PROGRAM = f"from gdpeer.cli import __main__, serving; serving.DRAIN = {GRACE}; __main__.main()"
"""The command with so much time for answers that no machine is too slow for a thousand."""
GOING_AWAY = b"\x88\x10\x03\xe9Server stopped"


def test_r3_a_thousand_clients_hear_1001_and_the_server_ends_in_its_grace() -> None:
    allow_many_files()
    with Process([sys.executable, "-c", PROGRAM, "echo", "--port", "0", "--no-heartbeat"]) as server:
        port = int(server.wait_for(r"listening on ws://127\.0\.0\.1:(\d+)/").group(1))
        with connections(port, CLIENTS) as crowd:
            for one in crowd:
                one.sendall(head_for(port))
            for one in crowd:
                assert one.recv(4096).startswith(b"HTTP/1.1 101")
            began = time.monotonic()
            server.popen.terminate()
            heard = wait_for_bytes(crowd, 20)
            assert len(heard) == CLIENTS
            for one in crowd:
                assert one.recv(4096) == GOING_AWAY
            assert wait_for_bytes(crowd, STAYS) == {}, "the server did not wait for answers"
            for one in crowd:
                one.sendall(ANSWER)
            assert server.wait() == 0
            seconds = time.monotonic() - began
            record("R3", clients=CLIENTS, seconds=seconds)
            assert seconds < GRACE - 10, "all had answered, and it still waited"
            assert server.stderr == []
