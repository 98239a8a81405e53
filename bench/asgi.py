"""Measures what a message and a call cost a game on the port of a web application, beside a port of its own.

    python -m bench.asgi                five rounds; writes bench/results/asgi.md and .json
    python -m bench.asgi --quick        one short round; writes no result

The same game runs on a port of gdpeer's own, and under ASGI servers; "alone" is an ASGI server that echoes without
gdpeer. All are on uvloop and core 0. Ten players on core 1 each wait for an echo, or for the answer to a call, before
they go on. The cost is a server's processor time divided by the number of answers.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.machine import (
    LOAD_CORE,
    SERVER_CORE,
    Data,
    Meter,
    about,
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
from gdpeer import Node, SceneTree, WebSocketMultiplayerPeer, WebSocketPeer, WebSocketServer, rpc
from gdpeer.aio import multiplayer_server
from gdpeer.aio.loop_driver import LoopDriver
from gdpeer.asgi import Mount, Multiplayer, Server
from tests.support.ports import free_port

OWN, ALONE = "own port", "uvicorn alone"
SERVERS = (OWN, "uvicorn", "uvicorn-wsproto", "hypercorn", ALONE)
KINDS = ("echo", "call")
PLAYERS = 10
KEY = "server_us_per_answer"
PAYLOAD = bytes(32)


class Main(Node):
    """Both sides of a call."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.answers = 0

    @rpc("any_peer")
    def ask(self, where: int) -> None:
        self.answer.rpc_id(self.multiplayer.get_remote_sender_id(), where + 1)

    @rpc
    def answer(self, where: int) -> None:
        self.answers += 1


def game() -> tuple[SceneTree, Main]:
    tree, main = SceneTree(), Main()
    tree.root.add_child(main)
    return tree, main


def echo() -> WebSocketServer:
    server = WebSocketServer()

    @server.data_received.connect
    def send_back(peer_id: int) -> None:
        peer = server.peers[peer_id]
        peer.send(peer.get_packet())

    return server


# -- the servers ------------------------------------------------------------------------------------------------------


