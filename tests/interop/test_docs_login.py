"""docs/howto/login.md as it stands: its server and its Godot 4 project, with right and wrong passwords and tokens."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from gdpeer import SceneMultiplayer, SceneTree, WebSocketMultiplayerPeer
from tests.interop.echo_rooms import until
from tests.support.engines import Engine
from tests.support.pages import programs
from tests.support.processes import Process

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]
LOGIN = programs() / "login"


@pytest.fixture
def url() -> Iterator[str]:
    with Process([sys.executable, LOGIN / "server.py", "0"]) as server:
        server.wait_for(r"^http://127\.0\.0\.1:\d+$")
        yield server.stdout[0]
        assert server.stderr == []


def play(url: str, *words: str) -> list[str]:
    """Returns what a game prints until it quits."""
    with Engine("4", LOGIN / "godot4", "main.tscn", url, *words) as game:
        assert game.wait() == 0
        return game.process.stdout


def ask(url: str, body: bytes) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{url}/login", body, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_the_game_logs_in_and_a_token_counts_once(url: str) -> None:
    assert play(url, "ann", "correct horse") == ["Hello ann"]
    assert play(url, "ann", "correct horse", "--twice") == ["Hello ann", "Not admitted"]


def test_wrong_passwords_are_refused_and_counted(url: str) -> None:
    assert play(url, "ann", "wrong") == ["No login: wrong name or password"]
    assert ask(url, b"[]")[0] == 400
    assert ask(url, json.dumps({"name": "eve", "password": "correct horse"}).encode())[0] == 403
    for _ in range(2):
        ask(url, b"{}")
    assert ask(url, b"{}") == (429, "too many attempts")


@pytest.mark.parametrize("token", [b"a.b.c", b"\xff" * 100])
def test_who_has_no_token_is_not_admitted(url: str, token: bytes) -> None:
    api, peer, failed = SceneMultiplayer(), WebSocketMultiplayerPeer(), list[int]()
    api.auth_callback = lambda peer_id, data: None
    api.peer_authenticating.connect(lambda peer_id: (api.send_auth(peer_id, token), api.complete_auth(peer_id)))
    api.peer_authentication_failed.connect(failed.append)
    assert not peer.create_client(url.replace("http", "ws"))
    api.multiplayer_peer = peer
    tree = SceneTree(api)
    until(lambda: failed or not peer.get_connection_status(), tree)
    assert api.get_peers() == []
    peer.close()
