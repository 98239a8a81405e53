"""A2: masking keys cannot be guessed: not from another process, nor from those before."""

from __future__ import annotations

import math
import subprocess
import sys

from tests.support.figures import record

KEYS = 20_000
PROGRAM = f"""
import sys
from gdpeer.protocol.frames import MaskKeys
keys = MaskKeys()
sys.stdout.write("".join(keys.next().hex() for _ in range({KEYS})))
"""
MOST = 10.0
"""Standard deviations that a count of 255 degrees of freedom may lie off: a false alarm in far less than 10^9 runs."""


def keys_of_two_processes() -> list[bytes]:
    started = [subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return [bytes.fromhex(process.communicate(timeout=30)[0]) for process in started]


def deviation(data: bytes) -> float:
    """Of the bytes from an even spread, by chi-square, in standard deviations."""
    expected = len(data) / 256
    found = sum((data.count(value) - expected) ** 2 / expected for value in range(256))
    return (found - 255) / math.sqrt(2 * 255)


def test_a2_keys_of_two_processes_are_unequal_and_uniform() -> None:
    one, two = keys_of_two_processes()
    assert len(one) == len(two) == 4 * KEYS
    keys = [data[at : at + 4] for data in (one, two) for at in range(0, 4 * KEYS, 4)]
    repeats = len(keys) - len(set(keys))
    places = [abs(deviation(bytes(key[place] for key in keys))) for place in range(4)]
    record("A2", keys=len(keys), repeats=repeats, most_deviation=max(places))
    assert repeats < 8  # of 40,000 out of 2^32, 0.19 expected: more by chance once in 10^10 runs
    assert max(places) < MOST
    assert deviation(bytes(a ^ b for a, b in zip(one, two, strict=True))) < MOST
