"""Connections: what a backend gives to its peer, and the two backends, native and in a browser."""
