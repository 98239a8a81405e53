"""X1: every program of ours under `-W error -X dev` serves, ends as it says, and has nothing to complain about."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gdpeer import WebSocketPeer
from tests.support.certificates import make_certificates
from tests.support.missing import ROOT
from tests.support.pages import program, programs
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process
from tests.support.proxying import proxying
from tests.unit.websocket.support import CLOSED, OPEN, listening, until, url_of

pytestmark = pytest.mark.timeout(120)

STRICT = (sys.executable, "-W", "error", "-X", "dev")
GAME = ("-m", "gdpeer.cli", "roll")
PATIENCE = 30.0
COMPLAINT = re.compile("Warning|Traceback|Exception")
ENDS = (signal.SIGINT, signal.SIGTERM)
SERVERS = {
    "echo": ("-m", "gdpeer.cli", "echo", "--port", "PORT"),
    "chat": ("-m", "gdpeer.cli", "chat", "--host", "127.0.0.1", "--port", "PORT"),
}
DEMOS = {
    "demos/minimal/server.py": (),
    "demos/chat/server.py": ("demo-chat",),
    "demos/chat/push.py": ("demo-chat",),
    "demos/push/server.py": (),
}
"""Those that take --port, and their sub-protocols."""

EXAMPLES = {
    "behind_proxy.py": 9080,
    "chat/server.py": 8000,
    "game/server.py": 8920,
    "godot4_style_server.py": 9080,
    "multiplayer_godot3.py": 8910,
    "multiplayer_server.py": 8910,
    "one_port.py": 8000,
    "pressure.py": 9080,
    "push.py": 9080,
    "shutdown.py": 9080,
}
"""Those of README and docs that serve for ever, and their ports."""

OTHERS = {
    "anywhere.py": 8910,
    "calling/server.py": 8910,
    "limits.py": 9080,
    "multiplayer_client.py": 8910,
    "tls_client.py": 8443,
    "tls_server.py": 8443,
}

PATHS = {"demos/push/server.py": "/notifications", "one_port.py": "/game"}

CLIENTS = {
    "demos/minimal/client.py": ("demos/minimal/server.py", ()),
    "demos/minimal/peer_client.py": ("demos/minimal/server.py", ("--no-protocol",)),
    "demos/chat/client.py": ("demos/chat/server.py", ("--stay",)),
}
"""Those that take a URL, and their servers."""

RUN = """
import os, signal, sys
import gdpeer
from pathlib import Path
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
path, old, new, folder = Path(sys.argv[1]), *sys.argv[2:]
os.chdir(folder)
source = path.read_text(encoding="utf-8")
assert old in source
sys.argv = [str(path)]
exec(compile(source.replace(old, new), path, "exec"), {"__name__": "__main__", "__file__": str(path)})
"""
"""Runs an example on another port and in a folder that has what it reads, so that it comes to the end of the
interpreter."""


def example(name: str, port: str, folder: Path | None = None) -> tuple[str | Path, ...]:
    """The words that run an example; by itself it has another port."""
    return "-c", RUN, program(name), str((EXAMPLES | OTHERS)[name]), port, folder or programs() / "chat"


@contextmanager
def strict(*words: str | Path) -> Iterator[Process]:
    """A program that runs so; where the block ends it must have ended, and said nothing on its standard error."""
    with Process([*STRICT, *words]) as process:
        yield process
        assert process.popen.poll() is not None
    assert process.stderr == []


def join(url: str, protocols: tuple[str, ...] = ()) -> WebSocketPeer:
    """A client that is there, once the server is."""
    peer = WebSocketPeer()
    peer.supported_protocols = protocols

    def is_open() -> bool:
        if peer.get_ready_state() is CLOSED:
            time.sleep(0.25)  # one of them counts connections
            peer.connect_to_url(url)
        return peer.get_ready_state() is OPEN

    until(is_open, peer)
    return peer


def serves(process: Process, url: str, protocols: tuple[str, ...], end: signal.Signals) -> int:
    """A client joins, the program is told to end, and the client hears so; the exit status."""
    with join(url, protocols) as peer:
        process.popen.send_signal(end)
        until(lambda: not list(peer) and peer.get_ready_state() is CLOSED, peer)
        return process.wait(PATIENCE)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.name)
@pytest.mark.parametrize("name", SERVERS)
def test_x1_commands_that_serve(name: str, end: signal.Signals) -> None:
    port = str(free_port())
    protocols = ("demo-chat",) if name == "chat" else ()
    with strict(*(word.replace("PORT", port) for word in SERVERS[name])) as process:
        assert serves(process, f"ws://127.0.0.1:{port}/", protocols, end) == 0


@pytest.mark.parametrize("options", [("--help",), ("--version",)])
def test_x1_the_command_itself(options: tuple[str, ...]) -> None:
    with strict("-m", "gdpeer.cli", *options) as process:
        assert process.wait(PATIENCE) == 0


def test_x1_connect_in_a_pipe_tells_of_the_connection_alone() -> None:
    with listening() as (server, _), Process([*STRICT, "-m", "gdpeer.cli", "connect", url_of(server)]) as client:
        client.say("hello")
        until(lambda: server.peers and next(iter(server.peers.values())).get_available_packet_count(), server)
        client.end_input()
        until(lambda: client.popen.poll() is not None, server)
        assert client.wait(PATIENCE) == 0
    assert not COMPLAINT.search("\n".join(client.stderr))


@pytest.mark.parametrize("end", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.extended)])
def test_x1_arena_and_bots_that_join_it(end: signal.Signals) -> None:
    arena = ("-m", "gdpeer.cli", "arena")
    port = str(free_port())
    with strict(*arena, "--host", "127.0.0.1", "--port", port, "--bots", "2") as host:
        host.wait_for("; players: 2", PATIENCE)
        with Process([*STRICT, *arena, "--join", f"ws://127.0.0.1:{port}", "--bots", "2"]) as bots:
            host.wait_for("; players: 4", PATIENCE)
            host.popen.send_signal(end)
            assert (host.wait(PATIENCE), bots.wait(PATIENCE)) == (0, 1)
        assert not COMPLAINT.search("\n".join(bots.stderr))


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.name)
def test_x1_roll_and_who_joins_it(end: signal.Signals) -> None:
    """The host ends with 0; who played with it learns that it went away: 1."""
    port = str(free_port())
    with strict(*GAME, "--host", "127.0.0.1", "--port", port, "--dedicated") as host:
        host.wait_for("Godot 4 and Python", PATIENCE)
        with Process([*STRICT, *GAME, "--join", f"ws://127.0.0.1:{port}", "--auto", "--name", "Ada"]) as player:
            player.wait_for("rolls", PATIENCE)
            host.popen.send_signal(end)
            assert (host.wait(PATIENCE), player.wait(PATIENCE)) == (0, 1)
        assert not COMPLAINT.search("\n".join(player.stderr))


@pytest.mark.parametrize("name", DEMOS)
def test_x1_demos_that_serve(name: str) -> None:
    port = str(free_port())
    with strict(ROOT / name, "--port", port) as process:
        assert serves(process, f"ws://127.0.0.1:{port}{PATHS.get(name, '/')}", DEMOS[name], signal.SIGINT) == 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_x1_examples_that_serve(name: str) -> None:
    port = str(free_port())
    protocols = ("demo-chat",) if name == "chat/server.py" else ()
    with strict(*example(name, port)) as process:
        assert serves(process, f"ws://127.0.0.1:{port}{PATHS.get(name, '/')}", protocols, signal.SIGTERM) == 0


def test_x1_an_example_that_only_sets_limits() -> None:
    """It ends without having stopped its server."""
    with strict(*example("limits.py", str(free_port()))) as process:
        assert process.wait(PATIENCE) == 0


def test_x1_an_example_in_asyncio() -> None:
    with strict(program("aio_game.py")) as process:
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("name", CLIENTS)
def test_x1_demos_that_join(name: str) -> None:
    """The server goes first, which ends the client."""
    port = str(free_port())
    server, words = CLIENTS[name]
    path = "/test/" if "chat" in name else "/"
    with strict(ROOT / server, "--port", port) as host:
        join(f"ws://127.0.0.1:{port}{path}", DEMOS[server]).close()
        with Process([*STRICT, ROOT / name, f"ws://127.0.0.1:{port}{path}", *words]) as client:
            time.sleep(1.0)
            host.popen.send_signal(signal.SIGINT)
            assert host.wait(PATIENCE) == 0
            client.wait(PATIENCE)
        assert not COMPLAINT.search("\n".join(client.stderr))


@pytest.mark.parametrize("name", ["multiplayer_client.py", "anywhere.py"])
def test_x1_examples_that_join(name: str) -> None:
    port = str(free_port())
    with strict(*example("multiplayer_server.py", port)) as host:
        join(f"ws://127.0.0.1:{port}/").close()
        with strict(*example(name, port)) as client:
            client.wait_for("hello Ann", PATIENCE)
            host.popen.send_signal(signal.SIGTERM)
            client.wait_for("The end:", PATIENCE)
            assert (host.wait(PATIENCE), client.wait(PATIENCE)) == (0, 0)


def test_x1_call_and_the_server_of_its_page() -> None:
    port = str(free_port())
    with strict(*example("calling/server.py", port)) as host:
        wait_until_listening(int(port))
        words = ("call", f"ws://127.0.0.1:{port}", "Main.greet", "Ann", "--wait", "welcome")
        with strict("-m", "gdpeer.cli", *words) as client:
            assert client.wait(PATIENCE) == 0
        assert client.stdout == ['Main.welcome("hello Ann", Vector2(0, 0))']
        host.popen.send_signal(signal.SIGTERM)
        assert host.wait(PATIENCE) == 0


def test_x1_examples_over_tls(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    (tmp_path / "cert.pem").write_bytes(made.certificate.read_bytes() + made.authority.read_bytes())
    (tmp_path / "key.pem").write_bytes(made.key.read_bytes())
    port = str(free_port())
    with strict(*example("tls_server.py", port, tmp_path)) as host:
        wait_until_listening(int(port))
        with strict(*example("tls_client.py", port, tmp_path)) as client:
            client.wait_for("^open$", PATIENCE)
            assert client.wait(PATIENCE) == 0
        host.popen.send_signal(signal.SIGTERM)
        assert host.wait(PATIENCE) == 0


def test_x1_why() -> None:
    with Process([*STRICT, program("why.py"), f"ws://127.0.0.1:{free_port()}"]) as process:
        assert process.wait(PATIENCE) == 0
    assert not COMPLAINT.search("\n".join(process.stderr))


@pytest.mark.parametrize("scheme", ["http", "socks5", ""])
def test_x1_through_a_proxy(scheme: str) -> None:
    """Through a real one that is named; the environment's is no way to loopback."""
    port = free_port()
    words = ("-m", "gdpeer.cli", "echo", "--port", str(port))
    with proxying("#ann:s3cret") as way, Process([sys.executable, *words]):
        wait_until_listening(port, timeout=PATIENCE)
        given = [f"{scheme}://ann:s3cret@127.0.0.1:{way}"] if scheme else []
        command = [*STRICT, program("through_proxy.py"), f"ws://127.0.0.1:{port}", *given]
        with Process(command, environment={"all_proxy": f"http://127.0.0.1:{way}"}) as client:
            assert client.wait(PATIENCE) == 0, client.stderr
        assert client.stdout == [f"open, by {way if scheme else port}", "closed: closed with code 1000"]
        assert client.stderr == []


