"""Chooses between the long form of a test, for `make soak`, and the short form of `make test`."""

from __future__ import annotations

import os
from typing import TypeVar

__all__ = ["LONG", "amount"]

Amount = TypeVar("Amount")

LONG = os.environ.get("GDPEER_LONG") == "1"
"""Whether the long forms run."""


def amount(short: Amount, long: Amount) -> Amount:
    """Returns the amount for the form that runs."""
    return long if LONG else short
