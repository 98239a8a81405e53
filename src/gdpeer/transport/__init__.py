"""Moves bytes without blocking: TCP, TLS, listening, in-memory streams, and the poller that watches them.

`stream` is the contract; the layers above know only the contract and the `Poller`. No module here knows WebSocket.
"""
