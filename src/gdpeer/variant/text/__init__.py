"""Writes and reads values as the engine's text."""
