"""A1, A9: what goes wrong in a program that configures no logging stands on stderr, with its traceback, once."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from gdpeer import WebSocketMultiplayerPeer, WebSocketServer
from tests.support.pages import program

SLOT = """
from gdpeer import WebSocketPeer, WebSocketServer

server = WebSocketServer()

@server.data_received.connect
def received(peer_id):
    1 / 0

server.listen(0)
peer = WebSocketPeer()
peer.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}")
sent = False
for _ in range(400):
    server.poll(timeout=0.005)
    peer.poll(timeout=0.005)
    if not sent and peer.get_ready_state() == WebSocketPeer.State.OPEN:
        sent = peer.send_text("hello") == 0
    elif sent and server.stats().messages_received:
        break
"""
RPC = """
from gdpeer import LoopbackMultiplayerPeer, Node, SceneTree, rpc

class Main(Node):
    @rpc("any_peer")
    def greet(self):
        1 / 0

def tree(peer):
    made = SceneTree()
    made.multiplayer.multiplayer_peer = peer
    made.root.add_child(Main("Main"))
    return made

there = LoopbackMultiplayerPeer()
here = there.join()
one, other = tree(there), tree(here)
for _ in range(10):
    one.poll(), other.poll()
other.get_node("/root/Main").greet.rpc_id(1)
for _ in range(10):
    one.poll(), other.poll()
"""
LOCAL = """
from gdpeer import Node, SceneTree, rpc

class Main(Node):
    @rpc("any_peer", "call_local")
    def greet(self):
        1 / 0

tree = SceneTree()
tree.root.add_child(Main("Main"))
assert tree.get_node("/root/Main").greet.rpc() != 0
"""
HOOK = """
from gdpeer import Node, SceneTree

class Main(Node):
    def _ready(self):
        1 / 0

SceneTree().root.add_child(Main("Main"))
"""
AIO = """
import asyncio
from gdpeer.aio import connect, serve

async def handler(connection):
    1 / 0

async def main():
    async with serve(handler, "127.0.0.1", 0) as server:
        async with connect(f"ws://127.0.0.1:{server.port}") as connection:
            await connection.wait_closed()

asyncio.run(main())
"""
BLOCKING = """
import threading
from gdpeer.blocking import connect, serve

def handler(connection):
    1 / 0

with serve(handler, "127.0.0.1", 0) as server:
    threading.Thread(target=server.serve_forever).start()
    try:
        with connect(f"ws://127.0.0.1:{server.port}") as connection:
            connection.recv(timeout=30)
    except Exception as problem:
        print(problem)
    server.shutdown()
"""
HTTP = """
import threading, urllib.request
from gdpeer import WebSocketServer

def handler(request):
    1 / 0

server = WebSocketServer()
server.http_handler = handler
server.listen(0)
def ask():
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{server.get_local_port()}/")
    except Exception as problem:
        print(problem)
asking = threading.Thread(target=ask)
asking.start()
while asking.is_alive():
    server.poll(timeout=0.02)
"""
PROGRAMS = {
    "slot": SLOT,
    "rpc": RPC,
    "local call": LOCAL,
    "hook": HOOK,
    "aio": AIO,
    "blocking": BLOCKING,
    "http": HTTP,
}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_mistake_of_the_game_is_seen_with_its_line(kind: str) -> None:
    source = PROGRAMS[kind]
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False)
    line = source.splitlines().index(next(one for one in source.splitlines() if "1 / 0" in one)) + 1
    assert done.stderr.count("ZeroDivisionError: division by zero") == 1, done.stderr
    assert f'File "<string>", line {line}, in ' in done.stderr
    assert done.stderr.count("Traceback") == 1


@pytest.mark.parametrize(
    ("name", "port"), [("multiplayer_server.py", "8910"), ("readme/server.py", "9080")], ids=["multiplayer", "plain"]
)
def test_a_busy_port_is_named_by_the_programs_of_the_readme(name: str, port: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy = str(other.getsockname()[1])
        source = program(name).read_text(encoding="utf-8").replace(port, busy)
        if name.startswith("readme"):
            source = source.replace(
                "server = WebSocketServer()", 'server = WebSocketServer()\nserver.bind_ip = "127.0.0.1"'
            )
        done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == f"cannot listen on 127.0.0.1 port {busy}: the address is in use\n"


@pytest.mark.parametrize("kind", [WebSocketServer, WebSocketMultiplayerPeer])
def test_a_program_that_does_not_look_at_the_result_finds_the_reason_in_its_log(
    kind: type[WebSocketServer] | type[WebSocketMultiplayerPeer], caplog: pytest.LogCaptureFixture
) -> None:
    server = kind()
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy = other.getsockname()[1]
        for port in (busy, -1):
            if isinstance(server, WebSocketServer):
                server.bind_ip = "127.0.0.1"
                server.listen(port)
            else:
                server.create_server(port, "127.0.0.1")
            server.poll()
            server.poll()
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        f"cannot listen on 127.0.0.1 port {busy}: the address is in use",
        "cannot listen: the port must be 0 to 65535, not -1",
    ]
