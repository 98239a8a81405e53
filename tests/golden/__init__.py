"""What the unit tests compare gdpeer with, and its recording (see README.md)."""
