"""Packets to bytes and back, one module for each engine; no state, no I/O.

Layer: the lowest of `multiplayer`; imports `variant` and `errors` only.
"""
