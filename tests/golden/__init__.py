"""The golden vectors, with which the unit tests compare gdpeer, and their recording (see README.md)."""
