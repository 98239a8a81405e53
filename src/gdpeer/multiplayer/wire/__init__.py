"""Converts packets to bytes and back, one module for each engine. No state, no I/O.

Layer: the lowest of `multiplayer`; imports `variant` and `errors` only.
"""
