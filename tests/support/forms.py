"""Which form of gdpeer is under test."""

from gdpeer import COMPILED

FORM = "compiled" if COMPILED else "pure"
