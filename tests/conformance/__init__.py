"""Runs the Autobahn test suite against gdpeer in both roles; changed results appear as a diff of `expected.json`."""
