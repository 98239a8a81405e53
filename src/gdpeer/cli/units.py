"""Parses times, rates and percentages with their units.

Layer: `cli`.
"""

from __future__ import annotations

import re

from gdpeer.cli.options import Parsed, quoted

__all__ = ["PERCENT", "RATE", "STALL", "TIME"]

_NUMBER = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([a-zA-Z%/]*)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0}
_BITS = {"": 1.0, "bit": 1.0, "bps": 1.0, "b": 1.0, "B": 8.0}
_THOUSANDS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}


def split(text: str) -> tuple[float, str]:
    """Splits a text into number and unit; the unit may be "".

    Raises:
        ValueError: the text does not begin with a number.
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise ValueError
    return float(match[1]), match[2]


def duration(text: str) -> float:
    """Returns the seconds of a time such as `80ms`, `2s` or `1.5min`; only 0 needs no unit.

    Raises:
        ValueError: the text is not a time; the message shows how to write a time.
    """
    try:
        number, unit = split(text)
        return number * (_SECONDS[unit.lower()] if number or unit else 0.0)
    except (ValueError, KeyError):
        raise ValueError(f"expected a time such as 80ms, 2s or 1.5min, got {quoted(text)}") from None


def rate(text: str) -> float:
    """Returns the bits per second of a rate such as `256k`, `1.5Mbit` or `32kB`.

    Raises:
        ValueError: the text is not a rate, or the rate is 0; the message shows how to write a rate.
    """
    try:
        number, unit = split(text.removesuffix("/s"))
        prefix = unit[:1] if unit[:1] in _THOUSANDS else ""  # k and K are both 1,000, but b and B differ
        found = number * _THOUSANDS[prefix] * _BITS[unit.removeprefix(prefix)]
    except (ValueError, KeyError):
        found = 0.0
    if not found:
        raise ValueError(f"expected a rate such as 256k (bits a second), 1.5Mbit or 32kB, got {quoted(text)}")
    return found


def part(text: str) -> float:
    """Returns the share, 0 to 1, of a percentage such as `2%`.

    Raises:
        ValueError: the text is not a percentage from 0 to 100; the message shows how to write a percentage.
    """
    try:
        number, unit = split(text)
    except ValueError:
        number, unit = -1.0, ""
    if unit != "%" or not 0 <= number <= 100:
        raise ValueError(f"expected a percentage such as 2%, got {quoted(text)}")
    return number / 100


def stall(text: str) -> tuple[float, float]:
    """Returns the length of a stall and the time from one to the next, in seconds, of a text such as `2s/30s`.

    Raises:
        ValueError: the text is not two times, or the first is not the shorter; the message shows how to write a stall.
    """
    length, _, every = text.partition("/")
    try:
        found = duration(length), duration(every)
    except ValueError:
        found = 0.0, 0.0
    if not 0 < found[0] < found[1]:
        raise ValueError(f"expected a stall such as 2s/30s (2 seconds, every 30), got {quoted(text)}")
    return found


TIME = Parsed("time", duration)
RATE = Parsed("rate", rate)
PERCENT = Parsed("percent", part)
STALL = Parsed("time/time", stall)
