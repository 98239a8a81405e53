"""Benchmarks: gdpeer and other libraries, measured in one run."""
