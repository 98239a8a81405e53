"""Godot 3's multiplayer: its API, its nodes and its keywords.

    from gdpeer import WebSocketServer, godot3

    class Main(godot3.Node):
        score = godot3.puppet.var(0)

        @godot3.master
        def shoot(self, where: Vector2) -> None:
            self.rset("score", self.score + 1)

    tree = godot3.SceneTree()
    server = WebSocketServer()
    server.listen(8910, gd_mp_api=True)
    tree.multiplayer.network_peer = server

Layer: above `multiplayer`. Source: reference godot3-wire section 3.
"""

from gdpeer.multiplayer.godot3.api import MultiplayerAPI, Node, SceneTree
from gdpeer.multiplayer.rpc.godot3_modes import (
    Keyword,
    Mode,
    RemoteVar,
    master,
    mastersync,
    puppet,
    puppetsync,
    remote,
    remotesync,
)

__all__ = [
    "Keyword",
    "Mode",
    "MultiplayerAPI",
    "Node",
    "RemoteVar",
    "SceneTree",
    "master",
    "mastersync",
    "puppet",
    "puppetsync",
    "remote",
    "remotesync",
]