async def alone(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI app that echoes, without gdpeer."""
    if scope["type"] != "websocket":
        return
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] != "websocket.disconnect":
        if event["type"] == "websocket.receive":
            await send({"type": "websocket.send", "bytes": event["bytes"]})


def application() -> Any:
    """The echo at `/echo`, the game at `/call`."""
    return Mount("/echo", Server(echo()), Mount("/call", Multiplayer(game()[0]), alone))


async def serve_own(port: int) -> None:
    """Serves on two ports of gdpeer's own: the echo on `port`, the game on the next."""
    server = echo()
    server.bind_ip = "127.0.0.1"
    assert server.listen(port) == 0
    driver = LoopDriver(server.poll, server.poll_turn, lambda: None)
    driver.run()
    async with multiplayer_server(game()[0], port + 1, "127.0.0.1"):
        print("listening", flush=True)
        await asyncio.Event().wait()


async def serve_hypercorn(port: int) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    print("listening", flush=True)
    await serve(application(), config)


def serve_uvicorn(name: str, port: int) -> None:
    import uvicorn

    print("listening", flush=True)
    app = alone if name == ALONE else application()
    protocol: Any = name.partition("-")[2] or "websockets-sansio"
    options: dict[str, Any] = {"ws_per_message_deflate": False, "ws_ping_interval": None}
    uvicorn.run(app, port=port, ws=protocol, loop="uvloop", log_level="warning", **options)


def serve(name: str, port: int) -> None:
    import uvloop

    if name == OWN:
        uvloop.run(serve_own(port))
    elif name == "hypercorn":
        uvloop.run(serve_hypercorn(port))
    else:
        serve_uvicorn(name, port)


# -- measuring --------------------------------------------------------------------------------------------------------


@dataclass
class Subject:
    """A server, with players of both kinds."""

    pid: int
    echoes: Sequence[WebSocketPeer]
    trees: Sequence[tuple[SceneTree, Main]]

    def sample(self, kind: str, seconds: float) -> dict[str, float]:
        turn = self._echo if kind == "echo" else self._call
        self._take_turns(turn, seconds / 4)
        meter = Meter(self.pid)
        count = self._take_turns(turn, seconds)
        used = meter.read()
        cost = used.servers * used.seconds / count * 1e6
        return {"count": count, "per_s": count / used.seconds, KEY: cost, "others_cores": used.others}

    def _take_turns(self, turn: Any, seconds: float) -> int:
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            count += turn()
        return count

    def _echo(self) -> int:
        for peer in self.echoes:
            peer.send(PAYLOAD)
        for peer in self.echoes:
            while not peer.get_available_packet_count():
                peer.poll(1.0)
                assert peer.get_ready_state() is WebSocketPeer.State.OPEN
            assert peer.get_packet() == PAYLOAD
        return len(self.echoes)

    def _call(self) -> int:
        for _, main in self.trees:
            main.ask.rpc_id(1, 1)
        for tree, main in self.trees:
            before = main.answers
            while main.answers == before:
                tree.poll(1.0)
        return len(self.trees)


def open_echo(url: str) -> WebSocketPeer:
    peer = WebSocketPeer()
    peer.connect_to_url(url)
    end = time.monotonic() + 10.0
    while peer.get_ready_state() is not WebSocketPeer.State.OPEN:
        peer.poll(0.05)
        assert time.monotonic() < end, peer.get_close_cause()
    return peer


def open_game(url: str) -> tuple[SceneTree, Main]:
    tree, main = game()
    peer = WebSocketMultiplayerPeer()
    peer.create_client(url)
    tree.multiplayer.multiplayer_peer = peer
    end = time.monotonic() + 10.0
    while not tree.multiplayer.get_peers():
        tree.poll(0.05)
        assert time.monotonic() < end, peer.get_close_cause()
    return tree, main


@contextmanager
def subject(name: str) -> Iterator[Subject]:
    port = free_port()
    command = [sys.executable, "-m", "bench.asgi", "--serve", name, str(port)]
    with running(command, SERVER_CORE) as server:
        wait_for(server, "listening")
        time.sleep(1.0)  # an ASGI server listens a little later
        start = f"ws://127.0.0.1:{port}"
        echoes = [open_echo(f"{start}/echo") for _ in range(PLAYERS)]
        games = [] if name == ALONE else [f"ws://127.0.0.1:{port + 1}" if name == OWN else f"{start}/call"] * PLAYERS
        yield Subject(server.pid, echoes, [open_game(url) for url in games])


def measure(rounds: int, seconds: float) -> dict[str, dict[str, list[dict[str, float]]]]:
    """Returns the samples of each kind and server."""
    found: dict[str, dict[str, list[dict[str, float]]]] = {kind: {} for kind in KINDS}
    with ExitStack() as stack:
        subjects = {name: stack.enter_context(subject(name)) for name in SERVERS}
        for _ in range(rounds):
            for kind in KINDS:
                for name, one in subjects.items():
                    if kind == "echo" or one.trees:
                        found[kind].setdefault(name, []).append(one.sample(kind, seconds))
    return found


# -- the result -------------------------------------------------------------------------------------------------------


def markdown(data: Data) -> str:
    """Returns the table, for the result and for the page."""
    results: Mapping[str, Mapping[str, Sequence[Data]]] = data["results"]
    rows = []
    for kind, samples in results.items():
        for name, found in samples.items():
            times = median(ratios(samples[OWN], found, KEY, higher=False))
            rows.append([kind, name, number(middle(found, KEY)), f"{times:.2f}", others(found)])
    return table(("what", "server", "server CPU, us", f"x {OWN}", "cores used by others"), rows, words=2)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--quick", action="store_true", help="one round of 0.3 s; writes no result")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.serve:
        serve(options.serve[0], int(options.serve[1]))
        return 0
    rounds = options.rounds or (1 if options.quick else 5)
    seconds = 0.3 if options.quick else 1.0
    hold(LOAD_CORE)
    data = {"about": about(rounds=rounds, seconds=seconds), "results": measure(rounds, seconds)}
    text = markdown(data)
    print(text)
    if not options.quick:
        write("asgi", data, f"# Inside a web application\n\n{headline(data['about'])}.\n\n{text}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
