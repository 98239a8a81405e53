"""The multiplayer API of Godot 4."""
