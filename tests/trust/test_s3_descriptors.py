"""S3: a process without descriptors stops accepting, and goes on with everything else."""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from pathlib import Path

import pytest

from tests.support.certificates import make_certificates
from tests.support.figures import record
from tests.support.processes import Process
from tests.trust.crowd import connections, head_for, wait_for_bytes
from tests.trust.feed import frame_of
from tests.trust.short_client import MOST_FREE
from tests.trust.short_server import DESCRIPTORS, WAIT
from tests.trust.test_load import Visitors
from tests.unit.websocket.support import listening

pytestmark = pytest.mark.timeout(120)

ECHOES = 30
PATIENCE = 20.0


def echo(live: socket.socket, text: bytes) -> bytes:
    live.sendall(frame_of("server", 0x82, text))
    head = live.recv(2, socket.MSG_WAITALL)
    assert head[0] == 0x82
    return live.recv(head[1], socket.MSG_WAITALL)


def stats(live: socket.socket) -> dict[str, float]:
    found: dict[str, float] = json.loads(echo(live, b"stats"))
    return found


def join(port: int, live: socket.socket) -> None:
    live.settimeout(PATIENCE)
    live.sendall(head_for(port))
    assert live.recv(4096).startswith(b"HTTP/1.1 101")


def test_s3_a_server_without_descriptors_goes_on_with_those_who_are_there() -> None:
    with Process([sys.executable, "-m", "tests.trust.short_server"]) as server:
        found = server.wait_for(r"listening on (\d+) waited (.*)", PATIENCE)
        port, waited = int(found[1]), float(found[2])
        assert waited >= 3 * WAIT  # without a waker it still waits
        with connections(port, 1) as [live]:
            join(port, live)
            with connections(port, 2 * DESCRIPTORS) as crowd:
                before, began = stats(live), time.monotonic()
                for number in range(ECHOES):
                    assert echo(live, b"%d" % number) == b"%d" % number
                    time.sleep(WAIT)
                after, seconds = stats(live), time.monotonic() - began
                assert len(wait_for_bytes(crowd, PATIENCE)) == len(crowd)  # each had its time, then was let go
            with connections(port, 1) as [late]:
                join(port, late)
                assert echo(late, b"late") == b"late"
            assert echo(live, b"still here") == b"still here"
        turns, cpu = after["turns"] - before["turns"], after["cpu"] - before["cpu"]
        share = cpu / seconds
        record("S3", descriptors=DESCRIPTORS, waiting=2 * DESCRIPTORS, echoes=ECHOES, turns=turns, cpu_share=share)
        assert after["warnings"] == 1
        assert turns < 2 * ECHOES + 2 * len(crowd) + 3 * seconds / WAIT
        assert share < 0.5
        assert server.stderr == []


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_s3_a_client_without_descriptors_ends_closed_with_a_reason(scheme: str, tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    secure = {"private_key": str(made.key), "ssl_certificate": str(made.certificate)} if scheme == "wss" else {}
    with listening(**secure) as (server, _):
        url = f"{scheme}://127.0.0.1:{server.get_local_port()}/"
        with Process([sys.executable, "-m", "tests.trust.short_client", url]) as client:
            Visitors(lambda: client.wait(60)).serve(lambda: server.poll(0.02))
    assert client.popen.returncode == 0
    assert all(re.match("cannot connect: .*open files", line) for line in client.stderr), client.stderr
    *outcomes, last = [line.split(" ", 3) for line in client.stdout]
    assert [int(words[1]) for words in outcomes] == list(range(MOST_FREE))
    assert outcomes[0][2] == "CLOSED"
    for _, _, state, cause in outcomes:
        assert state == "OPEN" or (state == "CLOSED" and "open files" in cause), cause
    assert outcomes[-1][2] == "OPEN"
    assert last[:2] == ["again", "OPEN"]
