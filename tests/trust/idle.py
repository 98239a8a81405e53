"""Peers that say nothing: a server in a process of its own, and bare connections here that answer its pings.

    figures = prove(Idle(peers=10_000, heartbeat=20.0, seconds=600.0))

Run as a module it is the server: it prints its port, and sends everything back.

    python -m tests.trust.idle 20.0
"""

from __future__ import annotations

import os
import resource
import select
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gdpeer import OK, WebSocketServer
from gdpeer.cli.echo import Echo
from tests.support.processes import Process
from tests.trust.crowd import allow_many_files, connections, head_for

PING, PONG, MASKED = 0x89, b"\x8a", 0x80
HELLO, ECHOED = b"\x82\x85\0\0\0\0hello", b"\x82\x05hello"
MOST_KIB = 12
MOST_CPU = 15
"""Percent of a core."""
JOINING = 200
"""Upgrades under way at a time: fewer than wait in the kernel's queue."""


@dataclass(frozen=True)
class Idle:
    """How many, the seconds between the pings to each, and how long."""

    peers: int
    heartbeat: float
    seconds: float


class Crowd:
    """Connections that answer pings.

    Attributes:
        pings: how many each of them has answered.
        echoed: those that have heard what they said.
    """

    def __init__(self, sockets: list[socket.socket]) -> None:
        self._sockets = {one.fileno(): one for one in sockets}
        self.pings = dict.fromkeys(self._sockets, 0)
        self.echoed: set[int] = set()
        self._epoll = select.epoll()
        for number in self._sockets:
            self._epoll.register(number, select.EPOLLIN)

    def idle(self, seconds: float) -> None:
        """For so long; an end fails the test."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._listen(left)

    def speak(self, most: float) -> None:
        """Everybody says something, and hears it again within so many seconds."""
        for one in self._sockets.values():
            one.sendall(HELLO)
        end = time.monotonic() + most
        while len(self.echoed) < len(self._sockets) and (left := end - time.monotonic()) > 0:
            self._listen(left)

    def _listen(self, most: float) -> None:
        for number, _ in self._epoll.poll(most):
            data = self._sockets[number].recv(4096)
            assert data, f"the server left a peer after {self.pings[number]} pings"
            while data:
                end = 2 + data[1]  # every frame here is short
                self._take(number, data[:end])
                data = data[end:]

    def _take(self, number: int, frame: bytes) -> None:
        if frame == ECHOED:
            self.echoed.add(number)
            return
        assert frame[0] == PING, frame
        self._sockets[number].sendall(PONG + bytes((MASKED | frame[1], 0, 0, 0, 0)) + frame[2:])
        self.pings[number] += 1

    def close(self) -> None:
        self._epoll.close()


def join(sockets: list[socket.socket], port: int) -> None:
    head = head_for(port)
    for first in range(0, len(sockets), JOINING):
        some = sockets[first : first + JOINING]
        for one in some:
            one.sendall(head)
        for one in some:
            assert one.recv(4096).startswith(b"HTTP/1.1 101")


def memory(pid: int) -> int:
    """Bytes of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def processor_time(pid: int) -> float:
    """Seconds that a process has used, of its own and of the kernel for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def prove(idle: Idle) -> dict[str, Any]:
    """Have them idle, and say what that cost the server; fails where one was left."""
    allow_many_files()
    with Process([sys.executable, "-m", "tests.trust.idle", str(idle.heartbeat)]) as server:
        port, pid = int(server.wait_for(r"^(\d+)$").group(1)), server.popen.pid
        before = memory(pid)
        with connections(port, idle.peers) as sockets, closing(Crowd(sockets)) as crowd:
            join(sockets, port)
            used, began = processor_time(pid), time.monotonic()
            crowd.idle(idle.seconds)
            cost = (processor_time(pid) - used) / (time.monotonic() - began)
            taken = (memory(pid) - before) / idle.peers
            crowd.speak(30.0)
        return {
            "peers": idle.peers,
            "seconds": idle.seconds,
            "alive": len(crowd.echoed),
            "fewest_pings": min(crowd.pings.values()),
            "kib_a_peer": taken / 1024,
            "idle_cpu_percent": 100 * cost,
        }


def check(idle: Idle, figures: Mapping[str, Any]) -> None:
    """What must hold of them."""
    assert figures["alive"] == idle.peers
    assert figures["fewest_pings"] >= idle.seconds // idle.heartbeat - 1
    assert figures["kib_a_peer"] <= MOST_KIB
    assert figures["idle_cpu_percent"] < MOST_CPU


def serve(heartbeat: float) -> None:
    allow_many_files()
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.heartbeat_interval = heartbeat
    Echo(server)
    assert server.listen(0) is OK, server.get_listen_error()
    print(server.get_local_port(), flush=True)
    while True:  # until the signal that ends it
        server.poll(timeout=1.0)


if __name__ == "__main__":
    serve(float(sys.argv[1]))