def test_x1_a_proxy_that_refuses() -> None:
    with proxying("#ann:s3cret") as way:
        words = (f"ws://127.0.0.1:{free_port()}", f"http://ann:wr0ng@127.0.0.1:{way}")
        with Process([*STRICT, program("through_proxy.py"), *words]) as client:
            assert client.wait(PATIENCE) == 1
        assert client.stderr[0].startswith("the proxy: ")
        assert "wr0ng" not in client.stderr[0]
        assert client.stderr[1:] == client.stdout == []


@pytest.mark.parametrize("command", ["inspect", "bad-network"])
def test_x1_commands_between_a_game_and_its_server(command: str) -> None:
    port = str(free_port())
    with listening() as (server, _):
        words = ("-m", "gdpeer.cli", command, "--listen", port, "--to", url_of(server))
        with Process([*STRICT, *words]) as process:
            wait_until_listening(int(port))
            with WebSocketPeer() as peer:
                peer.connect_to_url(f"ws://127.0.0.1:{port}")
                until(lambda: peer.get_ready_state() is OPEN, peer, server)
                process.popen.send_signal(signal.SIGINT)
                until(lambda: peer.get_ready_state() is CLOSED, peer, server)
            assert process.wait(PATIENCE) == 0
    assert not COMPLAINT.search("\n".join(process.stderr))


def test_x1_swarm_and_the_server_of_a_bench() -> None:
    port = str(free_port())
    with Process([*STRICT, "-m", "bench.arena", port]) as host:
        host.wait_for("^listening$", PATIENCE)
        words = ("--url", f"ws://127.0.0.1:{port}", "--clients", "3")
        with strict("-m", "gdpeer.cli", "swarm", ROOT / "demos/swarm/arena.py", *words) as bots:
            assert bots.wait(PATIENCE) == 0
    assert not COMPLAINT.search("\n".join(host.stderr))
