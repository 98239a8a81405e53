"""The loads of the measurements do what they say, against real servers: a figure of a load that is wrong is none."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from bench.bots import Crowd, WrongAnswer
from bench.machine import Meter, cpu_seconds
from bench.run import arguments, chosen
from bench.scaling import open_socket, subject, take_turns
from gdpeer import OK, Node, SceneTree, Vector2, WebSocketMultiplayerPeer, rpc
from tests.support.missing import ROOT
from tests.support.ports import free_port
from tests.support.processes import Process, gdpeer_command

pytestmark = pytest.mark.extended


class Mistaken(Node):
    """An `Arena` that after some good answers mixes up what it was told."""

    def __init__(self, good: int) -> None:
        super().__init__("Arena")
        self.good = good

    @rpc("any_peer")
    def echo(self, number: int, at: Vector2) -> None:
        self.good -= 1
        told = at if self.good >= 0 else Vector2(at.y, at.x)
        self.answer.rpc_id(self.multiplayer.get_remote_sender_id(), number, told)

    @rpc("authority")
    def answer(self, number: int, at: Vector2) -> None: ...


@contextlib.contextmanager
def echo_server() -> Iterator[int]:
    with Process(gdpeer_command("echo", "--port", "0", "--max-size", "1M")) as echo:
        yield int(echo.wait_for(r"listening on .*:(\d+)").group(1))


def test_bots_get_all_their_answers() -> None:
    port = free_port()
    with Process([sys.executable, "-m", "bench.arena", str(port)]) as arena:
        arena.wait_for("listening")
        crowd = Crowd(f"ws://127.0.0.1:{port}", 20)
        assert crowd.join() > 0
        crowd.get_ready()
        begin = time.monotonic()
        crowd.begin(3)
        used = cpu_seconds(arena.popen.pid)
        seconds, latencies = crowd.run(0.3)
        assert seconds >= 0.3
        assert len(latencies) >= 60
        assert 0 < min(latencies) <= max(latencies) <= time.monotonic() - begin
        assert cpu_seconds(arena.popen.pid) >= used > 0


@pytest.mark.parametrize(("good", "message"), [(0, "does not end in"), (1, "does not end in"), (5, "is not")])
def test_a_wrong_answer_is_noticed(good: int, message: str) -> None:
    def play() -> None:
        crowd.join()
        crowd.get_ready()
        crowd.begin(1)
        crowd.run(5.0)

    with WebSocketMultiplayerPeer() as peer:
        assert peer.create_server(0, "127.0.0.1") == OK
        crowd = Crowd(f"ws://127.0.0.1:{peer.get_local_port()}", 1)
        with polled(peer, Mistaken(good)), pytest.raises(WrongAnswer, match=message):
            play()


@contextlib.contextmanager
def polled(peer: WebSocketMultiplayerPeer, node: Node) -> Iterator[None]:
    """A server with a node, in a thread of its own."""
    tree, over = SceneTree(), threading.Event()
    tree.root.add_child(node)
    tree.multiplayer.multiplayer_peer = peer

    def serve() -> None:
        while not over.is_set():
            tree.poll(timeout=0.02)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5.0)


def test_the_silent_connections_are_there_and_the_others_get_their_echoes() -> None:
    with subject(sys.executable, 30) as one:
        found = one.sample(0.2)
        assert found["count"] > 0
        assert found["count"] % len(one.active) == 0


def test_a_wrong_echo_is_noticed() -> None:
    with echo_server() as port, open_socket(port) as connection:
        connection.sendall(b"\x82\x81\0\0\0\0x")  # what is echoed first is not what is then sent
        with pytest.raises(ConnectionError, match="a wrong echo"):
            take_turns([connection], 0.5)


@pytest.mark.parametrize("size", [32, 70_000])
def test_the_client_program_prints_one_json_object(size: int) -> None:
    with echo_server() as port:
        command = [sys.executable, ROOT / "bench" / "client.py", "--port", str(port), "--size", str(size)]
        done = subprocess.run([*command, "--seconds", "0.2"], capture_output=True, text=True, timeout=30, check=True)
    found = json.loads(done.stdout)
    assert found["count"] > 0
    assert found["per_s"] == pytest.approx(found["count"] / found["secs"])
    assert found["cpu_us_per_op"] > 0


def test_a_meter_tells_what_servers_and_load_have_used() -> None:
    with Process([sys.executable, "-c", "while True: pass"]) as busy:
        meter = Meter(busy.popen.pid)
        before = cpu_seconds(busy.popen.pid)
        while cpu_seconds(busy.popen.pid) < before + 0.1:
            pass
        used = meter.read()
    assert used.servers * used.seconds >= 0.09
    assert 0 < used.load < 2
    assert used.others >= 0


def test_a_part_of_the_benchmark_does_not_replace_the_result_of_the_whole() -> None:
    assert arguments([]).name == "servers"
    assert arguments(["--rounds", "10"]).name == "servers"
    for part in (["--quick"], ["--only-ours"], ["--scenarios", "connect"]):
        assert arguments(part).name == ""
        assert arguments([*part, "--name", "second"]).name == "second"


def test_scenarios_are_chosen_by_patterns_in_the_order_of_the_tables() -> None:
    assert chosen("client-*, echo-1?,connect") == ["echo-1k", "echo-1m", "connect", "client-rtt-32", "client-rtt-64k"]
    assert chosen("nothing") == []
