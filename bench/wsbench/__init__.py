"""Measures WebSocket servers and Python client libraries side by side on one machine, in one run (see README.md)."""
