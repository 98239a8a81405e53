"""A turn-based game over the high-level multiplayer, for Godot 4, Godot 3, browser and Python players together.

One player hosts and the others join. The player whose turn it is may roll. The game is that of Godot's own multiplayer
demo for WebSocket (port 8080, sub-protocol `ludus`, node `Panel/VBoxContainer/Game`), so its players join unchanged.

Layer: `demos`.
"""

from gdpeer.demos.roll.game import Game, Player
from gdpeer.demos.roll.table import PORT, PROTOCOL, Table, user_name

__all__ = ["PORT", "PROTOCOL", "Game", "Player", "Table", "user_name"]
