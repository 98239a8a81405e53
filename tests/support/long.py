"""The long form of a test, which `make soak` asks for, and the short one of `make test`."""

from __future__ import annotations

import os
from typing import TypeVar

__all__ = ["LONG", "amount"]

Amount = TypeVar("Amount")

LONG = os.environ.get("GDPEER_LONG") == "1"
"""Whether the long forms run."""


def amount(short: Amount, long: Amount) -> Amount:
    """How much of something a test takes."""
    return long if LONG else short
