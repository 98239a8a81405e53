"""Bytes in, bytes out, never blocking: TCP, TLS, listening, memory, and the poller that watches them all.

`stream` is the contract; what is above this layer knows that and the `Poller`. Nothing here knows the protocol.
"""
