"""Measures what a message over TLS costs a server, compared with `websockets` and `aiohttp`.

    python -m bench.tls                 five rounds; writes bench/results/tls.md and .json
    python -m bench.tls --quick         one short round; writes no result

Ten connections on core 1 each send one message and wait for the echo, in turn; each echo is compared. All servers, on
core 0, use the same certificate, which is made for the run. The cost is a server's processor time divided by the number
of echoed messages. Messages per second would measure the load, which is Python too and limits them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.machine import (
    LOAD_CORE,
    SERVER_CORE,
    Data,
    Meter,
    about,
    forms,
    headline,
    hold,
    middle,
    number,
    others,
    ratios,
    running,
    table,
    wait_for,
    write,
)
from bench.scaling import upgrade
from gdpeer.protocol.frames import append_frame
from tests.support.certificates import Certificates, make_certificates
from tests.support.ports import free_port

SIZES = (32, 16_384)
CONNECTIONS = 10
KEY = "server_us_per_message"
OURS = "gdpeer"


def context_of(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    return context


async def serve_websockets(port: int, context: ssl.SSLContext) -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async with serve(echo, "127.0.0.1", port, ssl=context, compression=None, ping_interval=None):
        print("listening", flush=True)
        await asyncio.Event().wait()


async def serve_aiohttp(port: int, context: ssl.SSLContext) -> None:
    from aiohttp import WSMsgType, web

    async def echo(request: web.Request) -> web.WebSocketResponse:
        connection = web.WebSocketResponse(compress=False)
        await connection.prepare(request)
        async for message in connection:
            if message.type is WSMsgType.BINARY:
                await connection.send_bytes(message.data)
        return connection

    application = web.Application()
    application.router.add_get("/", echo)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    print("listening", flush=True)
    await asyncio.Event().wait()


PEERS = {"websockets": serve_websockets, "aiohttp": serve_aiohttp}


def command_of(name: str, port: int, certificates: Certificates) -> list[str]:
    """Returns the command line of a server."""
    paths = [str(certificates.certificate), str(certificates.key)]
    if name in PEERS:
        return [sys.executable, "-m", "bench.tls", "--serve", name, str(port), *paths]
    echo = ["-m", "gdpeer.cli", "echo", "--no-heartbeat", "--port", str(port), "--cert", paths[0], "--key", paths[1]]
    return [forms()[name], *echo]


# -- measuring --------------------------------------------------------------------------------------------------------


@dataclass
class Subject:
    """A server with its connections."""

    pid: int
    connections: Sequence[socket.socket]

    def sample(self, size: int, seconds: float) -> dict[str, float]:
        sent, echoed = frames_of(size)
        self._take_turns(sent, echoed, seconds / 4)
        meter = Meter(self.pid)
        count = self._take_turns(sent, echoed, seconds)
        used = meter.read()
        cost = used.servers * used.seconds / count * 1e6
        return {"count": count, "per_s": count / used.seconds, KEY: cost, "others_cores": used.others}

    def _take_turns(self, sent: bytes, echoed: bytes, seconds: float) -> int:
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            for connection in self.connections:
                connection.sendall(sent)
            for connection in self.connections:
                answer = connection.recv(65_536)
                while len(answer) < len(echoed):
                    answer += connection.recv(65_536)
                if answer != echoed:
                    raise ConnectionError("a wrong echo")
            count += len(self.connections)
        return count


def frames_of(size: int) -> tuple[bytes, bytes]:
    """Returns the frame of a message, and the frame of its echo."""
    payload, sent, echoed = os.urandom(size), bytearray(), bytearray()
    append_frame(sent, 0x82, payload, os.urandom(4))
    append_frame(echoed, 0x82, payload, b"")
    return bytes(sent), bytes(echoed)


def open_connection(port: int, certificates: Certificates) -> socket.socket:
    context = ssl.create_default_context(cafile=str(certificates.authority))
    plain = socket.create_connection(("127.0.0.1", port), timeout=10.0)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return upgrade(context.wrap_socket(plain, server_hostname="localhost"), port)


@contextmanager
def subject(name: str, certificates: Certificates) -> Iterator[Subject]:
    port = free_port()
    with running(command_of(name, port, certificates), SERVER_CORE) as server, ExitStack() as stack:
        wait_for(server, "listening")
        connections = [stack.enter_context(open_connection(port, certificates)) for _ in range(CONNECTIONS)]
        yield Subject(server.pid, connections)


def measure(rounds: int, seconds: float) -> dict[str, dict[str, list[dict[str, float]]]]:
    """Returns the samples of each size and server."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        certificates = make_certificates(Path(folder))
        names = [*forms(), *PEERS]
        subjects = {name: stack.enter_context(subject(name, certificates)) for name in names}
        found: dict[str, dict[str, list[dict[str, float]]]] = {
            str(size): {name: [] for name in names} for size in SIZES
        }
        for _ in range(rounds):
            for size in SIZES:
                for name, one in subjects.items():
                    found[str(size)][name].append(one.sample(size, seconds))
    return found


# -- the result -------------------------------------------------------------------------------------------------------


def markdown(data: Data) -> str:
    """Returns the table, for the result and for the page."""
    results: Mapping[str, Mapping[str, Sequence[Data]]] = data["results"]
    rows = []
    for size, samples in results.items():
        for name, found in samples.items():
            times = median(ratios(samples[OURS], found, KEY, higher=False))
            figures = (number(middle(found, KEY)), f"{times:.2f}", number(middle(found, "per_s")), others(found))
            rows.append([f"{int(size):,}", name, *figures])
    head = (
        "bytes",
        "server",
        "server CPU, us a message",
        f"x {OURS}",
        "messages/s",
        "cores used by others",
    )
    return table(head, rows, words=2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="tls", help="name of the result files (default tls)")
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--time", type=float, help="seconds measured for each sample; default 1")
    parser.add_argument("--quick", action="store_true", help="one round of 0.2 s; writes no result")
    parser.add_argument("--serve", nargs=4, metavar=("NAME", "PORT", "CERT", "KEY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        name, port, certificate, key = options.serve
        asyncio.run(PEERS[name](int(port), context_of(Certificates(Path(certificate), Path(key), Path()))))
    rounds = options.rounds or (1 if options.quick else 5)
    seconds = options.time or (0.2 if options.quick else 1.0)
    hold(LOAD_CORE)
    data = {"about": about(rounds=rounds, seconds=seconds), "results": measure(rounds, seconds)}
    text = markdown(data)
    print(text)
    if not options.quick:
        write(options.name, data, f"# A message over TLS\n\n{headline(data['about'])}.\n\n{text}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
