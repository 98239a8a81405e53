"""Godot's high-level multiplayer: peers that packets travel between, nodes, and calls from one side to the other.

Layer: above `websocket`; only `websocket_peer` imports that.
"""

# `SceneTree()` makes the API of Godot 4, although `tree` cannot import that module.
from gdpeer.multiplayer.godot4 import scene as scene
