"""Godot 3's `MultiplayerAPI` and nodes, and the numbers that its calls use for paths."""
