"""A real-time game for up to 64 players: Godot 4, browsers and Python bots collect coins in one arena.

The server owns the world. It spawns players and coins and moves the players; a player's program sends nothing but the
direction in which the player wants to go. Each player gets only what is near.

Layer: `demos`.
"""

from gdpeer.demos.arena.guest import Guest
from gdpeer.demos.arena.world import PORT, PROTOCOL, Board, Coin, Main, Player, make_tree

__all__ = ["PORT", "PROTOCOL", "Board", "Coin", "Guest", "Main", "Player", "make_tree"]
