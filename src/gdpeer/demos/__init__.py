"""Programs that come with the library, to start from an installed copy.

Layer: `demos`, above `websocket`; of gdpeer they use the public names only.
"""
