"""Measurements: gdpeer beside others, in one run."""
