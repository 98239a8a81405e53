"""Godot 3's dialect on every backend: a session of `WebSocketClient`, and calls to a server in Python."""

from __future__ import annotations

from typing import Any

from gdpeer import OK, Vector2, WebSocketClient, godot3
from tests.backends.lab import Lab


class Box(godot3.Node):
    """On both sides."""

    score = godot3.puppet.var(0)

    def __init__(self) -> None:
        super().__init__("Box")
        self.found: list[Any] = []

    @godot3.master
    def put(self, value: Any) -> None:
        self.got.rpc_id(self.multiplayer.get_rpc_sender_id(), value)
        self.score += 1
        self.rset("score", self.score)

    @godot3.puppet
    def got(self, value: Any) -> None:
        self.found.append(value)


async def a_session_in_godot_3s_dialect(lab: Lab) -> None:
    client, tree, box = WebSocketClient(), godot3.SceneTree(), Box()
    tree.root.add_child(box)
    told: list[str] = []
    tree.multiplayer.connected_to_server.connect(lambda: told.append("connected"))
    tree.multiplayer.server_disconnected.connect(lambda: told.append("server gone"))
    assert client.connect_to_url(lab.base, gd_mp_api=True) is OK
    tree.multiplayer.network_peer = client
    await lab.until(lambda: told == ["connected"], tree)
    for value in (None, 7, 0.5, "grüß dich", Vector2(1, 2), [1, "two"], {"key": True}):
        box.found.clear()
        assert box.put.rpc_id(1, value) is OK
        await lab.until(lambda: box.found, tree)
        assert box.found == [value]
    await lab.until(lambda: box.score >= 7, tree)
    client.disconnect_from_host()
    await lab.until(lambda: told == ["connected", "server gone"], tree)
