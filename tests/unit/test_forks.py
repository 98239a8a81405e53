"""A forked child that ends, in whichever way, takes nothing from its parent; one that goes on can connect.

Each program is a process of its own: a fork copies the threads' locks, and a test run has many.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

COMMON = """
import os, signal, socket, sys, threading, time
from gdpeer import WebSocketClient, WebSocketMultiplayerPeer, WebSocketPeer, WebSocketServer

def fork(work):
    \"\"\"A child that ends by `sys.exit`, through every `with` and `finally` of the caller; False in the child.\"\"\"
    child = os.fork()
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == 7, status
        return
    signal.alarm(20)
    work()
    sys.exit(7)

def until(done, *owners):
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end, "took too long"
        for owner in owners:
            owner.poll(0.01)
"""

PROGRAMS = {
    "engine classes": """
server, client = WebSocketServer(), WebSocketPeer()
with server, client:
    server.bind_ip = sys.argv[1]
    echo = lambda peer_id: server.get_peer(peer_id).send(server.get_peer(peer_id).get_packet())
    server.data_received.connect(echo)
    assert server.listen(0) == 0
    if sys.argv[1].startswith("unix:"):
        import socket
        from gdpeer.transport.tcp import TcpStream
        ours = socket.socket(socket.AF_UNIX)
        ours.connect(sys.argv[1][5:])
        assert client.connect_through(TcpStream(ours)) == 0
    else:
        assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}") == 0
    until(lambda: client.get_ready_state() == client.STATE_OPEN and server.peers, server, client)
    fork(lambda: None)
    fork(server.stop)
    fork(lambda: (client.close(1000), client.poll()))
    if sys.argv[1].startswith("unix:"):
        assert os.path.exists(sys.argv[1][5:])
    client.send(b"still here")
    until(lambda: client.get_available_packet_count(), server, client)
    assert client.get_packet() == b"still here"
if sys.argv[1].startswith("unix:"):
    assert not os.path.exists(sys.argv[1][5:])
""",
    "multiplayer": """
server, client = WebSocketMultiplayerPeer(), WebSocketMultiplayerPeer()
with server, client:
    assert server.create_server(0, sys.argv[1]) == 0
    assert client.create_client(f"ws://127.0.0.1:{server.get_local_port()}") == 0
    until(lambda: client.get_unique_id(), server, client)
    fork(lambda: None)
    fork(server.close)
    fork(client.close)
    fork(lambda: (server.disconnect_peer(client.get_unique_id()), server.poll()))
    client.put_packet(b"still here")
    until(lambda: server.get_available_packet_count(), server, client)
    assert server.get_packet() == b"still here"
""",
    "blocking": """
from gdpeer.blocking import connect, serve

def echo(ws):
    for message in ws:
        ws.send(message)

place = sys.argv[1]
with serve(echo, place, 0) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with connect(f"ws://127.0.0.1:{server.port}") as ws, connect(f"ws://127.0.0.1:{server.port}") as other:
        threading.Thread(target=other.wait_closed, daemon=True).start()
        for _ in range(2):
            ws.send("x")
            assert ws.recv(timeout=20) == "x"
        fork(lambda: None)
        fork(other.close)
        for one in (ws, other):
            one.send("still here")
            assert one.recv(timeout=20) == "still here"
""",
    "look-ups": """
from gdpeer.transport import resolver

listening = WebSocketServer()
listening.bind_ip = sys.argv[1]
assert listening.listen(0) == 0
port = listening.get_local_port()
found, go_on, asked = socket.getaddrinfo, threading.Event(), []

def slow(host, *arguments, **options):
    if host == "slow.test" and not options.get("flags"):
        asked.append(host)
        go_on.wait(20)
        host = "127.0.0.1"
    return found(host, *arguments, **options)

socket.getaddrinfo = slow
crowd = [WebSocketPeer() for _ in range(40)]  # more than there are threads
for number, peer in enumerate(crowd):
    assert peer.connect_to_url(f"ws://slow.test:{port}") == 0
    if number % 2:
        peer.poll(0.001)  # watched by a poller
until(lambda: len(asked) == resolver._THREADS)

def connect():
    go_on.set()  # the child's, which no thread waits for
    fresh = WebSocketPeer()
    assert fresh.connect_to_url(f"ws://localhost:{port}") == 0
    began = time.monotonic()
    pending = [fresh, *crowd]
    while any(peer.get_ready_state() == peer.STATE_CONNECTING for peer in pending):
        assert time.monotonic() - began < 30, [peer.get_ready_state() for peer in pending]
        listening.poll()
        for number, peer in enumerate(pending):
            peer.poll(0.001 if number < 3 else 0.0)
    assert {peer.get_ready_state() for peer in pending} == {fresh.STATE_OPEN}

fork(connect)
assert not any(peer.get_ready_state() != peer.STATE_CONNECTING for peer in crowd)
used = time.process_time()
crowd[1].poll(1.0)  # the child did not wake what the parent waits for
assert time.process_time() - used < 0.5
go_on.set()
until(lambda: all(peer.get_ready_state() == peer.STATE_OPEN for peer in crowd), listening, *crowd)
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_child_that_ends_takes_nothing_from_its_parent(name: str) -> None:
    run(name, "127.0.0.1")


def test_the_file_of_a_unix_socket_stays_with_the_parent(tmp_path: Path) -> None:
    run("engine classes", f"unix:{tmp_path}/socket")


def run(name: str, place: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    # From 3.12 on Python warns of each fork of a process with threads, which these programs are about.
    program = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", COMMON + PROGRAMS[name], place]
    done = subprocess.run(program, capture_output=True, text=True, timeout=100, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
