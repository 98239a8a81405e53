"""Godot's high-level multiplayer: peers that packets travel between, nodes, and calls from one side to the other.

Layer: above `websocket`; only `websocket_peer` imports that.
"""
