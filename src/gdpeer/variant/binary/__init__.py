"""Encodes and decodes values as the engine's bytes."""
