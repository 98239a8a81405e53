"""The engine-shaped WebSocket classes.

`WebSocketPeer`, `WebSocketClient`, `WebSocketServer`, and what they are made of.
"""
