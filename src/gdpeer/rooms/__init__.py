"""Many games on one port: rooms, the places of their players, and the lobby that leads players to rooms.

Layer: below `aio`, above `multiplayer` and `websocket`; nothing below knows of rooms.
"""
