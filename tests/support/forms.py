"""The form of gdpeer under test."""

from gdpeer import COMPILED

FORM = "compiled" if COMPILED else "pure"
