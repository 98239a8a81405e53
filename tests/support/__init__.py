"""Shared by the tests: child processes, real engines, certificates, ports, a browser, missing programs."""
