"""Demo programs that are installed with the library: a chat room and a turn-based game.

Layer: `demos`, above `websocket`. The demos use public names of gdpeer only.
"""
