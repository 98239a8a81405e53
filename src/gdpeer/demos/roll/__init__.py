"""A game in turns over the high-level multiplayer: Godot 4, Godot 3 and Python players at one table.

One hosts, others join, also from a web page, and whose turn it is may roll. It is the game of Godot's own multiplayer
demo for WebSocket (port 8080, sub-protocol `ludus`, node `Panel/VBoxContainer/Game`), so that demo's players join
unchanged.

Layer: `demos`.
"""

from gdpeer.demos.roll.game import Game, Player
from gdpeer.demos.roll.table import PORT, PROTOCOL, Table, user_name

__all__ = ["PORT", "PROTOCOL", "Game", "Player", "Table", "user_name"]
