"""Multiplayer sessions over `WebSocketServer` and `WebSocketClient`: peers with ids, and their packets in order."""
