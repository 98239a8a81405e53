"""The multiplayer API of Godot 3."""
