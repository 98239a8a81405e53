"""Measures what a message costs a server that also has 10, 100, 1,000 or 10,000 idle peers.

    python -m bench.scaling                 nine rounds; writes bench/results/scaling.md, .json and .svg
    python -m bench.scaling --quick         two short rounds, without the 10,000; writes no result

Each number has its own server, `gdpeer echo` on core 0, and a process that holds the idle connections. Ten more
connections on core 1 each send 32 bytes and wait for the echo, in turn; each echo is compared. All servers run during
the whole run and are measured in turn, while the others have nothing to do. The cost is the server's processor time
divided by the number of echoed messages. It should be the same for all numbers, within 20 %.
"""

from __future__ import annotations

import argparse
import base64
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median

from bench.machine import (
    LOAD_CORE,
    RESULTS,
    SERVER_CORE,
    Data,
    Meter,
    about,
    forms,
    headline,
    hold,
    middle,
    number,
    open_many_files,
    others,
    ratios,
    running,
    table,
    wait_for,
    write,
)
from bench.plots import draw_scaling
from tests.support.ports import free_port

SIZES = (10, 100, 1_000, 10_000)
ACTIVE = 10
FLAT = 0.20
KEY = "server_us_per_message"

PAYLOAD = bytes(range(32))
MASK = b"\x1d\x5a\x07\xe3"
SENT = bytes((0x82, 0x80 | len(PAYLOAD))) + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(PAYLOAD))
ECHOED = bytes((0x82, len(PAYLOAD))) + PAYLOAD


def open_socket(port: int) -> socket.socket:
    """Returns a bare socket after its upgrade, so that an idle connection costs the load nothing."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10.0)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return upgrade(connection, port)


def upgrade(connection: socket.socket, port: int) -> socket.socket:
    """Does the client's upgrade on a connection, and returns it."""
    key = base64.b64encode(os.urandom(16)).decode()
    head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    head += f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    connection.sendall(head.encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += (piece := connection.recv(4096))
        if not piece:
            raise ConnectionError(f"the upgrade was refused: {answer!r}")
    if not answer.startswith(b"HTTP/1.1 101 "):
        raise ConnectionError(f"the upgrade was refused: {answer!r}")
    return connection


def hold_idle(port: int, count: int) -> None:
    """Opens the idle connections, prints "held", and keeps them until standard input ends; runs in its own process."""
    open_many_files()
    held = [open_socket(port) for _ in range(count)]
    print("held", len(held), flush=True)
    sys.stdin.read()


def take_turns(active: Sequence[socket.socket], seconds: float) -> int:
    """Echoes one message after another, over all connections in turn, for some seconds; returns their number."""
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        for connection in active:
            connection.sendall(SENT)
        for connection in active:
            answer = connection.recv(4096)
            while len(answer) < len(ECHOED):
                answer += connection.recv(4096)
            if answer != ECHOED:
                raise ConnectionError(f"a wrong echo: {answer!r}")
        count += len(active)
    return count


@dataclass
class Subject:
    """A server with its idle and its active connections."""

    size: int
    pid: int
    active: Sequence[socket.socket]

    def sample(self, seconds: float) -> dict[str, float]:
        take_turns(self.active, seconds / 4)
        meter = Meter(self.pid)
        count = take_turns(self.active, seconds)
        used = meter.read()
        cost = used.servers * used.seconds / count * 1e6
        return {"count": count, "per_s": count / used.seconds, KEY: cost, "others_cores": used.others}


@contextmanager
def subject(python: str, size: int) -> Iterator[Subject]:
    """Runs a server with `size` idle connections during the block."""
    port = free_port()
    serve = [python, "-m", "gdpeer.cli", "echo", "--port", str(port), "--no-heartbeat"]
    silent = [sys.executable, "-m", "bench.scaling", "--hold", str(port), str(size)]
    with running(serve, SERVER_CORE) as server:
        wait_for(server, "listening")
        with running(silent, LOAD_CORE) as holder, ExitStack() as stack:
            wait_for(holder, "held")
            yield Subject(size, server.pid, [stack.enter_context(open_socket(port)) for _ in range(ACTIVE)])


def measure(python: str, sizes: Sequence[int], rounds: int, seconds: float) -> dict[str, list[dict[str, float]]]:
    """Returns the samples of each size, for servers of one form."""
    found: dict[str, list[dict[str, float]]] = {str(size): [] for size in sizes}
    with ExitStack() as stack:
        subjects = [stack.enter_context(subject(python, size)) for size in sizes]
        for _ in range(rounds):
            for one in subjects:
                found[str(one.size)].append(one.sample(seconds))
    return found


# -- the result -------------------------------------------------------------------------------------------------------


def growth(samples: Mapping[str, Sequence[Data]]) -> dict[str, float]:
    """Returns the cost of a message relative to that with the fewest peers, for each round."""
    fewest = min(samples, key=int)
    return {size: median(ratios(found, samples[fewest], KEY)) for size, found in samples.items()}


def markdown(data: Data) -> str:
    """Returns the table, for the result and for the page."""
    rows = []
    for form, samples in data["results"].items():
        times = growth(samples)
        for size, found in samples.items():
            figures = (number(middle(found, KEY)), f"{times[size]:.2f}", number(middle(found, "per_s")), others(found))
            rows.append([form, f"{int(size):,}", *figures])
    head = (
        "server",
        "idle peers",
        "server CPU, us a message",
        "x the fewest peers",
        "messages/s",
        "cores used by others",
    )
    return f"{table(head, rows)}\n\n{flatness(data['results'])}"


def flatness(results: Mapping[str, Mapping[str, Sequence[Data]]]) -> str:
    """Returns a sentence that says whether the cost is the same for all numbers."""
    lines = []
    for form, samples in results.items():
        most = max(growth(samples).values())
        word = "met" if most <= 1 + FLAT else "**not met**"
        lines.append(f"Goal of {form}, flat within {FLAT:.0%}: {word}, at most {most:.2f} times.")
    return "\n".join(lines)


def costs(results: Mapping[str, Mapping[str, Sequence[Data]]]) -> dict[str, list[float]]:
    """Returns the lines of the plot."""
    return {form: [middle(found, KEY) or 0.0 for found in samples.values()] for form, samples in results.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="scaling", help="name of the result files (default scaling)")
    parser.add_argument("--rounds", type=int, help="default 9")
    parser.add_argument("--time", type=float, help="seconds measured for each sample; default 1")
    parser.add_argument("--quick", action="store_true", help="two rounds of 0.3 s without 10,000; writes no result")
    parser.add_argument("--hold", type=int, nargs=2, metavar=("PORT", "COUNT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hold:
        hold_idle(*options.hold)
        return 0
    rounds = options.rounds or (2 if options.quick else 9)
    seconds = options.time or (0.3 if options.quick else 1.0)
    sizes = SIZES[:-1] if options.quick else SIZES
    hold(LOAD_CORE)
    results = {form: measure(python, sizes, rounds, seconds) for form, python in forms().items()}
    data = {"about": about(rounds=rounds, seconds=seconds, active=ACTIVE), "results": results}
    text = markdown(data)
    print(text)
    if not options.quick:
        write(options.name, data, f"# The cost of a message beside idle peers\n\n{headline(data['about'])}.\n\n{text}")
        draw_scaling(sizes, costs(results), RESULTS / f"{options.name}.svg")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
