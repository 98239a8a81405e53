"""The harness drives unchanged projects: those of the tutorial, with gdpeer at the other end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gdpeer import MultiplayerPeer, WebSocketMultiplayerPeer
from tests.harness import driven
from tests.interop.echo_rooms import echo_room, until
from tests.support.engines import versions
from tests.support.missing import ROOT
from tests.support.ports import free_port

pytestmark = [pytest.mark.engine, pytest.mark.timeout(60)]

MINIMAL = ROOT / "demos" / "minimal"


@pytest.mark.parametrize("version", versions())
def test_a_project_plays_as_client_by_its_own_scene(version: str) -> None:
    with echo_room() as room:
        steps = f"""
            # a comment
            do h.scene_with("res://client.tscn", "url", "{room.url}")
            until 8000 root.get_node("Client").answered
            say h.kids(".")
            quit
        """
        with driven(version, MINIMAL / f"godot{version}", steps) as engine:
            until(lambda: engine.process.popen.poll() is not None, room)
            assert engine.wait() == 0
            assert engine.find("scene", path="/root/Client")
            assert engine.find("until", value=True)
            assert engine.find("say", value="Client")
            assert engine.find("error") is None


@pytest.mark.parametrize("version", versions())
def test_a_wrong_step_and_a_wait_in_vain_are_failures(version: str) -> None:
    with driven(version, MINIMAL / f"godot{version}", "jump\nsay root.no_such\nuntil 50 1 == 2\nquit") as engine:
        assert engine.wait() == 1
        assert engine.find("error", text="no such step: jump")
        assert len(engine.all("error")) == 2
        assert engine.find("until", expression="1 == 2", value=False)


def test_a_websocket_peer_stands_where_a_project_has_another() -> None:
    port = free_port()
    steps = f"""
        do h.ws_server({port})
        say "ready"
        until 8000 h.get_multiplayer().get_peers().size() == 1
        say h.get_multiplayer().get_peers()
        quit
    """
    with driven("4", MINIMAL / "godot4", steps) as engine:
        engine.wait_for("say", value="ready")
        peer = WebSocketMultiplayerPeer()
        assert peer.create_client(f"ws://127.0.0.1:{port}") == 0
        until(lambda: peer.get_connection_status() == MultiplayerPeer.CONNECTION_CONNECTED, peer)
        own_id = peer.get_unique_id()
        until(lambda: engine.process.popen.poll() is not None, peer)
        assert engine.wait() == 0
        assert engine.find("say", value=f"[{own_id}]")
        peer.close()


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "one.steps"
    path.write_text("say 1 + 1\nquit\n")
    words = [sys.executable, "-m", "tests.harness", "4", str(MINIMAL / "godot4"), str(path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert '"value":"2"' in done.stdout
    assert done.returncode == 0
