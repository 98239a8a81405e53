"""Many bots that call one server, and are called by it, at a given rate.

    print(prove("godot4", Load(clients=50, rate=1_050, seconds=30)))

All bots begin when all have joined. Each call carries a number, and the receiver checks that the numbers come in order.
Run as a module, it is the server, the counterpart of tests/interop/mp_godot4/load.gd:

    python -m tests.support.rpc_load --port=9000 --clients=50 --rate=1050 --total=31500
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gdpeer import OK, Node, SceneTree, WebSocketMultiplayerPeer, rpc
from tests.support.engines import Engine
from tests.support.missing import ROOT
from tests.support.ports import free_port
from tests.support.processes import Process

PROJECT = ROOT / "tests" / "interop" / "mp_godot4"


@dataclass(frozen=True)
class Load:
    """The load: `rate` calls per second in each direction, by all bots together."""

    clients: int
    rate: int
    seconds: float

    @property
    def total(self) -> int:
        """Calls in each direction, the same number for each bot."""
        return int(self.rate * self.seconds) // self.clients * self.clients

    def options(self, port: int) -> list[str]:
        return [f"--port={port}", f"--clients={self.clients}", f"--rate={self.rate}", f"--total={self.total}"]


class Tally:
    """Counts calls that arrive, and checks that each sender's numbers come in order."""

    def __init__(self) -> None:
        self.received = 0
        self.disordered = 0
        self._expected: dict[object, int] = {}
        self._first = self._last = 0.0

    def take(self, sender: object, number: int) -> None:
        self._last = time.monotonic()
        self._first = self._first or self._last
        self.received += 1
        self.disordered += number != self._expected.get(sender, 0)
        self._expected[sender] = number + 1

    @property
    def seconds(self) -> float:
        """The seconds from the first call to the last."""
        return self._last - self._first


class Pace:
    """Spreads a total number of calls evenly over time."""

    def __init__(self, rate: int, total: int) -> None:
        self._rate, self._total = rate, total
        self._start = time.monotonic()
        self.done = 0

    def due(self) -> range:
        """Returns the numbers of the calls that are due now."""
        before = self.done
        self.done = min(self._total, int((time.monotonic() - self._start) * self._rate))
        return range(before, self.done)


class LoadNode(Node):
    """The node `/root/Load`, whose methods count calls on both sides."""

    def __init__(self, tally: Tally) -> None:
        super().__init__("Load")
        self._tally = tally

    @rpc("any_peer", "reliable")
    def up(self, number: int, text: str) -> None:
        self._tally.take(self.multiplayer.get_remote_sender_id(), number)

    @rpc("authority", "reliable")
    def down(self, number: int, text: str) -> None:
        self._tally.take(self, number)


class Bot:
    """One client."""

    def __init__(self, url: str, tally: Tally) -> None:
        self.peer = WebSocketMultiplayerPeer()
        self.peer.handshake_timeout = 20.0  # fifty bots join at once, and the engine accepts one each frame
        self.tree = SceneTree()
        self.node = LoadNode(tally)
        self.tree.root.add_child(self.node)
        if self.peer.create_client(url) != OK:
            raise ConnectionError(str(self.peer.get_close_cause()))
        self.tree.multiplayer.multiplayer_peer = self.peer


@contextmanager
def bots_calling(load: Load, url: str, patience: float = 20.0) -> Iterator[Tally]:
    """Runs all bots until they have sent all their calls; yields the tally of the calls that they received."""
    tally = Tally()
    bots = [Bot(url, tally) for _ in range(load.clients)]
    try:
        _poll_until(bots, patience, lambda: all(len(bot.tree.multiplayer.get_peers()) == load.clients for bot in bots))
        pace = Pace(load.rate, load.total)
        while pace.done < load.total:
            for number in pace.due():
                bots[number % load.clients].node.up.rpc_id(1, number // load.clients, "to the server")
            _poll(bots)
        _poll_until(bots, patience, lambda: tally.received >= load.total)
        _poll_until(bots, 0.2, lambda: False)  # waits for calls that should not come
        yield tally
    finally:
        for bot in bots:
            bot.peer.close()


def _poll(bots: list[Bot]) -> None:
    for bot in bots:
        bot.tree.poll()
    time.sleep(0.001)


def _poll_until(bots: list[Bot], patience: float, done: Callable[[], bool]) -> None:
    end = time.monotonic() + patience
    while not done() and time.monotonic() < end:
        _poll(bots)


# -- the server, and the proof ----------------------------------------------------------------------------------------


def _server(kind: str, port: int, load: Load) -> Process:
    if kind == "godot4":
        return Engine("4", PROJECT, "load.tscn", *load.options(port)).process
    return Process([sys.executable, "-m", "tests.support.rpc_load", *load.options(port)])


def prove(kind: str, load: Load) -> str:
    """Runs a load against a server, "godot4" or "python", and returns the figures.

    Fails if a call is lost or out of order, or if the rate is below 1,000 per second.
    """
    port = free_port()
    with _server(kind, port, load) as server:
        server.wait_for("listening")
        with bots_calling(load, f"ws://127.0.0.1:{port}") as tally:
            report = json.loads(server.wait_for('"report"').string)
            assert server.stderr == []
    assert (tally.received, tally.disordered) == (load.total, 0)
    assert (report["received"], report["disordered"]) == (load.total, 0)
    up, down = load.total / report["seconds"], load.total / tally.seconds
    assert min(up, down) >= 1000
    return f"{load.clients} bots, {kind}: {load.total:,} calls each way, {up:,.1f} up and {down:,.1f} down a second"


def serve(port: int, clients: int, rate: int, total: int) -> None:
    """Runs the server until it is ended; it prints the same lines as load.gd."""
    tally = Tally()
    peer = WebSocketMultiplayerPeer()
    tree = SceneTree()
    node = LoadNode(tally)
    tree.root.add_child(node)
    if peer.create_server(port, "127.0.0.1") != OK:
        raise SystemExit("cannot listen")
    tree.multiplayer.multiplayer_peer = peer
    print(json.dumps({"event": "listening"}))
    while len(tree.multiplayer.get_peers()) < clients:
        tree.poll(timeout=0.05)
    peers, pace, reported = tree.multiplayer.get_peers(), Pace(rate, total), False
    while True:
        tree.poll(timeout=0.002)
        for number in pace.due():
            node.down.rpc_id(peers[number % clients], number // clients, "to the client")
        if tally.received >= total and not reported:
            reported = True
            found = {"received": tally.received, "disordered": tally.disordered, "seconds": tally.seconds}
            print(json.dumps({"event": "report", **found}))


if __name__ == "__main__":
    serve(**{word.lstrip("-").split("=")[0]: int(word.split("=")[1]) for word in sys.argv[1:]})
