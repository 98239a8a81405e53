"""The web applications of docs/howto/fastapi-django.md as they stand, each with a player."""

from __future__ import annotations

import json
import urllib.request

import pytest

from gdpeer import Node, SceneTree, WebSocketMultiplayerPeer, rpc
from tests.support.asgi_servers import serving
from tests.support.pages import program
from tests.support.waiting import until


class Main(Node):
    """A player's side of the game."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.heard: list[str] = []

    @rpc("any_peer")
    def greet(self, name: str) -> None: ...

    @rpc
    def welcome(self, text: str) -> None:
        self.heard.append(text)


@pytest.mark.parametrize(
    ("server", "app", "path"),
    [
        ("uvicorn", "with_fastapi:app", "/game/"),
        ("uvicorn", "with_django:application", "/game"),
        ("hypercorn", "with_django:application", "/game"),
    ],
)
def test_a_player_is_greeted_and_a_page_tells_of_the_player(server: str, app: str, path: str) -> None:
    folder = program("web/world.py").parent
    with serving(server, app, folder) as (process, port):
        tree, main, peer = SceneTree(), Main(), WebSocketMultiplayerPeer()
        tree.root.add_child(main)
        assert peer.create_client(f"ws://127.0.0.1:{port}{path}") == 0
        tree.multiplayer.multiplayer_peer = peer
        until(lambda: bool(tree.poll() or tree.multiplayer.get_peers()))
        main.greet.rpc_id(1, "Ann")
        until(lambda: bool(tree.poll() or main.heard))
        assert main.heard == ["Hello, Ann!"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/players") as page:
            found = json.load(page)
        assert found in ([peer.get_unique_id()], {"players": [peer.get_unique_id()]})
        if app.startswith("with_fastapi"):
            urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/news?text=soup", method="POST"))
            until(lambda: bool(tree.poll() or len(main.heard) == 2))
            assert main.heard[1] == "soup"
        tree.multiplayer.multiplayer_peer = None
        peer.close()
        process.interrupt()
        assert process.wait() == 0
        assert process.stderr == [] or server == "hypercorn"
