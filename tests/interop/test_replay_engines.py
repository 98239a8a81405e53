"""`gdpeer replay` of a session with spawned nodes against another run of the same engine: nothing differs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gdpeer import OK, WebSocketMultiplayerPeer
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.recording import Recording
from gdpeer.inspection.replay import Difference, Replay
from gdpeer.inspection.scene_names import SceneNames
from gdpeer.inspection.scene_reading import read_scene_tables
from gdpeer.inspection.tunnel import Event, Tunnel
from gdpeer.protocol.url import parse_url
from tests.support.engines import FIXTURES, Engine, fixture
from tests.support.ports import free_port
from tests.support.rep_game import DECLARED, make_tree

pytestmark = [pytest.mark.engine, pytest.mark.timeout(60)]


@contextmanager
def server(steps: str) -> Iterator[tuple[Engine, str]]:
    """An engine that does its steps as soon as a client has come."""
    port = free_port()
    with fixture("4", "rep_server", port=port, steps=steps, clients=1, linger=3, fps=60, pause=0.1) as engine:
        engine.wait_for("listening")
        yield engine, f"ws://127.0.0.1:{port}"


def record(steps: str) -> Recording:
    """A client in Python that looks on."""
    events: list[Event] = []
    with server(steps) as (engine, url):
        tunnel = Tunnel(url)
        peer = WebSocketMultiplayerPeer()
        assert peer.create_client(f"ws://127.0.0.1:{tunnel.listen('127.0.0.1', 0)}") is OK
        tree, _ = make_tree(DECLARED, peer)
        end = 0.0
        while not end or time.monotonic() < end:
            tree.poll()
            events.extend(tunnel.poll(0.005))
            if not end and engine.find("done") is not None:
                end = time.monotonic() + 0.3
        peer.close()
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            tree.poll()
            events.extend(tunnel.poll(0.005))
        tunnel.stop(grace=0.0)
    return Recording("auto", events)


@pytest.mark.parametrize(
    ("steps", "nodes"),
    [
        ("nest,shots,player", 3),
        pytest.param("board,unit,custom,move,turn,hurt,bag,despawn", 4, marks=pytest.mark.extended),
    ],
)
def test_a_session_that_is_played_again(steps: str, nodes: int) -> None:
    recording = record(steps)
    names = MethodNames(scenes=SceneNames(read_scene_tables(FIXTURES / "godot4")[0]))
    with server(steps) as (engine, url):
        replay = Replay(recording, parse_url(url), speed=float("inf"), names=names)
        try:
            while replay.poll(0.01):
                pass
        finally:
            replay.stop()
        player = replay.players[1]
        found: list[Difference] = player.differences(replay.ids)
        assert found == []
        assert (player.nodes.count, player.id_then == player.id_now) == (nodes, False)
        assert not [line for line in engine.stderr if "ERROR" in line]
