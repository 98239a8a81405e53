"""The Autobahn test suite against gdpeer in both roles; a change of its result is a diff of `expected.json`."""
