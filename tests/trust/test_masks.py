"""A2: masking keys cannot be guessed: not from another process, nor from those before."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys

import pytest

from gdpeer.protocol.frames import MaskKeys
from tests.support.figures import record

KEYS = 20_000
PROGRAM = f"""
import random, sys
random.seed(1)  # keys from Python's own generator would be the same in both processes
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


def tempered_back(value: int) -> int:
    """The word of the state of a Mersenne Twister that this output comes from."""
    value ^= value >> 18
    value ^= (value << 15) & 0xEFC60000
    found = value
    for _ in range(7):
        found = value ^ ((found << 7) & 0x9D2C5680)
    value = found
    for _ in range(3):
        found = value ^ (found >> 11)
    return found


def foretold(outputs: list[int]) -> int:
    """How many of the outputs after the first 624 a Mersenne Twister with these outputs would give as well."""
    words = [tempered_back(one) for one in outputs]
    right = 0
    for at in range(len(words) - 624):
        mixed = (words[at] & 0x80000000) | (words[at + 1] & 0x7FFFFFFF)
        right += words[at + 624] == words[at + 397] ^ (mixed >> 1) ^ (0x9908B0DF if mixed & 1 else 0)
    return right


def test_a2_a_mersenne_twister_is_found_out() -> None:
    twister = random.Random()
    assert foretold([twister.getrandbits(32) for _ in range(1000)]) == 1000 - 624


def test_a2_the_next_key_is_not_that_of_a_mersenne_twister() -> None:
    """Python's `random` tells all that it will give to whoever saw 624 of its numbers, however it was seeded."""
    keys = [maker.next() for maker in [MaskKeys()] for _ in range(2000)]
    for order in ("little", "big"):
        assert foretold([int.from_bytes(key, order) for key in keys]) < 4  # type: ignore[arg-type]


def test_a2_keys_are_the_system_s_random_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, each once, and nothing else."""
    given: list[bytes] = []
    fetch = os.urandom

    def urandom(size: int) -> bytes:
        given.append(fetch(size))
        return given[-1]

    monkeypatch.setattr(os, "urandom", urandom)
    maker = MaskKeys()
    keys = b"".join(maker.next() for _ in range(1000))
    assert b"".join(given)[:4000] == keys


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
